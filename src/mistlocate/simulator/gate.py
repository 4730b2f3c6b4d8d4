"""The way in over HTTP: faults, tokens, budgets, the log, and the shape of every answer."""

import asyncio
from collections import deque
from collections.abc import Callable
from dataclasses import asdict, dataclass
from email.utils import formatdate
from itertools import count
from typing import Any

import orjson
from starlette.datastructures import MutableHeaders
from starlette.requests import ClientDisconnect, HTTPConnection, Request
from starlette.responses import RedirectResponse, Response
from starlette.types import Receive, Scope, Send

from mistlocate.simulator import org_calls, plans, site_calls
from mistlocate.simulator.answers import Refusal, forbidden, not_found, rejected, usual_body
from mistlocate.simulator.calls import TABLE, Call
from mistlocate.simulator.faults import RestRule
from mistlocate.simulator.links import DOWNLOAD, STORAGE
from mistlocate.simulator.stream import Pause
from mistlocate.simulator.tenant import Tenant

LOG_LENGTH = 10_000
_LOADED = (org_calls, site_calls)  # importing them fills the table
_SAFE = frozenset({"GET", "HEAD"})
_PAGING = ("X-Page-Total", "X-Page-Limit", "X-Page-Page")


@dataclass(frozen=True, slots=True)
class Entry:
    """One line of the log. `token` is its kind, never its key; `status` 0 means that the connection was cut."""

    method: str
    path: str
    query: str
    token: str | None
    status: int
    at: float

    def as_json(self) -> dict[str, Any]:
        """The line as JSON."""
        return asdict(self)


class RequestLog(deque[Entry]):
    """The last requests, oldest first; REST calls, image downloads and upgrades to the stream."""

    def __init__(self) -> None:
        super().__init__(maxlen=LOG_LENGTH)

    def note(self, connection: HTTPConnection, method: str, token: str | None, status: int, at: float) -> None:
        """One more line. Signatures in the query are left out: they are as good as a token."""
        query = connection.url.query
        secret = any(name in connection.query_params for name in ("jwt", "signature"))
        self.append(Entry(method, connection.url.path, "…" if secret else query, token, status, at))

    def paths(self) -> list[str]:
        """Only the paths."""
        return [entry.path for entry in self]


class Gate:
    """Answers REST calls and image downloads; an ASGI application.

    `pause` waits simulated seconds, and says whether they have passed or the server stops; `cut` cuts the connection
    of a scope.
    """

    def __init__(
        self,
        tenant: Tenant,
        log: RequestLog,
        pause: Pause,
        cut: Callable[[Scope], None],
    ) -> None:
        self._tenant, self._log, self._pause, self._cut = tenant, log, pause, cut
        self._answers = count()

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer one request."""
        request = Request(scope, receive)
        path = request.url.path
        rule = self._tenant.faults.rest_rule(request.method, path)
        in_time = await self._pause(rule.delay) if rule is not None and rule.delay else True
        if not in_time or (rule is not None and rule.drop):
            self._log.note(request, request.method, None, 0, self._tenant.now())
            self._cut(scope)
            while (await receive())["type"] != "http.disconnect":
                pass
            return
        try:
            kind, response = await self._respond(request, rule)
        except ClientDisconnect:  # gone before it had said all: nobody waits for an answer
            self._log.note(request, request.method, None, 0, self._tenant.now())
            return
        response.headers["Date"] = formatdate(self._tenant.now(), usegmt=True)
        self._log.note(request, request.method, kind, response.status_code, self._tenant.now())
        await response(scope, receive, send)

    async def _respond(self, request: Request, rule: RestRule | None) -> tuple[str | None, Response]:
        kind: str | None = None
        try:
            if rule is not None and rule.status is not None:
                return kind, self._custom(rule, rule.status)
            path = request.url.path
            if path == DOWNLOAD:
                return kind, self._redirect(request)
            if path.startswith(STORAGE + "/"):
                return kind, await self._stored(request)
            token = self._tenant.tokens.authenticate(request.headers.get("authorization"))
            kind = token.kind
            self._tenant.tokens.charge(token, self._tenant.now())
            if request.method not in _SAFE and not token.may_write:
                raise forbidden()
            handler, params = TABLE.find("GET" if request.method == "HEAD" else request.method, path)
            body = await request.body()
            call = Call(
                self._tenant, token, request.method, path, params, request.query_params, request.headers,
                body, base_of(request),
            )  # fmt: skip
            answer = handler(call)
            response = self.json(200, answer.data)
            response.headers.update(answer.headers or {})
        except Refusal as refusal:
            return kind, self.refusal(refusal)
        if rule is not None:
            response = _spoilt(response, rule)
        return kind, response

    # -- answers ---------------------------------------------------------------------------------

    def json(self, status: int, data: Any) -> Response:
        """An answer with a JSON body, of the content type whose turn it is."""
        types = self._tenant.faults.content_types
        return Response(orjson.dumps(data), status, media_type=types[next(self._answers) % len(types)])

    def refusal(self, refusal: Refusal) -> Response:
        """A refusal as a response."""
        if refusal.body is None:
            response = Response(b"", refusal.status)
        elif isinstance(refusal.body, str):
            response = Response(refusal.body, refusal.status)
        else:
            response = self.json(refusal.status, refusal.body)
        response.headers.update(refusal.headers)
        return response

    def _custom(self, rule: RestRule, status: int) -> Response:
        """The answer that a fault makes up; without a body of its own, what the cloud says with this status."""
        if rule.html is not None:
            response = Response(rule.html, status, media_type="text/html")
        else:
            response = self.refusal(Refusal(status, usual_body(status) if rule.body is None else rule.body))
        response.headers.update(rule.headers)
        return _spoilt(response, rule)

    # -- images ----------------------------------------------------------------------------------

    def _redirect(self, request: Request) -> Response:
        address = self._tenant.links.storage(base_of(request), request.query_params.get("jwt", ""), self._tenant.now())
        return RedirectResponse(address, 302)

    async def _stored(self, request: Request) -> Response:
        """The bytes of an image, with a content type that tells nothing."""
        if "authorization" in request.headers:
            self._tenant.links.leaked_tokens += 1
            raise rejected("Only one auth mechanism is allowed; remove the Authorization header.")
        parts = request.url.path.removeprefix(STORAGE + "/").split("/")
        if len(parts) != 3:
            raise not_found()
        signature = request.query_params.get("signature", "")
        self._tenant.links.stored(parts[0], parts[1], parts[2], signature, self._tenant.now())
        plan = self._tenant.world.maps.get(parts[0])
        if plan is None:
            raise not_found()
        draw = plans.thumbnail if parts[2] == "thumbnail" else plans.png
        return Response(await asyncio.to_thread(draw, plan), media_type="binary/octet-stream")


def base_of(connection: HTTPConnection) -> str:
    """Scheme and host as the caller wrote them."""
    scheme = {"ws": "http", "wss": "https"}.get(connection.url.scheme, connection.url.scheme)
    return f"{scheme}://{connection.url.netloc}"


def _spoilt(response: Response, rule: RestRule) -> Response:
    """The response as a rule leaves it: cut in half, or without its paging headers."""
    headers = MutableHeaders(raw=response.raw_headers)
    if rule.no_paging:
        for name in _PAGING:
            del headers[name]
    if rule.malformed:
        response.body = bytes(response.body)[: max(1, len(response.body) // 2)]
        headers["Content-Length"] = str(len(response.body))
    return response
