"""The way in over WebSocket: the upgrade is answered over HTTP, then the hub takes the socket over."""

import asyncio
from collections.abc import Callable
from contextlib import suppress
from email.utils import formatdate

import orjson
from starlette.requests import HTTPConnection
from starlette.responses import Response
from starlette.types import Receive, Scope, Send

from mistlocate.simulator.answers import Refusal, not_found, usual_body
from mistlocate.simulator.gate import RequestLog
from mistlocate.simulator.stream import Hub
from mistlocate.simulator.tenant import Tenant
from mistlocate.simulator.tokens import Token

STREAM_PATH = "/api-ws/v1/stream"


class Upgrade:
    """Lets sockets in, by the token of their upgrade request; an ASGI application."""

    def __init__(self, tenant: Tenant, hub: Hub, log: RequestLog, cut: Callable[[Scope], None]) -> None:
        self._tenant, self._hub, self._log, self._cut = tenant, hub, log, cut

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve one socket, from the handshake to the end."""
        connection = HTTPConnection(scope)
        now = self._tenant.now()
        date = formatdate(now, usegmt=True)
        await receive()
        try:
            token = self._admit(connection)
        except Refusal as refusal:
            self._log.note(connection, "GET", None, refusal.status, now)
            content = b"" if refusal.body is None else orjson.dumps(refusal.body)
            headers = {"Date": date, **refusal.headers}
            response = Response(content, refusal.status, headers, media_type="application/json")
            await response(scope, receive, send)
            await _gone(receive)
            return
        self._log.note(connection, "GET", token.kind, 101, now)
        await send({"type": "websocket.accept", "headers": [(b"date", date.encode())]})
        await self._hub.serve(
            receive,
            send,
            token=token.kind,
            sees=self._tenant.objection(token),
            abort=lambda: self._cut(scope),
        )

    def _admit(self, connection: HTTPConnection) -> Token:
        if connection.url.path != STREAM_PATH:
            raise not_found()
        rule = self._tenant.faults.handshake_rule()
        if rule is not None:
            retry = {} if rule.retry_after is None else {"Retry-After": f"{rule.retry_after:.10g}"}
            body = usual_body(rule.status) if rule.body is None else rule.body
            raise Refusal(rule.status, body, retry)
        return self._tenant.tokens.authenticate(connection.headers.get("authorization"))


async def _gone(receive: Receive) -> None:
    """Wait until the refused connection is closed; the server takes an earlier return for a mistake and logs it."""
    with suppress(TimeoutError):
        async with asyncio.timeout(1.0):
            for _ in ("the answer is out", "the connection is closed"):
                await receive()
