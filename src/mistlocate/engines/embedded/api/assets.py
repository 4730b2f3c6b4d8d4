"""Assets of modules, such as the images of maps: bytes with a version, for callers of the level that they need."""

from typing import Any

from fastapi import APIRouter, Request
from fastapi.responses import Response

from mistlocate.engines.embedded.access import Caller
from mistlocate.engines.embedded.api.common import BASE, CallerDep, EngineDep, require
from mistlocate.engines.embedded.api.conditional import conditional
from mistlocate.engines.embedded.api.errors import ANYWHERE, RUNNING, ErrorBody, body_of, json_response, place_of
from mistlocate.engines.embedded.host import ModuleHost
from mistlocate.errors import NotFound

api = APIRouter(prefix=BASE, responses=ANYWHERE)

#: An asset is to be looked at and does nothing, whatever it may hold.
_HEADERS = {"Content-Security-Policy": "default-src 'none'; frame-ancestors 'none'; sandbox"}

_RESPONSES: dict[int | str, dict[str, Any]] = {
    200: {"description": "The asset.", "content": {"*/*": {"schema": {"type": "string", "format": "binary"}}}},
    304: {"description": "The version that `If-None-Match` names is the present one."},
    404: {
        "model": ErrorBody,
        "description": "`error` is NoSuchSystem or NoSuchModule, or NotFound if the module has no such asset.",
    },
    **RUNNING,
}


@api.get(
    "/systems/{system_id}/{slug}/assets/{name:path}", tags=["systems"], responses=_RESPONSES, response_class=Response
)
async def asset(
    system_id: str, slug: str, name: str, request: Request, engine: EngineDep, caller: CallerDep
) -> Response:
    """An asset of a module, for example `map/MAP_ID` and `map/MAP_ID/thumbnail` of MistWebsocket: images."""
    return await _asset(request, engine.find(system_id, slug), caller, name)


@api.get("/modules/{module_id}/assets/{name:path}", tags=["modules"], responses=_RESPONSES, response_class=Response)
async def module_asset(module_id: str, name: str, request: Request, engine: EngineDep, caller: CallerDep) -> Response:
    """An asset of a module."""
    return await _asset(request, engine.host(module_id), caller, name)


async def _asset(request: Request, host: ModuleHost, caller: Caller, name: str) -> Response:
    require(caller, host.driver.asset_level, "an asset of this module")
    try:
        found = await host.asset(name)
    except NotFound as error:
        return json_response({**body_of(error), "message": error.message, **place_of(request)}, 404)
    return conditional(
        request, found.body, found.media_type, found.version, cache="private, no-cache", headers=_HEADERS
    )
