"""Faults that the original drivers of PlaceOS for Juniper Mist have. Each test would fail on them; here it passes."""

import asyncio
import json
import logging
from pathlib import Path
from typing import Any

import pytest

from mistlocate.driver.command import Level
from mistlocate.engines.embedded import logs
from mistlocate.simulator import Campus
from support.site import Site, site
from support.waiting import until

EMPTY = Campus(seed=1, people=0, floors=2, passers=0)


async def put(it: Site, username: str | None, floor: int = 0, x: float = 10.0, y: float = 20.0) -> str:
    mac = it.cloud.stage.add_device(username=username, map_id=it.maps[floor], x=x, y=y)
    await it.located(mac)
    return mac


def data(channel: str, record: Any) -> str:
    return json.dumps({"event": "data", "channel": channel, "data": json.dumps(record)})


async def test_locating_somebody_finds_them(tmp_path: Path) -> None:
    """There: `locate` reads a status that nobody writes any more."""
    async with site(tmp_path, EMPTY) as it:
        await it.live()
        mac = await put(it, "alice@example.com")
        assert [each["mac"] for each in await it.locations("locate_user", "alice@example.com")] == [mac]


async def test_an_old_position_that_is_repeated_does_not_look_fresh(tmp_path: Path) -> None:
    """There: frames of the map channel are stamped with the present."""
    async with site(tmp_path, EMPTY) as it:
        await it.live()
        mac = await put(it, "alice@example.com")
        old = int(it.cloud.now()) - 900
        record = {"mac": mac, "map_id": it.maps[1], "x": 1.0, "y": 2.0, "last_seen": old}
        it.cloud.send_raw(data(f"/sites/{it.cloud.site_id}/stats/maps/{it.maps[1]}/clients", record))
        await it.clock.sleep(3)
        (found,) = await it.locations("locate_user", "alice@example.com")
        assert found["mist_map_id"] == it.maps[0]
        assert found["last_seen"] > old + 600


async def test_who_left_is_forgotten(tmp_path: Path) -> None:
    """There: nothing is ever removed."""
    async with site(tmp_path, EMPTY, websocket={"forget_after": 5}, rate=120) as it:
        await it.live()
        mac = await put(it, "alice@example.com")
        it.cloud.stage.leave(mac)
        await until(lambda: it.status(it.maps[0]) == [])
        assert await it.mist("clients") == []


async def test_an_unlocated_client_costs_nobody_their_place(tmp_path: Path) -> None:
    """There: one client without map_id, x and y breaks the parsing of the whole list."""
    async with site(tmp_path, EMPTY) as it:
        await it.live()
        mac = await put(it, "alice@example.com")
        it.cloud.faults.inject("map_clients", [{"mac": "00005e0053ff", "ssid": "Corp"}])
        await it.broken()
        await it.live()
        assert it.published(mac)


async def test_no_access_points_is_no_division_by_zero(tmp_path: Path) -> None:
    async with site(tmp_path, EMPTY) as it:
        await it.live()
        mac = await put(it, "alice@example.com")
        record = {"mac": mac, "map_id": it.maps[0], "x": 1.0, "y": 2.0, "num_locating_aps": 0}
        it.cloud.send_raw(data(f"/sites/{it.cloud.site_id}/stats/maps/{it.maps[0]}/clients", record))
        await until(lambda: it.published(mac).get("x") == 1.0)
        (found,) = await it.locations("locate_user", "alice@example.com")
        assert found["variance"] == 15.0


async def test_the_same_name_in_another_domain_is_somebody_else(tmp_path: Path) -> None:
    """There: the domain is cut off."""
    async with site(tmp_path, EMPTY) as it:
        await it.live()
        await put(it, "alice@a.example")
        mac = await put(it, "alice@b.example")
        assert [each["mac"] for each in await it.locations("locate_user", "alice@b.example")] == [mac]


async def test_names_to_be_ignored_are_ignored_in_lists_and_in_frames(tmp_path: Path) -> None:
    """There: the setting is read and never applied."""
    async with site(tmp_path, EMPTY) as it:
        mac = it.cloud.stage.add_device(username="host/lt-1", map_id=it.maps[0], x=1.0, y=2.0)
        await it.complete()
        it.cloud.stage.emit_stats(mac)
        await it.clock.sleep(3)
        assert await it.locations("check_ownership_of", mac) is None


async def test_owners_are_known_with_the_first_snapshot(tmp_path: Path) -> None:
    """There: only frames that come later teach owners."""
    async with site(tmp_path, EMPTY) as it:
        await it.live()
        mac = await put(it, "alice@example.com")
        it.cloud.faults.mute()
        await it.host("MistWebsocket_1").stop()
        await it.engine.store.write_hash("mod-sys-1-MistWebsocket-1", "user_macs", {mac: None, "alice": None})
        it.host("MistWebsocket_1").start()
        await it.complete()
        assert (await it.locations("check_ownership_of", mac))["assigned_to"] == "alice"


async def test_the_region_of_the_tenant_is_used(tmp_path: Path) -> None:
    """There: REST always goes to Global 01."""
    async with site(tmp_path, EMPTY) as it:
        await it.live()
        assert (await it.diagnostics())["hosts"]["rest"] == it.cloud.url


async def test_a_change_of_settings_adds_no_timers(tmp_path: Path) -> None:
    """There: each one starts a second set."""
    async with site(tmp_path, EMPTY) as it:
        await it.live()
        tasks = len(asyncio.all_tasks())
        for number in range(10):
            await it.engine.reload(it.reconfigured({"publish_interval": 1 + number, "read_timeout": 10 + number}))
            await it.clock.sleep(1)
        await it.live()
        await until(lambda: len(asyncio.all_tasks()) == tasks)
        assert len(it.cloud.sessions) == 1


async def test_keeping_alive_costs_no_rest_calls_and_no_subscriptions(tmp_path: Path) -> None:
    """There: subscriptions and the list of maps every 45 s."""
    async with site(tmp_path, EMPTY, websocket={"maps_interval": 60}) as it:
        await it.live()
        (session,) = it.cloud.sessions
        lists, answered = len(it.requests("/maps")), session.sent
        await it.clock.sleep(150)
        assert len(it.requests("/maps")) == lists
        assert session.sent == answered


async def test_a_subscription_without_acknowledgement_is_noticed(tmp_path: Path) -> None:
    async with site(tmp_path, EMPTY) as it:
        await it.live()
        it.cloud.faults.drop_acks(f"maps/{it.maps[0]}/")
        await it.broken()
        await it.state("degraded")
        assert it.maps[0] in it.status("problems")["unanswered_channels"][0]


async def test_a_levels_name_or_size_is_no_zone(tmp_path: Path) -> None:
    """There: any value of a mapping matches."""
    async with site(tmp_path, EMPTY) as it:
        await it.live()
        await put(it, "alice@example.com")
        mappings = it.host("MistLocations_1").settings["floorplan_mappings"]
        changed = {
            **mappings,
            it.maps[0]: {**mappings[it.maps[0]], "level_name": "free text", "width": 1234, "height": 99},
        }
        await it.engine.reload(it.reconfigured(locations={"floorplan_mappings": changed}))
        assert len(await it.locations("device_locations", "zone-0")) == 1
        for text in ("free text", "1234", "1234.0", "99"):
            assert await it.locations("device_locations", text) == []


async def test_width_and_height_are_two_things(tmp_path: Path) -> None:
    """There: a missing height copies the width."""
    async with site(tmp_path, EMPTY) as it:
        await it.live()
        await put(it, "alice@example.com")
        (found,) = await it.locations("device_locations", "zone-0")
        plan = it.cloud.world.maps[it.maps[0]]
        assert (found["map_width"], found["map_height"]) == (plan.width, plan.height)
        assert plan.width != plan.height


async def test_a_google_map_places_people_and_tells_degrees(tmp_path: Path) -> None:
    """There: such maps are skipped."""
    async with site(tmp_path, EMPTY) as it:
        await it.live()
        await put(it, "alice@example.com", 2, 675.0, 450.0)
        (found,) = await it.locations("device_locations", "zone-2")
        known = next(each for each in it.status("maps") if each["id"] == it.maps[2])
        middle = (known["latlng_tl"]["lat"] + known["latlng_br"]["lat"]) / 2
        assert found["lat"] == pytest.approx(middle)
        assert found["s2_cell_id"]


async def test_the_token_is_not_logged_at_any_level(
    tmp_path: Path, caplog: pytest.LogCaptureFixture, capsys: pytest.CaptureFixture[str]
) -> None:
    """There: debug logging prints all request headers."""
    logs.configure("debug", "text")
    caplog.set_level(logging.DEBUG)
    for name in list(logging.root.manager.loggerDict):
        if not name.startswith("mistlocate.simulator"):
            caplog.set_level(logging.DEBUG, logger=name)
    async with site(tmp_path) as it:
        await it.complete()
        await it.mist("maps")
        it.cloud.faults.refuse_handshakes(401)
        await it.broken()
        await it.state("auth_failed")
        printed = caplog.text + "".join(capsys.readouterr())
        assert "stream state" in printed
        assert it.cloud.token not in printed
        assert "jwt=" not in printed


async def test_only_maps_that_changed_are_published(tmp_path: Path) -> None:
    """There: all maps are compared and encoded anew every three seconds."""
    async with site(tmp_path, EMPTY) as it:
        await it.live()
        moving, _ = await put(it, None, 0), await put(it, None, 1)
        still = it.engine.board.get(it.host("MistWebsocket_1").spec.id, it.maps[1])
        for step in range(5):
            it.cloud.stage.place(moving, it.maps[0], 20.0 + step, 20.0)
            await until(lambda step=step: it.published(moving).get("x") == 20.0 + step)
        assert it.engine.board.get(it.host("MistWebsocket_1").spec.id, it.maps[1]) is still


async def test_who_may_ask_is_decided(tmp_path: Path) -> None:
    """There: whoever may execute anything may read everything."""
    async with site(tmp_path, EMPTY) as it:
        driver = it.host("MistWebsocket_1").driver
        assert driver.status_info(it.maps[0]).level is Level.SUPPORT


async def test_twenty_frames_of_an_unknown_client_cost_one_call_and_none_is_thrown_away(tmp_path: Path) -> None:
    """There: twenty calls, and the coordinates of the frames are lost."""
    async with site(tmp_path, EMPTY) as it:
        await it.live()
        it.cloud.faults.mute()
        mac = it.cloud.stage.add_device(username="alice@example.com", map_id=it.maps[0], x=1.0, y=2.0)
        it.cloud.faults.unmute()
        it.cloud.faults.rest(f"/stats/clients/{mac}", delay=4)
        for step in range(20):
            it.cloud.stage.place(mac, it.maps[0], float(step), 20.0)
        await until(lambda: it.published(mac).get("x") == 19.0)
        await until(lambda: it.owns("alice@example.com"))
        assert len(it.requests(f"/stats/clients/{mac}")) == 1


async def test_an_emptied_map_is_published_empty_and_a_deleted_one_goes(tmp_path: Path) -> None:
    """There: the last list stays for ever."""
    async with site(tmp_path, EMPTY, websocket={"maps_interval": 1}, rate=120) as it:
        await it.live()
        mac = await put(it, None, 0)
        it.cloud.stage.place(mac, it.maps[1], 1.0, 2.0)
        await until(lambda: it.status(it.maps[0]) == [])
        gone = it.maps[1]
        it.cloud.stage.remove_map(gone)
        await until(lambda: it.status(gone) is None)


@pytest.mark.parametrize("listing", ["maps", "map_clients"])
async def test_a_malformed_item_or_a_failing_snapshot_freezes_no_floor(tmp_path: Path, listing: str) -> None:
    """There: publishing stops until the next reconnect."""
    async with site(tmp_path, EMPTY) as it:
        await it.live()
        mac = await put(it, None)
        it.cloud.faults.inject(listing, [None, 7, {"id": [5], "mac": [5]}, "x"])
        it.cloud.faults.rest("/stats/maps/", status=500, times=2)
        await it.broken()
        await it.live()
        it.cloud.send_raw("not json")
        it.cloud.send_raw(data(f"/sites/{it.cloud.site_id}/stats/clients", [None, {"mac": 1}]))
        it.cloud.stage.place(mac, it.maps[0], 99.0, 1.0)
        await until(lambda: it.published(mac).get("x") == 99.0)
        assert (await it.diagnostics())["records"]["rejected"] >= 4


async def test_a_burst_leaves_commands_quick_and_nothing_behind(tmp_path: Path) -> None:
    """There: every frame gets a fiber of its own, and a command waited for seconds."""
    async with site(tmp_path, EMPTY) as it:
        await it.live()
        macs = [await put(it, None) for _ in range(5)]
        tasks = len(asyncio.all_tasks())
        channel = f"/sites/{it.cloud.site_id}/stats/maps/{it.maps[0]}/clients"
        loop, waited = asyncio.get_running_loop(), 0.0
        for step in range(4000):
            it.cloud.send_raw(data(channel, {"mac": macs[step % 5], "map_id": it.maps[0], "x": float(step), "y": 1.0}))
            if step % 400 == 0:
                began = loop.time()
                await it.locations("device_locations", "zone-0")
                waited = max(waited, loop.time() - began)
        await until(lambda: it.published(macs[4]).get("x") == 3999.0)
        assert (await it.diagnostics())["stream"]["frames"] >= 4000
        assert len(asyncio.all_tasks()) <= tasks
        assert waited < 1.0
