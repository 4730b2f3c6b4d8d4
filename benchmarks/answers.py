"""What an answer costs in process: where is this person, and who is on this level."""

import asyncio
import statistics
import tempfile
import time
from pathlib import Path
from typing import Any

import orjson

from benchmarks import engine as engines
from benchmarks import expected, program
from benchmarks.program import Program
from benchmarks.records import Site
from benchmarks.rows import Benchmark, Figure, Findings, Measured, Row, quantile
from mistlocate.engines.embedded.engine import Engine

FEW, MANY = 1_000, 100_000
ON_A_LEVEL = 5_000
ASKED = 3_000

#: Microseconds of processor time that an answer about a person may take, all but one in a hundred.
P99_AT_MOST = 100

LOCATE = Row(
    "locate-user",
    "`locate_user` in process, 100,000 devices",
    "a dict look-up that builds the same record",
    (
        Figure("p99", "processor time, p99", "µs", 0, at_most=P99_AT_MOST),
        Figure("growth", "median at 100,000 devices ÷ at 1,000", "×", 2, at_most=1.3),
        Figure("median", "median", "µs", 0),
        Figure("loop", "a loop of nothing but additions that takes as long as the median: its p99", "µs", 0),
        Figure("floor", "look-up, median", "µs", 1),
    ),
)


def _level(identity: str, what: str, limit: float) -> Row:
    return Row(
        identity,
        f"`device_locations` of 5,000 devices through the accessor, encoded: {what}",
        "building 5,000 dicts and `orjson.dumps`",
        (
            Figure("ratio", "processor time after a change, ours ÷ floor", "×", 2, at_most=limit),
            Figure("again", "an unchanged level, asked for again", "ms", 2, at_most=1.0),
            Figure("ours", "ours after a change, processor time", "ms"),
            Figure("wall", "… of the clock", "ms"),
            Figure("floor", "floor", "ms"),
        ),
    )


#: A cell of S2 and a place on the globe are made for every device of a geo-referenced map.
IMAGE = _level("level", "an image map", 2.5)
GOOGLE = _level("level-geo", "a geo-referenced map, with latitude, longitude and S2 cell", 8.0)


def explain(found: Measured) -> None:
    """Say so where answers exceed their limit and what is nothing but a loop does as well."""
    if all(statistics.median(found.samples[name]) > P99_AT_MOST for name in ("p99", "loop")):
        found.notes.append(
            "The limit is this machine's: it interrupts every program so often, and for so long, that a loop of "
            "nothing but additions exceeds the limit as well."
        )


async def run(runs: int) -> Findings:
    """Each in a process of its own; many devices between few and few, for a machine may change its speed meanwhile."""
    locate, image, google = Measured(), Measured(), Measured()
    for _ in range(runs):
        before, many = await _asked("locate", locate, clients=FEW), await _asked("locate", locate, clients=MANY)
        after = await _asked("locate", locate, clients=FEW)
        locate.add(
            p99=many["p99"],
            median=many["median"],
            growth=many["median"] / ((before["median"] + after["median"]) / 2),
            loop=many["loop"],
            floor=many["floor"],
        )
        for found, geo in ((image, False), (google, True)):
            level = await _asked("level", found, clients=ON_A_LEVEL, maps=1, google=geo)
            found.add(
                ratio=level["changed"] / level["floor"],
                again=level["again"] * 1000,
                ours=level["changed"] * 1000,
                wall=level["wall"] * 1000,
                floor=level["floor"] * 1000,
            )
    explain(locate)
    return {LOCATE.id: locate, IMAGE.id: image, GOOGLE.id: google}


async def _asked(what: str, found: Measured, **shape: Any) -> dict[str, Any]:
    async with Program("benchmarks.cloud", **shape) as cloud:
        where = await cloud.ask("where")
        async with Program("benchmarks.answers", port=where["port"], seen=where["began"], **shape) as answering:
            await answering.ask("ready")
            answer = await answering.ask(what)
            assert isinstance(answer, dict)
            found.check(not answer["fault"], answer["fault"])
            return answer


BENCHMARK = Benchmark("answers", (LOCATE, IMAGE, GOOGLE), run)


# -- the measured program -------------------------------------------------------------------------


class Answering:
    """The pair in the embedded engine, asked as the API asks it."""

    def __init__(self, site: Site, engine: Engine, seen: float, *, google: bool) -> None:
        self._site = site
        self._seen = seen
        self._google = google
        self._engine = engine
        self._mist = engine.find(engines.SYSTEM, "MistWebsocket_1")
        self._locations = engine.find(engines.SYSTEM, "MistLocations_1")

    async def ready(self) -> None:
        """Live, and everybody published."""
        await engines.live(self._engine, self._mist)
        while True:
            await asyncio.sleep(0.1)
            found = await self._locations.execute("device_locations", ["zone-building"])
            if len(found) == self._site.clients and not found[0]["stale"]:
                return

    async def locate(self) -> dict[str, Any]:
        """Microseconds of processor time: people one after the other, spread over everybody."""
        named = [client for client in range(self._site.clients) if self._site.user(client)]
        whom = [named[number * 7919 % len(named)] for number in range(ASKED)]
        answers = [[expected.record(self._site, client, self._seen)] for client in whom]
        times, loops, fault = [], [], ""
        for number, (client, answer) in enumerate(zip(whom, answers, strict=True)):
            began = time.process_time()
            found = await self._locations.execute("locate_user", [self._site.user(client)])
            times.append((time.process_time() - began) * 1e6)
            if found != answer:
                fault = f"locate_user: {found}"
            if number == ASKED // 10:
                additions = _as_long_as(statistics.median(times))
            if number >= ASKED // 10:  # in turn, so that both meet the same machine
                loops.append(_added(additions))
        records = await self._locations.execute("device_locations", ["zone-building"])
        by_user = {self._site.user(int(each["mac"], 16) & 0xFFFFF): each for each in records}
        floor = []
        for client in whom:
            user = self._site.user(client)
            began = time.process_time()
            _built(by_user[user])
            floor.append((time.process_time() - began) * 1e6)
        return {
            "p99": quantile(times, 0.99), "median": statistics.median(times), "floor": statistics.median(floor),
            "loop": quantile(loops, 0.99), "fault": fault,
        }  # fmt: skip

    async def level(self) -> dict[str, Any]:
        """Seconds of processor time: a level after a change, the same again, and the floor."""
        map_id, board, owner = self._site.map_id(0), self._engine.board, self._mist.spec.id
        clients = self._engine.board.get(owner, map_id)
        assert clients is not None
        changed, again, floor, wall = [], [], [], []
        faults = set()
        for turn in range(15):
            news = [dict(each) for each in clients.value]
            news[0]["x"] = float(turn)
            moved = {news[0]["mac"]: float(turn)}
            board.set(owner, map_id, news)
            began, clock = time.process_time(), time.perf_counter()
            found = await self._ask_level()
            orjson.dumps(found)
            changed.append(time.process_time() - began)
            wall.append(time.perf_counter() - clock)
            began = time.process_time()
            same = await self._ask_level()
            again.append(time.process_time() - began)
            began = time.process_time()
            orjson.dumps([_built(each) for each in found])
            floor.append(time.process_time() - began)
            for answer in (found, same):
                faults.add(expected.faults(answer, self._site, self._seen, moved, google=self._google))
        return {
            "changed": statistics.median(changed), "wall": statistics.median(wall),
            "again": statistics.median(again),
            "floor": statistics.median(floor), "fault": "; ".join(sorted(faults - {""})),
        }  # fmt: skip

    async def _ask_level(self) -> list[dict[str, Any]]:
        found: list[dict[str, Any]] = await self._locations.execute("device_locations", [engines.level(0)])
        return found


def _added(additions: int) -> float:
    """Microseconds of processor time that so many additions take: what interrupts them is the machine's own."""
    total, began = 0, time.process_time()
    for number in range(additions):
        total += number
    return (time.process_time() - began) * 1e6


def _as_long_as(median: float) -> int:
    """How many additions take so many microseconds, nearly always."""
    some = 1_000
    return max(1, round(some * median / statistics.median(_added(some) for _ in range(200))))


def _built(record: dict[str, Any]) -> dict[str, Any]:
    """A record like this one, made as plainly as can be: one dict display, every value at hand."""
    built = {
        "location": "wireless", "coordinates_from": "top-left", "x": record["x"], "y": record["y"],
        "map_width": record["map_width"], "map_height": record["map_height"], "mac": record["mac"],
        "variance": record["variance"], "last_seen": record["last_seen"],
        "last_seen_from": record["last_seen_from"], "stale": record["stale"], "building": record["building"],
        "level": record["level"], "level_name": record["level_name"], "manufacturer": record["manufacturer"],
        "os": record["os"], "ssid": record["ssid"], "mist_map_id": record["mist_map_id"],
    }  # fmt: skip
    if "lat" in record:
        built["lat"], built["lon"], built["s2_cell_id"] = record["lat"], record["lon"], record["s2_cell_id"]
    return built


async def main() -> None:
    """Serve one site."""
    given = program.arguments()
    site = Site(given["clients"], given.get("maps", 20))
    with tempfile.TemporaryDirectory(prefix="mistlocate-bench-") as folder:
        settings = engines.settings(site, given["port"], locations=True, websocket={"publish_interval": 1})
        async with engines.running(Path(folder), settings) as engine:
            it = Answering(site, engine, given["seen"], google=given.get("google", False))
            await program.serve({"ready": it.ready, "locate": it.locate, "level": it.level})


if __name__ == "__main__":
    asyncio.run(main())
