"""What a picture is, by its first bytes: its type and its size, without unpacking any of it. Pure.

What the cloud says of the type is too general, and browsers that show a picture unpack it first: one of a few
kilobytes may have a thousand million pixels.
"""

import struct
from typing import NamedTuple

#: The largest plan that is shown (pixels): as bitmaps these are 400 MB.
PIXELS_AT_MOST = 100_000_000


class Picture(NamedTuple):
    """Type, and width and height in pixels."""

    media_type: str
    width: int
    height: int


def picture_of(body: bytes) -> Picture | None:
    """What a body shows; None for what is no picture, or one that can do more than be looked at (SVG is a program)."""
    for begins, media_type, size in _KINDS:
        if body.startswith(begins):
            try:
                found = size(body)
            except (struct.error, IndexError):
                return None
            return None if found is None else Picture(media_type, *found)
    return None


def is_too_large(picture: Picture) -> bool:
    """Whether it would take a browser's memory."""
    return picture.width * picture.height > PIXELS_AT_MOST


def _png(body: bytes) -> tuple[int, int] | None:
    kind, width, height = struct.unpack_from(">4sII", body, 12)
    return (width, height) if kind == b"IHDR" else None


def _gif(body: bytes) -> tuple[int, int] | None:
    width, height = struct.unpack_from("<HH", body, 6)
    return width, height


def _jpeg(body: bytes) -> tuple[int, int] | None:
    """From segment to segment until the one that begins a frame."""
    at = 2
    while body[at] == 0xFF:
        marker = body[at + 1]
        if marker == 0xFF:  # padding
            at += 1
        elif marker == 0x01 or 0xD0 <= marker <= 0xD8:  # alone
            at += 2
        elif 0xC0 <= marker <= 0xCF and marker not in (0xC4, 0xC8, 0xCC):
            height, width = struct.unpack_from(">HH", body, at + 5)
            return width, height
        else:
            (length,) = struct.unpack_from(">H", body, at + 2)
            at += 2 + max(length, 2)
    return None


def _webp(body: bytes) -> tuple[int, int] | None:
    kind = body[8:16]
    if kind == b"WEBPVP8X":
        return 1 + int.from_bytes(_exactly(body, 24, 3), "little"), 1 + int.from_bytes(_exactly(body, 27, 3), "little")
    if kind == b"WEBPVP8L":
        (bits,) = struct.unpack_from("<I", body, 21)
        return 1 + (bits & 0x3FFF), 1 + (bits >> 14 & 0x3FFF)
    if kind == b"WEBPVP8 ":
        width, height = struct.unpack_from("<HH", body, 26)
        return width & 0x3FFF, height & 0x3FFF
    return None


def _exactly(body: bytes, at: int, count: int) -> bytes:
    found = body[at : at + count]
    if len(found) < count:
        raise IndexError(at)
    return found


_KINDS = (
    (b"\x89PNG\r\n\x1a\n", "image/png", _png),
    (b"\xff\xd8\xff", "image/jpeg", _jpeg),
    (b"GIF87a", "image/gif", _gif),
    (b"GIF89a", "image/gif", _gif),
    (b"RIFF", "image/webp", _webp),
)
