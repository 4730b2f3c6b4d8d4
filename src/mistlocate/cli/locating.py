"""`mistlocate locate`: asking where somebody is, and saying it as a person reads it."""

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

from mistlocate.cli.output import duration, escape
from mistlocate.client.engine_client import EngineClient
from mistlocate.errors import EngineError

LOCATIONS = "MistLocations_1"
WEBSOCKET = "MistWebsocket_1"

_MAC = re.compile(r"[0-9a-f]{12}")
_SUPPORT_KNOWS = "with an API key of level support, `mistlocate exec MistLocations_1 explain` says why"


@dataclass(slots=True)
class Found:
    """Location records, the newest first; why there are none; the zones by id; and how many seconds the cloud's clock,
    by which the records tell times, is ahead of this machine's."""

    who: str
    locations: list[dict[str, Any]]
    because: list[str] = field(default_factory=list)
    zones: dict[str, dict[str, Any]] = field(default_factory=dict)
    ahead: float = 0.0


async def find(engine: EngineClient, who: str, system: str | None) -> Found:
    """Ask the engine. A MAC is looked up by `explain`; for a caller of level user by who owns it."""
    where = await engine.system_of(LOCATIONS, system)
    found = await _find(engine, where, who)
    if found.locations:
        found.ahead = await _ahead(engine, where)
    return found


async def _ahead(engine: EngineClient, where: str) -> float:
    """How far the cloud's clock is ahead of this machine's; where the cloud's is not told, how far the engine's is."""
    try:
        told = await engine.status(where, WEBSOCKET, "clock_offset")
    except EngineError:
        told = None
    return engine.ahead + (told if type(told) in (int, float) else 0.0)


async def _find(engine: EngineClient, where: str, who: str) -> Found:
    if _MAC.fullmatch(re.sub(r"[:.\-\s]", "", who.lower())):
        return await _find_device(engine, where, who)
    name = {"email": who} if "@" in who else {"username": who}
    locations = await engine.execute(where, LOCATIONS, "locate_user", name)
    because = [] if locations else await _why(engine, where, who)
    return Found(who, locations, because, await engine.zones())


async def _find_device(engine: EngineClient, where: str, mac: str) -> Found:
    try:
        explained = await engine.execute(where, LOCATIONS, "explain", [mac])
    except EngineError as error:
        if error.status != 401:
            raise
        return Found(mac, await _of_owner(engine, where, mac), [_SUPPORT_KNOWS], await engine.zones())
    locations = [each["location"] for each in explained["devices"] if each["location"]]
    return Found(mac, locations, explained["because"], await engine.zones())


async def _of_owner(engine: EngineClient, where: str, mac: str) -> list[dict[str, Any]]:
    """Where a device is, by way of its owner's devices: all that a caller of level user may ask."""
    owned = await engine.execute(where, LOCATIONS, "check_ownership_of", [mac])
    if owned is None:
        return []
    theirs = await engine.execute(where, LOCATIONS, "locate_user", {"username": owned["assigned_to"]})
    return [location for location in theirs if location["mac"] == owned["mac_address"]]


async def _why(engine: EngineClient, where: str, who: str) -> list[str]:
    try:
        explained = await engine.execute(where, LOCATIONS, "explain", [who])
    except EngineError as error:
        if error.status == 401:
            return [_SUPPORT_KNOWS]
        raise
    return [str(reason) for reason in explained["because"]]


def describe(found: Found, now: float) -> Iterator[str]:
    """The answer in lines, marked up for the terminal; `now` is the present by the cloud's clock."""
    yield f"[bold]{escape(found.who)}[/]"
    for location in found.locations:
        yield f"  [bold green]{escape(_place(location, found.zones))}[/]"
        yield f"    {_position(location)}"
        yield f"    {_age(location, now)}"
        yield f"    [dim]{escape(_device(location))}[/]"


def _place(location: Mapping[str, Any], zones: Mapping[str, Mapping[str, Any]]) -> str:
    def name(zone_id: str | None) -> str | None:
        return None if zone_id is None else str(zones.get(zone_id, {}).get("name", zone_id))

    place = ", ".join(part for part in (name(location["building"]), name(location["level"])) if part)
    level_name = location.get("level_name")
    return f"{place} ({level_name})" if level_name else place


def _position(location: Mapping[str, Any]) -> str:
    if location["x"] is None:
        return "somewhere on this level: the place on it is not known"
    width, height = location["map_width"], location["map_height"]
    sizes = f" on a plan of {width:g} by {height:g}" if width > 0 else ""
    return f"x {location['x']:.1f}, y {location['y']:.1f}{sizes}, give or take {location['variance']:.0f} m"


def _age(location: Mapping[str, Any], now: float) -> str:
    text = f"seen {duration(now - location['last_seen'])} ago"
    if location.get("last_seen_from") == "arrival":
        text += " (when we heard of it; the record had no time of its own)"
    if location.get("stale"):
        text += "; the stream is interrupted, so this may have changed"
    return text


def _device(location: Mapping[str, Any]) -> str:
    kind = " ".join(part for part in (location["manufacturer"], location["os"]) if part)
    return ", ".join(part for part in (location["mac"], kind, location["ssid"] and f"on {location['ssid']}") if part)
