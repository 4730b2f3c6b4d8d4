"""Where the walls of a floor stand, and how one walks from room to room.

A floor is a ring of rooms along the facade, a corridor that runs round, and a core with lift, stairs and larger rooms
inside of it. All lengths are metres from the top-left corner of the plan.
"""

from dataclasses import dataclass
from itertools import pairwise
from random import Random
from typing import NamedTuple

from mistlocate.simulator.geometry import Box, Point, Ring
from mistlocate.simulator.rooms import Room, furnish

MARGIN = 2.2
_DEPTH = 6.0
_CORRIDOR = 2.6
_LEAST_CORE = 9.0
_TREES = ("Alder", "Birch", "Cedar", "Elm", "Hazel", "Juniper", "Larch", "Maple", "Oak", "Pine", "Rowan", "Willow")


class Spot(NamedTuple):
    """A place in one room of a layout."""

    room: int
    point: Point


@dataclass(frozen=True, slots=True)
class Layout:
    """The rooms of a floor. `ring` is the corridor's centre line; an open-air layout has one room and no ring."""

    width: float
    height: float
    shell: Box
    rooms: tuple[Room, ...]
    entrance: Spot
    ring: Ring | None = None

    def destinations(self) -> tuple[int, ...]:
        """The rooms that have seats."""
        return tuple(number for number, room in enumerate(self.rooms) if room.seats)

    def room_at(self, point: Point) -> int | None:
        """The number of the room round a point, or None (the corridor, a wall)."""
        for number, room in enumerate(self.rooms):
            if room.box.contains(point):
                return number
        return None

    def route(self, start: Spot, end: Spot) -> list[Point]:
        """The corners of the way from one spot to another: straight within a room, else by the doors."""
        if start.room == end.room or self.ring is None:
            return [start.point, end.point]
        out, back = self.rooms[start.room], self.rooms[end.room]
        along = self.ring.between(self.ring.nearest(out.gate), self.ring.nearest(back.gate))
        return [start.point, out.door, *along, back.door, end.point]


def one_room(width: float, height: float, name: str, kind: str, rng: Random) -> Layout:
    """A hall or a yard: one place without inner walls, seats here and there, and a door at its upper edge."""
    shell = Box(0.0, 0.0, width, height).shrink(min(MARGIN, width / 8, height / 8))
    inside = shell.shrink(min(3.0, shell.width / 6, shell.height / 6))
    seats = tuple(
        Point(rng.uniform(inside.left, inside.right), rng.uniform(inside.top, inside.bottom)) for _ in range(24)
    )
    door = Point(shell.centre.x, shell.top)
    return Layout(width, height, shell, (Room(name, kind, shell, door, door, seats=seats),), Spot(0, door))


def office_floor(width: float, height: float, floor: int, rng: Random) -> Layout:
    """A floor of this size; `floor` counts from 1 and shows in the names of its rooms. What is too small is a hall."""
    shell = Box(0.0, 0.0, width, height).shrink(MARGIN)
    corridor = shell.shrink(_DEPTH)
    ring = Ring(corridor.shrink(_CORRIDOR / 2))
    core = corridor.shrink(_CORRIDOR)
    if core.width < _LEAST_CORE or core.height < _LEAST_CORE:
        return one_room(width, height, "Hall", "open", rng)
    names = _Names(floor, rng)
    rooms = [furnish(room) for room in (*_facade(shell, ring, names, rng), *_core(core, ring, names, floor))]
    lift = next(number for number, room in enumerate(rooms) if room.kind == "lift")
    return Layout(width, height, shell, tuple(rooms), Spot(lift, rooms[lift].box.centre), ring)


class _Names:
    """Hands out the names of the rooms of one floor."""

    def __init__(self, floor: int, rng: Random) -> None:
        self._floor = floor
        self._offices = 0
        self._trees = list(_TREES)
        rng.shuffle(self._trees)

    def office(self) -> str:
        self._offices += 1
        return f"{self._floor}.{self._offices:02d}"

    def meeting(self) -> str:
        return self._trees.pop() if self._trees else self.office()


def _split(start: float, end: float, target: float, rng: Random) -> list[tuple[float, float]]:
    """The stretch cut into pieces of about the target length, not all the same."""
    count = max(1, round((end - start) / target))
    weights = [rng.uniform(0.75, 1.35) for _ in range(count)]
    edges = [start]
    for weight in weights:
        edges.append(edges[-1] + (end - start) * weight / sum(weights))
    edges[-1] = end
    return list(pairwise(edges))


def _room(name: str, kind: str, box: Box, door: Point, ring: Ring) -> Room:
    return Room(name, kind, box, door, ring.at(ring.nearest(door)))


def _facade(shell: Box, ring: Ring, names: _Names, rng: Random) -> list[Room]:
    """The rooms along the four outer walls, clockwise from the top-left corner."""
    corner = _DEPTH + _CORRIDOR + 0.9
    inner_left, inner_right = shell.left + _DEPTH, shell.right - _DEPTH
    columns = [
        (shell.left, shell.left + corner),
        *_split(shell.left + corner, shell.right - corner, 5.6, rng),
        (shell.right - corner, shell.right),
    ]
    rows = _split(shell.top + _DEPTH, shell.bottom - _DEPTH, 6.2, rng)
    top, bottom = shell.top + _DEPTH, shell.bottom - _DEPTH

    def door_x(left: float, right: float) -> float:
        return min(max((left + right) / 2, ring.box.left), ring.box.right)

    places = [(Box(a, shell.top, b, top), Point(door_x(a, b), top)) for a, b in columns]
    places += [(Box(inner_right, a, shell.right, b), Point(inner_right, (a + b) / 2)) for a, b in rows]
    places += [(Box(a, bottom, b, shell.bottom), Point(door_x(a, b), bottom)) for a, b in reversed(columns)]
    places += [(Box(shell.left, a, inner_left, b), Point(inner_left, (a + b) / 2)) for a, b in reversed(rows)]
    meetings = set(rng.sample(range(len(places)), len(places) // 4))
    return [
        _room(names.meeting() if number in meetings else names.office(), kind, box, door, ring)
        for number, (box, door) in enumerate(places)
        for kind in ("meeting" if number in meetings else "office",)
    ]


def _core(core: Box, ring: Ring, names: _Names, floor: int) -> list[Room]:
    """Lift, stairs and wet rooms in the middle; larger rooms on both sides of them."""
    half = min(max(core.width * 0.13, 3.4), 5.0)
    middle = core.centre.x
    left, right = middle - half, middle + half
    shaft = core.top + min(4.4, core.height * 0.4)
    wet = left + half * 0.8
    lobby = "Reception" if floor == 1 else "Kitchen"

    def up(a: float, b: float) -> Point:
        return Point((a + b) / 2, core.top)

    def down(a: float, b: float) -> Point:
        return Point((a + b) / 2, core.bottom)

    rooms = [
        _room("Lift", "lift", Box(left, core.top, middle, shaft), up(left, middle), ring),
        _room("Stairs", "stairs", Box(middle, core.top, right, shaft), up(middle, right), ring),
        _room("WC", "wc", Box(left, shaft, wet, core.bottom), down(left, wet), ring),
        _room(lobby, "lobby" if floor == 1 else "kitchen", Box(wet, shaft, right, core.bottom), down(wet, right), ring),
    ]
    west = Box(core.left, core.top, left, core.bottom)
    rooms.append(_room("Open space West", "open", west, Point(core.left, core.centre.y), ring))
    east = Box(right, core.top, core.right, core.bottom)
    if floor % 2:
        rooms.append(_room("Open space East", "open", east, Point(core.right, core.centre.y), ring))
        return rooms
    count = max(1, round(east.width / 5.5))
    edges = [east.left + east.width * number / count for number in range(count + 1)]
    for a, b in pairwise(edges):
        rooms.append(_room(names.meeting(), "meeting", Box(a, east.top, b, east.centre.y), up(a, b), ring))
        rooms.append(_room(names.meeting(), "meeting", Box(a, east.centre.y, b, east.bottom), down(a, b), ring))
    return rooms
