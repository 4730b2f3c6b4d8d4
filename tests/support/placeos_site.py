"""The pair as PlaceOS runs it: a Redis, core, a simulated cloud, and both executables with a module each in one system."""

import sys
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from mistlocate.simulator import Campus, SimulatedCloud
from support.placeos_core import Core, DriverProcess
from support.placeos_models import LOGIC, WEBSOCKET, Model
from support.redis_server import RedisServer, redis_server
from support.site import SMALL
from support.waiting import until

WEBSOCKET_DRIVER = str(Path(sys.executable).parent / "mist-websocket-driver")
LOCATIONS_DRIVER = str(Path(sys.executable).parent / "mist-locations-driver")

SYSTEM = "sys-1"
MIST = "mod-mist"
LOCATIONS = "mod-locations"

#: One map and nobody: for tests that are not about people.
EMPTY = Campus(seed=7, people=0, maps=1, outdoor=False, passers=0, annex=False)


def websocket_settings(cloud: SimulatedCloud, **more: Any) -> dict[str, Any]:
    """What an integrator writes for MistWebsocket; statuses follow faster than by default."""
    known = {"api_token": cloud.token, "site_id": cloud.site_id, "domain_aliases": {"EXAMPLE": "example.com"}}
    return {**known, "publish_interval": 0.1, **more}


def locations_settings(cloud: SimulatedCloud, **more: Any) -> dict[str, Any]:
    """What an integrator writes for MistLocations: building `zone-b`, a level `zone-0`, `zone-1`, … for each map."""
    maps = cloud.world.maps_of(cloud.site_id)
    mappings = {
        each.id: {"building": "zone-b", "level": f"zone-{number}", "level_name": each.name, "campus": "zone-c"}
        for number, each in enumerate(maps)
    }
    return {"floorplan_mappings": mappings, "max_location_age": 6, **more}


def websocket_model(core: Core, cloud: SimulatedCloud, settings: dict[str, Any] | None = None, **members: Any) -> Model:
    """The row of a MistWebsocket."""
    known = {"uri": cloud.stream_url, "name": "MistWebsocket", **members}
    return core.model(role=WEBSOCKET, settings=websocket_settings(cloud, **(settings or {})), **known)


def locations_model(
    core: Core, cloud: SimulatedCloud, settings: dict[str, Any] | None = None, system: str = SYSTEM, **members: Any
) -> Model:
    """The row of a MistLocations."""
    known = {"name": "MistLocations", **members}
    return core.model(role=LOGIC, system=system, settings=locations_settings(cloud, **(settings or {})), **known)


@dataclass(slots=True)
class PlaceosSite:
    """A running pair. `websocket` and `locations` are the processes."""

    core: Core
    cloud: SimulatedCloud
    websocket: DriverProcess
    locations: DriverProcess

    @property
    def maps(self) -> list[str]:
        """The ids of the campus' maps, floors first."""
        return [each.id for each in self.cloud.world.maps_of(self.cloud.site_id)]

    @property
    def present(self) -> set[str]:
        """The MACs of clients that are there and that the cloud reports on a map."""
        truths = self.cloud.world.truths()
        return {each.mac for each in truths if each.present and each.reported_map_id in self.maps}

    async def mist(self, command: str, *args: Any, **kwargs: Any) -> Any:
        """Run a command of MistWebsocket."""
        return await self.websocket.exec(MIST, command, *args, **kwargs)

    async def ask(self, command: str, *args: Any, **kwargs: Any) -> Any:
        """Run a command of MistLocations."""
        return await self.locations.exec(LOCATIONS, command, *args, **kwargs)

    async def status(self, key: str, module_id: str = MIST) -> Any:
        return await self.core.status(module_id, key)

    async def listed(self) -> set[str]:
        """The MACs that the statuses of the maps list in Redis."""
        return {record["mac"] for map_id in self.maps for record in await self.status(map_id) or ()}

    async def live(self) -> None:
        """Wait until the stream is live."""

        async def is_live() -> bool:
            return bool(await self.status("stream_state") == "live")

        await until(is_live)

    async def complete(self) -> None:
        """Wait until the stream is live, everybody who is there is published, and the other process answers so.

        It may answer before its own statuses are in Redis, of which `connected` is written last.
        """
        await self.live()
        await until(self._all_connected)
        await until(self._all_listed)
        await until(self._all_answered)

    async def _all_connected(self) -> bool:
        return [await self.status("connected", module_id) for module_id in (MIST, LOCATIONS)] == [True, True]

    async def _all_listed(self) -> bool:
        return await self.listed() == self.present

    async def _all_answered(self) -> bool:
        found = await self.ask("device_locations", "zone-b")
        return len(found) == len(self.present) and not any(record["stale"] for record in found)


@asynccontextmanager
async def placeos_site(
    folder: Path,
    campus: Campus = SMALL,
    *,
    redis: RedisServer | None = None,
    redis_url: str | None = None,
    websocket: dict[str, Any] | None = None,
    locations: dict[str, Any] | None = None,
    **cloud_options: Any,
) -> AsyncIterator[PlaceosSite]:
    """Everything started, with a Redis of its own unless one is given; the campus stands still."""
    async with AsyncExitStack() as stack:
        if redis_url is None:
            redis_url = (redis or await stack.enter_async_context(redis_server(folder))).url
        cloud = await stack.enter_async_context(SimulatedCloud(campus, autorun=False, **cloud_options))
        core = await stack.enter_async_context(Core(redis_url))
        site = PlaceosSite(core, cloud, await core.launch(WEBSOCKET_DRIVER), await core.launch(LOCATIONS_DRIVER))
        await core.system(SYSTEM, {"MistWebsocket/1": MIST, "MistLocations/1": LOCATIONS})
        await site.websocket.start(MIST, websocket_model(core, cloud, websocket))
        await site.locations.start(LOCATIONS, locations_model(core, cloud, locations))
        yield site
