"""The routes, as PlaceOS has them: systems and their modules by name, modules by id, zones."""

from collections.abc import Callable
from contextlib import suppress
from typing import Any

from fastapi import APIRouter, Request
from fastapi.responses import Response

from mistlocate import __version__
from mistlocate.driver.supervisor import ModuleState
from mistlocate.engines.embedded.api import common
from mistlocate.engines.embedded.api.bodies import ARGUMENTS, CHANGES, ChangesDep, arguments_of
from mistlocate.engines.embedded.api.common import BASE, AdministratorDep, CallerDep, EngineDep
from mistlocate.engines.embedded.api.errors import (
    ANYWHERE,
    NOT_FOUND,
    RUNNING,
    SEARCHES,
    WITH_BODY,
    encoded_response,
    json_response,
)
from mistlocate.engines.embedded.config import ZoneConfig
from mistlocate.engines.embedded.engine import Engine
from mistlocate.engines.embedded.host import ModuleHost
from mistlocate.engines.logs import redact_text
from mistlocate.errors import NoSuchModule

router = APIRouter()
api = APIRouter(prefix=BASE, responses=ANYWHERE)


# -- asked most, so tried first: looking through the others takes longer than the answer ----------


@api.post(
    "/systems/{system_id}/{slug}/{method}",
    tags=["systems"],
    responses=NOT_FOUND | WITH_BODY | RUNNING | SEARCHES,
    openapi_extra=ARGUMENTS,
)
async def execute(system_id: str, slug: str, method: str, request: Request) -> Response:
    """Run a command of a module (`MistWebsocket_1`, or `MistWebsocket` for the first)."""
    return await _executed(lambda engine: engine.find(system_id, slug), method, request)


# -- health, and who calls ------------------------------------------------------------------------


@router.get("/health/live", tags=["engine"])
async def live() -> Response:
    """That the engine answers, whatever its modules do: what does not answer here is to be started anew."""
    return json_response({"status": "ok", "version": __version__})


@router.get("/health/ready", tags=["engine"])
async def ready(engine: EngineDep) -> Response:
    """The same as `/health`: whether questions to the modules can be answered."""
    return await health(engine)


@router.get("/health", tags=["engine"])
async def health(engine: EngineDep) -> Response:
    """Whether every module runs: 200 `ok`, or 503 `degraded`. Needs no key and names nothing."""
    running = sum(host.state is ModuleState.RUNNING for host in engine.hosts.values())
    healthy = running == len(engine.hosts)
    body = {
        "status": "ok" if healthy else "degraded",
        "modules": len(engine.hosts),
        "running": running,
        "version": __version__,
    }
    return json_response(body, 200 if healthy else 503)


@api.get("/self", tags=["engine"])
async def whoami(engine: EngineDep, caller: CallerDep) -> Response:
    """Who calls: `{name, level, keys, version}`. `keys`: whether keys are configured; without any, `name` is null."""
    return json_response(common.identity(engine, caller))


# -- systems --------------------------------------------------------------------------------------


@api.get("/systems", tags=["systems"])
async def systems(engine: EngineDep, caller: CallerDep) -> Response:
    """All systems with their zones and modules."""
    return json_response([_system(engine, system_id) for system_id in engine.systems])


@api.get("/systems/{system_id}", tags=["systems"], responses=NOT_FOUND)
async def system(system_id: str, engine: EngineDep, caller: CallerDep) -> Response:
    """One system with its zones and modules."""
    return json_response(_system(engine, system_id))


@api.get("/systems/{system_id}/types", tags=["systems"], responses=NOT_FOUND)
async def types(system_id: str, engine: EngineDep, caller: CallerDep) -> Response:
    """How many modules of each name a system has."""
    engine.system(system_id)
    counts: dict[str, int] = {}
    for host in engine.in_system(system_id):
        counts[host.spec.name] = counts.get(host.spec.name, 0) + 1
    return json_response(counts)


@api.get("/systems/{system_id}/functions/{slug}", tags=["systems"], responses=NOT_FOUND)
async def functions(system_id: str, slug: str, engine: EngineDep, caller: CallerDep) -> Response:
    """The commands of a module that the caller may run, with the JSON Schema of each argument."""
    return json_response(common.functions(engine.find(system_id, slug), caller))


@api.post("/systems/{system_id}/start", tags=["systems"], responses=NOT_FOUND)
async def start_system(system_id: str, engine: EngineDep, caller: AdministratorDep) -> Response:
    """Start every module of a system that does not run."""
    engine.system(system_id)
    for host in engine.in_system(system_id):
        with suppress(NoSuchModule):  # gone meanwhile
            await engine.start(host.spec.id)
    return json_response({})


@api.post("/systems/{system_id}/stop", tags=["systems"], responses=NOT_FOUND)
async def stop_system(system_id: str, engine: EngineDep, caller: AdministratorDep) -> Response:
    """Stop every module of a system."""
    engine.system(system_id)
    for host in engine.in_system(system_id):
        with suppress(NoSuchModule):  # gone meanwhile
            await engine.stop(host.spec.id)
    return json_response({})


@api.get("/systems/{system_id}/{slug}", tags=["systems"], responses=NOT_FOUND)
async def state(system_id: str, slug: str, engine: EngineDep, caller: CallerDep) -> Response:
    """Every status of a module that the caller may read, each as JSON text."""
    return json_response(common.state(engine, engine.find(system_id, slug), caller))


@api.get("/systems/{system_id}/{slug}/{key}", tags=["systems"], responses=NOT_FOUND)
async def status(system_id: str, slug: str, key: str, engine: EngineDep, caller: CallerDep) -> Response:
    """One status of a module, `null` if it has no value."""
    return encoded_response(common.status_text(engine, engine.find(system_id, slug), caller, key))


# -- modules --------------------------------------------------------------------------------------


@api.get("/modules", tags=["modules"])
async def modules(engine: EngineDep, caller: CallerDep) -> Response:
    """All modules with their state."""
    return json_response([common.summary(engine, host) for host in engine.hosts.values()])


@api.get("/modules/{module_id}", tags=["modules"], responses=NOT_FOUND)
async def module(module_id: str, engine: EngineDep, caller: CallerDep) -> Response:
    """One module."""
    return json_response(common.summary(engine, engine.host(module_id)))


@api.get("/modules/{module_id}/state", tags=["modules"], responses=NOT_FOUND)
async def module_state(module_id: str, engine: EngineDep, caller: CallerDep) -> Response:
    """Every status that the caller may read, each as JSON text."""
    return json_response(common.state(engine, engine.host(module_id), caller))


@api.get("/modules/{module_id}/state/{key}", tags=["modules"], responses=NOT_FOUND)
async def module_status(module_id: str, key: str, engine: EngineDep, caller: CallerDep) -> Response:
    """One status, `null` if it has no value."""
    return encoded_response(common.status_text(engine, engine.host(module_id), caller, key))


@api.post(
    "/modules/{module_id}/exec/{method}",
    tags=["modules"],
    responses=NOT_FOUND | WITH_BODY | RUNNING | SEARCHES,
    openapi_extra=ARGUMENTS,
)
async def module_execute(module_id: str, method: str, request: Request) -> Response:
    """Run a command."""
    return await _executed(lambda engine: engine.host(module_id), method, request)


@api.post("/modules/{module_id}/start", tags=["modules"], responses=NOT_FOUND)
async def module_start(module_id: str, engine: EngineDep, caller: AdministratorDep) -> Response:
    """Start a module, if it does not run."""
    await engine.start(module_id)
    return json_response({})


@api.post("/modules/{module_id}/load", tags=["modules"], responses=NOT_FOUND)
async def module_load(module_id: str, engine: EngineDep, caller: AdministratorDep) -> Response:
    """The same as start: modules of this engine are always loaded."""
    return await module_start(module_id, engine, caller)


@api.post("/modules/{module_id}/ping", tags=["modules"], responses=NOT_FOUND)
async def module_ping(module_id: str, engine: EngineDep, caller: CallerDep) -> Response:
    """Whether the module reaches its device or cloud: `{pingable}`."""
    return json_response({"pingable": common.summary(engine, engine.host(module_id))["connected"] is True})


@api.get("/modules/{module_id}/error", tags=["modules"], responses=NOT_FOUND)
async def module_error(module_id: str, engine: EngineDep, caller: CallerDep) -> Response:
    """What went wrong with the module last, null if nothing did."""
    return json_response(engine.host(module_id).problem)


@api.post("/modules/{module_id}/stop", tags=["modules"], responses=NOT_FOUND)
async def module_stop(module_id: str, engine: EngineDep, caller: AdministratorDep) -> Response:
    """Stop a module until it is started again, or the engine is."""
    await engine.stop(module_id)
    return json_response({})


@api.get("/modules/{module_id}/settings", tags=["modules"], responses=NOT_FOUND)
async def module_settings(module_id: str, engine: EngineDep, caller: AdministratorDep) -> Response:
    """The settings in force, secrets masked, and where saved ones differ from the file (`drift`). Those that are
    `fixed` are taken from the file alone; those that are `kept` the module itself keeps, and they are masked, too."""
    return json_response(_settings(engine.host(module_id)))


@api.put("/modules/{module_id}/settings", tags=["modules"], responses=NOT_FOUND | WITH_BODY, openapi_extra=CHANGES)
async def save_settings(module_id: str, engine: EngineDep, caller: AdministratorDep, changes: ChangesDep) -> Response:
    """Save settings over those of the file; they take effect at once. null takes the file's value again."""
    removed = tuple(name for name, value in changes.items() if value is None)
    kept = {name: value for name, value in changes.items() if value is not None}
    await engine.save_settings(module_id, kept, removed)
    return json_response(_settings(engine.host(module_id)))


# -- zones ----------------------------------------------------------------------------------------


@api.get("/zones", tags=["zones"])
async def zones(engine: EngineDep, caller: CallerDep) -> Response:
    """All zones: `{id, name, parent_id}`."""
    return json_response([_zone(each) for each in engine.zones.values()])


@api.get("/zones/{zone_id}", tags=["zones"], responses=NOT_FOUND)
async def zone(zone_id: str, engine: EngineDep, caller: CallerDep) -> Response:
    """One zone."""
    return json_response(_zone(engine.zone(zone_id)))


async def _executed(find: Callable[[Engine], ModuleHost], method: str, request: Request) -> Response:
    """What a command answers. It looks at the request itself: each dependency takes as long as finding somebody."""
    caller = await common.caller_of(request)
    args = await arguments_of(request)
    return json_response(await common.execute(find(common.engine_of(request)), caller, method, args))


def _zone(zone: ZoneConfig) -> dict[str, Any]:
    return {"id": zone.id, "name": zone.name, "parent_id": zone.parent}


def _system(engine: Engine, system_id: str) -> dict[str, Any]:
    found = engine.system(system_id)
    return {
        "id": found.id,
        "name": found.name,
        "zones": found.zones,
        "modules": [host.spec.slug for host in engine.in_system(system_id)],
    }


def _settings(host: ModuleHost) -> dict[str, Any]:
    secret = host.driver.secret_settings() | host.driver.lasting_settings

    def masked(name: str, value: Any) -> Any:
        if name in secret and value:
            return "***"
        return redact_text(value) if isinstance(value, str) else value  # a proxy's address may hold a password

    def mask(settings: dict[str, Any]) -> dict[str, Any]:
        return {name: masked(name, value) for name, value in settings.items()}

    file = mask(dict(host.spec.settings))
    return {
        "settings": mask(host.settings),
        "drift": {name: {"file": file.get(name), "saved": value} for name, value in mask(host.saved).items()},
        "fixed": sorted(host.driver.fixed_settings()),
        "kept": sorted(host.driver.lasting_settings),
        "schema": host.driver.Settings.model_json_schema(),
    }
