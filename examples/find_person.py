"""Where is somebody? Usage: python examples/find_person.py alice@example.com"""

import asyncio
import os
import sys
import time

from mistlocate.client import EngineClient


async def main(email: str) -> None:
    """Print building, level and age of each of the person's devices."""
    url = os.environ.get("MISTLOCATE_URL", "http://127.0.0.1:8680")
    async with EngineClient(url, os.environ.get("MISTLOCATE_API_KEY")) as engine:
        system = await engine.system_of("MistLocations_1")
        zones = await engine.zones()
        locations = await engine.execute(system, "MistLocations_1", "locate_user", {"email": email})
    if not locations:
        print(f"{email} cannot be located")
    for location in locations:
        # A mapping may name no building, or no level.
        ids = (location.get("building"), location.get("level"))
        place = ", ".join(zones.get(zone, {}).get("name", zone) for zone in ids if zone) or "on the site"
        age = time.time() - location["last_seen"]
        print(f"{email}: {place}, within {location['variance']:.0f} m, {age:.0f} s ago")


asyncio.run(main(sys.argv[1] if len(sys.argv) > 1 else "alice@example.com"))
