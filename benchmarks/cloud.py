"""The load: a cloud that answers what the drivers ask and sends frames at a pace, or as fast as they are taken.

It is no simulation (`mistlocate.simulator` is): rows and frames are made ready but for times and places, so that it is
faster than whoever reads them. One port serves both REST and stream.
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

#: Of so many clients one has another user in each turn, where users change.
CHANGE_EVERY = 100

#: Numbers that stand in a frame where those of the moment are put.
_X, _SEEN = 1111.0625, 2222222222.0625


class Template:
    """JSON text with places for a time, if it has one, and for a coordinate."""

    def __init__(self, text: bytes) -> None:
        self._seen, time, rest = text.partition(str(_SEEN).encode())
        self._timed = bool(time)
        self._x, _, self._end = (rest if self._timed else text).partition(str(_X).encode())

    def fill(self, x: float, seen: float) -> bytes:
        """The text with both put in."""
        start = b"%s%.4f" % (self._seen, seen) if self._timed else b""
        return b"%s%s%.4f%s" % (start, self._x, x, self._end)


class Cloud:
    """Sites of equal size; whoever subscribes a channel gets its frames.

    A list tells of each client what its last frame told. With `moving` the network has seen everybody anew, elsewhere,
    whenever a list is asked for: what such a list says is newer than all frames before it. With `changing` lists name
    nobody, and one client in a hundred has another user in each turn: who owns what can only be learned from frames.
    """

    def __init__(
        self,
        sites: int,
        clients: int,
        maps: int,
        *,
        google: bool = False,
        moving: bool = False,
        changing: bool = False,
    ) -> None:
        self.sites = [Site(clients, maps, number) for number in range(sites)]
        self.latency = 0.0
        self.google = google
        self.moving = moving
        self.changing = changing
        self.users: dict[str, str] = {}
        """Who uses which client, by the last frame that said so."""
        self.calls = 0
        self.began = time.time()
        self._by_id = {site.id: site for site in self.sites}
        self._maps: dict[str, bytes] = {}
        self._subscribers: dict[str, set[ServerConnection]] = {}
        self._turn = 0
        self._told: dict[str, tuple[float, float]] = {}
        """Where each client is by what was said of it last, and when it was seen there."""
        self._frames: dict[tuple[bool, int, int], Template] = {}
        self._rows: dict[tuple[int, int], Template] = {}

    # -- REST -------------------------------------------------------------------------------------

    async def request(self, connection: ServerConnection, request: Request) -> Response | None:
        """Answer a request, unless it opens the stream."""
        if request.path.startswith("/api-ws/"):
            return None
        self.calls += 1
        parts = urlsplit(request.path)
        match = _PATH.fullmatch(parts.path)
        site = self._by_id.get(match.group(1)) if match else None
        if match is None or site is None:
            return _response(HTTPStatus.NOT_FOUND, b'{"detail":"not found"}', {})
        query = parse_qs(parts.query)
        page = int(query.get("page", ["1"])[0])
        limit = int(query.get("limit", [request.headers.get("X-Page-Limit") or str(PAGE)])[0])
        body, total = self._body(site, match.group(2), match.group(3), page, limit)
        if self.latency:
            await asyncio.sleep(self.latency)  # frames may overtake it
        headers = {"X-Page-Total": str(total), "X-Page-Limit": str(limit), "X-Page-Page": str(page)}
        return _response(HTTPStatus.OK, body, headers)

    def _body(self, site: Site, kind: str, map_id: str | None, page: int, limit: int) -> tuple[bytes, int]:
        """A page of a list as things stand, and how many items the whole list has."""
        if kind == "maps":
            if site.id not in self._maps:
                maps = [site.map_record(number, google=self.google) for number in range(site.maps)]
                self._maps[site.id] = orjson.dumps(maps)
            return self._maps[site.id], site.maps
        there = range(site.clients)
        if map_id is not None:
            there = there[site.map_ids.index(map_id) :: site.maps]
        some = there[(page - 1) * limit : page * limit]
        if self.moving:
            moved = {site.mac(client): (self._place(site, client)[0] + 0.25) % 1900 for client in some}
            now = time.time()
            self._told |= {mac: (x, now) for mac, x in moved.items()}
        return b"[%s]" % b",".join(self._row(site, client) for client in some), len(there)

    def _place(self, site: Site, client: int) -> tuple[float, float]:
        return self._told.get(site.mac(client)) or (site.place(client, 0)[0], self.began)

    def _row(self, site: Site, client: int) -> bytes:
        template = self._rows.get((site.number, client))
        if template is None:
            record = site.record(client, 0, _SEEN) | {"x": _X}
            if self.changing:
                record.pop("username", None)
            template = self._rows[site.number, client] = Template(orjson.dumps(record))
        return template.fill(*self._place(site, client))

    def prepare(self) -> None:
        """Make ready whatever lists are made of: what that costs is not the measured program's time."""
        for site in self.sites:
            self._body(site, "maps", None, 1, PAGE)
            for client in range(site.clients):
                self._row(site, client)

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
        template = self._frames.get(key)
        if template is None:
            template = self._frames[key] = Template(_sentinel(site, client, whole=whole))
        user = site.user(client)
        if self.changing and whole and user is not None:
            if client % CHANGE_EVERY == 0:
                user = f"user{client}-{turn}@example.com"
                template = Template(_sentinel(site, client, whole=True, user=user))
            self.users[site.mac(client)] = user
        told = self._told[site.mac(client)] = (client * 37 + turn * 13.5) % 1900, time.time()
        text = template.fill(*told)
        return b"\x81\x7e" + len(text).to_bytes(2, "big") + text  # a WebSocket text frame of a server

    def told(self) -> dict[str, tuple[float, float]]:
        """Where everybody is of whom something was said, and when they were seen there (as written): by MAC."""
        return {mac: (x, round(seen, 4)) for mac, (x, seen) in self._told.items()}

    def last(self) -> dict[str, float]:
        """Where everybody is of whom something was said: x by MAC."""
        return {mac: x for mac, (x, _) in self._told.items()}

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


def _sentinel(site: Site, client: int, *, whole: bool, user: str | None = None) -> bytes:
    if not whole:
        frame = site.position_frame(client, 0)
        data = orjson.loads(orjson.loads(frame)["data"])
        channel = orjson.loads(frame)["channel"]
    else:
        data, channel = site.record(client, 0, _SEEN), site.channel
    data["x"] = _X
    if user is not None:
        data["username"] = user
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
    cloud = Cloud(
        given.get("sites", 1), given["clients"], given.get("maps", 20),
        google=given.get("google", False), moving=given.get("moving", False), changing=given.get("changing", False),
    )  # fmt: skip
    server: Server = await serve(
        cloud.stream, "127.0.0.1", 0, process_request=cloud.request, compression=None, ping_interval=None
    )
    port = server.sockets[0].getsockname()[1]

    async def where() -> dict[str, Any]:
        cloud.prepare()
        return {"port": port, "sites": [site.id for site in cloud.sites], "began": cloud.began}

    async def calls() -> int:
        return cloud.calls

    async def latency(seconds: float) -> None:
        cloud.latency = seconds

    async def watched() -> int:
        return sum(len(cloud.subscribed(site)) for site in cloud.sites)

    async def last() -> dict[str, float]:
        return cloud.last()

    async def told() -> dict[str, tuple[float, float]]:
        return cloud.told()

    async def users() -> dict[str, str]:
        return cloud.users

    handlers = {
        "told": told,
        "users": users,
        "where": where,
        "calls": calls,
        "latency": latency,
        "watched": watched,
        "last": last,
    }
    await program.serve({**handlers, "send": cloud.send})
    server.close()


if __name__ == "__main__":
    asyncio.run(main())
