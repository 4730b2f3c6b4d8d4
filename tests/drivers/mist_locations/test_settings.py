from typing import Any

import pytest

from mistlocate.driver.base import parse_settings
from mistlocate.drivers.mist_locations.driver import MistLocations
from mistlocate.drivers.mist_locations.settings import MistLocationsSettings
from mistlocate.errors import SettingsError
from mistlocate.location.visibility import Shown

ALIGN = [
    {"pixel": [0, 0], "fraction": [0.1, 0.2]},
    {"pixel": [1600, 0], "fraction": [0.9, 0.2]},
    {"pixel": [0, 900], "fraction": [0.1, 0.8]},
]


def made(mapping: Any = None, **settings: Any) -> MistLocationsSettings:
    raw = {**({} if mapping is None else {"floorplan_mappings": {"m1": mapping}}), **settings}
    return parse_settings(MistLocations, raw, unknown_is_error=True).settings  # type: ignore[return-value]


def problem(mapping: Any = None, **settings: Any) -> str:
    with pytest.raises(SettingsError) as raised:
        made(mapping, **settings)
    return str(raised.value)


def test_defaults() -> None:
    settings = made()
    assert (settings.max_location_age, settings.guests, settings.floorplan_mappings) == (6.0, Shown.ANONYMOUS, {})


def test_the_mapping_of_the_setup_guide() -> None:
    settings = made({"building": "zone-12345", "level": "zone-123456", "level_name": "BUILDING - L1"})
    floor = settings.floorplan_mappings["m1"].floor()
    assert floor.zones == {"building": "zone-12345", "level": "zone-123456"}
    assert floor.level_name == "BUILDING - L1"


def test_further_keys_are_zones() -> None:
    assert made({"building": "b", "campus": "c", "wing": "w"}).floorplan_mappings["m1"].zones() == {
        "building": "b",
        "campus": "c",
        "wing": "w",
    }


def test_alignment() -> None:
    floor = made({"level": "z", "align": ALIGN, "width": 2, "height": 1}).floorplan_mappings["m1"].floor()
    assert floor.align is not None
    assert floor.align[1] == ((1600.0, 0.0), (0.9, 0.2))
    assert (floor.width, floor.height) == (2.0, 1.0)


@pytest.mark.parametrize(
    ("mapping", "text"),
    [
        ({}, "names no zone"),
        ({"level_name": "L1"}, "names no zone"),
        ({"level": ""}, "level"),
        ({"level": 5}, "level"),
        ({"level": "z", "wing": 7}, "wing"),
        ({"level": "z", "width": 5}, "width and height together"),
        ({"level": "z", "width": 0, "height": 5}, "width"),
        ({"level": "z", "align": ALIGN[:2]}, "align"),
        ({"level": "z", "align": [ALIGN[0], ALIGN[0], ALIGN[1]]}, "one line"),
        ({"level": "z", "align": [{**ALIGN[0], "piksel": [0, 0]}, *ALIGN[1:]]}, "piksel"),
        ("=> {building: zone}", "write ':' instead of '=>'"),
        ("zone-1", "dictionary"),
    ],
)
def test_what_is_wrong_with_a_mapping_is_said_at_its_place(mapping: Any, text: str) -> None:
    found = problem(mapping)
    assert text in found
    assert "floorplan_mappings.m1" in found


def lenient(**mappings: Any) -> MistLocationsSettings:
    raw = {"floorplan_mappings": mappings}
    return parse_settings(MistLocations, raw, unknown_is_error=False).settings  # type: ignore[return-value]


@pytest.mark.parametrize(
    ("mapping", "zones", "oddities"),
    [
        ({"level": "l", "campus": None, "building": None}, {"level": "l"}, {}),
        ({"level": "l", "floor": 3, "offset": {"x": 1}}, {"level": "l"}, {"ignored_keys": {"m1": ["floor", "offset"]}}),
        ({"level": "l", "bulding": 3}, {"level": "l"}, {"ignored_keys": {"m1": ["bulding"]}, "unusual_keys": {"m1": ["bulding"]}}),
        (None, None, {}),
        ({"level_name": "L1", "level": None}, None, {"mappings_without_zones": ["m1"]}),
        ({"floor": 3}, None, {"ignored_keys": {"m1": ["floor"]}, "mappings_without_zones": ["m1"]}),
    ],
)  # fmt: skip
def test_where_others_wrote_the_settings_what_names_no_zone_is_left_out_and_told(
    mapping: Any, zones: dict[str, str] | None, oddities: dict[str, Any]
) -> None:
    settings = lenient(m1=mapping, m2={"level": "other"})
    found = {map_id: floor.zones for map_id, floor in settings.floors().items()}
    assert found == {**({} if zones is None else {"m1": zones}), "m2": {"level": "other"}}
    assert {name: odd for name, odd in settings.oddities().items() if odd} == oddities


def test_where_others_wrote_the_settings_the_name_of_a_level_may_be_a_number() -> None:
    assert lenient(m1={"level": "l", "level_name": 3}).floors()["m1"].level_name == "3"
    assert "level_name" in problem({"level": "l", "level_name": 3})


@pytest.mark.parametrize("mapping", [None, {"level": "l", "campus": None}, {"level": "l", "floor": 3}])
def test_in_a_settings_file_of_ones_own_all_that_is_an_error(mapping: Any) -> None:
    with pytest.raises(SettingsError, match=r"floorplan_mappings\.m1"):
        parse_settings(MistLocations, {"floorplan_mappings": {"m1": mapping}}, unknown_is_error=True)


@pytest.mark.parametrize("settings", [{"max_location_age": 0}, {"max_location_age": "x"}, {"guests": "maybe"}])
def test_other_settings(settings: dict[str, Any]) -> None:
    assert next(iter(settings)) in problem(**settings)


def test_zones_are_told_with_their_places_whatever_else_is_wrong() -> None:
    raw = {"floorplan_mappings": {"m1": {"building": "b", "level": "l", "level_name": "free", "width": 3}, "m2": None}}
    assert list(MistLocations.zones_named_by(raw)) == [
        ("floorplan_mappings.m1.building", "b"),
        ("floorplan_mappings.m1.level", "l"),
    ]
    assert list(MistLocations.zones_named_by({"floorplan_mappings": "nonsense"})) == []


def test_what_a_new_module_starts_from_is_valid() -> None:
    assert made(**dict(MistLocations.default_settings)).max_location_age == 6
