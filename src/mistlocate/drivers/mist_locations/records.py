"""Client records → location records. Pure.

The keys of a location record are read by other software and must stay as they are: `location`, `coordinates_from`,
`x`, `y` (floats in the unit of the sizes, or null), `map_width`, `map_height` (-1: unknown), `mac`, `variance`
(metres), `last_seen` (unix seconds), `building`, `level`, `manufacturer`, `os`, `ssid`, `mist_map_id`; `lat`, `lon`,
`s2_cell_id` where the map is geo-referenced. Ours are `level_name`, `stale` and `last_seen_from`.
"""

from collections.abc import Mapping
from typing import Any

from mistlocate.location.floorplans import Plan
from mistlocate.location.geometry import s2_token
from mistlocate.location.observation import source_time
from mistlocate.location.visibility import coarse

#: The error radius that goes without saying where the cloud gives none, divided by how many access points took part
#: (metres); with one access point a position is no better than "near it".
RADIUS_OF_ONE_AP_M = 15.0


def seen_at(client: Mapping[str, Any], now: float) -> float | None:
    """When the network saw a client, unix seconds, or None if its record has no time that can be believed."""
    return source_time(_number(client.get("last_seen")), now)


def location_record(
    client: Mapping[str, Any],
    plan: Plan,
    seen: float,
    stale: bool,
    anonymous_mac: str | None = None,
    like: dict[str, Any] | None = None,
) -> dict[str, Any]:
    """One device as a location record. `anonymous_mac` replaces everything by which it could be told apart.

    `like` is the `template` of the plan: whoever makes the records of a full floor makes it once, and each takes half
    the time.
    """
    get = client.get
    x, y = _number(get("x")), _number(get("y"))
    point = plan.point(x, y)
    record = template(plan) if like is None else like.copy()
    if point is None:
        record["variance"] = plan.reach_m()
    else:
        record["x"], record["y"] = point
        record["variance"] = _variance(client, _number(get("accuracy")))
    record["last_seen_from"] = get("last_seen_from", "source")
    record["stale"] = stale
    record["mist_map_id"] = get("map_id")
    if anonymous_mac:
        record["mac"], record["last_seen"] = anonymous_mac, coarse(seen)
    else:
        record["mac"], record["last_seen"] = client["mac"], int(seen)
        record["manufacturer"] = get("manufacture") or None
        record["os"] = get("os") or None
        record["ssid"] = get("ssid") or None
    if x is not None and y is not None and point is not None and (where := plan.where(x, y)) is not None:
        record["lat"], record["lon"] = where
        record["s2_cell_id"] = s2_token(where)
    return record


def template(plan: Plan) -> dict[str, Any]:
    """A record on this plan of which nothing else is known, with the keys in their order."""
    return {
        "location": "wireless",
        "coordinates_from": "top-left",
        "x": None,
        "y": None,
        "map_width": float(plan.width),
        "map_height": float(plan.height),
        "mac": None,
        "variance": None,
        "last_seen": None,
        "last_seen_from": None,
        "stale": None,
        "building": plan.mapping.building,
        "level": plan.mapping.level,
        "level_name": plan.mapping.level_name,
        "manufacturer": None,
        "os": None,
        "ssid": None,
        "mist_map_id": None,
    }


def _variance(client: Mapping[str, Any], accuracy: float | None) -> float:
    if accuracy is not None and accuracy > 0.0:
        return accuracy
    return RADIUS_OF_ONE_AP_M / max(1.0, _number(client.get("num_locating_aps")) or 1.0)


def _number(value: object) -> float | None:
    """A finite number, or None: records come from a status, which other software may have written."""
    if type(value) is float:
        return value if value - value == 0.0 else None
    return float(value) if type(value) is int else None
