"""The engine behind a port: what `mistlocate serve` and `mistlocate demo` run."""

import asyncio
import contextlib
import logging
import socket
import ssl
from collections.abc import AsyncIterator, Iterator

import structlog
import uvicorn

from mistlocate.engines.embedded.api.app import make_app
from mistlocate.engines.embedded.config import Loaded
from mistlocate.engines.embedded.connections import CarefulWebSocket, protocol_for
from mistlocate.engines.embedded.engine import Engine
from mistlocate.engines.embedded.tls import server_context, use
from mistlocate.errors import EngineError

# A WebSocket's key stands in its address, a header or the first message; the server writes addresses at INFO, and
# everything that comes and goes at DEBUG. And it writes a line for each request that is none, so that anybody could
# fill the disk.
_NOT_WRITTEN = (
    '"WebSocket %s"',
    "Invalid HTTP request",
    "Unsupported upgrade request",
    "No supported WebSocket library",
)
logging.getLogger("uvicorn.error").addFilter(
    lambda record: record.levelno > logging.DEBUG and not any(each in str(record.msg) for each in _NOT_WRITTEN)
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
async def serving(engine: Engine, host: str, port: int, listener: socket.socket | None = None) -> AsyncIterator[str]:
    """Answer on an address for the length of the block; gives the URL. Port 0 takes any free one. `listener` is what
    listens there already, if it does.

    It speaks HTTPS where the settings have a certificate. Raises `EngineError` if the address cannot be had, or the
    certificate cannot be used.
    """
    context = _tls(engine)
    listener = listening(host, port) if listener is None else listener
    config = uvicorn.Config(
        make_app(engine),
        http=protocol_for(engine.proxies),
        ws=CarefulWebSocket,
        ssl_context_factory=None if context is None else lambda _config, _default: context,
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
        yield f"{'http' if context is None else 'https'}://{name}:{listener.getsockname()[1]}"
    finally:
        engine.on_reload.clear()
        up.cancel()
        server.should_exit = True
        await task


def _tls(engine: Engine) -> ssl.SSLContext | None:
    """What the port speaks besides HTTP. A certificate that was renewed is taken with the settings."""
    log = structlog.get_logger("mistlocate.engine")
    files = engine.loaded.tls
    if files is None:
        context = None
    else:
        try:
            context = server_context(files)
        except ValueError as error:
            raise EngineError(str(error), hint="check tls_certificate and tls_key") from None

    def renew(loaded: Loaded) -> None:
        if context is None or loaded.tls is None:
            if (context is None) is not (loaded.tls is None):
                log.warning("this setting takes effect with the next start", setting="tls_certificate")
            return
        try:
            use(context, loaded.tls)
        except ValueError as error:
            log.error("the certificate is not taken, the one before stays", problem=str(error))

    engine.on_reload.append(renew)
    return context


def listening(host: str, port: int) -> socket.socket:
    """A socket that listens on the address. Raises `EngineError` if it cannot be had."""
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    # Said to be TCP: asyncio else leaves the connections to Nagle's algorithm, and each answer waits for 40 ms.
    listener = socket.socket(family, socket.SOCK_STREAM, socket.IPPROTO_TCP)
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
