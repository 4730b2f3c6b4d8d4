from itertools import pairwise

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from mistlocate.simulator.geometry import Point
from mistlocate.simulator.ids import lots
from mistlocate.simulator.layouts import Layout, Spot, office_floor, one_room

sizes = st.tuples(st.floats(36, 120), st.floats(34, 80))


def spots(layout: Layout) -> list[Spot]:
    return [Spot(number, layout.rooms[number].seats[0]) for number in layout.destinations()]


@settings(max_examples=25, deadline=None)
@given(sizes, st.integers(1, 4), st.integers(0, 1000))
def test_rooms_lie_within_the_walls_and_apart_from_each_other(size: tuple[float, float], floor: int, seed: int) -> None:
    layout = office_floor(*size, floor, lots(seed))
    for number, room in enumerate(layout.rooms):
        assert layout.shell.contains(Point(room.box.left, room.box.top))
        assert layout.shell.contains(Point(room.box.right, room.box.bottom))
        assert room.box.contains(room.door)
        assert layout.room_at(room.box.centre) == number


@settings(max_examples=6, deadline=None)
@given(sizes, st.integers(0, 1000))
def test_every_room_can_be_walked_to_through_doors_only(size: tuple[float, float], seed: int) -> None:
    layout = office_floor(*size, 2, lots(seed))
    start = layout.entrance
    for end in spots(layout):
        route = layout.route(start, end)
        assert route[0] == start.point
        assert route[-1] == end.point
        for a, b in pairwise(route):
            for part in range(11):
                point = Point(a.x + (b.x - a.x) * part / 10, a.y + (b.y - a.y) * part / 10)
                within = [number for number, room in enumerate(layout.rooms) if room.box.shrink(0.01).contains(point)]
                assert set(within) <= {start.room, end.room}


def test_within_a_room_one_walks_straight() -> None:
    layout = office_floor(72, 40, 1, lots(1))
    spot = spots(layout)[0]
    other = Spot(spot.room, layout.rooms[spot.room].box.centre)
    assert layout.route(spot, other) == [spot.point, other.point]


def test_a_yard_is_one_room_with_seats() -> None:
    layout = one_room(90, 60, "Yard", "yard", lots(1))
    assert layout.destinations() == (0,)
    assert all(layout.shell.contains(seat) for seat in layout.rooms[0].seats)


@pytest.mark.parametrize("size", [(12.0, 9.0), (30.0, 60.0), (3.0, 3.0)])
def test_what_is_too_small_for_a_corridor_becomes_a_hall(size: tuple[float, float]) -> None:
    layout = office_floor(*size, 1, lots(1))
    assert [room.name for room in layout.rooms] == ["Hall"]
    assert layout.rooms[0].seats


def test_floors_of_one_building_differ_and_repeat() -> None:
    one, again, other = (office_floor(72, 40, 1, lots(seed)) for seed in (1, 1, 2))
    assert one.rooms == again.rooms
    assert one.rooms != other.rooms
