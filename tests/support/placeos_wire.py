"""The wire between PlaceOS and a driver process, seen from PlaceOS: frames, the unix socket, the process behind it.

From the description of the protocol, and from nothing that the drivers are made of: what both misread would stay hidden.
"""

import asyncio
import contextlib
import fcntl
import json
import os
import shutil
import socket
import struct
import tempfile
import termios
from collections.abc import Coroutine, Mapping
from pathlib import Path
from typing import Any, NoReturn, TypeVar

from support import secret_search
from support.waiting import PATIENCE

Frame = dict[str, Any]
Answer = TypeVar("Answer")

COMMANDS = frozenset(
    ["start", "stop", "update", "terminate", "exec", "debug", "ignore", "info", "result",
     "exited", "sys", "setting", "hset", "set", "clear", "publish"]
)  # fmt: skip

#: The members of a frame beside `id` and `cmd`, which are required and strings; all may be absent or null.
OPTIONAL: dict[str, type] = {
    "user_id": str, "seq": int, "reply": str, "code": int, "payload": str, "error": str, "backtrace": list,
}  # fmt: skip


class DriverGone(AssertionError):
    """The process ended, or closed its socket, while something was expected of it."""


def packed(frame: Mapping[str, Any]) -> bytes:
    """A frame to a driver: the number of bytes as a little-endian int32, then JSON."""
    body = json.dumps(frame, ensure_ascii=False, separators=(",", ":")).encode()
    return struct.pack("<i", len(body)) + body


def strict(text: str | bytes) -> Any:
    """JSON as its standard has it: exactly one document, and no NaN."""

    def refuse(name: str) -> NoReturn:
        raise ValueError(f"{name} is no JSON")

    return json.loads(text, parse_constant=refuse)


def understood(text: bytes) -> Frame | None:
    """A frame from a driver, or None where PlaceOS would not be able to decode it."""
    try:
        frame = strict(text.decode())
    except ValueError:
        return None
    if not isinstance(frame, dict) or not isinstance(frame.get("id"), str) or frame.get("cmd") not in COMMANDS:
        return None
    for name, kind in OPTIONAL.items():
        value = frame.get(name)
        if value is not None and (not isinstance(value, kind) or isinstance(value, bool)):
            return None
    if any(not isinstance(line, str) for line in frame.get("backtrace") or ()) or (frame.get("seq") or 0) < 0:
        return None
    return frame


class Splitter:
    """Cuts what a driver writes as core does: a text is what stands after the last 00 02 before each 00 03.

    What core drops silently is kept in `junk`.
    """

    def __init__(self) -> None:
        self.junk: list[bytes] = []
        self._buffer = bytearray()

    def feed(self, data: bytes) -> list[bytes]:
        """The texts that are complete now."""
        searched = max(0, len(self._buffer) - 1)
        self._buffer += data
        texts = []
        while (end := self._buffer.find(b"\x00\x03", searched)) >= 0:
            searched = 0
            message = bytes(self._buffer[:end])
            del self._buffer[: end + 2]
            before, begin, text = message.rpartition(b"\x00\x02")
            if begin:
                texts.append(text)
            dropped = before if begin else text
            if dropped:
                self.junk.append(dropped)
        return texts


class DriverLink:
    """A driver executable running with `-p -s SOCKET`, and the socket to it.

    `lines` and `errors` are what it printed on stdout and stderr, `frames` all that it sent, `junk` what of that PlaceOS
    could not have read. `connected_after` and `ready_after` are seconds since the process was started.
    """

    connect_within = PATIENCE
    ready_within = PATIENCE
    #: Whether stderr goes where stdout goes.
    merged = False

    def __init__(self, executable: str | list[str], environment: Mapping[str, str]) -> None:
        self.executable = [executable] if isinstance(executable, str) else list(executable)
        kept = {name: value for name, value in os.environ.items() if not name.lower().endswith("_proxy")}
        self.environment = {**kept, **environment}
        #: Frames are written in pieces of that many bytes, each when the driver has read the one before; None: in one.
        self.chunk: int | None = None
        self.lines: list[str] = []
        self.errors: list[str] = []
        self.frames: list[Frame] = []
        self.ready_byte = b""
        self.connected_after = self.ready_after = float("inf")
        self._splitter = Splitter()
        self._undecoded: list[bytes] = []
        self._writing = asyncio.Lock()
        self._tasks: set[asyncio.Task[None]] = set()
        self._process: asyncio.subprocess.Process | None = None
        self._writer: asyncio.StreamWriter | None = None

    @property
    def junk(self) -> list[bytes]:
        return [*self._splitter.junk, *self._undecoded]

    @property
    def pid(self) -> int:
        assert self._process is not None
        return self._process.pid

    @property
    def exit_code(self) -> int | None:
        """None while it runs."""
        return None if self._process is None else self._process.returncode

    @property
    def output(self) -> str:
        """What to say about the process when something is wrong."""
        state = "runs" if self.exit_code is None else f"ended with {self.exit_code}"
        said = "\n".join(["--- stdout", *self.lines[-100:], "--- stderr", *self.errors[-100:]])
        junk = f"\n--- unreadable frames\n{self.junk!r}" if self.junk else ""
        return f"the process {' '.join(self.executable)} {state}\n{said}{junk}"

    def handle(self, frame: Frame) -> None:
        """What to do with a frame of the driver."""
        raise NotImplementedError

    def lost(self) -> None:
        """The driver closed its socket, or ended."""

    async def open(self) -> None:
        """Start the process and wait for its connection and its ready byte."""
        folder = Path(tempfile.mkdtemp(prefix="pos"))
        loop = asyncio.get_running_loop()
        try:
            path = str(folder / "pos.driver")
            with socket.socket(socket.AF_UNIX) as listener:
                listener.bind(path)
                listener.listen(1)
                listener.setblocking(False)
                begun = loop.time()
                self._process = await self._spawn("-p", "-s", path)
                self._follow_output(self._process)
                accepted = loop.sock_accept(listener)
                connection, _ = await self._before_exit(accepted, self.connect_within, "connect to its socket")
            self.connected_after = loop.time() - begun
            reader, self._writer = await asyncio.open_unix_connection(sock=connection)
            byte = self._before_exit(reader.readexactly(1), self.ready_within, "write its ready byte")
            self.ready_byte = await byte
            self.ready_after = loop.time() - begun
            self.spawn(self._read(reader))
        except BaseException:
            await self.close()
            raise
        finally:
            shutil.rmtree(folder)

    async def _spawn(self, *args: str) -> asyncio.subprocess.Process:
        pipe = asyncio.subprocess.PIPE
        return await asyncio.create_subprocess_exec(
            *self.executable,
            *args,
            stdin=asyncio.subprocess.DEVNULL,
            stdout=pipe,
            stderr=asyncio.subprocess.STDOUT if self.merged else pipe,
            env=self.environment,
            limit=1 << 24,
        )

    def _follow_output(self, process: asyncio.subprocess.Process) -> None:
        async def follow(stream: asyncio.StreamReader, lines: list[str]) -> None:
            async for line in stream:
                text = line.decode(errors="replace").rstrip("\n")
                secret_search.look(text, "a driver's process")
                lines.append(text)

        for stream, lines in ((process.stdout, self.lines), (process.stderr, self.errors)):
            if stream is not None:
                self.spawn(follow(stream, lines))

    def spawn(self, work: Coroutine[Any, Any, None]) -> None:
        """Do something meanwhile, for no longer than the link is there."""
        task = asyncio.get_running_loop().create_task(work)
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    async def _before_exit(self, awaited: Coroutine[Any, Any, Answer], within: float, doing: str) -> Answer:
        assert self._process is not None
        task = asyncio.ensure_future(awaited)
        ended = asyncio.ensure_future(self._process.wait())
        try:
            await asyncio.wait({task, ended}, timeout=within, return_when=asyncio.FIRST_COMPLETED)
            if task.done():
                try:
                    return task.result()
                except (asyncio.IncompleteReadError, ConnectionError) as error:
                    raise DriverGone(f"it did not {doing}, but hung up; {self.output}") from error
            what = "ended" if ended.done() else f"within {within} s"
            raise DriverGone(f"it did not {doing}, {what}; {self.output}")
        finally:
            task.cancel()
            ended.cancel()
            await asyncio.gather(task, ended, return_exceptions=True)

    async def _read(self, reader: asyncio.StreamReader) -> None:
        with contextlib.suppress(ConnectionError):
            while data := await reader.read(2048):  # as much at a time as core reads
                for text in self._splitter.feed(data):
                    frame = understood(text)
                    if frame is None:
                        self._undecoded.append(text)
                    else:
                        self.frames.append(frame)
                        self.handle(frame)
        with contextlib.suppress(TimeoutError):  # whoever waits wants to be told the exit code too
            await asyncio.wait_for(self.wait(), 1)
        self.lost()

    async def send(self, frame: Mapping[str, Any]) -> None:
        """Write a frame."""
        await self.send_bytes(packed(frame))

    async def send_bytes(self, data: bytes) -> None:
        """Write bytes, whatever they are."""
        assert self._writer is not None
        size = self.chunk or len(data) or 1
        async with self._writing:
            try:
                for begin in range(0, len(data), size):
                    self._writer.write(data[begin : begin + size])
                    await self._writer.drain()
                    if self.chunk:
                        await self._until_read(self._writer)
            except ConnectionError as error:
                raise DriverGone(f"it has hung up; {self.output}") from error

    async def _until_read(self, writer: asyncio.StreamWriter) -> None:
        """Wait until the driver has taken all bytes out of the socket, so that the next ones come by themselves."""
        loop = asyncio.get_running_loop()
        end = loop.time() + 10
        unread = bytearray(4)
        while not writer.is_closing():
            fcntl.ioctl(writer.get_extra_info("socket").fileno(), termios.TIOCOUTQ, unread)
            if not any(unread) and not writer.transport.get_write_buffer_size():
                return
            if loop.time() > end:
                raise AssertionError(f"it does not read its socket; {self.output}")
            await asyncio.sleep(0)
        raise DriverGone(f"it has hung up; {self.output}")

    async def wait(self) -> int:
        """Wait, without a limit, until the process has ended."""
        assert self._process is not None
        return await self._process.wait()

    async def exit(self, within: float) -> int:
        """Wait until the process has ended by itself, and return its exit code; kills it and fails if it does not."""
        try:
            return await asyncio.wait_for(self.wait(), within)
        except TimeoutError:
            await self.kill()
            raise AssertionError(f"it did not end within {within} s; {self.output}") from None

    async def kill(self) -> None:
        """SIGKILL, and wait until it has ended."""
        if self._process is not None:
            if self._process.returncode is None:
                with contextlib.suppress(ProcessLookupError):
                    self._process.kill()
            await self._process.wait()

    def signal(self, number: int) -> None:
        """Send a signal."""
        assert self._process is not None
        self._process.send_signal(number)

    def hang_up(self) -> None:
        """Close the socket while the process runs."""
        if self._writer is not None:
            self._writer.close()

    async def close(self) -> None:
        """End the process if it still runs, and clean up."""
        await self.kill()
        if self._writer is not None:
            self._writer.close()
            with contextlib.suppress(ConnectionError):
                await self._writer.wait_closed()
        # What it printed last is worth a moment, unless a child of its own holds the pipe open.
        if self._tasks:
            await asyncio.wait(self._tasks, timeout=2)
        for task in list(self._tasks):
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)


async def within(seconds: float, awaited: "asyncio.Future[Answer]", what: str, link: DriverLink) -> Answer:
    """Wait for an answer of a driver; fails with what the driver printed."""
    try:
        return await asyncio.wait_for(awaited, seconds)
    except TimeoutError:
        raise AssertionError(f"no {what} within {seconds} s; {link.output}") from None
