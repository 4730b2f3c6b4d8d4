"""The mock HTTP server of PlaceOS' spec runner: it holds every request open until an expectation takes it."""

import asyncio
import inspect
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from http import HTTPStatus

from support.servers import raw_server


@dataclass(frozen=True, slots=True)
class HttpRequest:
    """What came. `path` is with its query; names of headers are in lower case."""

    method: str
    path: str
    headers: dict[str, str]
    body: bytes


@dataclass(slots=True)
class HttpResponse:
    """What to answer. There are no headers but those set here and the length: the runner has no Content-Type either."""

    status: int = 200
    headers: dict[str, str] = field(default_factory=dict)
    body: bytearray = field(default_factory=bytearray)

    def write(self, text: str) -> None:
        self.body += text.encode()

    def encoded(self) -> bytes:
        lines = [f"HTTP/1.1 {self.status} {HTTPStatus(self.status).phrase}", "Connection: keep-alive"]
        lines += [f"{name}: {value}" for name, value in self.headers.items()]
        return "\r\n".join([*lines, f"Content-Length: {len(self.body)}", "", ""]).encode() + bytes(self.body)


Handler = Callable[[HttpRequest, HttpResponse], Awaitable[None] | None]


@dataclass(slots=True)
class _Held:
    request: HttpRequest
    response: HttpResponse = field(default_factory=HttpResponse)
    released: asyncio.Event = field(default_factory=asyncio.Event)


class HeldServer:
    """Requests in the order of their arrival: `seen` are all, five wait in the queue for an expectation."""

    def __init__(self) -> None:
        self.port = 0
        self.seen: list[HttpRequest] = []
        self._queue: asyncio.Queue[_Held] = asyncio.Queue(5)

    @asynccontextmanager
    async def serving(self) -> AsyncIterator[None]:
        """Serve on a free port for the length of the block."""
        async with raw_server(self._talk) as self.port:
            yield

    async def _talk(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        while True:
            held = _Held(await _request(reader))
            self.seen.append(held.request)
            await self._queue.put(held)
            await held.released.wait()
            writer.write(held.response.encoded())
            await writer.drain()
            if held.request.headers.get("connection", "").lower() == "close":
                return

    async def answer(self, handler: Handler, within: float) -> HttpRequest:
        """Let a handler answer the next request; raises TimeoutError when none comes."""
        held = await asyncio.wait_for(self._queue.get(), within)
        answered = handler(held.request, held.response)
        if inspect.isawaitable(answered):
            await answered
        held.released.set()
        return held.request


async def _request(reader: asyncio.StreamReader) -> HttpRequest:
    head, *lines = (await reader.readuntil(b"\r\n\r\n")).decode("latin-1").split("\r\n")
    method, path, _ = head.split(" ")
    headers = {name.lower(): value.strip() for name, _, value in (line.partition(":") for line in lines if line)}
    assert "transfer-encoding" not in headers, "this server is too small for that"
    return HttpRequest(method, path, headers, await reader.readexactly(int(headers.get("content-length", 0))))
