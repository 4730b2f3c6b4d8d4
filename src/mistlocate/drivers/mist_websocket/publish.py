"""The statuses of MistWebsocket: per map its clients, only maps that changed, not more often than asked for."""

import asyncio
from collections.abc import Callable
from contextlib import suppress
from typing import Any

from mistlocate.clock import Clock
from mistlocate.driver.context import StatusStore
from mistlocate.drivers.mist_websocket.tracker import Tracker
from mistlocate.mist.models import Map

#: How long a removal waits for others that belong to the same moment (seconds).
GATHER = 0.05

#: Lists that go out together are made again, so many times, where somebody moves meanwhile; then all in one go.
TRIES = 3

#: What is due in less than this is due (seconds): timers and sums of times are no more exact.
NEARLY = 0.001


class Publisher:
    """Writes what changed to the statuses. `interval` gives the seconds between two writes of the same map."""

    def __init__(self, tracker: Tracker, status: StatusStore, clock: Clock, interval: Callable[[], float]) -> None:
        self._tracker = tracker
        self._status = status
        self._clock = clock
        self._interval = interval
        self.on_round: Callable[[], None] = lambda: None
        """Called whenever everything that changed is about to be written: what else has changed goes with it."""
        self._urgent = asyncio.Event()
        self._published: set[str] = set()
        self._made: dict[str, list[dict[str, Any]] | None] = {}
        """Lists that are made and not written yet: they wait for others."""

    async def run(self) -> None:
        """Publish for ever: everything once an interval, lists that somebody left at once."""
        next_due = self._clock.monotonic() + self._interval()
        while True:
            remaining = next_due - self._clock.monotonic()
            if remaining > NEARLY:
                with suppress(TimeoutError):
                    async with self._clock.timeout(remaining):
                        await self._urgent.wait()
                        await self._clock.sleep(GATHER)
            everything = next_due - self._clock.monotonic() <= NEARLY
            if everything:
                next_due = self._clock.monotonic() + self._interval()
                self.on_round()
            due = self._due(everything=everything)
            await self._write_together()
            for map_id in due:
                if self._tracker.roster.dirty.get(map_id) is False:  # else somebody has left it: that goes with others
                    self._write(map_id)
                    await self._others_turn()

    def news(self) -> None:
        """Something may have changed; called after every frame, so it only looks at a flag."""
        if self._tracker.roster.urgent:
            self._urgent.set()

    def publish(self, *, everything: bool) -> None:
        """Write the lists of the maps that changed at once; of all of them, or of those that a client has left."""
        for map_id in self._due(everything=everything):
            self._write(map_id)

    async def _write_together(self) -> None:
        """Write the lists that clients have left together with those that they have joined.

        Whoever reads them finds everybody once. To make a list takes ten times as long as to write it, so they are
        made one by one, and again where somebody has left one before all of them were written.
        """
        for _ in range(TRIES):
            for map_id in self._left():
                self._make(map_id)
                await self._others_turn()
            if not self._left():
                break
        for map_id in self._left():
            self._make(map_id)
        self._urgent.clear()
        self._tracker.roster.urgent = False
        for map_id in list(self._made):
            self._put(map_id, self._made.pop(map_id))

    def _left(self) -> list[str]:
        """The maps whose list a client has left, or joined from another one."""
        return [map_id for map_id, urgent in self._tracker.roster.dirty.items() if urgent]

    @staticmethod
    async def _others_turn() -> None:
        """A floor with hundreds of clients takes a millisecond: commands and frames get their turn in between."""
        await asyncio.sleep(0)

    def _due(self, *, everything: bool) -> list[str]:
        """The maps that are to be written now; what changes from here on is news again."""
        self._urgent.clear()
        roster = self._tracker.roster
        roster.urgent = False
        return [map_id for map_id, urgent in roster.dirty.items() if everything or urgent]

    def _write(self, map_id: str) -> None:
        """Write the list of a map, unless that was done meanwhile."""
        if self._make(map_id):
            self._put(map_id, self._made.pop(map_id))

    def _make(self, map_id: str) -> bool:
        """Make the list of a map, unless that was done meanwhile; None is that of one that is gone."""
        if self._tracker.roster.dirty.pop(map_id, None) is None:
            return False
        there = map_id in self._tracker.maps or self._tracker.roster.count_on_map(map_id)
        self._made[map_id] = self._tracker.records_on(map_id) if there else None
        return True

    def _put(self, map_id: str, records: list[dict[str, Any]] | None) -> None:
        if records is None:
            self.withdraw(map_id)
        else:
            self._status.set(map_id, records)
            self._published.add(map_id)

    def withdraw(self, map_id: str) -> None:
        """A map is gone, and its status with it."""
        self._made.pop(map_id, None)
        if map_id in self._published:
            self._published.discard(map_id)
            self._status.set(map_id, None)

    def withdraw_all(self) -> None:
        """Another site: nothing of what was published holds."""
        self._made.clear()
        for map_id in list(self._published):
            self.withdraw(map_id)
        self._status.set("maps", None)

    def maps(self) -> None:
        """Publish the list of maps, and an empty list of clients for each that has none yet."""
        for map_id in self._tracker.maps:
            if map_id not in self._published:
                self._tracker.roster.dirty.setdefault(map_id, False)
        self._status.set("maps", [map_summary(each) for each in self._tracker.maps.values()])


def map_summary(known: Map) -> dict[str, Any]:
    """A map as people and other modules see it: no signed links (only whether there is one), nothing unknown."""
    found = known.model_dump(exclude={"url", "thumbnail_url", "org_id", "site_id"}, exclude_none=True)
    return {**found, "has_image": known.url is not None}
