"""What the stream does not carry: when it is asked for, and what it costs."""

import asyncio
from pathlib import Path

import pytest

from mistlocate.drivers.mist_websocket import enrich
from mistlocate.simulator import Campus
from support.site import Site, site
from support.virtual_site import in_virtual_time, passes, virtual_site
from support.waiting import until

EMPTY = Campus(seed=1, people=0, floors=2, passers=0)


def fetched(it: Site, mac: str) -> int:
    """How often a client's record was fetched alone."""
    return len(it.requests(f"/stats/clients/{mac}"))


def with_key(it: Site, key: str) -> str:
    """A device on the first floor that uses a key and has no name of 802.1X."""
    return it.cloud.stage.add_device(kind="psk", psk_id=key, map_id=it.maps[0], x=1.0, y=2.0)


def told(it: Site, mac: str, map_id: str) -> None:
    """A position frame about somebody whom REST does not know."""
    channel = f"/sites/{it.cloud.site_id}/stats/maps/{map_id}/clients"
    frame = f'{{"mac": "{mac}", "map_id": "{map_id}", "x": 5, "y": 6}}'
    it.cloud.send_raw(f'{{"event": "data", "channel": "{channel}", "data": {frame}}}')


class TestUnknownClients:
    async def test_a_client_that_only_a_position_names_is_placed_at_once_and_fetched_once(self, tmp_path: Path) -> None:
        async with site(tmp_path, EMPTY) as it:
            await it.live()
            it.cloud.faults.mute()
            mac = it.cloud.stage.add_device(username="alice@example.com", map_id=it.maps[0], x=1.0, y=2.0)
            it.cloud.faults.unmute()
            held = it.cloud.faults.rest(f"/stats/clients/{mac}", delay=5)
            for step in range(20):
                it.cloud.stage.place(mac, it.maps[0], 10.0 + step, 20.0)
            await until(lambda: it.published(mac).get("x") == 29.0)
            await until(lambda: held.hits == 1)
            assert it.published(mac)["last_seen_from"] == "arrival"
            assert it.published(mac)["manufacture"] is None, "its record is still on the way"
            await until(lambda: it.published(mac)["manufacture"])
            assert it.published(mac)["x"] == 29.0, "the record is older than the frames"
            assert await it.mist("ownership_of", mac) == "alice"
            assert fetched(it, mac) == 1

    async def test_many_unknown_clients_are_asked_for_as_lists(self, tmp_path: Path) -> None:
        async with site(tmp_path, EMPTY) as it:
            await it.live()
            it.cloud.faults.mute()
            macs = [it.cloud.stage.add_device(map_id=it.maps[n % 2], x=float(n), y=2.0) for n in range(60)]
            it.cloud.faults.unmute()
            asked = len(it.requests("/stats/"))
            for mac in macs:
                it.cloud.stage.emit_position(mac)
            await until(lambda: all(it.published(mac).get("manufacture") for mac in macs))
            assert len(it.requests("/stats/")) - asked <= 4
            assert sum(fetched(it, mac) for mac in macs) == 0

    async def test_a_client_that_the_cloud_does_not_know_is_left_alone(self, tmp_path: Path) -> None:
        async with site(tmp_path, EMPTY) as it:
            await it.live()
            mac = it.cloud.stage.add_device(map_id=it.maps[0], x=1.0, y=2.0)
            it.cloud.faults.rest(f"/stats/clients/{mac}", status=404)
            it.cloud.faults.mute()
            it.cloud.stage.remove(mac)
            it.cloud.faults.unmute()
            frame = f'{{"mac": "{mac}", "map_id": "{it.maps[0]}", "x": 5, "y": 6}}'
            channel = f"/sites/{it.cloud.site_id}/stats/maps/{it.maps[0]}/clients"
            it.cloud.send_raw(f'{{"event": "data", "channel": "{channel}", "data": {frame}}}')
            other = "da1119c0ffee"
            it.cloud.send_raw(f'{{"event": "data", "channel": "{channel}", "data": {frame.replace(mac, other)}}}')
            await until(lambda: fetched(it, other) == 1)
            for _ in range(5):
                it.cloud.send_raw(f'{{"event": "data", "channel": "{channel}", "data": {frame.replace(mac, other)}}}')
            await it.clock.sleep(30)
            assert fetched(it, other) == 1
            assert it.published(other)["x"] == 5

    async def test_any_number_that_the_cloud_does_not_know_costs_a_bounded_part_of_the_budget(
        self, tmp_path: Path
    ) -> None:
        async def work() -> None:
            async with virtual_site(tmp_path, Campus(seed=1, people=0, floors=9, passers=0)) as it:
                await it.settle()
                lists, singles = len(it.requests("/stats/maps/")), len(it.requests("/stats/clients/"))
                before = (await it.diagnostics())["rest_budget"]["used_for"]
                a_minute = []
                for _ in range(10):
                    asked = len(it.requests("/stats/"))
                    for number in range(200):
                        told(it, f"00005e10{number:04x}", it.maps[number % 10])
                    await asyncio.sleep(60)
                    a_minute.append(len(it.requests("/stats/")) - asked)
                assert 30 <= max(a_minute) <= 42  # half of 5,000 in 60 minutes, and the list of the site
                assert len(it.requests("/stats/maps/")) - lists == 10, "each map once for all who wait"
                found = it.requests("/stats/clients/")[singles:]
                assert len(found) == len(set(found)) == 200, "and then each alone, once"
                after = (await it.diagnostics())["rest_budget"]["used_for"]
                assert after["background"] - before["background"] >= 210
                assert it.published("00005e100000")["x"] == 5

        await in_virtual_time(work)

    async def test_who_is_known_does_not_wait_behind_those_who_are_not(self, tmp_path: Path) -> None:
        async def work() -> None:
            async with virtual_site(tmp_path, EMPTY) as it:
                await it.settle()
                for number in range(200):
                    told(it, f"00005e10{number:04x}", it.maps[number % 2])
                await asyncio.sleep(90)
                it.cloud.faults.mute()
                mac = it.cloud.stage.add_device(username="alice@example.com", map_id=it.maps[0], x=1.0, y=2.0)
                it.cloud.faults.unmute()
                it.cloud.stage.emit_position(mac)
                await passes(lambda: it.published(mac).get("manufacture"), 70)

        await in_virtual_time(work)

    async def test_a_record_that_cannot_be_read_does_not_hold_up_the_next(self, tmp_path: Path) -> None:
        async with site(tmp_path, EMPTY) as it:
            await it.live()
            it.cloud.faults.mute()
            bad, good = (it.cloud.stage.add_device(map_id=it.maps[0], x=1.0, y=2.0) for _ in range(2))
            it.cloud.faults.unmute()
            it.cloud.faults.rest(f"/stats/clients/{bad}", body={"mac": "nonsense"})
            it.cloud.stage.emit_position(bad)
            it.cloud.stage.emit_position(good)
            await until(lambda: it.published(good).get("manufacture"))
            assert it.published(bad)["x"] == 1.0


class TestUnlocatedClients:
    async def test_they_are_listed_well_after_the_stream_is_live(self, tmp_path: Path) -> None:
        async with site(tmp_path, rate=120) as it:
            it.cloud.stage.add_device(username="zoe@example.com", located=False)
            await it.live()
            live_since = it.clock.monotonic()
            assert it.requests("/stats/clients") == []
            await until(lambda: it.requests("/stats/clients"))
            assert it.clock.monotonic() - live_since > 50
            await until(lambda: it.owns("zoe@example.com"))
            await it.clock.sleep(200)
            lists = [
                call for call in it.cloud.requests if call.path.endswith("/stats/clients") and "1000" in call.query
            ]
            assert len(lists) == 1, "once a connection"


class TestKeys:
    async def test_nobody_asks_for_keys_that_nobody_uses(self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr(enrich, "KEYS_AT_MOST_EVERY", 5.0)
        monkeypatch.setattr(enrich, "KEYS_EVERY", 6.0)
        async with site(tmp_path, EMPTY) as it:
            it.cloud.stage.add_device(username="alice@example.com", map_id=it.maps[0], x=1.0, y=2.0)
            await it.complete()
            await it.clock.sleep(60)
            assert it.requests("/psks") == []

    async def test_a_key_names_its_owner_whether_of_the_organisation_or_of_the_site(self, tmp_path: Path) -> None:
        async with site(tmp_path, EMPTY) as it:
            stage = it.cloud.stage
            org = stage.add_psk("bob@example.com")
            own = stage.add_psk("Zoe's tablet", email="zoe@example.com", site_id=it.cloud.site_id, max_usage=3)
            shared = stage.add_psk("displays", email="it@example.com")
            macs = [
                stage.add_device(kind="psk", psk_id=key, map_id=it.maps[0], x=1.0, y=2.0) for key in (org, own, shared)
            ]
            await it.complete()
            await until(lambda: it.requests("/psks"))

            async def owners() -> list[str | None]:
                return [await it.mist("ownership_of", mac) for mac in macs]

            async def learned() -> bool:
                return await owners() == ["bob", "zoe", None]

            await until(learned)
            assert len(it.requests("/psks")) == 2

    async def test_keys_are_read_again_after_settings_changed_the_connection(self, tmp_path: Path) -> None:
        async with site(tmp_path, EMPTY) as it:
            key = it.cloud.stage.add_psk("bob@example.com")
            with_key(it, key)
            await it.complete()
            await until(lambda: len(it.requests("/psks")) == 2)
            await it.engine.reload(it.reconfigured({"read_timeout": 20}))
            await until(lambda: len(it.requests("/psks")) == 4)

    async def test_a_name_of_8021x_outranks_the_key(self, tmp_path: Path) -> None:
        async with site(tmp_path, EMPTY) as it:
            key = it.cloud.stage.add_psk("bob@example.com")
            mac = it.cloud.stage.add_device(username="alice@example.com", psk_id=key, map_id=it.maps[0], x=1.0, y=2.0)
            await it.complete()
            assert await it.mist("ownership_of", mac) == "alice"

    async def test_keys_that_may_not_be_read_are_said_so(self, tmp_path: Path) -> None:
        async with site(tmp_path, EMPTY) as it:
            it.cloud.faults.rest("/orgs/.*/psks", status=403, body={"detail": "no permission"})
            key = it.cloud.stage.add_psk("zoe@example.com", site_id=it.cloud.site_id)
            mac = with_key(it, key)
            await it.live()

            async def learned() -> bool:
                return await it.mist("ownership_of", mac) == "zoe"

            await until(learned)
            problems = await until(lambda: it.status("problems").get("pre_shared_keys"))
            assert "no permission" in problems["orgs"]

    async def test_a_list_of_keys_that_may_not_be_read_is_left_alone_and_the_other_is_not(self, tmp_path: Path) -> None:
        async def work() -> None:
            async with virtual_site(tmp_path, EMPTY) as it:
                refused = it.cloud.faults.rest("/orgs/.*/psks", status=403)
                other = it.cloud.faults.rest("/sites/.*/psks")
                mac = with_key(it, it.cloud.stage.add_psk("bob@example.com"))
                for _ in range(60):
                    it.cloud.stage.emit_stats(mac)
                    await asyncio.sleep(60)
                # Three tries, and then at most one in each quarter of the rest of the hour.
                assert 3 < refused.hits <= 3 + 3
                assert other.hits >= 11
                assert "pre_shared_keys" in it.status("problems")
                it.cloud.faults.forget(refused)
                await passes(lambda: it.tracker().owners.owner_of(mac) is not None, 1800)
                await passes(lambda: "pre_shared_keys" not in it.status("problems"), 10)

        await in_virtual_time(work)

    async def test_lists_that_could_not_all_be_read_say_nothing_of_a_key(self, tmp_path: Path) -> None:
        async def work() -> None:
            async with virtual_site(tmp_path, EMPTY) as it:
                it.cloud.faults.rest("/orgs/.*/psks", status=403)
                mac = with_key(it, it.cloud.stage.add_psk("alice@example.com"))
                await passes(lambda: mac in it.on_map(it.maps[0]), 60)
                await it.locations("opt_out", "alice@example.com")
                for _ in range(30):
                    it.cloud.stage.emit_stats(mac)
                    await asyncio.sleep(60)
                    assert mac not in it.on_map(it.maps[0])

        await in_virtual_time(work)

    async def test_lists_that_are_on_their_way_say_nothing_of_a_key_that_is_used_meanwhile(
        self, tmp_path: Path
    ) -> None:
        async def work() -> None:
            async with virtual_site(tmp_path, EMPTY) as it:
                slow = it.cloud.faults.rest("/sites/.*/psks", delay=30)
                first = it.cloud.stage.add_psk("bob@example.com")
                other = with_key(it, first)
                await passes(lambda: slow.hits, 60)
                await it.locations("opt_out", "alice@example.com")
                second = it.cloud.stage.add_psk("alice@example.com")
                mac = with_key(it, second)
                it.cloud.stage.remove_psk(second)  # the lists were made before it was
                await passes(lambda: mac in it.tracker().roster.clients, 10)
                await passes(lambda: first in it.tracker().keys, 60)
                await passes(lambda: other in it.on_map(it.maps[0]), 10)
                assert mac not in it.on_map(it.maps[0])

        await in_virtual_time(work)

    async def test_a_new_key_is_looked_for_but_not_all_the_time(self, tmp_path: Path) -> None:
        async with site(tmp_path, EMPTY, rate=200) as it:
            stage = it.cloud.stage
            first = stage.add_device(
                kind="psk", psk_id=stage.add_psk("bob@example.com"), map_id=it.maps[0], x=1.0, y=2.0
            )
            await it.live()
            await until(lambda: len(it.requests("/psks")) == 2)
            second = stage.add_device(
                kind="psk", psk_id=stage.add_psk("zoe@example.com"), map_id=it.maps[0], x=1.0, y=2.0
            )
            await it.clock.sleep(200)
            assert len(it.requests("/psks")) == 2

            async def learned() -> bool:
                stage.emit_stats(second)
                return await it.mist("ownership_of", second) == "zoe"

            await until(learned)
            assert len(it.requests("/psks")) == 4
            assert await it.mist("ownership_of", first) == "bob"

    async def test_passphrases_are_nowhere(self, tmp_path: Path) -> None:
        async with site(tmp_path, EMPTY) as it:
            key = it.cloud.stage.add_psk("bob@example.com")
            it.cloud.faults.rest("/psks", body=[{"id": key, "name": "bob@example.com", "passphrase": "correct horse"}])
            with_key(it, key)
            await it.live()
            await until(lambda: len(it.requests("/psks")) == 2)
            await asyncio.sleep(0)
            assert "correct horse" not in repr(vars(it.tracker()))
