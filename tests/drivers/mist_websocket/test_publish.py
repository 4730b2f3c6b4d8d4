"""How often statuses are written, in virtual time."""

import asyncio
import itertools
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from typing import Any

import pytest

from mistlocate.drivers.mist_websocket.publish import Publisher, map_summary
from mistlocate.drivers.mist_websocket.tracker import Tracker
from mistlocate.location.identity import NameRules
from mistlocate.location.objections import Subject
from mistlocate.location.observation import Origin, Position, Sighting
from mistlocate.mist.models import Map
from support.virtual import START, VirtualClock, virtual

A, B, C = "00005e005301", "00005e005302", "00005e005303"


class Statuses:
    """A status store that notes what was written when."""

    def __init__(self) -> None:
        self.values: dict[str, Any] = {}
        self.writes: list[tuple[float, str]] = []
        self.turns: list[dict[str, Any]] = []
        """What others could read after each turn of the loop in which something was written."""
        self._turn_ends = False

    def set(self, key: str, value: Any) -> None:
        self.writes.append((round(asyncio.get_running_loop().time(), 2), key))
        self.values[key] = value
        if not self._turn_ends:
            self._turn_ends = True
            asyncio.get_running_loop().call_soon(self._end_turn)

    def _end_turn(self) -> None:
        self._turn_ends = False
        self.turns.append(dict(self.values))

    def listings(self, mac: str) -> list[int]:
        """How often a client was listed, after each such turn."""
        return [sum(each["mac"] == mac for value in turn.values() for each in value or ()) for turn in self.turns]

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


@pytest.mark.parametrize("due", ["neither", "the old list", "the new one", "all at once"])
def test_who_changes_maps_is_never_listed_twice_nor_missing(due: str) -> None:
    virtual(_changes_maps)(due)


async def _changes_maps(due: str) -> None:
    async with publishing() as it:
        it.see(A, "m1")
        it.see(B, "m2")
        await asyncio.sleep(3.1)
        it.status.turns.clear()
        if due in ("the old list", "the new one"):
            it.see(C, "m1" if due == "the old list" else "m2")
        if due == "all at once":
            await asyncio.sleep(2.87)  # … the next interval ends before what belongs to this moment is gathered
        it.see(A, "m2")
        it.see(B, "m1")
        await asyncio.sleep(0.5)
        assert it.status.macs("m2")[-1] == A
        assert set(it.status.listings(A)) == set(it.status.listings(B)) == {1}


class Making:
    """Notes in which turn of the loop each list is made, and does something behind the first one."""

    def __init__(self, it: Case, behind: Callable[[], None] = lambda: None) -> None:
        self.turns: list[int] = []
        self._turn = 0
        self._make, self._behind = it.tracker.records_on, behind
        it.tracker.records_on = self  # type: ignore[method-assign, assignment]

    def __call__(self, map_id: str) -> list[dict[str, Any]]:
        self.turns.append(self._turn)
        asyncio.get_running_loop().call_soon(self._end_turn)
        return self._make(map_id)

    def _end_turn(self) -> None:
        self._turn += 1
        behind, self._behind = self._behind, lambda: None
        behind()


@virtual
async def test_lists_that_go_out_together_are_made_one_by_one() -> None:
    async with publishing() as it:
        it.see(A, "m1")
        await asyncio.sleep(3.1)
        making = Making(it)
        it.see(A, "m2")
        await asyncio.sleep(0.1)
        assert making.turns == [0, 1]


@virtual
async def test_who_moves_while_lists_are_made_is_on_one_of_them() -> None:
    async with publishing() as it:
        it.see(A, "m1")
        it.see(B, "m2")
        await asyncio.sleep(3.1)
        it.status.turns.clear()
        making = Making(it, lambda: it.see(B, "m1"))
        it.see(A, "m2")
        await asyncio.sleep(0.1)
        assert making.turns == [0, 1, 2], "what was made before that is made again"
        assert (it.status.macs("m1"), it.status.macs("m2")) == ([B], [A])
        assert set(it.status.listings(A)) == set(it.status.listings(B)) == {1}


@virtual
async def test_who_moves_while_other_lists_are_written_is_on_one_of_them() -> None:
    async with publishing() as it:
        it.see(A, "m1")
        it.see(B, "m2")
        await asyncio.sleep(3.1)
        it.status.turns.clear()
        Making(it, lambda: it.see(B, "m1"))
        it.see(A, "m1", 2.0)
        it.see(B, "m2", 2.0)
        await asyncio.sleep(3.1)
        assert (it.status.macs("m1"), it.status.macs("m2")) == ([A, B], [])
        assert set(it.status.listings(B)) == {1}


@virtual
async def test_lists_are_written_however_many_move_all_the_time() -> None:
    async with publishing() as it:
        it.see(A, "m1")
        await asyncio.sleep(3.1)
        it.see(B, "m1")
        it.publisher.publish(everything=True)
        it.status.turns.clear()
        places = itertools.cycle(["m2", "m1"])

        def on() -> None:
            making._behind = on
            it.see(B, next(places))

        making = Making(it, on)
        it.see(A, "m2")
        await asyncio.sleep(0.2)
        making._behind = lambda: None
        assert A in it.status.macs("m2")
        assert set(it.status.listings(A)) == set(it.status.listings(B)) == {1}


@virtual
async def test_what_was_made_before_somebody_objected_is_not_written_after() -> None:
    async with publishing() as it:
        it.see(A, "m1")
        it.see(B, "m1")
        await asyncio.sleep(3.1)

        def object_() -> None:
            it.tracker.set_objections(it.tracker.owners.objections.opt_out(Subject(B, None)))
            it.publisher.publish(everything=True)
            assert it.status.macs("m1") == []

        Making(it, object_)
        it.see(A, "m2")
        await asyncio.sleep(0.1)
        assert it.status.macs("m1") == []
        assert it.status.listings(B)[-1] == 0


@virtual
async def test_what_was_made_of_a_map_that_is_withdrawn_is_not_written() -> None:
    async with publishing() as it:
        it.see(A, "m1")
        await asyncio.sleep(3.1)
        Making(it, it.publisher.withdraw_all)
        it.see(A, "m2")
        await asyncio.sleep(0.1)
        assert it.status.values["m1"] is None


@virtual
async def test_nor_is_what_was_made_of_a_map_that_never_had_a_status() -> None:
    async with publishing() as it:
        it.see(A, "m1")
        await asyncio.sleep(3.1)
        it.see(B, "m9")
        Making(it, it.publisher.withdraw_all)
        it.see(A, "m9")
        await asyncio.sleep(0.1)
        assert "m9" not in it.status.values


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
