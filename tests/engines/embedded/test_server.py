import asyncio
import logging
import socket
from collections.abc import Callable
from contextlib import AbstractAsyncContextManager

import httpx
import pytest
from websockets.asyncio.client import connect
from websockets.exceptions import ConnectionClosed

from mistlocate.engines.embedded.access import hash_key
from mistlocate.engines.embedded.engine import Engine
from mistlocate.engines.embedded.server import listening, serving
from mistlocate.errors import EngineError
from support.waiting import until

Running = Callable[..., AbstractAsyncContextManager[Engine]]


async def test_a_port_that_is_taken_is_said_so(running: Running) -> None:
    with socket.socket() as other:
        other.bind(("127.0.0.1", 0))
        other.listen()
        port = other.getsockname()[1]
        async with running() as engine:
            with pytest.raises(EngineError, match=f"cannot listen on 127.0.0.1:{port}"):
                async with serving(engine, "127.0.0.1", port):
                    pass


async def test_ipv6(running: Running) -> None:
    async with running() as engine, serving(engine, "::1", 0) as url, httpx.AsyncClient(trust_env=False) as http:
        assert url.startswith("http://[::1]:")
        assert (await http.get(f"{url}/health")).status_code == 200


async def test_it_ends_soon_with_sockets_open(running: Running) -> None:
    async with running() as engine:
        loop = asyncio.get_running_loop()
        async with serving(engine, "127.0.0.1", 0) as url:
            address = f"ws{url.removeprefix('http')}/api/engine/v2/systems/control"
            connection = await connect(address, proxy=None)
            began = loop.time()
        assert loop.time() - began < 5
        with pytest.raises(ConnectionClosed):
            await connection.recv()


async def test_no_key_is_logged_however_it_comes(running: Running, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.DEBUG)
    keys = {"api_keys": [{"name": "panel", "level": "user", "hash": hash_key("sesame")}]}
    async with running(**keys) as engine, serving(engine, "127.0.0.1", 0) as url:
        address = f"ws{url.removeprefix('http')}/api/engine/v2/systems/control"
        client_side = logging.getLogger("test.client")
        client_side.setLevel(logging.WARNING)
        async with connect(f"{address}?api-key=sesame", proxy=None, logger=client_side) as one:
            await one.send("ping")
            assert await one.recv() == "pong"
        async with connect(address, proxy=None, logger=client_side, additional_headers={"X-API-Key": "sesame"}) as two:
            await two.send("ping")
            assert await two.recv() == "pong"
        async with connect(address, proxy=None, logger=client_side) as three:
            await three.send('{"api_key": "sesame"}')
            assert "success" in str(await three.recv())
        async with httpx.AsyncClient(trust_env=False) as http:
            found = await http.get(f"{url}/api/engine/v2/self", headers={"X-API-Key": "sesame"})
            assert found.status_code == 200
    assert "sesame" not in caplog.text


async def test_what_is_sent_in_small_pieces_does_not_wait() -> None:
    """Without this option the body of an answer waits until the client has confirmed the head, which takes 40 ms."""
    sockets: list[socket.socket] = []

    class Taking(asyncio.Protocol):
        def connection_made(self, transport: asyncio.BaseTransport) -> None:
            sockets.append(transport.get_extra_info("socket"))

    server = await asyncio.get_running_loop().create_server(Taking, sock=listening("127.0.0.1", 0))
    async with server:
        _, writer = await asyncio.open_connection(*server.sockets[0].getsockname())
        await until(lambda: sockets)
        assert sockets[0].getsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY)
        writer.close()
