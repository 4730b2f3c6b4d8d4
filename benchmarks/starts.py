"""How soon something is there: the executables, and a site after a cold start."""

import asyncio
import subprocess
import sys
import time

from redis.asyncio import Redis

from benchmarks import machine
from benchmarks.placeos_rig import module_id, redis_of_its_own, websocket_model
from benchmarks.program import Program
from benchmarks.records import Site
from benchmarks.rows import Benchmark, Figure, Findings, Measured, Row
from support.placeos_core import Core
from support.placeos_site import WEBSOCKET_DRIVER

CLIENTS, MAPS = 10_000, 20

#: What the cloud takes for each call (seconds): a good line to it.
LATENCY = 0.15

#: Lists are asked for side by side.
SIDE_BY_SIDE = 4

#: Starts of an executable in one run.
STARTS = 7

COLD = Row(
    "cold-start",
    "cold start until live and everybody in Redis: 20 maps, 10,000 clients, each REST call takes 150 ms",
    "the latency of these calls alone: two lists of maps, then the maps four at a time",
    (
        Figure("seconds", "from the start of the module", "s", 2, at_most=5.0),
        Figure("live", "… of which until live", "s", 2),
        Figure("cpu", "processor time", "s", 2),
        Figure("calls", "REST calls beyond one per page", "", 0, at_most=3),
        Figure("ratio", "÷ latency of the calls", "×", 2),
    ),
)
EXECUTABLES = Row(
    "executables",
    "executables: from the start of the process",
    "`python -c pass`",
    (
        Figure("ready", "to the byte that says it listens", "ms", 0, at_most=400),
        Figure("metadata", "to the end of `-m`", "ms", 0, at_most=300),
        Figure("python", "`python -c pass`", "ms", 0),
        Figure("ready_cpu", "`-m`, processor time ÷ `python -c pass`", "×", 1),
    ),
)


async def cold(found: Measured) -> None:
    """One cold start."""
    site = Site(CLIENTS, MAPS)
    async with (
        Program("benchmarks.cloud", clients=CLIENTS, maps=MAPS) as cloud,
        redis_of_its_own() as url,
        Core(url) as core,
        Redis.from_url(url, decode_responses=True),
    ):
        where = await cloud.ask("where")
        await cloud.ask("latency", seconds=LATENCY)
        driver = await core.launch(WEBSOCKET_DRIVER)
        began, used = time.monotonic(), machine.cpu_seconds(driver.pid)
        await driver.start(module_id(0), websocket_model(core, site, where["port"]))
        while await core.status(module_id(0), "stream_state") != "live":
            await asyncio.sleep(0.02)
        live = time.monotonic() - began
        places: dict[str, float] = {}
        while len(places) < CLIENTS and time.monotonic() - began < 30:
            lists = [await core.status(module_id(0), map_id) or () for map_id in site.map_ids]
            places = {each["mac"]: each["x"] for there in lists for each in there}
        took = time.monotonic() - began
        expected = {site.mac(client): site.place(client, 0)[0] for client in range(CLIENTS)}
        wrong = sum(places.get(mac) != x for mac, x in expected.items())
        found.check(places == expected, f"cold start: {wrong} of {CLIENTS} are not in Redis, or are elsewhere")
        rounds = 2 + -(-MAPS // SIDE_BY_SIDE)
        found.add(
            seconds=took,
            live=live,
            cpu=machine.cpu_seconds(driver.pid) - used,
            calls=await cloud.ask("calls") - MAPS,
            ratio=took / (rounds * LATENCY),
        )


async def executables(found: Measured) -> None:
    """Several starts; what the last of them printed is looked at."""
    async with redis_of_its_own() as url, Core(url) as core:
        for _ in range(STARTS):
            driver = await core.launch(WEBSOCKET_DRIVER)
            found.check(driver.ready_byte == b"r", "the executable did not say that it listens")
            metadata, text, cpu = await asyncio.to_thread(timed, [WEBSOCKET_DRIVER, "-m"])
            python, _, bare = await asyncio.to_thread(timed, [sys.executable, "-c", "pass"])
            found.check(b'"implements"' in text or b'"interface"' in text, "-m printed no metadata")
            found.add(
                ready=driver.ready_after * 1000, metadata=metadata * 1000, python=python * 1000, ready_cpu=cpu / bare
            )
            await driver.terminate()


def timed(command: list[str]) -> tuple[float, bytes, float]:
    """Wall seconds of a command, its output, and its processor seconds."""
    import resource  # noqa: PLC0415 - not on every system

    before = resource.getrusage(resource.RUSAGE_CHILDREN)
    began = time.perf_counter()
    done = subprocess.run(command, check=True, stdout=subprocess.PIPE)
    took = time.perf_counter() - began
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    return took, done.stdout, after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime


async def run(runs: int) -> Findings:
    """Both."""
    start, ready = Measured(), Measured()
    for _ in range(runs):
        await cold(start)
    await executables(ready)
    return {COLD.id: start, EXECUTABLES.id: ready}


BENCHMARK = Benchmark("starts", (COLD, EXECUTABLES), run)
