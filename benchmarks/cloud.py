"""The load: a cloud that answers what the drivers ask and sends frames at a pace, or as fast as they are taken.

It is no simulation (`mistlocate.simulator` is): bodies and frames are made ready, so that it is faster than whoever
reads them. One port serves both REST and stream.
"""

import asyncio
import json
import re
import time
from contextlib import suppress
from email.utils import formatdate
from http import HTTPStatus
from typing import Any
from urllib.parse import parse_qs, urlsplit

import orjson
from websockets.asyncio.server import Server, ServerConnection, serve
from websockets.datastructures import Headers
from websockets.exceptions import ConnectionClosed
from websockets.http11 import Request, Response

from benchmarks import program
from benchmarks.records import Site

PAGE = 1000

#: So many frames are written at once, and so many bytes may wait to be taken.
BATCH = 32
WAITING_AT_MOST = 1 << 20

_PATH = re.compile(r"/api/v1/sites/([^/]+)/(maps|stats/clients|stats/maps/([^/]+)/clients)")

#: Numbers that stand in a frame where those of the moment are put.
_X, _SEEN = 1111.0625, 2222222222.0625


class Template:
    """A frame of the stream with places for a time, if its record has one, and for a coordinate."""

    def __init__(self, frame: bytes) -> None:
        self._seen, time, rest = frame.partition(str(_SEEN).encode())
        self._timed = bool(time)
        self._x, _, self._end = (rest if self._timed else frame).partition(str(_X).encode())

    def fill(self, x: float, seen: float) -> bytes:
        """The frame as it goes over the wire: a WebSocket text frame of a server."""
        start = b"%s%.4f" % (self._seen, seen) if self._timed else b""
        text = b"%s%s%.4f%s" % (start, self._x, x, self._end)
        return b"\x81\x7e" + len(text).to_bytes(2, "big") + text


class Cloud:
    """Sites of equal size; whoever subscribes a channel gets its frames."""

    def __init__(self, sites: int, clients: int, maps: int, *, google: bool = False) -> None:
        self.sites = [Site(clients, maps, number) for number in range(sites)]
        self.latency = 0.0
        self.google = google
        self.calls = 0
        self._by_id = {site.id: site for site in self.sites}
        self._bodies: dict[str, tuple[bytes, int]] = {}
        self._subscribers: dict[str, set[ServerConnection]] = {}
        self._turn = 0
        self.last: dict[str, float] = {}
        """Where each client is by the last frame about it."""
        self._templates: dict[tuple[bool, int, int], Template] = {}

    # -- REST -------------------------------------------------------------------------------------

    async def request(self, connection: ServerConnection, request: Request) -> Response | None:
        """Answer a request, unless it opens the stream."""
        if request.path.startswith("/api-ws/"):
            return None
        self.calls += 1
        if self.latency:
            await asyncio.sleep(self.latency)
        parts = urlsplit(request.path)
        match = _PATH.fullmatch(parts.path)
        site = self._by_id.get(match.group(1)) if match else None
        if match is None or site is None:
            return _response(HTTPStatus.NOT_FOUND, b'{"detail":"not found"}', {})
        query = parse_qs(parts.query)
        page = int(query.get("page", ["1"])[0])
        limit = int(query.get("limit", [request.headers.get("X-Page-Limit") or str(PAGE)])[0])
        body, total = self._body(site, match.group(2), match.group(3), page, limit)
        headers = {"X-Page-Total": str(total), "X-Page-Limit": str(limit), "X-Page-Page": str(page)}
        return _response(HTTPStatus.OK, body, headers)

    def _body(self, site: Site, kind: str, map_id: str | None, page: int, limit: int) -> tuple[bytes, int]:
        key = f"{site.id}/{kind}/{page}/{limit}"
        if key not in self._bodies:
            if kind == "maps":
                items: list[Any] = [site.map_record(number, google=self.google) for number in range(site.maps)]
            else:
                there = range(site.clients)
                if map_id is not None:
                    there = there[site.map_ids.index(map_id) :: site.maps]
                seen = time.time()
                items = [site.record(client, 0, seen) for client in there]
            for number in range(1, len(items) // limit + 2):
                some = items[(number - 1) * limit : number * limit]
                self._bodies[f"{site.id}/{kind}/{number}/{limit}"] = orjson.dumps(some), len(items)
        return self._bodies[key]

    def prepare(self) -> None:
        """Make all bodies ready: what they cost is not the measured program's time."""
        for site in self.sites:
            for map_id in site.map_ids:
                self._body(site, f"stats/maps/{map_id}/clients", map_id, 1, PAGE)

    # -- stream -----------------------------------------------------------------------------------

    async def stream(self, connection: ServerConnection) -> None:
        """Serve a connection: channels are granted at once."""
        try:
            with suppress(ConnectionClosed):  # some hang up without a goodbye
                async for text in connection:
                    channel = json.loads(text).get("subscribe")
                    if channel is not None:
                        self._subscribers.setdefault(channel, set()).add(connection)
                        await connection.send(json.dumps({"event": "channel_subscribed", "channel": channel}))
        finally:
            for connections in self._subscribers.values():
                connections.discard(connection)

    def subscribed(self, site: Site) -> list[ServerConnection]:
        """Who gets the records of a site."""
        return list(self._subscribers.get(site.channel, ()))

    def frame(self, site: Site, client: int, turn: int, *, whole: bool) -> bytes:
        """A frame of a client as it goes over the wire."""
        key = (whole, site.number, client)
        template = self._templates.get(key)
        if template is None:
            template = self._templates[key] = Template(_sentinel(site, client, whole=whole))
        x = self.last[site.mac(client)] = (client * 37 + turn * 13.5) % 1900
        return template.fill(x, time.time())

    async def send(
        self, count: int, *, rate: float | None = None, whole: bool = True, on_maps: int | None = None
    ) -> dict[str, float]:
        """Send so many frames, client after client, of every site in turn: at a rate (frames a second), or as fast as
        they are taken. `on_maps` lets only the clients of that many maps move."""
        began, cpu = time.monotonic(), time.process_time()
        movers = [
            (site, client)
            for client in range(self.sites[0].clients)
            for site in self.sites
            if on_maps is None or site.map_of(client) < on_maps
        ]
        first, sent = self._turn, 0
        while sent < count:
            due = count if rate is None else min(count, int((time.monotonic() - began) * rate) + 1)
            some = min(BATCH, due - sent)
            if some <= 0:
                await asyncio.sleep(0.001)
                continue
            waiting: dict[ServerConnection, list[bytes]] = {}
            for number in range(sent, sent + some):
                turn, index = divmod(number, len(movers))
                site, client = movers[index]
                frame = self.frame(site, client, first + turn, whole=whole)
                for connection in self.subscribed(site):
                    waiting.setdefault(connection, []).append(frame)
            for connection, frames in waiting.items():
                await _write(connection, b"".join(frames))
            sent += some
        self._turn = first + count // len(movers) + 1
        return {"sent": sent, "seconds": time.monotonic() - began, "cpu": time.process_time() - cpu}


async def _write(connection: ServerConnection, data: bytes) -> None:
    """Frames that are ready, past the library that would make them anew for every reader."""
    connection.transport.write(data)
    while connection.transport.get_write_buffer_size() > WAITING_AT_MOST:
        await asyncio.sleep(0.0005)


def _sentinel(site: Site, client: int, *, whole: bool) -> bytes:
    if not whole:
        frame = site.position_frame(client, 0)
        data = orjson.loads(orjson.loads(frame)["data"])
        channel = orjson.loads(frame)["channel"]
    else:
        data, channel = site.record(client, 0, _SEEN), site.channel
    data["x"] = _X
    return orjson.dumps({"event": "data", "channel": channel, "data": orjson.dumps(data).decode()})


def _response(status: HTTPStatus, body: bytes, more: dict[str, str]) -> Response:
    headers = Headers(
        [("Date", formatdate(usegmt=True)), ("Content-Type", "application/json"), ("Content-Length", str(len(body)))]
    )
    headers.update(more)
    return Response(status.value, status.phrase, headers, body)


async def main() -> None:
    """Serve, and do what standard input says."""
    given = program.arguments()
    cloud = Cloud(given.get("sites", 1), given["clients"], given.get("maps", 20), google=given.get("google", False))
    server: Server = await serve(
        cloud.stream, "127.0.0.1", 0, process_request=cloud.request, compression=None, ping_interval=None
    )
    port = server.sockets[0].getsockname()[1]

    async def where() -> dict[str, Any]:
        cloud.prepare()
        return {"port": port, "sites": [site.id for site in cloud.sites]}

    async def calls() -> int:
        return cloud.calls

    async def latency(seconds: float) -> None:
        cloud.latency = seconds

    async def watched() -> int:
        return sum(len(cloud.subscribed(site)) for site in cloud.sites)

    async def last() -> dict[str, float]:
        return cloud.last

    handlers = {"where": where, "calls": calls, "latency": latency, "watched": watched, "last": last}
    await program.serve({**handlers, "send": cloud.send})
    server.close()


if __name__ == "__main__":
    asyncio.run(main())
