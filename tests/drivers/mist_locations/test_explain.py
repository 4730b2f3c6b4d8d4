from typing import Any

import pytest

from mistlocate.drivers.mist_locations.explain import Rules, explain
from mistlocate.location.floorplans import FloorMapping, Floorplans, MapInfo
from mistlocate.location.visibility import Shown

NOW = 1_767_261_600.0
MAC, OTHER = "00005e005301", "00005e005302"
PLANS = Floorplans(
    {"m1": FloorMapping({"level": "z1"}, "Level 1"), "g1": FloorMapping({"level": "z2"})},
    [MapInfo("m1", "", "image", 100, 100, 10.0), MapInfo("g1", "", "google")],
)


def device(mac: str = MAC, *, age: float = 10.0, owner: str | None = "dot1x", **record: Any) -> dict[str, Any]:
    fields = {"mac": mac, "map_id": "m1", "x": 1.0, "y": 2.0, "last_seen": int(NOW - age), "is_guest": False}
    return {
        "mac": mac,
        "random_mac": False,
        "owner": None if owner is None else {"user": "alice@example.com", "source": owner, "confirmed": int(NOW)},
        "present": True,
        "record": {**fields, **record},
        "name_withheld": False,
        "moves": [
            {"at": NOW - 100, "from_map": None, "to_map": "m1"},
            {"at": NOW - 200, "from_map": "m1", "to_map": None},
        ],
    }


def told(
    *devices: dict[str, Any], ambiguous: bool = False, people: tuple[str, ...] = (), **rules: Any
) -> dict[str, Any]:
    evidence = {"kind": "person", "ambiguous": ambiguous, "people": list(people), "devices": list(devices)}
    base: dict[str, Any] = {
        "floorplans": PLANS, "guests": Shown.ANONYMOUS, "max_age": 360.0, "now": NOW, "stale": False,
        "stale_maps": frozenset(), "stream": ("live", "all well"),
    }  # fmt: skip
    return explain("alice@example.com", evidence, Rules(**{**base, **rules}))


def test_a_device_that_is_shown() -> None:
    found = told(device())
    assert (found["shown"], found["won"]) == (True, MAC)
    assert found["because"] == [f"{MAC} is the only device that can be shown", "it was seen 10 s ago"]
    assert found["devices"][0]["location"]["level"] == "z1"
    assert found["devices"][0]["mapping"] == {"level": "z1", "level_name": "Level 1", "aligned": False}


def test_of_several_devices_the_one_seen_last_wins() -> None:
    found = told(device(MAC, age=50), device(OTHER, age=5))
    assert found["won"] == OTHER
    assert found["because"][0] == f"{OTHER} was seen last"


@pytest.mark.parametrize(
    ("case", "reason"),
    [
        (device(age=600), "10.0 minutes ago, which is more than max_location_age (6)"),
        (device(map_id=None), "is on no map"),
        (device(map_id="m9"), "is on map m9, which floorplan_mappings does not name"),
        (device(last_seen=None), "no time at which it was seen"),
        (device(owner="guest", is_guest=True), "belongs to a guest, and guests are anonymous here"),
        (device(owner=None, is_guest=None), "may be a guest's, for its record is not known yet, and guests are"),
        ({"mac": MAC, "owner": None, "present": False, "moves": []}, "not heard of within the forgetting time"),
    ],
)
def test_each_rule_that_keeps_a_device_out_is_named(case: dict[str, Any], reason: str) -> None:
    found = told(case)
    assert not found["shown"]
    assert reason in found["devices"][0]["because"][0]
    assert reason in found["because"][0]
    assert found["devices"][0]["location"] is None


@pytest.mark.parametrize(
    ("case", "rules", "remark"),
    [
        (device(last_seen_from="arrival"), {}, "its arrival stands in"),
        (device(map_id="g1"), {}, "cannot be placed"),
        (device(x=None), {}, "knows the map and not the place"),
        (device() | {"name_withheld": True}, {}, "withheld (ignore_usernames)"),
        (device(), {"stale": True}, "does not deliver at present"),
        (device(), {"stale_maps": frozenset({"m1"})}, "does not deliver at present"),
    ],
)
def test_what_is_worth_knowing_about_a_device_that_is_shown(
    case: dict[str, Any], rules: dict[str, Any], remark: str
) -> None:
    found = told(case, **rules)
    assert found["shown"]
    assert any(remark in each for each in found["because"])


def test_somebody_of_the_staff_on_the_guests_network_is_no_guest() -> None:
    assert told(device(owner="dot1x", is_guest=True))["shown"]


def test_where_a_guest_is_that_is_kept_apart_is_not_told() -> None:
    for case in (device(owner="guest", is_guest=True), device(owner=None, is_guest=None)):
        (found,) = told(case)["devices"]
        assert (found["mapping"], found["location"]) == (None, None)


def test_guests_where_they_are_shown() -> None:
    assert told(device(owner="guest", is_guest=True), guests=Shown.SHOWN)["shown"]


def test_nobody_and_too_many() -> None:
    assert told()["because"] == ["no device is known to belong to anybody of this name"]
    found = told(ambiguous=True, people=("alice@a.example", "alice@b.example"))
    assert not found["shown"]
    assert "alice@a.example, alice@b.example" in found["because"][0]


def test_moves_of_all_devices_the_newest_first_with_levels() -> None:
    found = told(device(MAC), device(OTHER))
    assert [move["at"] for move in found["moves"]] == [int(NOW) - 100] * 2 + [int(NOW) - 200] * 2
    assert (found["moves"][0]["to_map"], found["moves"][0]["to_level"], found["moves"][0]["from_level"]) == (
        "m1",
        "Level 1",
        None,
    )


def test_rules_and_stream_are_told() -> None:
    found = told(device())
    assert found["rules"] == {"max_location_age_minutes": 6.0, "guests": "anonymous"}
    assert found["stream"] == {"state": "live", "reason": "all well"}
