"""Objections, erasing, exporting, forgetting, and counting only: with the pair and the simulated cloud."""

import json
from pathlib import Path
from typing import Any

import pytest

from mistlocate.driver.context import Asker
from mistlocate.engines.embedded.asking import asking
from mistlocate.errors import AccessDenied, BadArguments, NotFound, SettingsError, StoreError, TooManySearches
from mistlocate.simulator import Campus
from mistlocate.simulator.people import Guest
from support.site import Site, site
from support.waiting import until

EMPTY = Campus(seed=1, people=0, floors=2, passers=0)
ALICE = "alice@example.com"
DAY = 86_400.0


async def put(it: Site, username: str | None, floor: int = 0, **more: Any) -> str:
    mac = it.cloud.stage.add_device(username=username, map_id=it.maps[floor], x=10.0, y=20.0, **more)
    await until(lambda: it.tracker().roster.get(mac) and it.tracker().roster.get(mac).known)  # type: ignore[union-attr]
    await it.located(mac)
    return mac


async def put_guest(it: Site, email: str) -> str:
    """A guest who has typed this address into the portal."""
    mac: str = it.cloud.stage.add_device(kind="guest", map_id=it.maps[0], x=10.0, y=20.0)
    it.cloud.world.devices[mac].guest = Guest(name="Alice Morgan", email=email, company="Example")
    it.cloud.stage.emit_stats(mac)
    await until(lambda: it.tracker().owners.of_device(mac))
    return mac


async def change(it: Site, **settings: Any) -> None:
    await it.engine.reload(it.reconfigured(websocket=settings))


async def stored(it: Site) -> str:
    found = [
        await it.engine.store.read_hash(it.host("MistWebsocket_1").spec.id, name)
        for name in ("user_macs", "identities")
    ]
    return json.dumps(found)


class TestOptingOut:
    async def test_hidden_everywhere_and_back(self, tmp_path: Path) -> None:
        async with site(tmp_path, EMPTY) as it:
            await it.live()
            mac, other = await put(it, ALICE), await put(it, "bob@example.com")
            assert await it.locations("opt_out", ALICE) == {"devices": 1, "saved": True}
            assert it.on_map(it.maps[0]) == {other}
            assert await it.locations("locate_user", ALICE) == await it.locations("search", "alice") == []
            assert await it.locations("macs_assigned_to", ALICE) == []
            assert await it.locations("check_ownership_of", mac) is None
            assert [each["mac"] for each in await it.locations("device_locations", "zone-b")] == [other]
            assert [each["mac"] for each in await it.mist("clients")] == [other]
            with pytest.raises(NotFound, match="knows no client"):
                await it.mist("client", mac)
            assert "alice" not in await stored(it)
            assert await it.locations("opt_in", ALICE) == {"found": True, "saved": True}
            assert len(await until(lambda: it.locations("locate_user", ALICE))) == 1
            assert "alice" in await stored(it)
            assert await it.locations("opt_in", ALICE) == {"found": False, "saved": True}

    async def test_somebody_unknown_and_somebody_who_opted_out_are_explained_alike(self, tmp_path: Path) -> None:
        async with site(tmp_path, EMPTY) as it:
            await it.live()
            mac = await put(it, ALICE)
            await it.locations("opt_out", ALICE)
            told, nobody = [await it.locations("explain", who) for who in (ALICE, "nobody@example.com")]
            assert {**told, "who": ""} == {**nobody, "who": ""}
            told, nobody = [await it.locations("explain", who) for who in (mac, "00005e0053fe")]
            assert json.dumps(told).replace(mac, "MAC") == json.dumps(nobody).replace("00005e0053fe", "MAC")

    async def test_anonymous_devices_are_counted_and_told_apart_by_nothing(self, tmp_path: Path) -> None:
        async with site(tmp_path, EMPTY, websocket={"opted_out": "anonymous", "client_fields": "all"}) as it:
            await it.live()
            mac, other = await put(it, ALICE), await put(it, "bob@example.com")
            await it.locations("opt_out", ALICE)
            first, second = it.status(it.maps[0])
            assert first["mac"] == other
            assert second["mac"] != mac
            assert second["anonymous"] is True
            assert second.keys() <= {
                "mac", "anonymous", "map_id", "x", "y", "num_locating_aps", "accuracy", "last_seen", "last_seen_from", "is_guest",
            }  # fmt: skip
            assert second["last_seen"] % 60 == 0
            found = (await it.locations("device_locations", "zone-0"))[-1]
            assert found["mac"] == second["mac"]
            assert (found["manufacturer"], found["os"], found["ssid"]) == (None, None, None)

    async def test_a_guest_who_opts_out_is_not_seen_where_guests_are_hidden(self, tmp_path: Path) -> None:
        anonymous: dict[str, Any] = {"opted_out": "anonymous"}
        async with site(tmp_path, EMPTY, websocket=anonymous, locations={"guests": "hidden"}) as it:
            await it.live()
            await put_guest(it, ALICE)
            mac = await put(it, "bob@example.com")
            for _ in range(2):
                found = await it.locations("device_locations", "zone-b")
                assert [each["mac"] for each in found] == [mac]
                await it.locations("opt_out", ALICE)
            assert [each.get("anonymous") for each in it.status(it.maps[0])] == [None, True]

    async def test_a_device_that_may_be_theirs_is_anonymous_until_that_is_known(self, tmp_path: Path) -> None:
        async with site(tmp_path, EMPTY) as it:
            await it.live()
            await it.locations("opt_out", ALICE)
            it.cloud.faults.rest("/stats/", status=503)
            mac = it.cloud.stage.add_device(username=None, map_id=it.maps[0], x=1.0, y=2.0)
            await it.located(mac)
            unknown = "0a005e00bbbb"
            channel = f"/sites/{it.cloud.site_id}/stats/maps/{it.maps[0]}/clients"
            place = json.dumps({"mac": unknown, "map_id": it.maps[0], "x": 3.0, "y": 4.0})
            it.cloud.send_raw(json.dumps({"event": "data", "channel": channel, "data": place}))
            await until(lambda: it.tracker().roster.get(unknown))
            records = await until(lambda: len(it.status(it.maps[0]) or ()) == 2 and it.status(it.maps[0]))
            assert [each.get("anonymous") for each in records] == [None, True]
            assert unknown not in it.on_map(it.maps[0])

    async def test_a_device_that_turns_out_to_be_theirs(self, tmp_path: Path) -> None:
        async with site(tmp_path, EMPTY) as it:
            await it.live()
            await it.locations("opt_out", ALICE)
            mac = it.cloud.stage.add_device(username=None, map_id=it.maps[0], x=1.0, y=2.0)
            await it.located(mac)
            it.cloud.stage.set_username(mac, ALICE)
            it.cloud.stage.emit_stats(mac)
            await until(lambda: mac not in it.on_map(it.maps[0]))

    async def test_whose_name_is_ignored(self, tmp_path: Path) -> None:
        async with site(tmp_path, EMPTY, websocket={"ignore_usernames": ["ext-"]}) as it:
            await it.live()
            await put(it, "ext-alice@example.com")
            guest = it.cloud.stage.add_device(kind="guest", map_id=it.maps[0], x=10.0, y=20.0)
            it.cloud.world.devices[guest].guest = Guest("Alice Morgan", "ext-alice@example.com", "Example")
            it.cloud.stage.emit_stats(guest)
            await it.located(guest)
            assert len(it.on_map(it.maps[0])) == 2
            assert (await it.locations("opt_out", "ext-alice@example.com"))["devices"] == 2
            assert not it.on_map(it.maps[0])
            assert await it.mist("clients") == []

    async def test_a_device_alone_whoever_owns_it(self, tmp_path: Path) -> None:
        async with site(tmp_path, EMPTY) as it:
            await it.live()
            one, two = await put(it, ALICE), await put(it, ALICE)
            assert await it.locations("opt_out", one) == {"devices": 1, "saved": True}
            assert [each["mac"] for each in await it.locations("locate_user", ALICE)] == [two]
            assert await it.locations("check_ownership_of", one) is None
            assert it.on_map(it.maps[0]) == {two}
            with pytest.raises(NotFound):
                await it.mist("client", one)
            assert (await it.mist("client", two))["mac"] == two

    async def test_it_needs_somebody(self, tmp_path: Path) -> None:
        async with site(tmp_path, EMPTY) as it:
            await it.live()
            with pytest.raises(BadArguments, match="neither the name of a person nor a MAC"):
                await it.locations("opt_out", "  ")

    async def test_the_clouds_own_answers_leave_them_out(self, tmp_path: Path) -> None:
        async with site(tmp_path, EMPTY) as it:
            await it.live()
            mac, other = await put(it, ALICE), await put(it, "bob@example.com")
            await it.locations("opt_out", ALICE)
            found = await it.mist("get_request", f"/sites/{it.cloud.site_id}/stats/clients")
            assert [each["mac"] for each in found] == [other]
            assert await it.mist("get_request", f"/sites/{it.cloud.site_id}/stats/clients/{mac}") is None

    async def test_it_stands_in_the_settings_as_hashes_and_an_older_copy_does_not_undo_it(self, tmp_path: Path) -> None:
        async with site(tmp_path, EMPTY) as it:
            await it.live()
            await put(it, ALICE)
            await it.locations("opt_out", "bob")
            older = it.host("MistWebsocket_1").settings["objections"]
            await it.locations("opt_out", ALICE)
            assert not any(
                word in json.dumps(it.host("MistWebsocket_1").settings["objections"]) for word in ("alice", "bob")
            )
            await it.engine.save_settings(it.host("MistWebsocket_1").spec.id, {"objections": older}, by_module=True)
            assert await it.locations("locate_user", ALICE) == []
            await until(lambda: len(it.host("MistWebsocket_1").settings["objections"]["opted_out"]) == 2)
            await it.engine.save_settings(it.host("MistWebsocket_1").spec.id, {}, ("objections",), by_module=True)
            await until(
                lambda: len(it.host("MistWebsocket_1").settings.get("objections", {}).get("opted_out", ())) == 2
            )

    async def test_where_nobody_objected_settings_change_and_nothing_is_saved(self, tmp_path: Path) -> None:
        async with site(tmp_path, EMPTY) as it:
            await it.live()
            host = it.host("MistWebsocket_1")
            said: list[Any] = []
            it.engine.board.follow(host.spec.id, "problems", lambda news: said.append(news.value))
            await change(it, publish_interval=2)
            await it.clock.sleep(15)
            assert host.settings["publish_interval"] == 2
            assert said == [{}]
            assert "objections" not in host.saved
            await it.locations("opt_out", ALICE)
            older = dict(host.saved)
            await it.locations("opt_in", ALICE)
            newer = dict(host.saved["objections"])
            assert newer["opted_out"] == []
            host.saved = older
            await change(it, publish_interval=1)
            await until(lambda: host.saved["objections"] == newer)

    async def test_what_could_not_be_saved_is_in_force_and_saved_later(
        self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        async with site(tmp_path, EMPTY) as it:
            await it.live()
            await put(it, ALICE)

            async def full(*args: Any) -> None:
                raise StoreError("the disk is full")

            with monkeypatch.context() as patch:
                patch.setattr(it.engine.store, "save_settings", full)
                assert await it.locations("opt_out", ALICE) == {"devices": 1, "saved": False}
                assert await it.locations("locate_user", ALICE) == []
                await until(lambda: "objections" in it.status("problems"))
            await until(lambda: "objections" in it.host("MistWebsocket_1").saved)
            await until(lambda: "objections" not in it.status("problems"))

    async def test_it_is_not_left_out_with_other_saved_settings_that_do_not_fit(self, tmp_path: Path) -> None:
        async with site(tmp_path, EMPTY) as it:
            await it.live()
            await put(it, ALICE)
            await it.locations("opt_out", ALICE)
            host = it.host("MistWebsocket_1")
            await host.stop()
            host.saved["publish_interval"] = "of an older version"
            host.start()
            await it.live()
            await until(lambda: it.tracker().roster.clients)
            assert await it.locations("locate_user", ALICE) == []
            await host.stop()
            host.saved["objections"] = {"key": "damaged"}
            host.start()
            await until(lambda: "objections" in (host.problem or ""))
            with pytest.raises(Exception, match="not running"):
                await it.locations("locate_user", ALICE)

    async def test_settings_that_are_damaged_are_no_settings(self, tmp_path: Path) -> None:
        with pytest.raises(SettingsError, match=r"objections\.key"):
            async with site(tmp_path, EMPTY, websocket={"objections": {"key": "x", "revision": 1}}):
                pass


class TestErasing:
    async def test_nothing_is_left_and_nothing_is_learned_anew(self, tmp_path: Path) -> None:
        async with site(tmp_path, EMPTY, websocket={"client_fields": "all"}) as it:
            await it.live()
            mac = await put(it, ALICE, hostname="alices-phone")
            for slug, name in (("MistLocations_1", "search"), ("MistWebsocket_1", "find_people")):
                await it.host(slug).execute(name, ["alice"])
            found = await it.locations("erase_user", ALICE)
            assert found["devices"] == 1
            assert found["records"] == 2
            for slug in ("MistLocations_1", "MistWebsocket_1"):
                assert "alice" not in json.dumps(await it.host(slug).execute("audit", []))
            heard = it.tracker().roster.clients[mac].heard
            it.cloud.stage.emit_stats(mac)
            await until(lambda: it.tracker().roster.clients[mac].heard > heard)
            assert await it.locations("locate_user", ALICE) == []
            assert "alice" not in json.dumps(await it.mist("clients"))
            assert "alice" not in json.dumps(await it.mist("client", mac))
            assert mac in it.on_map(it.maps[0]), "the device is one that nobody owns"
            with pytest.raises(BadArguments, match="not to be learned"):
                await it.mist("mac_address_mappings", ALICE, [mac])
            await it.locations("opt_in", ALICE)
            it.cloud.stage.emit_stats(mac)
            assert await until(lambda: it.owns(ALICE)) == [mac]

    async def test_the_clouds_record_names_no_guest_who_was_erased(self, tmp_path: Path) -> None:
        async with site(tmp_path, EMPTY) as it:
            await it.live()
            mac = await put_guest(it, ALICE)
            assert "guest" in await it.mist("client", mac)
            await it.locations("erase_user", ALICE)
            record = await it.mist("client", mac)
            assert record["mac"] == mac
            assert not {"alice", "morgan"} & set(json.dumps(record).lower().replace("@", " ").replace('"', " ").split())

    @pytest.mark.parametrize("erased", [False, True])
    async def test_nor_one_who_opted_out_by_the_other_name_that_a_guest_typed(
        self, tmp_path: Path, erased: bool
    ) -> None:
        async with site(tmp_path, EMPTY) as it:
            await it.live()
            mac = await put_guest(it, "private@example.net")
            it.cloud.world.devices[mac].username = ALICE
            assert (await it.mist("client", mac))["username"] == ALICE
            if erased:
                await it.locations("erase_user", ALICE)
            await it.locations("opt_out", ALICE)
            with pytest.raises(NotFound, match="knows no client"):
                await it.mist("client", mac)

    async def test_erased_only_for_now(self, tmp_path: Path) -> None:
        async with site(tmp_path, EMPTY) as it:
            await it.live()
            mac = await put(it, ALICE)
            await it.locations("erase_user", ALICE, relearn=True)
            assert it.owns(ALICE) == []
            it.cloud.stage.emit_stats(mac)
            assert await until(lambda: it.owns(ALICE)) == [mac]

    async def test_a_device_alone(self, tmp_path: Path) -> None:
        async with site(tmp_path, EMPTY) as it:
            await it.live()
            one, two = await put(it, ALICE), await put(it, ALICE)
            await it.locations("erase_user", one)
            heard = it.tracker().roster.clients[one].heard
            it.cloud.stage.emit_stats(one)
            await until(lambda: it.tracker().roster.clients[one].heard > heard)
            assert it.owns(ALICE) == [two]

    async def test_what_stood_in_the_store_before_is_not_taken_in(self, tmp_path: Path) -> None:
        async with site(tmp_path, EMPTY) as it:
            await it.live()
            module = it.host("MistWebsocket_1").spec.id
            await it.locations("erase_user", ALICE)
            await it.host("MistWebsocket_1").stop()
            await it.engine.store.write_hash(
                module, "user_macs", {"00005e0053aa": "alice", "alice": '["00005e0053aa"]'}
            )
            it.host("MistWebsocket_1").start()
            await it.live()
            assert await it.locations("macs_assigned_to", "alice") == []
            await it.mist("mac_address_mappings", "bob", ["00005e0053ab"])
            assert "alice" not in await stored(it)


class TestExporting:
    async def test_everything_that_is_kept_and_who_asked(self, tmp_path: Path) -> None:
        async with site(tmp_path, EMPTY) as it:
            await it.live()
            mac = await put(it, ALICE)
            with asking(Asker("helpdesk")):
                await it.host("MistWebsocket_1").execute("client", [mac])
                await it.host("MistWebsocket_1").execute("locate", ["bob"])
            with asking(Asker("reception")):
                await it.engine.find("sys-1", "MistLocations_1").execute("search", [ALICE])
            with asking(Asker("helpdesk")):
                await it.host("MistWebsocket_1").execute("locate", ["alice"])
            found = await it.locations("export_user", ALICE)
            (device,) = found["devices"]
            assert (found["opted_out"], device["mac"], device["owner"]["user"]) == (False, mac, ALICE)
            assert device["kept_in_memory"]["username"] == ALICE
            assert device["record"]["x"] == 10.0
            asked = [(each["asker"], each["command"]) for each in found["asked_for"]]
            assert asked == [("helpdesk", "locate"), ("reception", "search"), ("helpdesk", "client")]
            directly = await it.mist("export_user", ALICE)
            assert [each["command"] for each in directly["asked_for"]] == ["locate", "client"]

    async def test_not_where_somebody_is_who_opted_out(self, tmp_path: Path) -> None:
        async with site(tmp_path, EMPTY) as it:
            await it.live()
            await put(it, ALICE)
            await it.locations("opt_out", ALICE)
            found = await it.locations("export_user", ALICE)
            assert found["opted_out"] is True
            assert "opted out" in found["devices"][0]["withheld"]
            assert it.maps[0] not in json.dumps(found)


class TestForgetting:
    async def test_owners_who_are_not_seen_any_more(self, tmp_path: Path) -> None:
        async with site(tmp_path, EMPTY) as it:
            await it.live()
            mac = await put(it, ALICE)
            owners, now = it.tracker().owners, it.clock.wall()
            owners.pin("bob", ["00005e0053aa"], now - 29 * DAY)
            owners.pin("carol", ["00005e0053ab"], now - 31 * DAY)
            owners.pin("dave", [mac], now - 31 * DAY)
            await it.mist("mac_address_mappings", "zoe", ["00005e0053ac"])  # has everything written
            driver = it.host("MistWebsocket_1").life.module._driver  # type: ignore[union-attr]
            await driver._site.expire_owners()  # type: ignore[union-attr]
            assert "carol" not in await stored(it)
            assert (it.owns("bob"), it.owns("carol"), it.owns("dave")) == (["00005e0053aa"], [], [mac])

    async def test_what_a_guest_typed_goes_with_the_device_also_of_who_opted_out(self, tmp_path: Path) -> None:
        async with site(tmp_path, EMPTY, websocket={"forget_after": 2}) as it:
            await it.live()
            mac = await put_guest(it, ALICE)
            await it.locations("opt_out", ALICE)
            it.cloud.stage.remove(mac)
            await until(lambda: not it.tracker().roster.clients)
            assert (await it.mist("export_user", ALICE))["devices"] == []
            assert it.tracker().owners.of_device(mac) is None

    async def test_those_of_the_original_drivers_count_from_now_on(self, tmp_path: Path) -> None:
        async with site(tmp_path, EMPTY) as it:
            await it.live()
            owners = it.tracker().owners
            owners.load({"00005e0053aa": "alice"}, {})
            now = it.clock.wall()
            assert owners.expire(now, 30 * DAY, ()) == 0
            assert owners.expire(now + 29 * DAY, 30 * DAY, ()) == 0
            assert owners.expire(now + 31 * DAY, 30 * DAY, ()) == 1


class TestCountingOnly:
    async def test_no_name_is_kept_and_nobody_is_found(self, tmp_path: Path) -> None:
        async with site(tmp_path, EMPTY, websocket={"client_fields": "all"}) as it:
            await it.live()
            mac = await put(it, ALICE)
            assert await until(lambda: it.locations("locate_user", ALICE))
            await change(it, occupancy_only=True)
            assert await until(lambda: it.status(it.maps[0])[0].get("anonymous"))
            it.cloud.stage.emit_stats(mac)
            await put_anonymous(it, "bob@example.com")
            assert len(await it.locations("device_locations", "zone-0")) == 2
            for who in (ALICE, "bob@example.com"):
                assert await it.locations("locate_user", who) == await it.locations("search", who[:3]) == []
            clients = it.tracker().roster.clients.values()
            assert {(each.username, each.raw, each.ip, each.psk_id) for each in clients} == {(None, None, None, None)}
            assert len(it.tracker().owners) == 0
            await until(lambda: _gone(it, "alice"))
            assert mac not in json.dumps([it.status(map_id) for map_id in it.maps])
            with pytest.raises(NotFound):
                await it.mist("client", mac)
            with pytest.raises(AccessDenied, match="only counts"):
                await it.mist("get_request", "/self")
            with pytest.raises(BadArguments, match="nobody is learned"):
                await it.mist("mac_address_mappings", "zoe", [mac])

    async def test_what_was_stored_before_goes_with_the_start(self, tmp_path: Path) -> None:
        async with site(tmp_path, EMPTY) as it:
            await it.live()
            await it.mist("mac_address_mappings", "zoe", ["00005e0053ac"])
            await it.host("MistWebsocket_1").stop()
            await change(it, occupancy_only=True)
            it.host("MistWebsocket_1").start()
            await it.live()
            await until(lambda: _gone(it, "zoe"))


async def _gone(it: Site, name: str) -> bool:
    return name not in await stored(it)


async def put_anonymous(it: Site, username: str) -> None:
    before = len(it.status(it.maps[0]))
    it.cloud.stage.add_device(username=username, map_id=it.maps[0], x=1.0, y=2.0)
    await until(lambda: len(it.status(it.maps[0])) == before + 1)


class TestAsking:
    async def test_each_search_leaves_one_record_of_who_asked(self, tmp_path: Path) -> None:
        async with site(tmp_path, EMPTY) as it:
            await it.live()
            with asking(Asker("reception")):
                await it.host("MistLocations_1").execute("locate_user", [ALICE])
                await it.host("MistLocations_1").execute("explain", [ALICE])
                await it.host("MistLocations_1").execute("device_locations", ["zone-b"])
                await it.host("MistWebsocket_1").execute("find_people", ["ali"])
            there, here = [
                [(each["asker"], each["command"], each["about"], each["result"]) for each in await ask("audit")]
                for ask in (it.locations, it.mist)
            ]
            assert there == [("reception", "explain", ALICE, "nothing"), ("reception", "locate_user", ALICE, "nothing")]
            assert here == [("reception", "find_people", "ali", "nothing")]

    async def test_searches_are_limited_and_looking_at_a_zone_is_not(self, tmp_path: Path) -> None:
        async with site(tmp_path, EMPTY, locations={"named_searches": 3}) as it:
            await it.live()
            host = it.host("MistLocations_1")
            with asking(Asker("one")):
                for _ in range(3):
                    await host.execute("locate_user", [ALICE])
                with pytest.raises(TooManySearches, match="come again in"):
                    await host.execute("search", ["alice"])
                for _ in range(20):
                    await host.execute("device_locations", ["zone-b"])
            with asking(Asker("two")):
                await host.execute("locate_user", [ALICE])
