from math import dist

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from mistlocate.simulator import Campus, World
from mistlocate.simulator.geometry import Point
from mistlocate.simulator.ids import lots
from mistlocate.simulator.people import Device, Place
from mistlocate.simulator.radio import OUTSIDE, accuracy, measure, sigma

WORLD = World(Campus(floors=2))
FLOOR = next(iter(WORLD.maps.values()))


def device(**more: object) -> Device:
    return Device("00005e005300", 0, FLOOR.site_id, "dot1x", "phone", **more)  # type: ignore[arg-type]


def test_more_access_points_make_a_better_guess() -> None:
    assert [sigma(count) for count in range(1, 8)] == sorted((sigma(count) for count in range(1, 8)), reverse=True)
    assert accuracy(1) > accuracy(3) > accuracy(6) >= 1


@settings(max_examples=60, deadline=None)
@given(st.floats(0, 72), st.floats(0, 40.5), st.integers(0, 10_000))
def test_what_is_measured_lies_at_most_a_step_outside(x: float, y: float, seed: int) -> None:
    report = measure(device(), Place(FLOOR, Point(x, y)), 10.0, lots(seed))
    assert report.map is FLOOR
    assert report.point is not None
    assert -OUTSIDE <= report.point.x <= FLOOR.width_m + OUTSIDE
    assert -OUTSIDE <= report.point.y <= FLOOR.height_m + OUTSIDE
    assert 1 <= report.num_aps <= len(FLOOR.aps)
    assert report.ap in FLOOR.aps
    assert -95 < report.rssi < -30


@pytest.mark.parametrize("place", [Point(36.0, 20.0), Point(4.0, 4.0)])
def test_the_claimed_accuracy_holds_for_most_measurements(place: Point) -> None:
    rng = lots(5)
    within = 0
    for number in range(1000):
        report = measure(device(), Place(FLOOR, place), 1000.0 * number, rng)
        assert report.point is not None
        within += dist(report.point, place) <= report.accuracy
    assert 800 < within < 960


def test_measurements_that_follow_each_other_are_alike() -> None:
    rng, tracked = lots(1), device()
    place = Place(FLOOR, Point(36.0, 20.0))
    jumps = []
    for number in range(200):
        before = tracked.drift
        tracked.report = measure(tracked, place, 0.5 * number, rng)
        if number:
            jumps.append(dist(before, tracked.drift))
    assert sum(jumps) / len(jumps) < 0.5


def test_who_cannot_be_located_is_still_heard() -> None:
    report = measure(device(located=False), Place(FLOOR, Point(36.0, 20.0)), 0.0, lots(1))
    assert (report.map, report.point, report.num_aps) == (None, None, 0)
    assert report.ap is not None


def test_a_pinned_device_is_measured_exactly() -> None:
    report = measure(device(pinned=True), Place(FLOOR, Point(36.0, 20.0)), 0.0, lots(1))
    assert report.point == Point(36.0, 20.0)
    assert report.accuracy == accuracy(report.num_aps)
