"""The executables beside a Redis and a core of their own: PlaceOS as far as driver processes see it."""

import asyncio
import sys
import tempfile
import time
from collections.abc import AsyncIterator
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from redis.asyncio import Redis

from benchmarks import machine
from benchmarks.asking import Waits, asking
from benchmarks.program import Program
from benchmarks.records import Site
from support.placeos_core import Core, DriverProcess
from support.placeos_models import LOGIC, WEBSOCKET
from support.placeos_site import LOCATIONS_DRIVER
from support.redis_server import redis_server

#: What some libraries import where they find it, and what is not there where only the extra `placeos` is installed
#: (`requirements-placeos.lock`, as in the image): command lines, colours, cryptography,
#: telemetry.
NOT_INSTALLED = ("rich", "click", "pygments", "cryptography", "opentelemetry", "greenlet")

#: The executable as PlaceOS has it.
LEAN = [
    sys.executable,
    "-c",
    f"""import sys; sys.modules.update(dict.fromkeys({NOT_INSTALLED!r}))
from mistlocate.engines.placeos.executable import mist_websocket; mist_websocket()""",
]

SYSTEM = "sys-0"
LOCATIONS = "mod-locations"


class WrongAnswer(Exception):
    """A command answered, but not what it should have."""


def module_id(number: int) -> str:
    """The module of a site."""
    return f"mod-{number}"


@dataclass
class Rig:
    """A running MistWebsocket process with a module for each site, and all that is beside it."""

    cloud: Program
    core: Core
    redis: Redis
    driver: DriverProcess
    locations: DriverProcess | None
    sites: list[Site]

    async def ask(self, command: str, *args: Any, number: int = 0) -> Any:
        """Run a command of a module."""
        return await self.driver.exec(module_id(number), command, *args)

    async def live(self) -> None:
        """Wait until every module's stream is live, and its clients are in Redis."""
        for number in range(len(self.sites)):
            while await self.core.status(module_id(number), "stream_state") != "live":
                await asyncio.sleep(0.05)

    async def received(self, number: int = 0) -> int:
        """How many records the driver has taken in."""
        return int((await self.ask("diagnostics", number=number))["records"].get("received", 0))

    async def drained(self, count: int) -> None:
        """Wait until so many records were taken in. Raises `TimeoutError` if they are not."""
        taken = 0
        for _ in range(600):
            taken = sum([await self.received(number) for number in range(len(self.sites))])
            if taken >= count:
                return
            await asyncio.sleep(0.05)
        raise TimeoutError(f"{taken:,} of {count:,} records were taken in")

    async def places(self) -> dict[str, float]:
        """Where everybody is by the statuses in Redis: x by MAC."""
        found: dict[str, float] = {}
        for number, site in enumerate(self.sites):
            for map_id in site.map_ids:
                for record in await self.core.status(module_id(number), map_id) or ():
                    if "x" in record:
                        found[record["mac"]] = record["x"]
        return found

    async def published(self, last: dict[str, float], within: float = 8.0) -> bool:
        """Whether the statuses come to say of everybody what frames said last, or else the first list, within so many
        seconds: more than two publish intervals by default."""
        first = {site.mac(client): site.place(client, 0)[0] for site in self.sites for client in range(site.clients)}
        expected = first | last
        until = time.monotonic() + within
        while time.monotonic() < until:
            if await self.places() == expected:
                return True
            await asyncio.sleep(0.25)
        return False

    def cpu(self) -> float:
        """Processor seconds of the MistWebsocket process so far."""
        return machine.cpu_seconds(self.driver.pid)

    def memory(self) -> float:
        """Its resident megabytes."""
        return machine.memory_mb(self.driver.pid)

    def asking(self) -> AbstractAsyncContextManager[Waits]:
        """Ask for something small again and again for the length of the block; every answer has to be right."""
        client = 1
        whose, expected = self.sites[0].user(client), [self.sites[0].mac(client)]

        async def ask() -> None:
            found = await self.ask("macs_assigned_to", whose)
            if found != expected:
                raise WrongAnswer(f"macs_assigned_to answered {found}, not {expected}")

        return asking(ask)


@asynccontextmanager
async def rig(
    *, clients: int, maps: int = 20, sites: int = 1, with_locations: bool = False, latency: float = 0.0, **settings: Any
) -> AsyncIterator[Rig]:
    """Everything started and live."""
    described = [Site(clients, maps, number) for number in range(sites)]
    async with (
        Program("benchmarks.cloud", clients=clients, maps=maps, sites=sites) as cloud,
        redis_of_its_own() as url,
        Core(url) as core,
    ):
        where = await cloud.ask("where")
        await cloud.ask("latency", seconds=latency)
        driver = await core.launch(LEAN)
        locations = await core.launch(LOCATIONS_DRIVER) if with_locations else None
        await core.system(SYSTEM, {"MistWebsocket/1": module_id(0), "MistLocations/1": LOCATIONS})
        async with Redis.from_url(url, decode_responses=True) as redis:
            made = Rig(cloud, core, redis, driver, locations, described)
            for number, site in enumerate(described):
                await driver.start(module_id(number), websocket_model(core, site, where["port"], **settings))
            if locations is not None:
                await locations.start(LOCATIONS, _locations_model(core, described[0]))
            yield made


@asynccontextmanager
async def redis_of_its_own() -> AsyncIterator[str]:
    """A Redis for the length of the block; gives its URL."""
    with tempfile.TemporaryDirectory(prefix="mistlocate-bench-") as folder:
        async with redis_server(Path(folder)) as server:
            yield server.url


def websocket_model(core: Core, site: Site, port: int, **settings: Any) -> dict[str, Any]:
    """The row of a MistWebsocket."""
    known = {
        "api_token": f"benchmark-{site.number}", "site_id": site.id, "client_fields": "needed",
        "rest_host": f"http://127.0.0.1:{port}", "rest_budget": 1_000_000,
        "named_searches": 0,
    }  # fmt: skip
    uri = f"ws://127.0.0.1:{port}/api-ws/v1/stream"
    return core.model(role=WEBSOCKET, settings={**known, **settings}, uri=uri, name="MistWebsocket")


def _locations_model(core: Core, site: Site) -> dict[str, Any]:
    mappings = {map_id: {"building": "zone-b", "level": f"zone-{map_id}"} for map_id in site.map_ids}
    return core.model(
        role=LOGIC,
        system=SYSTEM,
        settings={"floorplan_mappings": mappings, "max_location_age": 6},
        name="MistLocations",
    )
