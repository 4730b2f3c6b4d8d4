"""PlaceOS core, as far as driver processes see it: starts them, holds modules in them, passes calls on between them."""

import asyncio
import contextlib
import json
from collections import defaultdict
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from typing import Any, Self

import yaml
from redis.asyncio import Redis

from support.placeos_models import LOGIC, Model, control_system, module_row
from support.placeos_wire import DriverGone, DriverLink, Frame, strict, within
from support.redis_server import Commands, placeos_client
from support.waiting import PATIENCE


class RemoteError(Exception):
    """A driver answered with an error; `payload` is its text."""

    def __init__(self, code: int | None, error: str, payload: str, backtrace: list[str]) -> None:
        super().__init__(f"{payload} ({error}, {code})")
        self.code = code
        self.error = error
        self.payload = payload
        self.backtrace = backtrace


class DriverProcess(DriverLink):
    """A driver process of core. `modules` are the models of those started in it; `unexpected` should stay empty."""

    #: Seconds that an answer may take. Core itself would wait for ever.
    patience = 30.0

    def __init__(self, core: "Core", executable: str | list[str], environment: Mapping[str, str]) -> None:
        super().__init__(executable, environment)
        self.core = core
        self.modules: dict[str, Model] = {}
        self.debug_frames: dict[str, list[tuple[int, str]]] = defaultdict(list)
        self.unexpected: list[Frame] = []
        self._sequence = 0
        self._answers: dict[int, asyncio.Future[Frame]] = {}
        self._starts: dict[str, asyncio.Future[Frame]] = {}

    @property
    def logs(self) -> list[dict[str, Any]]:
        """The lines of stdout that are JSON objects."""
        found = []
        for line in self.lines:
            with contextlib.suppress(ValueError):
                entry = json.loads(line)
                if isinstance(entry, dict):
                    found.append(entry)
        return found

    def handle(self, frame: Frame) -> None:
        match frame["cmd"]:
            case "start" if frame["id"] in self._starts:
                self._resolve(self._starts.pop(frame["id"]), frame)
            case "result" if frame.get("seq") in self._answers:
                self._resolve(self._answers.pop(frame["seq"]), frame)
            case "result" if frame.get("seq") is None and frame["id"] in self._starts:
                # Core cannot match it, and whoever asked for the start waits for ever; a test is told.
                self.unexpected.append(frame)
                self._starts.pop(frame["id"]).set_exception(_failure(frame))
            case "exec":
                self.spawn(self.core.pass_on(self, frame))
            case "sys":
                self.spawn(self.core.tell_system(self, frame))
            case "setting":
                self.spawn(self._save_setting(frame))
            case "debug":
                severity, text = strict(frame["payload"])
                self.debug_frames[frame["id"]].append((severity, text))
            case _:
                self.unexpected.append(frame)

    @staticmethod
    def _resolve(future: "asyncio.Future[Frame]", frame: Frame) -> None:
        if not future.done():
            future.set_result(frame)

    def lost(self) -> None:
        for future in [*self._answers.values(), *self._starts.values()]:
            if not future.done():
                future.set_exception(DriverGone(f"it has gone without an answer; {self.output}"))
                future.exception()  # nobody has to have waited for it
        self._answers.clear()
        self._starts.clear()
        self.core.forget(self)

    async def _save_setting(self, frame: Frame) -> None:
        """Core reads the payload as YAML, saves, and its change feed brings an update with the whole model."""
        if not self.core.saves:
            return
        model = self.modules.get(frame["id"])
        try:
            name, value = yaml.safe_load(frame["payload"])
            json.dumps(value, ensure_ascii=False).encode()  # halves of a surrogate pair are no YAML
        except (yaml.YAMLError, TypeError, ValueError):
            model = None
        if model is None:
            self.unexpected.append(frame)
            return
        await self.update(frame["id"], {**model, "settings": {**model["settings"], name: value}})

    async def start(self, module_id: str, model: Model) -> None:
        """Start a module, and wait for the acknowledgement (which comes before the module has loaded)."""
        acknowledged = self._starts[module_id] = asyncio.get_running_loop().create_future()
        self.modules[module_id] = {**model, "id": module_id}
        self.core.owners[module_id] = self
        await self._tell(module_id, "start", payload=json.dumps(self.modules[module_id], ensure_ascii=False))
        await within(self.patience, acknowledged, f"acknowledgement of the start of {module_id}", self)

    async def update(self, module_id: str, model: Model) -> None:
        """Send the whole model of a module anew; nothing answers."""
        self.modules[module_id] = {**model, "id": module_id}
        await self._tell(module_id, "update", payload=json.dumps(self.modules[module_id], ensure_ascii=False))

    async def stop(self, module_id: str) -> None:
        """Stop one module; nothing answers. (Core stops the last module of a process by `terminate`.)"""
        self.modules.pop(module_id, None)
        self.core.owners.pop(module_id, None)
        await self._tell(module_id, "stop")

    async def debug(self, module_id: str) -> None:
        """Have the module's log sent, to `debug_frames`; nothing answers."""
        await self._tell(module_id, "debug")

    async def ignore(self, module_id: str) -> None:
        """Have no more of the module's log sent; nothing answers."""
        await self._tell(module_id, "ignore")

    async def _tell(self, module_id: str, command: str, **more: Any) -> None:
        # Members that are not there may be sent as null as well as not at all.
        await self.send({"id": module_id, "cmd": command, "user_id": None, "seq": None, **more})

    async def info(self) -> list[str]:
        """The ids of the modules that the process says it holds."""
        answer = await self.ask({"id": "", "cmd": "info"})
        return list(strict(answer["payload"]))

    async def exec(self, module_id: str, function: str, *args: Any, **kwargs: Any) -> Any:
        """Run a function, by position or by name; raises RemoteError."""
        answer = await self.exec_raw(module_id, function, *args, **kwargs)
        if answer.get("error"):
            raise _failure(answer)
        return strict(answer.get("payload") or "null")

    async def exec_raw(self, module_id: str, function: str, *args: Any, **kwargs: Any) -> Frame:
        """Run a function, and return the whole frame that answers."""
        assert not (args and kwargs), "a call is by position or by name"
        return await self.exec_body(module_id, json.dumps({"__exec__": function, function: kwargs or list(args)}))

    async def exec_body(self, module_id: str, payload: str, user_id: str | None = None) -> Frame:
        """Run what a payload says, in the name of a user, and return the whole frame that answers."""
        return await self.ask({"id": module_id, "cmd": "exec", "user_id": user_id, "payload": payload})

    async def ask(self, frame: Frame) -> Frame:
        """Send a frame with a sequence number, and return what answers it."""
        self._sequence += 1
        sequence = self._sequence
        answered = self._answers[sequence] = asyncio.get_running_loop().create_future()
        try:
            await self.send({**frame, "seq": sequence})
            return await within(self.patience, answered, f"answer to {frame}", self)
        finally:
            self._answers.pop(sequence, None)

    async def terminate(self, within: float = 10.0) -> int:
        """End the process as core does, and return its exit code; 10 s is core's limit."""
        self.core.forget(self)
        await self.send({"id": "t", "cmd": "terminate"})
        return await self.exit(within)


class Core:
    """Core, and what it keeps in Redis. `owners` tells which process holds a module."""

    def __init__(self, redis_url: str) -> None:
        self.redis_url = redis_url
        self.processes: list[DriverProcess] = []
        self.owners: dict[str, DriverProcess] = {}
        self.systems: dict[str, Model] = {}
        self.saves = True
        """False: its database takes nothing, as when it is away; drivers are not told."""
        self._redis: Commands | None = None

    async def __aenter__(self) -> Self:
        self._redis = await placeos_client(self.redis_url)
        return self

    async def __aexit__(self, *_: object) -> None:
        for process in self.processes:
            await process.close()
        await self.redis.aclose()

    @property
    def redis(self) -> Commands:
        assert self._redis is not None
        return self._redis

    async def launch(self, executable: str | list[str], **environment: str) -> DriverProcess:
        """Start a driver process; it ends with the block of this core."""
        process = DriverProcess(self, executable, {"REDIS_URL": self.redis_url, **environment})
        await process.open()
        self.processes.append(process)
        return process

    async def relaunch(self, gone: DriverProcess, within: float = PATIENCE) -> DriverProcess:
        """What core does when a process ended that holds modules: another one, and every start again."""
        modules = dict(gone.modules)
        await gone.exit(within)
        await asyncio.sleep(0.2)  # core's own pause
        fresh = DriverProcess(self, gone.executable, gone.environment)
        await fresh.open()
        self.processes.append(fresh)
        await asyncio.gather(*(fresh.start(module_id, model) for module_id, model in modules.items()))
        return fresh

    def forget(self, process: DriverProcess) -> None:
        """The process is going or gone: nobody is called in it any more."""
        self.owners = {module_id: owner for module_id, owner in self.owners.items() if owner is not process}

    async def pass_on(self, caller: DriverProcess, frame: Frame) -> None:
        """Answer a module that calls another one."""
        owner = self.owners.get(frame["id"])
        told: Frame
        if owner is None:
            told = _not_found(frame)
        else:
            try:
                told = await owner.exec_body(frame["id"], frame.get("payload") or "", frame.get("user_id"))
            except AssertionError as error:  # it has gone, or does not answer
                told = {"code": 500, "error": "IO::Error", "payload": str(error)}
        answer = {"code": 200, "payload": "null", "error": None, "backtrace": None}
        answer |= {name: told[name] for name in answer if told.get(name) is not None}
        with contextlib.suppress(DriverGone):
            await caller.send({**frame, "cmd": "result", **answer})

    async def tell_system(self, caller: DriverProcess, frame: Frame) -> None:
        """Answer a module that asks for a control system."""
        system = self.systems.get(frame["id"])
        answer = {"code": 200, "payload": json.dumps(system)} if system else _not_found(frame)
        with contextlib.suppress(DriverGone):
            await caller.send({**frame, "cmd": "result", **answer})

    async def system(self, system_id: str, modules: Mapping[str, str]) -> None:
        """Say which modules a system has, `{"MistWebsocket/1": module_id}`, and tell everybody."""
        self.systems.setdefault(system_id, control_system(system_id))["modules"] = list(modules.values())
        key = f"system/{system_id}"
        for field in await self.redis.execute_command("HKEYS", key):
            if field not in modules:
                await self.redis.execute_command("HDEL", key, field)
        for field, module_id in modules.items():
            await self.redis.execute_command("HSET", key, field, module_id)
        await self.publish("lookup-change", system_id)

    async def publish(self, channel: str, message: str) -> None:
        """Publish text on a channel, named in full."""
        await self.redis.execute_command("PUBLISH", channel, message)

    async def status(self, module_id: str, name: str) -> Any:
        """A status of a module, decoded; None where there is none."""
        text = await self.redis.execute_command("HGET", f"status/{module_id}", name)
        return None if text is None else strict(text)

    async def statuses(self, module_id: str) -> dict[str, Any]:
        """All that a module has as status."""
        names = await self.redis.execute_command("HKEYS", f"status/{module_id}")
        return {name: await self.status(module_id, name) for name in sorted(names)}

    async def interface(self, module_id: str) -> dict[str, Any]:
        """What a module says of itself to other modules."""
        text = await self.redis.execute_command("GET", f"interface/{module_id}")
        assert text is not None, f"no interface/{module_id}"
        return dict(strict(text))

    @asynccontextmanager
    async def following(self, *patterns: str) -> AsyncIterator[list[tuple[str, str]]]:
        """What is published on channels that match, as (channel, text), from the beginning of the block on."""
        heard: list[tuple[str, str]] = []
        client = await placeos_client(self.redis_url)
        assert isinstance(client, Redis), "following a cluster is not needed so far"
        subscription = client.pubsub()
        await subscription.psubscribe(*patterns)
        for _ in patterns:
            await subscription.get_message(timeout=5)

        async def listen() -> None:
            async for message in subscription.listen():
                heard.append((message["channel"], message["data"]))  # noqa: PERF401 - it never ends

        task = asyncio.get_running_loop().create_task(listen())
        try:
            yield heard
        finally:
            task.cancel()
            await asyncio.gather(task, return_exceptions=True)
            await subscription.aclose()  # type: ignore[no-untyped-call]
            await client.aclose()

    def model(self, *, role: int, system: str | Model | None = None, **members: Any) -> Model:
        """What to start a module with: `uri`, `settings`, `ip`, `port`, and any other member of its row."""
        assert system is None or role == LOGIC, "core sends the system to logic modules only"
        if isinstance(system, str):
            system = self.systems.setdefault(system, control_system(system))
        return module_row(role=role, system=system, **members)


def _failure(frame: Frame) -> RemoteError:
    error = str(frame.get("error"))
    return RemoteError(frame.get("code"), error, frame.get("payload") or "", frame.get("backtrace") or [])


def _not_found(frame: Frame) -> Frame:
    """What core says when its database does not have what a frame is for."""
    return {"code": 500, "error": "PgORM::Error::RecordNotFound", "payload": f"Key not present: {frame['id']}"}
