"""The ways out that a module's role allows, against real servers."""

import asyncio
import ssl
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import pytest
import trustme
from websockets.asyncio.server import ServerConnection, serve
from websockets.datastructures import Headers

from mistlocate.engines.placeos.links import ModelLinks
from mistlocate.engines.placeos.messages import ROLE_HTTP, ROLE_TCP, ROLE_WEBSOCKET, Model
from mistlocate.errors import CannotConnect
from mistlocate.transport.options import TransportOptions
from support.servers import raw_server

DIRECT = TransportOptions(proxy="", connect_timeout=2)


@asynccontextmanager
async def stream(seen: list[Headers]) -> AsyncIterator[str]:
    """A WebSocket server that notes the headers of each handshake and says hello."""

    async def talk(connection: ServerConnection) -> None:
        assert connection.request is not None
        seen.append(connection.request.headers)
        await connection.send("hello")
        await connection.wait_closed()

    async with serve(talk, "127.0.0.1", 0) as listening:
        yield f"ws://127.0.0.1:{listening.sockets[0].getsockname()[1]}/stream"


async def hello(_: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    writer.write(b'{"hello":1}')
    await writer.drain()


async def test_a_stream_is_a_websocket_and_headers_of_the_settings_outrank_the_drivers() -> None:
    seen: list[Headers] = []
    own = {"authorization": "Token mine", "X-More": "a, b"}
    links = ModelLinks(Model(ROLE_WEBSOCKET), lambda: own)
    async with stream(seen) as url:
        async with links.open_stream(url, {"Authorization": "Token theirs", "X-Kept": "1"}, DIRECT) as link:
            assert await link.receive() == b"hello"
        own.clear()
        async with links.open_stream(url, {"Authorization": "Token theirs"}, DIRECT) as link:
            assert await link.receive() == b"hello"
    assert seen[0].get_all("Authorization") == ["Token mine"]
    assert (seen[0]["X-More"], seen[0]["X-Kept"]) == ("a, b", "1")
    assert seen[1].get_all("Authorization") == ["Token theirs"]


@pytest.mark.parametrize("role", [ROLE_HTTP, ROLE_WEBSOCKET])
async def test_every_role_but_tcp_asks_the_address_that_the_driver_gives(role: int) -> None:
    seen: list[Headers] = []
    async with stream(seen) as url, raw_server(hello) as port:
        links = ModelLinks(Model(role, ip="127.0.0.1", port=port, uri="http://elsewhere"), dict)
        assert links.uri == "http://elsewhere"
        async with links.open_stream(url, {}, DIRECT) as link:
            assert await link.receive() == b"hello"


async def test_with_role_one_a_stream_is_the_bare_connection_of_the_model() -> None:
    async with raw_server(hello) as port:
        links = ModelLinks(Model(ROLE_TCP, ip="127.0.0.1", port=port), dict)
        async with links.open_stream("ws://127.0.0.1:1/stream", {}, DIRECT) as link:
            assert await link.receive() == b'{"hello":1}'


async def test_a_bare_connection_may_be_secured() -> None:
    ca = trustme.CA()
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    ca.issue_cert("127.0.0.1").configure_cert(context)
    async with raw_server(hello, context) as port:
        links = ModelLinks(Model(ROLE_TCP, ip="127.0.0.1", port=port, tls=True), dict)
        trusting = TransportOptions(proxy="", ca_certificates=ca.cert_pem.bytes().decode())
        async with links.open_tcp(trusting) as link:
            assert await link.receive() == b'{"hello":1}'
        with pytest.raises(CannotConnect):
            async with links.open_tcp(DIRECT):
                pass


@pytest.mark.parametrize("model", [Model(ROLE_TCP), Model(ROLE_TCP, ip="127.0.0.1"), Model(ROLE_TCP, port=9)])
async def test_a_model_without_an_address_cannot_be_connected_to(model: Model) -> None:
    with pytest.raises(CannotConnect):
        async with ModelLinks(model, dict).open_tcp(DIRECT):
            pass


async def test_rest_goes_where_the_driver_says() -> None:
    async def talk(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        head = await reader.readuntil(b"\r\n\r\n")
        assert head.startswith(b"GET /api ")
        writer.write(b"HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\n[]")
        await writer.drain()

    async with raw_server(talk) as port:
        http = ModelLinks(Model(ROLE_TCP), dict).http(DIRECT)
        answer = await http.get(f"http://127.0.0.1:{port}/api", {})
        await http.aclose()
    assert (answer.status, answer.body) == (200, b"[]")
