"""The engine's side of HTTP connections: uvicorn's, with an end to its patience and to their number.

uvicorn waits for ever for a request that does not end and for a client that does not read. Here a head, and what is
left of a body that nobody wants, have to come within `HEAD_WITHIN` seconds; an answer that waits has to move on within
`READ_WITHIN`. One address may hold so many connections, and all together so many.
"""

import asyncio
from http import HTTPStatus
from typing import Any

import h11
from uvicorn.config import Config
from uvicorn.protocols.http.h11_impl import H11Protocol
from uvicorn.protocols.utils import ClientDisconnected
from uvicorn.protocols.websockets.websockets_sansio_impl import WebSocketsSansIOProtocol
from uvicorn.server import ServerState
from websockets.protocol import State

from mistlocate.engines.embedded.access import is_loopback
from mistlocate.engines.embedded.outgoing import Outgoing
from mistlocate.engines.embedded.proxies import TrustedProxies

HEAD_WITHIN = 10.0
READ_WITHIN = 60.0

#: Connections at once: of everybody (many systems give a process 1,024 files), and of one other machine that is no
#: trusted proxy. Those of this machine may be many callers', too: a proxy nobody told us of.
CONNECTIONS_AT_MOST = 900
CONNECTIONS_OF_ONE = 250

#: The headers of every answer that never reaches the application: it refuses, and says nothing else.
REFUSAL_HEADERS = (
    (b"content-type", b"text/plain; charset=utf-8"),
    (b"content-security-policy", b"default-src 'none'; frame-ancestors 'none'"),
    (b"x-content-type-options", b"nosniff"),
    (b"referrer-policy", b"no-referrer"),
    (b"cache-control", b"no-store"),
    (b"connection", b"close"),
)


class CarefulProtocol(H11Protocol):
    """One connection until it becomes a control socket, which has limits of its own."""

    #: Those whose connections are many callers'.
    trusted = TrustedProxies()

    def __init__(
        self,
        config: Config,
        server_state: ServerState,
        app_state: dict[str, Any],
        _loop: asyncio.AbstractEventLoop | None = None,
    ) -> None:
        super().__init__(config, server_state, app_state, _loop)
        self._head: asyncio.TimerHandle | None = None
        self._unread: asyncio.TimerHandle | None = None

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        """Take it, unless there are too many already."""
        super().connection_made(transport)
        if self._too_many():
            self._refuse(503, b"Service Unavailable", b"too many connections; close some")
            return
        self._head = self.loop.call_later(HEAD_WITHIN, transport.abort)

    def data_received(self, data: bytes) -> None:
        """What a client is still to send of a request is waited for no longer than this."""
        if self.transport.is_closing():
            return
        super().data_received(data)
        waiting = self.conn.their_state is h11.IDLE or self.conn.our_state is h11.DONE
        if self.transport.is_closing() or not waiting:
            self._head = _cancelled(self._head)
        elif self._head is None:
            self._head = self.loop.call_later(HEAD_WITHIN, self.transport.abort)

    def on_response_complete(self) -> None:
        """Between two requests the time for idle connections runs, which is shorter."""
        self._head = _cancelled(self._head)
        super().on_response_complete()

    def pause_writing(self) -> None:
        """The client does not read."""
        super().pause_writing()
        self._unread = _cancelled(self._unread) or self.loop.call_later(READ_WITHIN, self.transport.abort)

    def resume_writing(self) -> None:
        """It does."""
        self._unread = _cancelled(self._unread)
        super().resume_writing()

    def connection_lost(self, exc: Exception | None) -> None:
        """Nothing is waited for any more."""
        self._head, self._unread = _cancelled(self._head), _cancelled(self._unread)
        super().connection_lost(exc)

    def send_400_response(self, msg: str) -> None:
        """What is no HTTP is told so, with the headers of every other answer."""
        self._head = _cancelled(self._head)
        self._refuse(400, b"Bad Request", msg.encode("ascii"))

    def _too_many(self) -> bool:
        if len(self.connections) > CONNECTIONS_AT_MOST:
            return True
        address = self.client[0] if self.client else None
        if address in self.trusted or is_loopback(address):
            return False
        others = (getattr(each, "client", None) for each in self.connections)
        of_one = sum(client is not None and client[0] == address for client in others)
        return bool(of_one > CONNECTIONS_OF_ONE)

    def _refuse(self, status: int, reason: bytes, body: bytes) -> None:
        head = [b"HTTP/1.1 %d %s" % (status, reason), *(b"%s: %s" % each for each in REFUSAL_HEADERS)]
        head.append(b"content-length: %d" % len(body))
        self.transport.write(b"\r\n".join([*head, b"", body]))
        self.transport.close()


class CarefulWebSocket(WebSocketsSansIOProtocol):
    """A control socket. A handshake that is refused, by us or by the library, is an answer like any other; and what
    many follow is sent to each without a copy of its own."""

    def __init__(
        self,
        config: Config,
        server_state: ServerState,
        app_state: dict[str, Any],
        _loop: asyncio.AbstractEventLoop | None = None,
    ) -> None:
        super().__init__(config, server_state, app_state, _loop)
        send = self.conn.send_response

        def send_with_headers(response: Any) -> None:
            if response.status_code != HTTPStatus.SWITCHING_PROTOCOLS:
                for name, value in REFUSAL_HEADERS:
                    response.headers.setdefault(name.decode(), value.decode())
            send(response)

        self.conn.send_response = send_with_headers  # type: ignore[method-assign]

    async def send(self, message: Any) -> None:
        """What the application sends; a text whose ending is shared goes out in two frames."""
        text = message.get("text")
        if not isinstance(text, Outgoing) or text.ending is None:
            await super().send(message)
            return
        await self.writable.wait()
        if self.disconnected or self.close_sent or self.conn.state is not State.OPEN:
            raise ClientDisconnected
        self.transport.write(text.beginning)
        # A view, of which the transport cuts off what the system took without copying the rest.
        self.transport.write(memoryview(text.ending))


def protocol_for(trusted: TrustedProxies) -> type[CarefulProtocol]:
    """The protocol of an engine behind these proxies."""
    return type("Protocol", (CarefulProtocol,), {"trusted": trusted})


def _cancelled(timer: asyncio.TimerHandle | None) -> asyncio.TimerHandle | None:
    """Stop a timer; gives None, to be put in its place."""
    if timer is not None:
        timer.cancel()
    return None
