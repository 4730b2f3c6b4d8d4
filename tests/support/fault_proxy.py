"""A TCP proxy that does to connections what networks do: slow, cut, reset, silent, in pieces, garbled, slow to close.

What is set holds for the connections that there are and for those to come, until it is set back. Every wait is by the
running loop, so in virtual time it costs none.
"""

import asyncio
import socket
import struct
from collections.abc import Callable, Iterable
from contextlib import suppress
from types import TracebackType
from typing import Self

#: Flipping this bit makes no text of ASCII: what was garbled can never be mistaken for what was sent.
_GARBLE = 0x80


class Relay:
    """One connection through the proxy, and both of its ends."""

    def __init__(self, client: asyncio.StreamWriter, server: asyncio.StreamWriter) -> None:
        self.client = client
        self.server = server
        self.swallowed = 0
        self.deaf = False

    @property
    def writers(self) -> tuple[asyncio.StreamWriter, asyncio.StreamWriter]:
        return self.client, self.server


class FaultProxy:
    """Listens on a port of its own and hands everything on to `host:port`, as far as its faults let it.

    `latency`      seconds that every piece waits, both ways
    `piece`        at most so many bytes go out at once, with a turn of the loop between two pieces
    `silent`       half-open: connections stand, bytes vanish (new connections are accepted, and as silent)
    `refusing`     new connections are closed at once
    `slow_close`   seconds that the client's end stays open after the cloud has closed its own
    """

    def __init__(self, port: int, host: str = "127.0.0.1") -> None:
        self.latency = 0.0
        self.piece: int | None = None
        self.silent = False
        self.refusing = False
        self.slow_close = 0.0
        self.accepted = 0
        self.relays: list[Relay] = []
        self._upstream = (host, port)
        self._garble = 0
        self._cut_after: int | None = None
        self._held_until = 0.0
        self._tasks: set[asyncio.Task[None]] = set()
        self._server: asyncio.Server | None = None

    @property
    def port(self) -> int:
        assert self._server is not None
        return int(self._server.sockets[0].getsockname()[1])

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    async def __aenter__(self) -> Self:
        self._server = await asyncio.start_server(self._start, "127.0.0.1", 0)
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        assert self._server is not None
        self._server.close()
        self.reset()
        for task in list(self._tasks):
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)

    # -- what it does -----------------------------------------------------------------------------

    def cut(self) -> int:
        """Close every connection as a program does that ends (FIN), without a word of its protocol; how many."""
        return self._each(lambda writer: writer.close())

    def reset(self) -> int:
        """Reset every connection (RST): what was on its way is lost; how many there were."""
        return self._each(_reset)

    def hush(self, relays: Iterable[Relay] | None = None) -> None:
        """Make the connections of now half-open; those to come work."""
        for relay in self.relays if relays is None else relays:
            relay.deaf = True

    def garble(self, pieces: int = 1) -> None:
        """Spoil a byte in each of the next pieces on their way to the client."""
        self._garble += pieces

    def cut_within(self, size: int) -> None:
        """Hand on so many bytes more to clients, then cut the connection in the middle of whatever that was."""
        self._cut_after = size

    @property
    def transit(self) -> float:
        """How many seconds what is sent now may take: a piece waits for the latency, and what comes meanwhile waits for
        that piece first, which may have begun when the latency was another."""
        held = self._held_until - asyncio.get_running_loop().time()
        return max(held, self.latency, 0.0) + self.latency

    def heal(self) -> None:
        """Everything works again, for connections that are not half-open already."""
        self.latency, self.piece, self.silent, self.refusing, self.slow_close = 0.0, None, False, False, 0.0
        self._garble, self._cut_after = 0, None

    # -- inside -----------------------------------------------------------------------------------

    def _each(self, end: Callable[[asyncio.StreamWriter], None]) -> int:
        relays = list(self.relays)
        for relay in relays:
            for writer in relay.writers:
                end(writer)
        return len(relays)

    def _start(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.create_task(self._serve(reader, writer))
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.accepted += 1
        if self.refusing:
            _reset(writer)
            return
        try:
            upstream, server = await asyncio.open_connection(*self._upstream)
        except OSError:
            _reset(writer)
            return
        relay = Relay(writer, server)
        self.relays.append(relay)
        try:
            async with asyncio.TaskGroup() as group:
                up = group.create_task(self._pump(reader, server, relay, down=False))
                await self._pump(upstream, writer, relay, down=True)
                if self.slow_close:
                    await asyncio.sleep(self.slow_close)
                up.cancel()
        finally:
            self.relays.remove(relay)
            for each in relay.writers:
                each.close()

    async def _pump(
        self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter, relay: Relay, *, down: bool
    ) -> None:
        with suppress(OSError):
            while data := await reader.read(1 << 16):
                if self.latency:
                    self._held_until = max(self._held_until, asyncio.get_running_loop().time() + self.latency)
                    await asyncio.sleep(self.latency)
                if self.silent or relay.deaf:
                    relay.swallowed += len(data)
                    continue
                if down and self._garble:
                    self._garble -= 1
                    data = _garbled(data)
                if down and self._cut_after is not None:
                    data, self._cut_after = data[: self._cut_after], max(0, self._cut_after - len(data))
                for start in range(0, len(data), self.piece or len(data) or 1):
                    writer.write(data[start : start + (self.piece or len(data))])
                    await writer.drain()
                    if self.piece:
                        await asyncio.sleep(0)
                if down and self._cut_after == 0:
                    self._cut_after = None
                    break
        if relay.deaf or self.silent:
            await asyncio.Event().wait()  # half-open: the other end never hears that this one has gone
        if down:
            if not self.slow_close:
                writer.close()
        else:
            writer.close()


def _garbled(data: bytes) -> bytes:
    """The same with a bit of its last byte but one flipped: within the text, behind every header."""
    place = max(0, len(data) - 2)
    return data[:place] + bytes([data[place] ^ _GARBLE]) + data[place + 1 :]


def _reset(writer: asyncio.StreamWriter) -> None:
    """End a connection with RST instead of FIN."""
    raw = writer.get_extra_info("socket")
    if raw is not None:
        with suppress(OSError):
            raw.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    writer.transport.abort()
