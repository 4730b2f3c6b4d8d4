"""The pair in an engine, against a simulated cloud, over real sockets, in virtual time.

Everything is in one process and one loop: what one end has written is there for the other to read at once, so time may
jump to the next thing that is due as soon as nothing can be read. Hours pass in seconds, always in the same way.
"""

import asyncio
import errno
import selectors
import socket
import sqlite3
import threading
from collections.abc import AsyncIterator, Callable, Coroutine
from contextlib import asynccontextmanager, suppress
from itertools import count
from pathlib import Path
from typing import Any, TypeVar
from unittest.mock import patch

from mistlocate.engines.embedded import store
from mistlocate.engines.embedded.config import load
from mistlocate.engines.embedded.engine import Engine
from mistlocate.simulator import Campus, SimulatedCloud
from support.fault_proxy import FaultProxy
from support.said import Said
from support.site import Site, settings
from support.virtual import VirtualClock, VirtualLoop

Found = TypeVar("Found")

#: Employees with devices and keys of every kind, and a guest: of each that is told in its own way there is somebody.
MIXED = Campus(seed=7, people=7, floors=2)


class _Selector(selectors.DefaultSelector):
    """Moves the loop's time on where nothing can be read or written."""

    loop: "SocketLoop"

    def select(self, timeout: float | None = None) -> list[tuple[selectors.SelectorKey, int]]:
        ready = super().select(0 if timeout is not None else 0.01)
        if not ready and timeout:
            self.loop.now += timeout
        return ready


class SocketLoop(VirtualLoop):
    """A virtual loop for programs with sockets.

    A connection to a server of the same loop is a pair of connected sockets: TCP, even to this machine, takes a while,
    and time would jump meanwhile. What would be done in a thread is done at once.
    """

    def __init__(self) -> None:
        self.now = 0.0
        selector = _Selector()
        asyncio.SelectorEventLoop.__init__(self, selector)
        selector.loop = self
        self.errors: list[str] = []
        """What went wrong in tasks and callbacks that nobody waits for."""
        self.set_exception_handler(lambda _, context: self.errors.append(_told(context)))
        self._servers: dict[int, tuple[asyncio.Server, Callable[[], Any]]] = {}
        self._ports = count(50_000)

    async def create_server(self, protocol_factory: Any, *args: Any, **options: Any) -> asyncio.Server:  # type: ignore[override]
        server = await super().create_server(protocol_factory, *args, **options)
        self._servers[server.sockets[0].getsockname()[1]] = server, protocol_factory
        return server

    async def create_connection(  # type: ignore[override]
        self, protocol_factory: Callable[[], Any], host: Any = None, port: Any = None, **options: Any
    ) -> tuple[Any, Any]:
        server, accept = self._servers.get(int(port or 0), (None, None))
        if server is None or accept is None or not server.is_serving():
            return await super().create_connection(protocol_factory, host, port, **options)
        ours, theirs = socket.socketpair()
        name = ("127.0.0.1", next(self._ports))
        there = self._end(theirs, accept(), name)
        protocol = protocol_factory()
        here = self._end(ours, protocol, ("127.0.0.1", port))
        for one, other in ((here, there), (there, here)):
            one.get_extra_info("socket").peer = other
        await asyncio.sleep(0)
        return here, protocol

    def _end(self, sock: socket.socket, protocol: Any, peer: tuple[str, int]) -> Any:
        sock.setblocking(False)
        transport = self._make_socket_transport(sock, protocol)  # type: ignore[attr-defined]
        transport._extra["socket"] = _PretendedTcp(self, peer)
        transport._extra["peername"] = peer
        return transport

    def run_in_executor(self, executor: Any, func: Callable[..., Any], *args: Any) -> "asyncio.Future[Any]":  # type: ignore[override]
        done = self.create_future()
        try:
            done.set_result(func(*args))
        except Exception as error:
            done.set_exception(error)
        return done


class _PretendedTcp:
    """What programs ask of a TCP socket. To set it to linger for no time is to reset it, as its users do."""

    family = socket.AF_INET
    type = socket.SOCK_STREAM
    proto = socket.IPPROTO_TCP

    def __init__(self, loop: SocketLoop, peer: tuple[str, int]) -> None:
        self.peer: Any = None
        self._loop = loop
        self._name = peer

    def getpeername(self) -> tuple[str, int]:
        return self._name

    def getsockname(self) -> tuple[str, int]:
        return ("127.0.0.1", 0)

    def setsockopt(self, level: int, option: int, value: Any) -> None:
        if option == socket.SO_LINGER:
            self._loop.call_soon(self.peer._force_close, ConnectionResetError(errno.ECONNRESET, "reset by peer"))

    def getsockopt(self, *args: Any) -> int:
        return 0

    def fileno(self) -> int:
        return -1


def _told(context: dict[str, Any]) -> str:
    return f"{context.get('message')}: {context.get('exception')!r}"


class SteppedClock(VirtualClock):
    """Virtual time that can be stepped: `step` is what the wall clock was set forward by, `slept` how long the machine
    was suspended: both readings have gone on meanwhile, and nothing ran."""

    def __init__(self) -> None:
        super().__init__()
        self.slept = 0.0

    def monotonic(self) -> float:
        return asyncio.get_running_loop().time() + self.slept


async def in_virtual_time(work: Callable[[], Coroutine[Any, Any, Found]]) -> Found:
    """Run something in a virtual loop of its own. What went wrong in it unseen is raised."""

    def run() -> Found:
        with asyncio.Runner(loop_factory=SocketLoop) as runner:
            found = runner.run(work())
            loop = runner.get_loop()
            assert isinstance(loop, SocketLoop)
            assert not loop.errors, loop.errors
            return found

    # Not a thread of the loop's own: those are waited for when the program ends, whatever became of them.
    outer = asyncio.get_running_loop()
    done: asyncio.Future[Found] = outer.create_future()

    def tell(found: Found | None, error: BaseException | None) -> None:
        if not done.done():
            done.set_exception(error) if error is not None else done.set_result(found)  # type: ignore[arg-type]

    def thread() -> None:
        try:
            found, error = run(), None
        except BaseException as failure:
            found, error = None, failure
        with suppress(RuntimeError):  # nobody waits any more
            outer.call_soon_threadsafe(tell, found, error)

    threading.Thread(target=thread, daemon=True).start()
    return await done


async def passes(condition: Callable[[], object], within: float, every: float = 0.05) -> float:
    """Wait until a condition holds; how many virtual seconds that took. Raises `AssertionError` after `within`."""
    loop = asyncio.get_running_loop()
    began = loop.time()
    while True:
        found = condition()
        if asyncio.iscoroutine(found):
            found = await found
        if found:
            return loop.time() - began
        if loop.time() - began > within:
            raise AssertionError(f"not within {within} s of virtual time")
        await asyncio.sleep(every)


class _Inline:
    """A SQLite connection whose every call is made at once, with the face of one that works in a thread."""

    def __init__(self, connection: sqlite3.Connection) -> None:
        self._connection = connection

    def __getattr__(self, name: str) -> Callable[..., Coroutine[Any, Any, Any]]:
        async def call(*args: Any) -> Any:
            return getattr(self._connection, name)(*args)

        return call

    async def execute_fetchall(self, statement: str, values: Any = ()) -> Any:
        return self._connection.execute(statement, values).fetchall()


async def inline_sqlite(path: Path, **options: Any) -> _Inline:
    return _Inline(sqlite3.connect(path, check_same_thread=False, **options))


class CloudTime(VirtualClock):
    """The time of a cloud elsewhere: what befalls the machine of a clock is nothing to it, but for the time in which
    that machine sleeps, which passes for both."""

    def __init__(self, elsewhere: SteppedClock) -> None:
        super().__init__()
        self._elsewhere = elsewhere

    def monotonic(self) -> float:
        return self._elsewhere.monotonic()


class VirtualSite(Site):
    """A running pair behind a proxy, in virtual time."""

    proxy: FaultProxy
    said: Said

    def state_is(self, *wanted: str) -> Callable[[], bool]:
        return lambda: self.status("stream_state") in wanted

    async def settle(self, within: float = 120.0) -> float:
        """Wait until the stream is live, and has been for a publish interval; how long that took."""
        took = await passes(self.state_is("live"), within)
        await asyncio.sleep(2.0)
        return took


@asynccontextmanager
async def virtual_site(
    folder: Path,
    campus: Campus = MIXED,
    *,
    websocket: dict[str, Any] | None = None,
    locations: dict[str, Any] | None = None,
    moving: bool = False,
    **cloud_options: Any,
) -> AsyncIterator[VirtualSite]:
    """A cloud, a proxy before it, and an engine, within `in_virtual_time`."""
    clock = SteppedClock()
    async with (
        SimulatedCloud(campus, clock=CloudTime(clock), autorun=moving, **cloud_options) as cloud,
        FaultProxy(cloud.port) as proxy,
    ):
        said = Said(cloud, proxy)
        aliases = {"domain_aliases": {"EXAMPLE": "example.com"}, "publish_interval": 0.1}
        changed = {"rest_host": proxy.url, **aliases, **(websocket or {})}
        with patch.object(store.aiosqlite, "connect", inline_sqlite):
            async with Engine(
                load(settings(cloud, changed, {"max_location_age": 10, **(locations or {})}), folder), clock=clock
            ) as engine:
                running = VirtualSite(cloud, engine, clock, folder)  # type: ignore[arg-type]
                running.proxy = proxy
                running.said = said
                yield running
