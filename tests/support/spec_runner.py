"""PlaceOS' spec runner: drives a driver executable as the real one does, with its limits and its pauses.

The sleeps in here are those of the real runner: spec programs were written against them, so they are kept as they are.
"""

import asyncio
import json
from collections.abc import AsyncIterator, Mapping
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass
from typing import Any

from support.placeos_wire import DriverGone, DriverLink, Frame, strict, within
from support.redis_server import Commands, placeos_client
from support.servers import raw_server
from support.spec_http import Handler, HeldServer, HttpRequest
from support.spec_mocks import metadata, run
from support.waiting import PATIENCE

MODULE = "spec_runner"
SYSTEM = "spec_runner_system"

#: The one member of the control system that `start` has and `update` has not.
_ONLY_AT_START = {"security_groups": ["access-group"]}

#: What the keys of `-d` are made of, where they are there.
_DEFAULTS = {
    "descriptive_name": str,
    "generic_name": str,
    "description": str,
    "uri_base": str,
    "tcp_port": int,
    "udp_port": int,
    "makebreak": bool,
    "default_settings": str,
    "json_schema": dict,
}


class SpecFailed(AssertionError):
    """An expectation of the spec program was not met."""


class DriverError(Exception):
    """The driver answered an exec with an error."""

    def __init__(self, error: str, payload: str) -> None:
        super().__init__(f"{payload} ({error})")
        self.error = error
        self.payload = payload


@dataclass(frozen=True, slots=True)
class Response:
    """An exec on its way."""

    runner: "SpecRunner"
    frame: "asyncio.Future[Frame]"

    async def get(self) -> Any:
        """What the function returned; raises DriverError. (The real runner waits for ever.)"""
        answer = await within(30, self.frame, "answer to the exec", self.runner)
        if answer.get("error"):
            raise DriverError(answer["error"], answer.get("payload") or "")
        return strict(answer.get("payload") or "null")


@dataclass(slots=True)
class _Connection:
    reader: asyncio.StreamReader
    writer: asyncio.StreamWriter


class SpecRunner(DriverLink):
    """What a spec program can do. `calls_without_answer` are execs of the driver for modules that there are not."""

    connect_within = 5.0
    ready_within = PATIENCE  # the real one has no limit here
    merged = True

    def __init__(self, executable: str | list[str], redis_url: str, environment: Mapping[str, str]) -> None:
        path = executable if isinstance(executable, str) else executable[-1]
        given = {"REDIS_URL": redis_url, "DEBUG": "1", "CURRENT_DRIVER_PATH": path}
        super().__init__(executable, {**given, **environment})
        self.defaults: dict[str, Any] = {}
        self.current_settings: dict[str, Any] = {}
        self.http = HeldServer()
        self.debug_frames: list[tuple[int, str]] = []
        self.ignored: list[Frame] = []
        self.calls_without_answer: list[Frame] = []
        self.mocks: dict[str, Any] = {}
        self.tcp_port = 0
        self._connected: asyncio.Queue[_Connection] = asyncio.Queue()
        self._connection: _Connection | None = None
        self._sent: asyncio.Queue[bytes] = asyncio.Queue()
        self._answers: dict[int, asyncio.Future[Frame]] = {}
        self._sequence = 0
        self._redis: Commands | None = None

    @property
    def redis(self) -> Commands:
        assert self._redis is not None
        return self._redis

    @property
    def http_seen(self) -> list[HttpRequest]:
        """All HTTP requests that came, in their order."""
        return self.http.seen

    # What the driver says.

    def handle(self, frame: Frame) -> None:
        match frame["cmd"]:
            case "result" if frame.get("seq") in self._answers:
                future = self._answers.pop(frame["seq"])
                if not future.done():
                    future.set_result(frame)
            case "exec" if frame["id"] in self.mocks:
                self.spawn(self._run_mock(frame))
            case "exec":
                self.calls_without_answer.append(frame)
            case "setting":
                name, value = strict(frame["payload"])
                self.current_settings[name] = value
                self.spawn(self._update())
            case "debug":
                severity, text = strict(frame["payload"])
                self.debug_frames.append((severity, text))
            case _:
                self.ignored.append(frame)

    def lost(self) -> None:
        for future in self._answers.values():
            if not future.done():
                future.set_exception(DriverGone(f"it has gone without an answer; {self.output}"))
                future.exception()  # nobody has to have waited for it

    async def _run_mock(self, frame: Frame) -> None:
        """The answer is the request, changed; it has no code."""
        try:
            value = await run(self.mocks[frame["id"]], strict(frame["payload"]))
        except Exception as error:
            told = {"error": type(error).__name__, "payload": str(error), "backtrace": []}
        else:
            told = {"payload": json.dumps(value)}
        await self.send({**frame, "cmd": "result", **told})

    async def _talk(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await self._connected.put(_Connection(reader, writer))
        while data := await reader.read(1 << 20):
            await self._sent.put(data)

    # What happens around the spec program.

    def _model(self) -> dict[str, Any]:
        return {
            "control_system": {
                "id": SYSTEM,
                "name": "Spec Runner",
                "email": "spec@acaprojects.com",
                "capacity": 4,
                "features": ["many", "modules"],
                "bookable": True,
                "zones": ["zone-1234", "zone-level", "zone-building", "zone-org"],
                "timezone": "Australia/Sydney",
            },
            "ip": "127.0.0.1",
            "uri": f"http://127.0.0.1:{self.http.port}",
            "port": self.tcp_port,
            "udp": False,
            "tls": False,
            "makebreak": bool(self.defaults.get("makebreak")),
            "role": 1,
            "settings": self.current_settings,
        }

    async def _tell(self, command: str, **more: Any) -> None:
        await self.send({"id": MODULE, "cmd": command, **more})

    async def _update(self) -> None:
        await self._tell("update", payload=json.dumps(self._model()))

    async def prepare(self, stack: AsyncExitStack) -> None:
        """Everything before the spec program (steps 1 to 9)."""
        self._redis = await placeos_client(self.environment["REDIS_URL"])
        stack.push_async_callback(self.redis.aclose)
        await self._clear(f"system/{SYSTEM}")
        await self.open()
        stack.push_async_callback(self.close)
        self.defaults = await read_defaults(self.executable, self.environment)
        self.current_settings = strict(self.defaults["default_settings"])
        self.tcp_port = await stack.enter_async_context(raw_server(self._talk))
        await stack.enter_async_context(self.http.serving())
        model = self._model()
        model["control_system"] |= _ONLY_AT_START
        await self._tell("start", payload=json.dumps(model))
        if model["makebreak"]:
            await asyncio.sleep(0.2)
        else:
            await self.expect_reconnect()
        await self._tell("debug")

    async def finish(self) -> None:
        """Everything after it (steps 11 and 12)."""
        await self._tell("stop")
        await asyncio.sleep(1)
        await self._tell("terminate", payload="{}")
        await self.exit(5)
        assert "spec failed" not in "\n".join(self.lines), f"that is what a failure is recognised by; {self.output}"

    # What a spec program uses.

    async def exec(self, function: str, *args: Any, **kwargs: Any) -> Response:
        """Run a function of the driver; `get` of what this returns waits for the answer."""
        sequence = self._sequence
        self._sequence += 1
        answered = self._answers[sequence] = asyncio.get_running_loop().create_future()
        while not self._sent.empty():
            self._sent.get_nowait()
        payload = json.dumps({"__exec__": function, function: kwargs or list(args)})
        await self._tell("exec", payload=payload, seq=sequence, reply="to_me", user_id=None)
        await asyncio.sleep(0.002)
        return Response(self, answered)

    async def transmit(self, data: bytes) -> None:
        """Send bytes to the driver, in one write."""
        assert self._connection is not None, "the driver has not connected"
        self._connection.writer.write(data)
        await self._connection.writer.drain()
        await asyncio.sleep(0.1)

    async def expect_send(self) -> bytes:
        """What the driver sends on its connection next."""
        try:
            return await asyncio.wait_for(self._sent.get(), 0.5)
        except TimeoutError:
            raise SpecFailed(f"the driver did not send within 500 ms; {self.output}") from None

    async def expect_reconnect(self) -> None:
        """Wait until the driver connects (again)."""
        try:
            self._connection = await asyncio.wait_for(self._connected.get(), 5)
        except TimeoutError:
            raise SpecFailed(f"the driver did not connect within 5 s; {self.output}") from None

    async def expect_http_request(self, handler: Handler) -> HttpRequest:
        """Let a handler answer the next request."""
        try:
            request = await self.http.answer(handler, 1)
        except TimeoutError:
            seen = [f"{each.method} {each.path}" for each in self.http_seen]
            raise SpecFailed(f"no request within 1 s; so far {seen}; {self.output}") from None
        await asyncio.sleep(0.01)
        return request

    async def expect_no_http_request(self, seconds: float) -> None:
        """Nothing of the real runner: fails when a request comes, or waits to be answered."""
        try:
            request = await self.http.answer(lambda _, __: None, seconds)
        except TimeoutError:
            return
        raise SpecFailed(f"the driver asked for {request.path}; {self.output}")

    async def status(self, name: str) -> Any:
        """A status of the driver as it is now; KeyError where there is none."""
        text = await self.redis.execute_command("HGET", f"status/{MODULE}", name)
        if text is None:
            raise KeyError(name)
        return strict(text)

    async def publish(self, channel: str, message: str) -> None:
        """Publish on a channel that drivers can monitor."""
        await self.redis.execute_command("PUBLISH", f"placeos/{channel}", message)

    async def settings(self, settings: dict[str, Any]) -> None:
        """Give the driver other settings."""
        self.current_settings = settings
        await self._update()
        await asyncio.sleep(0.5)

    async def system(self, mocks: Mapping[str, list[type]]) -> None:
        """Put mocks into the driver's system, in the place of those that were in it."""
        self.mocks.clear()
        await self._clear(f"system/{SYSTEM}")
        for name, classes in mocks.items():
            for number, mock in enumerate(classes, 1):
                module_id = f"mod-{name}/{number}"
                self.mocks[module_id] = mock()
                await self._clear(f"status/{module_id}")
                described = json.dumps(metadata(mock), separators=(",", ":"))
                await self.redis.execute_command("SET", f"interface/{module_id}", described)
                await self.redis.execute_command("HSET", f"system/{SYSTEM}", f"{name}/{number}", module_id)
        await self.redis.execute_command("PUBLISH", "lookup-change", SYSTEM)
        await self.settings(self.current_settings)

    async def _clear(self, key: str) -> None:
        for field in await self.redis.execute_command("HKEYS", key):
            await self.redis.execute_command("HDEL", key, field)
            await self.redis.execute_command("PUBLISH", f"{key}/{field}", "null")


async def read_defaults(executable: list[str], environment: Mapping[str, str]) -> dict[str, Any]:
    """What a driver prints with `-d`: one JSON object and nothing else. (The real runner has no limit of time.)"""
    pipe, nowhere = asyncio.subprocess.PIPE, asyncio.subprocess.DEVNULL
    process = await asyncio.create_subprocess_exec(
        *executable, "-d", stdin=nowhere, stdout=pipe, stderr=nowhere, env=dict(environment)
    )
    try:
        printed, _ = await asyncio.wait_for(process.communicate(), 30)
    except TimeoutError:
        process.kill()
        await process.wait()
        raise SpecFailed("-d did not end within 30 s") from None
    try:
        found = strict(printed.decode().strip())
    except ValueError as error:
        raise SpecFailed(f"-d printed no JSON ({error}):\n{printed!r}") from error
    assert process.returncode == 0, f"-d ended with {process.returncode}"
    assert {"default_settings", "json_schema"} <= found.keys(), f"-d lacks what is always there: {found}"
    wrong = {name: value for name, value in found.items() if type(value) is not _DEFAULTS.get(name)}
    assert not wrong, f"-d has {wrong}"
    assert isinstance(strict(found["default_settings"]), dict), f"default settings are no object: {found}"
    return dict(found)


@asynccontextmanager
async def spec_runner(executable: str | list[str], redis_url: str, **environment: str) -> AsyncIterator[SpecRunner]:
    """Run a driver for a spec program (the block), and end it as the runner does."""
    async with AsyncExitStack() as stack:
        runner = SpecRunner(executable, redis_url, environment)
        await runner.prepare(stack)
        try:
            yield runner
        except Exception as error:
            error.add_note(runner.output)
            raise
        await runner.finish()
