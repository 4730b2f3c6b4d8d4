"""The normal form of a whole MAC. It is on its own because the records of who asked for whom need it, too."""

import re

_MAC = re.compile(r"[0-9a-f]{12}")
_SEPARATORS = re.compile(r"[:.\-\s]")


def whole_mac(text: str) -> str | None:
    """A MAC as 12 lower-case hex digits, or None if the text is not exactly one."""
    bare = _SEPARATORS.sub("", text.strip().lower().removeprefix("0x"))
    return bare if _MAC.fullmatch(bare) else None
