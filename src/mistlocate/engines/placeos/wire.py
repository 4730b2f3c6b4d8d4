"""The connection to core: a unix socket, or standard input and standard error of the process.

Bytes in and out, nothing of what they mean. Frames are written whole and one after the other.
"""

import asyncio
import os
import stat
import sys
from collections.abc import AsyncIterator
from contextlib import suppress
from typing import Self

from mistlocate.engines.placeos.framing import FrameReader, frame

_CHUNK = 256 * 1024

#: What may wait in front of a slow reader before what can be spared (debug frames) is dropped (bytes).
SPARED_ABOVE = 4 * 1024 * 1024

#: How long the end waits for the other side to read what it was sent (seconds).
LAST_WORDS_WITHIN = 0.2


def streams_problem() -> str | None:
    """Why standard input and standard error can be no connection to core; None if they can."""
    said = "core starts this with pipes, or with -s SOCKET"
    try:
        given, told = os.fstat(0).st_mode, os.fstat(2).st_mode
    except OSError:
        return f"standard input or standard error is closed: {said}"
    if not (stat.S_ISFIFO(given) or stat.S_ISSOCK(given)):
        return f"standard input is no pipe and no socket: {said}"
    return f"standard error is a file: {said}" if stat.S_ISREG(told) else None


class Wire:
    """An open connection. `ready` tells core that we listen."""

    def __init__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.dropped = 0
        self._reader = reader
        self._writer = writer
        self._turn = asyncio.Lock()

    @classmethod
    async def to_socket(cls, path: str) -> Self:
        """Connect to the socket that core listens on. Raises `OSError`."""
        return cls(*await asyncio.open_unix_connection(path))

    @classmethod
    async def to_standard_streams(cls) -> Self:
        """Standard input, and standard error; whatever else would be written there goes to standard output."""
        out = os.fdopen(os.dup(2), "wb", buffering=0)
        os.dup2(1, 2)
        sys.stderr = sys.stdout
        loop = asyncio.get_running_loop()
        reader = asyncio.StreamReader()
        await loop.connect_read_pipe(lambda: asyncio.StreamReaderProtocol(reader), sys.stdin)
        transport, protocol = await loop.connect_write_pipe(asyncio.streams.FlowControlMixin, out)
        return cls(reader, asyncio.StreamWriter(transport, protocol, None, loop))

    def ready(self) -> None:
        """Say that we listen: one bare byte, before anything that takes time."""
        self._writer.write(b"r")

    async def frames(self) -> AsyncIterator[bytes]:
        """Every frame until the other side closes. Raises `FramingError`."""
        reader = FrameReader()
        while True:
            try:
                data = await self._reader.read(_CHUNK)
            except OSError:
                return
            if not data:
                return
            for each in reader.feed(data):
                yield each

    async def send(self, text: bytes) -> None:
        """Send one frame. After the connection broke there is nobody to send to, which `frames` tells."""
        async with self._turn:
            try:
                self._writer.write(frame(text))
                await self._writer.drain()
            except OSError:
                return

    def post(self, text: bytes) -> None:
        """Send a frame that can be spared: not waited for, and dropped if the other side is slow."""
        if self._writer.transport.get_write_buffer_size() > SPARED_ABOVE:
            self.dropped += 1
            return
        self._writer.write(frame(text))

    async def close(self) -> None:
        """Close the connection when what was written is out, or the other side takes too long to read it."""
        self._writer.transport.set_write_buffer_limits(0)
        with suppress(OSError):
            async with asyncio.timeout(LAST_WORDS_WITHIN):
                await self._writer.drain()
        self._writer.close()
