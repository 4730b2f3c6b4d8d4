"""Which building and level a Mist map is, and where on it a client stands.

A mapping names zones; a map has sizes. Both may be missing or disagree, and then nobody should be drawn at a wrong
place: what cannot be placed keeps its level and loses its coordinates, and `problems` says so.
"""

import math
from collections import defaultdict
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Literal, NamedTuple

from mistlocate.location.geometry import Affine, LatLng, Point, between

#: A size that is not known, as consumers of location records expect it.
UNKNOWN_SIZE = -1.0

#: How far a client of which only the map is known may be from anywhere on it, where the map has no scale (metres).
UNSCALED_REACH_M = 100.0


class MapInfo(NamedTuple):
    """What matters of a Mist map. Sizes in pixels, `ppm` in pixels per metre, corners only for google maps."""

    id: str
    name: str = ""
    kind: Literal["image", "google"] = "image"
    width: float | None = None
    height: float | None = None
    ppm: float | None = None
    top_left: LatLng | None = None
    bottom_right: LatLng | None = None
    modified: float | None = None
    has_image: bool = False


@dataclass(frozen=True, slots=True)
class FloorMapping:
    """What an integrator said of a map: zone ids by kind (`building`, `level`, `campus`, …) and how it lies.

    `width` and `height` are the sizes of the plan that coordinates are given in, where Mist knows none (pixels) or,
    with `align`, of the building's own plan. `align` holds three pairs: Mist pixel, fraction of that plan.
    """

    zones: Mapping[str, str]
    level_name: str | None = None
    width: float | None = None
    height: float | None = None
    align: tuple[tuple[Point, Point], ...] | None = None

    @property
    def building(self) -> str | None:
        """The building's zone id."""
        return self.zones.get("building")

    @property
    def level(self) -> str | None:
        """The level's zone id."""
        return self.zones.get("level")


@dataclass(frozen=True, slots=True)
class Plan:
    """One mapped map, ready to place clients on it."""

    mapping: FloorMapping
    map: MapInfo | None
    width: float = UNKNOWN_SIZE
    height: float = UNKNOWN_SIZE
    placeable: bool = True
    pixels: Point | None = None
    """The size of the map in its own pixels, where known: what lies far outside of it is no position."""
    transform: Affine | None = None

    def point(self, x: float | None, y: float | None) -> Point | None:
        """A Mist position (pixels) in the unit of the sizes, from the top-left corner of the plan that answers are
        given on; None where it is not known.

        Positions can lie a little outside the image; those more than a whole map away are no positions.
        """
        if x is None or y is None or not self.placeable:
            return None
        if self.pixels is not None:
            width, height = self.pixels
            if not (-width <= x <= 2 * width and -height <= y <= 2 * height):
                return None
        return (x, y) if self.transform is None else self.transform.apply(x, y)

    def where(self, x: float, y: float) -> LatLng | None:
        """The place on the globe of a Mist position that has a `point`, where the map is geo-referenced."""
        if self.map is None or not (self.map.top_left and self.map.bottom_right and self.pixels):
            return None
        return between(self.map.top_left, self.map.bottom_right, x / self.pixels[0], y / self.pixels[1])

    def reach_m(self) -> float:
        """The radius in metres within which a client of unknown position on this map must be."""
        if self.map is None or not self.map.ppm or self.pixels is None:
            return UNSCALED_REACH_M
        return math.hypot(*self.pixels) / 2 / self.map.ppm


@dataclass(frozen=True, slots=True)
class MapProblems:
    """What keeps people from being found, as map ids; `shared_levels` are level zones with several unaligned maps."""

    unmapped: tuple[str, ...] = ()
    dangling: tuple[str, ...] = ()
    unplaceable: tuple[str, ...] = ()
    unsized: tuple[str, ...] = ()
    shared_levels: Mapping[str, tuple[str, ...]] = field(default_factory=dict)

    def __bool__(self) -> bool:
        return bool(self.unmapped or self.dangling or self.unplaceable or self.unsized or self.shared_levels)


class Floorplans:
    """All mappings of a site, joined with its maps. Immutable: make a new one when either changes.

    `maps` is None while the map list is not known yet; then nothing is called unmapped or dangling.
    """

    def __init__(self, mappings: Mapping[str, FloorMapping], maps: Iterable[MapInfo] | None = None) -> None:
        self.mappings = dict(mappings)
        self.maps = None if maps is None else {each.id: each for each in maps}
        self.plans = {
            map_id: _plan(mapping, None if self.maps is None else self.maps.get(map_id))
            for map_id, mapping in self.mappings.items()
        }
        self._keep_sizes_apart()
        self._by_zone: dict[str, list[str]] = defaultdict(list)
        for map_id, mapping in self.mappings.items():
            for zone in dict.fromkeys(mapping.zones.values()):
                self._by_zone[zone].append(map_id)

    def maps_of(self, zone_id: str) -> tuple[str, ...]:
        """The maps of a zone: any zone that a mapping names, whatever its kind."""
        return tuple(self._by_zone.get(zone_id, ()))

    def plan(self, map_id: str | None) -> Plan | None:
        """The plan of a map, or None if the map is not mapped."""
        return None if map_id is None else self.plans.get(map_id)

    def problems(self) -> MapProblems:
        """What an integrator should look at."""
        maps = {} if self.maps is None else self.maps
        levels: dict[str, list[str]] = defaultdict(list)
        for map_id, mapping in self.mappings.items():
            if mapping.level is not None:
                levels[mapping.level].append(map_id)
        shared = {
            level: tuple(ids)
            for level, ids in levels.items()
            if len(ids) > 1 and not all(self.mappings[map_id].align for map_id in ids)
        }
        return MapProblems(
            unmapped=tuple(map_id for map_id in maps if map_id not in self.mappings),
            dangling=() if self.maps is None else tuple(each for each in self.mappings if each not in maps),
            unplaceable=tuple(each.id for each in maps.values() if not _is_placeable(each, self.mappings.get(each.id))),
            unsized=tuple(
                map_id
                for map_id, plan in self.plans.items()
                if map_id in maps and plan.placeable and plan.width == UNKNOWN_SIZE
            ),
            shared_levels=shared,
        )

    def _keep_sizes_apart(self) -> None:
        """A consumer takes the size of a level from its first record: where one map of a level has no size and
        another has, clients of the first are counted without coordinates rather than drawn to a wrong scale."""
        sized: dict[str, Plan] = {}
        for plan in self.plans.values():
            if plan.mapping.level is not None and plan.width != UNKNOWN_SIZE:
                sized.setdefault(plan.mapping.level, plan)
        for map_id, plan in self.plans.items():
            other = sized.get(plan.mapping.level or "")
            if other is not None and plan.width == UNKNOWN_SIZE:
                self.plans[map_id] = Plan(
                    plan.mapping, plan.map, other.width, other.height, placeable=False, pixels=plan.pixels
                )


def _pixels(known: MapInfo | None, mapping: FloorMapping | None) -> Point | None:
    """A map's own size in pixels: from Mist, else from the mapping (unless that speaks of the building's plan)."""
    if known is not None and known.width and known.height:
        return known.width, known.height
    if mapping is not None and mapping.width and mapping.height and mapping.align is None:
        return mapping.width, mapping.height
    return None


def _is_placeable(known: MapInfo, mapping: FloorMapping | None) -> bool:
    if known.kind == "image":
        return True
    aligned = mapping is not None and mapping.align is not None
    corners = known.top_left is not None and known.bottom_right is not None
    return aligned or (corners and _pixels(known, mapping) is not None)


def _plan(mapping: FloorMapping, known: MapInfo | None) -> Plan:
    pixels = _pixels(known, mapping)
    placeable = known is None or _is_placeable(known, mapping)
    if mapping.align is None:
        width, height = pixels or (UNKNOWN_SIZE, UNKNOWN_SIZE)
        return Plan(mapping, known, width, height, placeable, pixels)
    width, height = mapping.width or 1.0, mapping.height or 1.0
    onto = [(pixel, (right * width, down * height)) for pixel, (right, down) in mapping.align]
    return Plan(mapping, known, width, height, placeable, pixels, Affine.through(onto))
