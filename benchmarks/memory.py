"""What a tracked device costs in memory: the whole process, everything that it keeps and publishes."""

import asyncio

from benchmarks.placeos_rig import Rig, rig
from benchmarks.rows import Benchmark, Figure, Findings, Measured, Row
from mistlocate.engines.collector import TRIM_EVERY

DEVICES, MAPS = 50_000, 20
RATE = 10_000

ROW = Row(
    "memory",
    "memory of the MistWebsocket executable, 50,000 devices on 20 maps, every one of them reported twice",
    "the same process with one device",
    (
        Figure("device", "a tracked device, `client_fields: needed`", "kB", 2, at_most=1.5),
        Figure("process", "the process at 50,000", "MB", at_most=150.0),
        Figure("empty", "the process with one device", "MB"),
        Figure("all", "a tracked device, `client_fields: all`", "kB", 2),
    ),
)


async def filled(it: Rig, devices: int, found: Measured) -> float:
    """Megabytes when everybody was listed, reported twice, and published."""
    await it.live()
    before, count = await it.received(), 2 * devices
    await it.cloud.ask("send", count=count, rate=RATE)
    await it.drained(before + count)
    last = await it.cloud.ask("last")
    found.check(len(last) == devices, f"memory: {len(last)} of {devices} devices were sent")
    found.check(await it.published(last, within=30), f"memory: Redis does not have all {devices} where they were last")
    await asyncio.sleep(TRIM_EVERY + 2)  # what the lists left behind goes by and by
    return it.memory()


async def run(runs: int) -> Findings:
    """A fresh process for each figure: what was freed does not always go back."""
    found = Measured()
    for _ in range(max(1, runs // 2)):
        async with rig(clients=1, maps=MAPS) as it:
            empty = await filled(it, 1, found)
        async with rig(clients=DEVICES, maps=MAPS) as it:
            needed = await filled(it, DEVICES, found)
        async with rig(clients=DEVICES, maps=MAPS, client_fields="all") as it:
            everything = await filled(it, DEVICES, found)
        found.add(
            device=(needed - empty) * 1000 / DEVICES,
            process=needed,
            empty=empty,
            all=(everything - empty) * 1000 / DEVICES,
        )
    return {ROW.id: found}


BENCHMARK = Benchmark("memory", (ROW,), run)
