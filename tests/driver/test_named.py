"""Commands that name a person: their records, and how often they may be asked."""

import asyncio
from collections.abc import Callable, Sequence
from types import SimpleNamespace
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mistlocate.driver.context import Asker, AuditRecord
from mistlocate.driver.named import (
    ABOUT_AT_MOST,
    BATCH,
    DAY,
    WAITING_AT_MOST,
    WINDOW,
    Allowance,
    Named,
    NamedSettings,
    Trail,
)
from mistlocate.errors import BadArguments, StoreError, TooManySearches
from support.virtual import VirtualClock, virtual

KEY = Asker("key")
RECORD = AuditRecord(1.0, "key", "search", "alice", "found")


class Kept:
    """A store of records, which can be away."""

    def __init__(self) -> None:
        self.records: list[AuditRecord] = []
        self.batches: list[int] = []
        self.away = False

    async def append(self, records: Sequence[AuditRecord]) -> None:
        await asyncio.sleep(0)
        if self.away:
            raise StoreError("the disk is full")
        self.batches.append(len(records))
        self.records += records

    async def read(self, since: float, limit: int) -> list[AuditRecord]:
        return [each for each in reversed(self.records) if each.at >= since][:limit]

    async def rename(self, concerned: Callable[[str], bool], about: str) -> int:
        return 0

    async def forget(self, before: float) -> None:
        self.records = [each for each in self.records if each.at >= before]


def named(asker: Asker = KEY, **settings: Any) -> tuple[Named, Kept, Any]:
    kept, errors = Kept(), []
    log = SimpleNamespace(error=lambda *args, **more: errors.append((args, more)))
    context: Any = SimpleNamespace(audit=kept, clock=VirtualClock(), asker=asker, log=log, errors=errors)
    return Named(context, lambda: NamedSettings(**settings)), kept, context


class TestAllowance:
    def test_so_many_at_once_and_the_next_when_the_first_is_a_window_ago(self) -> None:
        allowance = Allowance()
        assert [allowance.wait("a", at, 3) for at in (0.0, 1.0, 2.0)] == [0.0] * 3
        assert allowance.wait("a", 2.0, 3) == pytest.approx(WINDOW - 2)
        assert allowance.wait("a", WINDOW, 3) == 0.0
        assert allowance.wait("a", WINDOW, 3) == pytest.approx(1.0)

    @given(st.lists(st.floats(0, 30), max_size=60), st.integers(1, 10))
    def test_never_more_than_the_limit_in_any_window(self, pauses: list[float], limit: int) -> None:
        allowance, now, let = Allowance(), 0.0, list[float]()
        for pause in pauses:
            now += pause
            wait = allowance.wait("a", now, limit)
            if not wait:
                let.append(now)
            else:
                assert 0 < wait < WINDOW + 1e-6
            assert sum(at + WINDOW > now for at in let) <= limit
        assert len(let) >= min(limit, len(pauses)), "and not less than that"

    def test_a_limit_that_is_lowered_holds_at_once(self) -> None:
        allowance = Allowance()
        assert [allowance.wait("a", float(at), 5) for at in range(5)] == [0.0] * 5
        assert allowance.wait("a", 5.0, 2) == pytest.approx(WINDOW - 2)
        assert allowance.wait("a", WINDOW + 3.0, 2) == 0.0

    def test_nothing_is_kept_of_who_has_not_asked_for_a_window(self) -> None:
        allowance = Allowance()
        for number in range(100):
            allowance.wait(f"asker {number}", float(number), 3)
        assert len(allowance._asked) == WINDOW

    def test_each_asker_has_its_own(self) -> None:
        allowance = Allowance()
        assert allowance.wait("a", 0.0, 1) == 0.0
        assert allowance.wait("a", 0.0, 1) > 0
        assert allowance.wait("b", 0.0, 1) == 0.0

    def test_asking_in_vain_does_not_make_it_longer(self) -> None:
        allowance = Allowance()
        allowance.wait("a", 0.0, 1)
        assert {allowance.wait("a", 0.0, 1) for _ in range(100)} == {WINDOW}

    def test_no_limit(self) -> None:
        allowance = Allowance()
        assert {allowance.wait("a", 0.0, 0) for _ in range(10_000)} == {0.0}


class TestAsking:
    async def test_a_record_of_who_asked_for_whom_and_how_it_ended(self) -> None:
        it, kept, _ = named()
        for result in ([1], []):
            with it.ask("search", "alice") as asked:
                asked.found(result)
        with pytest.raises(ValueError, match="no"), it.ask("explain", "x" * ABOUT_AT_MOST):
            raise ValueError("no")
        assert await it.trail.flush()
        assert [(each.asker, each.command, each.about[:5], each.result) for each in kept.records] == [
            ("key", "search", "alice", "found"), ("key", "search", "alice", "nothing"), ("key", "explain", "xxxxx", "failed"),
        ]  # fmt: skip
        assert len(kept.records[-1].about) == ABOUT_AT_MOST, "whole: of a name that is cut nobody can tell whose it is"

    async def test_what_is_too_long_to_be_kept_is_neither_looked_up_nor_recorded(self) -> None:
        it, kept, _ = named(named_searches=1)
        with pytest.raises(BadArguments, match=r"so long a text.*at most 1000.*ask for less"):
            it.ask("search", "x" * (ABOUT_AT_MOST + 1))
        assert await it.trail.flush()
        assert kept.records == []
        with it.ask("search", "x"):
            pass

    @pytest.mark.parametrize("text", ["00:00:5E:00:53:00", "0000.5e00.5300", " 00 00 5e 00 53 00", "0x00005e005300"])
    async def test_every_spelling_of_a_mac_is_recorded_as_one(self, text: str) -> None:
        it, kept, _ = named()
        with it.ask("explain", text):
            pass
        assert await it.trail.flush()
        assert [each.about for each in kept.records] == ["00005e005300"]

    async def test_too_often_is_refused_with_a_time_and_recorded_once(self) -> None:
        it, kept, _ = named(named_searches=2)
        for _ in range(2):
            with it.ask("search", "a"):
                pass
        for _ in range(5):
            with pytest.raises(TooManySearches, match=r"2 a minute are allowed.*come again in 60 s") as raised:
                it.ask("search", "a")
            assert raised.value.retry_after == pytest.approx(60, abs=1)
        await it.trail.flush()
        assert [each.result for each in kept.records] == ["failed", "failed", "refused"]

    @pytest.mark.parametrize("asker", [Asker("engine", counted=False), Asker("key", passed_on=True)])
    async def test_who_is_not_counted(self, asker: Asker) -> None:
        it, kept, _ = named(asker, named_searches=1)
        for _ in range(5):
            with it.ask("search", "a"):
                pass
        await it.trail.flush()
        assert len(kept.records) == (0 if asker.passed_on else 5)

    async def test_nobody_is_looked_up_when_no_record_can_be_made(self) -> None:
        it, kept, _ = named(named_searches=0)
        kept.away = True
        for _ in range(WAITING_AT_MOST):
            it.trail.add(RECORD)
        with pytest.raises(StoreError, match="nobody is looked up"):
            it.ask("search", "a")
        kept.away = False
        assert await it.trail.flush()
        assert kept.batches == [BATCH] * (WAITING_AT_MOST // BATCH)
        with it.ask("search", "a"):
            pass

    async def test_what_is_lost_at_the_end_is_told(self) -> None:
        it, kept, context = named()
        it.trail.add(RECORD)
        kept.away = True
        await it.stop()
        assert context.errors[0][1]["count"] == 1
        assert "alice" not in str(context.errors)

    async def test_reading_leaves_a_record_too(self) -> None:
        it, _, _ = named()
        with it.ask("search", "a") as asked:
            asked.found([1])
        (found,) = await it.answer(None, 10)
        assert (found["command"], found["result"]) == ("search", "found")
        assert (await it.answer(0.0, 1))[0]["command"] == "audit"


class TestTrail:
    @virtual
    async def test_it_writes_in_batches_and_forgets_what_is_too_old(self) -> None:
        kept, clock = Kept(), VirtualClock()
        trail = Trail(kept, clock)
        task = asyncio.create_task(trail.run(lambda: DAY))
        kept.records.append(RECORD._replace(at=clock.wall() - 2 * DAY))
        for _ in range(100):
            trail.add(RECORD._replace(at=clock.wall()))
        await clock.sleep(1)
        assert (kept.batches, len(kept.records), len(trail)) == ([100], 100, 0)
        await clock.sleep(3 * DAY)
        assert kept.records == []
        task.cancel()

    @virtual
    async def test_a_store_that_was_away_gets_everything_afterwards(self) -> None:
        kept, clock = Kept(), VirtualClock()
        trail = Trail(kept, clock)
        task = asyncio.create_task(trail.run(lambda: DAY))
        kept.away = True
        for number in range(60):
            trail.add(RECORD._replace(at=clock.wall() + number))
            await clock.sleep(1)
        assert trail.trouble == "the disk is full"
        assert len(trail) == 60
        kept.away = False
        await clock.sleep(1)
        assert len(kept.records) == 60
        assert trail.trouble is None
        task.cancel()
