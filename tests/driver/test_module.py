import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any, ClassVar

import pytest
import structlog

from mistlocate.driver.base import Asset, Driver, DriverSettings
from mistlocate.driver.command import command
from mistlocate.driver.module import Module
from mistlocate.errors import BadArguments, CommandFailed, ModuleUnavailable, NotFound, SettingsError, UnknownCommand
from support.waiting import until


class Settings(DriverSettings):
    value: int = 1


class Recorder(Driver[Settings]):
    """Notes what happens to it, and whether hooks ever overlap."""

    generic_name: ClassVar[str] = "Recorder"
    Settings = Settings
    notes: ClassVar[list[str]] = []
    overlaps: ClassVar[int] = 0
    inside: ClassVar[int] = 0
    gate: ClassVar[asyncio.Event | None] = None
    hold: ClassVar[asyncio.Event | None] = None

    async def _hook(self, name: str) -> None:
        cls = type(self)
        cls.inside += 1
        cls.overlaps += cls.inside > 1
        self.notes.append(name)
        await (self.hold.wait() if self.hold is not None and name == "connected" else asyncio.sleep(0.001))
        cls.inside -= 1

    async def on_load(self) -> None:
        await self._hook("load")
        if self.gate is not None:
            await self.gate.wait()

    async def on_update(self, previous: Settings) -> None:
        await self._hook(f"update {previous.value} to {self.settings.value}")

    async def connected(self) -> None:
        await self._hook("connected")

    async def disconnected(self) -> None:
        await self._hook("disconnected")

    async def on_unload(self) -> None:
        await self._hook("unload")

    async def asset(self, name: str) -> Asset:
        if name == "defect":
            raise KeyError("secret value")
        return Asset(name.encode(), "text/plain", "1") if name == "one" else await super().asset(name)

    @command()
    async def double(self, number: int) -> int:
        """Twice as much."""
        return 2 * number * self.settings.value

    @command()
    async def fail(self, kind: str) -> None:
        """Raise."""
        raise NotFound("not there") if kind == "known" else KeyError("secret value")

    @command()
    async def crash(self) -> None:
        """Let a background task fail."""
        self.spawn(self._die(), "dying")

    async def _die(self) -> None:
        raise ZeroDivisionError


class Context:
    """Of an engine only what a module itself needs."""

    module_id = "mod-1"
    log = structlog.get_logger()

    def __init__(self) -> None:
        self.ended = False

    def end(self) -> None:
        self.ended = True


@pytest.fixture(autouse=True)
def _fresh() -> None:
    Recorder.notes, Recorder.overlaps, Recorder.inside, Recorder.gate, Recorder.hold = [], 0, 0, None, None


@asynccontextmanager
async def running(settings: dict[str, Any] | None = None) -> AsyncIterator[Module]:
    module = Module(Recorder, Context(), settings or {}, strict=True)  # type: ignore[arg-type]
    task = asyncio.create_task(module.run())
    try:
        yield module
    finally:
        module.stop()
        await task


async def test_hooks_run_in_order_and_never_overlap() -> None:
    async with running() as module:
        await module.execute("double", [1])
        module.connection_changed(True)
        module.update({"value": 2})
        module.connection_changed(False)
        module.update({"value": 3})
        await until(lambda: len(Recorder.notes) == 5)
    assert Recorder.notes == ["load", "connected", "update 1 to 2", "disconnected", "update 2 to 3", "unload"]
    assert Recorder.overlaps == 0


async def test_a_hook_that_runs_may_finish_and_those_that_wait_are_left_out() -> None:
    async with running() as module:
        await module.execute("double", [1])
        module.connection_changed(True)
        module.connection_changed(False)
        Recorder.hold = asyncio.Event()
        await until(lambda: Recorder.inside == 1)
        module.stop()
        Recorder.hold.set()
    assert Recorder.notes == ["load", "connected", "unload"]
    assert Recorder.overlaps == 0


async def test_commands_are_bound_and_run_with_the_present_settings() -> None:
    async with running({"value": 5}) as module:
        assert await module.execute("double", [4]) == 40
        assert await module.execute("double", {"number": 4}) == 40
        with pytest.raises(BadArguments):
            await module.execute("double", ["x"])
        with pytest.raises(UnknownCommand):
            await module.execute("on_load", [])


async def test_a_command_waits_for_a_module_that_is_loading() -> None:
    Recorder.gate = asyncio.Event()
    async with running() as module:
        waiting = asyncio.create_task(module.execute("double", [1]))
        await asyncio.sleep(0.01)
        assert not waiting.done()
        Recorder.gate.set()
        assert await waiting == 2


async def test_a_module_that_does_not_load_answers_so(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("mistlocate.driver.module.LOAD_WITHIN", 0.01)
    module = Module(Recorder, Context(), {}, strict=True)  # type: ignore[arg-type]
    with pytest.raises(ModuleUnavailable):
        await module.execute("double", [1])


async def test_errors_of_ours_pass_and_others_are_wrapped_without_their_text() -> None:
    async with running() as module:
        with pytest.raises(NotFound):
            await module.execute("fail", ["known"])
        with pytest.raises(CommandFailed) as raised:
            await module.execute("fail", ["unknown"])
        assert "KeyError" in str(raised.value)
        assert "secret value" not in str(raised.value)


async def test_an_asset_is_asked_for_like_a_command() -> None:
    Recorder.gate = asyncio.Event()
    async with running() as module:
        waiting = asyncio.create_task(module.asset("one"))
        await until(lambda: Recorder.notes == ["load"])
        assert not waiting.done(), "it waits for a module that is loading"
        Recorder.gate.set()
        assert await waiting == Asset(b"one", "text/plain", "1")
        with pytest.raises(NotFound):
            await module.asset("two")
        with pytest.raises(CommandFailed) as raised:
            await module.asset("defect")
        assert "KeyError" in str(raised.value)
        assert "secret value" not in str(raised.value)


async def test_invalid_settings_keep_the_last_good_ones_and_say_so() -> None:
    async with running({"value": 2}) as module:
        with pytest.raises(SettingsError):
            module.update({"value": "many"})
        assert module.settings_problem is not None
        assert await module.execute("double", [1]) == 4
        module.update({"value": 3})
        assert module.settings_problem is None


async def test_equal_settings_are_no_update() -> None:
    async with running({"value": 2}) as module:
        await module.execute("double", [1])
        module.update({"value": 2})
        module.connection_changed(True)
        await until(lambda: "connected" in Recorder.notes)
    assert "update" not in " ".join(Recorder.notes)


async def test_a_command_waits_for_an_update_that_came_before_it() -> None:
    async with running({"value": 2}) as module:
        await module.execute("double", [1])
        module.update({"value": 3})
        module.update({"value": 4})
        assert await module.execute("double", [1]) == 8
        assert Recorder.notes == ["load", "update 2 to 3", "update 3 to 4"]


async def test_an_update_that_hangs_holds_commands_up_once(monkeypatch: pytest.MonkeyPatch) -> None:
    Recorder.hold = asyncio.Event()
    async with asyncio.timeout(30), running({"value": 2}) as module:
        await module.execute("double", [1])
        module.connection_changed(True)
        monkeypatch.setattr("mistlocate.driver.module.APPLY_WITHIN", 0.01)
        module.update({"value": 3})
        assert await module.execute("double", [1]) == 4
        monkeypatch.setattr("mistlocate.driver.module.APPLY_WITHIN", 3600.0)
        assert await module.execute("double", [1]) == 4
        Recorder.hold.set()
        await until(lambda: Recorder.notes[-1] == "update 2 to 3")
        assert await module.execute("double", [1]) == 6


async def test_a_command_does_not_wait_for_an_update_of_a_module_that_crashed(monkeypatch: pytest.MonkeyPatch) -> None:
    async def crash(self: Recorder, previous: Settings) -> None:
        raise ZeroDivisionError

    monkeypatch.setattr("mistlocate.driver.module.APPLY_WITHIN", 3600.0)
    monkeypatch.setattr(Recorder, "on_update", crash)
    module = Module(Recorder, Context(), {}, strict=True)  # type: ignore[arg-type]
    task = asyncio.create_task(module.run())
    await module.execute("double", [1])
    module.update({"value": 3})
    async with asyncio.timeout(30):
        with pytest.raises(ModuleUnavailable):
            await module.execute("double", [1])
    with pytest.raises(ExceptionGroup):
        await task


async def test_a_background_task_that_fails_is_a_crash() -> None:
    module = Module(Recorder, Context(), {}, strict=True)  # type: ignore[arg-type]
    task = asyncio.create_task(module.run())
    await module.execute("crash", [])
    with pytest.raises(ExceptionGroup) as raised:
        await task
    assert raised.group_contains(ZeroDivisionError)


async def test_keys_that_mean_nothing_are_listed_where_they_are_no_error() -> None:
    module = Module(Recorder, Context(), {"value": 1, "other": 2}, strict=False)  # type: ignore[arg-type]
    assert module.ignored_settings == ("other",)
    module.update({"value": 2, "more": 3})
    assert module.ignored_settings == ("more",)


async def test_unloading_has_an_end(monkeypatch: pytest.MonkeyPatch) -> None:
    async def hang(self: Recorder) -> None:
        await asyncio.Event().wait()

    monkeypatch.setattr("mistlocate.driver.module.UNLOAD_WITHIN", 0.05)
    monkeypatch.setattr(Recorder, "on_unload", hang)
    async with asyncio.timeout(10), running() as module:
        await module.execute("double", [1])


async def test_nothing_of_a_module_outlives_it() -> None:
    before = len(asyncio.all_tasks())
    async with running() as module:
        await module.execute("double", [1])
    assert len(asyncio.all_tasks()) == before
