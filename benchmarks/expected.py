"""What the drivers have to answer about the load: location records, made from nothing but the load's numbers. Pure."""

import math
from typing import Any

from s2cell import lat_lon_to_token

from benchmarks import engine as engines
from benchmarks.records import BOTTOM_RIGHT, HEIGHT, SYSTEMS, TOP_LEFT, WIDTH, Site

#: How far a coordinate may be off by rounding (degrees).
ROUNDING = 1e-9

#: Level of the S2 cells.
S2_LEVEL = 21


def record(site: Site, client: int, seen: float, x: float | None = None) -> dict[str, Any]:
    """The location record of a client that was seen at this time where the first list had it, or at another `x`."""
    number = site.map_of(client)
    manufacturer, _, system = SYSTEMS[client % len(SYSTEMS)]
    place = site.place(client, 0)
    return {
        "location": "wireless", "coordinates_from": "top-left", "x": place[0] if x is None else x, "y": place[1],
        "map_width": float(WIDTH), "map_height": float(HEIGHT), "mac": site.mac(client), "variance": 5.0,
        "last_seen": int(seen), "last_seen_from": "source", "stale": False, "building": engines.BUILDING,
        "level": engines.level(number), "level_name": f"Floor {number + 1}", "manufacturer": manufacturer,
        "os": system, "ssid": "Campus", "mist_map_id": site.map_id(number),
    }  # fmt: skip


def is_right(found: dict[str, Any], expected: dict[str, Any], *, google: bool) -> bool:
    """Whether an answer is the expected record and, on a geo-referenced map, says where on the globe that is."""
    rest = dict(found)
    if google:
        lat, lon, cell = rest.pop("lat", None), rest.pop("lon", None), rest.pop("s2_cell_id", None)
        if lat is None or lon is None:
            return False
        right = TOP_LEFT[1] + expected["x"] / WIDTH * (BOTTOM_RIGHT[1] - TOP_LEFT[1])
        down = TOP_LEFT[0] + expected["y"] / HEIGHT * (BOTTOM_RIGHT[0] - TOP_LEFT[0])
        if not (math.isclose(lat, down, abs_tol=ROUNDING) and math.isclose(lon, right, abs_tol=ROUNDING)):
            return False
        if cell != lat_lon_to_token(lat, lon, S2_LEVEL):
            return False
    return rest == expected


def faults(
    found: list[dict[str, Any]], site: Site, seen: float, moved: dict[str, float], *, google: bool = False
) -> str:
    """What is wrong with the records of everybody, empty if nothing is. `moved`: x of who is elsewhere, by MAC."""
    by_mac = {each["mac"]: each for each in found}
    if len(found) != site.clients or len(by_mac) != site.clients:
        return f"{len(found)} records of {len(by_mac)} devices instead of {site.clients}"
    wrong = 0
    for client in range(site.clients):
        mac = site.mac(client)
        expected = record(site, client, seen, moved.get(mac))
        wrong += mac not in by_mac or not is_right(by_mac[mac], expected, google=google)
    return f"{wrong} of {len(found)} records are wrong" if wrong else ""
