"""A module over crashes: later and later, at once with new settings, and never after it was stopped."""

import asyncio
from collections.abc import Callable
from typing import Any

import pytest
import structlog

from mistlocate.driver.base import Asset
from mistlocate.driver.module import Module
from mistlocate.driver.supervisor import LONGEST_RESTART, STABLE_AFTER, ModuleState, Supervisor
from mistlocate.errors import ModuleUnavailable, Problem, SettingsError
from support.virtual import VirtualClock, virtual


class Fake(Module):
    """A module that runs for `lasts` seconds and then crashes, or until it is stopped."""

    def __init__(self, clock: VirtualClock, lasts: float | None, on_loaded: Callable[[], None]) -> None:
        self.clock = clock
        self.lasts = lasts
        self.on_loaded = on_loaded
        self.stopped = asyncio.Event()
        self.given: list[Any] = []

    async def run(self) -> None:
        self.on_loaded()
        try:
            async with self.clock.timeout(self.lasts):
                await self.stopped.wait()
        except TimeoutError:
            raise ExceptionGroup("tasks", [ZeroDivisionError()]) from None

    def stop(self) -> None:
        self.stopped.set()

    async def asset(self, name: str) -> Asset:
        return Asset(name.encode(), "text/plain", "1")

    def update(self, raw_settings: Any) -> None:
        if "bad" in raw_settings:
            raise SettingsError([Problem("bad", "no")])
        self.given.append(raw_settings)


class Life(Supervisor):
    """A supervised fake; `lasts` decides about the next run, `starts` are the times of all."""

    def __init__(self, lasts: float | None = None) -> None:
        self.lasts = lasts
        self.broken: SettingsError | None = None
        self.starts: list[float] = []
        self.crashes = 0
        clock = VirtualClock()

        def make(on_loaded: Callable[[], None]) -> Module:
            self.starts.append(clock.monotonic())
            if self.broken is not None:
                raise self.broken
            return Fake(clock, self.lasts, on_loaded)

        def crashed() -> None:
            self.crashes += 1

        super().__init__("It_1", make, clock=clock, log=structlog.get_logger(), on_crash=crashed)


@virtual
async def test_restarts_come_later_and_later() -> None:
    life = Life(lasts=0)
    life.start()
    await asyncio.sleep(400)
    gaps = [b - a for a, b in zip(life.starts, life.starts[1:], strict=False)]
    assert gaps[:7] == [1, 2, 4, 8, 16, 32, LONGEST_RESTART]
    assert life.restarts == life.crashes == len(life.starts)
    await life.stop()


@virtual
async def test_who_ran_well_for_long_is_started_soon_again() -> None:
    life = Life(lasts=0)
    life.start()
    await asyncio.sleep(20)
    life.lasts = STABLE_AFTER + 1
    await asyncio.sleep(STABLE_AFTER + 60)
    assert life.starts[-1] - life.starts[-2] == STABLE_AFTER + 2
    await life.stop()


@virtual
async def test_settings_that_cannot_be_used_are_told_and_good_ones_tried_at_once() -> None:
    life = Life()
    life.broken = SettingsError([Problem("site_id", "is missing")])
    life.start()
    await asyncio.sleep(100)
    assert life.state is ModuleState.CRASHED
    assert "site_id: is missing" in str(life.problem)
    life.broken = None
    at = asyncio.get_running_loop().time()
    life.update({})
    await asyncio.sleep(0.001)
    assert life.state is ModuleState.RUNNING
    assert life.problem is None
    assert life.starts[-1] == at
    await life.stop()


@virtual
async def test_a_running_module_is_given_its_settings_and_keeps_those_before_bad_ones() -> None:
    life = Life()
    life.start()
    await asyncio.sleep(0)
    assert life.module is not None
    fake = life.module
    assert isinstance(fake, Fake)
    life.update({"a": 1})
    with pytest.raises(SettingsError):
        life.update({"bad": 1})
    assert fake.given == [{"a": 1}]
    assert "bad: no" in str(life.problem)
    life.update({"a": 2})
    assert life.problem is None
    await life.stop()


@virtual
async def test_stopping_ends_a_pause_and_starting_again_works() -> None:
    life = Life(lasts=0)
    life.start()
    life.start()
    await asyncio.sleep(40)
    before = asyncio.get_running_loop().time()
    await life.stop()
    assert asyncio.get_running_loop().time() == before
    assert life.state is ModuleState.STOPPED
    assert not life.started
    runs = len(life.starts)
    await asyncio.sleep(1000)
    assert len(life.starts) == runs
    life.lasts = None
    life.start()
    await asyncio.sleep(0)
    assert life.state is ModuleState.RUNNING
    await life.stop()


@virtual
async def test_starting_while_it_still_stops_waits_for_the_end_of_the_first() -> None:
    life = Life()
    life.start()
    await asyncio.sleep(0)
    first = life.module
    stopping = asyncio.create_task(life.stop())
    await asyncio.sleep(0)
    life.start()
    await stopping
    await asyncio.sleep(1)
    assert life.state is ModuleState.RUNNING
    assert life.module is not None
    assert life.module is not first
    again = asyncio.create_task(life.stop())
    await asyncio.sleep(0)
    life.start()
    await asyncio.gather(again, life.stop(), life.stop())
    assert life.module is None
    assert life.state is ModuleState.STOPPED


@virtual
async def test_two_lives_never_overlap(monkeypatch: pytest.MonkeyPatch) -> None:
    alive: list[int] = []

    async def run(self: Fake) -> None:
        alive.append(1)
        self.on_loaded()
        await self.stopped.wait()
        await asyncio.sleep(2)
        alive.append(-1)

    monkeypatch.setattr(Fake, "run", run)
    life = Life()
    life.start()
    await asyncio.sleep(1)
    stopping = asyncio.create_task(life.stop())
    await asyncio.sleep(0.1)
    life.start()
    await stopping
    await asyncio.sleep(1)
    assert alive == [1, -1, 1]
    await life.stop()


@virtual
async def test_assets_of_a_module_that_starts_and_of_one_that_was_stopped() -> None:
    life = Life()
    life.start()
    assert life.module is None, "not made yet"
    assert (await life.asset("one")).body == b"one"
    await life.stop()
    with pytest.raises(ModuleUnavailable, match="It_1 is not running"):
        await life.asset("one")
