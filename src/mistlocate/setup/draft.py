"""A draft of zones and `floorplan_mappings`, made from what people called their maps."""

import re
from collections.abc import Container, Iterable
from typing import NamedTuple

from mistlocate.mist.models import Map

_SEPARATORS = re.compile(r"\s*(?:\s[-\u2013\u2014|]\s|[/,:])\s*")
_NO_SLUG = re.compile(r"[^a-z0-9]+")


class Draft(NamedTuple):
    """Zones (`{id, name, parent?}`) and mappings (map id → mapping), ready for a settings file."""

    zones: list[dict[str, str]]
    mappings: dict[str, dict[str, str]]


def draft(maps: Iterable[Map], building_name: str = "Building") -> Draft:
    """A building zone for each building that the names speak of, and a level zone for each map.

    "HQ - Floor 2" is level "Floor 2" of building "HQ"; Mist's own group names outrank that. A map whose name speaks
    of no building belongs to `building_name`. Maps of the same building and level share the level's zone.
    """
    zones: dict[str, dict[str, str]] = {}
    mappings: dict[str, dict[str, str]] = {}
    for each in maps:
        building, level = _split(each, building_name)
        building_id = f"zone-{_slug(building) or 'building'}"
        level_id = f"{building_id}-{_slug(level) or _slug(each.id)[:12]}"
        zones.setdefault(building_id, {"id": building_id, "name": building})
        zones.setdefault(level_id, {"id": level_id, "name": level, "parent": building_id})
        mappings[each.id] = {"building": building_id, "level": level_id, "level_name": f"{building} - {level}"}
    return Draft(list(zones.values()), mappings)


def missing(drafted: Draft, mapped: Iterable[str], zones: Container[str]) -> Draft:
    """The part of a draft that is not there yet: mappings of other maps than `mapped`, zones of other ids.

    A map that is mapped in capitals is not drafted once more: its mapping is to be corrected.
    """
    known = {map_id.lower() for map_id in mapped}
    mappings = {map_id: each for map_id, each in drafted.mappings.items() if map_id.lower() not in known}
    used = {zone for each in mappings.values() for zone in (each["building"], each["level"])}
    return Draft([each for each in drafted.zones if each["id"] in used and each["id"] not in zones], mappings)


def _split(each: Map, building_name: str) -> tuple[str, str]:
    name = each.name.strip() or each.id
    parts = [part for part in _SEPARATORS.split(name) if part]
    if each.group_name:
        rest = [part for part in parts if part.lower() != each.group_name.lower()]
        return each.group_name, " - ".join(rest) or name
    if len(parts) > 1:
        return " - ".join(parts[:-1]), parts[-1]
    return building_name, name


def _slug(text: str) -> str:
    return _NO_SLUG.sub("-", text.lower()).strip("-")
