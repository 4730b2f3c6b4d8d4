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
RECORDS, PARTS = 30_000, 3

ROW = Row(
    "growth",
    "processor time of a record as tracked clients grow from 1,000 to 100,000, without a network",
    "the same growth of plain records in a dict; the best of three rounds each",
    (
        Figure("ratio", "growth, ours ÷ dict", "×", 2, at_most=1.2),
        Figure("ours", "ours, growth", "×", 2),
        Figure("plain", "dict, growth", "×", 2),
        Figure("cpu", "ours at 100,000, processor time per record", "µs"),
        Figure("wall", "… of the clock", "µs"),
        Figure("memory", "ours at 100,000, memory of the process before it holds frames", "MB", 0),
        Figure("device", "… of which a tracked device, from 1,000 to 100,000", "kB", 2),
    ),
)


async def measured(kind: str, clients: int, found: Measured) -> dict[str, float]:
    """Microseconds of a record, everybody being known, in the round that took the least processor time: of the
    processor and of the clock. And the megabytes of the process."""
    async with Program("benchmarks.growth", kind=kind, clients=clients) as receiver:
        best: dict[str, float] = min([await receiver.ask("round") for _ in range(3)], key=lambda each: each["cpu"])
        state = await receiver.ask("state")
        found.check(not state["fault"], f"growth: {kind} at {clients:,}: {state['fault']}")
        return best | {"memory": state["memory"]}


async def run(runs: int) -> Findings:
    """Both kinds at both sizes."""
    found = Measured()
    for _ in range(runs):
        costs = {
            (kind, clients): await measured(kind, clients, found)
            for clients in (FEW, MANY)
            for kind in ("plain", "ours")
        }
        ours, plain = (costs[kind, MANY]["cpu"] / costs[kind, FEW]["cpu"] for kind in ("ours", "plain"))
        many, few = costs["ours", MANY], costs["ours", FEW]
        found.add(
            ratio=ours / plain,
            ours=ours,
            plain=plain,
            cpu=many["cpu"],
            wall=many["wall"],
            memory=many["memory"],
            device=(many["memory"] - few["memory"]) * 1000 / (MANY - FEW),
        )
    return {ROW.id: found}


BENCHMARK = Benchmark("growth", (ROW,), run)


# -- the measured program -------------------------------------------------------------------------


#: When each client was seen, and where, by its MAC.
State = dict[str, tuple[float | None, float | None, float | None]]


class Plain:
    """Decoded records in a dict."""

    def __init__(self, site: Site) -> None:
        self._records: dict[str, Any] = {}

    def take(self, frame: bytes) -> None:
        record = orjson.loads(orjson.loads(frame)["data"])
        self._records[record["mac"]] = record

    def state(self) -> State:
        return {mac: (each["last_seen"], each["x"], each["y"]) for mac, each in self._records.items()}


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

    def stages(self, frames: list[bytes]) -> tuple[float, float]:
        """Seconds of processor time: to decode and validate these, and to take the records in."""
        began = time.process_time()
        events = [event for frame in frames for event in self._decode(frame)]
        decoded = time.process_time()
        for event in events:
            self._tracker.frame(event, self._sites)  # type: ignore[arg-type]
        return decoded - began, time.process_time() - decoded

    def state(self) -> State:
        return {
            client.mac: (client.seen_at, client.position and client.position.x, client.position and client.position.y)
            for client in self._tracker.roster.clients.values()
        }

    def owners(self) -> dict[str, str]:
        return {mac: owned.text for mac, owned in self._tracker.owners.everyone()}


async def main() -> None:
    """One kind, one number of clients."""
    given = program.arguments()
    site = Site(given["clients"])
    receiver = Plain(site) if given["kind"] == "plain" else Ours(site)
    seen = time.time() - 3600
    for client in range(site.clients):
        receiver.take(site.frame(client, 0, seen))
    memory = machine.memory_mb(os.getpid())  # later on most of it is frames that wait to be taken
    whose, turns = random.Random(1), dict.fromkeys(range(site.clients), 0)
    turn = 0

    def drawn() -> list[bytes]:
        """Frames of clients drawn by lot."""
        nonlocal turn
        turn += 1
        clients = [whose.randrange(site.clients) for _ in range(RECORDS // PARTS)]
        turns.update(dict.fromkeys(clients, turn))
        return [site.frame(client, turn, seen + turn) for client in clients]

    async def once() -> dict[str, float]:
        """Frames made before and timed after: microseconds a record."""
        cpu = wall = 0.0
        for _ in range(PARTS):
            frames = drawn()
            began, used = time.perf_counter(), time.process_time()
            for frame in frames:
                receiver.take(frame)
            cpu += time.process_time() - used
            wall += time.perf_counter() - began
        return {"cpu": cpu / RECORDS * 1e6, "wall": wall / RECORDS * 1e6}

    async def stages() -> dict[str, float]:
        """Microseconds a record, stage by stage."""
        assert isinstance(receiver, Ours)
        found = [receiver.stages(drawn()) for _ in range(PARTS)]
        decode, take = (sum(stage) / RECORDS * 1e6 for stage in zip(*found, strict=True))
        return {"decode": decode, "take": take}

    async def state() -> dict[str, Any]:
        expected: State = {site.mac(client): (seen + last, *site.place(client, last)) for client, last in turns.items()}
        there, fault = receiver.state(), ""
        if there != expected:
            wrong = sum(there.get(mac) != each for mac, each in expected.items())
            fault = f"{wrong} of {len(expected)} clients are not as their last record says; {len(there)} are known"
        users = {site.mac(client): site.user(client) for client in range(site.clients) if site.user(client)}
        if isinstance(receiver, Ours) and receiver.owners() != users:
            fault = "the owners are not those of the records"
        return {"fault": fault, "memory": memory}

    await program.serve({"round": once, "stages": stages, "state": state})


if __name__ == "__main__":
    asyncio.run(main())
