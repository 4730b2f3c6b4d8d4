import time

import pytest

from mistlocate import clock
from mistlocate.clock import FastClock, SystemClock


def test_a_machine_that_slept_has_grown_older(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(clock, "_SINCE_BOOT", 7)
    monkeypatch.setattr(time, "clock_gettime", lambda which: 1000.0 if which == 7 else 0.0, raising=False)
    assert SystemClock().monotonic() == 1000.0


def test_where_the_system_cannot_tell_the_usual_reading_does(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(clock, "_SINCE_BOOT", None)
    before = time.monotonic()
    assert before <= SystemClock().monotonic() <= time.monotonic()


async def test_a_fast_clock_waits_shorter() -> None:
    fast = FastClock(1000.0, start=5.0)
    before = fast.monotonic()
    await fast.sleep(10.0)
    assert fast.monotonic() - before >= 10.0
    assert fast.wall() >= 15.0
