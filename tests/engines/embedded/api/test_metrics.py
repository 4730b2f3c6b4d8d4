"""What Prometheus reads: read with its own parser, from a running engine."""

import asyncio
from collections.abc import Callable
from contextlib import AbstractAsyncContextManager
from pathlib import Path
from typing import Any

import httpx
import pytest
from prometheus_client.parser import text_string_to_metric_families
from websockets.asyncio.client import connect
from websockets.exceptions import ConnectionClosed, InvalidStatus

from mistlocate.driver import named
from mistlocate.driver.command import Level
from mistlocate.engines.embedded.access import Access, ApiKey, hash_key
from mistlocate.engines.embedded.api import metrics
from mistlocate.engines.embedded.engine import Engine
from mistlocate.engines.embedded.tally import BUCKETS
from mistlocate.errors import StoreError
from mistlocate.simulator import Campus
from support.api import BASE, client, root
from support.site import site
from support.waiting import until

Running = Callable[..., AbstractAsyncContextManager[Engine]]
Samples = dict[str, dict[frozenset[tuple[str, str]], float]]

KEYS = {
    "api_keys": [
        {"name": name, "level": name, "hash": hash_key(f"key-of-{name}")}
        for name in ("metrics", "user", "support", "administrator")
    ]
}


async def read(http: httpx.AsyncClient, **headers: str) -> Samples:
    answer = await http.get(f"{root(http)}/metrics", headers=headers)
    assert answer.status_code == 200, answer.text
    found: Samples = {}
    for family in text_string_to_metric_families(answer.text):
        for sample in family.samples:
            found.setdefault(sample.name, {})[frozenset(sample.labels.items())] = sample.value
    return found


def value(found: Samples, name: str, **labels: str) -> float:
    return found[name][frozenset(labels.items())]


class TestAccess:
    async def test_without_keys_this_machine_reads_them(self, running: Running) -> None:
        async with running() as engine, client(engine) as http:
            answer = await http.get(f"{root(http)}/metrics")
            assert answer.status_code == 200
            assert answer.headers["content-type"] == "text/plain; version=0.0.4; charset=utf-8"
            refused = await http.get(f"{root(http)}/metrics", headers={"X-Forwarded-For": "10.0.0.9"})
            assert refused.status_code == 403

    @pytest.mark.parametrize("key", [{}, {"X-API-Key": "guessed"}])
    async def test_with_keys_nobody_reads_them_without_one(self, running: Running, key: dict[str, str]) -> None:
        async with running(**KEYS) as engine, client(engine) as http:
            assert (await http.get(f"{root(http)}/metrics", headers=key)).status_code == 401

    @pytest.mark.parametrize("level", ["metrics", "user", "administrator"])
    async def test_any_key_reads_them(self, running: Running, level: str) -> None:
        async with running(**KEYS) as engine, client(engine) as http:
            assert value(await read(http, Authorization=f"Bearer key-of-{level}"), "mistlocate_viewers") == 0

    async def test_a_key_for_metrics_is_for_nothing_else(self, running: Running) -> None:
        async with running(**KEYS) as engine, client(engine, **{"X-API-Key": "key-of-metrics"}) as http:
            for path in (
                "/self",
                "/systems",
                "/modules",
                "/zones",
                "/systems/sys/Probe_1",
                "/systems/sys/Probe_1/open",
            ):
                refused = await http.get(path)
                assert refused.status_code == 401, path
                assert "level user" in refused.json()["message"]
            assert (await http.post("/systems/sys/Probe_1/echo", json=["x"])).status_code == 401
            url = f"{root(http).replace('http', 'ws', 1)}{BASE}/systems/control"
            with pytest.raises(InvalidStatus):
                await connect(url, additional_headers={"X-API-Key": "key-of-metrics"}, proxy=None)


class TestEngine:
    async def test_commands_by_name_and_end(self, running: Running) -> None:
        async with running() as engine, client(engine) as http:
            for _ in range(3):
                await http.post("/systems/sys/Probe_1/echo", json=["x"])
            await http.post("/systems/sys/Probe_1/echo", json=["x", "too", "many"])
            found = await read(http)
            labels = {"driver": "Probe", "command": "echo"}
            count = "mistlocate_command_seconds_count"
            assert value(found, count, **labels, result="ok") == 4, "one of them was the fixture's"
            assert value(found, count, **labels, result="refused") == 1
            buckets = found["mistlocate_command_seconds_bucket"]
            row = [buckets[frozenset({**labels, "result": "ok", "le": repr(each)}.items())] for each in BUCKETS]
            assert row == sorted(row)
            assert buckets[frozenset({**labels, "result": "ok", "le": "+Inf"}.items())] == 4
            assert value(found, "mistlocate_command_seconds_sum", **labels, result="ok") > 0

    async def test_a_command_that_does_not_exist_makes_no_label(self, running: Running) -> None:
        async with running() as engine, client(engine) as http:
            for number in range(5):
                await http.post(f"/systems/sys/Probe_1/made_up_{number}", json=[])
            assert "made_up" not in (await http.get(f"{root(http)}/metrics")).text

    async def test_viewers_come_and_go_and_are_dropped(self, running: Running) -> None:
        async with running(**KEYS) as engine, client(engine) as http:
            key = {"X-API-Key": "key-of-user"}
            url = f"{root(http).replace('http', 'ws', 1)}{BASE}/systems/control"
            async with connect(url, additional_headers=key, proxy=None) as socket:
                await socket.send("ping")
                assert await socket.recv() == "pong"
                assert value(await read(http, **key), "mistlocate_viewers") == 1
            await until(lambda: engine.tally.viewers == 0)
            assert value(await read(http, **key), "mistlocate_viewers_dropped_total", reason="not_known") == 0
            async with connect(url, additional_headers=key, proxy=None) as socket:
                engine.access = Access([ApiKey("other", Level.USER, hash_key("another-key"))])
                await socket.send("ping")
                with pytest.raises(ConnectionClosed):
                    await socket.recv()
            await until(lambda: engine.tally.viewers == 0)
            found = await read(http, **{"X-API-Key": "another-key"})
            assert value(found, "mistlocate_viewers_dropped_total", reason="not_known") == 1
            assert value(found, "mistlocate_viewers_dropped_total", reason="too_slow") == 0

    async def test_a_store_that_fails_is_counted(self, running: Running) -> None:
        async with running() as engine, client(engine) as http:
            assert value(await read(http), "mistlocate_store_bytes") > 0
            connection = engine.store._connection
            assert connection is not None
            await connection.execute("DROP TABLE hashes")
            with pytest.raises(StoreError):
                await engine.store.write_hash("mod", "h", {"f": "v"})
            with pytest.raises(StoreError):
                await engine.store.read_hash("mod", "h")
            found = await read(http)
            assert value(found, "mistlocate_store_errors_total", of="write") == 1
            assert value(found, "mistlocate_store_errors_total", of="read") == 1

    async def test_build_and_process(self, running: Running) -> None:
        async with running() as engine, client(engine) as http:
            found = await read(http)
            (labels,) = found["mistlocate_build_info"]
            assert {name for name, _ in labels} == {"version", "python"}
            assert found["process_resident_memory_bytes"][frozenset()] > 1e6
            assert "process_open_fds" in found


class TestModules:
    async def test_what_runs_and_what_was_published(self, running: Running) -> None:
        async with running({}, {}) as engine, client(engine) as http:
            before = value(await read(http), "mistlocate_statuses_published_total", module="mod-sys-Probe-1")
            engine.board.set("mod-sys-Probe-1", "open", "news")
            engine.board.set("mod-sys-Probe-1", "open", "news")
            await engine.stop("mod-sys-Probe-2")
            found = await read(http)
            assert value(found, "mistlocate_statuses_published_total", module="mod-sys-Probe-1") == before + 1
            assert value(found, "mistlocate_module_running", module="mod-sys-Probe-1") == 1
            assert value(found, "mistlocate_module_running", module="mod-sys-Probe-2") == 0
            assert value(found, "mistlocate_module_restarts_total", module="mod-sys-Probe-1") == 0

    async def test_problems_by_kind(self, running: Running) -> None:
        async with running() as engine, client(engine) as http:
            problems = {"refused_channels": [1, 2], "store": "gone", "tls_not_verified": True, "left_out": 7}
            engine.board.set("mod-sys-Probe-1", "problems", problems)
            found = (await read(http))["mistlocate_problems"]
            assert {dict(labels)["kind"]: number for labels, number in found.items()} == {
                "refused_channels": 2, "store": 1, "tls_not_verified": 1, "left_out": 7,
            }  # fmt: skip


EMPTY = Campus(seed=1, people=0, floors=2, passers=0)
MODULE = "mod-sys-1-MistWebsocket-1"
LOCATIONS = "mod-sys-1-MistLocations-1"


class TestPair:
    async def test_everything_that_an_operator_watches(self, tmp_path: Path) -> None:
        async with site(tmp_path, EMPTY) as it, client(it.engine) as http:
            await it.live()
            stage = it.cloud.stage
            mac = stage.add_device(username="alice@example.com", map_id=it.maps[0], x=1.0, y=2.0)
            await it.located(mac)
            it.cloud.send_raw("no frame at all")
            await until(lambda: it.tracker().counts["rejected"])
            found, report = await read(http), await it.diagnostics()
            for state in ("connecting", "subscribing", "live", "quiet", "degraded", "auth_failed"):
                assert value(found, "mistlocate_stream_state", module=MODULE, state=state) == (state == "live")
            assert value(found, "mistlocate_clients", module=MODULE, of="located") == 1
            assert value(found, "mistlocate_clients", module=MODULE, of="with_owner") == 1
            assert value(found, "mistlocate_records_total", module=MODULE, outcome="rejected") == 1
            assert value(found, "mistlocate_records_received_total", module=MODULE) == report["records"]["received"]
            assert value(found, "mistlocate_stream_frames_total", module=MODULE) == report["stream"]["frames"]
            assert value(found, "mistlocate_stream_connections_total", module=MODULE) == 1
            assert value(found, "mistlocate_stream_last_frame_age_seconds", module=MODULE) >= 0
            assert value(found, "mistlocate_stream_channels", module=MODULE, state="live") == len(it.maps) + 1
            used = report["rest_budget"]["used_for"]
            assert (
                value(found, "mistlocate_rest_calls_this_hour", module=MODULE, purpose="snapshot") == used["snapshot"]
            )
            assert value(found, "mistlocate_rest_calls_allowed", module=MODULE) == 5000
            assert value(found, "mistlocate_module_connected", module=MODULE) == 1
            assert value(found, "mistlocate_module_silent", module=MODULE) == 0
            assert value(found, "mistlocate_owners", module=MODULE) == 1
            assert all(f"mistlocate_{name}" in found for name in metrics_without_total())

    async def test_nobody_and_no_place_is_in_them(self, tmp_path: Path) -> None:
        async with site(tmp_path) as it, client(it.engine) as http:
            await it.complete()
            await it.locations("locate_user", "alice@example.com")
            await it.mist("client", min(it.present))
            text = (await http.get(f"{root(http)}/metrics")).text
            told = {*it.present, *it.maps, it.cloud.token, it.cloud.site_id, "alice", "zone-", "example.com"}
            assert not [each for each in told if each in text]

    async def test_their_number_does_not_grow_with_people(self, tmp_path: Path) -> None:
        async with site(tmp_path, EMPTY) as it, client(it.engine) as http:
            await it.live()
            one = it.cloud.stage.add_device(username="zoe0@example.com", map_id=it.maps[0], x=1.0, y=2.0)
            await it.located(one)
            before = await _series(http)
            macs = [
                it.cloud.stage.add_device(username=f"zoe{n}@example.com", map_id=it.maps[1], x=1.0, y=2.0)
                for n in range(1, 30)
            ]
            await until(lambda: it.on_map(it.maps[1]) == set(macs))
            assert await _series(http) == before

    async def test_searches_that_were_refused_and_records_that_wait(
        self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        async with site(tmp_path, EMPTY, locations={"named_searches": 2}) as it, client(it.engine) as http:
            path = "/systems/sys-1/MistLocations_1/locate_user"
            answers = [(await http.post(path, json=["nobody@example.com"])).status_code for _ in range(4)]
            assert answers == [200, 200, 429, 429]

            async def written() -> bool:
                return value(await read(http), "mistlocate_audit_records_waiting", module=LOCATIONS) == 0

            await until(written)
            monkeypatch.setattr(named, "WAITING_AT_MOST", 0)
            assert (await http.post("/systems/sys-1/MistLocations_1/audit", json=[])).status_code >= 500
            found = await read(http)
            name = "mistlocate_searches_refused_total"
            assert value(found, name, module=LOCATIONS, reason="too_many") == 2
            assert value(found, name, module=LOCATIONS, reason="not_recorded") == 1
            assert value(found, name, module=MODULE, reason="too_many") == 0

    async def test_a_module_that_is_stopped_or_hangs_holds_up_nothing(
        self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        async with site(tmp_path, EMPTY) as it, client(it.engine) as http:
            await it.live()
            monkeypatch.setattr(metrics, "ANSWERS_WITHIN", 0.05)
            monkeypatch.setattr(type(it.host("MistWebsocket_1").life.module._driver), "diagnostics", _hang)  # type: ignore[union-attr]
            found = await read(http)
            assert value(found, "mistlocate_module_silent", module=MODULE) == 1
            assert value(found, "mistlocate_module_running", module=MODULE) == 1
            assert "mistlocate_clients" not in found
            await it.engine.stop(MODULE)
            found = await read(http)
            assert value(found, "mistlocate_module_running", module=MODULE) == 0


def metrics_without_total() -> set[str]:
    return {each.name + "_total" * each.counter for each in metrics.FIGURES} - {"clients_forgotten_total"}


async def _series(http: httpx.AsyncClient) -> set[Any]:
    found = await read(http)
    return {(name, labels) for name, samples in found.items() for labels in samples if "command" not in name}


async def _hang(self: Any) -> None:
    await asyncio.Event().wait()


def test_only_numbers_are_samples() -> None:
    report = {"clients": {"known": 1, "odd": "x", "flag": True, "none": None}, "clock_offset": "x"}
    figures = {each.name: each for each in metrics.FIGURES}
    assert list(metrics._samples(figures["clients"], report)) == [(("known",), 1)]
    assert list(metrics._samples(figures["clock_offset_seconds"], report)) == []
    assert list(metrics._samples(figures["stream_frames"], {"stream": None})) == []


async def test_figures_stand_where_the_diagnostics_have_them(tmp_path: Path) -> None:
    """Should a driver call something else one day, this says so."""
    async with site(tmp_path, EMPTY) as it:
        await it.live()
        it.cloud.stage.add_device(username="alice@example.com", map_id=it.maps[0], x=1.0, y=2.0)
        await until(lambda: it.owns("alice@example.com"))
        report = await it.diagnostics()
        empty = [each.name for each in metrics.FIGURES if not list(metrics._samples(each, report))]
        assert empty == []
