"""The proxy that fails, over real TCP: each fault is what it says."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import pytest

from support.fault_proxy import FaultProxy
from support.waiting import until

Ends = tuple[asyncio.StreamReader, asyncio.StreamWriter]


@asynccontextmanager
async def line() -> AsyncIterator[tuple[FaultProxy, Ends, Ends]]:
    """A proxy, a client that is connected through it, and the server's end of that connection."""
    arrived: asyncio.Queue[Ends] = asyncio.Queue()
    server = await asyncio.start_server(lambda reader, writer: arrived.put_nowait((reader, writer)), "127.0.0.1", 0)
    async with FaultProxy(server.sockets[0].getsockname()[1]) as proxy:
        client = await asyncio.open_connection("127.0.0.1", proxy.port)
        there = await arrived.get()
        await until(lambda: proxy.relays)
        yield proxy, client, there
        for _, writer in (client, there):
            writer.close()
    server.close()


async def test_without_faults_everything_gets_through() -> None:
    async with line() as (_, (reader, writer), (there, answer)):
        writer.write(b"question")
        assert await there.readexactly(8) == b"question"
        answer.write(b"answer" * 50_000)
        assert await reader.readexactly(300_000) == b"answer" * 50_000


async def test_a_cut_is_an_end_for_both() -> None:
    async with line() as (proxy, (reader, _), (there, _)):
        assert proxy.cut() == 1
        assert await reader.read() == b""
        assert await there.read() == b""


async def test_a_reset_is_an_error() -> None:
    async with line() as (proxy, (reader, _), _):
        proxy.reset()
        with pytest.raises(ConnectionResetError):
            await reader.read()


async def test_half_open_swallows_and_keeps_the_connection() -> None:
    async with line() as (proxy, (reader, writer), (_, answer)):
        proxy.hush()
        writer.write(b"12345")
        answer.write(b"123")
        await until(lambda: proxy.relays[0].swallowed == 8)
        answer.close()
        await answer.wait_closed()
        assert len(proxy.relays) == 1
        assert not reader.at_eof()


async def test_a_new_connection_works_beside_one_that_is_half_open() -> None:
    async with line() as (proxy, _, _):
        proxy.hush()
        _, writer = await asyncio.open_connection("127.0.0.1", proxy.port)
        await until(lambda: len(proxy.relays) == 2)
        assert [relay.deaf for relay in proxy.relays] == [True, False]
        writer.close()


async def test_frames_are_cut_in_the_middle() -> None:
    async with line() as (proxy, (reader, _), (_, answer)):
        proxy.cut_within(5)
        answer.write(b"0123456789")
        assert await reader.read() == b"01234"


async def test_pieces_are_small_and_whole_together() -> None:
    async with line() as (proxy, (reader, _), (_, answer)):
        proxy.piece = 3
        answer.write(b"0123456789")
        assert await reader.readexactly(10) == b"0123456789"


async def test_spoilt_bytes_are_no_text() -> None:
    async with line() as (proxy, (reader, _), (_, answer)):
        proxy.garble()
        answer.write(b"0123456789")
        found = await reader.readexactly(10)
        assert found != b"0123456789"
        with pytest.raises(UnicodeDecodeError):
            found.decode()


async def test_a_slow_close_keeps_the_clients_end_open() -> None:
    async with line() as (proxy, (reader, _), (_, answer)):
        proxy.slow_close = 0.2
        answer.write(b"last")
        answer.close()
        assert await reader.readexactly(4) == b"last"
        assert not reader.at_eof()
        assert await reader.read() == b""


async def test_nobody_listens() -> None:
    async with line() as (proxy, _, _):
        proxy.refusing = True
        reader, _ = await asyncio.open_connection("127.0.0.1", proxy.port)
        with pytest.raises(ConnectionResetError):
            await reader.read()
