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
RATE = 2_500
INTERVAL = 3.0

#: How long each part is measured (seconds).
PACED, BLAST, MOVERS, IDLE = 12.0, 12.0, 18.0, 25.0

PACE = Row(
    "placeos",
    "PlaceOS executable, stream → Redis: 10,000 clients, 20 maps, 2,500 whole records a second",
    "the ingest floor at the same pace",
    (
        Figure("ratio", "processor time, ours ÷ floor", "×", 2, at_most=4.0),
        Figure("share", "ours, of one core", "%"),
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
        Figure("pipelines", "pipelines of statuses per flush", "", 2, at_most=1.0),
        Figure("ours", "ours", "kB/s"),
        Figure("everywhere", "ours, movers on all maps", "kB/s"),
    ),
)
QUIET = Row(
    "idle",
    "10,000 clients connected and quiet, both executables",
    "",
    (Figure("share", "of one core", "%", 3, at_most=0.2),),
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
    bare = await _floor(it, count)
    found.add(
        ratio=used / bare,
        share=100 * used / took,
        **_waited(waits, found),
    )


def _waited(waits: Waits, found: Measured) -> dict[str, float]:
    """How long commands waited (ms), all of them."""
    found.check(len(waits.seconds) == waits.asked, f"{waits.asked} commands asked, {len(waits.seconds)} answered")
    return {"wait": 1000 * quantile(waits.seconds, 0.999), "longest": 1000 * max(waits.seconds)}


async def _floor(it: Rig, count: int) -> float:
    """Processor seconds of the bare receiver for so many records at the pace."""
    port = (await it.cloud.ask("where"))["port"]
    async with Program("benchmarks.receivers", kind="floor", clients=CLIENTS, maps=MAPS, port=port) as receiver:
        await receiver.ask("ready")
        await receiver.ask("mark")
        await it.cloud.ask("send", count=count, rate=RATE)
        return float((await receiver.ask("taken", count=count))["cpu"])


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
    some = await _written(it, on_maps=2)
    everywhere = await _written(it, on_maps=None)
    whole, commands = await _rewritten(it, whole=True)
    short, _ = await _rewritten(it, whole=False)
    found.add(
        bytes=whole / some["bytes"],
        commands=commands / some["commands"],
        same=short / some["bytes"],
        pipelines=some["hashes"] / some["flushes"],
        ours=some["bytes"] / 1000,
        everywhere=everywhere["bytes"] / 1000,
    )


async def _written(it: Rig, on_maps: int | None) -> dict[str, float]:
    """Bytes, commands, writes of hashes and flushes a second. Asking Redis is a command itself, and is taken off."""
    count = int(RATE * (MOVERS + 3 * INTERVAL))
    moving = asyncio.create_task(it.cloud.ask("send", count=count, rate=RATE, on_maps=on_maps))
    await asyncio.sleep(2 * INTERVAL)  # what moved before has been written
    flushes, before, began = await it.flushes(), await it.redis.info("all"), time.monotonic()
    await asyncio.sleep(MOVERS)
    after, took = await it.redis.info("all"), time.monotonic() - began
    done = await it.flushes() - flushes
    await moving
    calls = "cmdstat_hset"
    hashes = after[calls]["calls"] - before[calls]["calls"]
    return {
        "bytes": (after["total_net_input_bytes"] - before["total_net_input_bytes"]) / took,
        "commands": (after["total_commands_processed"] - before["total_commands_processed"] - 1) / took,
        "hashes": hashes,
        "flushes": done,
    }


async def _rewritten(it: Rig, *, whole: bool) -> tuple[float, float]:
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
    await it.redis.delete("status/mod-beside")
    size = after["total_net_input_bytes"] - before["total_net_input_bytes"]
    return size / INTERVAL, (after["total_commands_processed"] - before["total_commands_processed"] - 1) / INTERVAL


async def idle(it: Rig, found: Measured) -> None:
    """Nothing comes, nobody asks."""
    assert it.locations is not None
    await asyncio.sleep(2 * INTERVAL)
    pids = (it.driver.pid, it.locations.pid)
    before, began = sum(map(machine.cpu_seconds, pids)), time.monotonic()
    await asyncio.sleep(IDLE)
    used = sum(map(machine.cpu_seconds, pids)) - before
    found.add(share=100 * used / (time.monotonic() - began))
    found.check(len(await it.places()) == CLIENTS, "idle: not everybody is there")


async def run(runs: int) -> Findings:
    """One process that runs all the time under load, as a deployment does; then both, with nothing to do."""
    findings = {row.id: Measured() for row in BENCHMARK.rows}
    async with rig(clients=CLIENTS, maps=MAPS) as it:
        await it.live()
        await it.cloud.ask("send", count=CLIENTS, rate=RATE)
        for _ in range(runs):
            await paced(it, findings[PACE.id])
            await blast(it, findings[FULL.id])
            await writes(it, findings[REDIS.id])
    async with rig(clients=CLIENTS, maps=MAPS, with_locations=True) as it:
        await it.live()
        await it.cloud.ask("send", count=CLIENTS, rate=RATE)
        for _ in range(runs):
            await idle(it, findings[QUIET.id])
    return findings


BENCHMARK = Benchmark("placeos", (PACE, FULL, REDIS, QUIET), run)
