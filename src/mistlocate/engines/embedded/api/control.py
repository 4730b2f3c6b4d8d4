"""The control socket: bind to statuses, run commands, follow a module's log, as PlaceOS' own socket does it.

A client sends `{id, sys, mod, index?, cmd, name, args?}` with the commands bind, unbind, exec, debug and ignore, and
gets `{id, type: success|notify|error|debug, …}`; the text `ping` is answered with `pong`, which also comes unasked from
time to time. A status that changes is encoded once, however many follow it. A client that reads too slowly is dropped,
and only that one; so is one whose key is not known any more. Who needs a key and has sent none with the handshake signs
in with the first message.
"""

import asyncio
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from typing import Any, Literal, cast

import structlog
from fastapi import APIRouter, WebSocket, WebSocketDisconnect
from pydantic import BaseModel, ConfigDict, Field, ValidationError
from starlette.websockets import WebSocketState

from mistlocate import jsontext
from mistlocate.driver.command import Level
from mistlocate.driver.context import Unsubscribe
from mistlocate.engines.embedded.access import Caller, Refusal
from mistlocate.engines.embedded.api.bodies import parse
from mistlocate.engines.embedded.api.common import BASE, Known, engine_of, execute, identity, readable, require
from mistlocate.engines.embedded.api.errors import Refused
from mistlocate.engines.embedded.engine import Engine, NoSuchSystem
from mistlocate.engines.embedded.host import ModuleHost
from mistlocate.engines.embedded.outgoing import Outgoing
from mistlocate.engines.embedded.status import StatusValue
from mistlocate.engines.logs import follow_module
from mistlocate.errors import BadArguments, LevelTooLow, MistlocateError, NoSuchModule

router = APIRouter(prefix=BASE)

_log = structlog.get_logger("mistlocate.api")

#: How many messages may wait for a client, and how long they may be together (bytes), before it is dropped as
#: too slow. A single message may always wait.
WAITING_AT_MOST = 1000
LENGTH_AT_MOST = 32 * 1024 * 1024

#: How many commands of one client may run side by side before its next message is read, and how many statuses it may
#: follow; of the largest sites every status is less.
RUNNING_AT_MOST = 64
BOUND_AT_MOST = 10_000

#: For so long a client without a key may stay silent before it signs in (seconds).
SIGN_IN_WITHIN = 10.0

#: A `pong` comes unasked every so many seconds, so that nothing on the way takes a quiet connection for a dead one.
PONG_EVERY = 80.0

#: Close codes: policy violation (no access), a defect, try again later (too slow).
POLICY, DEFECT, TOO_SLOW = 1008, 1011, 1013

# Error codes as PlaceOS has them (0 … 7).
PARSE_ERROR, BAD_REQUEST, ACCESS_DENIED, REQUEST_FAILED, UNKNOWN_COMMAND, NO_SYSTEM, NO_MODULE, UNEXPECTED = range(8)


class Message(BaseModel):
    """What a client sends. `name` is a status (bind, unbind) or a command (exec); for debug, `mod` is a module id."""

    model_config = ConfigDict(extra="forbid")

    id: int = Field(ge=-(2**63), lt=2**63)
    sys: str = ""
    mod: str = ""
    index: int = Field(1, ge=1, lt=2**31)
    cmd: Literal["bind", "unbind", "exec", "debug", "ignore"]
    name: str = ""
    args: list[Any] | dict[str, Any] | None = None

    @property
    def meta(self) -> dict[str, Any]:
        """What the message is about, for the answer."""
        return {"sys": self.sys, "mod": self.mod, "index": self.index, "name": self.name}


@router.websocket("/systems/control")
async def control(socket: WebSocket) -> None:
    """Serve one client. A browser cannot send headers, so here the key may also come as the first message
    (`{"api_key": "…"}`), or as `?api-key=`."""
    known = Known(socket, socket.query_params.get("api-key"))
    try:
        if known.needs_key():
            await socket.accept()
            known = await _signed_in(socket)
        else:
            known.caller()
            await socket.accept()
    except Refused as refused:
        with suppress(WebSocketDisconnect):
            await socket.close(POLICY, refused.refusal.message)
    except WebSocketDisconnect:
        pass  # gone before it said who it is
    else:
        await _Session(socket, engine_of(socket), known).run()


async def _signed_in(socket: WebSocket) -> Known:
    """Who sends a key as the first message; it is answered with `{"id": 0, "type": "success", "value": who}`.

    Raises `Refused`, `WebSocketDisconnect`.
    """
    engine = engine_of(socket)
    try:
        async with engine.clock.timeout(SIGN_IN_WITHIN):
            message = parse(await socket.receive_text())
    except (TimeoutError, ValueError, KeyError):  # KeyError: a message of bytes
        message = None
    key = message.get("api_key") if isinstance(message, dict) and len(message) == 1 else None
    if not isinstance(key, str) or not key:
        raise Refused(Refusal(401, 'an API key is needed: send {"api_key": "…"} as the first message'))
    known = Known(socket, key)
    answer = {"id": 0, "type": "success", "value": identity(engine, known.caller())}
    await socket.send_text(jsontext.dumps(answer).decode())
    return known


PONG = Outgoing(b"pong")


class _Session:
    def __init__(self, socket: WebSocket, engine: Engine, known: Known) -> None:
        self._socket = socket
        self._engine = engine
        self._known = known
        self._waiting: asyncio.Queue[Outgoing] = asyncio.Queue(WAITING_AT_MOST)
        self._length = 0
        self._bound: dict[tuple[str, str, int, str], Unsubscribe] = {}
        self._debugged: dict[str, Unsubscribe] = {}
        self._running: set[asyncio.Task[None]] = set()
        self._end: asyncio.Future[tuple[int, str]] = asyncio.get_running_loop().create_future()

    async def run(self) -> None:
        """Serve until the client goes, or has to go."""
        self._engine.tally.viewers += 1
        work = (self._read(), self._write(), self._keep_alive())
        parts: list[asyncio.Future[Any]] = [asyncio.create_task(each) for each in work]
        try:
            await asyncio.wait([*parts, self._end], return_when=asyncio.FIRST_COMPLETED)
        finally:
            self._engine.tally.viewers -= 1
            for unsubscribe in [*self._bound.values(), *self._debugged.values()]:
                unsubscribe()
            tasks = [*parts, *self._running]
            for task in tasks:
                task.cancel()
            for found in await asyncio.gather(*tasks, return_exceptions=True):
                if isinstance(found, Exception):
                    _log.error("control socket", exc_info=found)
                    self._finish(DEFECT, "unexpected error")
        if self._end.done() and self._socket.application_state is WebSocketState.CONNECTED:
            with suppress(WebSocketDisconnect):
                await self._socket.close(*self._end.result())

    def _finish(self, code: int, reason: str) -> None:
        if not self._end.done():
            self._engine.tally.viewers_dropped[code] += 1
            self._end.set_result((code, reason))

    @contextmanager
    def _while_known(self) -> Iterator[None]:
        """A caller who is not known any more has to go."""
        try:
            yield
        except Refused as refused:
            self._finish(POLICY, refused.refusal.message)

    # -- in and out -------------------------------------------------------------------------------

    async def _read(self) -> None:
        while (text := await self._receive()) is not None:
            await self._its_turn()
            if text in ("ping", b"ping"):
                self._put(PONG)
                continue
            message = self._parse(text)
            if message is not None:
                # Side by side: a command that takes its time holds up nothing.
                task = asyncio.create_task(self._answer(message))
                self._running.add(task)
                task.add_done_callback(self._running.discard)

    async def _its_turn(self) -> None:
        """A client that sends too much is read no faster than it may ask: what it sends waits with itself."""
        while len(self._running) >= RUNNING_AT_MOST:
            await asyncio.wait(self._running, return_when=asyncio.FIRST_COMPLETED)
        clock = self._engine.clock
        while wait := self._engine.limits.request(self._known.name, clock.monotonic()):
            await clock.sleep(wait)

    async def _receive(self) -> str | bytes | None:
        """What the client sends as text or in bytes; None when it has gone."""
        message = await self._socket.receive()
        if message["type"] == "websocket.disconnect":
            return None
        text: str | None = message.get("text")
        return message["bytes"] if text is None else text

    async def _write(self) -> None:
        with suppress(WebSocketDisconnect):
            while True:
                text = await self._waiting.get()
                await self._socket.send_text(cast(str, text))
                self._length -= len(text)

    async def _keep_alive(self) -> None:
        while True:
            await self._engine.clock.sleep(PONG_EVERY)
            self._put(PONG)

    def _put(self, text: Outgoing) -> None:
        with self._while_known():
            self._known.caller()
            self._length += len(text)
            if self._waiting.full() or (self._length > LENGTH_AT_MOST and self._length > len(text)):
                self._finish(TOO_SLOW, "too slow")
            else:
                self._waiting.put_nowait(text)

    def _send(self, answer: dict[str, Any]) -> None:
        try:
            text = jsontext.dumps(answer)
        except TypeError:
            _log.error("an answer that cannot be written as JSON", type=answer["type"], meta=answer.get("meta"))
            error = {"type": "error", "error_code": UNEXPECTED, "msg": "the answer cannot be written as JSON"}
            text = jsontext.dumps({"id": answer["id"], **error, "meta": answer.get("meta")})
        self._put(Outgoing(text))

    def _error(self, message_id: int, code: int, text: str, meta: dict[str, Any] | None = None) -> None:
        self._send({"id": message_id, "type": "error", "error_code": code, "msg": text, "meta": meta})

    # -- messages ---------------------------------------------------------------------------------

    def _parse(self, text: str | bytes) -> Message | None:
        try:
            raw = parse(text)
        except ValueError as error:
            self._error(-1, PARSE_ERROR, f"the message cannot be read: {error}")
            return None
        try:
            return Message.model_validate(raw)
        except ValidationError as error:
            found = error.errors(include_url=False, include_input=False)
            given = raw.get("id") if isinstance(raw, dict) else None
            message_id = given if type(given) is int else -1
            code = UNKNOWN_COMMAND if any(each["loc"] == ("cmd",) for each in found) else BAD_REQUEST
            wrong = "; ".join(f"{'.'.join(map(str, each['loc']))}: {each['msg']}" for each in found)
            self._error(message_id, code, wrong)
            return None

    async def _answer(self, message: Message) -> None:
        try:
            with self._while_known():
                await self._do(message, self._known.caller())
        except LevelTooLow as error:
            self._error(message.id, ACCESS_DENIED, str(error), message.meta)
        except NoSuchModule as error:
            code = NO_SYSTEM if isinstance(error, NoSuchSystem) else NO_MODULE
            self._error(message.id, code, str(error), message.meta)
        except MistlocateError as error:
            self._error(message.id, REQUEST_FAILED, str(error), message.meta)
        except Exception:
            _log.exception("control socket", cmd=message.cmd)
            self._error(message.id, UNEXPECTED, "unexpected error; the engine's log says more", message.meta)

    async def _do(self, message: Message, caller: Caller) -> None:
        match message.cmd:
            case "exec":
                host = self._engine.find(message.sys, f"{message.mod}_{message.index}")
                value = await execute(host, caller, message.name, message.args)
                self._send({"id": message.id, "type": "success", "meta": message.meta, "value": value})
            case "bind":
                self._bind(message, caller)
            case "unbind":
                unsubscribe = self._bound.pop(self._place(message), None)
                if unsubscribe is not None:
                    unsubscribe()
                self._send({"id": message.id, "type": "success", "meta": message.meta})
            case "debug":
                require(caller, Level.SUPPORT, "debug")
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

    def _bind(self, message: Message, caller: Caller) -> None:
        """A module that does not exist yet can be bound to; who may read it is asked with every value."""
        place = self._place(message)
        slug = f"{message.mod}_{message.index}"
        self._engine.system(message.sys)
        host = self._engine.look_up(message.sys, slug)
        if host is not None:
            require(caller, host.driver.status_info(message.name).level, f"the status {message.name!r}")
        if place not in self._bound and len(self._bound) >= BOUND_AT_MOST:
            raise BadArguments(f"a socket follows at most {BOUND_AT_MOST} statuses; unbind some")
        self._send({"id": message.id, "type": "success", "meta": message.meta})
        if place in self._bound:
            return
        notice = jsontext.dumps({"id": message.id, "type": "notify", "meta": message.meta})
        beginning = notice.removesuffix(b"}") + b',"value":'

        def notify(news: StatusValue) -> None:
            present = self._engine.look_up(message.sys, slug)
            with self._while_known():
                if present is None or readable(present, self._known.caller(), message.name):
                    self._tell(beginning, news, message)

        self._bound[place] = self._engine.follow(message.sys, slug, message.name, notify)

    def _tell(self, beginning: bytes, news: StatusValue, message: Message) -> None:
        try:
            self._put(Outgoing(beginning, news.ending))
        except TypeError:  # that is the module's defect, and nothing that setting a status may fail of
            self._error(message.id, UNEXPECTED, "the value cannot be written as JSON", message.meta)

    def _log_to(self, message_id: int, host: ModuleHost) -> Callable[[int, str], None]:
        def send(level: int, text: str) -> None:
            with self._while_known():
                if self._known.caller().level >= Level.SUPPORT:
                    self._send({"id": message_id, "type": "debug", "mod": host.spec.id, "level": level, "msg": text})

        return send
