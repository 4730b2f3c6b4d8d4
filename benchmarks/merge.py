"""Whether the event loop stays quick while a snapshot of everybody is merged into a busy stream.

Each list says that everybody was seen anew, elsewhere: its rows are applied, but for those that a frame overtook.
"""

import asyncio
import tempfile
import time
from collections import Counter
from pathlib import Path
from typing import Any

from benchmarks import engine as engines
from benchmarks import program
from benchmarks.program import Program
from benchmarks.records import Site
from benchmarks.rows import Benchmark, Figure, Findings, Measured, Row, quantile_of_time
from mistlocate.location.roster import APPLIED

CLIENTS, MAPS, RATE = 10_000, 20, 2_500

#: Of the rows of a list so many are applied at least (%); the load overtakes a few while the list is on its way.
APPLIED_AT_LEAST = 80.0

#: All rows (%), and how long lists are on their way that are to be overtaken (seconds).
ALL, LATENCY = 100.0, 0.5

#: Snapshots in one run, and how often the loop is asked to come back (seconds).
SNAPSHOTS, PROBE = 8, 0.001

ROW = Row(
    "merge",
    "snapshots of 10,000 clients, one after the other, while 2,500 records a second arrive",
    "",
    (
        Figure("p99", "lateness of the event loop, not exceeded 99 % of the time", "ms", at_most=20.0),
        Figure("longest", "… longest", "ms"),
        Figure("turns", "turns of the loop, processor time, not exceeded 99 % of it", "ms"),
        Figure("turn", "longest turn of the loop, processor time", "ms"),
        Figure("seconds", "a snapshot", "s", 2),
        Figure("cpu", "a snapshot and the records beside it, processor time", "s", 2),
        Figure("applied", "rows of the lists that were applied", "%", 0, at_least=APPLIED_AT_LEAST),
    ),
)


async def run(runs: int) -> Findings:
    """The load goes on while snapshots are taken."""
    found = Measured()
    async with Program("benchmarks.cloud", clients=CLIENTS, maps=MAPS, moving=True) as cloud:
        port = (await cloud.ask("where"))["port"]
        for _ in range(runs):
            async with Program("benchmarks.merge", clients=CLIENTS, maps=MAPS, port=port) as merging:
                enough = asyncio.Event()
                await merging.ask("ready")
                await cloud.ask("send", count=CLIENTS)
                sending = asyncio.create_task(_load(cloud, enough))
                figures = await merging.ask("snapshots", count=SNAPSHOTS)
                enough.set()
                found.check(figures.pop("rows") == SNAPSHOTS * CLIENTS, "merge: rows of the lists are missing")
                await merging.ask("taken", count=(1 + SNAPSHOTS) * CLIENTS + await sending)
                right = await merging.ask("state") == await cloud.ask("told")
                found.check(right, "merge: it is not known what frames and lists said last")
                await merging.ask("snapshots", count=1)
                right = await merging.ask("state") == await cloud.ask("told")
                found.check(right, "merge: a newer list did not replace what was known")
                found.check(await _overtaken(cloud, merging) < ALL, "merge: no list was overtaken")
                right = await merging.ask("state") == await cloud.ask("told")
                found.check(right, "merge: an older list replaced what a frame said")
                found.add(**figures)
    return {ROW.id: found}


async def _overtaken(cloud: Program, merging: Program) -> float:
    """A snapshot whose first lists are on their way while a frame of everybody comes; the share of rows applied (%)."""
    await cloud.ask("latency", seconds=LATENCY)
    before = await cloud.ask("calls")
    taking = asyncio.create_task(merging.ask("snapshots", count=1))
    while await cloud.ask("calls") < before + 2:  # the maps, and the first list
        await asyncio.sleep(LATENCY / 10)
    await cloud.ask("send", count=CLIENTS)
    applied: float = (await taking)["applied"]
    await cloud.ask("latency", seconds=0.0)
    return applied


async def _load(cloud: Program, enough: asyncio.Event) -> int:
    """A frame of everybody again and again, until it is enough; gives how many it were."""
    sent = 0
    while not enough.is_set():
        sent += (await cloud.ask("send", count=CLIENTS, rate=RATE))["sent"]
    return sent


BENCHMARK = Benchmark("merge", (ROW,), run)


# -- the measured program -------------------------------------------------------------------------


async def main() -> None:
    """One MistWebsocket in the embedded engine."""
    given = program.arguments()
    site = Site(given["clients"], given["maps"])
    with tempfile.TemporaryDirectory(prefix="mistlocate-bench-") as folder:
        async with engines.running(Path(folder), engines.settings(site, given["port"])) as engine:
            host = engine.find(engines.SYSTEM, "MistWebsocket_1")

            outcomes: Counter[object] = Counter()
            before = 0

            async def ready() -> None:
                nonlocal before
                tracker = await engines.live(engine, host)
                before = tracker.counts["received"]
                take = tracker.row

                def counted(*args: Any) -> Any:
                    outcome = take(*args)
                    outcomes[outcome] += 1
                    return outcome

                tracker.row = counted  # type: ignore[method-assign]

            async def snapshots(count: int) -> dict[str, float]:
                outcomes.clear()
                late: list[float] = []
                turns: list[float] = []
                probing = asyncio.create_task(_probe(late, turns))
                began, cpu = time.monotonic(), time.process_time()
                for _ in range(count):
                    await host.execute("sync_clients", [])
                took, used = time.monotonic() - began, time.process_time() - cpu
                probing.cancel()
                spans = [(each, PROBE + each) for each in late]
                works = [(each, each) for each in turns]
                return {
                    "p99": quantile_of_time(spans, 0.99) * 1000,
                    "longest": max(late) * 1000,
                    "turns": quantile_of_time(works, 0.99) * 1000,
                    "turn": max(turns) * 1000,
                    "seconds": took / count,
                    "cpu": used / count,
                    "rows": outcomes.total(),
                    "applied": 100 * outcomes[APPLIED] / outcomes.total(),
                }

            async def taken(count: int) -> None:
                """Wait until so many records and rows were taken in since the start; the asker's patience ends."""
                tracker = engines.tracker_of(host)
                while tracker.counts["received"] - before < count:
                    await asyncio.sleep(0.01)

            async def state() -> dict[str, Any]:
                clients = engines.tracker_of(host).roster.clients.values()
                return {each.mac: (each.position and each.position.x, each.seen_at) for each in clients}

            await program.serve({"ready": ready, "snapshots": snapshots, "taken": taken, "state": state})


async def _probe(late: list[float], turns: list[float]) -> None:
    """How late a sleeper is woken, and how much processor time went by meanwhile."""
    while True:
        began, cpu = time.monotonic(), time.thread_time()
        await asyncio.sleep(PROBE)
        late.append(max(0.0, time.monotonic() - began - PROBE))
        turns.append(time.thread_time() - cpu)


if __name__ == "__main__":
    asyncio.run(main())
