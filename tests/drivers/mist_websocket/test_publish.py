"""How often statuses are written, in virtual time."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

from mistlocate.drivers.mist_websocket.publish import Publisher, map_summary
from mistlocate.drivers.mist_websocket.tracker import Tracker
from mistlocate.location.identity import NameRules
from mistlocate.location.observation import Origin, Position, Sighting
from mistlocate.mist.models import Map
from support.virtual import START, VirtualClock, virtual

A, B = "00005e005301", "00005e005302"


class Statuses:
    """A status store that notes what was written when."""

    def __init__(self) -> None:
        self.values: dict[str, Any] = {}
        self.writes: list[tuple[float, str]] = []

    def set(self, key: str, value: Any) -> None:
        self.writes.append((round(asyncio.get_running_loop().time(), 2), key))
        self.values[key] = value

    def get(self, key: str) -> Any:
        return self.values.get(key)

    def keys(self) -> list[str]:
        return list(self.values)

    def macs(self, key: str) -> list[str]:
        return [record["mac"] for record in self.values[key]]


class Case:
    def __init__(self, interval: float) -> None:
        self.status = Statuses()
        self.tracker = Tracker(VirtualClock(), forget_after=1800, rules=NameRules(), keep_all=False)
        self.tracker.set_maps({"m1": Map(id="m1", name="One"), "m2": Map(id="m2", name="Two")})
        self.interval = interval
        self.publisher = Publisher(self.tracker, self.status, VirtualClock(), lambda: self.interval)

    def see(self, mac: str, map_id: str, x: float = 1.0) -> None:
        now = asyncio.get_running_loop().time()
        where = Position(map_id, x, 1.0)
        self.tracker.roster.apply(Sighting(mac, Origin.STREAM, now, START + now, seen_at=START + now, position=where))
        self.publisher.news()


@asynccontextmanager
async def publishing(interval: float = 3.0) -> AsyncIterator[Case]:
    it = Case(interval)
    task = asyncio.create_task(it.publisher.run())
    try:
        yield it
    finally:
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)


@virtual
async def test_a_map_is_written_at_most_once_an_interval() -> None:
    async with publishing() as it:
        for step in range(40):
            it.see(A, "m1", float(step))
            await asyncio.sleep(0.25)
        times = [at for at, key in it.status.writes if key == "m1"]
        assert times == [3.0, 6.0, 9.0]


@virtual
async def test_only_maps_that_changed_are_written() -> None:
    async with publishing() as it:
        it.see(A, "m1")
        it.see(B, "m2")
        await asyncio.sleep(4)
        it.status.writes.clear()
        it.see(A, "m1", 5.0)
        await asyncio.sleep(10)
        assert [key for _, key in it.status.writes] == ["m1"]


@virtual
async def test_nothing_is_written_while_nothing_happens() -> None:
    async with publishing() as it:
        await asyncio.sleep(3600)
        assert it.status.writes == []


@virtual
async def test_who_changes_maps_leaves_the_old_list_and_joins_the_new_one_at_once() -> None:
    async with publishing() as it:
        it.see(A, "m1")
        await asyncio.sleep(3.1)
        it.see(A, "m2")
        await asyncio.sleep(0.1)
        assert it.status.macs("m1") == []
        assert it.status.macs("m2") == [A]


@virtual
async def test_removals_of_one_moment_are_written_together() -> None:
    async with publishing() as it:
        macs = [f"00005e0053{number:02x}" for number in range(50)]
        for mac in macs:
            it.see(mac, "m1")
        await asyncio.sleep(3.1)
        it.status.writes.clear()
        for mac in macs:
            it.see(mac, "m2")
        await asyncio.sleep(0.1)
        assert sorted(key for _, key in it.status.writes) == ["m1", "m2"]


@virtual
async def test_an_emptied_map_keeps_an_empty_list_and_a_deleted_one_nothing() -> None:
    async with publishing() as it:
        it.see(A, "m1")
        it.see(B, "m2")
        await asyncio.sleep(3.1)
        it.tracker.set_maps({"m1": Map(id="m1")})
        it.tracker.roster.drop_map("m1", START)
        it.tracker.roster.drop_map("m2", START)
        it.publisher.news()
        await asyncio.sleep(0.1)
        assert it.status.values["m1"] == []
        assert it.status.values["m2"] is None


@virtual
async def test_a_map_that_was_never_listed_has_a_status_as_long_as_somebody_is_on_it() -> None:
    async with publishing() as it:
        it.see(A, "m9")
        await asyncio.sleep(3.1)
        assert it.status.macs("m9") == [A]
        it.see(A, "m1")
        await asyncio.sleep(0.1)
        assert it.status.values["m9"] is None


@virtual
async def test_the_interval_can_change_while_it_runs() -> None:
    async with publishing(10.0) as it:
        await asyncio.sleep(0)
        it.interval = 1.0
        it.see(A, "m1")
        await asyncio.sleep(10.5)
        it.see(A, "m1", 2.0)
        await asyncio.sleep(1)
        assert [at for at, key in it.status.writes] == [10.0, 11.0]


@virtual
async def test_maps_are_published_each_with_a_list() -> None:
    async with publishing(1.0) as it:
        it.publisher.maps()
        assert [each["name"] for each in it.status.values["maps"]] == ["One", "Two"]
        await asyncio.sleep(1.1)
        assert (it.status.values["m1"], it.status.values["m2"]) == ([], [])


@virtual
async def test_all_can_be_withdrawn() -> None:
    async with publishing(1.0) as it:
        it.see(A, "m1")
        await asyncio.sleep(1.1)
        it.publisher.withdraw_all()
        it.publisher.withdraw("m7")
        assert it.status.values == {"m1": None, "maps": None}


def test_a_summary_has_no_signed_links_and_nothing_unknown() -> None:
    known = Map(id="m1", name="One", width=1600, url="https://x/?jwt=a", thumbnail_url="https://x/?jwt=b", org_id="o")
    shown = {"id": "m1", "name": "One", "type": "image", "width": 1600, "has_image": True}
    assert map_summary(known) == shown
    assert map_summary(known.model_copy(update={"url": None})) == {**shown, "has_image": False}
