"""Whether a record costs more when more clients are tracked: ours beside plain records in a dict."""

import asyncio
import os
import random
import time
from typing import Any

import orjson

from benchmarks import machine, program
from benchmarks.program import Program
from benchmarks.records import Site
from benchmarks.rows import Benchmark, Figure, Findings, Measured, Row

FEW, MANY = 1_000, 100_000

#: Records of one measurement; those of the few come again and again.
RECORDS = 30_000

ROW = Row(
    "growth",
    "processor time of a record as tracked clients grow from 1,000 to 100,000, without a network",
    "the same growth of plain records in a dict",
    (
        Figure("ratio", "growth, ours ÷ dict", "×", 2, at_most=1.2),
        Figure("ours", "ours, growth", "×", 2),
        Figure("plain", "dict, growth", "×", 2),
        Figure("memory", "ours, memory of the process at 100,000", "MB", 0),
    ),
)


async def measured(kind: str, clients: int, found: Measured) -> float:
    """Seconds of processor time for the records, everybody being known, the best of several rounds."""
    async with Program("benchmarks.growth", kind=kind, clients=clients) as receiver:
        best = min([await receiver.ask("round") for _ in range(3)])
        state = await receiver.ask("state")
        found.check(state["clients"] == clients and state["newest"], f"growth: {kind} has {state}")
        if kind == "ours" and clients == MANY:
            found.add(memory=state["memory"])
        return float(best)


async def run(runs: int) -> Findings:
    """Both kinds at both sizes."""
    found = Measured()
    for _ in range(runs):
        costs = {
            (kind, clients): await measured(kind, clients, found)
            for clients in (FEW, MANY)
            for kind in ("plain", "ours")
        }
        ours, plain = (costs[kind, MANY] / costs[kind, FEW] for kind in ("ours", "plain"))
        found.add(ratio=ours / plain, ours=ours, plain=plain)
    return {ROW.id: found}


BENCHMARK = Benchmark("growth", (ROW,), run)


# -- the measured program -------------------------------------------------------------------------


class Plain:
    """Decoded records in a dict."""

    def __init__(self, site: Site) -> None:
        self._records: dict[str, Any] = {}

    def take(self, frame: bytes) -> None:
        record = orjson.loads(orjson.loads(frame)["data"])
        self._records[record["mac"]] = record

    def seen(self) -> dict[str, float]:
        return {mac: record["last_seen"] for mac, record in self._records.items()}


class Ours:
    """The way of a frame without its connection."""

    def __init__(self, site: Site) -> None:
        from mistlocate.clock import SystemClock  # noqa: PLC0415
        from mistlocate.drivers.mist_websocket.tracker import Tracker  # noqa: PLC0415
        from mistlocate.location.identity import NameRules  # noqa: PLC0415
        from mistlocate.mist import frames  # noqa: PLC0415

        self._decode = frames.decode
        self._sites = frozenset({site.id})
        self._tracker = Tracker(SystemClock(), forget_after=86_400.0, rules=NameRules.of({}, ["host/"]), keep_all=False)

    def take(self, frame: bytes) -> None:
        for event in self._decode(frame):
            self._tracker.frame(event, self._sites)  # type: ignore[arg-type]

    def seen(self) -> dict[str, float]:
        return {client.mac: client.seen_at or 0.0 for client in self._tracker.roster.clients.values()}


async def main() -> None:
    """One kind, one number of clients."""
    given = program.arguments()
    site = Site(given["clients"])
    receiver = Plain(site) if given["kind"] == "plain" else Ours(site)
    seen = time.time() - 3600
    for client in range(site.clients):
        receiver.take(site.frame(client, 0, seen))
    whose = random.Random(1)
    turn = 0

    async def once() -> float:
        """Records of clients drawn by lot, made before and timed after."""
        nonlocal turn
        spent = 0.0
        for _ in range(3):
            turn += 1
            frames = [site.frame(whose.randrange(site.clients), turn, seen + turn) for _ in range(RECORDS // 3)]
            began = time.process_time()
            for frame in frames:
                receiver.take(frame)
            spent += time.process_time() - began
        return spent

    async def state() -> dict[str, Any]:
        times = receiver.seen()
        newest = max(times.values()) == seen + turn
        return {"clients": len(times), "newest": newest, "memory": machine.memory_mb(os.getpid())}

    await program.serve({"round": once, "state": state})


if __name__ == "__main__":
    asyncio.run(main())
