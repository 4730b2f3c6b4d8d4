"""What every route needs: the engine, the caller, and the rules of levels."""

from typing import Annotated, Any

from fastapi import Depends, Request
from fastapi.requests import HTTPConnection

from mistlocate.driver.command import Level, commands_of
from mistlocate.engines.embedded.access import Caller, Refusal
from mistlocate.engines.embedded.api.errors import Refused
from mistlocate.engines.embedded.engine import Engine
from mistlocate.engines.embedded.host import ModuleHost
from mistlocate.errors import LevelTooLow, NoSuchModule

BASE = "/api/engine/v2"


def engine_of(connection: HTTPConnection) -> Engine:
    """The engine that the application serves."""
    engine: Engine = connection.app.state.engine
    return engine


def identify(connection: HTTPConnection, key: str | None = None) -> Caller:
    """Who calls. Raises `Refused`."""
    client = connection.client.host if connection.client else None
    caller = engine_of(connection).access.identify(connection.headers, client, key)
    if isinstance(caller, Refusal):
        raise Refused(caller)
    return caller


def _caller(request: Request) -> Caller:
    return identify(request)


def _administrator(request: Request) -> Caller:
    caller = identify(request)
    require(caller, Level.ADMINISTRATOR, "this")
    return caller


EngineDep = Annotated[Engine, Depends(engine_of)]
CallerDep = Annotated[Caller, Depends(_caller)]
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
    return await host.execute(command, args)


def readable(host: ModuleHost, caller: Caller, key: str) -> bool:
    """Whether the caller may read a status."""
    return caller.level >= host.driver.status_info(key).level


def status_text(engine: Engine, host: ModuleHost, caller: Caller, key: str) -> bytes:
    """A status as JSON, `null` if it has no value. Raises `LevelTooLow`."""
    require(caller, host.driver.status_info(key).level, f"the status {key!r}")
    present = engine.board.get(host.spec.id, key)
    return b"null" if present is None else present.encoded


def state(engine: Engine, host: ModuleHost, caller: Caller) -> dict[str, str]:
    """Every status that the caller may read, each as JSON text."""
    statuses = engine.board.all(host.spec.id)
    return {key: each.encoded.decode() for key, each in statuses.items() if readable(host, caller, key)}


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


def system(engine: Engine, system_id: str) -> Any:
    """A system. Raises `NoSuchModule`."""
    found = engine.systems.get(system_id)
    if found is None:
        raise NoSuchModule(f"no system {system_id!r}", hint="systems: " + (", ".join(engine.systems) or "none"))
    return found
