"""Programs that read the stream of the load: ours, the floor below it, and the peer beside it."""

import asyncio
import tempfile
import threading
import time
from pathlib import Path
from typing import Any, Protocol

import orjson

from benchmarks import engine as engines
from benchmarks import program
from benchmarks.records import Site


class Receiver(Protocol):
    """What each of them can be asked."""

    async def ready(self) -> None:
        """Connect, and wait until frames would come."""

    def taken(self) -> int:
        """How many records were applied so far."""

    def state(self) -> dict[str, float]:
        """Where every client is: x by MAC."""


class Floor:
    """Bare `websockets` and the fastest decode of the same frames, of which the last record is kept."""

    def __init__(self, site: Site, port: int) -> None:
        self._site = site
        self._url = f"ws://127.0.0.1:{port}/api-ws/v1/stream"
        self._records: dict[str, Any] = {}
        self._count = 0
        self._task: asyncio.Task[None] | None = None
        self._granted = asyncio.Event()

    async def ready(self) -> None:
        self._task = asyncio.create_task(self._read())
        await self._granted.wait()

    async def _read(self) -> None:
        from websockets.asyncio.client import connect  # noqa: PLC0415 - each of them loads its own

        async with connect(self._url, ping_interval=None, proxy=None) as connection:
            await connection.send(orjson.dumps({"subscribe": self._site.channel}).decode())
            await connection.recv()
            for map_id in self._site.map_ids:
                await connection.send(orjson.dumps({"subscribe": self._site.map_channel(map_id)}).decode())
                await connection.recv()
            self._granted.set()
            while True:
                record = orjson.loads(orjson.loads(await connection.recv(decode=False))["data"])
                self._records[record["mac"]] = record
                self._count += 1

    def taken(self) -> int:
        return self._count

    def state(self) -> dict[str, float]:
        return {mac: record["x"] for mac, record in self._records.items()}


class Ours:
    """The driver in the embedded engine, with everything that it does beside: lists, publishing, storing."""

    def __init__(self, site: Site, port: int) -> None:
        self._site = site
        self._settings = engines.settings(site, port)
        self._folder = tempfile.TemporaryDirectory(prefix="mistlocate-bench-")
        self._tracker: Any = None

    async def ready(self) -> None:
        self._running = engines.running(Path(self._folder.name), self._settings)
        engine = await self._running.__aenter__()
        host = engine.find(engines.SYSTEM, "MistWebsocket_1")
        self._board, self._module = engine.board, host.spec.id
        self._tracker = await engines.live(engine, host)

    def taken(self) -> int:
        return int(self._tracker.counts["received"])

    def state(self) -> dict[str, float]:
        clients = self._tracker.roster.clients.values()
        return {client.mac: client.position.x for client in clients if client.position is not None}

    def owners(self) -> dict[str, str]:
        """Who owns what, by MAC."""
        return {mac: owned.text for mac, owned in self._tracker.owners.everyone()}

    def published(self) -> int:
        """How many statuses were published so far."""
        return self._board.published[self._module]

    def shown(self) -> dict[str, float]:
        """Where every client is by the statuses of the maps: x by MAC."""
        lists = [self._board.get(self._module, map_id) for map_id in self._site.map_ids]
        return {each["mac"]: each["x"] for there in lists if there is not None for each in there.value}


class Community:
    """`mistapi`, the community's SDK, which reads in a thread and hands messages to another, and a dict as index."""

    def __init__(self, site: Site, port: int) -> None:
        import mistapi  # noqa: PLC0415
        from mistapi.websockets.sites import ClientsStatsEvents  # noqa: PLC0415

        class Plain(ClientsStatsEvents):
            """The same without TLS, which neither of the others has here."""

            def _build_ws_url(self) -> str:
                return f"ws://127.0.0.1:{port}/api-ws/v1/stream"

        session = mistapi.APISession(show_cli_notif=False)
        session._cloud_uri = "api.mist.com"
        session.set_api_token("benchmark", validate=False)
        self._index: dict[str, Any] = {}
        self._count = 0
        self._granted = threading.Event()
        self._listener = Plain(session, [site.id])
        self._listener.on_message(self._take)

    def _take(self, message: dict[str, Any]) -> None:
        if message.get("event") != "data":
            self._granted.set()
            return
        record = orjson.loads(message["data"])
        self._index[record["mac"]] = record
        self._count += 1

    async def ready(self) -> None:
        self._listener.connect()
        await asyncio.to_thread(self._granted.wait, 20)

    def taken(self) -> int:
        return self._count

    def state(self) -> dict[str, float]:
        return {mac: record["x"] for mac, record in self._index.items()}


KINDS = {"floor": Floor, "ours": Ours, "community": Community}


async def main() -> None:
    """Run one of them."""
    given = program.arguments()
    receiver: Receiver = KINDS[given["kind"]](Site(given["clients"], given.get("maps", 20)), given["port"])
    marked: dict[str, float] = {}

    async def ready() -> None:
        await receiver.ready()

    async def mark() -> None:
        marked.update(count=receiver.taken(), cpu=time.process_time(), wall=time.monotonic())

    async def taken(count: int) -> dict[str, float]:
        """Wait until so many records were applied since the mark; processor and wall seconds since then."""
        until = time.monotonic() + 120
        while receiver.taken() - marked["count"] < count and time.monotonic() < until:
            await asyncio.sleep(0.005)
        done = receiver.taken() - marked["count"]
        return {"count": done, "cpu": time.process_time() - marked["cpu"], "wall": time.monotonic() - marked["wall"]}

    async def state() -> dict[str, float]:
        return receiver.state()

    handlers: dict[str, program.Handler] = {"ready": ready, "mark": mark, "taken": taken, "state": state}
    if isinstance(receiver, Ours):
        ours = receiver

        async def owners() -> dict[str, str]:
            return ours.owners()

        async def published() -> int:
            return ours.published()

        async def shown() -> dict[str, float]:
            return ours.shown()

        handlers |= {"owners": owners, "published": published, "shown": shown}
    await program.serve(handlers)


if __name__ == "__main__":
    asyncio.run(main())
