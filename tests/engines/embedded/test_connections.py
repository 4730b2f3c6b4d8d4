"""Clients that take their time, or too many connections: what they get, and that others do not notice."""

import asyncio
import socket
from collections.abc import AsyncIterator, Callable
from contextlib import AbstractAsyncContextManager, AsyncExitStack, asynccontextmanager

import httpx
import pytest
from uvicorn.protocols.utils import ClientDisconnected
from websockets.asyncio.client import connect

from mistlocate import jsontext
from mistlocate.engines.embedded import connections
from mistlocate.engines.embedded.access import hash_key
from mistlocate.engines.embedded.api import checks
from mistlocate.engines.embedded.engine import Engine
from mistlocate.engines.embedded.outgoing import Outgoing, ending
from mistlocate.engines.embedded.server import serving
from support.api import BASE
from support.waiting import until

Running = Callable[..., AbstractAsyncContextManager[Engine]]
Connection = tuple[asyncio.StreamReader, asyncio.StreamWriter]


@asynccontextmanager
async def raw(url: str) -> AsyncIterator[Connection]:
    host, _, port = url.removeprefix("http://").rpartition(":")
    reader, writer = await asyncio.open_connection(host, int(port))
    try:
        yield reader, writer
    finally:
        writer.transport.abort()


async def health(url: str) -> int:
    async with httpx.AsyncClient(trust_env=False) as http:
        return (await http.get(f"{url}/health")).status_code


async def ended(connection: Connection, drip: bytes = b"") -> bytes:
    """What comes until the other side closes, while one byte after the other is sent."""
    reader, writer = connection
    got = asyncio.create_task(reader.read())
    async with asyncio.timeout(20):
        while not got.done():
            if drip:
                writer.write(drip)
            await asyncio.wait({got}, timeout=0.05)
    return b"" if got.exception() else got.result()


@pytest.mark.parametrize(
    ("begun", "drip"),
    [
        (b"", b""),
        (b"GET /health HTT", b""),
        (b"GET /health HTTP/1.1\r\nHost: 127.0.0.1\r\nX: ", b"x"),
        (b"GET /health HTTP/1.1\r\nHost: 127.0.0.1\r\n\r\nGET /", b"x"),
        (b"GET /health HTTP/1.1\r\nHost: 127.0.0.1\r\nContent-Length: 100000\r\n\r\n", b"x"),
    ],
    ids=["nothing", "a beginning", "a head without end", "another after the first", "a body that nobody wants"],
)
async def test_what_does_not_come_is_not_waited_for(
    running: Running, monkeypatch: pytest.MonkeyPatch, begun: bytes, drip: bytes
) -> None:
    monkeypatch.setattr(connections, "HEAD_WITHIN", 0.3)
    async with running() as engine, serving(engine, "127.0.0.1", 0) as url, raw(url) as connection:
        connection[1].write(begun)
        await ended(connection, drip)
        assert await health(url) == 200


async def test_a_body_that_does_not_come(running: Running, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(checks, "BODY_WITHIN", 0.3)
    async with running() as engine, serving(engine, "127.0.0.1", 0) as url, raw(url) as connection:
        head = f"POST {BASE}/systems/sys/Probe_1/echo HTTP/1.1\r\nHost: 127.0.0.1\r\nContent-Length: 10000\r\n\r\n["
        connection[1].write(head.encode())
        answer = await ended(connection)  # what is sent after the end would take the answer with it
        assert answer.startswith(b"HTTP/1.1 408 ")
        assert b"did not come in time" in answer
        assert b"content-security-policy" in answer.lower()


async def test_an_answer_that_nobody_reads(running: Running, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(connections, "READ_WITHIN", 0.3)
    protocols: list[connections.CarefulProtocol] = []
    made = connections.CarefulProtocol.connection_made

    def remember(self: connections.CarefulProtocol, transport: asyncio.Transport) -> None:
        protocols.append(self)
        made(self, transport)

    monkeypatch.setattr(connections.CarefulProtocol, "connection_made", remember)
    async with running() as engine, serving(engine, "127.0.0.1", 0) as url:
        engine.board.set("mod-sys-Probe-1", "k", "x" * 50_000_000)
        async with raw(url) as (reader, writer):
            reader._transport.pause_reading()  # type: ignore[attr-defined]
            writer.write(f"GET {BASE}/systems/sys/Probe_1/k HTTP/1.1\r\nHost: 127.0.0.1\r\n\r\n".encode())
            await until(lambda: protocols and protocols[0].flow.write_paused)
            await until(lambda: protocols[0] not in protocols[0].connections)
            assert await health(url) == 200


async def test_an_idle_connection_is_kept_for_a_while_and_a_working_one_as_long_as_it_works(
    running: Running, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(connections, "HEAD_WITHIN", 0.3)
    client = httpx.AsyncClient(trust_env=False)
    async with running() as engine, serving(engine, "127.0.0.1", 0) as url, client as http:
        release = asyncio.Event()

        async def slow(*_: object) -> str:
            await release.wait()
            return "late"

        monkeypatch.setattr(engine.hosts["mod-sys-Probe-1"], "execute", slow)
        answer = asyncio.create_task(http.post(f"{url}{BASE}/systems/sys/Probe_1/echo", json=["x"]))
        loop = asyncio.get_running_loop()
        end = loop.time() + 1.0
        await until(lambda: loop.time() > end)
        release.set()
        assert (await answer).json() == "late"
        assert (await http.get(f"{url}/health")).status_code == 200


class TestTooMany:
    async def test_one_address_may_hold_so_many(self, running: Running, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr(connections, "CONNECTIONS_OF_ONE", 3)
        monkeypatch.setattr(connections, "is_loopback", lambda address: False)
        async with running() as engine, serving(engine, "127.0.0.1", 0) as url:
            async with raw(url), raw(url), raw(url) as third:
                third[1].write(b"GET /health HTTP/1.1\r\nHost: 127.0.0.1\r\n\r\n")
                assert (await third[0].readline()).startswith(b"HTTP/1.1 200")
                async with raw(url) as fourth:
                    answer = await ended(fourth)
                    assert answer.startswith(b"HTTP/1.1 503 ")
                    assert b"content-security-policy" in answer
            await until(lambda: _answers(url))

    async def test_all_together_so_many(self, running: Running, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr(connections, "CONNECTIONS_AT_MOST", 2)
        async with running() as engine, serving(engine, "127.0.0.1", 0) as url, raw(url), raw(url) as second:
            second[1].write(b"GET /health HTTP/1.1\r\nHost: 127.0.0.1\r\n\r\n")
            assert (await second[0].readline()).startswith(b"HTTP/1.1 200")
            async with raw(url) as third:
                assert b" 503 " in await ended(third)

    async def test_connections_of_this_machine_may_be_those_of_many(
        self, running: Running, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr(connections, "CONNECTIONS_OF_ONE", 1)
        async with running() as engine, serving(engine, "127.0.0.1", 0) as url, raw(url), raw(url):
            assert await health(url) == 200

    async def test_a_trusted_proxy_holds_those_of_many(self, running: Running, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr(connections, "CONNECTIONS_OF_ONE", 1)
        monkeypatch.setattr(connections, "is_loopback", lambda address: False)
        keys = [{"name": "panel", "level": "user", "hash": hash_key("x")}]
        behind = running(trusted_proxies=["127.0.0.1"], api_keys=keys)
        async with behind as engine, serving(engine, "127.0.0.1", 0) as url, raw(url), raw(url):
            assert await health(url) == 200


async def _answers(url: str) -> bool:
    return await health(url) == 200


@pytest.mark.parametrize(
    "request_",
    [b"\0\0\0\0\r\n\r\n", b"GET / HTTP/x\r\n\r\n", b"GET /\xff HTTP/1.1\r\nA b: c\r\n\r\n", b"GET / HTTP/1.1\r\n\r\n"],
)
async def test_what_is_no_http_is_told_so_carefully(
    running: Running, request_: bytes, caplog: pytest.LogCaptureFixture
) -> None:
    async with running() as engine, serving(engine, "127.0.0.1", 0) as url, raw(url) as connection:
        connection[1].write(request_)
        answer = await ended(connection)
        assert answer.startswith(b"HTTP/1.1 400 ")
        assert b"content-security-policy: default-src 'none'" in answer
        assert b"x-content-type-options: nosniff" in answer
    assert "Invalid HTTP" not in caplog.text, "whoever likes could fill the log"


async def test_answers_do_not_wait_for_acknowledgements_of_their_heads(
    running: Running, monkeypatch: pytest.MonkeyPatch
) -> None:
    options = []
    made = connections.CarefulProtocol.connection_made

    def look(self: connections.CarefulProtocol, transport: asyncio.Transport) -> None:
        options.append(transport.get_extra_info("socket").getsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY))
        made(self, transport)

    monkeypatch.setattr(connections.CarefulProtocol, "connection_made", look)
    async with running() as engine, serving(engine, "127.0.0.1", 0) as url:
        assert await health(url) == 200
    assert options == [1]


@pytest.mark.parametrize(
    ("header", "status"),
    [
        ("Origin: http://elsewhere.example\r\nSec-WebSocket-Version: 13", b"403"),
        ("Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: short", b"400"),
        ("Sec-WebSocket-Version: 7", b"400"),
    ],
)
async def test_a_handshake_that_is_refused_is_refused_carefully(running: Running, header: str, status: bytes) -> None:
    key = "" if "Key" in header else "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n"
    head = f"GET {BASE}/systems/control HTTP/1.1\r\nHost: 127.0.0.1\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
    async with running() as engine, serving(engine, "127.0.0.1", 0) as url, raw(url) as connection:
        connection[1].write(f"{head}{key}{header}\r\n\r\n".encode())
        answer = (await ended(connection)).lower()
        assert answer.split()[1] == status, answer
        for name in (b"content-security-policy", b"x-content-type-options", b"cache-control", b"content-type"):
            assert answer.count(name + b":") == 1, name


class TestWhatManyFollow:
    async def test_nobody_gets_a_copy(self, running: Running, monkeypatch: pytest.MonkeyPatch) -> None:
        written = []
        made = connections.CarefulWebSocket.connection_made

        def look(self: connections.CarefulWebSocket, transport: asyncio.Transport) -> None:
            write = transport.write

            def noted(data: bytes | memoryview) -> None:
                written.append(data)
                write(data)

            transport.write = noted  # type: ignore[method-assign]
            made(self, transport)

        monkeypatch.setattr(connections.CarefulWebSocket, "connection_made", look)
        async with running() as engine, serving(engine, "127.0.0.1", 0) as url, AsyncExitStack() as stack:
            sockets = [await stack.enter_async_context(connect(control(url), proxy=None)) for _ in range(3)]
            for number, socket in enumerate(sockets):
                await socket.send(binding(number))
                assert jsontext.loads(await socket.recv())["type"] == "success"
            written.clear()
            engine.board.set("mod-sys-Probe-1", "k", ["é" * 100_000])
            for number, socket in enumerate(sockets):
                told = jsontext.loads(await socket.recv())
                assert (told["id"], told["type"], told["value"]) == (number, "notify", ["é" * 100_000])
            news = engine.board.get("mod-sys-Probe-1", "k")
        assert news is not None
        shared = [each for each in written if isinstance(each, memoryview)]
        assert len(shared) == 3
        assert all(each.obj is news.ending for each in shared)

    async def test_who_goes_is_sent_nothing_more(self, running: Running, monkeypatch: pytest.MonkeyPatch) -> None:
        protocols: list[connections.CarefulWebSocket] = []
        made = connections.CarefulWebSocket.connection_made

        def look(self: connections.CarefulWebSocket, transport: asyncio.Transport) -> None:
            protocols.append(self)
            made(self, transport)

        monkeypatch.setattr(connections.CarefulWebSocket, "connection_made", look)
        message = {"type": "websocket.send", "text": Outgoing(b'{"value":', ending(b"1}"))}
        async with running() as engine, serving(engine, "127.0.0.1", 0) as url:
            async with connect(control(url), proxy=None) as going, connect(control(url), proxy=None) as refused:
                for protocol, client in zip(protocols, (going, refused), strict=True):
                    await protocol.send(message)
                    assert await client.recv() == '{"value":1}'
                protocols[1].conn.fail(1002)
                with pytest.raises(ClientDisconnected):
                    await protocols[1].send(message)
            await until(lambda: protocols[0].disconnected)
            with pytest.raises(ClientDisconnected):
                await protocols[0].send(message)


def control(url: str) -> str:
    return f"ws{url.removeprefix('http')}{BASE}/systems/control"


def binding(number: int) -> str:
    return f'{{"id": {number}, "sys": "sys", "mod": "Probe", "cmd": "bind", "name": "k"}}'
