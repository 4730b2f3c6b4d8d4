"""The commands of MistLocations, with MistWebsocket and the simulated cloud behind them."""

import json
from pathlib import Path
from typing import Any

import pytest

from mistlocate.driver.command import Level, commands_of
from mistlocate.driver.named import Named
from mistlocate.drivers.mist_locations.driver import MistLocations
from mistlocate.errors import BadArguments
from mistlocate.simulator import Campus
from support.site import Site, site
from support.waiting import until

EMPTY = Campus(seed=1, people=0, floors=2, passers=0)


async def put(it: Site, username: str | None, floor: int = 0, x: float = 10.0, y: float = 20.0, **more: Any) -> str:
    """A device on a floor, as soon as it is published there."""
    mac = it.cloud.stage.add_device(username=username, map_id=it.maps[floor], x=x, y=y, **more)
    await it.located(mac)
    return mac


async def change(it: Site, **settings: Any) -> None:
    await it.engine.reload(it.reconfigured(locations=settings))


class TestLocatingSomebody:
    async def test_building_level_place_and_age(self, tmp_path: Path) -> None:
        async with site(tmp_path, EMPTY) as it:
            await it.live()
            mac = await put(it, "alice@example.com", 1, 123.5, 45.0)
            (found,) = await it.locations("locate_user", "alice@example.com")
            assert (found["mac"], found["building"], found["level"]) == (mac, "zone-b", "zone-1")
            assert (found["x"], found["y"], found["mist_map_id"]) == (123.5, 45.0, it.maps[1])
            assert found["map_width"] == it.cloud.world.maps[it.maps[1]].width
            assert abs(found["last_seen"] - it.clock.wall()) < 60
            assert found["stale"] is False

    async def test_either_name_may_match_and_several_devices_come_newest_first(self, tmp_path: Path) -> None:
        async with site(tmp_path, EMPTY) as it:
            await it.live()
            first = await put(it, "alice@example.com")
            await it.clock.sleep(5)
            second = await put(it, "EXAMPLE\\alice.m", 1)
            await it.clock.sleep(5)
            third = await put(it, "alice@example.com", 1)
            found = await it.locations("locate_user", "alice@example.com", "alice.m")
            assert [each["mac"] for each in found] == [third, second, first]
            assert len(await it.locations("locate_user", None, "alice.m")) == 1
            assert await it.locations("locate_user", username="nobody") == []
            assert await it.locations("locate_user") == []

    async def test_old_positions_are_not_answered(self, tmp_path: Path) -> None:
        async with site(tmp_path, EMPTY, rate=150) as it:
            await it.live()
            mac = await put(it, "alice@example.com")
            await it.clock.sleep(370)
            assert await it.locations("locate_user", "alice@example.com") == []
            assert await it.locations("device_locations", "zone-0") == []
            assert mac in it.on_map(it.maps[0]), "it is not forgotten yet"
            await change(it, max_location_age=30)
            (found,) = await until(lambda: it.locations("locate_user", "alice@example.com"))
            assert found["mac"] == mac

    async def test_a_record_that_is_old_in_the_cloud_is_old_here_however_lately_it_was_heard_of(
        self, tmp_path: Path
    ) -> None:
        async with site(tmp_path, EMPTY, rate=150) as it:
            await it.live()
            mac = it.cloud.stage.add_device(username="alice@example.com", map_id=it.maps[0], x=1.0, y=2.0)
            await it.located(mac)
            await it.clock.sleep(400)
            it.cloud.stage.emit_stats(mac, age=380)
            await until(lambda: it.tracker().roster.clients[mac].heard > it.clock.monotonic() - 100)
            assert await it.locations("locate_user", "alice@example.com") == []

    async def test_people_on_maps_that_nobody_mapped_are_not_answered(self, tmp_path: Path) -> None:
        async with site(tmp_path, EMPTY) as it:
            await it.live()
            await put(it, "alice@example.com", 1)
            mappings = dict(it.host("MistLocations_1").settings["floorplan_mappings"])
            unmapped = mappings.pop(it.maps[1])
            await change(it, floorplan_mappings=mappings)
            await until(lambda: it.status("problems", "MistLocations_1").get("unmapped_maps") == [it.maps[1]])
            assert await it.locations("locate_user", "alice@example.com") == []
            assert [each["id"] for each in await it.locations("unmapped_maps")] == [it.maps[1]]
            await change(it, floorplan_mappings={**mappings, it.maps[1]: unmapped})
            await until(lambda: it.status("problems", "MistLocations_1") == {})
            assert len(await it.locations("locate_user", "alice@example.com")) == 1

    async def test_keys_of_mappings_that_look_misspelt_are_said(self, tmp_path: Path) -> None:
        async with site(tmp_path, EMPTY) as it:
            await it.live()
            mappings = dict(it.host("MistLocations_1").settings["floorplan_mappings"])
            misspelt = {"bulding": "zone-b", "campus": "zone-b", "level": "zone-0"}
            await change(it, floorplan_mappings={**mappings, it.maps[0]: misspelt})
            expected = {"unusual_keys": {it.maps[0]: ["bulding"]}}
            await until(lambda: it.status("problems", "MistLocations_1") == expected)

    async def test_the_clouds_clock_decides_about_age(self, tmp_path: Path) -> None:
        async with site(tmp_path, EMPTY) as it:
            await it.live()
            it.cloud.faults.skew(-7200)
            await it.broken()
            await it.live()
            await until(lambda: (it.status("clock_offset") or 0) < -7000)
            await put(it, "alice@example.com")
            assert len(await it.locations("locate_user", "alice@example.com")) == 1

    async def test_what_nobody_vouches_for_is_marked(self, tmp_path: Path) -> None:
        """Another program may write the lists of maps, and tell nothing of how fresh they are."""
        async with site(tmp_path, EMPTY) as it:
            await it.live()
            await put(it, "alice@example.com")
            assert [each["stale"] for each in await it.locations("locate_user", "alice@example.com")] == [False]

            async def marked() -> bool:
                it.engine.board.set(it.host("MistWebsocket_1").spec.id, "freshness", None)
                return [each["stale"] for each in await it.locations("locate_user", "alice@example.com")] == [True]

            await until(marked)


class TestZones:
    async def test_of_whom_only_the_place_is_known_is_treated_as_a_guest(self, tmp_path: Path) -> None:
        async with site(tmp_path, EMPTY) as it:
            await it.live()
            mac = "0a005e00cccc"
            unknown = it.cloud.faults.rest(f"/stats/clients/{mac}", status=404)
            channel = f"/sites/{it.cloud.site_id}/stats/maps/{it.maps[0]}/clients"
            position = {"mac": mac, "map_id": it.maps[0], "x": 5.0, "y": 6.0}
            it.cloud.send_raw(json.dumps({"event": "data", "channel": channel, "data": json.dumps(position)}))
            await it.located(mac)
            await until(lambda: any(mac in path for path in it.requests("/stats/clients/")))

            async def shown(number: int) -> list[list[str]]:
                found = [each["mac"] for each in await it.locations("device_locations", "zone-0")]
                return [found] if len(found) == number else []

            assert (await until(lambda: shown(1))) != [[mac]], "counted"
            await change(it, guests="hidden")
            await until(lambda: shown(0))
            await change(it, guests="shown")
            assert await until(lambda: shown(1)) == [[mac]]
            await change(it, guests="hidden")
            await until(lambda: shown(0))
            it.cloud.faults.forget(unknown)
            channel = f"/sites/{it.cloud.site_id}/stats/clients"
            record = {
                **position,
                "site_id": it.cloud.site_id,
                "last_seen": it.cloud.now(),
                "username": "al@example.com",
            }
            it.cloud.send_raw(json.dumps({"event": "data", "channel": channel, "data": json.dumps(record)}))
            assert await until(lambda: shown(1)) == [[mac]], "it is no guest's after all"

    async def test_a_level_a_building_and_any_other_zone_of_a_mapping(self, tmp_path: Path) -> None:
        async with site(tmp_path, EMPTY) as it:
            await it.live()
            ground, first = await put(it, None, 0), await put(it, None, 1)

            async def macs(zone: str, *location: Any) -> list[str]:
                return [each["mac"] for each in await it.locations("device_locations", zone, *location)]

            assert await macs("zone-0") == [ground]
            assert await macs("zone-1") == [first]
            assert await macs("zone-b") == await macs("zone-c") == [ground, first]
            assert await macs("zone-unknown") == []
            name = it.cloud.world.maps[it.maps[0]].name
            assert await macs(name) == [], "a level's name is no zone"
            assert (
                await macs("zone-0", "wireless") == await macs("zone-0", None) == await macs("zone-0", "") == [ground]
            )
            assert await macs("zone-0", "desk") == []

    async def test_a_device_that_changes_floors_is_on_exactly_one(self, tmp_path: Path) -> None:
        async with site(tmp_path, EMPTY) as it:
            await it.live()
            mac = await put(it, None, 0)
            for floor in (1, 0, 1):
                it.cloud.stage.place(mac, it.maps[floor], 5.0, 6.0)
                await until(lambda floor=floor: mac in it.on_map(it.maps[floor]))
                levels = [each["level"] for each in await it.locations("device_locations", "zone-b")]
                assert levels == [f"zone-{floor}"]

    async def test_the_yard_tells_degrees_and_a_cell(self, tmp_path: Path) -> None:
        async with site(tmp_path, EMPTY) as it:
            await it.live()
            await put(it, "alice@example.com", 2, 0.0, 0.0)
            (found,) = await it.locations("device_locations", "zone-2")
            corner = next(each for each in it.status("maps") if each["id"] == it.maps[2])["latlng_tl"]
            assert (found["lat"], found["lon"]) == (corner["lat"], corner["lng"])
            assert len(found["s2_cell_id"]) == 12
            assert (found["x"], found["y"]) == (0.0, 0.0)

    async def test_a_yard_without_sizes_keeps_its_people_and_not_their_places(self, tmp_path: Path) -> None:
        campus = Campus(seed=1, people=0, floors=1, passers=0, outdoor_sizes=False)
        async with site(tmp_path, campus) as it:
            await it.live()
            await put(it, "alice@example.com", 1)
            (found,) = await it.locations("device_locations", "zone-1")
            assert (found["x"], found["y"], found["map_width"]) == (None, None, -1.0)
            assert it.status("problems", "MistLocations_1")["unplaceable_maps"] == [it.maps[1]]
            assert it.status("problems")["unplaceable_maps"] == [it.maps[1]]

    async def test_unlocated_devices_are_on_no_level(self, tmp_path: Path) -> None:
        async with site(tmp_path, EMPTY) as it:
            await it.live()
            it.cloud.stage.add_device(username="alice@example.com", located=False)
            await until(lambda: it.owns("alice@example.com"))
            assert await it.locations("device_locations", "zone-b") == []
            assert await it.locations("locate_user", "alice@example.com") == []

    async def test_the_maps_of_a_zone_are_read_at_one_moment(
        self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        async with site(tmp_path, EMPTY) as it:
            await it.live()
            mac = await put(it, "alice@example.com", 0)
            mist = it.host("MistLocations_1").life.module._driver._mist  # type: ignore[union-attr]
            read = mist.status

            async def slow(key: str) -> Any:
                found = await read(key)
                if key == it.maps[0]:  # whoever asks for another one after this is told of another moment
                    it.cloud.stage.place(mac, it.maps[1], 5.0, 5.0)
                    await until(lambda: mac in it.on_map(it.maps[1]))
                return found

            monkeypatch.setattr(mist, "status", slow)
            assert [each["mac"] for each in await it.locations("device_locations", "zone-b")] == [mac]


class TestOwnership:
    async def test_whose_a_device_is(self, tmp_path: Path) -> None:
        async with site(tmp_path, EMPTY) as it:
            await it.live()
            mac = await put(it, "Alice@Example.com")
            dashed = "-".join(mac[n : n + 2] for n in range(0, 12, 2)).upper()
            expected = {"location": "wireless", "assigned_to": "alice", "mac_address": mac}
            assert await it.locations("check_ownership_of", dashed) == expected
            assert await it.locations("check_ownership_of", "da1119c0ffee") is None
            assert await it.locations("macs_assigned_to", "alice@example.com", "alice") == [mac]
            assert await it.locations("macs_assigned_to", "nobody@example.com") == []

    async def test_two_people_of_one_name_stay_apart(self, tmp_path: Path) -> None:
        async with site(tmp_path, EMPTY) as it:
            await it.live()
            one, two = await put(it, "alice@a.example"), await put(it, "alice@b.example", 1)
            assert [each["mac"] for each in await it.locations("locate_user", "alice@a.example")] == [one]
            assert [each["mac"] for each in await it.locations("locate_user", "alice@b.example")] == [two]
            assert await it.locations("locate_user", None, "alice") == []
            explained = await it.locations("explain", "alice")
            assert "fits several people" in explained["because"][0]
            assert explained["people"] == ["alice@a.example", "alice@b.example"]

    async def test_a_machine_account_is_nobodys_device(self, tmp_path: Path) -> None:
        async with site(tmp_path, EMPTY) as it:
            await it.live()
            mac = await put(it, "host/lt-1.example.com")
            assert await it.locations("check_ownership_of", mac) is None
            assert await it.locations("locate_user", None, "host/lt-1.example.com") == []
            assert await it.locations("search", "lt-1") == []
            assert [each["mac"] for each in await it.locations("device_locations", "zone-0")] == [mac]

    async def test_a_pin(self, tmp_path: Path) -> None:
        async with site(tmp_path, EMPTY) as it:
            await it.live()
            mac = await put(it, None)
            assert await it.locations("mac_address_mappings", "zoe", [mac], None) == [mac]
            assert (await it.locations("check_ownership_of", mac))["assigned_to"] == "zoe"
            assert [each["mac"] for each in await it.locations("locate_user", "zoe@example.com")] == [mac]


class TestLogins:
    async def test_who_logged_in_at_an_address_owns_the_device_unless_the_network_says_otherwise(
        self, tmp_path: Path
    ) -> None:
        async with site(tmp_path, EMPTY) as it:
            await it.live()
            mac = await put(it, None)
            named = await put(it, "alice@example.com", 1)
            await until(lambda: all(it.tracker().roster.clients[each].known for each in (mac, named)))
            ip, other = (str(it.tracker().roster.clients[each].ip) for each in (mac, named))
            logins = [
                [ip, "Zoe", "example.com", "pc-1"], [other, "mallory", None], ["198.51.100.1", "nobody", "x"],
                [None, "x"], [ip, None, None], [],
            ]  # fmt: skip
            assert await it.locations("ip_username_mappings", logins) == 2
            assert [each["mac"] for each in await it.locations("locate_user", "zoe@example.com")] == [mac]
            assert (await it.locations("check_ownership_of", named))["assigned_to"] == "alice"
            assert "ip" not in it.published(mac), "kept to answer this, and told nobody"


class TestGuests:
    async def test_by_the_rule_of_the_site(self, tmp_path: Path) -> None:
        async with site(tmp_path, Campus(seed=1, people=30, floors=1)) as it:
            await it.complete()
            guest = next(
                mac
                for mac in it.present
                if it.published(mac)["is_guest"] and it.tracker().owners.owner_of(mac, guests=True)
            )
            name = str(it.tracker().owners.owner_of(guest, guests=True).identity)  # type: ignore[union-attr]
            everyone = {each["mac"] for each in await it.locations("device_locations", "zone-b")}
            assert guest not in everyone
            assert len(everyone) == len(it.present), "anonymous, and counted"
            assert await it.locations("locate_user", name) == []
            assert await it.locations("check_ownership_of", guest) is None
            await change(it, guests="shown")
            (found,) = await until(lambda: it.locations("locate_user", name))
            assert found["mac"] == guest
            assert (await it.locations("search", name))[0]["guest"] is True
            await change(it, guests="hidden")
            staff = {mac for mac in it.present if not it.published(mac)["is_guest"]}

            async def hidden() -> bool:
                return {each["mac"] for each in await it.locations("device_locations", "zone-b")} == staff

            await until(hidden)


class TestSearch:
    async def test_the_best_first_with_the_place_of_the_device_seen_last(self, tmp_path: Path) -> None:
        async with site(tmp_path, EMPTY) as it:
            await it.live()
            await put(it, "albert@example.com")
            mac = await put(it, "al@example.com", 1)
            it.cloud.stage.add_device(username="aline@example.com", located=False)
            await until(lambda: it.owns("aline@example.com"))
            found = await it.locations("search", "al")
            assert [each["user"] for each in found] == ["al@example.com", "aline@example.com", "albert@example.com"]
            assert found[0]["location"]["mac"] == mac
            assert found[0]["location"]["level"] == "zone-1"
            assert found[1]["location"] is None
            assert found[0]["devices"] == 1
            assert (await it.locations("search", mac))[0]["user"] == "al@example.com"
            assert len(await it.locations("search", "al", 1)) == 1
            with pytest.raises(BadArguments):
                await it.locations("search", "al", 0)


class TestExplain:
    async def test_what_guests_typed_is_explained_only_where_it_is_answered(self, tmp_path: Path) -> None:
        async with site(tmp_path, EMPTY) as it:
            await it.live()
            mac = await put(it, "visitor@example.com")
            guest, channel = "0a005e00bbbb", f"/sites/{it.cloud.site_id}/stats/clients"
            record = {
                "mac": guest, "site_id": it.cloud.site_id, "map_id": it.maps[0], "x": 5.0, "y": 6.0, "is_guest": True,
                "last_seen": it.cloud.now(), "guest": {"email": "visitor@example.net"},
            }  # fmt: skip
            it.cloud.send_raw(json.dumps({"event": "data", "channel": channel, "data": json.dumps(record)}))
            await until(lambda: it.published(guest).get("is_guest"))
            found = await it.locations("explain", "visitor")
            assert (found["shown"], found["won"]) == (True, mac), "as locate_user answers"
            assert [each["mac"] for each in await it.locations("locate_user", None, "visitor")] == [mac]
            assert (await it.locations("explain", "visitor@example.net"))["devices"] == []
            found = await it.locations("explain", guest)
            assert found["devices"][0]["owner"] is None
            assert found["moves"] == []
            assert "belongs to a guest" in found["because"][0]
            await change(it, guests="shown")

            async def told() -> bool:
                return bool((await it.locations("explain", "visitor@example.net"))["devices"])

            await until(told)

    async def test_why_here(self, tmp_path: Path) -> None:
        async with site(tmp_path, EMPTY) as it:
            await it.live()
            mac = await put(it, "alice@example.com", 0)
            it.cloud.stage.place(mac, it.maps[1], 1.0, 2.0)
            await until(lambda: mac in it.on_map(it.maps[1]))
            found = await it.locations("explain", "alice@example.com")
            assert (found["shown"], found["won"]) == (True, mac)
            (device,) = found["devices"]
            assert device["owner"]["source"] == "dot1x"
            assert device["mapping"]["level"] == "zone-1"
            assert device["location"]["mac"] == mac
            assert [move["to_map"] for move in found["moves"]] == [it.maps[1], it.maps[0]]
            assert found["stream"]["state"] in ("live", "quiet")

    async def test_why_not_here(self, tmp_path: Path) -> None:
        async with site(tmp_path, EMPTY, rate=150) as it:
            await it.live()
            mac = await put(it, "alice@example.com")
            it.cloud.stage.leave(mac)
            await it.clock.sleep(400)
            found = await it.locations("explain", mac)
            assert found["kind"] == "device"
            assert not found["shown"]
            assert "max_location_age" in found["because"][0]
            assert (await it.locations("explain", "nobody"))["because"] == [
                "no device is known to belong to anybody of this name"
            ]


class TestProblems:
    async def test_two_maps_on_one_level(self, tmp_path: Path) -> None:
        async with site(tmp_path, EMPTY) as it:
            await it.live()
            mappings = {map_id: {"building": "zone-b", "level": "zone-0"} for map_id in it.maps[:2]}
            await change(it, floorplan_mappings=mappings)
            await until(lambda: it.status("problems", "MistLocations_1").get("levels_with_several_maps"))
            assert it.status("problems", "MistLocations_1")["levels_with_several_maps"] == {"zone-0": it.maps[:2]}

    async def test_without_the_module_beside_it_it_says_so(self, tmp_path: Path) -> None:
        async with site(tmp_path, EMPTY) as it:
            await it.live()
            await it.host("MistWebsocket_1").stop()
            with pytest.raises(Exception, match="MistWebsocket_1 is not running"):
                await it.locations("locate_user", "alice@example.com")
            assert await it.locations("device_locations", "zone-b") == []


class TestSmallCounts:
    async def test_a_map_with_fewer_devices_is_answered_as_if_empty_and_no_difference_tells_more(
        self, tmp_path: Path
    ) -> None:
        async with site(tmp_path, EMPTY, locations={"minimum_count": 3, "publish_levels": True}) as it:
            await it.live()
            many = {await put(it, None, 0) for _ in range(3)}
            few = {await put(it, None, 1) for _ in range(2)}

            async def macs(zone: str) -> set[str]:
                return {each["mac"] for each in await it.locations("device_locations", zone)}

            await until(lambda: len(it.status("zone-0", "MistLocations_1") or ()) == 3)
            assert (await macs("zone-0"), await macs("zone-1")) == (many, set())
            assert await macs("zone-b") == await macs("zone-c") == many
            assert it.status("zone-1", "MistLocations_1") == []
            counts = {each["zone"]: each["devices"] for each in it.status("levels", "MistLocations_1")}
            assert counts == {"zone-0": 3, "zone-1": None, "zone-2": None}, "two are not told from none"
            await change(it, minimum_count=2)
            await until(lambda: len(it.status("zone-1", "MistLocations_1") or ()) == 2)
            assert await macs("zone-b") == many | few


def test_levels() -> None:
    levels = {name: command.level for name, command in commands_of(MistLocations).items()}
    assert {name for name, level in levels.items() if level is Level.SUPPORT} == {"search", "explain", "diagnostics"}
    assert {name for name, level in levels.items() if level is Level.ADMINISTRATOR} == {
        "mac_address_mappings",
        "ip_username_mappings",
        "opt_out",
        "opt_in",
        "export_user",
        "erase_user",
        "audit",
    }


async def test_it_follows_nothing_any_more_while_it_writes_what_is_not_written_yet(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    left: list[int] = []

    async def stop(named: Named) -> None:
        left.append(len(it.engine._follows))

    async with site(tmp_path, EMPTY) as it:
        await it.locations("unmapped_maps")
        assert it.engine._follows
        with monkeypatch.context() as patch:
            patch.setattr(Named, "stop", stop)
            await it.host("MistLocations_1").stop()
    assert left == [0]
