"""Checks of `floorplan_mappings` against the maps of a site, and against what the names of the maps say."""

from collections.abc import Container, Iterable, Mapping

from mistlocate.drivers.mist_locations.maps import map_info
from mistlocate.drivers.mist_locations.settings import FloorplanMapping
from mistlocate.drivers.mist_websocket.publish import map_summary
from mistlocate.drivers.mist_websocket.tracker import Tracker
from mistlocate.location.floorplans import FloorMapping, Floorplans, MapProblems
from mistlocate.mist.models import Map
from mistlocate.setup.draft import place_of
from mistlocate.setup.report import Report, counted
from mistlocate.setup.zone_ids import Zone, same


def check_mappings(
    maps: list[Map],
    given: Mapping[str, FloorplanMapping],
    tracker: Tracker,
    report: Report,
    *,
    building_name: str,
    zones: Iterable[Zone] = (),
) -> None:
    """Report on the mappings as they are `given`; `tracker` knows the clients that are present."""
    names = {each.id: each.name or each.id for each in maps}
    mappings = {_as_in(names, map_id, given): each.floor() for map_id, each in given.items()}
    found = Floorplans(mappings, [map_info(map_summary(each)) for each in maps]).problems()
    in_capitals = [map_id for map_id in given if map_id not in mappings]
    if in_capitals:
        text = "no map is found by the capitals of " + ", ".join(in_capitals)
        report.problem("mappings", text, "write the ids of maps in lower case, as the cloud does")
    if found.unmapped:
        lost = sum(tracker.roster.count_on_map(map_id) for map_id in found.unmapped)
        listed = ", ".join(names[map_id] for map_id in found.unmapped)
        text = counted(len(found.unmapped), "map has no mapping", "maps have no mapping")
        present = counted(lost, "present client", "present clients")
        text = f"{text} ({listed}); {present} on {'it' if len(found.unmapped) == 1 else 'them'} cannot be found"
        report.problem("mappings", text, "add the draft below to floorplan_mappings")
    elif not in_capitals:
        report.ok("mappings", "every map is mapped")
    if found.dangling:
        hint = "the map was deleted or replaced, or belongs to another site: remove or correct the mapping"
        report.note("mappings", "no map of the site has the id " + ", ".join(found.dangling), hint)
    mapped = [each for each in maps if each.id in mappings]
    _check_levels(mapped, mappings, found, building_name, report)
    _check_buildings(mapped, mappings, {zone.id: zone.name for zone in zones}, building_name, report)
    _check_keys([(names.get(map_id.lower(), map_id), each) for map_id, each in given.items()], report)
    _check_kinds([(each.name or each.id, mappings[each.id]) for each in mapped], report)
    _check_sizes(names, found, report)


def _check_levels(
    maps: list[Map], mappings: Mapping[str, FloorMapping], found: MapProblems, building_name: str, report: Report
) -> None:
    """Several maps on one level: parts of it, or levels that were taken for one."""
    for level, ids in found.shared_levels.items():
        there = [each for each in maps if each.id in ids]
        if len(there) < 2 or all(mappings[each.id].align for each in there):
            continue
        listed = ", ".join(each.name or each.id for each in there)
        first, *others = [place_of(each, building_name) for each in there]
        if all(first.is_same(other) for other in others):
            hint = "give each map an align to the building's own plan, or a level of its own"
            report.note("mappings", f"level {level} has several maps that are not aligned: {listed}", hint)
        else:
            text = f"level {level} is that of maps whose names say different levels: {listed}; "
            text += "who asks for one of them is answered the people of all"
            hint = "give each map a level of its own; if they are parts of one level, align each to the building's plan"
            report.note("mappings", text, hint)


def _check_buildings(
    maps: list[Map], mappings: Mapping[str, FloorMapping], zones: Mapping[str, str], building_name: str, report: Report
) -> None:
    """Maps in a building zone that is called as the names of others say, and not as theirs do."""
    said: dict[str, dict[str, list[str]]] = {}
    for each in maps:
        place, building = place_of(each, building_name), mappings[each.id].building
        if place.said and building is not None:
            said.setdefault(building, {}).setdefault(same(place.building), []).append(each.name)
    for building, names in said.items():
        called = zones.get(building, "")
        others = [name for told, listed in names.items() if told != same(called) for name in listed]
        if same(called) in names and others:
            text = f"building {building} is called {called}, and the names of maps in it say another: "
            hint = "give each building a zone of its own, or the zone a name that is right for all of them"
            report.note("mappings", text + ", ".join(others), hint)


def _check_keys(given: Iterable[tuple[str, FloorplanMapping]], report: Report) -> None:
    """Keys that mean something else than they look like."""
    for name, mapping in given:
        for key, hint in mapping.unusual_keys().items():
            text = f"the key {key} in the mapping of {name} counts as a kind of zone of its own"
            report.note("mappings", text, hint)


def _check_kinds(mapped: list[tuple[str, FloorMapping]], report: Report) -> None:
    """What mappings leave out."""
    for kind in ("building", "level"):
        without = [name for name, mapping in mapped if kind not in mapping.zones]
        if without:
            text = f"without a {kind}: {', '.join(without)}; people there have none, and no question for a {kind} "
            report.note("mappings", text + "finds them", f"give their mappings a {kind}")


def _check_sizes(names: Mapping[str, str], found: MapProblems, report: Report) -> None:
    if found.unplaceable:
        listed = ", ".join(names[map_id] for map_id in found.unplaceable)
        hint = "give width and height in its mapping (and both corners in the portal), or align it"
        report.problem("maps", f"people on a google map without sizes and corners cannot be placed: {listed}", hint)
    if found.unsized:
        listed = ", ".join(names[map_id] for map_id in found.unsized)
        report.note("maps", f"without a size, so shares of the plan are unknown: {listed}", "give width and height")


def _as_in(names: Container[str], map_id: str, given: Container[str]) -> str:
    """The id as the cloud writes it, if that is what was meant."""
    lower = map_id.lower()
    return lower if map_id not in names and lower in names and lower not in given else map_id
