"""The WebSocket client against real servers on this machine."""

import asyncio
import http
import logging
import ssl
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager

import pytest
import trustme
from websockets.asyncio.server import Request, Response, ServerConnection, serve

from mistlocate.errors import CannotConnect, ConnectionLost, HandshakeRefused, TimedOut
from mistlocate.transport import websocket
from mistlocate.transport.options import TransportOptions
from mistlocate.transport.websocket import open_websocket
from support.servers import raw_server

Handler = Callable[[ServerConnection], Awaitable[None]]
DIRECT = TransportOptions(proxy="", connect_timeout=2)


async def echo(connection: ServerConnection) -> None:
    async for message in connection:
        await connection.send(message)


@asynccontextmanager
async def server(handler: Handler = echo, **options: object) -> AsyncIterator[str]:
    async with serve(handler, "127.0.0.1", 0, **options) as listening:  # type: ignore[arg-type]
        scheme = "wss" if options.get("ssl") else "ws"
        yield f"{scheme}://127.0.0.1:{listening.sockets[0].getsockname()[1]}/api-ws/v1/stream"


def answer(status: int, **headers: str) -> Callable[[ServerConnection, Request], Response]:
    def respond(connection: ServerConnection, request: Request) -> Response:
        response = connection.respond(http.HTTPStatus(status), "no")
        for name, value in headers.items():
            response.headers[name.replace("_", "-")] = value
        return response

    return respond


async def test_texts_go_out_and_come_in() -> None:
    async with server() as url, open_websocket(url, {}, DIRECT) as link:
        await link.send("hallo")
        assert await link.receive() == b"hallo"


@pytest.mark.parametrize("value", ["secret\n", "secret\r\nX-Other: 1", "secret\0", "s\u20accret"])
async def test_a_header_that_cannot_be_sent_is_named_without_its_value(value: str) -> None:
    async with server() as url:
        with pytest.raises(CannotConnect, match="X-Key") as refused:
            async with open_websocket(url, {"X-Key": value}, DIRECT):
                pytest.fail("there is no connection")
    assert "cret" not in str(refused.value)


async def test_a_frame_that_is_no_text_is_a_line_that_spoils_what_it_carries() -> None:
    async def spoilt(connection: ServerConnection) -> None:
        for message in ("plain", "Zo\u00eb".encode(), b'{"mac": "00005e005301\xa2}', b"never believed"):
            await connection.send(message, text=True)
        await connection.wait_closed()

    async with server(spoilt) as url, open_websocket(url, {}, DIRECT) as link:
        assert [await link.receive(), await link.receive()] == [b"plain", "Zo\u00eb".encode()]
        with pytest.raises(ConnectionLost, match="no text") as lost:
            await link.receive()
        assert lost.value.code == 1007


async def test_the_credential_travels_in_the_header() -> None:
    seen: list[str | None] = []

    async def note(connection: ServerConnection) -> None:
        assert connection.request is not None
        seen.append(connection.request.headers.get("Authorization"))
        seen.append(connection.request.path)

    async with server(note) as url, open_websocket(url, {"Authorization": "Token sesame"}, DIRECT) as link:
        with pytest.raises(ConnectionLost):
            await link.receive()
    assert seen == ["Token sesame", "/api-ws/v1/stream"]


@pytest.mark.parametrize("code", [1000, 1001, 1008, 1011, 1013, 4000])
async def test_the_end_carries_its_code(code: int) -> None:
    async def leave(connection: ServerConnection) -> None:
        await connection.close(code)

    async with server(leave) as url, open_websocket(url, {}, DIRECT) as link:
        with pytest.raises(ConnectionLost) as raised:
            await link.receive()
        assert raised.value.code == code
        with pytest.raises(ConnectionLost):
            await link.send("too late")


async def test_an_end_without_goodbye_is_1006() -> None:
    async def vanish(connection: ServerConnection) -> None:
        connection.transport.abort()

    async with server(vanish) as url, open_websocket(url, {}, DIRECT) as link:
        with pytest.raises(ConnectionLost) as raised:
            await link.receive()
        assert raised.value.code == 1006


@pytest.mark.parametrize(
    ("status", "headers", "retry_after"),
    [
        (401, {}, None),
        (403, {}, None),
        (429, {"Retry_After": "30"}, 30.0),
        (429, {"Retry_After": "soon"}, None),
        (503, {}, None),
        (429, {"Retry-After": "nan"}, None),
        (429, {"Retry-After": "inf"}, 3600.0),
        (429, {"Retry-After": "-5"}, None),
    ],
)
async def test_a_refused_upgrade_tells_its_status(
    status: int, headers: dict[str, str], retry_after: float | None
) -> None:
    async with server(process_request=answer(status, **headers)) as url:
        with pytest.raises(HandshakeRefused) as raised:
            async with open_websocket(url, {}, DIRECT):
                pass
    assert (raised.value.status, raised.value.retry_after) == (status, retry_after)


async def test_redirects_are_not_followed() -> None:
    reached = asyncio.Event()

    async def other(connection: ServerConnection) -> None:
        reached.set()

    async with server(other) as elsewhere, server(process_request=answer(302, Location=elsewhere)) as url:
        with pytest.raises(HandshakeRefused) as raised:
            async with open_websocket(url, {"Authorization": "Token sesame"}, DIRECT):
                pass
    assert raised.value.status == 302
    assert not reached.is_set()


async def test_nobody_listens() -> None:
    async with server() as url:
        pass
    with pytest.raises(CannotConnect, match=r"127\.0\.0\.1"):
        async with open_websocket(url, {}, DIRECT):
            pass


async def test_nobody_answers() -> None:
    async def silent(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.read()
        writer.close()

    async with raw_server(silent) as port:
        url = f"ws://127.0.0.1:{port}/"
        with pytest.raises(TimedOut):
            async with open_websocket(url, {}, TransportOptions(proxy="", connect_timeout=0.1)):
                pass


@pytest.mark.parametrize("garbage", [b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nhi", b"SSH-2.0-x\r\n\r\n"])
async def test_it_is_no_websocket_server(garbage: bytes) -> None:
    async def talk(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.readuntil(b"\r\n\r\n")
        writer.write(garbage)
        await writer.drain()
        writer.close()

    async with raw_server(talk) as port:
        url = f"ws://127.0.0.1:{port}/"
        with pytest.raises((CannotConnect, HandshakeRefused)):
            async with open_websocket(url, {}, DIRECT):
                pass


async def test_what_is_no_address() -> None:
    with pytest.raises(CannotConnect):
        async with open_websocket("http://127.0.0.1/", {}, DIRECT):
            pass


async def test_a_peer_that_went_silent_is_noticed(monkeypatch: pytest.MonkeyPatch) -> None:
    """The server stops reading, as after a pulled cable: no goodbye, no pong."""
    monkeypatch.setattr(websocket, "PING_EVERY", 0.05)
    monkeypatch.setattr(websocket, "PONG_WITHIN", 0.05)

    noticed = asyncio.Event()

    async def freeze(connection: ServerConnection) -> None:
        connection.transport.pause_reading()
        await noticed.wait()
        connection.transport.abort()

    async with server(freeze) as url, open_websocket(url, {}, DIRECT) as link:
        with pytest.raises(ConnectionLost):
            await link.receive()
        noticed.set()


class TestAsleep:
    """The clock jumps, as it does for a program that was stopped."""

    @pytest.fixture
    def sleep(self, monkeypatch: pytest.MonkeyPatch) -> Callable[[float], None]:
        monkeypatch.setattr(websocket, "TICK", 0.01)
        now = websocket._now
        return lambda seconds: monkeypatch.setattr(websocket, "_now", lambda: now() + seconds)

    async def test_what_waits_in_the_connection_is_not_handed_out(self, sleep: Callable[[float], None]) -> None:
        async with server() as url, open_websocket(url, {}, DIRECT) as link:
            await link.send("before")
            assert await link.receive() == b"before"
            await link.send("meanwhile")
            sleep(60)
            await asyncio.sleep(0.05)
            with pytest.raises(ConnectionLost, match="did not run for 60 s"):
                await link.receive()

    async def test_a_stream_that_says_nothing_ends_all_the_same(self, sleep: Callable[[float], None]) -> None:
        async with server() as url, open_websocket(url, {}, DIRECT) as link:
            reading = asyncio.create_task(link.receive())
            await asyncio.sleep(0.05)
            sleep(60)
            with pytest.raises(ConnectionLost, match="suspended"):
                await asyncio.wait_for(reading, 5)

    async def test_a_hiccup_at_the_end_of_a_tick_ends_nothing(self, monkeypatch: pytest.MonkeyPatch) -> None:
        now = websocket._now
        async with server() as url, open_websocket(url, {}, DIRECT) as link:
            await link.send("before")
            monkeypatch.setattr(websocket, "_now", lambda: now() + websocket.TICK + 4.0)
            assert await link.receive() == b"before"

    async def test_a_hiccup_ends_nothing(self, sleep: Callable[[float], None]) -> None:
        async with server() as url, open_websocket(url, {}, DIRECT) as link:
            await link.send("before")
            sleep(3)
            await asyncio.sleep(0.05)
            assert await link.receive() == b"before"


def test_half_open_connections_are_noticed_within_45_seconds() -> None:
    assert websocket.PING_EVERY + websocket.PONG_WITHIN <= 45


async def test_a_message_of_ten_megabytes_is_taken() -> None:
    async def talk(connection: ServerConnection) -> None:
        await connection.send("x" * 10_000_000)

    async with server(talk, compression=None) as url, open_websocket(url, {}, DIRECT) as link:
        assert len(await link.receive()) == 10_000_000


async def test_certificates_are_verified() -> None:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    trustme.CA().issue_cert("127.0.0.1").configure_cert(context)
    async with server(ssl=context) as url:
        with pytest.raises(CannotConnect):
            async with open_websocket(url, {}, DIRECT):
                pass
        async with open_websocket(url, {}, TransportOptions(proxy="", verify=False)) as link:
            await link.send("hallo")
            assert await link.receive() == b"hallo"


async def test_a_proxy_is_asked_for_a_tunnel() -> None:
    asked: list[bytes] = []

    async def proxy(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        asked.append(await reader.readuntil(b"\r\n\r\n"))
        writer.write(b"HTTP/1.1 403 Forbidden\r\nContent-Length: 0\r\n\r\n")
        await writer.drain()
        writer.close()

    async with raw_server(proxy) as port:
        address = f"http://127.0.0.1:{port}"
        with pytest.raises((CannotConnect, HandshakeRefused)):
            async with open_websocket("wss://mist.example/x", {}, TransportOptions(proxy=address)):
                pass
    assert asked[0].startswith(b"CONNECT mist.example:443 ")


async def test_the_token_is_never_logged(caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.DEBUG)
    for name in ("websockets", "websockets.client", "mistlocate.transport.websocket.wire"):
        logging.getLogger(name)
        caplog.set_level(logging.DEBUG, logger=name)
    async with server(logger=logging.getLogger("test.server")) as url:
        logging.getLogger("test.server").disabled = True
        async with open_websocket(url, {"Authorization": "Token sesame-open"}, DIRECT) as link:
            await link.send("hallo")
            await link.receive()
    assert "sesame-open" not in caplog.text
