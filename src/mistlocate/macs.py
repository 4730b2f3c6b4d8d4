"""The normal form of a whole MAC. It is on its own because the records of who asked for whom need it, too."""

import re

_MAC = re.compile(r"(?:\s*0x)?[:.\-\s]*(?:[0-9a-f][:.\-\s]*){12}", re.IGNORECASE)
_SEPARATORS = re.compile(r"[:.\-\s]")


def bare(text: str) -> str:
    """A text without what may stand between the digits of a MAC."""
    return _SEPARATORS.sub("", text)


def whole_mac(text: str) -> str | None:
    """A MAC as 12 lower-case hex digits, or None if the text is not exactly one."""
    if _MAC.fullmatch(text) is None:
        return None
    return bare(text.strip().lower().removeprefix("0x"))
