"""The commands of MistWebsocket, against the simulated cloud."""

from pathlib import Path

import pytest

from mistlocate.driver.command import Level, commands_of
from mistlocate.drivers.mist_websocket.driver import MistWebsocket
from mistlocate.errors import AccessDenied, BadArguments, NotFound
from mistlocate.location.evidence import Source
from mistlocate.simulator import Campus
from support.site import Site, site
from support.waiting import until

OTHER = "00005e0053aa"


async def owner(it: Site, mac: str) -> object:
    return await it.mist("ownership_of", mac)


class TestTheSite:
    async def test_maps_are_asked_of_the_cloud_and_show_no_links(self, tmp_path: Path) -> None:
        async with site(tmp_path) as it:
            await it.live()
            asked = len(it.requests("/maps"))
            found = await it.mist("maps")
            assert len(it.requests("/maps")) == asked + 1
            assert [each["id"] for each in found] == it.maps
            assert {"id", "name", "type"} <= set(found[0])
            assert "jwt" not in str(found)
            assert "url" not in found[0]

    async def test_clients_of_a_map_and_of_all(self, tmp_path: Path) -> None:
        async with site(tmp_path) as it:
            await it.complete()
            everyone = await it.mist("clients")
            assert {each["mac"] for each in everyone if "map_id" in each} == it.present
            some = await it.mist("clients", it.maps[0])
            assert {each["mac"] for each in some} == it.on_map(it.maps[0])
            assert await it.mist("clients", "nowhere") == []

    async def test_a_client_is_always_asked_of_the_cloud_and_stays_off_the_roster(self, tmp_path: Path) -> None:
        async with site(tmp_path) as it:
            await it.complete()
            it.cloud.faults.mute()
            mac = it.cloud.stage.add_device(username="zoe@example.com", map_id=it.maps[0], x=1.0, y=2.0)
            for form in (mac, mac.upper(), ":".join(mac[n : n + 2] for n in range(0, 12, 2))):
                record = await it.mist("client", form)
                assert (record["mac"], record["username"]) == (mac, "zoe@example.com")
            assert "zones" in record, "every field of the single record"
            assert len(it.requests(f"/stats/clients/{mac}")) == 3
            assert mac not in {each["mac"] for each in await it.mist("clients")}
            with pytest.raises(NotFound, match="no client with this MAC"):
                await it.mist("client", "da1119c0ffee")
            with pytest.raises(BadArguments, match="12 hex digits"):
                await it.mist("client", "alice")

    async def test_ignored_names_are_withheld_here_too(self, tmp_path: Path) -> None:
        async with site(tmp_path) as it:
            await it.live()
            mac = it.cloud.stage.add_device(username="host/lt-1.example.com", map_id=it.maps[0], x=1.0, y=2.0)
            record = await it.mist("client", mac)
            assert "username" not in record
            assert record["hostname"] is not None

    async def test_sites_of_the_organisation(self, tmp_path: Path) -> None:
        async with site(tmp_path) as it:
            await it.live()
            found = await it.mist("site_list", it.cloud.org_id)
            assert it.cloud.site_id in {each["id"] for each in found}
            with pytest.raises(BadArguments):
                await it.mist("site_list", "../sites")

    async def test_syncing_reads_everything_anew(self, tmp_path: Path) -> None:
        async with site(tmp_path) as it:
            await it.complete()
            it.cloud.faults.mute()
            mac = it.cloud.stage.add_device(username="zoe@example.com", map_id=it.maps[0], x=1.0, y=2.0)
            found = await it.mist("sync_clients")
            assert found["maps"] == len(it.maps)
            assert found["clients"] >= len(it.present)
            await it.located(mac)

    async def test_any_path_of_the_api_without_its_secrets(self, tmp_path: Path) -> None:
        async with site(tmp_path) as it:
            await it.live()
            found = await it.mist("get_request", f"/sites/{it.cloud.site_id}/maps")
            assert "jwt" not in str(found)
            assert (await it.mist("get_request", "self"))["name"]
            with pytest.raises(AccessDenied):
                await it.mist("get_request", f"/sites/{it.cloud.foreign_site_id}")
            with pytest.raises(BadArguments):
                await it.mist("get_request", "https://example.com/api/v1/self")

    async def test_diagnostics_tell_counts_and_nobody(self, tmp_path: Path) -> None:
        async with site(tmp_path) as it:
            await it.complete()
            found = await it.diagnostics()
            assert found["stream"]["state"] == "live"
            assert found["stream"]["subscriptions"]["live"] == len(it.maps) + 1
            assert found["clients"]["on_a_map"] == len(it.present)
            assert found["rest_budget"]["used"] >= 5
            assert found["maps"]["known"] == len(it.maps)
            text = str(found)
            for truth in it.cloud.world.truths():
                assert truth.mac not in text
                assert not truth.username or truth.username not in text
            assert it.cloud.token not in text


class TestPeople:
    async def test_devices_and_macs_of_somebody_the_newest_first(self, tmp_path: Path) -> None:
        async with site(tmp_path) as it:
            await it.live()
            stage = it.cloud.stage
            first = stage.add_device(username="zoe@example.com", map_id=it.maps[0], x=1.0, y=2.0)
            await it.clock.sleep(5)
            second = stage.add_device(username="zoe@example.com", map_id=it.maps[1], x=3.0, y=4.0)
            await it.located(second)
            records = await it.mist("locate", "zoe@example.com")
            assert [each["mac"] for each in records] == [second, first]
            assert await it.mist("macs_assigned_to", "Zoe@Example.com") == [second, first]
            assert await owner(it, first) == "zoe"
            assert await it.mist("locate", "nobody@example.com") == []

    async def test_guests_only_where_they_are_asked_for(self, tmp_path: Path) -> None:
        async with site(tmp_path, Campus(seed=1, people=30, floors=1)) as it:
            await it.complete()
            typed = {
                mac: owned.text
                for mac in it.present
                if (owned := it.tracker().owners.owner_of(mac, guests=True)) and owned.source is Source.GUEST
            }
            mac, name = next(iter(typed.items()))
            assert await owner(it, mac) is None
            assert await it.mist("ownership_of", mac, True) == name.partition("@")[0]
            assert await it.mist("locate", name) == []
            assert await it.mist("macs_assigned_to", name) == []
            assert await it.mist("find_people", name) == []
            assert mac in [each["mac"] for each in await it.mist("locate", name, True)]
            assert (await it.mist("find_people", name, guests=True))[0]["guest"] is True

    async def test_people_are_found_by_a_part_of_their_name(self, tmp_path: Path) -> None:
        async with site(tmp_path) as it:
            await it.live()
            mac = it.cloud.stage.add_device(username="zoe.zimmer@example.com", map_id=it.maps[0], x=1.0, y=2.0)
            record = await it.located(mac)
            for text in ("zoe.zimmer@example.com", "zoe", "zimm", "ZOE.Z", mac, mac[4:]):
                found = await it.mist("find_people", text)
                assert found[0] == {
                    "user": "zoe.zimmer@example.com",
                    "guest": False,
                    "macs": [mac],
                    "records": [record],
                }
            with pytest.raises(BadArguments):
                await it.mist("find_people", "a", limit=1000)


class TestPins:
    async def test_a_pin_outranks_the_network_survives_a_restart_and_can_be_taken_back(self, tmp_path: Path) -> None:
        async with site(tmp_path) as it:
            await it.complete()
            (mac, *_) = it.owns("alice@example.com")
            assert await it.mist("mac_address_mappings", "boss", [mac], "example.com") == [mac]
            it.cloud.stage.emit_stats(mac)
            assert await owner(it, mac) == "boss"
            await it.host("MistWebsocket_1").stop()
            it.host("MistWebsocket_1").start()
            await it.complete()
            assert await owner(it, mac) == "boss"
            assert it.owns("boss@example.com") == [mac]
            assert await it.mist("remove_mac_address_mappings", [mac, OTHER]) == [mac]
            it.cloud.stage.emit_stats(mac)
            await until(lambda: mac in it.owns("alice@example.com"))

    async def test_a_domain_may_be_null_and_macs_may_be_written_in_any_way(self, tmp_path: Path) -> None:
        async with site(tmp_path) as it:
            await it.live()
            assert await it.mist("mac_address_mappings", "zoe", ["00:00:5E:00:53:AA"], None) == [OTHER]
            assert await owner(it, "00-00-5e-00-53-aa") == "zoe"

    async def test_what_is_no_mac_or_no_name_pins_nothing(self, tmp_path: Path) -> None:
        async with site(tmp_path) as it:
            await it.live()
            with pytest.raises(BadArguments, match="MAC"):
                await it.mist("mac_address_mappings", "zoe", [OTHER, "nonsense"])
            with pytest.raises(BadArguments, match="name"):
                await it.mist("mac_address_mappings", "anonymous", [OTHER])
            assert await owner(it, OTHER) is None


class TestForms:
    async def test_macs_and_names(self, tmp_path: Path) -> None:
        async with site(tmp_path) as it:
            assert await it.mist("format_mac", "0x12:34:A6-789B") == "1234a6789b"
            assert await it.mist("format_username", "EXAMPLE\\Alice") == "alice"


def test_levels() -> None:
    levels = {name: command.level for name, command in commands_of(MistWebsocket).items()}
    assert [name for name, level in levels.items() if level is Level.USER] == [
        "maps", "cloud_time", "format_mac", "format_username",
    ]  # fmt: skip
    assert {name for name, level in levels.items() if level is Level.ADMINISTRATOR} == {
        "mac_address_mappings",
        "ip_username_mappings",
        "opt_out",
        "opt_in",
        "export_user",
        "erase_user",
        "audit",
        "remove_mac_address_mappings",
        "get_request",
    }
    assert MistWebsocket.status_info("stream_state").level is Level.USER
    assert MistWebsocket.status_info("cbdb7f0b-3be0-4872-88f9-58790b509c23").level is Level.SUPPORT
