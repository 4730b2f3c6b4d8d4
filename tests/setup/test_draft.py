import re
from random import Random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mistlocate.driver.base import parse_settings
from mistlocate.drivers.mist_locations.driver import MistLocations
from mistlocate.mist.models import Map
from mistlocate.setup.draft import Draft, draft, missing, place_of
from mistlocate.setup.zone_ids import Zone, same


def names(*maps: str) -> Draft:
    return draft([Map(id=f"m{number}", name=name) for number, name in enumerate(maps)], "Lyon HQ")


@pytest.mark.parametrize(
    ("name", "building", "level"),
    [
        ("HQ - Floor 2", "HQ", "Floor 2"),
        ("HQ \u2013 Floor 2", "HQ", "Floor 2"),
        ("HQ/Floor 2", "HQ", "Floor 2"),
        ("HQ, Floor 2", "HQ", "Floor 2"),
        ("HQ: Floor 2", "HQ", "Floor 2"),
        ("Campus - HQ - Floor 2", "Campus - HQ", "Floor 2"),
        ("Floor 2", "Lyon HQ", "Floor 2"),
        ("Ground-floor", "Lyon HQ", "Ground-floor"),
        ("", "Lyon HQ", "m0"),
    ],
)
def test_what_names_of_maps_say(name: str, building: str, level: str) -> None:
    zones = {zone["id"]: zone["name"] for zone in names(name).zones}
    mapping = names(name).mappings["m0"]
    assert (zones[mapping["building"]], zones[mapping["level"]]) == (building, level)
    assert mapping["level_name"] == f"{building} - {level}"


def test_a_building_is_one_zone_and_its_levels_lie_in_it() -> None:
    drafted = names("HQ - Floor 1", "HQ - Floor 2", "Lab - Floor 1")
    assert [zone["id"] for zone in drafted.zones] == [
        "zone-hq", "zone-hq-floor-1", "zone-hq-floor-2", "zone-lab", "zone-lab-floor-1",
    ]  # fmt: skip
    assert drafted.zones[1]["parent"] == "zone-hq"


def test_the_clouds_own_group_outranks_the_name() -> None:
    drafted = draft([Map(id="m1", name="HQ - Floor 1", group_name="Main House")])
    assert drafted.mappings["m1"]["building"] == "zone-main-house"


def test_names_in_other_scripts_still_give_ids() -> None:
    drafted = names("本社 - 二階", "本社 - 三階")
    levels = [mapping["level"] for mapping in drafted.mappings.values()]
    assert len(set(levels)) == 2


@pytest.mark.parametrize(
    "maps",
    [
        ("HQ - Level -1", "HQ - Level 1", "HQ - Level +1"),
        ("東京 - 1F", "大阪 - 1F"),
        ("Haus Ö - EG", "Haus Ü - EG"),
        ("🏢 - 🛗", "🏠 - 🛗"),
        ("A-B - C", "A - B-C"),
        ("A-B - C", "A - B"),
        ("x" * 80 + " - 1", "x" * 80 + "y - 1"),
        ("HQ - Level 1", "HQ - Level 1 2", "HQ - Level 1!", "HQ - Level 1?", "HQ - Level 1 2!"),
    ],
)
def test_different_places_are_different_zones(maps: tuple[str, ...]) -> None:
    drafted = names(*maps)
    assert len({mapping["level"] for mapping in drafted.mappings.values()}) == len(maps)
    buildings = {mapping["building"] for mapping in drafted.mappings.values()}
    assert len(buildings) == len({name.split(" - ")[0] for name in maps})
    assert not buildings & {mapping["level"] for mapping in drafted.mappings.values()}


def test_names_that_are_written_in_two_ways_are_one() -> None:
    drafted = names("Café - Floor 1", "CAFE\u0301  - floor  1")
    assert drafted.mappings["m0"]["level"] == drafted.mappings["m1"]["level"]
    assert [zone["name"] for zone in drafted.zones] == ["Café", "Floor 1"]


_NAME = st.one_of(
    st.text(max_size=12),
    st.text(st.sampled_from("AaBb12 -+ÖüßÉ東京🏢/½"), max_size=8),
    st.text(st.sampled_from("xy "), min_size=60, max_size=70),
)
_NAMES = st.lists(st.tuples(_NAME, _NAME).map(" - ".join), min_size=1, max_size=12)


@given(_NAMES)
def test_no_zone_is_that_of_two_names(listed: list[str]) -> None:
    drafted = names(*listed)
    meant: dict[str, tuple[str, ...]] = {}
    given_to: dict[tuple[str, ...], str] = {}
    for number, name in enumerate(listed):
        place = place_of(Map(id=f"m{number}", name=name), "Lyon HQ")
        building, level = same(place.building), same(place.level)
        mapping = drafted.mappings[f"m{number}"]
        for zone, called in ((mapping["building"], (building,)), (mapping["level"], (building, level))):
            assert meant.setdefault(zone, called) == called
            assert given_to.setdefault(called, zone) == zone
            assert re.fullmatch(r"[A-Za-z0-9_.-]{1,64}", zone)
    assert len({zone["id"] for zone in drafted.zones}) == len(drafted.zones) == len(meant)


@given(_NAMES, st.randoms(use_true_random=False))
def test_the_same_names_are_the_same_zones_again(listed: list[str], random: Random) -> None:
    maps = [Map(id=f"m{number}", name=name) for number, name in enumerate(listed)]
    first = draft(maps, "Lyon HQ")
    random.shuffle(maps)
    ids = {map_id: (each["building"], each["level"]) for map_id, each in first.mappings.items()}
    assert {
        map_id: (each["building"], each["level"]) for map_id, each in draft(maps, "Lyon HQ").mappings.items()
    } == ids
    there = [Zone(**zone) for zone in first.zones]
    some = draft(maps[: random.randint(1, len(maps))], "Lyon HQ", there)
    assert {map_id: (each["building"], each["level"]) for map_id, each in some.mappings.items()} == {
        map_id: ids[map_id] for map_id in some.mappings
    }


@given(_NAMES, _NAMES)
def test_maps_that_come_later_take_no_zone_of_another_name(before: list[str], after: list[str]) -> None:
    there = [Zone(**zone) for zone in names(*before).zones]
    called = {zone.id: (same(zone.name), zone.parent) for zone in there}
    later = draft([Map(id=f"n{number}", name=name) for number, name in enumerate(after)], "Lyon HQ", there)
    for zone in later.zones:
        assert called.get(zone["id"], (same(zone["name"]), zone.get("parent"))) == (
            same(zone["name"]), zone.get("parent")
        )  # fmt: skip


def test_a_zone_that_was_called_otherwise_is_left_alone() -> None:
    drafted = draft([Map(id="m1", name="HQ - Floor 1")], there=[Zone("zone-hq", "Main house")])
    assert [zone["id"] for zone in drafted.zones] == ["zone-hq-2", "zone-hq-2-floor-1"]


def test_it_can_be_pasted_as_it_is() -> None:
    drafted = names("HQ - Floor 1", "Yard")
    settings = parse_settings(MistLocations, {"floorplan_mappings": drafted.mappings}, unknown_is_error=True).settings
    assert set(settings.floorplan_mappings) == {"m0", "m1"}


def test_only_what_is_missing() -> None:
    drafted = names("HQ - Floor 1", "HQ - Floor 2", "Lab - Floor 1")
    rest = missing(drafted, {"m0": {}, "m2": {}}, {"zone-hq"})
    assert list(rest.mappings) == ["m1"]
    assert [zone["id"] for zone in rest.zones] == ["zone-hq-floor-2"]
    assert list(missing(drafted, {"M0": {}, "M2": {}}, set()).mappings) == ["m1"]
