from email.utils import formatdate

import pytest

from mistlocate.mist.cloud_clock import CloudClock

START = 1_767_261_600.0


class Clock:
    """Wall and monotonic time that a test sets."""

    def __init__(self) -> None:
        self.passed = 0.0
        self.step = 0.0

    def wall(self) -> float:
        return START + self.passed + self.step

    def monotonic(self) -> float:
        return 5000.0 + self.passed


def answer(cloud: CloudClock, clock: Clock, cloud_time: float, took: float = 0.1) -> None:
    sent = clock.monotonic()
    clock.passed += took
    cloud.observe(formatdate(cloud_time, usegmt=True), sent, clock.monotonic())


@pytest.fixture
def clock() -> Clock:
    return Clock()


def test_before_the_first_answer_it_is_the_machines_own_time(clock: Clock) -> None:
    cloud = CloudClock(clock)  # type: ignore[arg-type]
    clock.passed += 100
    assert cloud.now() == START + 100
    assert cloud.offset() == 0


def test_a_small_difference_is_no_clock_that_is_wrong(clock: Clock) -> None:
    cloud = CloudClock(clock)  # type: ignore[arg-type]
    answer(cloud, clock, START + 3)
    assert cloud.offset() == 0


@pytest.mark.parametrize("ahead", [3600.0, -3600.0, 42.0])
def test_a_difference_is_taken_over(clock: Clock, ahead: float) -> None:
    cloud = CloudClock(clock)  # type: ignore[arg-type]
    answer(cloud, clock, START + ahead)
    assert cloud.now() == pytest.approx(clock.wall() + ahead, abs=1)
    assert cloud.offset() == pytest.approx(ahead, abs=1)


@pytest.mark.parametrize("step", [3600.0, -3600.0])
def test_setting_the_machines_clock_changes_nothing(clock: Clock, step: float) -> None:
    cloud = CloudClock(clock)  # type: ignore[arg-type]
    answer(cloud, clock, START)
    before = cloud.now()
    clock.step = step
    clock.passed += 10
    assert cloud.now() == pytest.approx(before + 10, abs=0.01)
    assert cloud.offset() == pytest.approx(-step, abs=1)


@pytest.mark.parametrize("date", [None, "", "yesterday", "Mon, 99 Foo 2026 00:00:00 GMT"])
def test_dates_that_cannot_be_read_are_no_dates(clock: Clock, date: str | None) -> None:
    cloud = CloudClock(clock)  # type: ignore[arg-type]
    cloud.observe(date, 5000, 5000.1)
    assert cloud.now() == START


def test_a_slow_answer_says_too_little(clock: Clock) -> None:
    cloud = CloudClock(clock)  # type: ignore[arg-type]
    answer(cloud, clock, START + 3600, took=30)
    assert cloud.offset() == 0


@pytest.mark.parametrize(
    "date", ["", "x", "Fri, 99 Jan 2026 10:00:00 GMT", "Fri, " + "9" * 400 + " Jan 2026 10:00:00 GMT", "1 Jan 0001 00:00:00 +2359"]
)  # fmt: skip
def test_what_is_no_date_changes_nothing(clock: Clock, date: str) -> None:
    cloud = CloudClock(clock)  # type: ignore[arg-type]
    cloud.observe(date, 0.0, 0.1)
    assert isinstance(cloud.now(), float)


def test_who_keeps_times_is_told_of_a_jump_and_of_nothing_smaller(clock: Clock) -> None:
    steps: list[float] = []
    cloud = CloudClock(clock, steps.append)  # type: ignore[arg-type]
    answer(cloud, clock, START + 3)
    assert steps == []
    answer(cloud, clock, START - 3600)
    assert steps == [pytest.approx(-3603, abs=2)]


def test_a_small_difference_is_told_as_exactly_as_a_date_can(clock: Clock) -> None:
    cloud = CloudClock(clock)  # type: ignore[arg-type]
    answer(cloud, clock, START + 3)
    assert cloud.now() - clock.wall() == pytest.approx(3, abs=0.2)
    for _ in range(5):
        answer(cloud, clock, clock.wall() + 3 - 0.9)
    assert cloud.now() - clock.wall() == pytest.approx(3, abs=1)
    assert cloud.offset() == 0
