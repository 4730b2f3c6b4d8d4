"""JSON texts out of a stream of bytes that has nothing between them. Pure: bytes in, whole texts out."""

import re

from mistlocate.errors import ConnectionLost

#: The longest text taken in; a record has one or two kilobytes.
LONGEST = 32 * 1024 * 1024

_START = re.compile(rb"[{\[]")
_STRUCTURE = re.compile(rb'["{}\[\]]')
_STRING = re.compile(rb'["\\]')


class JsonSplitter:
    """Finds the ends of objects and lists, however the bytes are cut; each byte is looked at once.

    What stands between them is skipped and counted (`skipped`). Only brackets and strings are followed: whether a
    text is JSON is found out by whoever reads it.
    """

    def __init__(self, longest: int = LONGEST) -> None:
        self.skipped = 0
        self._longest = longest
        self._buffer = bytearray()
        self._at = 0
        self._depth = 0
        self._in_string = False

    def feed(self, data: bytes) -> list[bytes]:
        """Take in bytes; return the texts that are complete now. Raises `ConnectionLost` if one does not end."""
        self._buffer += data
        found = []
        while (end := self._next_end()) is not None:
            found.append(bytes(self._buffer[:end]))
            self._drop(end)
        if self._depth and len(self._buffer) > self._longest:
            raise ConnectionLost(f"a message is longer than {self._longest} bytes")
        return found

    def _next_end(self) -> int | None:
        """Where the text that the buffer begins with ends, or None if the bytes are used up before."""
        if self._depth == 0 and not self._find_start():
            return None
        while True:
            pattern = _STRING if self._in_string else _STRUCTURE
            match = pattern.search(self._buffer, self._at)
            if match is None:
                self._at = max(self._at, len(self._buffer))
                return None
            character = match.group()
            self._at = match.end()
            if character == b"\\":
                self._at += 1  # whatever is escaped, it ends no string
            elif character == b'"':
                self._in_string = not self._in_string
            elif character in b"{[":
                self._depth += 1
            else:
                self._depth -= 1
                if self._depth == 0:
                    return self._at

    def _find_start(self) -> bool:
        match = _START.search(self._buffer)
        start = len(self._buffer) if match is None else match.start()
        self.skipped += len(bytes(self._buffer[:start]).strip())
        self._drop(start)
        return match is not None

    def _drop(self, count: int) -> None:
        del self._buffer[:count]
        self._at = 0
