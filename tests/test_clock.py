import time

import pytest

from mistlocate import clock
from mistlocate.clock import FastClock, SystemClock


def test_a_machine_that_slept_has_grown_older(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(time, "clock_gettime", lambda which: 1000.0 if which == 7 else 0.0, raising=False)
    assert clock._reading(7)() == 1000.0
    assert SystemClock.monotonic is not time.monotonic or clock._SINCE_BOOT is None


def test_where_the_system_cannot_tell_the_usual_reading_does() -> None:
    assert clock._reading(None) is time.monotonic


async def test_a_fast_clock_waits_shorter() -> None:
    fast = FastClock(1000.0, start=5.0)
    before = fast.monotonic()
    await fast.sleep(10.0)
    assert fast.monotonic() - before >= 10.0
    assert fast.wall() >= 15.0
