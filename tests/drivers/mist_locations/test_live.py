"""Levels as statuses, with MistWebsocket and the simulated cloud behind them; and the list of levels by itself."""

import asyncio
from pathlib import Path
from typing import Any

import pytest

from mistlocate.driver.command import Level
from mistlocate.drivers.mist_locations import live
from mistlocate.drivers.mist_locations.driver import MistLocations
from mistlocate.drivers.mist_locations.live import LiveLevels, maps_of_levels, summary
from mistlocate.location.floorplans import FloorMapping, Floorplans, MapInfo
from mistlocate.simulator import Campus
from support.site import SYSTEM, Site, site
from support.virtual import VirtualClock, virtual
from support.waiting import until

EMPTY = Campus(seed=1, people=0, floors=2, passers=0)
ON = {"publish_levels": True}
ALIGN = (((0.0, 0.0), (0.0, 0.0)), ((100.0, 0.0), (0.5, 0.0)), ((0.0, 100.0), (0.0, 0.5)))


def level(it: Site, zone: str) -> Any:
    return it.status(zone, "MistLocations_1")


def macs(it: Site, zone: str) -> list[str] | None:
    found = level(it, zone)
    return None if found is None else sorted(each["mac"] for each in found)


def counts(it: Site) -> dict[str, int]:
    return {each["zone"]: each["devices"] for each in level(it, "levels") or ()}


def put(it: Site, floor: int = 0, **more: Any) -> str:
    return it.cloud.stage.add_device(map_id=it.maps[floor], x=10.0, y=20.0, **more)


def followers(it: Site) -> set[str]:
    """The statuses of MistWebsocket that somebody follows."""
    module_id = it.host("MistWebsocket_1").spec.id
    return {key for each, key in it.engine.board._followers if each == module_id}


async def change(it: Site, **settings: Any) -> None:
    await it.engine.reload(it.reconfigured(locations=settings))


class TestOn:
    async def test_each_level_is_published_as_it_would_be_answered(self, tmp_path: Path) -> None:
        async with site(tmp_path, EMPTY, locations=ON) as it:
            await it.live()
            await until(lambda: [macs(it, f"zone-{n}") for n in range(3)] == [[], [], []])
            mac, other = put(it, 0, username="alice@example.com"), put(it, 2)
            await until(lambda: (macs(it, "zone-0"), macs(it, "zone-2")) == ([mac], [other]))
            for zone in ("zone-0", "zone-1", "zone-2"):
                assert level(it, zone) == await it.locations("device_locations", zone)
            assert level(it, "zone-b") is None, "a building is no level"
            it.cloud.stage.place(mac, it.maps[1], 5.0, 6.0)
            await until(lambda: (macs(it, "zone-0"), macs(it, "zone-1")) == ([], [mac]))
            await until(lambda: counts(it) == {"zone-0": 0, "zone-1": 1, "zone-2": 1})

    async def test_the_list_of_levels(self, tmp_path: Path) -> None:
        async with site(tmp_path, EMPTY, locations=ON) as it:
            await it.live()
            put(it, 0)
            await until(lambda: counts(it).get("zone-0") == 1)
            plans = [it.cloud.world.maps[each] for each in it.maps]
            assert level(it, "levels") == [
                {
                    "zone": f"zone-{number}",
                    "name": plan.name,
                    "building": "zone-b",
                    "maps": [plan.id],
                    "devices": 1 if number == 0 else 0,
                    "width": plan.width,
                    "height": plan.height,
                    "per_metre": pytest.approx(plan.ppm, abs=0.001),
                    "aligned": False,
                    "image": f"map/{plan.id}" if number < 2 else None,
                }
                for number, plan in enumerate(plans)
            ]
            image = await it.engine.find(SYSTEM, "MistWebsocket_1").asset(level(it, "levels")[0]["image"])
            assert image.media_type == "image/png"

    async def test_devices_grow_too_old_without_any_news(self, tmp_path: Path) -> None:
        async with site(tmp_path, EMPTY, rate=150, locations=ON) as it:
            await it.live()
            mac, busy = put(it, 0), put(it, 1)
            await until(lambda: macs(it, "zone-0") == [mac])

            async def gone() -> bool:  # while another level has news all the time
                it.cloud.stage.place(busy, it.maps[1], it.clock.monotonic() % 100, 6.0)
                return macs(it, "zone-0") == []

            await until(gone)
            assert mac in it.on_map(it.maps[0]), "nobody said that it left"
            assert counts(it)["zone-0"] == 0
            await change(it, max_location_age=30)
            await until(lambda: macs(it, "zone-0") == [mac])

    async def test_the_rule_for_guests_holds(self, tmp_path: Path) -> None:
        async with site(tmp_path, Campus(seed=1, people=30, floors=1), locations=ON) as it:
            await it.complete()
            guests = {mac for mac in it.present if it.published(mac)["is_guest"]}
            assert guests
            present = len(it.present)

            def shown() -> set[str]:
                return {mac for zone in ("zone-0", "zone-1") for mac in macs(it, zone) or ()}

            await until(lambda: len(shown()) == present)
            assert not shown() & guests, "counted under other MACs"
            await change(it, guests="hidden")
            await until(lambda: shown() == it.present - guests)
            await change(it, guests="shown")
            await until(lambda: shown() == it.present)

    async def test_a_broken_line_shows(self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr(live, "LOOK_AGAIN", 1e6)
        async with site(tmp_path, EMPTY, locations=ON) as it:
            await it.live()
            put(it, 0)
            await until(lambda: [each["stale"] for each in level(it, "zone-0") or ()] == [False])
            it.cloud.faults.refuse_handshakes(503)
            await it.broken()
            await until(lambda: [each["stale"] for each in level(it, "zone-0")] == [True])


class TestChanges:
    async def test_off_it_publishes_and_follows_nothing(self, tmp_path: Path) -> None:
        async with site(tmp_path, EMPTY) as it:
            await it.live()
            mac = put(it, 0)
            await it.located(mac)
            assert (level(it, "levels"), level(it, "zone-0")) == (None, None)
            assert not followers(it) & set(it.maps)
            await change(it, **ON)
            await until(lambda: macs(it, "zone-0") == [mac])
            assert followers(it) >= set(it.maps)
            await change(it, publish_levels=False)
            await until(lambda: level(it, "levels") is None)
            assert all(level(it, f"zone-{number}") is None for number in range(3))
            assert not followers(it) & set(it.maps)
            await change(it, **ON)
            await until(lambda: macs(it, "zone-0") == [mac])

    async def test_a_level_that_is_mapped_no_longer_goes(self, tmp_path: Path) -> None:
        async with site(tmp_path, EMPTY, locations=ON) as it:
            await it.live()
            mac = put(it, 1)
            await until(lambda: macs(it, "zone-1") == [mac])
            mappings = dict(it.host("MistLocations_1").settings["floorplan_mappings"])
            before = mappings.pop(it.maps[1])
            await change(it, floorplan_mappings=mappings)
            await until(lambda: level(it, "zone-1") is None)
            await until(lambda: list(counts(it)) == ["zone-0", "zone-2"])
            assert it.maps[1] not in followers(it)
            await change(it, floorplan_mappings={it.maps[1]: before, **mappings})
            await until(lambda: list(counts(it)) == ["zone-1", "zone-0", "zone-2"])
            await until(lambda: macs(it, "zone-1") == [mac])

    async def test_a_module_that_is_stopped_follows_nothing(self, tmp_path: Path) -> None:
        async with site(tmp_path, EMPTY, locations=ON) as it:
            await it.live()
            await until(lambda: counts(it))
            await it.host("MistLocations_1").stop()
            assert not followers(it)
            assert level(it, "zone-0") is None
            it.host("MistLocations_1").start()
            await until(lambda: len(counts(it)) == 3)

    async def test_levels_empty_when_the_other_module_stops(self, tmp_path: Path) -> None:
        async with site(tmp_path, EMPTY, locations=ON) as it:
            await it.live()
            mac = put(it, 0)
            await until(lambda: macs(it, "zone-0") == [mac])
            await it.host("MistWebsocket_1").stop()
            await until(lambda: macs(it, "zone-0") == [])


class Fake:
    """Maps to follow and statuses to set; `set_at` are the times at which the level z was set."""

    def __init__(self) -> None:
        self.listeners: dict[str, Any] = {}
        self.values: dict[str, Any] = {}
        self.set_at: list[float] = []
        self.clock = VirtualClock()

    def subscribe(self, key: str, listener: Any) -> Any:
        self.listeners[key] = listener
        return lambda: self.listeners.pop(key)

    def set(self, key: str, value: Any) -> None:
        self.values[key] = value
        if key == "z":
            self.set_at.append(self.clock.monotonic())


class TestTiming:
    @virtual
    async def test_news_at_once_then_not_too_often_and_always_the_last(self) -> None:
        it = Fake()
        levels = LiveLevels(it, it, it.clock, lambda _, clients: list(clients.get("m", ())), frozenset())  # type: ignore[arg-type]
        running = asyncio.create_task(levels.run())
        levels.follow(Floorplans({"m": FloorMapping({"level": "z"})}))
        await asyncio.sleep(1)
        began = it.clock.monotonic()
        it.set_at.clear()
        for number in range(21):
            it.listeners["m"]([number])
            await asyncio.sleep(0.1)
        await asyncio.sleep(1)
        assert it.values["z"] == [20]
        assert it.set_at[0] == began
        assert all(b - a >= live.PAUSE for a, b in zip(it.set_at, it.set_at[1:], strict=False))
        assert len(it.set_at) < 8
        running.cancel()

    @virtual
    async def test_levels_without_news_are_looked_at_while_others_have_news(self) -> None:
        it = Fake()
        asked: list[str] = []
        levels = LiveLevels(it, it, it.clock, lambda zone, _: asked.append(zone) or [], frozenset())  # type: ignore[arg-type, func-returns-value]
        running = asyncio.create_task(levels.run())
        levels.follow(Floorplans({"m": FloorMapping({"level": "z"}), "n": FloorMapping({"level": "y"})}))
        for _ in range(60):
            it.listeners["n"]([])
            await asyncio.sleep(1)
        assert 60 / live.LOOK_AGAIN - 1 <= asked.count("z") <= 60 / live.LOOK_AGAIN + 1
        assert asked.count("y") >= 60
        running.cancel()

    @virtual
    async def test_a_zone_that_is_named_like_another_status_is_in_the_list_only(self) -> None:
        it = Fake()
        levels = LiveLevels(it, it, it.clock, lambda *_: [{}], frozenset({"problems"}))  # type: ignore[arg-type]
        levels.follow(Floorplans({"m": FloorMapping({"level": "problems"}), "n": FloorMapping({"level": "levels"})}))
        levels.publish()
        assert set(it.values) == {"levels"}
        assert [each["devices"] for each in it.values["levels"]] == [1, 1]
        levels.follow(None)
        assert it.values == {"levels": None}


class TestSummary:
    def made(self, *mappings: FloorMapping, **maps: MapInfo) -> dict[str, Any]:
        plans = Floorplans({f"m{number}": each for number, each in enumerate(mappings)}, maps.values() or None)
        (zone,) = maps_of_levels(plans)
        return summary(plans, zone, maps_of_levels(plans)[zone], 3)

    def test_an_aligned_level_has_the_size_of_its_plan_and_no_image(self) -> None:
        aligned = FloorMapping({"level": "z", "building": "b"}, "West", 50.0, 40.0, ALIGN)
        found = self.made(aligned, aligned, m0=MapInfo("m0", "M", "image", 200, 100, 20.0, has_image=True))
        assert found == {
            "zone": "z", "name": "West", "building": "b", "maps": ["m0", "m1"], "devices": 3, "width": 50.0,
            "height": 40.0, "per_metre": 4.528, "aligned": True, "image": None,
        }  # fmt: skip

    def test_names_and_sizes_come_from_where_they_are_known(self) -> None:
        bare = FloorMapping({"level": "z"})
        assert self.made(bare)["name"] == "z"
        assert (self.made(bare)["width"], self.made(bare)["image"], self.made(bare)["building"]) == (-1.0, None, None)
        found = self.made(bare, bare, m1=MapInfo("m1", "Two", "image", 200, 100, has_image=True))
        assert (found["name"], found["width"], found["image"]) == ("Two", 200.0, "map/m1")

    def test_mappings_without_a_level_are_no_level_and_the_order_is_theirs(self) -> None:
        mappings = {
            "m1": FloorMapping({"building": "b"}),
            "m2": FloorMapping({"level": "z2"}),
            "m3": FloorMapping({"level": "z1"}),
            "m4": FloorMapping({"level": "z2"}),
        }
        found = maps_of_levels(Floorplans(mappings))
        assert found == {"z2": ["m2", "m4"], "z1": ["m3"]}
        assert list(found) == ["z2", "z1"]


def test_levels_of_the_statuses() -> None:
    assert MistLocations.status_info("levels").level is Level.USER
    assert MistLocations.status_info("zone-0").level is Level.USER


@pytest.mark.parametrize("value", ["maybe", 7])
def test_the_setting(value: Any) -> None:
    with pytest.raises(ValueError, match="publish_levels"):
        MistLocations.Settings(publish_levels=value)
    assert MistLocations.Settings().publish_levels is False
