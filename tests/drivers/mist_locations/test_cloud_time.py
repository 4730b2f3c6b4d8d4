"""What time MistLocations believes it is, on a machine of its own."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import pytest

from mistlocate.drivers.mist_locations.cloud_time import ASK_AGAIN, ASK_EVERY, SLOW, CloudTime
from mistlocate.errors import ModuleUnavailable
from support.virtual import START, VirtualClock, virtual


class Mist:
    """MistWebsocket on another machine, whose answers take a while on their way back."""

    def __init__(self) -> None:
        self.ahead = 0.0
        self.takes = 0.0
        self.odd: Any = None
        self.away = False
        self.asked: list[float] = []

    async def call(self, command: str) -> Any:
        assert command == "cloud_time"
        self.asked.append(asyncio.get_running_loop().time())
        if self.away:
            raise ModuleUnavailable("MistWebsocket_1 has not been started so far")
        answer = self.true() if self.odd is None else self.odd
        await asyncio.sleep(self.takes)
        return answer

    def true(self) -> float:
        """The cloud's time."""
        return START + asyncio.get_running_loop().time() + self.ahead


class Case:
    def __init__(self) -> None:
        self.mist, self.clock = Mist(), VirtualClock()
        self.steps = 0
        handle: Any = self.mist
        self.time = CloudTime(handle, self.clock, self.stepped)

    def stepped(self) -> None:
        self.steps += 1

    @property
    def off(self) -> float:
        return self.time.now() - self.mist.true()


@asynccontextmanager
async def asking(*, step: float = 0.0) -> AsyncIterator[Case]:
    it = Case()
    it.clock.step = step
    task = asyncio.create_task(it.time.run())
    try:
        yield it
    finally:
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)


@virtual
async def test_this_machines_clock_may_be_wrong_and_be_set_later() -> None:
    async with asking(step=-7200.0) as it:
        assert it.off == -7200.0, "nobody has been asked yet"
        await asyncio.sleep(1)
        assert (it.off, it.steps) == (0.0, 1)
        it.clock.step = 0.0
        assert it.off == 0.0
        await asyncio.sleep(3600)
        assert (it.off, it.steps) == (0.0, 1)


@virtual
async def test_until_the_first_answer_it_follows_this_machine() -> None:
    async with asking(step=-7200.0) as it:
        it.mist.away = True
        await asyncio.sleep(1)
        it.clock.step = 0.0
        assert it.off == 0.0
        it.mist.away = False
        await asyncio.sleep(ASK_AGAIN)
        assert len(it.mist.asked) == 2


@virtual
async def test_news_of_the_clock_are_asked_about_at_once_and_all_else_from_time_to_time() -> None:
    async with asking() as it:
        await asyncio.sleep(1)
        it.mist.ahead = 3600.0
        it.time.changed()
        await asyncio.sleep(0.1)
        assert (it.off, it.steps) == (0.0, 1)
        it.mist.ahead += 3.0
        await asyncio.sleep(ASK_EVERY)
        assert (it.off, it.steps) == (0.0, 2)


@virtual
async def test_it_is_off_by_no_more_than_the_answer_took() -> None:
    async with asking(step=100.0) as it:
        it.mist.takes = 2.0
        await asyncio.sleep(3)
        assert 0.0 <= it.off <= 2.0
        it.mist.takes = SLOW + 1
        it.mist.ahead = 500.0
        await asyncio.sleep(ASK_EVERY + SLOW + 2)
        assert it.off < -490.0, "an answer that took so long says nothing"


@pytest.mark.parametrize("odd", ["12:00", True, [1]])
def test_what_is_no_time_changes_nothing(odd: Any) -> None:
    @virtual
    async def test() -> None:
        async with asking() as it:
            it.mist.odd = odd
            await asyncio.sleep(1)
            assert (it.off, it.steps) == (0.0, 0)

    test()
