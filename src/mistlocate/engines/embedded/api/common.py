"""What every route needs: the engine, the caller, and the rules of levels."""

from typing import Annotated, Any

from fastapi import Depends, Request
from fastapi.requests import HTTPConnection

from mistlocate import __version__
from mistlocate.driver.command import Level, commands_of
from mistlocate.driver.context import Asker
from mistlocate.engines.embedded.access import Access, Caller, Refusal, credentials
from mistlocate.engines.embedded.api.errors import Refused
from mistlocate.engines.embedded.asking import asking
from mistlocate.engines.embedded.engine import Engine
from mistlocate.engines.embedded.host import ModuleHost
from mistlocate.engines.embedded.limits import place_of
from mistlocate.engines.embedded.status import StatusValue
from mistlocate.errors import CommandFailed, LevelTooLow

BASE = "/api/engine/v2"
METRICS = "/metrics"


def engine_of(connection: HTTPConnection) -> Engine:
    """The engine that the application serves."""
    engine: Engine = connection.app.state.engine
    return engine


class Known:
    """Who is connected, for as long as it is: identified anew whenever the rules of access have changed."""

    def __init__(self, connection: HTTPConnection, key: str | None = None) -> None:
        self._engine = engine_of(connection)
        self._shown = credentials(connection.headers, connection.client.host if connection.client else None, key)
        self._headers = {name: value for name, value in connection.headers.items() if name not in _SECRET}
        self._access: Access | None = None
        self._caller: Caller | None = None

    @property
    def name(self) -> str:
        """Whose messages are counted together: those of a key, or of an address, from one place."""
        return f"socket of {self._shown.key_hash} at {place_of(self._shown.client)}"

    def needs_key(self) -> bool:
        """Whether a key is needed and none was shown."""
        return self._engine.access.has_keys and self._shown.key_hash is None

    def caller(self) -> Caller:
        """Who it is now. Raises `Refused`."""
        access = self._engine.access
        if self._caller is None or access is not self._access:
            found = access.check(self._headers) or self._engine.identify(self._shown)
            if isinstance(found, Refusal):
                raise Refused(found)
            if found.level < Level.USER:
                raise Refused(Refusal(401, "this API key reads metrics only"))
            self._access, self._caller = access, found
        return self._caller


def identity(engine: Engine, caller: Caller) -> dict[str, Any]:
    """Who a caller is, as it is told itself: `{name, level, keys, version}`."""
    keys = engine.access.has_keys
    name = caller.id if keys else None
    return {"name": name, "level": caller.level.label, "keys": keys, "version": __version__}


#: Headers that are not kept: of a key, its hash is enough.
_SECRET = ("authorization", "x-api-key", "cookie")


# Dependencies are coroutines: functions would each be sent to a thread, for every request.


async def _engine(connection: HTTPConnection) -> Engine:
    return engine_of(connection)


async def _any_caller(request: Request) -> Caller:
    caller: Caller = request.state.caller
    return caller


async def caller_of(request: Request) -> Caller:
    """Who asks, of the API. Raises `LevelTooLow`."""
    caller: Caller = request.state.caller
    require(caller, Level.USER, "this")
    return caller


async def _administrator(caller: Annotated[Caller, Depends(caller_of)]) -> Caller:
    require(caller, Level.ADMINISTRATOR, "this")
    return caller


EngineDep = Annotated[Engine, Depends(_engine)]
CallerDep = Annotated[Caller, Depends(caller_of)]
MetricsCallerDep = Annotated[Caller, Depends(_any_caller)]
AdministratorDep = Annotated[Caller, Depends(_administrator)]


def require(caller: Caller, level: Level, what: str) -> None:
    """Raises `LevelTooLow`."""
    if caller.level < level:
        raise LevelTooLow(
            f"{what} needs the level {level.label}", hint=f"the key {caller.id!r} has the level {caller.level.label}"
        )


async def execute(host: ModuleHost, caller: Caller, command: str, args: Any) -> Any:
    """Run a command as this caller. Raises `LevelTooLow`, and as `Module.execute`."""
    require(caller, host.command(command).level, command)
    with asking(Asker(caller.id)):
        return await host.execute(command, args)


def readable(host: ModuleHost, caller: Caller, key: str) -> bool:
    """Whether the caller may read a status."""
    return caller.level >= host.driver.status_info(key).level


def status_text(engine: Engine, host: ModuleHost, caller: Caller, key: str) -> bytes:
    """A status as JSON, `null` if it has no value. Raises `LevelTooLow`, `CommandFailed`."""
    require(caller, host.driver.status_info(key).level, f"the status {key!r}")
    present = engine.board.get(host.spec.id, key)
    return b"null" if present is None else _encoded(key, present)


def state(engine: Engine, host: ModuleHost, caller: Caller) -> dict[str, str]:
    """Every status that the caller may read, each as JSON text. Raises `CommandFailed`."""
    statuses = engine.board.all(host.spec.id)
    return {key: _encoded(key, each).decode() for key, each in statuses.items() if readable(host, caller, key)}


def _encoded(key: str, status: StatusValue) -> bytes:
    try:
        return status.encoded
    except TypeError:
        raise CommandFailed(f"the status {key!r} cannot be written as JSON") from None


def functions(host: ModuleHost, caller: Caller) -> dict[str, Any]:
    """The commands that the caller may run: name → `{arity, params, order, level, description}`."""
    return {
        name: {
            "arity": command.arity,
            "params": {parameter.name: parameter.schema for parameter in command.parameters},
            "order": [parameter.name for parameter in command.parameters],
            "level": command.level.label,
            "description": command.description,
        }
        for name, command in commands_of(host.driver).items()
        if caller.level >= command.level
    }


def summary(engine: Engine, host: ModuleHost) -> dict[str, Any]:
    """A module as lists show it."""
    connected = engine.board.get(host.spec.id, "connected")
    return {
        "id": host.spec.id,
        "system_id": host.spec.system_id,
        "name": host.spec.name,
        "index": host.spec.index,
        "slug": host.spec.slug,
        "driver": host.driver.descriptive_name,
        "description": host.driver.description,
        "state": host.state.value,
        "connected": None if connected is None else connected.value,
        "restarts": host.restarts,
        "problem": host.problem,
    }
