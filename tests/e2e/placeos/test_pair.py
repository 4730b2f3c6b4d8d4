"""The pair in two processes, as an integrator sees it: the simulator's truth through core and Redis."""

from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest

from mistlocate import __version__
from mistlocate.simulator import Truth
from support.placeos_site import LOCATIONS, MIST, PlaceosSite, placeos_site
from support.waiting import until

pytestmark = pytest.mark.needs("redis-server")


@pytest.fixture
async def site(tmp_path: Path) -> AsyncIterator[PlaceosSite]:
    async with placeos_site(tmp_path) as running:
        await running.complete()
        yield running


def people_with_names(site: PlaceosSite) -> list[Truth]:
    """Devices of people whom the network names and that are on a map."""
    truths = site.cloud.world.truths()
    return [each for each in truths if each.kind == "dot1x" and each.username and each.mac in site.present]


def near(record: dict[str, Any], truth: Truth) -> bool:
    assert truth.reported_x is not None
    assert truth.reported_y is not None
    return abs(record["x"] - truth.reported_x) < 0.01 and abs(record["y"] - truth.reported_y) < 0.01


async def test_everybody_is_found_where_the_cloud_reports_them(site: PlaceosSite) -> None:
    named = people_with_names(site)
    assert named, "the campus has nobody to be found"
    for truth in named:
        owner = str(truth.owner)
        found = {record["mac"]: record for record in await site.ask("locate_user", owner)}
        record = found[truth.mac]
        assert near(record, truth)
        assert record["mist_map_id"] == truth.reported_map_id
        assert (record["building"], record["level"]) == ("zone-b", f"zone-{site.maps.index(record['mist_map_id'])}")
        assert (record["location"], record["coordinates_from"], record["stale"]) == ("wireless", "top-left", False)
        assert truth.mac in await site.ask("macs_assigned_to", owner)
        bare = owner.partition("@")[0].lower()
        answer = await site.ask("check_ownership_of", truth.mac.upper())
        assert answer == {"location": "wireless", "assigned_to": bare, "mac_address": truth.mac}
    assert await site.ask("locate_user", "nobody@example.com") == []
    assert await site.ask("macs_assigned_to", "nobody@example.com") == []
    assert await site.ask("check_ownership_of", "00005e0053ff") is None


async def test_every_zone_lists_the_devices_of_its_maps_and_no_others(site: PlaceosSite) -> None:
    def on(map_id: str) -> set[str]:
        return {
            each.mac
            for each in site.cloud.world.truths()
            if each.mac in site.present and each.reported_map_id == map_id
        }

    for number, map_id in enumerate(site.maps):
        # Guests are counted, not named.
        named = {record["mac"] for record in await site.ask("device_locations", f"zone-{number}")}
        guests = {each.mac for each in site.cloud.world.truths() if each.kind == "guest"}
        assert named >= on(map_id) - guests
        assert len(named) == len(on(map_id))
    for zone in ("zone-b", "zone-c"):
        assert len(await site.ask("device_locations", zone)) == len(site.present)
    assert await site.ask("device_locations", "zone-elsewhere") == []
    assert await site.ask("device_locations", "zone-b", "desk") == []


async def test_a_step_in_the_building_is_a_step_in_the_answer(site: PlaceosSite) -> None:
    truth = people_with_names(site)[0]
    there = next(map_id for map_id in site.maps if map_id != truth.reported_map_id)
    site.cloud.stage.place(truth.mac, there, 40.0, 50.0)

    async def arrived() -> bool:
        found = await site.ask("locate_user", str(truth.owner))
        return any((each["mist_map_id"], each["x"], each["y"]) == (there, 40.0, 50.0) for each in found)

    await until(arrived)

    async def told() -> bool:
        return truth.mac in {record["mac"] for record in await site.status(there)}

    await until(told)
    assert truth.reported_map_id is not None
    assert truth.mac not in {record["mac"] for record in await site.status(truth.reported_map_id)}


async def test_the_statuses_tell_what_an_operator_has_to_know(site: PlaceosSite) -> None:
    mist = await site.core.statuses(MIST)
    assert mist["stream_state"] == "live"
    assert mist["connected"] is True
    assert mist["driver"] == {"name": "mistlocate", "version": __version__}
    assert mist["problems"] == {}
    assert mist["freshness"] == {"stale": False, "stale_maps": []}
    assert [each["id"] for each in mist["maps"]] == [each["id"] for each in await site.mist("maps")]
    assert {each["id"] for each in mist["maps"]} == set(site.maps)
    assert set(site.maps) <= mist.keys()
    assert "settings_problem" not in mist
    locations = await site.core.statuses(LOCATIONS)
    assert locations["connected"] is True
    assert locations["driver"] == {"name": "mistlocate", "version": __version__}

    added = site.cloud.stage.add_map("Attic")
    await site.mist("sync_clients")

    async def unmapped() -> bool:
        return added in ((await site.status("problems", LOCATIONS)) or {}).get("unmapped_maps", ())

    await until(unmapped)

    async def listed() -> bool:
        return bool(await site.status(added) == [])

    await until(listed)
    assert [each["id"] for each in await site.ask("unmapped_maps")] == [added]


async def test_arguments_with_a_default_may_be_left_out_and_unknown_names_are_ignored(site: PlaceosSite) -> None:
    interface = (await site.core.interface(LOCATIONS))["interface"]
    assert list(interface["locate_user"]) == ["email", "username"]
    assert [schema["default"] for schema in interface["locate_user"].values()] == [None, None]
    assert "default" not in interface["device_locations"]["zone_id"]
    owner = str(people_with_names(site)[0].owner)
    by_place = await site.ask("locate_user", owner)
    assert by_place
    assert await site.ask("locate_user", email=owner) == by_place
    assert await site.ask("locate_user", username=owner, colour="blue", email=None) == by_place
    assert await site.ask("locate_user") == []
    assert len(await site.ask("device_locations", zone_id="zone-b", unheard_of=[1])) == len(site.present)


async def test_the_interface_in_redis_carries_the_notes_of_the_row(tmp_path: Path) -> None:
    async with placeos_site(tmp_path) as site:
        model = {**site.locations.modules[LOCATIONS], "notes": "ask the front desk \u00fc"}
        await site.locations.stop(LOCATIONS)
        await site.locations.start(LOCATIONS, model)
        interface = await site.core.interface(LOCATIONS)
    assert interface["notes"] == "ask the front desk \u00fc"
    assert interface["implements"] == ["PlaceOS::Driver::Interface::Locatable", "Interface::Locatable"]
    assert interface["requirements"] == {"MistWebsocket_1": []}
    locatable = {"locate_user", "macs_assigned_to", "check_ownership_of", "device_locations"}
    assert locatable <= interface["interface"].keys()
    assert not locatable & {name for names in interface["security"].values() for name in names}
