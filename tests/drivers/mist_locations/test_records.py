import math
from typing import Any

import pytest

from mistlocate.drivers.mist_locations.records import RADIUS_OF_ONE_AP_M, location_record, seen_at
from mistlocate.location.floorplans import FloorMapping, Floorplans, MapInfo, Plan
from mistlocate.location.geometry import LatLng

NOW = 1_767_261_600.0
MAPPING = FloorMapping({"building": "zone-b", "level": "zone-1", "campus": "zone-c"}, level_name="B - L1")
CLIENT: dict[str, Any] = {
    "mac": "00005e005301", "map_id": "m1", "x": 53, "y": 0, "num_locating_aps": 3, "accuracy": 4,
    "last_seen": int(NOW) - 12, "is_guest": False, "manufacture": "Dell", "os": "", "ssid": "Corp",
}  # fmt: skip


def plan(kind: str = "image", **more: Any) -> Plan:
    known = MapInfo("m1", "Map", kind, 1600, 900, 20.0, **more)  # type: ignore[arg-type]
    return Floorplans({"m1": MAPPING}, [known]).plans["m1"]


def record(client: dict[str, Any] | None = None, on: Plan | None = None, **options: Any) -> dict[str, Any]:
    merged = {**CLIENT, **(client or {})}
    return location_record(merged, on or plan(), NOW - 12, stale=False, **options)


def test_exactly_these_keys_in_the_units_that_others_read() -> None:
    assert record() == {
        "location": "wireless", "coordinates_from": "top-left", "x": 53.0, "y": 0.0,
        "map_width": 1600.0, "map_height": 900.0, "mac": "00005e005301", "variance": 4.0,
        "last_seen": int(NOW) - 12, "last_seen_from": "source", "stale": False,
        "building": "zone-b", "level": "zone-1", "level_name": "B - L1",
        "manufacturer": "Dell", "os": None, "ssid": "Corp", "mist_map_id": "m1",
    }  # fmt: skip


def test_coordinates_and_sizes_are_floats_also_where_they_are_whole() -> None:
    found = record()
    assert all(type(found[key]) is float for key in ("x", "y", "map_width", "map_height", "variance"))
    assert type(found["last_seen"]) is int


def test_keys_that_front_ends_overwrite_are_never_there() -> None:
    forbidden = {"type", "position", "map_id", "asset_id", "at_location", "user", "system", "bg_color"}
    assert not forbidden & set(record())


@pytest.mark.parametrize("odd", [{"x": None}, {"y": None}, {"x": "53"}, {"x": True}, {"x": math.nan}, {"x": math.inf}])
def test_unlocated_is_null_and_the_variance_stays_a_number(odd: dict[str, Any]) -> None:
    found = record(odd)
    assert (found["x"], found["y"]) == (None, None)
    assert found["variance"] == pytest.approx(math.hypot(80, 45) / 2)
    assert (found["map_width"], found["map_height"]) == (1600.0, 900.0)


@pytest.mark.parametrize(
    ("client", "variance"),
    [
        ({"accuracy": None, "num_locating_aps": 3}, RADIUS_OF_ONE_AP_M / 3),
        ({"accuracy": None, "num_locating_aps": 1}, RADIUS_OF_ONE_AP_M),
        ({"accuracy": None, "num_locating_aps": 0}, RADIUS_OF_ONE_AP_M),
        ({"accuracy": None, "num_locating_aps": None}, RADIUS_OF_ONE_AP_M),
        ({"accuracy": 0, "num_locating_aps": 5}, RADIUS_OF_ONE_AP_M / 5),
        ({"accuracy": None, "num_locating_aps": -3}, RADIUS_OF_ONE_AP_M),
        ({"accuracy": "4"}, RADIUS_OF_ONE_AP_M / 3),
        ({"accuracy": math.nan}, RADIUS_OF_ONE_AP_M / 3),
        ({"accuracy": math.inf}, RADIUS_OF_ONE_AP_M / 3),
    ],
)
def test_without_an_accuracy_the_number_of_access_points_stands_in(client: dict[str, Any], variance: float) -> None:
    assert record(client)["variance"] == variance


def test_a_georeferenced_map_tells_degrees_and_a_cell() -> None:
    on = plan("google", top_left=LatLng(50.0, 8.0), bottom_right=LatLng(49.0, 10.0))
    found = record({"x": 800.0, "y": 450.0}, on)
    assert (found["lat"], found["lon"]) == (49.5, 9.0)
    assert len(found["s2_cell_id"]) == 12
    assert "lat" not in record()


def test_anonymous_devices_keep_their_place_and_nothing_else() -> None:
    found = record({"os": "Windows 11"}, anonymous_mac="a2000000beef")
    assert found["mac"] == "a2000000beef"
    assert (found["manufacturer"], found["os"], found["ssid"]) == (None, None, None)
    assert (found["x"], found["level"]) == (53.0, "zone-1")


def test_whose_time_it_is_is_handed_on() -> None:
    assert record({"last_seen_from": "arrival"})["last_seen_from"] == "arrival"


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        (NOW - 5, NOW - 5),
        (int(NOW), NOW),
        ((NOW - 5) * 1000, NOW - 5),
        (None, None),
        ("x", None),
        (True, None),
        (NOW + 9999, None),
    ],
)
def test_when_the_network_saw_it(value: Any, expected: float | None) -> None:
    assert seen_at({"last_seen": value}, NOW) == expected
