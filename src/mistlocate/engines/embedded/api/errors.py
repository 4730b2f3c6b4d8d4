"""Errors as JSON, with the status codes of PlaceOS.

`{error, message, hint?, sys_id?, module_name?}`; `error` is the class. 400: bad arguments, unknown command.
401: no key, unknown key, level too low. 403: host or origin not allowed. 404: no such system, module, zone or asset.
408: the body does not come. 413: it is too large. 429: too much at once, or people were asked for too often. 500: the
module raised, and `error` says what. 503: the module is not running.
"""

import math
from collections.abc import Mapping
from http import HTTPStatus
from typing import Any

from fastapi import FastAPI, Request
from fastapi.exceptions import RequestValidationError
from fastapi.responses import Response
from pydantic import BaseModel
from starlette.exceptions import HTTPException
from starlette.routing import Match

from mistlocate import jsontext
from mistlocate.engines.embedded.access import Refusal
from mistlocate.errors import (
    BadArguments,
    CommandFailed,
    LevelTooLow,
    MistlocateError,
    ModuleUnavailable,
    NoSuchModule,
    SettingsError,
    TooManySearches,
    UnknownCommand,
)

_STATUS: Mapping[type[MistlocateError], int] = {
    BadArguments: 400,
    UnknownCommand: 400,
    SettingsError: 400,
    LevelTooLow: 401,
    NoSuchModule: 404,
    TooManySearches: 429,
    ModuleUnavailable: 503,
}


#: What a path may allow, and what is answered as something else: as `GET`, of which the server leaves out the body.
METHODS = ("GET", "HEAD", "POST", "PUT", "PATCH", "DELETE")
ANSWERED_AS = {"HEAD": "GET"}


class ErrorBody(BaseModel):
    """What every error is answered with."""

    error: str
    message: str
    hint: str | None = None
    sys_id: str | None = None
    module_name: str | None = None


def _documented(descriptions: Mapping[int | str, str]) -> dict[int | str, dict[str, Any]]:
    return {status: {"model": ErrorBody, "description": text} for status, text in descriptions.items()}


#: For the OpenAPI document: what any request may be answered with, and what only some.
ANYWHERE = _documented(
    {
        401: "No key, an unknown key, or a level that is too low.",
        403: "The host name, the origin or a proxy is not allowed.",
        429: "Too many requests, or too many keys that are not known; `Retry-After` says how many seconds to wait.",
        "default": "Any other error, in the same form.",
    }
)
NOT_FOUND = _documented({404: "`error` is NoSuchSystem, NoSuchModule or NoSuchZone."})
WITH_BODY = _documented(
    {
        400: "Bad arguments, an unknown command, settings that cannot be used, or a body that is no JSON.",
        413: "The body has more than 1 MiB.",
    }
)
RUNNING = _documented(
    {
        500: "The module raised: `error` is the kind, for example NotFound if the cloud knows no such object.",
        503: "The module is not running.",
    }
)
SEARCHES = _documented({429: "The caller asked for people too often: `Retry-After` says for how many seconds to wait."})


class Refused(Exception):
    """A request that is not answered."""

    def __init__(self, refusal: Refusal) -> None:
        super().__init__(refusal.message)
        self.refusal = refusal


def json_response(value: Any, status: int = 200) -> Response:
    """A value as an answer. Raises `CommandFailed` for what JSON cannot carry."""
    try:
        body = jsontext.dumps(value)
    except TypeError:
        raise CommandFailed("the answer cannot be written as JSON") from None
    return encoded_response(body, status)


def encoded_response(body: bytes, status: int = 200) -> Response:
    """JSON that is encoded already."""
    return Response(body, status, media_type="application/json")


def status_of(error: MistlocateError) -> int:
    """The HTTP status of an error."""
    return next((status for kind, status in _STATUS.items() if isinstance(error, kind)), 500)


def body_of(error: MistlocateError) -> dict[str, Any]:
    """An error for a caller. What a driver raised is marked as such."""
    status = status_of(error)
    message = f"module raised: {error.message}" if status == 500 else error.message
    body = {"error": type(error).__name__, "message": message, **({"hint": error.hint} if error.hint else {})}
    # A driver may speak of what it was sent, and that of half a character.
    return {name: text.encode(errors="replace").decode() for name, text in body.items()}


def refusal_response(refusal: Refusal, **place: Any) -> Response:
    """The answer to a request that is refused."""
    # HTTPStatus calls 413 by another name from one Python to the next.
    name = "Content Too Large" if refusal.status == 413 else HTTPStatus(refusal.status).phrase
    response = json_response({"error": name, "message": refusal.message, **place}, refusal.status)
    if refusal.retry_after is not None:
        response.headers["Retry-After"] = str(refusal.retry_after)
    if refusal.status == 408:  # the rest may come or not: it belongs to no request any more
        response.headers["Connection"] = "close"
    return response


def install(app: FastAPI) -> None:
    """Answer every error in this form."""

    @app.exception_handler(MistlocateError)
    async def known(request: Request, error: MistlocateError) -> Response:
        answer = json_response({**body_of(error), **place_of(request)}, status_of(error))
        if isinstance(error, TooManySearches):
            answer.headers["Retry-After"] = str(math.ceil(error.retry_after))
        return answer

    @app.exception_handler(Refused)
    async def refused(request: Request, error: Refused) -> Response:
        return refusal_response(error.refusal, **place_of(request))

    @app.exception_handler(HTTPException)
    async def http(request: Request, error: HTTPException) -> Response:
        body = {"error": HTTPStatus(error.status_code).phrase, "message": str(error.detail)}
        answer = json_response({**body, **place_of(request)}, error.status_code)
        if error.status_code == 405:
            answer.headers["Allow"] = ", ".join(methods_of(request))
        return answer

    @app.exception_handler(Exception)
    async def defect(request: Request, error: Exception) -> Response:
        body = {"error": "Internal Server Error", "message": "unexpected error; the engine's log says more"}
        return json_response({**body, **place_of(request)}, 500)

    @app.exception_handler(RequestValidationError)
    async def invalid(request: Request, error: RequestValidationError) -> Response:
        found = [f"{'.'.join(str(part) for part in each['loc'])}: {each['msg']}" for each in error.errors()]
        return json_response({"error": "Bad Request", "message": "; ".join(found), **place_of(request)}, 400)


def methods_of(request: Request) -> list[str]:
    """What may be done with the path of a request. (The framework names the methods of one of its routes only.)"""
    return [
        method
        for method in METHODS
        if any(
            route.matches({**request.scope, "method": ANSWERED_AS.get(method, method)})[0] is Match.FULL
            for route in request.app.routes
        )
    ]


def place_of(request: Request) -> dict[str, Any]:
    """Which system and module the request was about."""
    params = request.path_params
    named = {"sys_id": params.get("system_id"), "module_name": params.get("slug") or params.get("module_id")}
    return {key: value for key, value in named.items() if value is not None}
