"""Many modules in one process: whether a tenth module costs what the second did."""

import asyncio
import time

from benchmarks.placeos_rig import rig
from benchmarks.rows import Benchmark, Figure, Findings, Measured, Row

COUNTS = (1, 10, 30, 100)
CLIENTS, MAPS = 1_000, 5

#: An update of every client a minute.
PERIOD = 60.0

#: How long each number of modules is measured, and how long while nothing comes (seconds).
SECONDS, QUIET = 15.0, 10.0

ROW = Row(
    "modules",
    "1, 10, 30, 100 modules in one process, 1,000 clients each, a record of every client a minute",
    "itself",
    (
        Figure("cpu_bend", "processor time a module, from 30 to 100 ÷ from 1 to 30", "×", 2, at_most=1.3),
        Figure("memory_bend", "memory a module, from 30 to 100 ÷ from 1 to 30", "×", 2, at_most=1.3),
        Figure("cpu", "slope: a module, of one core", "%", 2),
        Figure("memory", "slope: a module", "MB", 2),
        Figure("hundred", "100 modules, of one core", "%"),
        Figure("quiet", "100 modules while nothing comes, of one core", "%", 2),
    ),
)


async def cost(modules: int, found: Measured) -> tuple[float, float, float]:
    """Of so many modules: share of a core (%), megabytes, and of the most of them the share while nothing comes."""
    async with rig(sites=modules, clients=CLIENTS, maps=MAPS) as it:
        await it.live()
        rate = modules * CLIENTS / PERIOD
        quiet = 0.0
        if modules == COUNTS[-1]:
            await asyncio.sleep(4.0)  # what the start left to do is done
            cpu, began = it.cpu(), time.monotonic()
            await asyncio.sleep(QUIET)
            quiet = 100 * (it.cpu() - cpu) / (time.monotonic() - began)
        await it.cloud.ask("send", count=int(rate * 4), rate=rate)
        cpu, began, count = it.cpu(), time.monotonic(), int(rate * SECONDS)
        await it.cloud.ask("send", count=count, rate=rate)
        await asyncio.sleep(max(0.0, began + SECONDS - time.monotonic()))
        share = 100 * (it.cpu() - cpu) / (time.monotonic() - began)
        memory = it.memory()
        received = sum([await it.received(number) for number in range(modules)])
        expected = modules * CLIENTS + count + int(rate * 4)
        found.check(received == expected, f"{modules} modules: {received} of {expected} records were taken in")
        there = await it.published(await it.cloud.ask("last"))
        found.check(there, f"{modules} modules: Redis does not have what was sent last")
        return share, memory, quiet


async def run(runs: int) -> Findings:
    """All numbers of modules, one after the other."""
    found = Measured()
    for _ in range(max(1, runs // 3)):
        costs = {modules: await cost(modules, found) for modules in COUNTS}
        first, middle, last = COUNTS[0], COUNTS[-2], COUNTS[-1]

        def slope(kind: int, least: int, most: int, costs: dict[int, tuple[float, float, float]] = costs) -> float:
            return (costs[most][kind] - costs[least][kind]) / (most - least)

        found.add(
            cpu_bend=slope(0, middle, last) / slope(0, first, middle),
            memory_bend=slope(1, middle, last) / slope(1, first, middle),
            cpu=slope(0, first, last),
            memory=slope(1, first, last),
            hundred=costs[last][0],
            quiet=costs[last][2],
        )
        found.lines["of one core (%)"] = [(modules, share) for modules, (share, _, _) in costs.items()]
        found.lines["memory (MB)"] = [(modules, memory) for modules, (_, memory, _) in costs.items()]
    return {ROW.id: found}


BENCHMARK = Benchmark("modules", (ROW,), run)
