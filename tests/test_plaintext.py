import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mistlocate.plaintext import visible, visible_json


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("Alice Ünïcode 李 שלום", "Alice Ünïcode 李 שלום"),
        ("a\x1b[2Jb", "a\\x1b[2Jb"),
        ("a\x9b31mb", "a\\x9b31mb"),
        ("\x07\x7f\r", "\\x07\\x7f\\x0d"),
        ("ecila\u202e", "ecila\\u202e"),
        ("a\u2066b\u2069\u200f", "a\\u2066b\\u2069\\u200f"),
        ("a\u2028b", "a\\u2028b"),
        ("a\tb\nc", "a\tb\nc"),
    ],
)
def test_what_acts_becomes_visible(text: str, shown: str) -> None:
    assert visible(text) == shown


def test_on_one_line() -> None:
    assert visible("a\tb\nc", lines=False) == "a\\x09b\\x0ac"


@given(st.text())
def test_json_stays_the_same_json(text: str) -> None:
    shown = visible_json(json.dumps(text, ensure_ascii=False))
    assert json.loads(shown) == text
    assert visible(shown, lines=False) == shown
