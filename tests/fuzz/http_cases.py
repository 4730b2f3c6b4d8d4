"""Broken HTTP and broken messages, thrown at a running engine over real sockets."""

import asyncio
import random
from dataclasses import dataclass, field

from websockets.asyncio.client import connect
from websockets.exceptions import ConnectionClosed, InvalidHandshake, InvalidMessage

from fuzz.harness import mutated

_BASE = "/api/engine/v2"

#: Requests to begin with; HOST is the engine's own.
REQUESTS = (
    b"GET /health HTTP/1.1\r\nHost: HOST\r\nConnection: close\r\n\r\n",
    b"POST "
    + _BASE.encode()
    + b"/systems/sys-1/MistLocations_1/locate_user HTTP/1.1\r\nHost: HOST\r\nConnection: close\r\n"
    b"Content-Type: application/json\r\nContent-Length: 29\r\n\r\n" + b'{"email":"alice@example.com"}',
    b"PUT "
    + _BASE.encode()
    + b"/modules/mod-sys-1-MistLocations-1/settings HTTP/1.1\r\nHost: HOST\r\nConnection: close\r\n"
    b"Transfer-Encoding: chunked\r\n\r\n2\r\n{}\r\n0\r\n\r\n",
    b"GET " + _BASE.encode() + b"/systems/sys-1/MistWebsocket_1/assets/map/x%2e%2e/y HTTP/1.1\r\nHost: HOST\r\n\r\n",
    b"GET " + _BASE.encode() + b"/systems/control?api-key=x HTTP/1.1\r\nHost: HOST\r\nUpgrade: websocket\r\n"
    b"Connection: Upgrade\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\nSec-WebSocket-Version: 13\r\n\r\n",
    b"GET /page/../settings.yaml HTTP/1.1\r\nHost: HOST\r\nX-Forwarded-For: 10.0.0.1\r\nOrigin: null\r\n\r\n",
)

MESSAGES = (
    b"ping",
    b'{"id":1,"sys":"sys-1","mod":"MistLocations","index":1,"cmd":"exec","name":"search","args":["a"]}',
    b'{"id":2,"sys":"sys-1","mod":"MistWebsocket","index":1,"cmd":"bind","name":"stream_state"}',
    b'{"id":3,"sys":"sys-1","mod":"MistWebsocket","index":1,"cmd":"unbind","name":"stream_state"}',
    b'{"id":4,"mod":"mod-sys-1-MistWebsocket-1","cmd":"debug"}',
    b'{"id":5,"mod":"mod-sys-1-MistWebsocket-1","cmd":"ignore"}',
)

#: For so long an answer is waited for, of requests that are no whole ones (seconds).
_PATIENCE = 0.05


@dataclass
class Thrown:
    """What came of it: answers by their status, and those that no request may have."""

    cases: int = 0
    statuses: dict[str, int] = field(default_factory=dict)
    defects: list[str] = field(default_factory=list)

    def note(self, status: str, data: bytes) -> None:
        self.cases += 1
        self.statuses[status] = self.statuses.get(status, 0) + 1
        if status == "500":
            self.defects.append(repr(data)[:400])


async def throw_requests(host: str, port: int, count: int, seed: int) -> Thrown:
    """Broken requests, one connection each, ten at once."""
    chance, found = random.Random(seed), Thrown()
    places = asyncio.Semaphore(10)

    async def one(data: bytes) -> None:
        async with places:
            found.note(await _status(host, port, data), data)

    async with asyncio.TaskGroup() as tasks:
        for _ in range(count):
            data = chance.choice(REQUESTS).replace(b"HOST", f"{host}:{port}".encode())
            tasks.create_task(one(mutated(data, chance)))
    return found


async def _status(host: str, port: int, data: bytes) -> str:
    reader, writer = await asyncio.open_connection(host, port)
    try:
        writer.write(data)
        await writer.drain()
        async with asyncio.timeout(_PATIENCE):
            line = await reader.readline()
        return line.split()[1].decode() if line.startswith(b"HTTP/1.1 ") else "closed"
    except TimeoutError:
        return "none yet"
    except ConnectionError:
        return "closed"
    finally:
        writer.transport.abort()


async def throw_messages(url: str, count: int, seed: int) -> Thrown:
    """Broken messages on a control socket, which is opened anew where it is closed."""
    chance, found = random.Random(seed), Thrown()
    address = f"ws{url.removeprefix('http')}{_BASE}/systems/control"
    while found.cases < count:
        try:
            async with connect(address, proxy=None, max_queue=None) as socket:
                while found.cases < count:
                    data = mutated(chance.choice(MESSAGES), chance)
                    readable = _is_text(data) and chance.random() < 0.8
                    await socket.send(data.decode() if readable else data)
                    found.note("sent", data)
                await socket.send("ping")
                while await asyncio.wait_for(socket.recv(), 20) not in ("pong", b"pong"):
                    pass
        except ConnectionClosed as closed:
            code = closed.rcvd.code if closed.rcvd else 1006
            found.note(f"closed with {code}", b"")
            if code == 1011:
                found.defects.append("closed with 1011: a defect")
        except (InvalidHandshake, InvalidMessage) as error:
            found.defects.append(f"no new socket: {error}")
            break
    return found


def _is_text(data: bytes) -> bool:
    try:
        data.decode()
    except UnicodeDecodeError:
        return False
    return True
