"""Whether the event loop stays quick while a snapshot of everybody is merged into a busy stream."""

import asyncio
import tempfile
import time
from pathlib import Path
from typing import Any

from benchmarks import engine as engines
from benchmarks import program
from benchmarks.program import Program
from benchmarks.records import Site
from benchmarks.rows import Benchmark, Figure, Findings, Measured, Row, quantile

CLIENTS, MAPS, RATE = 10_000, 20, 2_500

#: Snapshots in one run, and how often the loop is asked to come back (seconds).
SNAPSHOTS, PROBE = 8, 0.001

ROW = Row(
    "merge",
    "snapshots of 10,000 clients, one after the other, while 2,500 records a second arrive",
    "",
    (
        Figure("p99", "the event loop comes back late, p99", "ms", at_most=20.0),
        Figure("longest", "… longest", "ms"),
        Figure("turn", "longest turn of the loop, processor time", "ms"),
        Figure("seconds", "a snapshot", "s", 2),
    ),
)


async def run(runs: int) -> Findings:
    """The load goes on while snapshots are taken."""
    found = Measured()
    async with Program("benchmarks.cloud", clients=CLIENTS, maps=MAPS) as cloud:
        port = (await cloud.ask("where"))["port"]
        for _ in range(runs):
            async with Program("benchmarks.merge", clients=CLIENTS, maps=MAPS, port=port) as merging:
                await merging.ask("ready")
                await cloud.ask("send", count=CLIENTS)
                sending = asyncio.create_task(cloud.ask("send", count=RATE * 12, rate=RATE))
                figures = await merging.ask("snapshots", count=SNAPSHOTS)
                found.check(not sending.done(), "merge: the load ended before the snapshots did")
                await sending
                await asyncio.sleep(0.5)
                right = await merging.ask("state") == await cloud.ask("last")
                found.check(right, "merge: an older list replaced what the stream said")
                found.add(**figures)
    return {ROW.id: found}


BENCHMARK = Benchmark("merge", (ROW,), run)


# -- the measured program -------------------------------------------------------------------------


async def main() -> None:
    """One MistWebsocket in the embedded engine."""
    given = program.arguments()
    site = Site(given["clients"], given["maps"])
    with tempfile.TemporaryDirectory(prefix="mistlocate-bench-") as folder:
        async with engines.running(Path(folder), engines.settings(site, given["port"])) as engine:
            host = engine.find(engines.SYSTEM, "MistWebsocket_1")

            async def ready() -> None:
                await engines.live(engine, host)

            async def snapshots(count: int) -> dict[str, float]:
                late: list[float] = []
                turns: list[float] = []
                probing = asyncio.create_task(_probe(late, turns))
                began = time.monotonic()
                for _ in range(count):
                    await host.execute("sync_clients", [])
                took = time.monotonic() - began
                probing.cancel()
                return {
                    "p99": quantile(late, 0.99) * 1000, "longest": max(late) * 1000, "turn": max(turns) * 1000,
                    "seconds": took / count,
                }  # fmt: skip

            async def state() -> dict[str, Any]:
                clients = engines.tracker_of(host).roster.clients.values()
                return {client.mac: client.position.x for client in clients if client.position is not None}

            await program.serve({"ready": ready, "snapshots": snapshots, "state": state})


async def _probe(late: list[float], turns: list[float]) -> None:
    """How late a sleeper is woken, and how much processor time went by meanwhile."""
    while True:
        began, cpu = time.monotonic(), time.thread_time()
        await asyncio.sleep(PROBE)
        late.append(max(0.0, time.monotonic() - began - PROBE))
        turns.append(time.thread_time() - cpu)


if __name__ == "__main__":
    asyncio.run(main())
