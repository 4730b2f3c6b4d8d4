"""Bodies of HTTP answers as they were before they were packed for the way, and no more of them than is wanted.

A kilobyte can unpack to a megabyte, and packed twice to a gigabyte: nothing is unpacked further than its limit, and
nothing is packed in more than the one form that was asked for.
"""

import zlib

from mistlocate.errors import ConnectionLost

#: What requests say that they can read.
ACCEPTED = "gzip"

_GZIP = 16 + zlib.MAX_WBITS


class Unpacker:
    """Collects a body of at most `at_most` bytes. Both methods raise `ConnectionLost` for what is larger or broken."""

    def __init__(self, encoding: str | None, at_most: int) -> None:
        encoding = (encoding or "").strip().lower()
        if encoding not in ("", "identity", "gzip", "x-gzip"):
            raise ConnectionLost("the answer is packed in a form that was not asked for")
        self._packed = zlib.decompressobj(_GZIP) if "gzip" in encoding else None
        self._at_most = at_most
        self._chunks: list[bytes] = []
        self._size = 0

    def feed(self, data: bytes) -> None:
        """Take in what arrived."""
        if self._packed is not None:
            try:
                data = self._packed.decompress(data, self._at_most - self._size + 1)
            except zlib.error:
                raise ConnectionLost("the answer cannot be unpacked") from None
        self._size += len(data)
        if self._size > self._at_most:
            raise ConnectionLost(f"the answer is larger than {self._at_most} bytes")
        self._chunks.append(data)

    def whole(self) -> bytes:
        """The body, after all of it arrived."""
        if self._packed is not None and self._size and not self._packed.eof:
            raise ConnectionLost("the answer ended before it was whole")
        return b"".join(self._chunks)
