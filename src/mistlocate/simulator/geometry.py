"""Points and boxes on a floor, in metres from its top-left corner; x goes right, y goes down."""

from bisect import bisect_right
from collections.abc import Sequence
from itertools import pairwise
from math import hypot
from typing import NamedTuple


class Point(NamedTuple):
    """A place on one floor, in metres."""

    x: float
    y: float


class Box(NamedTuple):
    """An upright rectangle, in metres: left, top, right, bottom."""

    left: float
    top: float
    right: float
    bottom: float

    @property
    def width(self) -> float:
        """Metres from left to right."""
        return self.right - self.left

    @property
    def height(self) -> float:
        """Metres from top to bottom."""
        return self.bottom - self.top

    @property
    def area(self) -> float:
        """Square metres."""
        return self.width * self.height

    @property
    def centre(self) -> Point:
        """The middle."""
        return Point((self.left + self.right) / 2, (self.top + self.bottom) / 2)

    def shrink(self, by: float) -> "Box":
        """The box without a border of `by` metres; never less than nothing."""
        dx, dy = min(by, self.width / 2), min(by, self.height / 2)
        return Box(self.left + dx, self.top + dy, self.right - dx, self.bottom - dy)

    def contains(self, point: Point) -> bool:
        """Whether the point lies inside or on the edge."""
        return self.left <= point.x <= self.right and self.top <= point.y <= self.bottom

    def clamp(self, point: Point) -> Point:
        """The nearest point that lies inside."""
        return Point(min(max(point.x, self.left), self.right), min(max(point.y, self.top), self.bottom))


class Ring:
    """The centre line of a corridor that runs round a floor, measured clockwise from its top-left corner."""

    def __init__(self, box: Box) -> None:
        self.box = box
        self.length = 2 * (box.width + box.height)
        self._corners = (0.0, box.width, box.width + box.height, 2 * box.width + box.height)

    def nearest(self, point: Point) -> float:
        """Where on the ring, in metres along it, one stands closest to the point."""
        box = self.box
        inside = box.clamp(point)
        gaps = (inside.y - box.top, box.right - inside.x, box.bottom - inside.y, inside.x - box.left)
        side = gaps.index(min(gaps))
        if side == 0:
            return inside.x - box.left
        if side == 1:
            return box.width + inside.y - box.top
        if side == 2:
            return box.width + box.height + box.right - inside.x
        return (2 * box.width + box.height + box.bottom - inside.y) % self.length

    def at(self, along: float) -> Point:
        """The point so many metres along the ring."""
        box, along = self.box, along % self.length
        top, right, bottom = self._corners[1:]
        if along <= top:
            return Point(box.left + along, box.top)
        if along <= right:
            return Point(box.right, box.top + along - top)
        if along <= bottom:
            return Point(box.right - (along - right), box.bottom)
        return Point(box.left, box.bottom - (along - bottom))

    def between(self, start: float, end: float) -> list[Point]:
        """The way from one place on the ring to another, the shorter way round, with the corners it passes."""
        clockwise = (end - start) % self.length
        if clockwise <= self.length - clockwise:
            turns = sorted((corner - start) % self.length for corner in self._corners)
            passed = [start + turn for turn in turns if 0 < turn < clockwise]
        else:
            turns = sorted((start - corner) % self.length for corner in self._corners)
            passed = [start - turn for turn in turns if 0 < turn < self.length - clockwise]
        return [self.at(start), *(self.at(along) for along in passed), self.at(end)]


class Walk:
    """A path walked at an even pace: where one is at a time. Times are seconds of the world."""

    __slots__ = ("_points", "_times")

    def __init__(self, points: Sequence[Point], start: float, pace: float) -> None:
        times = [start]
        for here, there in pairwise(points):
            times.append(times[-1] + hypot(there.x - here.x, there.y - here.y) / pace)
        self._points, self._times = tuple(points), times

    @property
    def end(self) -> float:
        """When the last point is reached."""
        return self._times[-1]

    def at(self, time: float) -> Point:
        """The place at a time; before the start the first point, after the end the last."""
        after = bisect_right(self._times, time)
        if after == 0:
            return self._points[0]
        if after == len(self._times):
            return self._points[-1]
        here, there = self._points[after - 1], self._points[after]
        begun, done = self._times[after - 1], self._times[after]
        part = (time - begun) / (done - begun)
        return Point(here.x + (there.x - here.x) * part, here.y + (there.y - here.y) * part)
