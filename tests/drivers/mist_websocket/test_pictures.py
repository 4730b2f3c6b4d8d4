import io

import pytest
from PIL import Image

from mistlocate.drivers.mist_websocket.pictures import PIXELS_AT_MOST, Picture, is_too_large, picture_of


def drawn(form: str, size: tuple[int, int] = (70, 50), **options: object) -> bytes:
    out = io.BytesIO()
    Image.new("RGB", size, "white").save(out, form, **options)
    return out.getvalue()


@pytest.mark.parametrize(
    ("form", "media_type", "options"),
    [
        ("PNG", "image/png", {}),
        ("JPEG", "image/jpeg", {}),
        ("JPEG", "image/jpeg", {"progressive": True, "comment": b"x" * 300}),
        ("GIF", "image/gif", {}),
        ("WEBP", "image/webp", {}),
        ("WEBP", "image/webp", {"lossless": True}),
        ("WEBP", "image/webp", {"exif": b"Exif\0\0x"}),
    ],
    ids=str,
)
def test_type_and_size(form: str, media_type: str, options: dict[str, object]) -> None:
    body = drawn(form, **options)
    assert picture_of(body) == Picture(media_type, 70, 50)
    for length in range(60):
        cut = picture_of(body[:length])
        assert cut is None or cut == Picture(media_type, 70, 50)


@pytest.mark.parametrize(
    "body",
    [
        b"", b"<svg xmlns='http://www.w3.org/2000/svg'/>", b"<html>", b"%PDF-1.7", b"RIFF....WAVEfmt ", b"\x89PNG\r\n\x1a\n",
        b"\x89PNG\r\n\x1a\n\0\0\0\rJUNK\0\0\0\x10\0\0\0\x10", b"\xff\xd8\xff\xe0", b"\xff\xd8\xff\xff" + b"\xff" * 90,
        b"\xff\xd8\xff\xe0\0\0", b"RIFF....WEBPVP8?" + b"\0" * 40, b"BM" + b"\0" * 60,
    ],
)  # fmt: skip
def test_what_is_none(body: bytes) -> None:
    assert picture_of(body) is None


def test_one_that_would_take_a_browsers_memory() -> None:
    body = bytearray(drawn("PNG"))
    body[16:24] = (100_000).to_bytes(4, "big") * 2
    bomb = picture_of(bytes(body))
    assert bomb is not None
    assert is_too_large(bomb)
    assert not is_too_large(Picture("image/png", PIXELS_AT_MOST, 1))
