from itertools import pairwise
from math import dist, isclose

from hypothesis import given, settings
from hypothesis import strategies as st

from mistlocate.simulator.geometry import Box, Point, Ring, Walk

BOX = Box(2.0, 3.0, 12.0, 8.0)
metres = st.floats(-20, 40, allow_nan=False)


def test_a_box_knows_its_measures() -> None:
    assert (BOX.width, BOX.height, BOX.area, BOX.centre) == (10.0, 5.0, 50.0, Point(7.0, 5.5))
    assert BOX.shrink(1.0) == Box(3.0, 4.0, 11.0, 7.0)
    assert BOX.shrink(9.0).area == 0.0


@settings(deadline=None)
@given(metres, metres)
def test_clamping_brings_a_point_inside(x: float, y: float) -> None:
    assert BOX.contains(BOX.clamp(Point(x, y)))


@settings(deadline=None)
@given(st.floats(0, 90, allow_nan=False))
def test_a_place_on_the_ring_is_nearest_to_itself(along: float) -> None:
    ring = Ring(BOX)
    assert dist(ring.at(ring.nearest(ring.at(along))), ring.at(along)) < 1e-6


@settings(deadline=None)
@given(st.floats(0, 30), st.floats(0, 30))
def test_the_way_round_is_the_shorter_one_and_stays_on_the_ring(start: float, end: float) -> None:
    ring = Ring(BOX)
    way = ring.between(start, end)
    length = sum(dist(a, b) for a, b in pairwise(way))
    direct = (end - start) % ring.length
    assert isclose(length, min(direct, ring.length - direct), abs_tol=1e-6)
    for a, b in pairwise(way):
        assert isclose(a.x, b.x, abs_tol=1e-6) or isclose(a.y, b.y, abs_tol=1e-6)


def test_a_walk_is_even_and_rests_at_both_ends() -> None:
    walk = Walk([Point(0, 0), Point(4, 0), Point(4, 2)], start=10.0, pace=2.0)
    assert walk.end == 13.0
    assert walk.at(0) == Point(0, 0)
    assert walk.at(11.0) == Point(2.0, 0)
    assert walk.at(12.5) == Point(4.0, 1.0)
    assert walk.at(99) == Point(4, 2)


def test_a_walk_may_stand_still() -> None:
    walk = Walk([Point(1, 1), Point(1, 1)], start=5.0, pace=1.0)
    assert walk.end == 5.0
    assert walk.at(5.0) == Point(1, 1)
