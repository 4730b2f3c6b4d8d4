"""Each level as a status of its own, for those who follow levels instead of asking again and again.

Off, it follows and publishes nothing. On, it follows the maps that lie on levels, and publishes a level when one of
its maps changed, and from time to time, for devices grow too old without anybody saying so.
"""

import asyncio
import math
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from typing import Any

from mistlocate.clock import Clock
from mistlocate.driver.context import ModuleHandle, StatusStore, Unsubscribe
from mistlocate.location.floorplans import UNKNOWN_SIZE, Floorplans, Plan

#: Seconds between two statuses of the same level.
PAUSE = 0.5

#: Every so many seconds all levels are looked at, whether anything changed or not.
LOOK_AGAIN = 5.0

#: The status that lists the levels.
LEVELS = "levels"

#: The clients of a map as they were published last, by map id.
Clients = Mapping[str, Sequence[Any]]


class LiveLevels:
    """Publishes the levels of a set of plans. `devices` answers who is in a zone, given the clients of the maps.

    `minimum` is how many devices a map needs to be answered.
    `taken` are statuses of other meaning: a level whose zone has such a name is in the list only.
    """

    def __init__(
        self,
        mist: ModuleHandle,
        status: StatusStore,
        clock: Clock,
        devices: Callable[[str, Clients], list[dict[str, Any]]],
        taken: frozenset[str],
        minimum: Callable[[], int] = lambda: 0,
    ) -> None:
        self._mist = mist
        self._status = status
        self._clock = clock
        self._devices = devices
        self._taken = taken | {LEVELS}
        self._minimum = minimum
        self._floorplans: Floorplans | None = None
        self._levels: dict[str, list[str]] = {}
        self._clients: dict[str, Sequence[Any]] = {}
        self._subscriptions: dict[str, Unsubscribe] = {}
        self._counts: dict[str, int | None] = {}
        self._due: set[str] = set()
        self._news = asyncio.Event()

    def follow(self, floorplans: Floorplans | None) -> None:
        """Publish the levels of these plans from now on, and no others; None: no level at all."""
        self._floorplans = floorplans
        self._levels = {} if floorplans is None else maps_of_levels(floorplans)
        wanted = {map_id for maps in self._levels.values() for map_id in maps}
        for map_id in self._subscriptions.keys() - wanted:
            self._subscriptions.pop(map_id)()
            self._clients.pop(map_id, None)
        for zone in self._counts.keys() - self._levels.keys():
            self._withdraw(zone)
        for map_id in wanted - self._subscriptions.keys():
            self._subscriptions[map_id] = self._mist.subscribe(map_id, self._listener(map_id))
        if floorplans is None:
            self._status.set(LEVELS, None)
        self.changed()

    def changed(self) -> None:
        """Something changed that concerns every level."""
        self._due.update(self._levels)
        self._news.set()

    async def run(self) -> None:
        """Publish for ever."""
        look_again = self._clock.monotonic() + LOOK_AGAIN
        while True:
            with suppress(TimeoutError):
                async with self._clock.timeout(look_again - self._clock.monotonic()):
                    await self._news.wait()
            if self._clock.monotonic() >= look_again:
                self.changed()
                look_again = self._clock.monotonic() + LOOK_AGAIN
            self.publish()
            await self._clock.sleep(PAUSE)

    def publish(self) -> None:
        """Write the levels that may have changed, and the list of all of them."""
        self._news.clear()
        due, self._due = self._due, set()
        if self._floorplans is None:
            return
        for zone in due & self._levels.keys():
            devices = self._devices(zone, self._clients)
            self._counts[zone] = len(devices)
            if not devices and self._minimum():
                self._counts[zone] = None  # none, or fewer than may be told: that must not be told apart
            if zone not in self._taken:
                self._status.set(zone, devices)
        levels = [
            summary(self._floorplans, zone, maps, self._counts.get(zone, 0)) for zone, maps in self._levels.items()
        ]
        self._status.set(LEVELS, levels)

    def _withdraw(self, zone: str) -> None:
        del self._counts[zone]
        if zone not in self._taken:
            self._status.set(zone, None)

    def _listener(self, map_id: str) -> Callable[[Any], None]:
        def take(clients: Any) -> None:
            self._clients[map_id] = clients if isinstance(clients, list) else ()
            self._due.update(zone for zone, maps in self._levels.items() if map_id in maps)
            self._news.set()

        return take


def maps_of_levels(floorplans: Floorplans) -> dict[str, list[str]]:
    """The maps of each level's zone, as answers about that zone take them, in the order of the mappings."""
    zones = dict.fromkeys(each.level for each in floorplans.mappings.values() if each.level is not None)
    return {zone: list(floorplans.maps_of(zone)) for zone in zones}


def summary(floorplans: Floorplans, zone: str, maps: Sequence[str], devices: int | None) -> dict[str, Any]:
    """A level in the list: `{zone, name, building, maps, devices, width, height, per_metre, aligned, image}`.

    `per_metre` is how much of its coordinates a metre is, null where nobody knows the scale. Sizes are those of its
    records, -1 where unknown. `devices` is null where it is too small to be told (`minimum_count`). `image` is the
    asset of MistWebsocket that these coordinates lie on; null for a level that is aligned to the building's own
    plan, and where Mist has no image.
    """
    plans = [plan for map_id in maps if (plan := floorplans.plans[map_id]).mapping.level == zone]
    sized = next((plan for plan in plans if plan.width != UNKNOWN_SIZE), plans[0])
    aligned = any(plan.mapping.align for plan in plans)
    drawn = next((plan.map.id for plan in plans if plan.map is not None and plan.map.has_image), None)
    names = [plan.mapping.level_name for plan in plans] + [plan.map.name for plan in plans if plan.map is not None]
    return {
        "zone": zone,
        "name": next(filter(None, names), zone),
        "building": next((plan.mapping.building for plan in plans if plan.mapping.building), None),
        "maps": list(maps),
        "devices": devices,
        "width": float(sized.width),
        "height": float(sized.height),
        "per_metre": _per_metre(sized),
        "aligned": aligned,
        "image": None if aligned or drawn is None else f"map/{drawn}",
    }


def _per_metre(plan: Plan) -> float | None:
    """How much of a level's coordinates a metre is: pixels, or what they become on the building's own plan."""
    origin, diagonal = plan.point(0.0, 0.0), plan.point(1.0, 1.0)
    if plan.map is None or not plan.map.ppm or origin is None or diagonal is None:
        return None
    return round(plan.map.ppm * math.dist(origin, diagonal) / math.sqrt(2), 3)
