"""From a frame of the stream to a status that is due: ours beside a bare receiver and beside the community's SDK."""

import asyncio
import statistics
import time

from benchmarks.program import Program
from benchmarks.rows import Benchmark, Figure, Findings, Measured, Row

CLIENTS, MAPS = 10_000, 20

#: Records of one measurement, whole ones and positions alike; the SDK is slow and gets fewer.
RECORDS, FEWER = 60_000, 20_000

#: Ours is measured until so many publish intervals (seconds) have passed, for publishing is part of what it costs.
INTERVALS, INTERVAL = 2, 3.0
SECONDS = INTERVALS * INTERVAL + 1.0

#: What is to be reached: times the floor's processor time, and records per second of it.
RATIO_AT_MOST, RATE_AT_LEAST = 2.5, 25_000

FLOOR = Row(
    "ingest",
    "a whole record of the stream, as fast as they are taken: validated, on the roster, its owner learned, published",
    "bare `websockets` and two `orjson.loads`",
    (
        Figure("ratio", "processor time per record, ours ÷ floor", "×", 2, at_most=RATIO_AT_MOST),
        Figure("rate", "records a second on one core", "", 0, at_least=RATE_AT_LEAST),
        Figure("ours", "ours, processor time per record", "µs"),
        Figure("decode", "… of which to decode and validate it", "µs"),
        Figure("take", "… of which the roster and its owner", "µs"),
        Figure("rest", "… of which the connection, publishing, storing", "µs"),
        Figure("floor", "floor, processor time per record", "µs"),
        Figure("wall", "ours, records a second of wall time", "", 0),
        Figure("slim", "the same with positions of map channels, ours ÷ floor", "×", 2),
    ),
)
PEER = Row(
    "ingest-sdk",
    "the same",
    "`mistapi`, the community's SDK, with a dict as index",
    (
        Figure("ratio", "records per processor second, ours ÷ SDK", "×", 1, at_least=8.0),
        Figure("sdk", "SDK, processor time per record", "µs"),
    ),
)


async def measure(
    cloud: Program, port: int, kind: str, count: int, found: Measured, *, whole: bool
) -> dict[str, float]:
    """A receiver in a process of its own: what a record costs (µs of processor time), and records a second."""
    async with Program("benchmarks.receivers", kind=kind, clients=CLIENTS, maps=MAPS, port=port) as receiver:
        await receiver.ask("ready")
        await receiver.ask("mark")
        await cloud.ask("send", count=CLIENTS, whole=whole)
        await receiver.ask("taken", count=CLIENTS)  # a warm-up: everybody is known
        published = await receiver.ask("published") if kind == "ours" else 0
        await receiver.ask("mark")
        sent, began = 0, time.monotonic()
        while sent < count or (kind == "ours" and time.monotonic() < began + SECONDS):
            sent += (await cloud.ask("send", count=count, whole=whole))["sent"]
        cost = await receiver.ask("taken", count=sent)
        found.check(cost["count"] == sent, f"{kind}: {cost['count']} of {sent} records")
        last = await cloud.ask("last")
        found.check(await receiver.ask("state") == last, f"{kind}: somebody is not where the last frame said")
        if kind == "ours":
            published = await receiver.ask("published") - published
            found.check(published >= INTERVALS * MAPS, f"{published} statuses published meanwhile")
            owners = await cloud.ask("users") if whole else {}
            found.check(await receiver.ask("owners") == owners, "the owners are not those of the last frames")
            found.check(await _shown(receiver, last), "the statuses are not what the last frames said")
        return {"cpu": cost["cpu"] / sent * 1e6, "wall": sent / cost["wall"]}


async def _shown(receiver: Program, expected: dict[str, float]) -> bool:
    """Whether the statuses of the maps come to say this, within two publish intervals."""
    until = time.monotonic() + 2 * INTERVAL + 2
    while time.monotonic() < until:
        if await receiver.ask("shown") == expected:
            return True
        await asyncio.sleep(0.25)
    return False


def explain(found: Measured) -> None:
    """Say so where there were too few records a second because the floor is slower than they ask for."""
    rate, floor = (statistics.median(found.samples[name]) for name in ("rate", "floor"))
    allowed = 1e6 / (RATIO_AT_MOST * floor)
    if rate < RATE_AT_LEAST and allowed < RATE_AT_LEAST:
        found.notes.append(
            f"This machine was too slow for the number of records: at {RATIO_AT_MOST} times the floor, as the ratio "
            f"allows, they would be {allowed:,.0f} a second."
        )


async def run(runs: int) -> Findings:
    """Ours between two floors, so that both meet the same machine even while it becomes faster or slower; the SDK
    behind them."""
    floor, peer = Measured(), Measured()
    async with Program("benchmarks.cloud", clients=CLIENTS, maps=MAPS, changing=True) as cloud:
        port = (await cloud.ask("where"))["port"]

        async def cost(found: Measured, kind: str, count: int, whole: bool = True) -> dict[str, float]:
            return await measure(cloud, port, kind, count, found, whole=whole)

        for _ in range(runs):
            before, ours = await cost(floor, "floor", RECORDS), await cost(floor, "ours", RECORDS)
            after = await cost(floor, "floor", RECORDS)
            bare = (before["cpu"] + after["cpu"]) / 2
            bare_slim = await cost(floor, "floor", RECORDS, False)
            slim = await cost(floor, "ours", RECORDS, False)
            sdk = await cost(peer, "community", FEWER)
            async with Program("benchmarks.growth", kind="ours", clients=CLIENTS) as alone:
                stages = await alone.ask("stages")
                fault = (await alone.ask("state"))["fault"]
                floor.check(not fault, f"without a network: {fault}")
            floor.add(
                decode=stages["decode"],
                take=stages["take"],
                rest=ours["cpu"] - stages["decode"] - stages["take"],
                ratio=ours["cpu"] / bare,
                rate=1e6 / ours["cpu"],
                ours=ours["cpu"],
                floor=bare,
                wall=ours["wall"],
                slim=slim["cpu"] / bare_slim["cpu"],
            )
            peer.add(ratio=sdk["cpu"] / ours["cpu"], sdk=sdk["cpu"])
    explain(floor)
    return {FLOOR.id: floor, PEER.id: peer}


BENCHMARK = Benchmark("ingest", (FLOOR, PEER), run)
