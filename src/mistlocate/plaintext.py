"""Texts of unknown origin for people: what would act on a terminal or turn a line around becomes visible instead."""

import re

#: Controls of terminals (C0 without tab and newline, DEL, C1), separators of lines that are none in a file, and what
#: changes the direction of the text that follows (an `exe.gpj` that reads as a picture, a name that reads as another).
_BIDI = "\u061c\u200e\u200f\u202a-\u202e\u2066-\u2069"
_ACTING = re.compile(f"[\x00-\x08\x0b-\x1f\x7f-\x9f\u2028\u2029{_BIDI}]")
_ACTING_IN_LINE = re.compile(f"[\x00-\x1f\x7f-\x9f\u2028\u2029{_BIDI}]")
_ABOVE_ASCII = re.compile(f"[\x7f-\x9f\u2028\u2029{_BIDI}]")


def visible(text: str, *, lines: bool = True) -> str:
    """The text with such characters written out as `\\x1b` or `\\u202e`; without `lines` newlines and tabs, too."""
    return (_ACTING if lines else _ACTING_IN_LINE).sub(_written, text)


def visible_json(text: str) -> str:
    """The same JSON with such characters as escapes of JSON; those of ASCII are escaped in it already."""
    return _ABOVE_ASCII.sub(lambda found: f"\\u{ord(found.group()):04x}", text)


def _written(found: re.Match[str]) -> str:
    code = ord(found.group())
    return f"\\x{code:02x}" if code < 0x100 else f"\\u{code:04x}"
