"""Frames in both directions, however the bytes come."""

import struct

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mistlocate.engines.placeos.framing import LONGEST, FrameReader, FramingError, frame
from support.placeos_wire import Splitter

STOP = b'{"id":"mod-1","cmd":"stop"}'


def packed(*texts: bytes) -> bytes:
    return b"".join(struct.pack("<i", len(text)) + text for text in texts)


def test_the_frame_of_the_description_is_read() -> None:
    data = bytes.fromhex("1b 00 00 00") + STOP
    assert data == packed(STOP)
    assert list(FrameReader().feed(data)) == [STOP]


def test_the_frame_of_the_description_is_written() -> None:
    text = b'{"id":"","cmd":"result","seq":7,"payload":"[\\"mod-1\\"]"}'
    assert frame(text) == b"\x00\x02" + text + b"\x00\x03"


@given(st.lists(st.binary(max_size=300), max_size=8), st.integers(1, 50))
def test_frames_come_out_whole_however_the_bytes_are_cut(texts: list[bytes], size: int) -> None:
    data = packed(*texts)
    reader = FrameReader()
    assert [each for at in range(0, len(data), size) for each in reader.feed(data[at : at + size])] == texts


def test_a_frame_comes_with_its_last_byte_and_not_before() -> None:
    reader = FrameReader()
    for byte in packed(STOP)[:-1]:
        assert list(reader.feed(bytes([byte]))) == []
    assert list(reader.feed(packed(STOP)[-1:] + packed(b""))) == [STOP, b""]


@pytest.mark.parametrize("length", [-1, -4, -(2**31), LONGEST + 1, 2**31 - 1])
def test_a_length_that_cannot_be_one_is_an_error(length: int) -> None:
    with pytest.raises(FramingError, match=str(length)):
        list(FrameReader().feed(struct.pack("<i", length)))


def test_what_came_before_a_length_that_cannot_be_one_still_counts() -> None:
    frames = FrameReader().feed(packed(STOP) + b"\xff\xff\xff\xff")
    assert next(iter(frames)) == STOP
    with pytest.raises(FramingError):
        list(frames)


@given(st.lists(st.binary(max_size=50).filter(lambda text: b"\x00" not in text), max_size=5), st.integers(1, 9))
def test_core_reads_what_is_written(texts: list[bytes], size: int) -> None:
    data = b"".join(frame(text) for text in texts)
    splitter = Splitter()
    assert [each for at in range(0, len(data), size) for each in splitter.feed(data[at : at + size])] == texts
    assert splitter.junk == []
