"""The WebSocket client: the only file that imports it.

One connection, opened and closed; reconnecting is somebody else's policy. The library answers pings and sends its own,
so that a peer that went silent without a goodbye is noticed within `PING_EVERY + PONG_WITHIN` seconds. If it was this
program that did not run (a suspended machine, a stopped process), nobody can say how old what waits in the connection
is: it is ended, and nothing of that is handed out.
"""

import asyncio
import logging
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from typing import Literal
from urllib.parse import urlsplit

from websockets.asyncio.client import ClientConnection, connect
from websockets.exceptions import (
    ConnectionClosed,
    InvalidHandshake,
    InvalidHeader,
    InvalidProxy,
    InvalidStatus,
    InvalidURI,
)

from mistlocate.clock import SystemClock
from mistlocate.errors import CannotConnect, ConnectionLost, HandshakeRefused, TimedOut
from mistlocate.transport.options import TransportOptions, ssl_context

PING_EVERY = 20.0
PONG_WITHIN = 20.0

#: A program that did not run for so long was asleep; whether it ran is noted every `TICK` (seconds).
ASLEEP = 5.0
TICK = 2.0

#: The largest message taken in; a record has one or two kilobytes.
MAX_FRAME = 32 * 1024 * 1024

# At DEBUG the library writes request headers, and with them the token: it gets a logger that says nothing at any level.
_quiet = logging.getLogger("mistlocate.transport.websocket.wire")
_quiet.addFilter(lambda _record: False)

_now = SystemClock.monotonic


class _Connect(connect):
    """The library's connection procedure without its redirects: no host but the configured one is ever asked."""

    def process_redirect(self, exc: Exception) -> Exception | str:
        """Take every answer for what it is."""
        return exc


class WebSocketLink:
    """An open connection: texts out, texts in."""

    def __init__(self, connection: ClientConnection) -> None:
        self._connection = connection
        self._slept = 0.0
        self._ran_at = _now()
        self._timer = asyncio.get_running_loop().call_later(TICK, self._tick)

    async def send(self, text: str) -> None:
        """Send one text frame. Raises `ConnectionLost`."""
        try:
            await self._connection.send(text)
        except ConnectionClosed as error:
            raise _lost(error) from None

    async def receive(self) -> str | bytes:
        """The next frame. Raises `ConnectionLost` when there will be none, and for a frame that is no UTF-8.

        Whose record that was nobody knows: only a new connection, which lists everybody, makes up for it.
        """
        try:
            # Undecoded: whoever parses the JSON reads the bytes anyway.
            frame = await self._connection.recv(decode=False)
        except ConnectionClosed as error:
            raise (self._asleep() if self._has_slept() else _lost(error)) from None
        if self._has_slept():
            raise self._asleep()
        if not frame.isascii() and not _is_text(frame):
            raise ConnectionLost("the stream sent what is no text: something spoils it on its way", code=1007)
        return frame

    def close(self) -> None:
        """Stop looking at the time."""
        self._timer.cancel()

    def _tick(self) -> None:
        if self._has_slept():
            self._connection.transport.abort()
            return
        self._ran_at = _now()
        self._timer = asyncio.get_running_loop().call_later(TICK, self._tick)

    def _has_slept(self) -> bool:
        # Looked at with every frame: after waking up, what was read before may be taken before any timer runs. Of
        # the time since the last tick this program may have run for as long as there is between two.
        if not self._slept and (gone := _now() - self._ran_at) > ASLEEP + TICK:
            self._slept = gone
        return self._slept > 0

    def _asleep(self) -> ConnectionLost:
        return ConnectionLost(f"this program did not run for {self._slept:.0f} s: was the machine suspended?")


@asynccontextmanager
async def open_websocket(
    url: str, headers: Mapping[str, str], options: TransportOptions | None = None
) -> AsyncIterator[WebSocketLink]:
    """Connect, hand out the link, and close it with the block.

    Raises `CannotConnect`, `TimedOut`, and `HandshakeRefused` where the server answers the upgrade with an HTTP status.
    """
    options = options or TransportOptions()
    connection = await _connect(url, headers, options)
    link = WebSocketLink(connection)
    try:
        yield link
    finally:
        link.close()
        await connection.close()


async def _connect(url: str, headers: Mapping[str, str], options: TransportOptions) -> ClientConnection:
    host = urlsplit(url).hostname
    proxy: str | Literal[True] | None = True if options.proxy is None else options.proxy or None
    try:
        return await _Connect(
            url,
            additional_headers=dict(headers),
            user_agent_header="mistlocate",
            ssl=ssl_context(options) if url.startswith("wss:") else None,
            proxy=proxy,
            open_timeout=options.connect_timeout,
            ping_interval=PING_EVERY,
            ping_timeout=PONG_WITHIN,
            close_timeout=2.0,
            max_size=MAX_FRAME,
            logger=_quiet,
        )
    except InvalidStatus as error:
        response = error.response
        raise HandshakeRefused(
            response.status_code, retry_after=_seconds(response.headers.get("Retry-After"))
        ) from None
    except TimeoutError:
        raise TimedOut(f"no answer from {host} in time") from None
    except InvalidURI:
        raise CannotConnect("not a valid address of a stream", hint="expected wss://HOST/PATH") from None
    except InvalidProxy as error:
        raise CannotConnect(f"the proxy setting cannot be used: {error.msg}") from None
    except InvalidHeader as error:  # whose text quotes the value, and one of ours may be a key
        raise CannotConnect(f"cannot connect to {host}: the header {error.name} has no valid value") from None
    except (OSError, InvalidHandshake, ValueError, ImportError) as error:
        # ValueError: a host name that is none; ImportError: a kind of proxy that needs more than is installed
        reason = str(error) or type(error).__name__
        raise CannotConnect(f"cannot connect to {host}: {reason}") from None


def _is_text(frame: str | bytes) -> bool:
    try:
        return isinstance(frame, str) or bool(frame.decode())
    except UnicodeDecodeError:
        return False


def _lost(error: ConnectionClosed) -> ConnectionLost:
    close = error.rcvd or error.sent
    if close is None:
        return ConnectionLost("the stream broke off without a goodbye", code=1006)
    return ConnectionLost(f"the stream was closed with code {close.code}", code=int(close.code))


def _seconds(text: str | None) -> float | None:
    """`Retry-After` in seconds, at most an hour; None for what says nothing."""
    try:
        seconds = float(text or "")
    except ValueError:
        return None
    return min(seconds, 3600.0) if seconds >= 0 else None
