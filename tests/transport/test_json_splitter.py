import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mistlocate.errors import ConnectionLost
from mistlocate.transport.json_splitter import JsonSplitter

scalars = st.none() | st.booleans() | st.floats(allow_nan=False, allow_infinity=False) | st.text()
values = st.recursive(scalars, lambda inner: st.lists(inner) | st.dictionaries(st.text(), inner), max_leaves=20)
documents = st.lists(values) | st.dictionaries(st.text(), values)


@given(
    st.lists(documents, max_size=5), st.integers(1, 50), st.sampled_from([None, 2]), st.sampled_from(["", " ", "\r\n"])
)
def test_texts_come_out_whole_however_the_bytes_are_cut(
    given_texts: list[Any], size: int, indent: int | None, between: str
) -> None:
    data = between.join(json.dumps(each, indent=indent, ensure_ascii=False) for each in given_texts).encode()
    splitter = JsonSplitter()
    found = [text for at in range(0, len(data), size) for text in splitter.feed(data[at : at + size])]
    assert [json.loads(text) for text in found] == given_texts
    assert splitter.skipped == 0


@given(st.binary(max_size=300), st.integers(1, 20))
def test_rubbish_raises_nothing_and_the_same_comes_out_however_it_is_cut(data: bytes, size: int) -> None:
    whole, cut = JsonSplitter(), JsonSplitter()
    pieces = [text for at in range(0, len(data), size) for text in cut.feed(data[at : at + size])]
    assert pieces == whole.feed(data)


def test_what_stands_between_is_skipped_and_counted() -> None:
    splitter = JsonSplitter()
    assert splitter.feed(b'hello\n} "x" {"a": 1}') == [b'{"a": 1}']
    assert splitter.feed(b"]]\r\n[2]") == [b"[2]"]
    assert splitter.skipped == len('hello\n} "x"') + 2


def test_brackets_and_quotes_in_strings_end_nothing() -> None:
    text = b'{"a": "}]{[\\"}", "b\\\\": ["\\u007d"]}'
    assert JsonSplitter().feed(text + text) == [text, text]


def test_a_text_that_never_ends_is_given_up() -> None:
    splitter = JsonSplitter(longest=100)
    assert splitter.feed(b"x" * 1000) == []
    assert splitter.feed(b'{"a": "' + b"y" * 90) == []
    with pytest.raises(ConnectionLost, match="longer than 100 bytes"):
        splitter.feed(b"y" * 90)
