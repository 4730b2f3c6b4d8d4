"""The engine behind its port: how many calls a second, and what a viewer of a floor costs."""

import asyncio
import statistics
import tempfile
import time
from pathlib import Path
from typing import Any

import orjson
from fastapi import FastAPI, Response
from websockets.asyncio.client import ClientConnection, connect

from benchmarks import engine as engines
from benchmarks import program
from benchmarks.program import Program
from benchmarks.records import Site
from benchmarks.rows import Benchmark, Figure, Findings, Measured, Row, quantile
from mistlocate.engines.embedded import server, status
from mistlocate.engines.embedded.engine import Engine

BASE = "/api/engine/v2"
LOCATE, STATIC = f"{BASE}/systems/{engines.SYSTEM}/MistLocations_1/locate_user", f"{BASE}/bench/static"

PEOPLE, CONNECTIONS, REQUESTS = 10_000, 8, 4_000

#: Calls of each kind that come before, and are not measured.
WARM_UP = 500

VIEWERS, DEVICES, CHANGES = 200, 2_000, 25

HTTP = Row(
    "http",
    "HTTP `locate_user`, 10,000 devices, everything on that is on by default",
    "a route of the same server that answers ready-made JSON of the same size",
    (
        Figure("share", "requests per processor second, ours ÷ ready-made", "%", 0, at_least=60),
        Figure("p99", "p99 at half load, from when a call was due", "ms", at_most=10.0),
        Figure("rate", "ours, requests a second of wall time", "", 0),
        Figure("static", "ready-made, requests a second of wall time", "", 0),
    ),
)
VIEW = Row(
    "viewers",
    "200 viewers of a floor with 2,000 devices, each with message ids of its own",
    "sends of ready-made bytes to as many sockets of the same server",
    (
        Figure("encodes", "encodes per change", "", 2, at_most=1.0, at_least=1.0),
        Figure("ratio", "processor time per viewer and change, ours ÷ bare", "×", 2, at_most=1.5),
        Figure("ours", "ours, per viewer and change", "ms", 2),
        Figure("bare", "bare, per viewer and change", "ms", 2),
        Figure("size", "a status of the floor", "kB", 0),
    ),
)


# -- calls ----------------------------------------------------------------------------------------


async def calls(runs: int, found: Measured) -> None:
    """Ready-made and real answers in turn, over kept connections, from this process."""
    async with (
        Program("benchmarks.cloud", clients=PEOPLE) as cloud,
        Program("benchmarks.api", port=(await cloud.ask("where"))["port"], clients=PEOPLE) as served,
    ):
        port = await served.ask("ready")
        for path in (STATIC, LOCATE):
            await _called(served, port, path, found, count=WARM_UP)
        for _ in range(runs):
            static = await _called(served, port, STATIC, found)
            ours = await _called(served, port, LOCATE, found)
            half = await _called(served, port, LOCATE, found, rate=ours["rate"] / 2)
            found.add(
                share=100 * static["cpu"] / ours["cpu"],
                p99=half["p99"] * 1000,
                rate=ours["rate"],
                static=static["rate"],
            )


async def _called(
    served: Program, port: int, path: str, found: Measured, rate: float | None = None, count: int = REQUESTS
) -> dict[str, float]:
    """As many calls as can be made on a few connections, or calls at a rate.

    At a rate a call is late from when it was due: one that had to wait for those before it has waited as well.
    """
    site = Site(PEOPLE)
    named = [client for client in range(PEOPLE) if site.user(client)]
    times: list[float] = []
    wrong = 0
    numbers = iter(range(count))
    before, began = await served.ask("cpu"), time.monotonic()

    async def work() -> None:
        nonlocal wrong
        reader, writer = await asyncio.open_connection("127.0.0.1", port)
        for number in numbers:
            due = time.monotonic()
            if rate is not None:
                due = began + number / rate
                await asyncio.sleep(max(0.0, due - time.monotonic()))
            client = named[number * 7919 % len(named)]
            body = orjson.dumps([site.user(client)])
            head = f"POST {path} HTTP/1.1\r\nHost: 127.0.0.1:{port}\r\nContent-Length: {len(body)}\r\n\r\n"
            writer.write(head.encode() + body)
            answer = await _answer(reader)
            times.append(time.monotonic() - due)
            wrong += path == LOCATE and [each["mac"] for each in orjson.loads(answer)] != [site.mac(client)]
        writer.close()

    await asyncio.gather(*(work() for _ in range(CONNECTIONS)))
    took = time.monotonic() - began
    found.check(not wrong, f"HTTP: {wrong} wrong answers")
    cpu = await served.ask("cpu") - before
    return {"cpu": cpu / count, "rate": count / took, "p99": quantile(times, 0.99)}


async def _answer(reader: asyncio.StreamReader) -> bytes:
    head = await reader.readuntil(b"\r\n\r\n")
    size = int(head.lower().split(b"content-length:")[1].split(b"\r\n")[0])
    assert head.startswith(b"HTTP/1.1 200"), head
    return await reader.readexactly(size)


# -- viewers --------------------------------------------------------------------------------------


async def viewers(runs: int, found: Measured) -> None:
    """Bare sockets and ours in turn; every viewer gets every change."""
    async with (
        Program("benchmarks.cloud", clients=DEVICES, maps=1) as cloud,
        Program("benchmarks.api", port=(await cloud.ask("where"))["port"], clients=DEVICES, maps=1) as served,
    ):
        port = await served.ask("ready")
        for _ in range(runs):
            bare = await _watched(served, port, f"{BASE}/bench/socket", "tell", found)
            ours = await _watched(served, port, f"{BASE}/systems/control", "change", found)
            found.add(
                encodes=ours["encodes"] / CHANGES,
                ratio=ours["cpu"] / bare["cpu"],
                ours=ours["cpu"] * 1000,
                bare=bare["cpu"] * 1000,
                size=ours["size"] / 1000,
            )


async def _watched(served: Program, port: int, path: str, change: str, found: Measured) -> dict[str, float]:
    """Processor seconds of the server for each viewer and change."""
    sockets = [
        await connect(f"ws://127.0.0.1:{port}{path}", max_size=None, compression=None, ping_interval=None, proxy=None)
        for _ in range(VIEWERS)
    ]
    ours, sizes = change == "change", []
    if ours:
        await asyncio.gather(*(socket.send(_binding(number)) for number, socket in enumerate(sockets)))
        await asyncio.gather(*map(_large, sockets))
    used = encodes = 0.0
    for turn in range(1 + CHANGES):  # the first one warms up
        before, encoded = await served.ask("cpu"), await served.ask("encodes")
        expected = await served.ask(change)
        texts = await asyncio.gather(*map(_large, sockets))
        if turn:
            used += await served.ask("cpu") - before
            encodes += await served.ask("encodes") - encoded
        found.check(_right(texts, expected) if ours else len(set(texts)) == 1, f"viewers: {change} told something else")
        sizes += map(len, texts)
    await asyncio.gather(*(socket.close() for socket in sockets))
    return {"cpu": used / VIEWERS / CHANGES, "encodes": encodes, "size": statistics.median(sizes)}


def _binding(number: int) -> str:
    """The message of a viewer. A page counts its messages, so no two viewers need have the same number."""
    bind = {"id": 1 + number, "sys": engines.SYSTEM, "mod": "MistLocations", "cmd": "bind", "name": engines.level(0)}
    return orjson.dumps(bind).decode()


async def _large(socket: ClientConnection) -> bytes:
    """The next status; what binding is answered with comes before."""
    while len(text := await socket.recv(decode=False)) < 10_000:
        pass
    return text


def _right(texts: list[bytes], expected: dict[str, Any]) -> bool:
    """Whether every viewer was told this of a device, and everything else alike, each by the number of its message."""
    values = set()
    for number, text in enumerate(texts):
        head, key, value = text.partition(b'"value":')
        told = orjson.loads(head + key + b"null}")
        if (told["id"], told["type"]) != (1 + number, "notify"):
            return False
        values.add(value)
    records = orjson.loads(values.pop().removesuffix(b"}"))
    there = [each["x"] for each in records if each["mac"] == expected["mac"]]
    return not values and len(records) == DEVICES and there == [expected["x"]]


async def run(runs: int) -> Findings:
    """Both."""
    http, view = Measured(), Measured()
    await calls(runs, http)
    await viewers(runs, view)
    return {HTTP.id: http, VIEW.id: view}


BENCHMARK = Benchmark("api", (HTTP, VIEW), run)


# -- the measured program -------------------------------------------------------------------------


class Bare:
    """What is added to the server to measure against: ready-made answers, and sockets that are sent ready-made
    bytes."""

    def __init__(self) -> None:
        self.answer = b"[]"
        self.text = b""
        self.sockets: list[Any] = []

    def install(self, app: FastAPI) -> None:
        from fastapi import WebSocket, WebSocketDisconnect  # noqa: PLC0415

        async def static() -> Response:
            return Response(self.answer, media_type="application/json")

        async def socket(socket: WebSocket) -> None:
            await socket.accept()
            self.sockets.append(socket)
            try:
                while True:
                    await socket.receive_text()
            except WebSocketDisconnect:
                self.sockets.remove(socket)

        app.add_api_route(STATIC, static, methods=["POST"])
        app.add_api_websocket_route(f"{BASE}/bench/socket", socket)

    async def tell(self) -> None:
        """Send the bytes to everybody, side by side as the engine does."""
        await asyncio.gather(*(socket.send_bytes(self.text) for socket in self.sockets))


class CountedJson:
    """`jsontext`, as the statuses see it, counting what is encoded of lists."""

    def __init__(self, module: Any) -> None:
        self._module = module
        self.large = 0

    def dumps(self, value: Any) -> bytes:
        """Encode."""
        self.large += isinstance(value, list) and len(value) >= DEVICES
        text: bytes = self._module.dumps(value)
        return text


async def main() -> None:
    """The pair in the embedded engine, behind a port."""
    given = program.arguments()
    site, bare, counted = Site(given["clients"], given.get("maps", 20)), Bare(), CountedJson(status.jsontext)
    status.jsontext = counted  # type: ignore[assignment]
    make_app = server.make_app

    def with_more(engine: Engine) -> Any:
        app = make_app(engine)
        bare.install(app._app)  # type: ignore[arg-type]
        return app

    server.make_app = with_more
    settings = engines.settings(site, given["port"], locations=True, placing={"publish_levels": True})
    with tempfile.TemporaryDirectory(prefix="mistlocate-bench-") as folder:
        async with (
            engines.running(Path(folder), settings) as engine,
            server.serving(engine, "127.0.0.1", 0) as url,
        ):
            mist = engine.find(engines.SYSTEM, "MistWebsocket_1").spec.id
            locations = engine.find(engines.SYSTEM, "MistLocations_1").spec.id

            async def ready() -> int:
                await engines.live(engine, engine.find(engines.SYSTEM, "MistWebsocket_1"))
                level = None
                while level is None or len(level.value) * given.get("maps", 20) < site.clients:
                    await asyncio.sleep(0.1)
                    level = engine.board.get(locations, engines.level(0))
                while level.value[0]["stale"]:
                    await asyncio.sleep(0.1)
                    level = engine.board.get(locations, engines.level(0)) or level
                bare.text = level.encoded
                bare.answer = orjson.dumps(level.value[:1])
                return int(url.rpartition(":")[2])

            async def change() -> dict[str, Any]:
                """Somebody moves, and the level is published by the way it always is; who, and to where."""
                present = engine.board.get(mist, site.map_id(0))
                assert present is not None
                news = [dict(each) for each in present.value]
                news[0]["x"] = (news[0]["x"] + 1.0) % 1000
                engine.board.set(mist, site.map_id(0), news)
                return {"mac": news[0]["mac"], "x": news[0]["x"]}

            async def cpu() -> float:
                return time.process_time()

            async def encodes() -> int:
                return counted.large

            handlers = {"ready": ready, "change": change, "tell": bare.tell, "cpu": cpu, "encodes": encodes}
            await program.serve(handlers)


if __name__ == "__main__":
    asyncio.run(main())
