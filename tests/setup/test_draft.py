import pytest

from mistlocate.driver.base import parse_settings
from mistlocate.drivers.mist_locations.driver import MistLocations
from mistlocate.mist.models import Map
from mistlocate.setup.draft import Draft, draft, missing


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
