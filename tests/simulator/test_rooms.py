import pytest

from mistlocate.simulator.geometry import Box, Point
from mistlocate.simulator.rooms import Room, furnish

BOX = Box(0.0, 0.0, 9.0, 8.0)
DOORS = {"top": Point(4.5, 0.0), "bottom": Point(4.5, 8.0), "left": Point(0.0, 4.0), "right": Point(9.0, 4.0)}


@pytest.mark.parametrize("kind", ["office", "open", "meeting", "kitchen", "lobby"])
@pytest.mark.parametrize("side", DOORS)
def test_seats_are_inside_and_leave_the_door_and_the_name_free(kind: str, side: str) -> None:
    room = furnish(Room("x", kind, BOX, DOORS[side], DOORS[side]))
    assert room.seats
    assert room.furniture
    for seat in room.seats:
        assert BOX.contains(seat)
        assert max(abs(seat.x - room.door.x), abs(seat.y - room.door.y)) > 0.6
        assert not room.name_strip.contains(seat)


@pytest.mark.parametrize("kind", ["lift", "stairs", "wc"])
def test_nobody_sits_in_a_lift(kind: str) -> None:
    room = Room("x", kind, BOX, DOORS["top"], DOORS["top"])
    assert furnish(room) is room


def test_the_name_is_written_away_from_the_door() -> None:
    assert Room("x", "office", BOX, DOORS["top"], DOORS["top"]).name_strip.bottom == BOX.bottom
    assert Room("x", "office", BOX, DOORS["bottom"], DOORS["bottom"]).name_strip.top == BOX.top
