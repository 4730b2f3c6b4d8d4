"""The order and the cost of what the driver asks of the cloud, against the simulated one."""

import asyncio
from pathlib import Path

import pytest

from mistlocate.errors import BudgetSpent, RateLimited
from mistlocate.mist.budget import Purpose
from support.site import SMALL, SYSTEM, Site, site
from support.virtual_site import in_virtual_time, passes, virtual_site
from support.waiting import until


def calls(it: Site) -> list[str]:
    """The REST calls so far, shortened: `maps`, `map 1`, `client`, `clients`, `psks` …"""
    names = {}
    for number, map_id in enumerate(it.maps):
        names[f"/api/v1/sites/{it.cloud.site_id}/stats/maps/{map_id}/clients"] = f"map {number}"
    names[f"/api/v1/sites/{it.cloud.site_id}/maps"] = "maps"
    return [names.get(path, path.rsplit("/", 1)[-1]) for path in it.requests()]


def channels(it: Site) -> set[str]:
    """What the cloud's only session is subscribed to, shortened to the ids of maps (`site` for the site's channel)."""
    (session,) = it.cloud.sessions
    return {channel.split("/")[5] if "/maps/" in channel else "site" for channel in session.channels}


class TestSnapshot:
    async def test_it_costs_two_lists_of_maps_and_one_list_a_map(self, tmp_path: Path) -> None:
        async with site(tmp_path) as it:
            await it.live()
            found = [call for call in calls(it) if call.startswith("map")]
            assert found[:2] == ["maps", "maps"]
            assert sorted(found[2:]) == [f"map {number}" for number in range(len(it.maps))]
            assert it.status("freshness") == {"stale": False, "stale_maps": []}

    async def test_everybody_on_a_map_is_published_where_the_cloud_saw_them(self, tmp_path: Path) -> None:
        async with site(tmp_path) as it:
            await it.complete()
            for each in it.cloud.world.truths():
                if each.mac in it.present:
                    record = it.published(each.mac)
                    assert (record["map_id"], record["x"], record["y"]) == (
                        each.reported_map_id, each.reported_x, each.reported_y,
                    )  # fmt: skip

    async def test_every_channel_is_subscribed(self, tmp_path: Path) -> None:
        async with site(tmp_path) as it:
            await it.live()
            assert channels(it) == {"site", *it.maps}

    async def test_clients_that_left_long_ago_are_on_no_list(self, tmp_path: Path) -> None:
        async with site(tmp_path, rate=120, websocket={"forget_after": 5}) as it:
            await it.complete()
            gone = min(it.present)
            it.cloud.stage.leave(gone)
            await it.cloud.advance(400)
            await it.broken()
            await until(lambda: not it.published(gone))
            await it.live()
            assert not it.published(gone)

    async def test_a_malformed_item_costs_no_other_and_is_counted(self, tmp_path: Path) -> None:
        async with site(tmp_path) as it:
            await it.live()
            it.cloud.faults.inject("map_clients", [None, {"x": 1}, "text", {"mac": "nonsense"}])
            it.cloud.faults.inject("maps", [None, {"name": "no id"}])
            await it.broken()
            await it.complete()
            found = await it.diagnostics()
            assert found["records"]["rejected"] >= 4
            assert any("ClientStats record" in sample["reason"] for sample in found["rejected_samples"])

    async def test_a_list_that_fails_is_asked_for_again_alone(self, tmp_path: Path) -> None:
        async with site(tmp_path) as it:
            await it.complete()
            before = len(calls(it))
            rule = it.cloud.faults.rest(f"maps/{it.maps[1]}/clients", status=500, times=4)
            await it.broken()
            await it.state("degraded")
            await until(lambda: it.status("freshness") == {"stale": False, "stale_maps": [it.maps[1]]})
            assert it.status("stream_reason") == "the clients of 1 map could not be listed"
            assert "HTTP 500" in it.status("problems")["maps_not_listed"][it.maps[1]]
            await it.complete()
            after = calls(it)[before:]
            assert rule.hits == 4
            assert after.count("map 0") == 1
            assert after.count("map 2") == 1
            assert after.count("maps") == 2
            assert it.status("freshness") == {"stale": False, "stale_maps": []}
            assert "maps_not_listed" not in it.status("problems")

    async def test_what_was_listed_is_not_listed_again_after_a_pause(self, tmp_path: Path) -> None:
        async with site(tmp_path) as it:
            await it.complete()
            before = len(calls(it))
            last = len(it.maps) - 1
            rule = it.cloud.faults.rest(
                f"maps/{it.maps[last]}/clients", status=429, headers={"Retry-After": "5"}, times=1, delay=10
            )
            await it.broken()
            await it.complete()
            after = calls(it)[before:]
            assert rule.hits == 1
            assert [after.count(f"map {number}") for number in range(len(it.maps))] == [1] * last + [2]

    async def test_a_list_that_is_not_for_this_token_costs_its_map_only(self, tmp_path: Path) -> None:
        async with site(tmp_path) as it:
            it.cloud.faults.rest(f"maps/{it.maps[1]}/clients", status=403)
            await it.state("degraded")
            await until(lambda: it.status("freshness") == {"stale": False, "stale_maps": [it.maps[1]]})
            asked = it.requests(f"maps/{it.maps[1]}/clients")
            await it.clock.sleep(60)
            assert len(it.requests(f"maps/{it.maps[1]}/clients")) - len(asked) <= 3
            assert it.on_map(it.maps[0]), "the others are there"

    async def test_a_map_that_is_deleted_meanwhile_is_no_trouble(self, tmp_path: Path) -> None:
        async with site(tmp_path) as it:
            await it.live()
            it.cloud.faults.rest(f"maps/{it.maps[1]}/clients", status=404)
            await it.broken()
            await until(lambda: it.status("freshness") == {"stale": False, "stale_maps": [it.maps[1]]})
            it.cloud.stage.remove_map(it.maps[1])
            await it.live()
            assert it.status("freshness") == {"stale": False, "stale_maps": []}

    async def test_a_map_that_the_cloud_denies_for_a_while_is_listed_later(self, tmp_path: Path) -> None:
        async with site(tmp_path) as it:
            await it.live()
            rule = it.cloud.faults.rest(f"maps/{it.maps[1]}/clients", status=404, times=2)
            mac = min(it.present)
            it.cloud.close_all(1001)
            it.cloud.stage.place(mac, it.maps[1], 77.0, 88.0)
            await until(lambda: rule.hits == 2)
            await it.live()
            await it.complete()
            assert mac in it.on_map(it.maps[1])

    @pytest.mark.parametrize("retry_after", ["20"])
    async def test_the_cloud_asks_for_a_pause(self, tmp_path: Path, retry_after: str) -> None:
        async with site(tmp_path) as it:
            await it.live()
            it.cloud.faults.rest("/maps$", status=429, headers={"Retry-After": retry_after}, times=1)
            await it.broken()
            await it.state("degraded")
            sent = len(it.requests())
            await it.clock.sleep(10)
            assert len(it.requests()) == sent, "nothing is sent before its time"
            await it.live()


class TestReconnecting:
    @pytest.mark.parametrize("code", [1000, 1001, 1008, 1011, 1012, 1013])
    async def test_what_happened_meanwhile_is_known_afterwards(self, tmp_path: Path, code: int) -> None:
        async with site(tmp_path) as it:
            await it.complete()
            mac = min(it.present)
            it.cloud.faults.mute()
            it.cloud.stage.place(mac, it.maps[1], 77.0, 88.0)
            it.cloud.faults.unmute()
            await it.broken(code)
            await until(lambda: it.published(mac).get("x") == 77.0)
            assert it.published(mac)["map_id"] == it.maps[1]

    async def test_answers_are_stale_until_the_snapshot_is_in(self, tmp_path: Path) -> None:
        async with site(tmp_path) as it:
            await it.complete()
            rule = it.cloud.faults.rest("/maps$", delay=20)
            await it.broken()
            await until(lambda: it.status("freshness")["stale"])
            records = await it.locations("device_locations", "zone-b")
            assert records
            assert all(record["stale"] for record in records)
            it.cloud.faults.forget(rule)
            await it.live()
            assert not any(record["stale"] for record in await it.locations("device_locations", "zone-b"))

    async def test_a_flapping_line_is_slowed_down_before_it_eats_the_budget(self, tmp_path: Path) -> None:
        async with site(tmp_path, websocket={"rest_budget": 100}) as it:
            await it.live()
            await it.broken()
            await it.live()
            sent = len(it.requests())
            await it.broken()
            await it.clock.sleep(120)
            assert it.status("stream_state") == "connecting"
            assert len(it.requests()) == sent, "two resyncs at once are what a fifth of its share pays for"


class TestMaps:
    async def test_a_new_map_is_noticed_when_a_record_names_it(self, tmp_path: Path) -> None:
        async with site(tmp_path) as it:
            await it.complete()
            mac = min(it.present)
            new = it.cloud.stage.add_map("Annex")
            it.cloud.stage.place(mac, new, 10.0, 20.0)
            it.cloud.stage.emit_stats(mac)
            await until(lambda: new in channels(it))
            await until(lambda: new in {each["id"] for each in it.status("maps")})
            assert it.on_map(new) == {mac}
            assert {each["id"] for each in await it.locations("unmapped_maps")} == {new}

    async def test_a_new_map_is_noticed_without_anybody_on_it(self, tmp_path: Path) -> None:
        async with site(tmp_path, rate=120, websocket={"maps_interval": 2}) as it:
            await it.complete()
            new = it.cloud.stage.add_map("Annex")
            await until(lambda: new in {each["id"] for each in it.status("maps")})
            await until(lambda: it.status(new) == [])

    async def test_a_deleted_map_takes_its_status_and_its_subscription_along(self, tmp_path: Path) -> None:
        async with site(tmp_path, rate=120, websocket={"maps_interval": 2}) as it:
            await it.complete()
            gone = it.maps[1]
            it.cloud.stage.remove_map(gone)
            await until(lambda: gone not in channels(it))
            assert it.status(gone) is None
            assert it.status("problems", "MistLocations_1")["dangling_mappings"] == [gone]

    async def test_so_does_one_that_nobody_was_on(self, tmp_path: Path) -> None:
        empty = SMALL.__class__(seed=1, people=0, floors=2, passers=0)
        async with site(tmp_path, empty, rate=120, websocket={"maps_interval": 2}) as it:
            await it.live()
            gone = it.maps[1]
            await until(lambda: it.status(gone) == [])
            it.cloud.stage.remove_map(gone)
            await until(lambda: it.status(gone) is None)

    async def test_a_map_with_other_coordinates_drops_its_positions_and_lists_its_clients_anew(
        self, tmp_path: Path
    ) -> None:
        async with site(tmp_path, rate=120, websocket={"maps_interval": 2}) as it:
            await it.complete()
            changed = next(map_id for map_id in it.maps if it.on_map(map_id))
            before = {record["mac"]: record["x"] for record in it.status(changed)}
            listed = len(it.requests(f"maps/{changed}/clients"))
            it.cloud.stage.resize_map(changed, 800)
            await until(lambda: len(it.requests(f"maps/{changed}/clients")) > listed)
            await until(lambda: any(record["x"] != before[record["mac"]] for record in it.status(changed)))
            await until(lambda: it.on_map(changed) == set(before))
            assert next(each for each in it.status("maps") if each["id"] == changed)["width"] == 800

    async def test_a_map_that_cannot_be_read_is_not_taken_for_deleted(self, tmp_path: Path) -> None:
        async with site(tmp_path, rate=120, websocket={"maps_interval": 2}) as it:
            await it.complete()
            everyone = {map_id: it.on_map(map_id) for map_id in it.maps}
            rule = it.cloud.faults.rest("/maps$", body=[{"name": "no id"}])
            await until(lambda: rule.hits >= 2)
            assert {each["id"] for each in it.status("maps")} == set(it.maps)
            assert channels(it) == {"site", *it.maps}
            assert {map_id: it.on_map(map_id) for map_id in it.maps} == everyone


EMPTY = SMALL.__class__(seed=1, people=0, floors=2, passers=0)


class TestDueMaps:
    @pytest.mark.parametrize("by", ["sync_clients", "maps", "interval"])
    async def test_a_changed_map_stays_due_until_its_clients_are_listed(self, tmp_path: Path, by: str) -> None:
        async def work() -> None:
            interval = 1 if by == "interval" else 720
            async with virtual_site(tmp_path, EMPTY, websocket={"maps_interval": interval}) as it:
                changed = it.maps[0]
                mac = it.cloud.stage.add_device(username="zoe@example.com", map_id=changed, x=100.0, y=100.0)
                await it.settle()
                await asyncio.sleep(130)
                it.cloud.faults.mute()
                it.cloud.stage.replace_image(changed)
                rule = it.cloud.faults.rest(
                    f"maps/{changed}/clients$", status=429, headers={"Retry-After": "20"}, times=1
                )
                if by != "interval":
                    # Of lists that are asked for side by side the first may be told of the pause that the second met.
                    with pytest.raises((RateLimited, BudgetSpent)):
                        await it.mist(by)
                await passes(lambda: rule.hits, 70)
                await passes(lambda: it.on_map(changed) == set(), 5)
                assert it.status("freshness")["stale_maps"] == [changed]
                assert not it.status("freshness")["stale"]
                await passes(lambda: it.status("freshness")["stale_maps"] == [], 100)
                await passes(lambda: it.on_map(changed) == {mac}, 5)

        await in_virtual_time(work)

    async def test_places_are_gone_before_the_sizes_change(self, tmp_path: Path) -> None:
        async def work() -> None:
            async with virtual_site(tmp_path, EMPTY, websocket={"maps_interval": 720, "publish_interval": 30}) as it:
                changed = it.maps[0]
                it.cloud.stage.add_device(username="zoe@example.com", map_id=changed, x=100.0, y=100.0)
                await it.settle()
                await asyncio.sleep(130)
                it.cloud.faults.mute()
                it.cloud.stage.resize_map(changed, 400)
                it.cloud.faults.rest(f"maps/{changed}/clients$", delay=20, times=1)
                seen = []

                def note(_: object) -> None:
                    width = next(each["width"] for each in it.status("maps") if each["id"] == changed)
                    seen.append((width, [record["x"] for record in it.status(changed)]))

                it.engine.follow(SYSTEM, "MistWebsocket_1", "maps", note)
                it.engine.follow(SYSTEM, "MistWebsocket_1", changed, note)
                await it.mist("maps")
                await asyncio.sleep(60)
                assert seen[0] == (1600, [100.0])
                assert seen[-1] == (400, [25.0])
                assert (400, [100.0]) not in seen

        await in_virtual_time(work)

    async def test_a_list_from_before_the_change_settles_nothing(self, tmp_path: Path) -> None:
        async def work() -> None:
            async with virtual_site(tmp_path, EMPTY) as it:
                await it.settle()
                changed = it.maps[0]
                sync = it.host("MistWebsocket_1").life.module._driver._site.connection.sync  # type: ignore[union-attr]
                slow = it.cloud.faults.rest(f"maps/{changed}/clients$", delay=10, times=1)
                asyncio.get_running_loop().create_task(sync.list_map(changed, Purpose.BACKGROUND))
                await passes(lambda: slow.hits, 5)
                it.cloud.faults.rest(f"maps/{changed}/clients$", status=429, headers={"Retry-After": "60"}, times=1)
                it.cloud.stage.replace_image(changed)
                with pytest.raises(RateLimited):
                    await it.mist("maps")
                await asyncio.sleep(30)
                assert it.status("freshness")["stale_maps"] == [changed]
                await passes(lambda: it.status("freshness")["stale_maps"] == [], 120)

        await in_virtual_time(work)


class TestSilence:
    async def test_what_no_granted_channel_could_have_told_contradicts_nothing(self, tmp_path: Path) -> None:
        async def work() -> None:
            async with virtual_site(tmp_path, EMPTY) as it:
                it.cloud.faults.refuse_channels(f"/sites/{it.cloud.site_id}/stats/clients$")
                unlocated = it.cloud.stage.add_device(username="zoe@example.com", located=False)
                mac = it.cloud.stage.add_device(username="alice@example.com", map_id=it.maps[0], x=1.0, y=2.0)
                await passes(it.state_is("degraded"), 30)
                for _ in range(30):
                    it.cloud.stage.emit_stats(unlocated)
                    await asyncio.sleep(60)
                assert (await it.diagnostics())["stream"]["connections"] == 1
                it.cloud.faults.mute()
                for _ in range(20):
                    it.cloud.stage.place(mac, it.maps[0], 5.0, 6.0)
                    it.cloud.stage.emit_stats(mac)
                    await asyncio.sleep(60)
                found = (await it.diagnostics())["stream"]
                assert found["connections"] > 1, "a map's own channel should have told of this one"
                assert "silent" in found["last_failure"]

        await in_virtual_time(work)

    async def test_a_connection_on_which_nothing_is_answered_is_not_excused(self, tmp_path: Path) -> None:
        async def work() -> None:
            async with virtual_site(tmp_path, EMPTY) as it:
                it.cloud.faults.drop_acks(".*")
                mac = it.cloud.stage.add_device(username="alice@example.com", map_id=it.maps[0], x=1.0, y=2.0)
                it.cloud.faults.mute()
                await passes(it.state_is("degraded"), 60)
                for _ in range(5):
                    it.cloud.stage.emit_stats(mac)
                    await asyncio.sleep(60)
                assert (await it.diagnostics())["stream"]["connections"] > 1

        await in_virtual_time(work)

    async def test_a_quiet_building_is_quiet(self, tmp_path: Path) -> None:
        async with site(tmp_path) as it:
            await it.complete()
            await it.state("quiet")
            mac = min(it.present)
            it.cloud.stage.emit_position(mac)
            await it.live()

    async def test_a_stream_that_lost_its_voice_is_found_out_and_replaced(self, tmp_path: Path) -> None:
        async with site(tmp_path) as it:
            await it.complete()
            mac = min(it.present)
            it.cloud.faults.mute()
            await it.clock.sleep(80)
            it.cloud.stage.place(mac, it.maps[0], 5.0, 6.0)
            it.cloud.stage.emit_stats(mac)
            await until(lambda: it.published(mac).get("x") == 5.0)
            await it.state("degraded", "connecting", "subscribing")
            await it.live()
            assert (await it.diagnostics())["stream"]["connections"] == 2
            assert "silent" in (await it.diagnostics())["stream"]["last_failure"]

    async def test_what_was_seen_about_when_it_fell_silent_contradicts_nothing(self, tmp_path: Path) -> None:
        async with site(tmp_path, SMALL.__class__(seed=1, people=0, floors=2, passers=0)) as it:
            await it.live()
            seen = {"mac": "00005e00aaaa", "last_seen": it.cloud.now() + 10}
            it.cloud.faults.rest("/stats/clients$", body=[seen])
            await it.state("quiet")
            assert (await it.diagnostics())["stream"]["connections"] == 1

    async def test_a_record_from_another_time_contradicts_nothing(self, tmp_path: Path) -> None:
        async with site(tmp_path) as it:
            await it.complete()
            ahead = {"mac": "00005e00aaaa", "last_seen": it.cloud.now() + 7200}
            it.cloud.faults.rest("/stats/clients$", body=[ahead])
            await it.state("quiet")
            assert (await it.diagnostics())["stream"]["connections"] == 1


async def test_a_busy_campus_ends_as_the_cloud_has_it(tmp_path: Path) -> None:
    """People walk, change floors, leave and come back while the line breaks now and then; then all is compared."""
    async with site(tmp_path, SMALL.__class__(seed=3, people=40, floors=3), moving=True, rate=30) as it:
        await it.live()
        for _ in range(5):
            await it.clock.sleep(25)
            await it.broken()
            await it.live()
        it.cloud._autorun = False
        await it.clock.sleep(2)

        def agrees() -> bool:
            truths = {each.mac: each for each in it.cloud.world.truths() if each.mac in it.present}
            return all(it.published(mac).get("map_id") == truth.reported_map_id for mac, truth in truths.items())

        await until(agrees)
