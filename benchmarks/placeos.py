"""The PlaceOS executable from the stream to Redis: at a pace, at full blast, idle, and what it asks of Redis."""

import asyncio
import time
from typing import Any

import orjson

from benchmarks import machine
from benchmarks.asking import Waits
from benchmarks.placeos_rig import Rig, module_id, rig
from benchmarks.program import Program
from benchmarks.rows import Benchmark, Figure, Findings, Measured, Row, quantile

CLIENTS, MAPS = 10_000, 20

#: The maps on which somebody moves where not all of them do.
MAPS_MOVED = 2
RATE = 2_500
INTERVAL = 3.0

#: How long each part is measured (seconds).
PACED, BLAST, MOVERS = 12.0, 12.0, 18.0

#: While nothing comes, REST is asked about the silence and for the maps: with the shortest intervals (seconds, minutes)
#: instead of the defaults both happen within what is measured, more often than in operation.
IDLE, SILENCE_LIMIT, MAPS_INTERVAL = 75.0, 30.0, 1.0

#: Between two looks at what Redis has done (seconds), and what such a look is on the wire.
LOOK_EVERY = 0.1
LOOK = b"*2\r\n$4\r\nINFO\r\n$12\r\ncommandstats\r\n"

PACE = Row(
    "placeos",
    "PlaceOS executable, stream → Redis: 10,000 clients, 20 maps, 2,500 whole records a second",
    "the ingest floor at the same pace",
    (
        Figure("ratio", "processor time, ours ÷ floor", "×", 2, at_most=4.0),
        Figure("share", "ours, of one core, with a hundred commands a second", "%"),
        Figure("wait", "a command waits, p99.9", "ms", at_most=20.0),
        Figure("longest", "… longest", "ms"),
    ),
)
FULL = Row(
    "placeos-blast",
    "the same, as fast as frames are taken",
    "",
    (
        Figure("growth", "memory at the end − a quarter of the way", "MB", at_most=10.0),
        Figure("memory", "memory at the end", "MB"),
        Figure("wait", "a command waits, p99.9", "ms", at_most=50.0),
        Figure("longest", "… longest", "ms"),
        Figure("rate", "records a second of wall time", "", 0),
    ),
)
REDIS = Row(
    "redis",
    "Redis, movers on 2 of 20 maps, 2,500 records a second",
    "each map written and published every 3 s with whole records, as the original drivers write them",
    (
        Figure("bytes", "bytes to Redis, rewrite ÷ ours", "×", at_least=10.0),
        Figure("commands", "commands, rewrite ÷ ours", "×", at_least=10.0),
        Figure("same", "bytes, rewrite of the same short records ÷ ours", "×", 2),
        Figure("pipelines", "pipelines each time that statuses are written", "", 2, at_most=1.0),
        Figure("pipelines_everywhere", "… movers on all maps: in pieces, so that commands do not wait", "", 2),
        Figure("ours", "ours", "kB/s"),
        Figure("everywhere", "ours, movers on all maps", "kB/s"),
        Figure("share", "ours, of one core, without commands", "%"),
        Figure("share_everywhere", "ours, of one core, movers on all maps", "%"),
    ),
)
QUIET = Row(
    "idle",
    "10,000 clients connected and quiet, both executables; silence doubted after 30 s, maps looked for each minute",
    "",
    (
        Figure("share", "of one core", "%", 3, at_most=0.2),
        Figure("cpu", "processor time", "s", 2),
        Figure("seconds", "… in so many seconds of the clock", "s", 0),
        Figure("calls", "REST calls meanwhile", "", 0, at_least=3),
    ),
)


async def paced(it: Rig, found: Measured) -> None:
    """Ours and the floor at the same pace, one after the other."""
    count = int(RATE * PACED)
    before, cpu, began = await it.received(), it.cpu(), time.monotonic()
    async with it.asking() as waits:
        await it.cloud.ask("send", count=count, rate=RATE)
    await it.drained(before + count)
    used, took = it.cpu() - cpu, time.monotonic() - began
    found.check(await it.published(await it.cloud.ask("last")), "paced: Redis does not have what was sent last")
    bare = await _floor(count)
    found.add(
        ratio=used / bare,
        share=100 * used / took,
        **_waited(waits, found),
    )


def _waited(waits: Waits, found: Measured) -> dict[str, float]:
    """How long commands waited (ms), all of them."""
    found.check(len(waits.seconds) == waits.asked, f"{waits.asked} commands asked, {len(waits.seconds)} answered")
    return {"wait": 1000 * quantile(waits.seconds, 0.999), "longest": 1000 * max(waits.seconds)}


async def _floor(count: int) -> float:
    """Processor seconds of the bare receiver for so many records at the pace; nobody else listens to its cloud."""
    async with Program("benchmarks.cloud", clients=CLIENTS, maps=MAPS) as cloud:
        port = (await cloud.ask("where"))["port"]
        async with Program("benchmarks.receivers", kind="floor", clients=CLIENTS, maps=MAPS, port=port) as receiver:
            await receiver.ask("ready")
            await cloud.ask("send", count=CLIENTS, rate=4 * RATE)
            await receiver.ask("mark")
            await cloud.ask("send", count=count, rate=RATE)
            cost = await receiver.ask("taken", count=count)
            if await receiver.ask("state") != await cloud.ask("last"):
                raise RuntimeError("the floor did not take in what was sent")
            return float(cost["cpu"])


async def blast(it: Rig, found: Measured) -> None:
    """As fast as frames are taken."""
    diagnosed = await it.ask("diagnostics")
    before, began, sent = diagnosed["records"], time.monotonic(), 0
    quarter = 0.0
    memory: list[tuple[float, float]] = []
    async with it.asking() as waits:
        while (passed := time.monotonic() - began) < BLAST:
            sent += (await it.cloud.ask("send", count=20_000))["sent"]
            memory.append((round(passed, 1), it.memory()))
            if passed < BLAST / 4:
                quarter = it.memory()
    await it.drained(before["received"] + sent)
    took = time.monotonic() - began
    after = (await it.ask("diagnostics"))["records"]
    counted = sum(after.get(name, 0) - before.get(name, 0) for name in ("applied", "placed", "superseded"))
    found.check(counted == sent, f"blast: {sent} records sent, {counted} counted")
    found.check(await it.published(await it.cloud.ask("last")), "blast: Redis does not have what was sent last")
    found.lines[f"run {len(found.lines) + 1}"] = memory
    found.add(
        growth=it.memory() - quarter,
        memory=it.memory(),
        **_waited(waits, found),
        rate=sent / took,
    )


async def writes(it: Rig, found: Measured) -> None:
    """What reaches Redis while a tenth of the maps moves, beside a rewrite of all of them."""
    some = await _written(it, found, on_maps=MAPS_MOVED)
    everywhere = await _written(it, found, on_maps=None)
    whole, commands = await _rewritten(it, found, whole=True)
    short, _ = await _rewritten(it, found, whole=False)
    found.add(
        bytes=whole / some["bytes"],
        commands=commands / some["commands"],
        same=short / some["bytes"],
        pipelines=some["pipelines"],
        pipelines_everywhere=everywhere["pipelines"],
        ours=some["bytes"] / 1000,
        everywhere=everywhere["bytes"] / 1000,
        share=some["share"],
        share_everywhere=everywhere["share"],
    )


async def _written(it: Rig, found: Measured, on_maps: int | None) -> dict[str, float]:
    """Bytes and commands a second, and pipelines for each time that statuses are written. What asking Redis costs
    itself is taken off."""
    count = int(RATE * (MOVERS + 2 * INTERVAL + 1))
    moving = asyncio.create_task(it.cloud.ask("send", count=count, rate=RATE, on_maps=on_maps))
    await asyncio.sleep(2 * INTERVAL)  # what moved before has been written
    before, cpu, began = await it.redis.info("all"), it.cpu(), time.monotonic()
    writings, looks = await _pipelines(it, MOVERS)
    used, after, took = it.cpu() - cpu, await it.redis.info("all"), time.monotonic() - began
    await moving
    found.check(await it.published(await it.cloud.ask("last")), "redis: it does not have what was sent last")
    rounds = bursts(writings, INTERVAL / 2)
    found.check(0 < len(rounds) <= took / INTERVAL + 1, f"redis: statuses were written {len(rounds)} times")
    return {
        "bytes": (after["total_net_input_bytes"] - before["total_net_input_bytes"] - looks * len(LOOK)) / took,
        "commands": (after["total_commands_processed"] - before["total_commands_processed"] - 1 - looks) / took,
        "pipelines": sum(rounds) / max(1, len(rounds)),
        "share": 100 * used / took,
    }


async def _pipelines(it: Rig, seconds: float) -> tuple[list[tuple[float, int]], int]:
    """When Redis got how many pipelines of statuses (each has one `HSET` of a module), and how often it was asked."""
    until, looks, writings = time.monotonic() + seconds, 0, []
    known = None
    while (now := time.monotonic()) < until:
        calls = (await it.redis.info("commandstats"))["cmdstat_hset"]["calls"]
        looks += 1
        if known is not None and calls > known:
            writings.append((now, calls - known))
        known = calls
        await asyncio.sleep(LOOK_EVERY)
    return writings, looks


def bursts(events: list[tuple[float, int]], within: float) -> list[int]:
    """The sizes of bursts of events `(time, how many)`: those that come within so many seconds of the first of them."""
    sizes: list[int] = []
    first = float("-inf")
    for at, count in events:
        if at - first > within:
            sizes.append(0)
            first = at
        sizes[-1] += count
    return sizes


async def _rewritten(it: Rig, found: Measured, *, whole: bool) -> tuple[float, float]:
    """Bytes and commands a second of a writer that sets and publishes every map each interval."""
    site = it.sites[0]
    texts = {}
    for number, map_id in enumerate(site.map_ids):
        if whole:
            there: Any = [site.record(client, 1, time.time()) for client in range(number, CLIENTS, MAPS)]
        else:
            there = await it.core.status(module_id(0), map_id)
        texts[map_id] = orjson.dumps(there)
    before = await it.redis.info("stats")
    for map_id, text in texts.items():
        pipeline = it.redis.pipeline(transaction=False)
        pipeline.execute_command("HSET", "status/mod-beside", map_id, text)
        pipeline.execute_command("PUBLISH", f"status/mod-beside/{map_id}", text)
        await pipeline.execute()
    after = await it.redis.info("stats")
    written = await it.redis.hgetall("status/mod-beside")
    found.check(sum(len(orjson.loads(text)) for text in written.values()) == CLIENTS, "redis: the rewrite lacks some")
    await it.redis.delete("status/mod-beside")
    size = after["total_net_input_bytes"] - before["total_net_input_bytes"]
    return size / INTERVAL, (after["total_commands_processed"] - before["total_commands_processed"] - 1) / INTERVAL


async def idle(it: Rig, found: Measured) -> None:
    """Nothing comes, nobody asks."""
    assert it.locations is not None
    expected = await it.cloud.ask("last")
    found.check(await it.published(expected), "idle: Redis does not have what was sent last")
    pids = (it.driver.pid, it.locations.pid)
    calls = await it.cloud.ask("calls")
    before, began = sum(map(machine.cpu_seconds, pids)), time.monotonic()
    await asyncio.sleep(IDLE)
    used, took = sum(map(machine.cpu_seconds, pids)) - before, time.monotonic() - began
    asked = await it.cloud.ask("calls") - calls
    found.add(share=100 * used / took, cpu=used, seconds=took, calls=asked)
    found.check(await it.places() == expected, "idle: Redis does not have everybody where they are")
    found.check(await it.core.status(module_id(0), "stream_state") in ("live", "quiet"), "idle: the stream is not live")


async def run(runs: int) -> Findings:
    """One process that runs all the time under load, as a deployment does; then both, with nothing to do: once, for
    what happens then happens minutes apart."""
    findings = {row.id: Measured() for row in BENCHMARK.rows}
    async with rig(clients=CLIENTS, maps=MAPS) as it:
        await it.live()
        await it.cloud.ask("send", count=CLIENTS, rate=RATE)
        for _ in range(runs):
            await paced(it, findings[PACE.id])
            await blast(it, findings[FULL.id])
            await writes(it, findings[REDIS.id])
    async with rig(
        clients=CLIENTS, maps=MAPS, with_locations=True, silence_limit=SILENCE_LIMIT, maps_interval=MAPS_INTERVAL
    ) as it:
        await it.live()
        await it.cloud.ask("send", count=CLIENTS, rate=RATE)
        await idle(it, findings[QUIET.id])
    return findings


BENCHMARK = Benchmark("placeos", (PACE, FULL, REDIS, QUIET), run)
