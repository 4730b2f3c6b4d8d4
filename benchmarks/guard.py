"""The quick version: whether something became slow, by ratios of processor time with generous bounds.

It runs in a minute and says nothing about how fast the machine is; `make bench` measures.
"""

import asyncio
import sys
import time
from collections.abc import Awaitable, Callable
from typing import Any

from benchmarks import answers, growth, machine, starts
from benchmarks.program import Program

#: What a figure may be at most; about twice what it is.
BOUNDS = {
    "a record without a network ÷ its two decodes": 7.0,
    "a tracked device, kB": 2.0,
    "locate_user ÷ a thousand look-ups": 4.0,
    "device_locations ÷ building as many dicts": 5.0,
    "an unchanged level ÷ the same after a change": 0.2,
    "-m ÷ python -c pass": 30.0,
}


async def ingest() -> dict[str, float]:
    """Frames fed by hand, ours beside bare decoding."""
    costs: dict[str, float] = {}
    for kind in ("plain", "ours"):
        async with Program("benchmarks.growth", kind=kind, clients=growth.FEW) as receiver:
            costs[kind] = min([(await receiver.ask("round"))["cpu"] for _ in range(3)])
    sizes = {}
    for clients in (1, 20_000):
        async with Program("benchmarks.growth", kind="ours", clients=clients) as receiver:
            sizes[clients] = (await receiver.ask("state"))["memory"]
    return {
        "a record without a network ÷ its two decodes": costs["ours"] / costs["plain"],
        "a tracked device, kB": (sizes[20_000] - sizes[1]) / 20,
    }


async def asked() -> dict[str, float]:
    """A person and a level, in process."""

    async def ask(what: str, **shape: Any) -> dict[str, Any]:
        async with Program("benchmarks.cloud", **shape) as cloud:
            where = await cloud.ask("where")
            async with Program("benchmarks.answers", port=where["port"], seen=where["began"], **shape) as answering:
                await answering.ask("ready")
                found: dict[str, Any] = await answering.ask(what)
                assert not found["fault"], found["fault"]
                return found

    person, level = await ask("locate", clients=1000), await ask("level", clients=answers.ON_A_LEVEL, maps=1)
    began = time.process_time()
    for _ in range(1000):
        dict.fromkeys(("mac", "x", "y"))
    look_ups = (time.process_time() - began) * 1e6
    return {
        "locate_user ÷ a thousand look-ups": person["median"] / look_ups,
        "device_locations ÷ building as many dicts": level["changed"] / level["floor"],
        "an unchanged level ÷ the same after a change": level["again"] / level["changed"],
    }


async def executable() -> dict[str, float]:
    """Describing a driver."""
    ratios = []
    for _ in range(3):
        _, _, ours = await asyncio.to_thread(starts.timed, [starts.WEBSOCKET_DRIVER, "-m"])
        _, _, bare = await asyncio.to_thread(starts.timed, [sys.executable, "-c", "pass"])
        ratios.append(ours / bare)
    return {"-m ÷ python -c pass": min(ratios)}


async def main() -> int:
    """Measure, print, judge."""
    wrong = 0
    parts: tuple[Callable[[], Awaitable[dict[str, float]]], ...] = (ingest, asked, executable)
    for part in parts:
        for name, value in (await part()).items():
            within = value <= BOUNDS[name]
            wrong += not within
            print(f"{'ok  ' if within else 'SLOW'}  {name:<50} {value:8.2f}   at most {BOUNDS[name]:g}", flush=True)
    print(f"load of the machine: {machine.load()}")
    return 1 if wrong else 0


if __name__ == "__main__":
    sys.exit(asyncio.run(main()))
