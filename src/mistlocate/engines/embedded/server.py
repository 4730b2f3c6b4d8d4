"""The engine behind a port: what `mistlocate serve` and `mistlocate demo` run."""

import asyncio
import contextlib
import logging
import socket
from collections.abc import AsyncIterator, Iterator

import uvicorn

from mistlocate.engines.embedded.api.app import make_app
from mistlocate.engines.embedded.engine import Engine
from mistlocate.errors import EngineError

# A WebSocket's key stands in its address, a header or the first message; the server writes addresses at INFO, and
# everything that comes and goes at DEBUG.
logging.getLogger("uvicorn.error").addFilter(
    lambda record: record.levelno > logging.DEBUG and '"WebSocket %s"' not in str(record.msg)
)

#: How long open requests may take when the engine ends (seconds).
GRACE = 2


class _Server(uvicorn.Server):
    """Leaves signals to the program that runs it, and says when it is up."""

    def __init__(self, config: uvicorn.Config) -> None:
        super().__init__(config)
        self.up = asyncio.Event()

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        await super().startup(sockets)
        self.up.set()

    @contextlib.contextmanager
    def capture_signals(self) -> Iterator[None]:
        yield


@contextlib.asynccontextmanager
async def serving(engine: Engine, host: str, port: int) -> AsyncIterator[str]:
    """Answer on an address for the length of the block; gives the URL. Port 0 takes any free one.

    Raises `EngineError` if the address cannot be had.
    """
    listener = _listen(host, port)
    config = uvicorn.Config(
        make_app(engine),
        log_config=None,
        access_log=False,
        lifespan="off",
        proxy_headers=False,
        server_header=False,
        ws_max_size=1024 * 1024,
        ws_per_message_deflate=False,  # it would compress each status once for every viewer
        timeout_graceful_shutdown=GRACE,
    )
    server = _Server(config)
    task = asyncio.create_task(server.serve(sockets=[listener]))
    up = asyncio.create_task(server.up.wait())
    try:
        await asyncio.wait({task, up}, return_when=asyncio.FIRST_COMPLETED)
        name = f"[{host}]" if ":" in host else host
        yield f"http://{name}:{listener.getsockname()[1]}"
    finally:
        up.cancel()
        server.should_exit = True
        await task


def _listen(host: str, port: int) -> socket.socket:
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    listener = socket.socket(family, socket.SOCK_STREAM)
    listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    try:
        listener.bind((host, port))
    except OSError as error:
        listener.close()
        raise EngineError(
            f"cannot listen on {host}:{port}: {error.strerror or error}", hint="choose another port or address"
        ) from None
    listener.listen(128)
    return listener
