"""Draws the floor-plan image of a map: walls, doors, rooms, furniture, labels. The same plan gives the same bytes."""

import io
from collections.abc import Iterable
from functools import lru_cache

from PIL import Image, ImageDraw, ImageFont

from mistlocate.simulator.floors import FloorMap
from mistlocate.simulator.geometry import Box, Point
from mistlocate.simulator.layouts import Layout
from mistlocate.simulator.rooms import Room

Colour = tuple[int, int, int]
_PAPER: Colour = (250, 250, 247)
_WALL: Colour = (62, 70, 82)
_INK: Colour = (52, 60, 72)
_FAINT: Colour = (140, 148, 158)
_CORRIDOR: Colour = (243, 242, 236)
_FURNITURE: Colour = (214, 218, 222)
_OUTLINE: Colour = (176, 182, 190)
_CHAIR: Colour = (228, 231, 234)
_TINTS: dict[str, Colour] = {
    "office": (255, 255, 255),
    "open": (238, 246, 243),
    "meeting": (236, 242, 251),
    "kitchen": (253, 246, 231),
    "lobby": (251, 243, 236),
    "lift": (229, 231, 235),
    "stairs": (235, 237, 240),
    "wc": (240, 238, 247),
}
_SCALE = 2
_DOOR = 0.9
_OUTER, _INNER = 0.34, 0.16


def png(plan: FloorMap) -> bytes:
    """The plan of a map, exactly `width` by `height` pixels."""
    return _png(plan.layout, plan.name, plan.width, plan.height, plan.orientation, plan.revision)


def thumbnail(plan: FloorMap) -> bytes:
    """A small picture of the plan, 240 pixels wide."""
    with Image.open(io.BytesIO(png(plan))) as image:
        small = image.convert("RGB")
        small.thumbnail((240, 240), Image.Resampling.LANCZOS)
        return _encode(small)


@lru_cache(maxsize=64)
def _png(layout: Layout, name: str, width: int, height: int, orientation: int, revision: int) -> bytes:
    image = Image.new("RGB", (width * _SCALE, height * _SCALE), _PAPER)
    pen = _Pen(ImageDraw.Draw(image), width * _SCALE / layout.width)
    _floor(pen, layout)
    for room in layout.rooms:
        _furniture(pen, room)
    _walls(pen, layout)
    for room in layout.rooms:
        _door(pen, room)
    for room in layout.rooms:
        _label(pen, room)
    _title(pen, layout, name if not revision else f"{name} (rev. {revision})", orientation)
    return _encode(image.resize((width, height), Image.Resampling.LANCZOS))


def _encode(image: Image.Image) -> bytes:
    out = io.BytesIO()
    image.quantize(96, dither=Image.Dither.NONE).save(out, "PNG")
    return out.getvalue()


class _Pen:
    """Draws in metres."""

    def __init__(self, draw: ImageDraw.ImageDraw, ppm: float) -> None:
        self.draw, self.ppm = draw, ppm

    def _xy(self, box: Box) -> tuple[float, float, float, float]:
        return box.left * self.ppm, box.top * self.ppm, box.right * self.ppm, box.bottom * self.ppm

    def box(self, box: Box, fill: Colour | None, outline: Colour | None = None, width: float = 0.04) -> None:
        self.draw.rectangle(self._xy(box), fill, outline, max(1, round(width * self.ppm)))

    def round(self, box: Box, fill: Colour | None, outline: Colour | None = None, width: float = 0.04) -> None:
        self.draw.ellipse(self._xy(box), fill, outline, max(1, round(width * self.ppm)))

    def soft(self, box: Box, radius: float, fill: Colour, outline: Colour) -> None:
        self.draw.rounded_rectangle(self._xy(box), radius * self.ppm, fill, outline, max(1, round(0.04 * self.ppm)))

    def line(self, points: Iterable[Point], colour: Colour, width: float) -> None:
        path = [(point.x * self.ppm, point.y * self.ppm) for point in points]
        self.draw.line(path, colour, max(1, round(width * self.ppm)))

    def arc(self, centre: Point, radius: float, start: float, end: float, colour: Colour) -> None:
        box = Box(centre.x - radius, centre.y - radius, centre.x + radius, centre.y + radius)
        self.draw.arc(self._xy(box), start, end, colour, max(1, round(0.05 * self.ppm)))

    def text(self, at: Point, text: str, size: float, colour: Colour, anchor: str = "mm") -> None:
        font = ImageFont.load_default(size * self.ppm)
        self.draw.text((at.x * self.ppm, at.y * self.ppm), text, colour, font, anchor)

    def width_of(self, text: str, size: float) -> float:
        return ImageFont.load_default(size * self.ppm).getlength(text) / self.ppm


def _floor(pen: _Pen, layout: Layout) -> None:
    pen.box(layout.shell, _CORRIDOR)
    for room in layout.rooms:
        pen.box(room.box, _TINTS.get(room.kind, _PAPER))


def _walls(pen: _Pen, layout: Layout) -> None:
    for room in layout.rooms:
        box = room.box
        half = _INNER / 2
        pen.box(Box(box.left - half, box.top - half, box.right + half, box.bottom + half), None, _WALL, _INNER)
    shell, half = layout.shell, _OUTER / 2
    pen.box(Box(shell.left - half, shell.top - half, shell.right + half, shell.bottom + half), None, _WALL, _OUTER)
    for box in (room.box for room in layout.rooms if room.kind in {"office", "meeting"}):
        _windows(pen, shell, box)


def _windows(pen: _Pen, shell: Box, box: Box) -> None:
    """A light stripe in the outer wall where a room touches it."""
    middle = box.centre
    for edge, along_x in ((shell.top, True), (shell.bottom, True), (shell.left, False), (shell.right, False)):
        touches = edge in ((box.top, box.bottom) if along_x else (box.left, box.right))
        length = (box.width if along_x else box.height) - 1.6
        if not touches or length <= 0:
            continue
        a = Point(middle.x - length / 2, edge) if along_x else Point(edge, middle.y - length / 2)
        b = Point(middle.x + length / 2, edge) if along_x else Point(edge, middle.y + length / 2)
        pen.line((a, b), _PAPER, _OUTER * 0.62)
        pen.line((a, b), _FAINT, 0.05)


def _door(pen: _Pen, room: Room) -> None:
    """A gap in the wall, and the leaf that swings into the room; open spaces have a wide gap and no leaf."""
    box, door = room.box, room.door
    vertical = door.x in (box.left, box.right)
    half = (1.3 if room.kind in {"open", "lobby", "kitchen"} else _DOOR) / 2
    gap = _INNER * 0.75
    tint = _TINTS.get(room.kind, _PAPER)
    if vertical:
        pen.box(Box(door.x - gap, door.y - half, door.x + gap, door.y + half), tint)
        inward = Point(1 if door.x == box.left else -1, 0)
    else:
        pen.box(Box(door.x - half, door.y - gap, door.x + half, door.y + gap), tint)
        inward = Point(0, 1 if door.y == box.top else -1)
    if half != _DOOR / 2 or room.kind == "lift":
        return
    hinge = Point(door.x, door.y - half) if vertical else Point(door.x - half, door.y)
    tip = Point(hinge.x + inward.x * _DOOR, hinge.y + inward.y * _DOOR)
    pen.line((hinge, tip), _FAINT, 0.07)
    start = {(1, 0): 0, (-1, 0): 90, (0, 1): 0, (0, -1): 270}[int(inward.x), int(inward.y)]
    pen.arc(hinge, _DOOR, start, start + 90, _FAINT)


def _furniture(pen: _Pen, room: Room) -> None:
    for item in room.furniture:
        if item.kind == "chair":
            pen.round(item.box, _CHAIR, _OUTLINE)
        elif item.kind == "round":
            pen.round(item.box, _FURNITURE, _OUTLINE)
        else:
            pen.soft(item.box, 0.12, _FURNITURE, _OUTLINE)
    box, strip = room.box, room.name_strip
    inside = Box(box.left + 0.4, box.top + 0.4, box.right - 0.4, strip.top)
    if room.kind == "lift":
        pen.box(inside, (246, 247, 249), _FAINT)
        pen.line((Point(inside.left, inside.top), Point(inside.right, inside.bottom)), _FAINT, 0.04)
        pen.line((Point(inside.right, inside.top), Point(inside.left, inside.bottom)), _FAINT, 0.04)
    elif room.kind == "stairs":
        flight = Box(inside.left, inside.top + 0.7, inside.right, inside.bottom)
        steps = int(flight.height / 0.3)
        for number in range(steps + 1):
            y = flight.top + flight.height * number / steps
            pen.line((Point(flight.left, y), Point(flight.right, y)), _FAINT, 0.04)
        pen.line((Point(flight.centre.x, flight.top), Point(flight.centre.x, flight.bottom)), _FAINT, 0.1)


def _label(pen: _Pen, room: Room) -> None:
    """The name, as large as fits, and beside it the area of rooms that people work in."""
    strip, size = room.name_strip, 1.05 if room.kind == "open" else 0.8
    middle = Point(strip.centre.x, strip.centre.y + (0.2 if strip.top == room.box.top else -0.12))
    while size > 0.45 and pen.width_of(room.name, size) > room.box.width - 0.7:
        size -= 0.05
    if room.kind in {"lift", "stairs", "wc"}:
        pen.text(middle, room.name, size, _INK)
        return
    pen.text(Point(middle.x, middle.y - size * 0.36), room.name, size, _INK)
    area, small = f"{room.box.area:.0f} m", size * 0.68
    right = middle.x + pen.width_of(area, small) / 2
    pen.text(Point(middle.x, middle.y + size * 0.5), area, small, _FAINT)
    pen.text(Point(right + 0.04, middle.y + size * 0.5 - small * 0.22), "2", small * 0.66, _FAINT, "lm")


def _title(pen: _Pen, layout: Layout, name: str, orientation: int) -> None:
    """The map's name, a scale bar of ten metres and an arrow to the north, in the margin."""
    shell = layout.shell
    pen.text(Point(shell.left, shell.top / 2), name, 1.1, _INK, "lm")
    right, y = shell.right, layout.height - (layout.height - shell.bottom) / 2
    for number in range(2):
        left = right - 10 + 5 * number
        pen.box(Box(left, y - 0.14, left + 5, y + 0.14), _INK if number == 0 else _PAPER, _INK)
    pen.text(Point(right - 10.5, y), "10 m", 0.75, _INK, "rm")
    _north(pen, Point(shell.right - 0.9, shell.top / 2), orientation)


def _north(pen: _Pen, at: Point, orientation: int) -> None:
    """An arrow that points to the north: `orientation` is how far that is turned clockwise from up."""
    size = 120
    arrow = Image.new("L", (size, size), 0)
    ImageDraw.Draw(arrow).polygon([(60, 8), (88, 104), (60, 86), (32, 104)], fill=255)
    turned = arrow.rotate(-orientation, Image.Resampling.BICUBIC)
    edge = round(1.7 * pen.ppm)
    corner = (round(at.x * pen.ppm - edge / 2), round(at.y * pen.ppm - edge / 2))
    pen.draw.bitmap(corner, turned.resize((edge, edge), Image.Resampling.LANCZOS), _INK)
    pen.text(Point(at.x - 1.5, at.y), "N", 0.75, _INK)
