"""The application: routes, control socket, documentation, and the checks that every request passes."""

from collections.abc import Awaitable, Callable, MutableMapping
from typing import Any

from fastapi import FastAPI
from starlette.datastructures import Headers
from starlette.responses import Response

from mistlocate import __version__
from mistlocate.engines.embedded.api import control, docs, errors, routes
from mistlocate.engines.embedded.api.errors import json_response
from mistlocate.engines.embedded.engine import Engine

Scope = MutableMapping[str, Any]
Receive = Callable[[], Awaitable[MutableMapping[str, Any]]]
Send = Callable[[MutableMapping[str, Any]], Awaitable[None]]

#: Nothing is loaded from elsewhere, nothing may frame a page, nothing is guessed about types.
_HEADERS = (
    (b"content-security-policy", b"default-src 'self'; frame-ancestors 'none'; base-uri 'none'; img-src 'self' data:"),
    (b"x-content-type-options", b"nosniff"),
    (b"referrer-policy", b"no-referrer"),
    (b"cache-control", b"no-store"),
)


def make_app(engine: Engine) -> "Checks":
    """The API of an engine, as an ASGI application."""
    app = FastAPI(
        title="mistlocate",
        version=__version__,
        description="Finds people on Juniper Mist Wi-Fi. Paths, arguments and errors are those of PlaceOS.",
        docs_url=None,
        redoc_url=None,
    )
    app.state.engine = engine
    errors.install(app)
    app.include_router(routes.router)
    app.include_router(control.router)
    app.include_router(routes.api)
    docs.install(app)
    return Checks(app, engine)


class Checks:
    """Looks at Host and Origin before anything else does, and adds the headers of every answer.

    It lies around the whole application, so that answers to its defects pass here too.
    """

    def __init__(self, app: Any, engine: Engine) -> None:
        self._app = app
        self._engine = engine

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve one request."""
        if scope["type"] not in ("http", "websocket"):
            await self._app(scope, receive, send)
            return
        refusal = self._engine.access.check(Headers(scope=scope))
        if refusal is not None:
            if scope["type"] == "websocket":
                await send({"type": "websocket.close", "code": control.POLICY, "reason": refusal.message})
                return
            send = self._with_headers(send)
            answer: Response = json_response({"error": "Forbidden", "message": refusal.message}, refusal.status)
            await answer(scope, receive, send)
            return
        await self._app(scope, receive, self._with_headers(send))

    @staticmethod
    def _with_headers(send: Send) -> Send:
        async def send_with_headers(message: MutableMapping[str, Any]) -> None:
            if message["type"] == "http.response.start":
                message["headers"] = [*message.get("headers", ()), *_HEADERS]
            await send(message)

        return send_with_headers
