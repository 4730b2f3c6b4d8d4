"""Parts of the PlaceOS engine for the length of a block."""

import asyncio
import json
import socket
from collections.abc import AsyncIterator, Coroutine, Mapping
from contextlib import asynccontextmanager
from typing import Any

from mistlocate.clock import Clock, SystemClock
from mistlocate.driver.base import Driver
from mistlocate.engines.placeos.process import DriverProcess
from mistlocate.engines.placeos.redis_client import RedisClient
from mistlocate.engines.placeos.redis_url import RedisAddress, read_redis_url
from mistlocate.engines.placeos.wire import Wire
from support.drivers import Probe
from support.placeos_models import LOGIC, module_row
from support.placeos_wire import Frame, Splitter, packed, understood
from support.waiting import until


@asynccontextmanager
async def client(address: RedisAddress | str) -> AsyncIterator[RedisClient]:
    """A client of the engine."""
    made = RedisClient(read_redis_url(address) if isinstance(address, str) else address)
    try:
        yield made
    finally:
        await made.aclose()


@asynccontextmanager
async def running(work: Coroutine[Any, Any, Any]) -> AsyncIterator[asyncio.Task[Any]]:
    """Something that runs meanwhile; what it raises, the block raises."""
    task = asyncio.create_task(work)
    try:
        yield task
    finally:
        if not task.done():
            task.cancel()
        await asyncio.wait([task])
    if not task.cancelled():
        task.result()


class CoreSide:
    """Core's end of a driver process that runs in the process of the test. `frames` is all that the driver sent."""

    def __init__(self, process: DriverProcess, connection: socket.socket) -> None:
        self.process = process
        self.frames: list[Frame] = []
        self.answers: dict[str, Any] = {}
        """What calls to other modules are answered with: module id → members of the result."""
        self.running: asyncio.Task[int] | None = None
        self._connection = connection
        self._sequence = 0

    async def listen(self) -> None:
        """Read what the driver sends, and answer its calls."""
        splitter, loop = Splitter(), asyncio.get_running_loop()
        while data := await loop.sock_recv(self._connection, 1 << 16):
            for text in splitter.feed(data):
                frame = understood(text)
                assert frame is not None, text
                self.frames.append(frame)
                if frame["cmd"] == "exec" and frame["id"] in self.answers:
                    answer = {"cmd": "result", "code": 200, "error": None, **self.answers[frame["id"]]}
                    await self.send({**frame, **answer})
            assert splitter.junk == []

    async def send(self, *frames: Mapping[str, Any]) -> None:
        """Write frames in one piece."""
        await self.send_bytes(b"".join(packed(frame) for frame in frames))

    async def send_bytes(self, data: bytes) -> None:
        await asyncio.get_running_loop().sock_sendall(self._connection, data)

    def hang_up(self) -> None:
        """Say that nothing more will come."""
        self._connection.shutdown(socket.SHUT_WR)

    async def next(self, **members: Any) -> Frame:
        """The first frame with these members, as soon as it is there."""
        return await until(lambda: self.said(**members) and self.said(**members)[0])

    def said(self, **members: Any) -> list[Frame]:
        """The frames so far with these members."""
        return [frame for frame in self.frames if all(frame.get(name) == value for name, value in members.items())]

    async def start(self, module_id: str = "mod-1", **model: Any) -> None:
        """Start a module, and wait for the acknowledgement."""
        before = len(self.said(id=module_id, cmd="start"))
        await self.send(self.start_frame(module_id, **model))
        await until(lambda: len(self.said(id=module_id, cmd="start")) > before)

    @staticmethod
    def start_frame(module_id: str = "mod-1", cmd: str = "start", **model: Any) -> Frame:
        """What starts (or updates) a module."""
        return {"id": module_id, "cmd": cmd, "payload": json.dumps(module_row(**{"role": LOGIC, **model}))}

    async def update(self, module_id: str = "mod-1", **model: Any) -> None:
        await self.send(self.start_frame(module_id, "update", **model))

    def exec_frame(self, command: str, args: Any = (), module_id: str = "mod-1", **members: Any) -> Frame:
        """A call with a sequence number of its own."""
        self._sequence += 1
        body = json.dumps({"__exec__": command, command: args})
        return {"id": module_id, "cmd": "exec", "seq": self._sequence - 1, "payload": body, **members}

    async def ask(self, command: str, args: Any = (), module_id: str = "mod-1", **members: Any) -> Frame:
        """Run a command; the whole frame that answers."""
        frame = self.exec_frame(command, args, module_id, **members)
        await self.send(frame)
        return await self.next(cmd="result", seq=frame["seq"], id=module_id)

    async def exec(self, command: str, *args: Any, module_id: str = "mod-1") -> Any:
        """Run a command; its answer."""
        frame = await self.ask(command, args, module_id)
        assert frame.get("error") is None, frame
        return json.loads(frame["payload"])

    async def info(self) -> list[str]:
        """The modules that the process says it holds."""
        self._sequence += 1
        await self.send({"id": "", "cmd": "info", "seq": self._sequence - 1})
        frame = await self.next(cmd="result", seq=self._sequence - 1)
        return list(json.loads(frame["payload"]))

    async def ended(self, within: float = 5.0) -> int:
        """The exit code, once the process has ended."""
        assert self.running is not None
        return await asyncio.wait_for(asyncio.shield(self.running), within)


@asynccontextmanager
async def driver_process(
    redis_url: str, driver_class: type[Driver[Any]] = Probe, clock: Clock | None = None
) -> AsyncIterator[CoreSide]:
    """A driver process in the process of the test, and core's end of its socket."""
    ours, cores = socket.socketpair()
    cores.setblocking(False)
    wire = Wire(*await asyncio.open_unix_connection(sock=ours))
    process = DriverProcess(driver_class, wire, read_redis_url(redis_url), clock or SystemClock())
    core = CoreSide(process, cores)
    async with running(core.listen()), running(process.run()) as core.running:
        try:
            yield core
        finally:
            process.stop()
            await asyncio.wait([core.running], timeout=10)
    cores.close()
