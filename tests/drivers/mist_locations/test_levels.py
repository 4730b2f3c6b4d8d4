from typing import Any

import pytest

from mistlocate.drivers.mist_locations.levels import Levels
from mistlocate.location.floorplans import FloorMapping, Floorplans, MapInfo
from mistlocate.location.visibility import Shown, coarse

NOW = 1_767_268_800.0
PLANS = Floorplans({"m1": FloorMapping({"level": "z1"})}, [MapInfo("m1", "", "image", 100, 100, 10.0)])


def client(number: int = 1, *, age: float = 10.0, guest: bool = False) -> dict[str, Any]:
    return {
        "mac": f"00005e0053{number:02x}", "map_id": "m1", "x": 1.0, "y": 2.0, "last_seen": int(NOW - age),
        "is_guest": guest, "ssid": "Guest" if guest else "Corp",
    }  # fmt: skip


def found(levels: Levels, clients: list[Any], **options: Any) -> list[dict[str, Any]]:
    options = {"stale": False, "guests": Shown.ANONYMOUS, "now": NOW, "oldest": NOW - 360, **options}
    return levels.of_map("m1", clients, options.pop("floorplans", PLANS), **options)


def test_an_unchanged_list_is_computed_once(monkeypatch: pytest.MonkeyPatch) -> None:
    levels, clients = Levels(), [client(1), client(2)]
    first = found(levels, clients)
    again = found(levels, clients, now=NOW + 60, oldest=NOW - 300)
    assert all(one is other for one, other in zip(first, again, strict=True))


@pytest.mark.parametrize(
    "change",
    [{"stale": True}, {"guests": Shown.SHOWN}, {"now": NOW + 86_400}, {"floorplans": Floorplans(PLANS.mappings, [])}],
    ids=["stale", "guests", "day", "plans"],
)
def test_what_it_is_made_of_is_watched(change: dict[str, Any]) -> None:
    levels, clients = Levels(), [client(1, guest=True)]
    first = found(levels, clients)
    other = found(levels, clients, **change)
    assert first[0] is not other[0]


def test_another_list_is_computed_anew() -> None:
    levels = Levels()
    found(levels, [client(1)])
    assert [each["mac"] for each in found(levels, [client(2)])] == ["00005e005302"]


def test_old_positions_are_left_out_as_time_goes_by() -> None:
    levels, clients = Levels(), [client(1, age=10), client(2, age=300)]
    assert len(found(levels, clients)) == 2
    assert len(found(levels, clients, now=NOW + 100, oldest=NOW - 260)) == 1
    assert len(found(levels, clients, now=NOW + 600, oldest=NOW + 240)) == 0


def test_times_ahead_are_no_times_until_now_is_set_right() -> None:
    levels, clients = Levels(), [client(1, age=10), {**client(2), "last_seen": int(NOW - 10) * 1000}]
    assert found(levels, clients, now=NOW - 600, oldest=NOW - 960) == []
    assert len(found(levels, clients, now=NOW - 300, oldest=NOW - 660)) == 2, "clocks differ a little"
    right = found(levels, clients)
    assert [each["last_seen"] for each in right] == [int(NOW - 10)] * 2
    assert found(levels, clients, now=NOW - 600, oldest=NOW - 960) == []


@pytest.mark.parametrize("odd", [1e300, float("inf"), float("nan"), -1, 0, True, "12:00"])
def test_what_is_no_time_at_all_never_becomes_one(odd: Any) -> None:
    assert len(found(Levels(), [{**client(2), "last_seen": odd}, client(1)])) == 1


def test_guests_by_the_sites_rule() -> None:
    clients = [client(1), client(2, guest=True)]
    assert len(found(Levels(), clients, guests=Shown.HIDDEN)) == 1
    shown = found(Levels(), clients, guests=Shown.SHOWN)
    assert [(each["mac"], each["ssid"]) for each in shown] == [("00005e005301", "Corp"), ("00005e005302", "Guest")]
    anonymous = found(Levels(), clients, guests=Shown.ANONYMOUS)
    assert anonymous[0]["mac"] == "00005e005301"
    assert anonymous[1]["mac"] != "00005e005302"
    assert anonymous[1]["ssid"] is None


@pytest.mark.parametrize("unknown", [{"is_guest": None}, {"is_guest": 1}, {}], ids=["null", "odd", "not said"])
def test_of_whom_nobody_says_whether_they_are_guests_they_are(unknown: dict[str, Any]) -> None:
    bare = {key: value for key, value in client(1).items() if key != "is_guest"} | unknown
    assert found(Levels(), [bare], guests=Shown.HIDDEN) == []
    (anonymous,) = found(Levels(), [bare])
    assert (anonymous["mac"] == bare["mac"], anonymous["ssid"]) == (False, None)
    (shown,) = found(Levels(), [bare], guests=Shown.SHOWN)
    assert shown["mac"] == bare["mac"]


def test_what_has_no_time_is_left_out() -> None:
    assert found(Levels(), [{**client(1), "last_seen": None}]) == []


@pytest.mark.parametrize("odd", [None, "text", {}, {"mac": None, "last_seen": int(NOW)}, []])
def test_what_is_no_client_costs_no_other(odd: Any) -> None:
    assert len(found(Levels(), [odd, client(1)])) == 1


def test_maps_that_are_not_mapped_have_no_records() -> None:
    assert Levels().of_map("m9", [client()], PLANS, stale=False, guests=Shown.SHOWN, now=NOW, oldest=0) == []


def test_maps_that_went_are_forgotten() -> None:
    levels, clients = Levels(), [client(1)]
    first = found(levels, clients)
    levels.keep_only({})
    assert found(levels, clients)[0] is not first[0]


def test_anonymous_devices_come_last_in_the_order_of_their_stand_ins_and_their_times_are_coarse() -> None:
    clients = [client(number, guest=number % 2 == 0) for number in range(1, 20)]
    records = found(Levels(), clients)
    real = [each["mac"] for each in records if each["last_seen"] % 60 or each["os"]]
    anonymous = [each for each in records if each["ssid"] is None]
    assert [each["mac"] for each in records[: len(real)]] == [each["mac"] for each in clients if not each["is_guest"]]
    assert [each["mac"] for each in anonymous] == sorted(each["mac"] for each in anonymous)
    assert {each["last_seen"] % 60 for each in anonymous} == {0}


def test_anonymous_devices_do_not_age_early_because_their_times_are_coarse() -> None:
    stand_in = {**client(1), "last_seen": coarse(NOW - 301), "anonymous": True}
    assert NOW - stand_in["last_seen"] == 360
    assert len(found(Levels(), [stand_in])) == 1
    (record,) = found(Levels(), [stand_in], now=NOW + 59, oldest=NOW - 301)
    assert record["last_seen"] == stand_in["last_seen"]
    assert found(Levels(), [stand_in], now=NOW + 60, oldest=NOW - 300) == []
    guest = client(1, age=301, guest=True)
    assert len(found(Levels(), [guest], now=NOW + 59, oldest=NOW - 301)) == 1
    assert found(Levels(), [guest], now=NOW + 60, oldest=NOW - 300) == [], "of a guest the very second is known"


def test_a_stand_in_is_not_replaced_by_another() -> None:
    known = {**client(1), "anonymous": True}
    (record,) = found(Levels(), [known], guests=Shown.SHOWN)
    assert (record["mac"], record["os"], record["ssid"], record["manufacturer"]) == (known["mac"], None, None, None)


@pytest.mark.parametrize(("guests", "shown"), [(Shown.SHOWN, 3), (Shown.ANONYMOUS, 1), (Shown.HIDDEN, 1)])
def test_of_whom_only_the_place_is_known_may_be_a_guest(guests: Shown, shown: int) -> None:
    clients = [client(1), {**client(2), "is_guest": None}, client(3, guest=True)]
    records = found(Levels(), clients, guests=guests)
    assert len([record for record in records if record["mac"].startswith("00005e")]) == shown
    assert len(records) == (1 if guests is Shown.HIDDEN else 3)
