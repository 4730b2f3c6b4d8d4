"""Prints how many devices are on every map, whenever it changes. Usage: python examples/watch_levels.py [SECONDS]"""

import asyncio
import os
import sys

from mistlocate.client import EngineClient


async def follow(engine: EngineClient, system: str, map_id: str, name: str) -> None:
    """Print a line whenever the number of devices on a map changes."""
    before = None
    async for clients in engine.watch(system, "MistWebsocket_1", map_id):
        count = len(clients or ())
        if count != before:
            print(f"{name}: {count}", flush=True)
        before = count


async def main(seconds: float) -> None:
    """Follow all maps for a while."""
    url = os.environ.get("MISTLOCATE_URL", "http://127.0.0.1:8680")
    async with EngineClient(url, os.environ.get("MISTLOCATE_API_KEY")) as engine:
        system = await engine.system_of("MistWebsocket_1")
        maps = await engine.execute(system, "MistWebsocket_1", "maps")
        try:
            async with asyncio.timeout(seconds), asyncio.TaskGroup() as tasks:
                for each in maps:
                    tasks.create_task(follow(engine, system, each["id"], each["name"]))
        except TimeoutError:
            pass


asyncio.run(main(float(sys.argv[1]) if len(sys.argv) > 1 else 60.0))
