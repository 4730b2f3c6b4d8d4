"""The simulated cloud as a server: one world, one port for REST and stream, and everything a test may ask of it."""

import asyncio
import socket
from collections.abc import Callable
from contextlib import suppress
from types import TracebackType
from typing import Self

import uvicorn
from starlette.types import ASGIApp, Receive, Scope, Send

from mistlocate.simulator.campus import Campus
from mistlocate.simulator.clock import Clock, SimClock
from mistlocate.simulator.control import Control
from mistlocate.simulator.faults import Faults
from mistlocate.simulator.feed import Feed
from mistlocate.simulator.gate import Gate, RequestLog
from mistlocate.simulator.stage import Stage
from mistlocate.simulator.stream import Hub, Session
from mistlocate.simulator.tenant import Tenant
from mistlocate.simulator.tokens import Tokens
from mistlocate.simulator.upgrade import STREAM_PATH, Upgrade
from mistlocate.simulator.world import World

STEP_SECONDS = 0.5
_RATE_STEP_SECONDS = 0.05
_MOST_STEPS = 40
_STEP_UPDATES = 20_000
_USUAL_SECONDS = 5.0
_GRACE_SECONDS = 0.2


class SimulatorError(Exception):
    """The root of what the simulator raises on its own account."""


class CannotListen(SimulatorError):
    """The address cannot be listened on; most often the port is in use."""

    def __init__(self, host: str, port: int, reason: str) -> None:
        super().__init__(f"cannot listen on {host}:{port}: {reason}")
        self.host, self.port = host, port


class SimulatedCloud:
    """A Mist cloud on a port of this machine, for as long as `async with` holds it.

    `campus`       a `Campus` (options) or a `World` of one's own
    `port`         0 lets the system choose; `url` and `stream_url` tell
    `clock`        `wall()`, `monotonic()` and `async sleep(seconds)`; default real time
    `autorun`      the world moves by the clock and pushes; without, only `advance` and the stage do
    `control`      serve `/simulator/...` too, to callers on this machine
    `queue_limit`  frames that may wait for a slow reader before it is cut off
    `rate_limit`   REST calls per hour and token
    `link_lifetime` simulated seconds that a link to an image is good for
    """

    def __init__(
        self,
        campus: Campus | World | None = None,
        *,
        host: str = "127.0.0.1",
        port: int = 0,
        clock: Clock | None = None,
        autorun: bool = True,
        control: bool = True,
        ssl_certfile: str | None = None,
        ssl_keyfile: str | None = None,
        queue_limit: int = 20_000,
        rate_limit: int = 5000,
        link_lifetime: float = 3600.0,
    ) -> None:
        self.world = campus if isinstance(campus, World) else World(campus)
        self.host, self.port = host, port
        self._clock: Clock = clock or SimClock()
        self._autorun = autorun
        self._scheme = "http" if ssl_certfile is None else "https"
        self._ahead = 0.0
        self._ticked = int(self.world.elapsed)
        self._stopping = asyncio.Event()
        self._runner: asyncio.Task[None] | None = None
        self.requests = RequestLog()
        self.tenant = Tenant(self.world, self.now, link_lifetime=link_lifetime)
        self.tenant.tokens.limit = rate_limit
        self.token = self.tokens.add("read", name="people-finder")
        self.admin_token = self.tokens.add("write", kind="user", name="admin")
        self._hub = Hub(self.faults, self._pause, queue_limit)
        self._feed = Feed(self.tenant.wire, self._hub)
        self.stage = Stage(self.world, self._feed.push, self.now)
        self._gate = Gate(self.tenant, self.requests, self._pause, self._cut)
        self._upgrade = Upgrade(self.tenant, self._hub, self.requests, self._cut)
        self._control = Control(self) if control else None
        self._server = uvicorn.Server(_config(self._answer, ssl_certfile, ssl_keyfile))

    # -- what there is ---------------------------------------------------------------------------

    @property
    def url(self) -> str:
        """Where REST is, e.g. `http://127.0.0.1:40123`."""
        return f"{self._scheme}://{self._authority}"

    @property
    def stream_url(self) -> str:
        """Where the stream is, e.g. `ws://127.0.0.1:40123/api-ws/v1/stream`."""
        return f"{self._scheme.replace('http', 'ws')}://{self._authority}{STREAM_PATH}"

    @property
    def site_id(self) -> str:
        """The main site."""
        return self.world.site.id

    @property
    def org_id(self) -> str:
        """The organisation."""
        return self.world.org_id

    @property
    def foreign_site_id(self) -> str:
        """A site that exists and that no token may see."""
        return self.world.foreign_site_id

    @property
    def faults(self) -> Faults:
        """What can be made to go wrong."""
        return self.tenant.faults

    @property
    def tokens(self) -> Tokens:
        """Who may call."""
        return self.tenant.tokens

    @property
    def sessions(self) -> list[Session]:
        """The open sockets of the stream."""
        return list(self._hub.sessions)

    @property
    def slow_readers(self) -> int:
        """How many sessions were cut off because they did not read."""
        return self._hub.slow_readers

    @property
    def leaked_tokens(self) -> int:
        """How often a token was sent to the object storage, where it does not belong."""
        return self.tenant.links.leaked_tokens

    def now(self) -> float:
        """Simulated Unix time."""
        return max(self._clock.wall() + self._ahead, self.world.now)

    # -- what one can do -------------------------------------------------------------------------

    async def advance(self, seconds: float) -> None:
        """Let the world run so many seconds ahead at once, and push what follows."""
        if self._autorun:
            self._ahead += seconds
        await self._run_to(self.world.elapsed + seconds)

    def rotate(self) -> str:
        """Replace the read-only token: the old one is refused from now on. The new one."""
        self.token = self.tokens.replace(self.token)
        return self.token

    def revoke(self, token: str) -> None:
        """Refuse this token from now on. Open sockets stay open."""
        self.tokens.revoke(token)

    def close_all(self, code: int = 1001, reason: str = "") -> int:
        """Close every socket of the stream with this code; how many there were."""
        return self._hub.close_all(code, reason)

    def abort_all(self) -> int:
        """Cut every socket of the stream without a close frame; how many there were."""
        return self._hub.abort_all()

    def send_raw(self, text: str, channel: str | None = None) -> int:
        """Send any text to all sockets, or to those that listen to a channel; how many got it."""
        return self._hub.send_raw(text, channel)

    # -- life ------------------------------------------------------------------------------------

    async def __aenter__(self) -> Self:
        # Neither serve() nor main_loop(): they take the process's signals, and poll for what we know ourselves.
        self._server.config.load()
        listener = _listen(self.host, self.port)
        self.port = int(listener.getsockname()[1])
        self._server.lifespan = self._server.config.lifespan_class(self._server.config)
        await self._server.startup(sockets=[listener])
        self.world.epoch = self._clock.wall() - self.world.elapsed
        if self._autorun:
            self._runner = asyncio.create_task(self._run(), name="simulated-cloud")
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._stopping.set()
        self.close_all(1001, "going away")
        try:
            if self._runner is not None:
                self._runner.cancel()
                with suppress(asyncio.CancelledError):
                    await self._runner
        finally:
            with suppress(TimeoutError):
                async with asyncio.timeout(_GRACE_SECONDS):
                    await self._hub.empty.wait()
            for connection in list(self._server.server_state.connections):
                connection.transport.abort()
            await self._server.shutdown()

    async def _run(self) -> None:
        """Keep the world in step with the clock."""
        pause = STEP_SECONDS if self.world.campus.rate is None else _RATE_STEP_SECONDS
        while True:
            await self._clock.sleep(pause)
            await self._run_to(self._clock.wall() + self._ahead - self.world.epoch)

    async def _run_to(self, elapsed: float) -> None:
        """Step up to a time of the world, in steps that grow if there is much to catch up with.

        Between two steps others have their turn: who cannot keep up must still hear that it is to end.
        """
        size = max(STEP_SECONDS, min(self._most_at_once(), (elapsed - self.world.elapsed) / _MOST_STEPS))
        while (missing := elapsed - self.world.elapsed) > 0:
            self._feed.push(self.world.step(min(size, missing)))
            await asyncio.sleep(0)
            await self._hub.drain()
        seconds = int(self.world.elapsed) - self._ticked
        self._ticked += seconds
        self._feed.tick(min(seconds, 10))

    # -- inside ----------------------------------------------------------------------------------

    def _most_at_once(self) -> float:
        """Seconds of the world that are about as much work as one step may be."""
        return _STEP_UPDATES / (self.world.campus.rate or max(1, len(self.world.devices)) / _USUAL_SECONDS)

    @property
    def _authority(self) -> str:
        return f"[{self.host}]:{self.port}" if ":" in self.host else f"{self.host}:{self.port}"

    async def _answer(self, scope: Scope, receive: Receive, send: Send) -> None:
        path: str = scope["path"]
        if scope["type"] == "websocket":
            await self._upgrade(scope, receive, send)
        elif self._control is not None and (path == "/" or path.startswith("/simulator")):
            await self._control(scope, receive, send)
        else:
            await self._gate(scope, receive, send)

    async def _pause(self, seconds: float) -> bool:
        """Wait simulated seconds, but not beyond the end of the server; whether they have passed."""
        asleep = asyncio.ensure_future(self._clock.sleep(seconds))
        stopping = asyncio.ensure_future(self._stopping.wait())
        try:
            await asyncio.wait((asleep, stopping), return_when=asyncio.FIRST_COMPLETED)
            return asleep.done()
        finally:
            asleep.cancel()
            stopping.cancel()

    def _cut(self, scope: Scope) -> None:
        """Abort the connection that a scope came in on."""
        for connection in list(self._server.server_state.connections):
            if getattr(connection, "client", None) == scope["client"]:
                connection.transport.abort()


def _config(app: ASGIApp, certificate: str | None, key: str | None) -> uvicorn.Config:
    """Quiet, without pings, compression or headers of its own: what the cloud does not do, this does not do."""
    return uvicorn.Config(
        app,
        interface="asgi3",
        lifespan="off",
        http="h11",
        ws="websockets-sansio",
        log_config=None,
        access_log=False,
        date_header=False,
        server_header=False,
        proxy_headers=False,
        ws_ping_interval=None,
        ws_per_message_deflate=False,
        timeout_graceful_shutdown=1,
        ssl_certfile=certificate,
        ssl_keyfile=key,
    )


def _listen(host: str, port: int) -> socket.socket:
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    try:
        return socket.create_server((host, port), family=family, backlog=512)
    except OSError as error:
        raise CannotListen(host, port, error.strerror or str(error)) from error


async def run(
    campus: Campus | World | None = None,
    host: str = "127.0.0.1",
    port: int = 0,
    *,
    clock: Clock | None = None,
    control: bool = True,
    started: Callable[[SimulatedCloud], None] | None = None,
) -> None:
    """Serve until cancelled; `started` is called once with the cloud that listens. `CannotListen` if it cannot."""
    async with SimulatedCloud(campus, host=host, port=port, clock=clock, control=control) as cloud:
        if started is not None:
            started(cloud)
        await asyncio.Event().wait()
