"""What is said on the socket to core: the envelope, the model of a module, the body of a call. Pure.

Shapes as in PlaceOS' driver library (`protocol/request.cr`, `driver_model.cr`, `src/placeos-driver.cr`). Core may send
null wherever something is missing, and members that nobody here knows.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from mistlocate import jsontext
from mistlocate.errors import BadArguments

#: Ways to a device, as the model of a module names them.
ROLE_TCP, ROLE_HTTP, ROLE_WEBSOCKET, ROLE_LOGIC = 1, 2, 3, 99
ROLES = (ROLE_TCP, ROLE_HTTP, ROLE_WEBSOCKET, ROLE_LOGIC)

#: Numbers that can be written in an answer again.
_WRITABLE = range(-(2**63), 2**64)


class MessageError(ValueError):
    """A message that cannot be understood."""


@dataclass(frozen=True, slots=True)
class Message:
    """One message. `payload` is always text, and often JSON; `seq` 0 is a number like any other."""

    id: str
    cmd: str
    seq: int | None = None
    reply: str | None = None
    user_id: str | None = None
    code: int | None = None
    payload: str | None = None
    error: str | None = None
    backtrace: tuple[str, ...] = ()

    def answer(self, payload: str, code: int = 200) -> "Message":
        """The result of a call, addressed as the call was."""
        return Message(self.id, "result", self.seq, self.reply, self.user_id, code, payload)

    def failure(self, error: str, text: str, code: int = 500) -> "Message":
        """The failure of a call: the name of an error and a text, which is no JSON."""
        return Message(self.id, "result", self.seq, self.reply, self.user_id, code, text, error)


def decode(data: bytes) -> Message:
    """A message from core. Raises `MessageError`."""
    try:
        raw = jsontext.loads(data)
    except ValueError:
        raise MessageError("no JSON") from None
    if not isinstance(raw, dict):
        raise MessageError("no object")
    cmd = raw.get("cmd")
    if not isinstance(cmd, str):
        raise MessageError("no command")
    return Message(
        id=_text(raw, "id") or "",
        cmd=cmd,
        seq=_integer(raw, "seq"),
        reply=_text(raw, "reply"),
        user_id=_text(raw, "user_id"),
        code=_integer(raw, "code"),
        payload=_text(raw, "payload"),
        error=_text(raw, "error"),
    )


def encode(message: Message) -> bytes:
    """A message to core; what is None is left out."""
    members = {
        "id": message.id,
        "cmd": message.cmd,
        "user_id": message.user_id,
        "seq": message.seq,
        "reply": message.reply,
        "code": message.code,
        "payload": message.payload,
        "error": message.error,
        "backtrace": list(message.backtrace) if message.error is not None else None,
    }
    return jsontext.dumps({name: value for name, value in members.items() if value is not None})


def _text(raw: Mapping[str, Any], name: str) -> str | None:
    value = raw.get(name)
    if value is None or isinstance(value, str):
        return value
    raise MessageError(f"{name} is no text")


def _integer(raw: Mapping[str, Any], name: str) -> int | None:
    value = raw.get(name)
    if value is None or (isinstance(value, int) and not isinstance(value, bool) and value in _WRITABLE):
        return value
    raise MessageError(f"{name} is no whole number of 64 bits")


# -- the model of a module ------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Model:
    """A module as core describes it. An empty text and port 0 stand for "none"."""

    role: int
    settings: Mapping[str, Any] = field(default_factory=dict)
    ip: str | None = None
    port: int | None = None
    uri: str | None = None
    tls: bool = False
    udp: bool = False
    makebreak: bool = False
    system_id: str | None = None
    notes: str | None = None

    @property
    def connection(self) -> tuple[object, ...]:
        """What cannot change without a new start."""
        return self.ip, self.port, self.uri, self.tls, self.udp, self.makebreak, self.role


def read_model(payload: str | None) -> Model:
    """The model in the payload of `start` and `update`. Raises `MessageError`."""
    try:
        raw = jsontext.loads(payload or "")
    except ValueError:
        raise MessageError("the model is no JSON") from None
    if not isinstance(raw, dict):
        raise MessageError("the model is no object")
    settings = raw.get("settings")
    if settings is not None and not isinstance(settings, dict):
        raise MessageError("the settings are no object")
    role = _integer(raw, "role")
    if role is None:
        raise MessageError("the model has no role")
    system = raw.get("control_system")
    return Model(
        role=role,
        settings=settings or {},
        ip=_text(raw, "ip") or None,
        port=_integer(raw, "port") or None,
        uri=_text(raw, "uri") or None,
        tls=raw.get("tls") is True,
        udp=raw.get("udp") is True,
        makebreak=raw.get("makebreak") is True,
        system_id=_text(system, "id") or None if isinstance(system, dict) else None,
        notes=_text(raw, "notes"),
    )


# -- calls ----------------------------------------------------------------------------------------


def read_call(payload: str | None) -> tuple[str, Any]:
    """Command and arguments of an `exec` body: `{"__exec__": name, name: [...] | {...} | null}`.

    What stands for the arguments is as it came: a command without any does not look at it. Raises `BadArguments`.
    """
    try:
        raw = jsontext.loads(payload or "")
    except ValueError:
        raise BadArguments("the call is no JSON") from None
    name = raw.get("__exec__") if isinstance(raw, dict) else None
    if not isinstance(name, str):
        raise BadArguments("the call names no command")
    return name, raw.get(name)


def call_body(name: str, args: Mapping[str, Any]) -> str:
    """The body of a call by names, in the order of the arguments."""
    return jsontext.dumps({"__exec__": name, name: dict(args)}).decode()
