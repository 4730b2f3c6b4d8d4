"""A driver process: the messages of core, and the modules that they are about.

Every message is served in a task of its own, so that a slow command holds up nothing; what changes the life of one
module is kept in order by the module. The process ends when it is told to, or when core closes the connection.
"""

import asyncio
from collections.abc import Coroutine
from contextlib import suppress
from typing import Any

import structlog

from mistlocate import jsontext
from mistlocate.clock import Clock
from mistlocate.driver.base import Driver
from mistlocate.driver.context import Unsubscribe
from mistlocate.engines.logs import follow_module
from mistlocate.engines.placeos.context import Services
from mistlocate.engines.placeos.directory import Directory
from mistlocate.engines.placeos.documents import interface_document
from mistlocate.engines.placeos.framing import FramingError
from mistlocate.engines.placeos.host import ModuleHost
from mistlocate.engines.placeos.messages import Message, MessageError, decode, encode, read_call, read_model
from mistlocate.engines.placeos.redis_client import RedisClient
from mistlocate.engines.placeos.redis_url import RedisAddress
from mistlocate.engines.placeos.remote import Request, caller
from mistlocate.engines.placeos.saving import Saving
from mistlocate.engines.placeos.status import StatusWriter
from mistlocate.engines.placeos.subscriptions import Subscriptions
from mistlocate.engines.placeos.wire import Wire
from mistlocate.errors import MistlocateError

#: How long a module of another process may take to answer (seconds).
ANSWER_WITHIN = 120.0

#: How long ending may take altogether (seconds); a harness of PlaceOS kills after five, core after ten.
END_WITHIN = 4.3

#: … and after that the tasks that still run, and the connections to Redis (seconds each).
LAST_TASKS_WITHIN = 0.2

_UNEXPECTED = "unexpected error; the driver's log says more"


class DriverProcess:
    """Serves core over a wire until `stop` is called or core is gone."""

    def __init__(self, driver_class: type[Driver[Any]], wire: Wire, address: RedisAddress, clock: Clock) -> None:
        self.hosts: dict[str, ModuleHost] = {}
        self._driver_class = driver_class
        self._wire = wire
        self._saving = Saving(wire.send, clock)
        redis = RedisClient(address)
        directory = Directory(redis, clock)
        writer = StatusWriter(redis, clock)
        self._services = Services(
            redis=redis,
            writer=writer,
            directory=directory,
            subscriptions=Subscriptions(redis, directory, clock, writer.write_all_again),
            clock=clock,
            request=self._request_from,
            save_setting=self._saving.save,
            interface=lambda notes: interface_document(driver_class, notes),
        )
        self._stopping = asyncio.Event()
        self._serving: set[asyncio.Task[None]] = set()
        self._ending: dict[str, asyncio.Task[None]] = {}
        self._waiting: dict[int, asyncio.Future[Message]] = {}
        self._debugged: dict[str, Unsubscribe] = {}
        self._sequence = 0
        self._log = structlog.get_logger("mistlocate.process")

    def stop(self) -> None:
        """Ask the process to end."""
        self._stopping.set()

    def report(self) -> dict[str, Any]:
        """How the process is doing, in numbers."""
        return {
            "message": "report",
            "modules": {module_id: host.life.state.value for module_id, host in self.hosts.items()},
            "tasks": len(asyncio.all_tasks()),
            "commands_running": len(self._serving),
            "waiting_for_others": len(self._waiting),
            "writes_to_redis": self._services.writer.flushes,
            "redis": self._services.writer.trouble or "ok",
            "debug_frames_dropped": self._wire.dropped,
        }

    async def run(self) -> int:
        """Serve; return the code to exit with."""
        services = self._services
        background = [
            asyncio.create_task(services.writer.run()),
            asyncio.create_task(services.subscriptions.run()),
        ]
        reading = asyncio.create_task(self._read())
        stopping = asyncio.create_task(self._stopping.wait())
        watched: list[asyncio.Task[Any]] = [reading, stopping, *background]
        done, _ = await asyncio.wait(watched, return_when=asyncio.FIRST_COMPLETED)
        code = 0
        for task in done:
            if task.exception() is not None:
                code = 1
                self._log.error("the process ends", exc_info=task.exception())
        await self._end([reading, stopping, *background])
        return code

    async def _end(self, tasks: list[asyncio.Task[Any]]) -> None:
        for unsubscribe in self._debugged.values():
            unsubscribe()
        try:
            async with asyncio.timeout(END_WITHIN):
                stops = (*(host.stop() for host in self.hosts.values()), *self._ending.values())
                for failure in await asyncio.gather(*stops, return_exceptions=True):
                    if failure is not None:
                        self._log.error("a module did not stop as it should", exc_info=failure)
        except TimeoutError:
            self._log.error("ending took too long")
        everything = {*tasks, *self._serving}
        for task in everything:
            task.cancel()
        await asyncio.wait(everything, timeout=LAST_TASKS_WITHIN)
        with suppress(TimeoutError):
            async with asyncio.timeout(LAST_TASKS_WITHIN):
                await self._services.redis.aclose()
        with suppress(TimeoutError):
            async with asyncio.timeout(LAST_TASKS_WITHIN):
                await self._wire.close()

    # -- messages from core -----------------------------------------------------------------------

    async def _read(self) -> None:
        try:
            async for text in self._wire.frames():
                try:
                    self._take_safely(decode(text))
                except MessageError as error:
                    self._log.error("a message of core cannot be read and is left out", problem=str(error))
        except FramingError as error:
            self._log.error("core's messages have no beginning and end any more", problem=str(error))

    def _take_safely(self, message: Message) -> None:
        """Serve a message; what goes wrong with one is no reason to end the modules that others are about."""
        try:
            self._take(message)
        except Exception as error:
            self._log.exception("a message of core failed", cmd=message.cmd, module=message.id)
            if message.cmd == "start":
                self._reply(_started(message))
            elif message.cmd in ("exec", "info"):
                self._reply(message.failure(type(error).__name__, _UNEXPECTED))

    def _take(self, message: Message) -> None:
        """Serve a message. What names a module is decided here and now, in the order of the messages."""
        match message.cmd:
            case "result":
                waiting = self._waiting.pop(-1 if message.seq is None else message.seq, None)
                if waiting is not None and not waiting.done():
                    waiting.set_result(message)
            case "start":
                self._start(message)
            case "stop":
                self._stop(message.id)
            case "update":
                self._update(message)
            case "exec":
                self._serve(self._execute(message, self.hosts.get(message.id)))
            case "debug":
                self._debug(message.id)
            case "ignore":
                unsubscribe = self._debugged.pop(message.id, None)
                if unsubscribe is not None:
                    unsubscribe()
            case "info":
                self._reply(message.answer(jsontext.dumps(list(self.hosts)).decode()))
            case "terminate":
                self.stop()
            case _:
                self._log.warning("core sent a command that nobody here knows", cmd=message.cmd[:40])

    def _serve(self, work: Coroutine[Any, Any, None]) -> "asyncio.Task[None]":
        task = asyncio.create_task(work)
        self._serving.add(task)
        task.add_done_callback(self._served)
        return task

    def _served(self, task: "asyncio.Task[None]") -> None:
        self._serving.discard(task)
        if not task.cancelled() and task.exception() is not None:
            self._log.error("a message of core failed", exc_info=task.exception())

    def _reply(self, message: Message) -> None:
        self._serve(self._wire.send(encode(message)))

    # -- the life of modules ----------------------------------------------------------------------

    def _start(self, message: Message) -> None:
        host = self.hosts.get(message.id)
        if host is not None:
            self._reply(_started(message))
            return
        try:
            model = read_model(message.payload)
        except MessageError as error:
            self._log.error("a module cannot be started", module=message.id, problem=str(error))
            self._reply(message.failure("MessageError", str(error)))
            return
        self._saving.told(message.id, model.settings)
        host = self.hosts[message.id] = ModuleHost(self._driver_class, self._services, message.id, model)
        self._serve(self._start_host(host, message, self._ending.get(message.id)))

    async def _start_host(self, host: ModuleHost, message: Message, before: "asyncio.Task[None] | None") -> None:
        try:
            await host.start(before)
        except Exception:
            self._log.exception("a module cannot be started", module=message.id)
        await self._wire.send(encode(_started(message)))

    def _stop(self, module_id: str) -> None:
        host = self.hosts.pop(module_id, None)
        if host is not None:
            self._saving.forget(module_id)
            task = self._ending[module_id] = self._serve(host.stop())
            task.add_done_callback(lambda _: self._ended(module_id, task))

    def _ended(self, module_id: str, task: "asyncio.Task[None]") -> None:
        if self._ending.get(module_id) is task:
            del self._ending[module_id]

    def _update(self, message: Message) -> None:
        host = self.hosts.get(message.id)
        if host is None:
            return
        try:
            model = read_model(message.payload)
        except MessageError as error:
            self._log.error("a module cannot be updated", module=message.id, problem=str(error))
            return
        self._saving.told(message.id, model.settings)
        self._serve(host.update(model))

    # -- commands ---------------------------------------------------------------------------------

    async def _execute(self, message: Message, host: ModuleHost | None) -> None:
        caller.set(message.user_id)
        await self._wire.send(encode(await self._result(message, host)))

    async def _result(self, message: Message, host: ModuleHost | None) -> Message:
        if host is None:
            return message.failure("Exception", "driver not available")
        try:
            value = await host.execute(*read_call(message.payload))
        except MistlocateError as error:
            return message.failure(type(error).__name__, str(error))
        except Exception as error:
            self._log.exception("a command failed", module=message.id)
            return message.failure(type(error).__name__, _UNEXPECTED)
        try:
            return message.answer(jsontext.dumps(value).decode())
        except TypeError:
            return message.answer("null")

    # -- messages to core -------------------------------------------------------------------------

    def _request_from(self, module_id: str) -> Request:
        async def request(target: str, payload: str, user_id: str | None) -> Message:
            sequence, self._sequence = self._sequence, self._sequence + 1
            waiting: asyncio.Future[Message] = asyncio.get_running_loop().create_future()
            self._waiting[sequence] = waiting
            try:
                await self._wire.send(encode(Message(target, "exec", sequence, module_id, user_id, payload=payload)))
                async with asyncio.timeout(ANSWER_WITHIN):
                    return await waiting
            except TimeoutError:
                return Message(target, "result", sequence, error="IO::TimeoutError", payload="request timed out")
            finally:
                self._waiting.pop(sequence, None)

        return request

    def _debug(self, module_id: str) -> None:
        if module_id in self._debugged:
            return

        def tell(severity: int, text: str) -> None:
            payload = jsontext.dumps([severity, text.encode(errors="replace").decode()]).decode()
            self._wire.post(encode(Message(module_id, "debug", payload=payload)))

        self._debugged[module_id] = follow_module(module_id, tell)


def _started(message: Message) -> Message:
    """What core waits for once it sent a start, for ever, whether the module runs or not."""
    return Message(message.id, "start", message.seq, message.reply, message.user_id)
