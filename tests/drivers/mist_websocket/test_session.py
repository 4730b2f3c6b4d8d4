"""Settings that change, tokens that are refused or rotated, states that are told."""

import asyncio
from pathlib import Path
from typing import Any

import pytest

from mistlocate.errors import (
    CannotConnect,
    CloudTrouble,
    ConnectionLost,
    ModuleUnavailable,
    NotFound,
    SettingsError,
    TokenRefused,
)
from mistlocate.simulator import Campus
from support.servers import raw_server
from support.site import SMALL, Site, site
from support.virtual_site import in_virtual_time, passes, virtual_site
from support.waiting import until


async def change(it: Site, **settings: Any) -> None:
    await it.engine.reload(it.reconfigured(settings))


async def _defect() -> None:
    raise ZeroDivisionError


class TestChanges:
    async def test_what_needs_no_connection_does_not_break_it(self, tmp_path: Path) -> None:
        async with site(tmp_path) as it:
            await it.complete()
            sessions = list(it.cloud.sessions)
            await change(
                it, publish_interval=2, forget_after=60, silence_limit=300, maps_interval=30, rest_budget=1000,
                ignore_usernames=["svc-"], domain_aliases={"A": "b.example"},
            )  # fmt: skip
            await it.clock.sleep(20)
            found = await it.diagnostics()
            assert found["stream"]["connections"] == 1
            assert list(it.cloud.sessions) == sessions
            assert found["rest_budget"]["limit"] == 1000

    async def test_intervals_and_limits_hold_at_once(self, tmp_path: Path) -> None:
        async def work() -> None:
            slow = {"maps_interval": 720, "silence_limit": 3600}
            async with virtual_site(tmp_path, Campus(seed=1, people=0, floors=1, passers=0), websocket=slow) as it:
                await it.settle()
                await asyncio.sleep(300)
                before = len(it.requests("/maps"))
                await change(it, maps_interval=2)
                await passes(lambda: len(it.requests("/maps")) > before, 61)
                await asyncio.sleep(600)
                assert 5 <= len(it.requests("/maps")) - before <= 6
                await change(it, maps_interval=720)
                await change(it, silence_limit=60)
                await passes(it.state_is("quiet"), 2)
                before = len(it.requests("/maps"))
                await change(it, silence_limit=90)
                await asyncio.sleep(600)
                assert len(it.requests("/maps")) - before <= 1, "what has not changed begins nothing anew"

        await in_virtual_time(work)

    async def test_many_changes_leave_nothing_behind(self, tmp_path: Path) -> None:
        async with site(tmp_path) as it:
            await it.complete()
            mac, published = min(it.present), dict(it.published(min(it.present)))
            tasks = len(asyncio.all_tasks())
            for number in range(200):
                await change(it, publish_interval=1 + number % 2, silence_limit=90 + number)
            await until(lambda: len(asyncio.all_tasks()) == tasks)
            assert it.published(mac) == published
            assert (await it.diagnostics())["stream"]["connections"] == 1

    async def test_a_change_of_connection_keeps_everybody_where_they_were(self, tmp_path: Path) -> None:
        async with site(tmp_path) as it:
            await it.complete()
            before = {map_id: it.on_map(map_id) for map_id in it.maps}
            tasks = len(asyncio.all_tasks())
            await change(it, read_timeout=20)
            assert {map_id: it.on_map(map_id) for map_id in it.maps} == before
            await it.state("connecting", "subscribing", "live")
            await it.complete()
            await until(lambda: len(it.cloud.sessions) == 1)
            await until(lambda: len(asyncio.all_tasks()) == tasks)

    async def test_another_site_forgets_everybody_and_keeps_the_owners(self, tmp_path: Path) -> None:
        async with site(tmp_path) as it:
            await it.complete()
            maps, owned = it.maps, it.owns("alice@example.com")
            unlocated = it.cloud.stage.add_device(username="zoe@example.com", located=False)
            await until(lambda: it.tracker().roster.get(unlocated))
            annex = next(each.id for each in it.cloud.world.sites.values() if each.id != it.cloud.site_id)
            await change(it, site_id=annex)
            await until(lambda: all(it.status(map_id) is None for map_id in maps))
            annex_maps = {each.id for each in it.cloud.world.maps_of(annex)}
            await until(lambda: {each["id"] for each in it.status("maps") or ()} == annex_maps)
            await it.live()
            assert it.tracker().roster.get(unlocated) is None
            assert owned
            assert it.owns("alice@example.com") == owned

    async def test_whole_records_on_demand_and_back(self, tmp_path: Path) -> None:
        async with site(tmp_path) as it:
            await it.complete()
            mac = min(it.present)
            assert "tx_rate" not in it.published(mac)
            await change(it, client_fields="all")
            await until(lambda: it.published(mac).get("tx_rate") is not None)
            await change(it, client_fields="needed")
            await until(lambda: "tx_rate" not in it.published(mac))
            assert (await it.diagnostics())["stream"]["connections"] == 1

    async def test_names_to_be_ignored_vanish_at_once_and_can_come_back(self, tmp_path: Path) -> None:
        async with site(tmp_path) as it:
            await it.complete()
            (mac, *_) = it.owns("alice@example.com")
            await change(it, ignore_usernames=["alice"])
            await until(lambda: not it.owns("alice@example.com"))
            assert await it.mist("ownership_of", mac) is None
            assert await it.locations("locate_user", "alice@example.com") == []
            await change(it, ignore_usernames=[])
            await until(lambda: it.owns("alice@example.com"))

    async def test_settings_that_cannot_be_used_leave_those_before(self, tmp_path: Path) -> None:
        async with site(tmp_path) as it:
            await it.complete()
            host = it.host("MistWebsocket_1")
            with pytest.raises(Exception, match="publish_interval"):
                await host.save({"publish_interval": 1000}, ())
            assert host.settings["publish_interval"] == 1
            assert (await it.diagnostics())["stream"]["connections"] == 1


class TestTokens:
    async def test_a_refused_token_is_given_up_soon_and_taken_up_with_new_settings(self, tmp_path: Path) -> None:
        async with site(tmp_path, rate=120) as it:
            await it.complete()
            old = it.cloud.token
            new = it.cloud.tokens.add("read")
            it.cloud.revoke(old)
            await it.broken()
            await it.state("auth_failed")
            # A list of keys may have been on its way when the token was revoked: it is no try of its own.
            assert len([call for call in it.cloud.requests if call.status == 401 and "stream" in call.path]) <= 3
            await it.clock.sleep(10)
            tried = [call for call in it.cloud.requests if call.status == 401]
            assert len(tried) <= 4
            await it.clock.sleep(300)
            assert len([call for call in it.cloud.requests if call.status == 401]) == len(tried)
            with pytest.raises(TokenRefused):
                await it.mist("maps")
            assert "another cloud instance" in it.status("stream_reason") or "401" in it.status("stream_reason")
            await change(it, api_token=new)
            await it.complete()
            assert not it.status("freshness")["stale"]

    async def test_answers_go_on_and_are_marked_stale(self, tmp_path: Path) -> None:
        async with site(tmp_path, locations={"max_location_age": 1000}) as it:
            await it.complete()
            it.cloud.revoke(it.cloud.token)
            await it.broken()
            await it.state("auth_failed")
            records = await it.locations("device_locations", "zone-b")
            assert records
            assert all(record["stale"] for record in records)

    async def test_a_token_that_is_revoked_while_connected_is_noticed_by_rest(self, tmp_path: Path) -> None:
        async with site(tmp_path, websocket={"maps_interval": 1}) as it:
            await it.complete()
            it.cloud.revoke(it.cloud.token)
            await it.state("auth_failed")

    async def test_sync_clients_tries_a_refused_token_again(self, tmp_path: Path) -> None:
        async with site(tmp_path) as it:
            await it.complete()
            rule = it.cloud.faults.refuse_handshakes(401)
            await it.broken()
            await it.state("auth_failed")
            it.cloud.faults.forget(rule)
            with pytest.raises(ModuleUnavailable, match="tried again"):
                await it.mist("sync_clients")
            await it.complete()

    async def test_a_rotated_token_file_is_read_without_a_restart(self, tmp_path: Path) -> None:
        path = tmp_path / "token"
        async with site(tmp_path) as probe:
            first = probe.cloud.token
        path.write_text(first)
        async with site(tmp_path, websocket={"api_token": None, "api_token_file": "token"}) as it:
            await it.complete()
            path.write_text(it.cloud.rotate() + "\n")
            await it.broken()
            answered = len(it.cloud.requests)
            await it.live()
            assert 200 in {call.status for call in list(it.cloud.requests)[answered:]}
            assert it.host("MistWebsocket_1").life.module._driver._site._token == it.cloud.token  # type: ignore[union-attr]

    async def test_a_token_file_that_is_missing_says_so_and_is_waited_for(self, tmp_path: Path) -> None:
        async with site(tmp_path, websocket={"api_token": None, "api_token_file": "token"}) as it:
            await it.state("auth_failed")
            assert "api_token_file" in it.status("stream_reason")
            with pytest.raises(ModuleUnavailable, match="api_token_file"):
                await it.mist("maps")
            (tmp_path / "token").write_text(it.cloud.token)
            await it.complete()

    async def test_there_is_never_more_than_one_connection(self, tmp_path: Path) -> None:
        path = tmp_path / "token"
        other = tmp_path / "other"
        path.write_text("x")
        async with site(tmp_path, websocket={"api_token": None, "api_token_file": "token"}) as it:
            path.write_text(it.cloud.token)
            other.write_text(it.cloud.tokens.add("read"))
            await it.complete()
            session = it.host("MistWebsocket_1").life.module._driver._site  # type: ignore[union-attr]
            changed = session.settings.model_copy(update={"api_token_file": other})
            await asyncio.gather(session.update(changed), session._watch_token_file(), session._watch_token_file())
            await it.live()
            assert len([task for task in asyncio.all_tasks() if task.get_name().endswith("/connection")]) == 1
            assert len(it.cloud.sessions) == 1


class TestTelling:
    async def test_state_reason_and_freshness(self, tmp_path: Path) -> None:
        async with site(tmp_path) as it:
            await it.complete()
            assert it.status("stream_state") == "live"
            assert it.status("stream_reason") == "all channels acknowledged, snapshot complete"
            assert it.status("connected") is True
            assert it.status("driver")["name"] == "mistlocate"
            assert it.status("problems") == {}
            await until(lambda: it.status("last_frame"))
            assert abs(it.status("last_frame") - it.clock.wall()) < 60

    async def test_a_refused_channel_concerns_its_floor_only(self, tmp_path: Path) -> None:
        async with site(tmp_path) as it:
            await it.complete()
            it.cloud.faults.refuse_channels(f"maps/{it.maps[0]}/", detail="not for you")
            await it.broken()
            await it.state("degraded")
            await until(lambda: it.status("freshness") == {"stale": False, "stale_maps": [it.maps[0]]})
            (refused,) = it.status("problems")["refused_channels"]
            assert refused["detail"] == "not for you"
            await until(lambda: it.on_map(it.maps[0]))
            first = await it.locations("device_locations", "zone-0")
            others = await it.locations("device_locations", "zone-1")
            assert all(record["stale"] for record in first)
            assert not any(record["stale"] for record in others)

    async def test_an_acknowledgement_that_never_comes(self, tmp_path: Path) -> None:
        async with site(tmp_path) as it:
            await it.complete()
            rule = it.cloud.faults.drop_acks(f"maps/{it.maps[0]}/")
            await it.broken()
            await it.state("degraded")
            assert "1 of 4 channels not acknowledged" in it.status("stream_reason")
            assert it.status("problems")["unanswered_channels"]
            it.cloud.faults.forget(rule)
            await it.live()
            assert "unanswered_channels" not in it.status("problems")

    async def test_the_clouds_clock_is_followed(self, tmp_path: Path) -> None:
        async with site(tmp_path) as it:
            await it.complete()
            it.cloud.faults.skew(3600)
            await it.broken()
            await it.live()
            await until(lambda: 3590 < (it.status("clock_offset") or 0) < 3610)
            mac = min(it.present)
            it.cloud.stage.emit_stats(mac)

            async def located() -> list[dict[str, Any]]:
                return [each for each in await it.locations("device_locations", "zone-b") if each["mac"] == mac]

            (record,) = await until(located)
            assert record["last_seen"] > it.clock.wall() + 3000


async def test_unloading_closes_the_stream(tmp_path: Path) -> None:
    async with site(tmp_path, SMALL) as it:
        await it.complete()
        await it.host("MistWebsocket_1").stop()
        await until(lambda: not it.cloud.sessions)

    @pytest.mark.parametrize("how", ["stop", "crash"])
    async def test_a_module_that_does_not_run_looks_like_it(self, tmp_path: Path, how: str) -> None:
        async with site(tmp_path) as it:
            await it.complete()
            host = it.host("MistWebsocket_1")
            if how == "stop":
                await host.stop()
            else:
                host.life.module._driver._tasks.create_task(_defect())  # type: ignore[union-attr]
                await until(lambda: it.status("connected") is False)
            assert it.status("stream_state") is None
            assert not any(it.status(map_id) for map_id in it.maps)
            if how == "stop":
                assert it.status("connected") is False
                host.start()
            await it.complete()
            assert it.status("freshness")["stale"] is False


class TestWhatAnIntegratorGetsWrong:
    async def test_a_site_that_is_not_there(self, tmp_path: Path) -> None:
        async with site(tmp_path, websocket={"site_id": "00000000-0000-0000-0000-000000000000"}) as it:
            await it.state("degraded")
            assert "check the site id" in it.status("stream_reason")
            with pytest.raises(NotFound, match="no such object") as raised:
                await it.mist("maps")
            assert raised.value.hint == "check the site id and the cloud instance"
            await change(it, site_id=it.cloud.site_id)
            await it.complete()

    async def test_a_host_that_nobody_answers_at(self, tmp_path: Path) -> None:
        async with site(tmp_path, websocket={"rest_host": "http://127.0.0.1:1"}) as it:
            await until(lambda: "cannot connect to 127.0.0.1" in (it.status("stream_reason") or ""))
            assert it.status("stream_state") == "connecting"
            assert await it.locations("locate_user", "alice@example.com") == []
            with pytest.raises(CannotConnect, match=r"cannot connect to 127\.0\.0\.1") as raised:
                await it.mist("maps")
            assert "check the host name" in str(raised.value.hint)
            await change(it, rest_host=it.cloud.url)
            await it.complete()

    async def test_a_host_that_is_no_mist_cloud(self, tmp_path: Path) -> None:
        page = b"<html>It works!</html>"

        async def answer(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
            while await reader.readuntil(b"\r\n\r\n"):
                writer.write(b"HTTP/1.1 200 OK\r\nContent-Length: %d\r\n\r\n%s" % (len(page), page))

        async with (
            raw_server(answer) as port,
            site(tmp_path, websocket={"rest_host": f"http://127.0.0.1:{port}"}) as it,
        ):
            await until(lambda: "check the stream's host" in (it.status("stream_reason") or ""))
            with pytest.raises(CloudTrouble, match="no JSON") as raised:
                await it.mist("maps")
            assert "REST host" in str(raised.value.hint)

    @pytest.mark.parametrize(
        ("settings", "told"),
        [
            ({"proxy": "proxy.example:3128"}, "not the address of a proxy"),
            ({"proxy": "socks5://127.0.0.1:1"}, "not the address of a proxy"),
            ({"proxy": "http://127.0.0.1:99999"}, "proxy"),
            ({"rest_host": "api..mist.com"}, "not a host name"),
        ],
    )
    async def test_what_can_be_told_before_is_refused(
        self, tmp_path: Path, settings: dict[str, Any], told: str
    ) -> None:
        async with site(tmp_path) as it:
            await it.complete()
            with pytest.raises(SettingsError, match=told):
                await it.engine.reload(it.reconfigured(settings))
            assert it.host("MistWebsocket_1").restarts == 0
            assert it.status("stream_state") == "live"

    @pytest.mark.parametrize("kind", ["missing", "no certificate"])
    async def test_a_file_of_authorities_that_cannot_be_used_is_told_and_crashes_nothing(
        self, tmp_path: Path, kind: str
    ) -> None:
        (tmp_path / "ca.pem").write_text("rubbish")
        name = "gone.pem" if kind == "missing" else "ca.pem"
        async with site(tmp_path) as it:
            await it.complete()
            await change(it, ca_file=name, rest_host="https://127.0.0.1:1", stream_host="wss://127.0.0.1:1")
            await until(lambda: "ca_file cannot be used" in it.status("stream_reason"))
            with pytest.raises(CannotConnect, match="ca_file cannot be used"):
                await it.mist("maps")
            await change(it, ca_file=None, rest_host=it.cloud.url, stream_host=None)
            await it.complete()
            assert it.host("MistWebsocket_1").restarts == 0


class TestAnotherSite:
    async def test_nothing_of_the_site_before_is_told_any_more(self, tmp_path: Path) -> None:
        async with site(tmp_path) as it:
            await it.complete()
            await change(it, site_id="11111111-1111-1111-1111-111111111111")
            await it.state("degraded")
            assert it.status("maps") is None
            assert not any(it.status(map_id) for map_id in it.maps)
            assert await it.locations("device_locations", "zone-b") == []

    async def test_nothing_that_is_still_on_its_way_is_taken_in(self, tmp_path: Path) -> None:
        async with site(tmp_path) as it:
            await it.complete()
            rule = it.cloud.faults.rest(f"maps/{it.maps[0]}/clients", delay=20)
            syncing = asyncio.create_task(it.mist("sync_clients"))
            await until(lambda: rule.hits)
            await change(it, site_id="11111111-1111-1111-1111-111111111111")
            with pytest.raises(ConnectionLost):
                await syncing
            await it.state("degraded")
            assert len(it.tracker().roster) == 0
