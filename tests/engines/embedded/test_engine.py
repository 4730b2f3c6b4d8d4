"""The engine: settings saved at run time, crashes, changes of the file. (What it owes its modules: test_contract.)"""

import asyncio
import itertools
from collections.abc import Callable, Iterable, Mapping
from contextlib import AbstractAsyncContextManager
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from structlog.testing import capture_logs

from mistlocate.driver import supervisor
from mistlocate.driver.supervisor import ModuleState
from mistlocate.engines.embedded.config import Loaded, load
from mistlocate.engines.embedded.engine import Engine, NoSuchSystem, NoSuchZone, split_slug
from mistlocate.engines.embedded.host import ModuleHost
from mistlocate.errors import (
    ModuleUnavailable,
    NoSuchModule,
    SettingsError,
    StoreError,
)
from support.drivers import Probe
from support.waiting import until

SITE = "00000000-0000-0000-0000-000000000001"

Running = Callable[..., AbstractAsyncContextManager[Engine]]


async def run(engine: Engine, command: str, *args: Any, slug: str = "Probe_1") -> Any:
    return await engine.find("sys", slug).execute(command, list(args))


def status(engine: Engine, key: str, slug: str = "Probe_1") -> Any:
    value = engine.board.get(engine.find("sys", slug).spec.id, key)
    return None if value is None else value.value


class TestSaving:
    async def test_saving_a_setting(self, running: Running) -> None:
        async with running({"value": 1}) as engine:
            await run(engine, "save", "value", 7)
            await until(lambda: status(engine, "open")["value"] == 7)
            with pytest.raises(SettingsError):
                await run(engine, "save", "value", "many")
            with pytest.raises(SettingsError, match="secrets are not saved"):
                await run(engine, "save", "secret", "x")
            assert engine.find("sys", "Probe_1").settings == {"value": 7}, "what was refused has changed nothing"
        async with running({"value": 1}) as engine:
            assert status(engine, "open")["value"] == 7


class TestCrashes:
    async def test_a_module_that_crashes_is_started_again_and_takes_no_other_down(self, running: Running) -> None:
        async with running({}, {}) as engine:
            host, other = engine.find("sys", "Probe_1"), engine.find("sys", "Probe_2")
            await run(engine, "publish", "k", "before")
            await run(engine, "crash")
            await until(lambda: host.state is ModuleState.CRASHED)
            assert host.problem == "ZeroDivisionError"
            assert status(engine, "connected") is False
            assert await run(engine, "echo", "still here", slug="Probe_2")
            await until(lambda: host.state is ModuleState.RUNNING)
            assert (host.restarts, other.restarts, host.problem) == (1, 0, None)
            assert status(engine, "k") is None, "a new instance starts with a clean board"

    async def test_it_is_started_ever_later(self, running: Running, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr(supervisor, "LONGEST_RESTART", 4.0)
        async with running() as engine:
            host = engine.find("sys", "Probe_1")
            times = []
            with capture_logs() as lines:
                for _ in range(5):
                    await until(lambda: host.state is ModuleState.RUNNING)
                    times.append(engine.clock.monotonic())
                    await run(engine, "crash")
                    await until(lambda: host.state is ModuleState.CRASHED)
            announced = [line["restart_in"] for line in lines if line["event"] == "module crashed"]
            assert announced == [1, 2, 4, 4, 4]
            assert all(b - a >= delay for (a, b), delay in zip(itertools.pairwise(times), announced, strict=False))

    async def test_stopping_a_crashed_module_does_not_wait_for_its_restart(self, running: Running) -> None:
        async with running() as engine:
            host = engine.find("sys", "Probe_1")
            await run(engine, "crash")
            await until(lambda: host.state is ModuleState.CRASHED)
            await host.stop()
            assert host.state is ModuleState.STOPPED
            with pytest.raises(ModuleUnavailable):
                await run(engine, "echo", "x")
            host.start()
            assert await run(engine, "echo", "x")


class TestSavedSettings:
    async def test_the_zones_that_they_name_have_to_exist(
        self, running: Running, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        def zones_named_by(raw: Mapping[str, Any]) -> Iterable[tuple[str, str]]:
            return [("value", f"zone-{raw['value']}")] if "value" in raw else []

        async with running() as engine:
            monkeypatch.setattr(Probe, "zones_named_by", zones_named_by)
            with pytest.raises(SettingsError, match=r"value: no zone 'zone-2' \(did you mean 'zone-1'\?\)"):
                await engine.save_settings("mod-sys-Probe-1", {"value": 2})
            assert engine.host("mod-sys-Probe-1").settings == {}
            await engine.save_settings("mod-sys-Probe-1", {"value": 1})
            await engine.save_settings("mod-sys-Probe-1", {}, ("value",))

    async def test_those_of_mappings_for_example(self, tmp_path: Path) -> None:
        modules = [
            {"driver": "MistWebsocket", "settings": {"api_token": "t", "site_id": SITE}},
            {"driver": "MistLocations", "id": "locations"},
        ]
        raw = {"zones": [{"id": "zone-1", "name": "One"}], "systems": [{"id": "sys", "modules": modules}]}
        engine = Engine(load(raw, tmp_path))
        await engine.store.open()
        engine.hosts["locations"] = host = ModuleHost(engine, engine.loaded.modules[1], {})
        mappings = {"map": {"building": "zone-1", "level": "nozone", "level_name": "any text"}}
        with pytest.raises(SettingsError, match=r"floorplan_mappings\.map\.level: no zone 'nozone'"):
            await engine.save_settings("locations", {"floorplan_mappings": mappings})
        assert host.saved == {}
        mappings["map"]["level"] = "zone-1"
        await engine.save_settings("locations", {"floorplan_mappings": mappings})
        await engine.store.close()


class TestStartingAndStopping:
    async def test_a_start_waits_for_the_stop_before_it(
        self, running: Running, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        unloading, unload = asyncio.Event(), asyncio.Event()

        async def on_unload(_: Probe) -> None:
            unloading.set()
            await unload.wait()

        monkeypatch.setattr(Probe, "on_unload", on_unload)
        async with running() as engine:
            host = engine.find("sys", "Probe_1")
            stop = asyncio.create_task(engine.stop(host.spec.id))
            await unloading.wait()
            start = asyncio.create_task(engine.start(host.spec.id))
            unload.set()
            await asyncio.gather(stop, start)
            assert await run(engine, "echo", "x")
            assert host.state is ModuleState.RUNNING

    async def test_a_module_that_goes_meanwhile_is_not_started(
        self, running: Running, probes: Callable[..., Loaded], monkeypatch: pytest.MonkeyPatch
    ) -> None:
        unloading, unload = asyncio.Event(), asyncio.Event()

        async def on_unload(_: Probe) -> None:
            unloading.set()
            await unload.wait()

        async with running({}, {}) as engine:
            monkeypatch.setattr(Probe, "on_unload", on_unload)
            host = engine.find("sys", "Probe_2")
            stop = asyncio.create_task(engine.stop(host.spec.id))
            await unloading.wait()
            start = asyncio.create_task(engine.start(host.spec.id))
            reload = asyncio.create_task(engine.reload(probes({})))
            await until(lambda: host.spec.id not in engine.hosts)
            unload.set()
            with pytest.raises(NoSuchModule):
                await start
            with pytest.raises(NoSuchModule):
                await engine.stop(host.spec.id)
            await asyncio.gather(stop, reload)
            assert host.state is ModuleState.STOPPED


class TestReloading:
    async def test_only_what_differs_is_touched(self, running: Running, probes: Callable[..., Loaded]) -> None:
        async with running({"value": 1}, {"value": 2}) as engine:
            loads = status(engine, "open")["loads"], status(engine, "open", "Probe_2")["loads"]
            await engine.reload(probes({"value": 1}, {"value": 5}, {"value": 3}))
            await until(lambda: status(engine, "open", "Probe_2")["value"] == 5)
            assert (status(engine, "open")["loads"], status(engine, "open", "Probe_2")["loads"]) == loads
            assert await run(engine, "echo", "new", slug="Probe_3")
            await engine.reload(probes({"value": 1}))
            with pytest.raises(NoSuchModule, match="modules there: Probe_1"):
                engine.find("sys", "Probe_2")

    async def test_zones_and_keys_are_taken_over(self, running: Running, probes: Callable[..., Loaded]) -> None:
        async with running() as engine:
            await engine.reload(probes({}, zones=[{"id": "zone-2", "name": "Two"}]))
            assert list(engine.zones) == ["zone-2"]

    async def test_what_cannot_change_is_said_unless_it_is_as_when_the_engine_began(self, running: Running) -> None:
        async with running({}) as engine:
            before = engine.loaded
            other = replace(before, config=before.config.model_copy(update={"listen": "127.0.0.1:1"}))
            for loaded, said in ((other, 1), (other, 1), (before, 0)):
                with capture_logs() as lines:
                    await engine.reload(loaded)
                assert sum("next start" in line["event"] for line in lines) == said

    async def test_saved_settings_lie_over_the_file_also_after_a_reload(
        self, running: Running, probes: Callable[..., Loaded]
    ) -> None:
        async with running({"value": 1}) as engine:
            await run(engine, "save", "value", 7)
            await engine.reload(probes({"value": 2}))
            await until(lambda: engine.find("sys", "Probe_1").settings == {"value": 7})
            await engine.save_settings("mod-sys-Probe-1", {}, ("value",))
            await until(lambda: status(engine, "open")["value"] == 2)

    async def test_saved_settings_that_do_not_fit_any_more_are_left_out(self, running: Running) -> None:
        async with running() as engine:
            await engine.store.save_settings("mod-sys-Probe-1", {"value": "from another version"})
        async with running({"value": 4}) as engine:
            assert status(engine, "open")["value"] == 4

    async def test_many_times_leaves_no_task_behind(self, running: Running, probes: Callable[..., Loaded]) -> None:
        async with running({}) as engine:
            tasks = len(asyncio.all_tasks())
            for number in range(100):
                await engine.reload(probes({"value": number}, *([{}] if number % 2 else [])))
            await engine.reload(probes({}))
            await until(lambda: len(asyncio.all_tasks()) == tasks)


class TestFinding:
    async def test_errors_list_what_there_is(self, running: Running) -> None:
        async with running() as engine:
            for find in (lambda: engine.find("nowhere", "Probe_1"), lambda: engine.system("nowhere")):
                with pytest.raises(NoSuchSystem, match="systems: sys"):
                    find()
            with pytest.raises(NoSuchZone, match="zones: zone-1"):
                engine.zone("nowhere")
            with pytest.raises(NoSuchModule, match="modules: mod-sys-Probe-1"):
                engine.host("nothing")

    @pytest.mark.parametrize(
        ("slug", "expected"),
        [
            ("Probe_1", ("Probe", 1)),
            ("Probe", ("Probe", 1)),
            ("My_Probe", ("My_Probe", 1)),
            ("My_Probe_12", ("My_Probe", 12)),
            ("_1", ("_1", 1)),
            ("", ("", 1)),
            ("Probe_" + "9" * 5000, ("Probe_" + "9" * 5000, 1)),
        ],
    )
    def test_names_and_indices(self, slug: str, expected: tuple[str, int]) -> None:
        assert split_slug(slug) == expected


async def test_a_store_that_cannot_be_opened_starts_nothing(probes: Callable[..., Loaded], tmp_path: Path) -> None:
    (tmp_path / "x.db").write_bytes(b"no database at all, but long enough to be looked at" * 50)
    with pytest.raises(StoreError):
        async with Engine(probes(store="x.db")):
            pass


async def test_ending_takes_little_time_and_leaves_nothing(running: Running) -> None:
    before = len(asyncio.all_tasks())
    async with running({}, {}, {}):
        pass
    assert len(asyncio.all_tasks()) == before
