"""A raw TCP connection that carries JSON texts one after the other: what a test harness offers instead of a WebSocket.

One connection, opened and closed; reconnecting is somebody else's policy.
"""

import asyncio
import socket
from collections import deque
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress

from mistlocate.errors import CannotConnect, ConnectionLost, TimedOut
from mistlocate.transport.json_splitter import JsonSplitter
from mistlocate.transport.options import TransportOptions, ssl_context

_CHUNK = 64 * 1024

#: A peer that went away without a goodbye is noticed by the system: idle time, interval, probes (seconds).
_KEEPALIVE = (("TCP_KEEPIDLE", 60), ("TCP_KEEPINTVL", 30), ("TCP_KEEPCNT", 3))


class TcpLink:
    """An open connection: texts out, JSON texts in."""

    def __init__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self._reader = reader
        self._writer = writer
        self._splitter = JsonSplitter()
        self._waiting: deque[bytes] = deque()

    async def send(self, text: str) -> None:
        """Send one text, in one piece. Raises `ConnectionLost`."""
        try:
            self._writer.write(text.encode())
            await self._writer.drain()
        except OSError as error:
            raise ConnectionLost(f"the connection broke: {_reason(error)}") from None

    async def receive(self) -> str | bytes:
        """The next JSON text. Raises `ConnectionLost` when there will be none."""
        while not self._waiting:
            try:
                data = await self._reader.read(_CHUNK)
            except OSError as error:
                raise ConnectionLost(f"the connection broke: {_reason(error)}") from None
            if not data:
                raise ConnectionLost("the other side closed the connection")
            self._waiting += self._splitter.feed(data)
        return self._waiting.popleft()


@asynccontextmanager
async def open_tcp(
    host: str, port: int, options: TransportOptions | None = None, *, secure: bool = False
) -> AsyncIterator[TcpLink]:
    """Connect, hand out the link, and close it with the block. Raises `CannotConnect` and `TimedOut`."""
    options = options or TransportOptions()
    context = ssl_context(options) if secure else None
    try:
        async with asyncio.timeout(options.connect_timeout):
            reader, writer = await asyncio.open_connection(host, port, ssl=context)
    except TimeoutError:
        raise TimedOut(f"no answer from {host}:{port} in time") from None
    except (OSError, ValueError) as error:
        raise CannotConnect(f"cannot connect to {host}:{port}: {_reason(error)}") from None
    _keep_alive(writer.get_extra_info("socket"))
    try:
        yield TcpLink(reader, writer)
    finally:
        writer.close()
        with suppress(OSError):
            await writer.wait_closed()


def _keep_alive(raw: socket.socket) -> None:
    raw.setsockopt(socket.SOL_SOCKET, socket.SO_KEEPALIVE, 1)
    for name, value in _KEEPALIVE:
        if hasattr(socket, name):
            raw.setsockopt(socket.IPPROTO_TCP, getattr(socket, name), value)


def _reason(error: Exception) -> str:
    return str(error) or type(error).__name__
