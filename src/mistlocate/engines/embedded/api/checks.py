"""What every request passes before the application sees it: who may call, how much may be sent, and how often."""

import asyncio

from starlette.datastructures import Headers
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from mistlocate.engines.embedded.access import Refusal, credentials
from mistlocate.engines.embedded.api.common import BASE, METRICS
from mistlocate.engines.embedded.api.control import POLICY
from mistlocate.engines.embedded.api.errors import ANSWERED_AS, Refused, refusal_response
from mistlocate.engines.embedded.engine import Engine
from mistlocate.engines.embedded.limits import place_of, too_many

#: The largest body that is read (bytes).
BODY_AT_MOST = 1024 * 1024

#: For so long a body may take to come (seconds).
BODY_WITHIN = 30.0

_TOO_LARGE = Refusal(413, "the body has more than 1 MiB; send less at once")
_TOO_SLOW = Refusal(408, "the body did not come in time; send it anew")

_POLICY = (
    b"default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data: blob:; connect-src 'self'; "
    b"frame-ancestors 'none'; base-uri 'none'; form-action 'none'"
)

#: Nothing is loaded from elsewhere or by elsewhere, nothing may frame a page, nothing is guessed about types.
_HEADERS = (
    (b"content-security-policy", _POLICY),
    (b"x-content-type-options", b"nosniff"),
    (b"referrer-policy", b"no-referrer"),
    (b"cross-origin-resource-policy", b"same-origin"),
    (b"cross-origin-opener-policy", b"same-origin"),
    (b"permissions-policy", b"camera=(), geolocation=(), microphone=(), payment=(), usb=()"),
    (b"x-frame-options", b"DENY"),
    (b"cache-control", b"no-store"),
)
_ONLY_HTTPS = (b"strict-transport-security", b"max-age=31536000")


class Checks:
    """Looks at the head of every request before any of its body is read, and adds the headers of every answer that
    does not bring its own.

    It lies around the whole application, so that answers to its defects pass here too.
    """

    def __init__(self, app: ASGIApp, engine: Engine) -> None:
        self._app = app
        self._engine = engine

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve one request."""
        if scope["type"] in ("http", "websocket"):
            self._behind_proxies(scope)
        if scope["type"] == "http":
            await self._http(scope, _counted(receive), _with_headers(send, secure=scope["scheme"] == "https"))
        elif scope["type"] == "websocket":
            await self._websocket(scope, receive, send)
        else:
            await self._app(scope, receive, send)

    async def _http(self, scope: Scope, receive: Receive, send: Send) -> None:
        headers = Headers(scope=scope)
        refusal = self._engine.access.check(headers, scope["http_version"]) or self._identify(scope, headers)
        refusal = self._too_often(scope) or refusal or _too_large(headers)  # refusing costs time as well
        if scope["method"] in ANSWERED_AS:
            scope = {**scope, "method": ANSWERED_AS[scope["method"]]}
        await (self._app if refusal is None else refusal_response(refusal))(scope, receive, send)

    async def _websocket(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Only whether it may be looked at: the control socket identifies its callers itself, again and again."""
        refusal = self._engine.access.check(Headers(scope=scope))
        if refusal is not None:
            await send({"type": "websocket.close", "code": POLICY, "reason": refusal.message})
            return
        await self._app(scope, receive, send)

    def _behind_proxies(self, scope: Scope) -> None:
        """From here on the caller is who called the proxy, if the proxy is one that is believed."""
        proxies, headers = self._engine.proxies, Headers(scope=scope)
        peer = (scope.get("client") or (None,))[0]
        if peer in proxies:
            caller = proxies.caller(peer, headers.getlist("x-forwarded-for"))
            scope["client"] = None if caller is None else (caller, 0)
            if scope["type"] == "http":
                scope["scheme"] = proxies.scheme(peer, headers, scope["scheme"])

    def _too_often(self, scope: Scope) -> Refusal | None:
        """Whoever has a key is counted by it, everybody else by the address."""
        caller = scope.get("state", {}).get("caller")
        place = place_of((scope.get("client") or (None,))[0])
        who = place if caller is None else f"{caller.id} at {place}"
        wait = self._engine.limits.request(who, self._engine.clock.monotonic())
        return too_many(wait) if wait else None

    def _identify(self, scope: Scope, headers: Headers) -> Refusal | None:
        """Leaves the caller where the routes of the API find it; what lies beside the API is for everybody,
        but for the metrics."""
        if not scope["path"].startswith(f"{BASE}/") and scope["path"] != METRICS:
            return None
        found = self._engine.identify(credentials(headers, (scope.get("client") or (None,))[0]))
        if isinstance(found, Refusal):
            return found
        scope.setdefault("state", {})["caller"] = found
        return None


def _too_large(headers: Headers) -> Refusal | None:
    """Whether the body is announced as too large; one that is not announced is counted."""
    length = headers.get("content-length", "")
    return _TOO_LARGE if length.isdecimal() and int(length[:20]) > BODY_AT_MOST else None


def _counted(receive: Receive) -> Receive:
    """Raises `Refused` where the body gets too large, or does not come."""
    loop = asyncio.get_running_loop()
    read, whole, end = 0, False, 0.0

    async def receive_counted() -> Message:
        nonlocal read, whole, end
        end = end or loop.time() + BODY_WITHIN
        try:
            async with asyncio.timeout_at(None if whole else end):  # after the body there is only the goodbye to come
                message = await receive()
        except TimeoutError:
            raise Refused(_TOO_SLOW) from None
        read += len(message.get("body", b""))
        whole = not message.get("more_body", False)
        if read > BODY_AT_MOST:
            raise Refused(_TOO_LARGE)
        return message

    return receive_counted


def _with_headers(send: Send, *, secure: bool) -> Send:
    added = (*_HEADERS, _ONLY_HTTPS) if secure else _HEADERS

    async def send_with_headers(message: Message) -> None:
        if message["type"] == "http.response.start":
            own = list(message.get("headers", ()))
            given = {name.lower() for name, _ in own}
            message["headers"] = [*own, *(each for each in added if each[0] not in given)]
        await send(message)

    return send_with_headers
