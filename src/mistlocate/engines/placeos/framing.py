"""The framing of the socket to core, which differs by direction. Pure: bytes in, frames out.

Towards the driver: a little-endian `int32` length and as many bytes of JSON. From the driver: `00 02`, JSON, `00 03`;
JSON never holds a raw NUL, so that these delimiters are unambiguous. (`src/placeos-driver/protocol.cr` of PlaceOS'
driver library.)
"""

import struct
from collections.abc import Iterator

#: The length is in native byte order, and every machine that PlaceOS runs on is little-endian.
_LENGTH = struct.Struct("<i")

#: No limit is agreed on; whatever is longer than this is a sender that lost its place.
LONGEST = 256 * 1024 * 1024

_START, _END = b"\x00\x02", b"\x00\x03"


class FramingError(Exception):
    """The stream makes no sense any more: a length that cannot be one. There is no way back to the next frame."""


class FrameReader:
    """Frames towards the driver, however the bytes are cut."""

    def __init__(self) -> None:
        self._buffer = bytearray()

    def feed(self, data: bytes) -> Iterator[bytes]:
        """Take in bytes; give the frames that are complete now. Raises `FramingError` where no frame can follow."""
        buffer = self._buffer
        buffer += data
        at = 0
        while len(buffer) - at >= _LENGTH.size:
            (length,) = _LENGTH.unpack_from(buffer, at)
            if not 0 <= length <= LONGEST:
                raise FramingError(f"a frame of {length} bytes is announced")
            start = at + _LENGTH.size
            if len(buffer) - start < length:
                break
            at = start + length
            yield bytes(buffer[start:at])
        del buffer[:at]


def frame(text: bytes) -> bytes:
    """A frame from the driver, to be written in one piece."""
    return _START + text + _END
