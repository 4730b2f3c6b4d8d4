"""A draft of zones and `floorplan_mappings`, made from what people called their maps."""

import re
from collections.abc import Container, Iterable
from typing import NamedTuple

from mistlocate.mist.models import Map
from mistlocate.setup.zone_ids import Zone, same, zone_ids

_SEPARATORS = re.compile(r"\s*(?:\s[-\u2013\u2014|]\s|[/,:])\s*")


class Draft(NamedTuple):
    """Zones (`{id, name, parent?}`) and mappings (map id → mapping), ready for a settings file."""

    zones: list[dict[str, str]]
    mappings: dict[str, dict[str, str]]


class Place(NamedTuple):
    """The building and the level that the name of a map speaks of. `said`: the building stands in the name."""

    building: str
    level: str
    said: bool

    def is_same(self, other: "Place") -> bool:
        """Whether both are one level of one building."""
        return same(self.building) == same(other.building) and same(self.level) == same(other.level)


def draft(maps: Iterable[Map], building_name: str = "Building", there: Iterable[Zone] = ()) -> Draft:
    """A building zone for each building that the names speak of, and a level zone for each map.

    "HQ - Floor 2" is level "Floor 2" of building "HQ"; Mist's own group names outrank that. A map whose name speaks
    of no building belongs to `building_name`. Maps of the same building and level share the level's zone, others
    never do. Zones that are `there` already are used again for what they are called, and for nothing else.
    """
    places = {each.id: place_of(each, building_name) for each in maps}
    buildings, levels = zone_ids(((place.building, place.level) for place in places.values()), there)
    zones: dict[str, dict[str, str]] = {}
    mappings: dict[str, dict[str, str]] = {}
    for map_id, (building, level, _) in places.items():
        building_id = buildings[same(building)]
        level_id = levels[same(building), same(level)]
        zones.setdefault(building_id, {"id": building_id, "name": building})
        zones.setdefault(level_id, {"id": level_id, "name": level, "parent": building_id})
        mappings[map_id] = {"building": building_id, "level": level_id, "level_name": f"{building} - {level}"}
    return Draft(list(zones.values()), mappings)


def missing(drafted: Draft, mapped: Iterable[str], zones: Container[str]) -> Draft:
    """The part of a draft that is not there yet: mappings of other maps than `mapped`, zones of other ids.

    A map that is mapped in capitals is not drafted once more: its mapping is to be corrected.
    """
    known = {map_id.lower() for map_id in mapped}
    mappings = {map_id: each for map_id, each in drafted.mappings.items() if map_id.lower() not in known}
    used = {zone for each in mappings.values() for zone in (each["building"], each["level"])}
    return Draft([each for each in drafted.zones if each["id"] in used and each["id"] not in zones], mappings)


def place_of(each: Map, building_name: str) -> Place:
    """What the name of a map says; a map whose name speaks of no building belongs to `building_name`."""
    name = each.name.strip() or each.id
    parts = [part for part in _SEPARATORS.split(name) if part]
    group = (each.group_name or "").strip()
    if group:
        rest = [part for part in parts if same(part) != same(group)]
        return Place(group, " - ".join(rest) or name, said=True)
    if len(parts) > 1:
        return Place(" - ".join(parts[:-1]), parts[-1], said=True)
    return Place(building_name.strip() or "Building", name, said=False)
