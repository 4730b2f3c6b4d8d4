"""Objections, erasing, assignments and counting only, one after the other in every order that people come up with."""

import json
from pathlib import Path

import pytest

from mistlocate.errors import NotFound
from mistlocate.location.evidence import MACS_PER_PERSON
from mistlocate.simulator import Campus
from support.site import Site, site
from support.waiting import until

EMPTY = Campus(seed=1, people=0, floors=2, passers=0)
ALICE, BOB = "alice@example.com", "bob@example.com"


async def put(it: Site, username: str | None = None, *, psk: str | None = None) -> str:
    """A device on the first floor, whose record has arrived."""
    mac: str = it.cloud.stage.add_device(username=username, psk_id=psk, map_id=it.maps[0], x=10.0, y=20.0)
    return await heard_of(it, mac)


async def heard_of(it: Site, mac: str) -> str:
    """Once another record of a device has arrived."""
    known = it.tracker().roster.get(mac)
    before = known.heard if known is not None else 0.0
    it.cloud.stage.emit_stats(mac)

    def taken() -> bool:
        client = it.tracker().roster.get(mac)
        return client is not None and client.known and client.heard > before

    await until(taken)
    return mac


async def nowhere(it: Site, mac: str) -> bool:
    """Whether nothing that anybody can ask or follow has a device, also after another record of it."""
    await heard_of(it, mac)
    await it.mist("sync_clients")
    told = [
        await it.mist("clients"),
        await it.locations("device_locations", "zone-b"),
        await it.locations("search", mac[-6:]),
        await it.locations("locate_user", ALICE),
        [it.status(map_id) for map_id in it.maps],
    ]
    with pytest.raises(NotFound):
        await it.mist("client", mac)
    return mac not in json.dumps(told)


class TestErasedAndOptedOut:
    async def test_whoever_was_erased_can_opt_out(self, tmp_path: Path) -> None:
        async with site(tmp_path, EMPTY) as it:
            await it.live()
            mac = await put(it, ALICE)
            await it.locations("erase_user", ALICE)
            await heard_of(it, mac)
            other = await put(it, BOB)
            await it.located(other)
            assert it.on_map(it.maps[0]) == {mac, other}, "one that nobody owns"
            await it.locations("opt_out", ALICE)
            assert it.on_map(it.maps[0]) & {mac, other} == {other}, "at once"
            assert mac not in json.dumps(await it.mist("clients"))
            assert await nowhere(it, mac)
            assert await nowhere(it, await put(it, ALICE))

    async def test_whoever_opted_out_can_be_erased(self, tmp_path: Path) -> None:
        async with site(tmp_path, EMPTY) as it:
            await it.live()
            await it.locations("opt_out", ALICE)
            mac = await put(it, ALICE)
            it.cloud.faults.rest("/stats/", status=503)
            await it.locations("erase_user", ALICE)
            await until(lambda: it.tracker().roster.dirty == {})
            assert it.status(it.maps[0]) == [], "hidden, not even anonymous, until its next record"
            it.cloud.faults.clear()
            assert await nowhere(it, mac)
            assert await nowhere(it, await put(it, ALICE))

    async def test_erased_for_now_and_then_opted_out(self, tmp_path: Path) -> None:
        async with site(tmp_path, EMPTY) as it:
            await it.live()
            mac = await put(it, ALICE)
            it.cloud.faults.rest("/stats/", status=503)
            await it.locations("erase_user", ALICE, relearn=True)
            await it.locations("opt_out", ALICE)
            assert mac not in it.on_map(it.maps[0]), "until its next record nobody knows whose it is"
            it.cloud.faults.clear()
            assert await nowhere(it, mac)

    async def test_a_device_that_was_erased_alone(self, tmp_path: Path) -> None:
        async with site(tmp_path, EMPTY) as it:
            await it.live()
            mac = await put(it, ALICE)
            await it.locations("opt_out", ALICE)
            await it.locations("erase_user", mac)
            assert mac not in it.on_map(it.maps[0])
            assert await nowhere(it, mac)

    async def test_the_key_of_somebody_who_was_erased_first(self, tmp_path: Path) -> None:
        async with site(tmp_path, EMPTY) as it:
            key = it.cloud.stage.add_psk("phone", email=ALICE, usage="single")
            await it.live()
            mac = await put(it, psk=key)
            await until(lambda: it.owns(ALICE))
            await it.locations("erase_user", ALICE)
            await it.locations("opt_out", ALICE)
            await heard_of(it, mac)
            assert mac not in it.on_map(it.maps[0])

    async def test_the_key_of_a_device_that_was_erased_alone_before_a_restart(self, tmp_path: Path) -> None:
        async with site(tmp_path, EMPTY) as it:
            key = it.cloud.stage.add_psk("phone", email=ALICE, usage="single")
            await it.live()
            mac = await put(it, psk=key)
            await until(lambda: it.owns(ALICE))
            await it.locations("erase_user", mac)
            await it.host("MistWebsocket_1").stop()
            it.host("MistWebsocket_1").start()
            await it.live()
            await heard_of(it, mac)
            assert it.tracker().roster.clients[mac].psk_id is None
            await it.locations("opt_out", ALICE)
            await heard_of(it, mac)
            assert mac not in it.on_map(it.maps[0])
            await until(lambda: it.tracker().keys.is_settled(key))
            assert await nowhere(it, mac)


class TestOtherNamesForTheSame:
    async def test_who_was_erased_is_erased_under_a_domain_that_turns_out_to_be_the_same(self, tmp_path: Path) -> None:
        async with site(tmp_path, EMPTY, websocket={"client_fields": "all"}) as it:
            await it.live()
            mac = await put(it, r"CORP\alice")
            await it.locations("erase_user", ALICE)
            assert len(await it.locations("locate_user", r"CORP\alice")) == 1
            await it.engine.reload(it.reconfigured(websocket={"domain_aliases": {"CORP": "example.com"}}))
            await until(lambda: it.tracker().owners.rules.aliases)
            assert it.published(mac)["mac"] == mac
            assert "alice" not in json.dumps(it.published(mac))
            assert "alice" not in json.dumps(await it.locations("export_user", mac))

    async def test_who_opted_out_is_hidden_at_once(self, tmp_path: Path) -> None:
        async with site(tmp_path, EMPTY, websocket={"publish_interval": 60}) as it:
            await it.live()
            mac = await put(it, r"CORP\alice")
            await it.locations("opt_out", ALICE)
            assert mac in it.on_map(it.maps[0])
            await it.engine.reload(it.reconfigured(websocket={"domain_aliases": {"CORP": "example.com"}}))
            await until(lambda: it.tracker().owners.rules.aliases)
            assert mac not in it.on_map(it.maps[0])


class TestManyDevices:
    async def test_more_devices_than_one_person_is_listed_with(self, tmp_path: Path) -> None:
        async with site(tmp_path, EMPTY) as it:
            await it.live()
            await it.locations("opt_out", ALICE)
            macs = [await put(it, ALICE) for _ in range(MACS_PER_PERSON + 3)]
            await it.mist("sync_clients")
            assert not it.on_map(it.maps[0]).intersection(macs)
            await it.locations("opt_in", ALICE)
            assert len(await it.locations("macs_assigned_to", ALICE)) == MACS_PER_PERSON


class TestAssignments:
    async def test_a_device_that_is_assigned_afterwards_stays_hidden_over_a_restart(self, tmp_path: Path) -> None:
        async with site(tmp_path, EMPTY) as it:
            await it.live()
            mac, other = await put(it), await put(it)
            await it.locations("opt_out", ALICE)
            await it.locations("mac_address_mappings", ALICE, [mac])
            address = it.tracker().roster.clients[other].ip
            assert await it.locations("ip_username_mappings", [[address, "alice", "example.com"]]) == 1
            assert it.on_map(it.maps[0]) == set()
            await it.host("MistWebsocket_1").stop()
            it.host("MistWebsocket_1").start()
            await it.live()
            for each in (mac, other):
                assert await nowhere(it, each)
            await it.locations("opt_out", ALICE)
            for each in (mac, other):
                assert await nowhere(it, each), "asking again forgets no device"

    async def test_a_device_that_is_assigned_to_somebody_else_is_theirs(self, tmp_path: Path) -> None:
        async with site(tmp_path, EMPTY) as it:
            await it.live()
            mac = await put(it)
            await it.locations("mac_address_mappings", ALICE, [mac])
            await it.locations("opt_out", ALICE)
            assert mac not in it.on_map(it.maps[0])
            await it.locations("mac_address_mappings", BOB, [mac])
            assert mac in it.on_map(it.maps[0])
            assert await it.locations("macs_assigned_to", BOB) == [mac]

    async def test_a_device_whose_owner_is_forgotten_is_nobodys_only_after_its_next_record(
        self, tmp_path: Path
    ) -> None:
        async with site(tmp_path, EMPTY) as it:
            await it.live()
            await it.locations("opt_out", ALICE)
            mac = await put(it, ALICE)
            it.cloud.faults.rest("/stats/", status=503)
            await it.mist("remove_mac_address_mappings", [mac])
            assert mac not in it.on_map(it.maps[0])
            it.cloud.faults.clear()
            assert await nowhere(it, mac)

    async def test_a_device_that_an_assignment_had_made_somebody_elses(self, tmp_path: Path) -> None:
        async with site(tmp_path, EMPTY) as it:
            await it.live()
            await it.locations("opt_out", ALICE)
            mac = await put(it, ALICE)
            await it.locations("mac_address_mappings", BOB, [mac])
            await until(lambda: mac in it.on_map(it.maps[0]))
            it.cloud.faults.rest("/stats/", status=503)
            await it.mist("remove_mac_address_mappings", [mac])
            assert mac not in it.on_map(it.maps[0]), "it was given to her by the network"
            assert mac not in json.dumps(await it.locations("device_locations", "zone-b"))

    async def test_many_devices_at_once_are_all_recorded(self, tmp_path: Path) -> None:
        async with site(tmp_path, EMPTY) as it:
            await it.live()
            macs = [f"00005e00{number:04x}" for number in range(120)]
            for start in range(0, 120, MACS_PER_PERSON):
                some = macs[start : start + MACS_PER_PERSON]
                await it.mist("mac_address_mappings", f"user{start}@example.com", some)
            module = it.host("MistWebsocket_1")
            assert await module.execute("remove_mac_address_mappings", [macs]) == macs
            records = [
                each["about"] for each in await module.execute("audit", []) if each["command"].startswith("remove_")
            ]
            assert len(records) == 3
            assert all(mac in "".join(records) for mac in macs)

    async def test_logins_of_a_directory_leave_a_record_without_names(self, tmp_path: Path) -> None:
        async with site(tmp_path, EMPTY) as it:
            await it.live()
            mac = await put(it)
            await it.host("MistLocations_1").execute(
                "ip_username_mappings", [[[it.tracker().roster.clients[mac].ip, "alice", "example.com"]]]
            )
            record = (await it.locations("audit"))[0]
            assert (record["command"], record["about"]) == ("ip_username_mappings", "1 logins")


class TestCountingOnly:
    async def test_names_that_were_not_kept_are_learned_before_a_device_is_shown(self, tmp_path: Path) -> None:
        async with site(tmp_path, EMPTY, websocket={"occupancy_only": True}) as it:
            await it.live()
            mac = await put(it, ALICE)
            await it.locations("opt_out", ALICE)
            await it.engine.reload(it.reconfigured(websocket={"occupancy_only": False}))
            assert mac not in it.on_map(it.maps[0])
            await until(lambda: it.tracker().roster.clients[mac].known)
            assert mac not in it.on_map(it.maps[0])
            assert await nowhere(it, mac)


class TestKeys:
    async def test_a_key_that_was_made_a_moment_ago(self, tmp_path: Path) -> None:
        async with site(tmp_path, EMPTY) as it:
            first = it.cloud.stage.add_psk("phone", email=BOB, usage="single")
            await it.live()
            other = await put(it, psk=first)
            await until(lambda: it.owns(BOB))
            await it.locations("opt_out", ALICE)
            key = it.cloud.stage.add_psk("phone", email=ALICE, usage="single")
            mac = await put(it, psk=key)
            await until(lambda: it.tracker().roster.dirty == {})
            assert other in it.on_map(it.maps[0])
            assert mac not in it.on_map(it.maps[0])
            with pytest.raises(NotFound):
                await it.mist("client", mac)

    async def test_lists_that_may_not_be_read(self, tmp_path: Path) -> None:
        async with site(tmp_path, EMPTY) as it:
            key = it.cloud.stage.add_psk("phone", email=ALICE, usage="single")
            it.cloud.faults.rest("/psks", status=403)
            await it.live()
            mac = await put(it, psk=key)
            await until(lambda: "pre_shared_keys" in (it.status("problems") or {}))
            assert mac in it.on_map(it.maps[0])
            await it.locations("opt_out", ALICE)
            await heard_of(it, mac)
            assert mac not in it.on_map(it.maps[0]), "nobody can say that the key is not hers"
            (device,) = (await it.locations("export_user", mac))["devices"]
            assert (device["present"], device["kept_in_memory"]["psk_id"]) == (None, key)
            assert it.maps[0] not in json.dumps(device)


class TestOtherWays:
    async def test_answers_of_the_cloud_that_write_a_mac_or_a_list_their_own_way(self, tmp_path: Path) -> None:
        async with site(tmp_path, EMPTY) as it:
            await it.live()
            await it.locations("opt_out", ALICE)
            mac = await put(it, ALICE)
            people = it.host("MistWebsocket_1").life.module._driver._people  # type: ignore[union-attr]
            colons = ":".join(mac[at : at + 2] for at in range(0, 12, 2))
            for record in (
                {"mac": colons, "x": 1},
                {"mac": "00005e0053ff", "username": [ALICE], "hostname": ["a-phone"]},
                {"mac": colons.upper().replace(":", "-")},
            ):
                assert people.without_objectors([record, {"mac": "00005e0053aa"}]) == [{"mac": "00005e0053aa"}]

    async def test_an_export_names_nobody_else_who_opted_out(self, tmp_path: Path) -> None:
        async with site(tmp_path, EMPTY, websocket={"client_fields": "all"}) as it:
            await it.live()
            mac = await put(it, ALICE)
            await it.locations("mac_address_mappings", BOB, [mac])
            await it.locations("opt_out", ALICE)
            found = await it.locations("export_user", BOB)
            assert [each["mac"] for each in found["devices"]] == [mac]
            assert "alice" not in json.dumps(found["devices"])

    async def test_an_accent_is_one_however_it_is_composed(self, tmp_path: Path) -> None:
        async with site(tmp_path, EMPTY) as it:
            await it.live()
            await it.locations("opt_out", "zo\u00eb@example.com")
            mac = await put(it, "zoe\u0308@example.com")
            assert await nowhere(it, mac)
