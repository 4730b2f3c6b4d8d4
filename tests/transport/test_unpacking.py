import gzip
import zlib

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mistlocate.errors import ConnectionLost
from mistlocate.transport.unpacking import Unpacker


def unpack(data: bytes, encoding: str | None, at_most: int = 10_000, size: int = 7) -> bytes:
    body = Unpacker(encoding, at_most)
    for start in range(0, len(data), size):
        body.feed(data[start : start + size])
    return body.whole()


@given(st.binary(max_size=2000), st.integers(1, 500))
def test_what_was_packed_comes_out_however_it_is_cut(data: bytes, size: int) -> None:
    assert unpack(gzip.compress(data, mtime=0), "gzip", size=size) == data
    assert unpack(data, None, size=size) == unpack(data, "identity", size=size) == data


@pytest.mark.parametrize("encoding", ["gzip", None])
def test_no_more_than_is_wanted(encoding: str | None) -> None:
    for length, fits in ((1000, True), (1001, False)):
        data = b"x" * length
        packed = gzip.compress(data, mtime=0) if encoding else data
        if fits:
            assert unpack(packed, encoding, at_most=1000) == data
        else:
            with pytest.raises(ConnectionLost, match="larger than 1000 bytes"):
                unpack(packed, encoding, at_most=1000)


def test_a_bomb_is_not_unpacked_to_be_measured(monkeypatch: pytest.MonkeyPatch) -> None:
    bomb = gzip.compress(b"\0" * 50_000_000, mtime=0)
    longest = 0
    real = zlib.decompressobj

    class Watched:
        def __init__(self, bits: int) -> None:
            self._inner = real(bits)

        def decompress(self, data: bytes, limit: int) -> bytes:
            nonlocal longest
            found = self._inner.decompress(data, limit)
            longest = max(longest, len(found))
            return found

    monkeypatch.setattr(zlib, "decompressobj", Watched)
    with pytest.raises(ConnectionLost, match="larger"):
        unpack(bomb, "gzip", at_most=1000, size=len(bomb))
    assert longest == 1001


@pytest.mark.parametrize("encoding", ["gzip, gzip", "gzip,gzip", "deflate", "br", "zstd", "x"])
def test_only_what_was_asked_for(encoding: str) -> None:
    with pytest.raises(ConnectionLost, match="not asked for"):
        Unpacker(encoding, 1000)


@pytest.mark.parametrize("data", [b"no gzip at all", gzip.compress(b"x" * 100, mtime=0)[:-12]], ids=["none", "cut"])
def test_what_is_broken(data: bytes) -> None:
    with pytest.raises(ConnectionLost, match=r"cannot be unpacked|before it was whole"):
        unpack(data, "gzip")
