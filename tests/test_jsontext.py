"""JSON as others write it: odd numbers and halves of characters cost nothing but themselves."""

from typing import Any

import pytest

from mistlocate import jsontext


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ('{"a": 1}', {"a": 1}),
        ('[NaN, Infinity, -Infinity, 1.5, "NaN"]', [None, None, None, 1.5, "NaN"]),
        (r'{"hostname": "x\ud83d", "ok": "\ud83d\ude00"}', {"hostname": "x\ufffd", "ok": "\U0001f600"}),
        (r'{"\ud83d": ["\udc00"], "n": null}', {"\ufffd": ["\ufffd"], "n": None}),
        ('"tab\\t"', "tab\t"),
    ],
)
def test_what_is_read_can_be_written(text: str, value: Any) -> None:
    assert jsontext.loads(text) == value
    assert jsontext.loads(jsontext.dumps(jsontext.loads(text))) == value


@pytest.mark.parametrize("text", ["", "{", "nul", "[" * 100_000, b"\xff\xfe"])
def test_what_is_no_json(text: str | bytes) -> None:
    with pytest.raises(ValueError):  # noqa: PT011
        jsontext.loads(text)


def test_what_can_be_read_only() -> None:
    deep: list[object] = []
    for _ in range(300):
        deep = [deep]
    assert not jsontext.can_be_written({"a": deep})
    assert not jsontext.can_be_written([2**64])
    assert jsontext.can_be_written({"a": [1, None, "x"]})
