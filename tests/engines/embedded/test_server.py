import asyncio
import socket
from collections.abc import Callable
from contextlib import AbstractAsyncContextManager

import httpx
import pytest
from websockets.asyncio.client import connect
from websockets.exceptions import ConnectionClosed

from mistlocate.engines.embedded.engine import Engine
from mistlocate.engines.embedded.server import serving
from mistlocate.errors import EngineError

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
