from math import isclose

import orjson
import pytest

from mistlocate.simulator import Campus, World
from mistlocate.simulator.people import Device, Report
from mistlocate.simulator.wire import Wire, hardware

ALWAYS = {
    "mac", "site_id", "ap_id", "ap_mac", "bssid", "ssid", "wlan_id", "band", "channel", "proto", "key_mgmt", "rssi",
    "snr", "hostname", "ip", "manufacture", "family", "model", "os", "is_guest", "last_seen", "assoc_time", "uptime",
    "idle_time", "vlan_id", "dual_band", "power_saving", "rx_rate", "tx_rate", "rx_bps", "tx_bps", "rx_bytes",
    "tx_bytes", "rx_pkts", "tx_pkts", "rx_retries", "tx_retries", "type", "_ttl",
}  # fmt: skip
POSITION = {"map_id", "x", "y", "x_m", "y_m", "num_locating_aps", "accuracy"}


@pytest.fixture
def world() -> World:
    made = World(Campus(seed=7, people=60, floors=3))
    made.step(60.0)
    return made


def some(world: World, **wanted: object) -> Device:
    return next(
        device
        for device in world.devices.values()
        if all(getattr(device, name) == value for name, value in wanted.items())
    )


def test_every_record_has_the_usual_fields_and_the_usual_size(world: World) -> None:
    records = [Wire(world).client(device) for device in world.devices.values()]
    assert all(record.keys() >= ALWAYS for record in records)
    sizes = [len(orjson.dumps(record)) for record in records]
    assert 1000 < sum(sizes) / len(sizes) < 1250


def test_pixels_are_metres_times_ppm(world: World) -> None:
    device = some(world, located=True)
    record = Wire(world).client(device)
    plan = world.maps[record["map_id"]]
    assert isclose(record["x"], record["x_m"] * plan.ppm, abs_tol=1e-3)
    assert isclose(record["y"], record["y_m"] * plan.ppm, abs_tol=1e-3)
    truth = world.truth(device.mac)
    assert (truth.reported_x, truth.reported_y, truth.last_seen) == (record["x"], record["y"], record["last_seen"])


def test_position_keys_are_absent_not_null_when_unlocated(world: World) -> None:
    record = Wire(world).client(some(world, located=False))
    assert record.keys().isdisjoint(POSITION)
    assert None not in record.values()


def test_identity_comes_in_the_field_where_the_cloud_has_it(world: World) -> None:
    wire = Wire(world)
    dot1x = wire.client(some(world, kind="dot1x"))
    psk = wire.client(some(world, kind="psk"))
    guest = wire.client(some(world, kind="guest"))
    assert dot1x["username"]
    assert "psk_id" not in dot1x
    assert psk["psk_id"] in world.psks
    assert "username" not in psk
    assert guest["is_guest"]
    assert guest["guest"]["authorized"] is True
    assert guest["guest"]["authorized_expiring_time"] > guest["guest"]["authorized_time"]
    assert guest["vlan_id"] == ""


def test_numbers_and_strings_are_what_the_cloud_makes_them(world: World) -> None:
    for device in world.devices.values():
        record = Wire(world).client(device)
        assert isinstance(record["vlan_id"], str)
        assert record["band"] in {"24", "5", "6"}
        assert isinstance(record["rssi"], int)
        assert record["uptime"] >= 0
        assert record["ap_id"].endswith(record["ap_mac"])


def test_made_up_addresses_tell_no_manufacturer(world: World) -> None:
    random = next(device for device in world.devices.values() if device.random_mac)
    assert hardware(random)[:3] == ("Unknown", "", "")
    assert hardware(some(world, form="laptop"))[0] != "Unknown"


def test_only_the_single_record_has_zones(world: World) -> None:
    wire = Wire(world)
    details = [wire.client_detail(device) for device in world.devices.values()]
    assert all(detail.keys() >= {"zones", "rssizones", "vbeacons", "wxrule_id", "wxrule_usage"} for detail in details)
    zones = [zone for detail in details for zone in detail["zones"]]
    assert zones
    assert all(zone["since"] <= world.now for zone in zones)
    assert "zones" not in wire.client(some(world, located=True))


def test_a_slim_position_has_no_identity_and_no_time(world: World) -> None:
    device = some(world, located=True)
    assert device.report is not None
    record = Wire(world).position(device, device.report)
    assert record is not None
    assert record.keys() == {
        "mac", "map_id", "x", "y", "x_m", "y_m", "num_locating_aps", "rssi", "connected_ap", "_ttl",
    }  # fmt: skip
    assert Wire(world).position(device, Report(0.0, None, -60.0)) is None


def test_unconnected_clients_differ_between_list_and_stream(world: World) -> None:
    wire = Wire(world)
    listed = [wire.passer(passer) for passer in world.street.passers]
    live = [wire.passer(passer, live=True) for passer in world.street.passers]
    assert all("_ttl" not in record and isinstance(record["rssi"], int) for record in listed)
    assert all("_ttl" in record for record in live)
    assert any(record["map_id"] is None and "x" not in record for record in listed)


def test_access_points_are_placed_in_pixels_or_not_at_all(world: World) -> None:
    wire = Wire(world)
    records = [wire.ap(ap) for ap in world.aps_of(world.site.id)]
    placed = [record for record in records if record["map_id"]]
    assert all(0 < record["x"] < world.maps[record["map_id"]].width for record in placed)
    assert [record["name"] for record in records if record["map_id"] is None] == ["AP-NEW"]
    assert {record["status"] for record in records} == {"connected", "disconnected"}
    assert sum(record["num_clients"] for record in records) > 0
    assert wire.ap(world.aps_of(world.site.id)[0], full=False).keys() < records[0].keys()


def test_skew_shifts_every_time(world: World) -> None:
    device = some(world, located=True)
    right, wrong = Wire(world).client(device), Wire(world, lambda: 90.0).client(device)
    assert wrong["last_seen"] - right["last_seen"] == 90
    assert wrong["assoc_time"] - right["assoc_time"] == 90
    assert wrong["uptime"] == right["uptime"]
