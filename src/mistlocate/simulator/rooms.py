"""One room: its outline, its door, its furniture, and the seats that people take in it. All lengths are metres."""

from collections.abc import Iterator
from typing import NamedTuple

from mistlocate.simulator.geometry import Box, Point

_DOOR_SIDE = 1.1
_WALL_SIDE = 0.35
_NAME_SIDE = 1.75


class Furniture(NamedTuple):
    """A piece of furniture: `desk`, `table`, `round`, `counter` or `chair`, and where it stands."""

    kind: str
    box: Box


class Room(NamedTuple):
    """A room with one door; `gate` is the spot just outside of that door, on the centre line of the corridor."""

    name: str
    kind: str
    box: Box
    door: Point
    gate: Point
    seats: tuple[Point, ...] = ()
    furniture: tuple[Furniture, ...] = ()

    @property
    def name_strip(self) -> Box:
        """Where the name is written: away from the door, or at the top if the door is in a side wall."""
        box = self.box
        if self.door.y == box.top:
            return Box(box.left, box.bottom - _NAME_SIDE, box.right, box.bottom)
        return Box(box.left, box.top, box.right, box.top + _NAME_SIDE)

    @property
    def floor(self) -> Box:
        """What is left for furniture beside the name and the way in."""
        box, door, strip = self.box, self.door, self.name_strip
        return Box(
            box.left + (_DOOR_SIDE if door.x == box.left else _WALL_SIDE),
            strip.bottom if strip.top == box.top else box.top + _DOOR_SIDE,
            box.right - (_DOOR_SIDE if door.x == box.right else _WALL_SIDE),
            strip.top
            if strip.bottom == box.bottom
            else box.bottom - (_DOOR_SIDE if door.y == box.bottom else _WALL_SIDE),
        )


def furnish(room: Room) -> Room:
    """The room with what its kind calls for; lifts, stairs and the like stay empty and have no seats."""
    makers = {"office": _desks, "open": _benches, "meeting": _conference, "kitchen": _canteen, "lobby": _canteen}
    maker = makers.get(room.kind)
    if maker is None:
        return room
    pieces = list(maker(room.floor))
    furniture = [item for items, _ in pieces for item in items]
    seats = [seat for _, sitting in pieces for seat in sitting]
    return room._replace(furniture=tuple(furniture), seats=tuple(seats))


Piece = tuple[list[Furniture], list[Point]]


def _box(x: float, y: float, width: float, height: float) -> Box:
    return Box(x - width / 2, y - height / 2, x + width / 2, y + height / 2)


def _chair(at: Point) -> Furniture:
    return Furniture("chair", _box(at.x, at.y, 0.5, 0.5))


def _grid(box: Box, step_x: float, step_y: float) -> Iterator[Point]:
    """The middles of the cells of about this size that fill the box."""
    columns, rows = max(1, int(box.width / step_x)), max(1, int(box.height / step_y))
    for row in range(rows):
        for column in range(columns):
            yield Point(
                box.left + box.width * (column + 0.5) / columns,
                box.top + box.height * (row + 0.5) / rows,
            )


def _desks(box: Box) -> Iterator[Piece]:
    """Single desks, each with a chair."""
    for middle in _grid(box, 2.0, 2.1):
        seat = Point(middle.x, middle.y + 0.45)
        yield [Furniture("desk", _box(middle.x, middle.y - 0.3, 1.5, 0.7)), _chair(seat)], [seat]


def _benches(box: Box) -> Iterator[Piece]:
    """Desks back to back, in rows with room to walk between them."""
    for middle in _grid(box.shrink(0.5), 1.9, 3.9):
        seats = [Point(middle.x, middle.y - 1.15), Point(middle.x, middle.y + 1.15)]
        desks = [Furniture("desk", _box(middle.x, middle.y + side * 0.38, 1.5, 0.72)) for side in (-1, 1)]
        yield [*desks, *(_chair(seat) for seat in seats)], seats


def _conference(box: Box) -> Iterator[Piece]:
    """One long table with chairs on both sides."""
    along_x = box.width >= box.height
    length = min(4.8, max(1.6, max(box.width, box.height) - 1.2))
    depth = min(1.5, max(0.9, min(box.width, box.height) - 1.9))
    middle = box.centre
    places = max(2, int(length / 0.9))
    seats = []
    for number in range(places):
        along = -length / 2 + length * (number + 0.5) / places
        for side in (-1, 1):
            across = side * (depth / 2 + 0.4)
            seats.append(Point(middle.x + (along if along_x else across), middle.y + (across if along_x else along)))
    table = _box(middle.x, middle.y, length if along_x else depth, depth if along_x else length)
    yield [Furniture("table", table), *(_chair(seat) for seat in seats)], seats


def _canteen(box: Box) -> Iterator[Piece]:
    """Round tables for four, and a counter along the wall."""
    yield [Furniture("counter", Box(box.left, box.top, box.left + 0.65, box.bottom))], []
    for middle in _grid(Box(box.left + 1.0, box.top, box.right, box.bottom), 2.6, 2.6):
        seats = [Point(middle.x + dx, middle.y + dy) for dx, dy in ((-0.8, 0), (0.8, 0), (0, -0.8), (0, 0.8))]
        yield [Furniture("round", _box(middle.x, middle.y, 1.0, 1.0)), *(_chair(seat) for seat in seats)], seats
