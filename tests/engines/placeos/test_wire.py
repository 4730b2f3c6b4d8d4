"""Bytes to and from core: a unix socket in this process, standard streams of a process of its own."""

import asyncio
import json
import socket
import struct
import sys
import textwrap
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from pathlib import Path

import pytest

from mistlocate.engines.placeos.framing import FramingError
from mistlocate.engines.placeos.wire import SPARED_ABOVE, Wire
from support.placeos_wire import Splitter, packed
from support.waiting import until

INFO = {"id": "", "cmd": "info", "seq": 0, "payload": "ü"}


@asynccontextmanager
async def pair() -> AsyncIterator[tuple[Wire, socket.socket]]:
    """A wire, and core's end of it."""
    ours, cores = socket.socketpair()
    cores.setblocking(False)
    wire = Wire(*await asyncio.open_unix_connection(sock=ours))
    try:
        yield wire, cores
    finally:
        cores.close()
        await wire.close()
        with suppress(ConnectionError):
            await wire._writer.wait_closed()


async def received(cores: socket.socket, count: int) -> list[bytes]:
    """The next texts that core reads."""
    splitter, texts = Splitter(), list[bytes]()
    while len(texts) < count:
        data = await asyncio.get_running_loop().sock_recv(cores, 1 << 20)
        assert data
        texts += splitter.feed(data)
    assert splitter.junk == []
    return texts


@pytest.mark.parametrize("size", [*range(1, len(packed(INFO))), 1000])
async def test_frames_come_whole_wherever_they_are_cut(size: int) -> None:
    data = packed(INFO) + packed({"id": "m", "cmd": "stop"})
    async with pair() as (wire, cores):
        frames = wire.frames()
        first = asyncio.ensure_future(anext(frames))
        for at in range(0, len(data), size):
            await asyncio.get_running_loop().sock_sendall(cores, data[at : at + size])
            await asyncio.sleep(0)
        assert json.loads(await first) == INFO
        assert json.loads(await anext(frames)) == {"id": "m", "cmd": "stop"}
        cores.shutdown(socket.SHUT_WR)
        assert [each async for each in frames] == []


async def test_half_a_frame_at_the_end_is_none() -> None:
    async with pair() as (wire, cores):
        cores.send(packed(INFO) + packed(INFO)[:-1])
        cores.shutdown(socket.SHUT_WR)
        assert [json.loads(each) async for each in wire.frames()] == [INFO]


async def test_a_length_that_cannot_be_one_is_told_after_the_frames_before_it() -> None:
    async with pair() as (wire, cores):
        cores.send(packed(INFO) + struct.pack("<i", -5) + packed(INFO))
        frames = wire.frames()
        assert json.loads(await anext(frames)) == INFO
        with pytest.raises(FramingError):
            await anext(frames)


async def test_a_connection_that_breaks_is_the_end() -> None:
    async with pair() as (wire, cores):
        reading = asyncio.ensure_future(anext(wire.frames(), None))
        wire.ready()
        await until(lambda: wire._writer.transport.get_write_buffer_size() == 0)
        cores.close()  # with a byte unread: the other side sees a reset
        assert await reading is None
        for _ in range(3):
            await wire.send(b"{}")
        wire.post(b"{}")


async def test_the_ready_byte_is_bare_and_frames_follow() -> None:
    async with pair() as (wire, cores):
        wire.ready()
        await wire.send(b'{"a":1}')
        wire.post(b"{}")
        await until(lambda: wire._writer.transport.get_write_buffer_size() == 0)
        assert cores.recv(100) == b'r\x00\x02{"a":1}\x00\x03\x00\x02{}\x00\x03'


async def test_frames_do_not_mix_however_many_send_at_once() -> None:
    texts = [json.dumps({"n": number, "text": "x" * 50_000}).encode() for number in range(40)]
    async with pair() as (wire, cores):
        sending = [asyncio.create_task(wire.send(text)) for text in texts]
        assert await received(cores, len(texts)) == texts
        await asyncio.gather(*sending)


async def test_what_can_be_spared_is_dropped_while_core_reads_slowly_and_nothing_else() -> None:
    big = b'"' + b"x" * SPARED_ABOVE + b'"'
    async with pair() as (wire, cores):
        wire.post(b'"first"')
        sending = [asyncio.create_task(wire.send(big)), asyncio.create_task(wire.send(b'"last"'))]
        await until(lambda: wire._writer.transport.get_write_buffer_size() > 0)
        wire.post(big)  # there is little in front of it yet
        for _ in range(100):
            wire.post(b'"spared"')
        assert wire.dropped == 100
        assert not sending[1].done()
        assert await received(cores, 4) == [b'"first"', big, big, b'"last"']
        await asyncio.gather(*sending)
        wire.post(b'"again"')
        assert await received(cores, 1) == [b'"again"']


async def test_what_was_written_goes_out_before_the_connection_closes() -> None:
    big = b'"' + b"x" * 1_000_000 + b'"'
    async with pair() as (wire, cores):
        wire.post(big)
        closing = asyncio.create_task(wire.close())
        for _ in range(20):
            await asyncio.sleep(0)
        assert not closing.done()
        assert await received(cores, 1) == [big]
        await closing
        assert await asyncio.get_running_loop().sock_recv(cores, 1) == b""


async def test_who_does_not_read_is_not_waited_for_long() -> None:
    async with pair() as (wire, _):
        wire.post(b"x" * 1_000_000)
        await asyncio.wait_for(wire.close(), 2)


async def test_a_socket_that_is_not_there_is_an_os_error(tmp_path: Path) -> None:
    with pytest.raises(OSError, match="No such file"):
        await Wire.to_socket(str(tmp_path / "none"))


ECHO = """
    import asyncio, os, sys
    from mistlocate.engines.placeos.wire import Wire

    async def main():
        wire = await Wire.to_standard_streams()
        wire.ready()
        print("to standard output")
        print("to standard error", file=sys.stderr, flush=True)
        os.write(2, b"to its descriptor")
        async for text in wire.frames():
            await wire.send(text)
        await wire.close()

    asyncio.run(main())
"""


async def test_standard_input_and_error_will_do_and_nothing_else_gets_between() -> None:
    pipe = asyncio.subprocess.PIPE
    process = await asyncio.create_subprocess_exec(
        sys.executable, "-c", textwrap.dedent(ECHO), stdin=pipe, stdout=pipe, stderr=pipe
    )
    out, err = await asyncio.wait_for(process.communicate(packed(INFO) + packed({"id": "x" * 100_000})), 30)
    assert process.returncode == 0
    assert err[:1] == b"r"
    splitter = Splitter()
    assert [json.loads(text) for text in splitter.feed(err[1:])] == [INFO, {"id": "x" * 100_000}]
    assert splitter.junk == []
    assert sorted(out.replace(b"descriptor", b"descriptor\n").splitlines()) == [
        b"to its descriptor",
        b"to standard error",
        b"to standard output",
    ]
