"""Mappings, and what the names of the maps say of them. (Mappings that are missing: test_check.)"""

from typing import Any

import pytest

from mistlocate.drivers.mist_locations.settings import MistLocationsSettings
from mistlocate.setup.report import Verdict
from mistlocate.setup.zone_ids import Zone
from mistlocate.simulator import SimulatedCloud
from support.checking import checked, mapped, said


def listed(cloud: SimulatedCloud, *names: str) -> None:
    """Let the site have maps of these names, with the ids `map-0`, `map-1`, …"""
    maps = [
        {"id": f"map-{n}", "name": name, "type": "image", "width": 10, "height": 10} for n, name in enumerate(names)
    ]
    cloud.faults.rest("/maps$", body=maps)


ALIGN = [{"pixel": pixel, "fraction": pixel} for pixel in ([0, 0], [1, 0], [0, 1])]


def on(*zones: tuple[str, str], **more: Any) -> MistLocationsSettings:
    """Mappings of `map-0`, `map-1`, … to building and level."""
    pairs = enumerate(zones)
    mappings = {f"map-{n}": {"building": building, "level": level, **more} for n, (building, level) in pairs}
    return MistLocationsSettings(floorplan_mappings=mappings)  # type: ignore[arg-type]


async def test_two_parts_of_a_level(cloud: SimulatedCloud) -> None:
    listed(cloud, "HQ - Floor 1", "hq -  floor 1")
    notes = said(await checked(cloud, on(("b", "l1"), ("b", "l1"))), Verdict.NOTE)
    assert "level l1 has several maps that are not aligned: HQ - Floor 1, hq -  floor 1" in notes
    assert "several maps" not in said(await checked(cloud, on(("b", "l1"), ("b", "l1"), align=ALIGN)), Verdict.NOTE)


@pytest.mark.parametrize("names", [("HQ - Level -1", "HQ - Level 1"), ("Haus Ö - EG", "Haus Ü - EG")])
async def test_levels_that_were_taken_for_one(cloud: SimulatedCloud, names: tuple[str, str]) -> None:
    listed(cloud, *names)
    report = await checked(cloud, on(("b", "l1"), ("b", "l1")))
    notes = said(report, Verdict.NOTE)
    assert f"level l1 is that of maps whose names say different levels: {', '.join(names)}; " in notes
    assert "a level of its own" in notes
    assert report.problems == [], "they may be parts of one level"
    for other in (on(("b", "l1"), ("b", "l2")), on(("b", "l1"), ("b", "l1"), align=ALIGN)):
        assert "different levels" not in said(await checked(cloud, other), Verdict.NOTE)


async def test_buildings_that_were_taken_for_one(cloud: SimulatedCloud) -> None:
    listed(cloud, "東京 - 1F", "大阪 - 2F", "Yard")
    locations = on(("zone-building", "l1"), ("zone-building", "l2"), ("zone-building", "l3"))
    notes = said(await checked(cloud, locations, zones=[Zone("zone-building", "東京")]), Verdict.NOTE)
    assert "building zone-building is called 東京, and the names of maps in it say another: 大阪 - 2F (" in notes
    notes = said(await checked(cloud, locations, zones=[Zone("zone-building", "Japan")]), Verdict.NOTE)
    assert "say another" not in notes


async def test_a_draft_takes_no_zone_that_means_something_else(cloud: SimulatedCloud) -> None:
    listed(cloud, "HQ - Level 1", "HQ - Level +1")
    zones = [Zone("zone-hq", "HQ"), Zone("zone-hq-level-plus-1", "Level 1", "zone-hq")]
    drafted = (await checked(cloud, on(("zone-hq", "zone-hq-level-plus-1")), zones=zones)).draft
    assert drafted.mappings["map-1"]["level"] == "zone-hq-level-plus-1-2"
    assert [zone["id"] for zone in drafted.zones] == ["zone-hq-level-plus-1-2"]


async def test_misspelt_keys_and_mappings_without_a_building(cloud: SimulatedCloud) -> None:
    first, second, _ = cloud.world.maps_of(cloud.site_id)
    changes = {first.id: {"bulding": "b", "level": "l1"}, second.id: {"building": "b", "level": "l2", "campus": "c"}}
    notes = said(await checked(cloud, mapped(cloud, **changes)), Verdict.NOTE)
    assert "the key bulding in the mapping of HQ - Floor 1 counts as a kind of zone of its own" in notes
    assert "did you mean 'building'?" in notes
    assert "without a building: HQ - Floor 1; people there have none" in notes
    assert "campus" not in notes
