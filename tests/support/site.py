"""The pair in an engine, against a simulated cloud, over real sockets; time runs faster for both alike."""

import asyncio
from collections.abc import AsyncIterator, Awaitable
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from mistlocate.clock import FastClock
from mistlocate.drivers.mist_websocket.tracker import Tracker
from mistlocate.engines.embedded.config import Loaded, load
from mistlocate.engines.embedded.engine import Engine
from mistlocate.engines.embedded.host import ModuleHost, SystemModule
from mistlocate.engines.embedded.status import StatusValue
from mistlocate.simulator import Campus, SimulatedCloud
from support.times import morning
from support.waiting import until

#: Two people on two floors and a yard: enough to be wrong in every way.
SMALL = Campus(seed=7, people=6, floors=2)

#: How much faster than real time tests run.
RATE = 40.0

SYSTEM = "sys-1"


@dataclass(slots=True)
class Site:
    """A running pair. `maps` are the ids of the campus' maps, floors first."""

    cloud: SimulatedCloud
    engine: Engine
    clock: FastClock
    folder: Path

    @property
    def maps(self) -> list[str]:
        return [each.id for each in self.cloud.world.maps_of(self.cloud.site_id)]

    def host(self, slug: str) -> ModuleHost:
        return self.engine.find(SYSTEM, slug)

    async def mist(self, command: str, *args: Any, **kwargs: Any) -> Any:
        """Run a command of MistWebsocket."""
        return await SystemModule(self.engine, SYSTEM, "MistWebsocket_1").call(command, *args, **kwargs)

    async def locations(self, command: str, *args: Any, **kwargs: Any) -> Any:
        """Run a command of MistLocations."""
        return await SystemModule(self.engine, SYSTEM, "MistLocations_1").call(command, *args, **kwargs)

    def status(self, key: str, slug: str = "MistWebsocket_1") -> Any:
        value = self.engine.board.get(self.host(slug).spec.id, key)
        return None if value is None else value.value

    def will_be(self, *wanted: str) -> Awaitable[str]:
        """The next of these states that the stream is in, be it for a moment only."""
        found: asyncio.Future[str] = asyncio.get_running_loop().create_future()

        def follow(news: StatusValue) -> None:
            if news.value in wanted and not found.done():
                found.set_result(news.value)

        unsubscribe = self.engine.follow(SYSTEM, "MistWebsocket_1", "stream_state", follow)
        found.add_done_callback(lambda _: unsubscribe())
        return asyncio.wait_for(found, 15)

    async def state(self, *wanted: str) -> str:
        """Wait until the stream is in one of these states."""
        return await self.will_be(*wanted)

    async def live(self) -> None:
        await self.state("live")

    async def located(self, mac: str) -> dict[str, Any]:
        """The record of a client as published on some map, as soon as it is."""
        return await until(lambda: self.published(mac))

    def published(self, mac: str) -> dict[str, Any]:
        """The record of a client as published, or an empty one."""
        for map_id in self.maps:
            for record in self.status(map_id) or ():
                if record["mac"] == mac:
                    return dict(record)
        return {}

    def on_map(self, map_id: str) -> set[str]:
        """The MACs that the status of a map lists."""
        return {record["mac"] for record in self.status(map_id) or ()}

    def requests(self, path: str = "") -> list[str]:
        """The paths of REST calls so far that contain a text."""
        return [call.path for call in self.cloud.requests if call.path.startswith("/api/v1") and path in call.path]

    @property
    def present(self) -> set[str]:
        """The MACs of this site's clients that the cloud reports on a map and that are there."""
        truths = self.cloud.world.truths()
        return {each.mac for each in truths if each.present and each.reported_map_id in self.maps}

    async def broken(self, code: int | None = None) -> None:
        """Break the stream (with a close code, or without a goodbye) and wait until the driver has noticed."""
        noticed = self.will_be("connecting")
        if code is None:
            self.cloud.abort_all()
        else:
            self.cloud.close_all(code)
        await noticed

    async def complete(self) -> None:
        """Wait until the stream is live and everybody who is there is published."""
        await self.live()
        await until(lambda: set().union(*(self.on_map(map_id) for map_id in self.maps)) == self.present)

    def tracker(self) -> Tracker:
        """What the driver knows, where no command tells it."""
        driver = self.host("MistWebsocket_1").life.module._driver  # type: ignore[union-attr]
        return driver._site.tracker  # type: ignore[union-attr,no-any-return]

    def owns(self, name: str) -> list[str]:
        """The MACs of a person, as far as the driver knows."""
        owners = self.tracker().owners
        return owners.macs_of(owners.match(name).identities)

    async def diagnostics(self) -> dict[str, Any]:
        return dict(await self.mist("diagnostics"))

    def reconfigured(self, websocket: dict[str, Any] | None = None, locations: dict[str, Any] | None = None) -> Loaded:
        """The present settings with changes, for `engine.reload`."""
        return load(
            settings(
                self.cloud,
                {**self.host("MistWebsocket_1").spec.settings, **(websocket or {})},
                {**self.host("MistLocations_1").spec.settings, **(locations or {})},
            ),
            self.folder,
        )


def settings(
    cloud: SimulatedCloud, websocket: dict[str, Any] | None = None, locations: dict[str, Any] | None = None
) -> dict[str, Any]:
    """Settings of an engine for a simulated cloud: building `zone-b`, a level `zone-0`, `zone-1`, … for each map."""
    maps = cloud.world.maps_of(cloud.site_id)
    mappings = {
        each.id: {"building": "zone-b", "level": f"zone-{number}", "level_name": each.name, "campus": "zone-c"}
        for number, each in enumerate(maps)
    }
    zones = [{"id": f"zone-{number}", "name": each.name, "parent": "zone-b"} for number, each in enumerate(maps)]
    return {
        "listen": "127.0.0.1:0",
        "zones": [{"id": "zone-c", "name": "Campus"}, {"id": "zone-b", "name": "Building", "parent": "zone-c"}, *zones],
        "systems": [
            {
                "id": SYSTEM,
                "modules": [
                    {
                        "driver": "MistWebsocket",
                        "settings": {
                            "api_token": cloud.token,
                            "site_id": cloud.site_id,
                            "rest_host": cloud.url,
                            "proxy": "",
                            "publish_interval": 1,
                            **(websocket or {}),
                        },
                    },
                    {"driver": "MistLocations", "settings": {"floorplan_mappings": mappings, **(locations or {})}},
                ],
            }
        ],
    }


@asynccontextmanager
async def site(
    folder: Path,
    campus: Campus = SMALL,
    *,
    websocket: dict[str, Any] | None = None,
    locations: dict[str, Any] | None = None,
    rate: float = RATE,
    moving: bool = False,
    **cloud_options: Any,
) -> AsyncIterator[Site]:
    """A cloud and an engine. The campus stands still unless it is `moving`, so that a test decides what happens."""
    clock = FastClock(rate, morning())
    async with SimulatedCloud(campus, clock=clock, autorun=moving, **cloud_options) as cloud:
        loaded = load(settings(cloud, websocket, locations), folder)
        async with Engine(loaded, clock=clock) as engine:
            yield Site(cloud, engine, clock, folder)
