import time

import pytest

from mistlocate.simulator import SimClock


def test_it_starts_where_it_is_told_and_runs_as_fast_as_it_is_told() -> None:
    clock = SimClock(speed=1000.0, start=50.0)
    begun = time.monotonic()
    while time.monotonic() - begun < 0.01:
        pass
    assert clock.wall() >= 60.0
    assert clock.monotonic() >= 10.0


def test_by_default_it_is_real_time() -> None:
    assert abs(SimClock().wall() - time.time()) < 1.0


async def test_sleep_is_as_much_shorter() -> None:
    clock, begun = SimClock(speed=10_000.0), time.monotonic()
    before = clock.monotonic()
    await clock.sleep(100.0)
    assert clock.monotonic() - before >= 100.0
    assert time.monotonic() - begun < 5.0


def test_time_does_not_stand_still() -> None:
    with pytest.raises(ValueError, match="speed"):
        SimClock(speed=0)
