"""The control socket: bind to statuses, run commands, follow a module's log, as PlaceOS' own socket does it.

A client sends `{id, sys, mod, index?, cmd, name, args?}` with the commands bind, unbind, exec, debug and ignore, and
gets `{id, type: success|notify|error|debug, …}`; the text `ping` is answered with `pong`. A status that changes is
encoded once, however many follow it. A client that reads too slowly is dropped, and only that one.
"""

import asyncio
from collections.abc import Callable
from typing import Any, Literal

import structlog
from fastapi import APIRouter, WebSocket, WebSocketDisconnect
from pydantic import BaseModel, ConfigDict, Field, ValidationError
from starlette.websockets import WebSocketState

from mistlocate import jsontext
from mistlocate.driver.command import Level
from mistlocate.driver.context import Unsubscribe
from mistlocate.engines.embedded.access import Caller
from mistlocate.engines.embedded.api.common import BASE, engine_of, execute, identify, readable, require
from mistlocate.engines.embedded.api.errors import Refused
from mistlocate.engines.embedded.engine import Engine
from mistlocate.engines.embedded.host import ModuleHost
from mistlocate.engines.embedded.status import StatusValue
from mistlocate.engines.logs import follow_module
from mistlocate.errors import LevelTooLow, MistlocateError, NoSuchModule

router = APIRouter(prefix=BASE)

_log = structlog.get_logger("mistlocate.api")

#: How many messages may wait for a client before it is dropped as too slow.
WAITING_AT_MOST = 1000

#: Close codes: policy violation (no access), try again later (too slow).
POLICY, TOO_SLOW = 1008, 1013

# Error codes as PlaceOS has them (0 … 7).
PARSE_ERROR, BAD_REQUEST, ACCESS_DENIED, REQUEST_FAILED, UNKNOWN_COMMAND, NO_SYSTEM, NO_MODULE, UNEXPECTED = range(8)


class Message(BaseModel):
    """What a client sends. `name` is a status (bind, unbind) or a command (exec); for debug, `mod` is a module id."""

    model_config = ConfigDict(extra="forbid")

    id: int
    sys: str = ""
    mod: str = ""
    index: int = Field(1, ge=1)
    cmd: Literal["bind", "unbind", "exec", "debug", "ignore"]
    name: str = ""
    args: list[Any] | dict[str, Any] | None = None

    @property
    def meta(self) -> dict[str, Any]:
        """What the message is about, for the answer."""
        return {"sys": self.sys, "mod": self.mod, "index": self.index, "name": self.name}


@router.websocket("/systems/control")
async def control(socket: WebSocket) -> None:
    """Serve one client. A browser cannot send headers, so here the key may also come as `?api-key=`."""
    engine = engine_of(socket)
    try:
        caller = identify(socket, socket.query_params.get("api-key"))
    except Refused as refused:
        await socket.close(POLICY, refused.refusal.message)
        return
    await socket.accept()
    await _Session(socket, engine, caller).run()


class _Session:
    def __init__(self, socket: WebSocket, engine: Engine, caller: Caller) -> None:
        self._socket = socket
        self._engine = engine
        self._caller = caller
        self._waiting: asyncio.Queue[str] = asyncio.Queue(WAITING_AT_MOST)
        self._bound: dict[tuple[str, str, int, str], Unsubscribe] = {}
        self._debugged: dict[str, Unsubscribe] = {}
        self._running: set[asyncio.Task[None]] = set()
        self._too_slow = asyncio.Event()

    async def run(self) -> None:
        parts: list[asyncio.Task[Any]] = [
            asyncio.create_task(self._read()),
            asyncio.create_task(self._write()),
            asyncio.create_task(self._too_slow.wait()),
        ]
        try:
            await asyncio.wait(parts, return_when=asyncio.FIRST_COMPLETED)
        finally:
            for unsubscribe in [*self._bound.values(), *self._debugged.values()]:
                unsubscribe()
            tasks = [*parts, *self._running]
            for task in tasks:
                task.cancel()
            await asyncio.gather(*tasks, return_exceptions=True)
            if self._too_slow.is_set() and self._socket.application_state is WebSocketState.CONNECTED:
                await self._socket.close(TOO_SLOW, "too slow")

    # -- in and out -------------------------------------------------------------------------------

    async def _read(self) -> None:
        while True:
            try:
                text = await self._socket.receive_text()
            except (WebSocketDisconnect, KeyError):  # KeyError: a binary frame, which nobody has use for
                return
            if text == "ping":
                self._put("pong")
                continue
            message = self._parse(text)
            if message is not None:
                # Side by side: a command that takes its time holds up nothing.
                task = asyncio.create_task(self._answer(message))
                self._running.add(task)
                task.add_done_callback(self._running.discard)

    async def _write(self) -> None:
        while True:
            await self._socket.send_text(await self._waiting.get())

    def _put(self, text: str) -> None:
        try:
            self._waiting.put_nowait(text)
        except asyncio.QueueFull:
            self._too_slow.set()

    def _send(self, answer: dict[str, Any]) -> None:
        self._put(jsontext.dumps(answer).decode())

    def _error(self, message_id: int, code: int, text: str, meta: dict[str, Any] | None = None) -> None:
        self._send({"id": message_id, "type": "error", "error_code": code, "msg": text, "meta": meta})

    # -- messages ---------------------------------------------------------------------------------

    def _parse(self, text: str) -> Message | None:
        try:
            raw = jsontext.loads(text)
        except ValueError:
            self._error(-1, PARSE_ERROR, "the message is no JSON")
            return None
        try:
            return Message.model_validate(raw)
        except ValidationError as error:
            found = error.errors(include_url=False, include_input=False)
            given = raw.get("id") if isinstance(raw, dict) else None
            message_id = given if isinstance(given, int) else -1
            code = UNKNOWN_COMMAND if any(each["loc"] == ("cmd",) for each in found) else BAD_REQUEST
            text = "; ".join(f"{'.'.join(map(str, each['loc']))}: {each['msg']}" for each in found)
            self._error(message_id, code, text)
            return None

    async def _answer(self, message: Message) -> None:
        try:
            await self._do(message)
        except LevelTooLow as error:
            self._error(message.id, ACCESS_DENIED, str(error), message.meta)
        except NoSuchModule as error:
            code = NO_SYSTEM if message.sys and message.sys not in self._engine.systems else NO_MODULE
            self._error(message.id, code, str(error), message.meta)
        except MistlocateError as error:
            self._error(message.id, REQUEST_FAILED, str(error), message.meta)
        except Exception:
            _log.exception("control socket", cmd=message.cmd)
            self._error(message.id, UNEXPECTED, "unexpected error; the engine's log says more", message.meta)

    async def _do(self, message: Message) -> None:
        match message.cmd:
            case "exec":
                host = self._engine.find(message.sys, f"{message.mod}_{message.index}")
                value = await execute(host, self._caller, message.name, message.args)
                self._send({"id": message.id, "type": "success", "meta": message.meta, "value": value})
            case "bind":
                self._bind(message)
            case "unbind":
                unsubscribe = self._bound.pop(self._place(message), None)
                if unsubscribe is not None:
                    unsubscribe()
                self._send({"id": message.id, "type": "success", "meta": message.meta})
            case "debug":
                require(self._caller, Level.SUPPORT, "debug")
                host = self._engine.host(message.mod)
                if host.spec.id not in self._debugged:
                    self._debugged[host.spec.id] = follow_module(host.spec.id, self._log_to(message.id, host))
                self._send({"id": message.id, "type": "success", "meta": message.meta})
            case "ignore":
                unsubscribe = self._debugged.pop(message.mod, None)
                if unsubscribe is not None:
                    unsubscribe()
                self._send({"id": message.id, "type": "success", "meta": message.meta})

    @staticmethod
    def _place(message: Message) -> tuple[str, str, int, str]:
        return message.sys, message.mod, message.index, message.name

    def _bind(self, message: Message) -> None:
        """A module that does not exist yet can be bound to; who may read it is asked with every value."""
        place = self._place(message)
        slug = f"{message.mod}_{message.index}"
        if message.sys not in self._engine.systems:
            raise NoSuchModule(f"no system {message.sys!r}")
        host = self._engine.look_up(message.sys, slug)
        if host is not None and not readable(host, self._caller, message.name):
            require(self._caller, host.driver.status_info(message.name).level, f"the status {message.name!r}")
        self._send({"id": message.id, "type": "success", "meta": message.meta})
        if place in self._bound:
            return
        head = jsontext.dumps({"id": message.id, "type": "notify", "meta": message.meta}).decode()[:-1]

        def notify(news: StatusValue) -> None:
            present = self._engine.look_up(message.sys, slug)
            if present is None or readable(present, self._caller, message.name):
                self._put(f'{head},"value":{news.encoded.decode()}}}')

        self._bound[place] = self._engine.follow(message.sys, slug, message.name, notify)

    def _log_to(self, message_id: int, host: ModuleHost) -> Callable[[int, str], None]:
        def send(level: int, text: str) -> None:
            self._send({"id": message_id, "type": "debug", "mod": host.spec.id, "level": level, "msg": text})

        return send
