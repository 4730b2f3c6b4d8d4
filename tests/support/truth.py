"""Compare everything: what the pair tells with what is so in the simulated cloud.

The expectation is worked out here from the simulator's own words alone, and nothing of the drivers is used for it.
"""

import asyncio
from collections import Counter, defaultdict
from dataclasses import dataclass, field
from typing import Any

from mistlocate.simulator import Truth
from support.site import Site

#: Kinds of devices that have an owner whom the network vouches for.
_OWNED = frozenset({"dot1x", "psk"})


@dataclass(slots=True)
class Comparison:
    """What was compared, and every difference as a sentence."""

    compared: int = 0
    kept: int = 0
    """Devices that the cloud reports on no map any more, and that are still shown where they were seen last."""
    differences: list[str] = field(default_factory=list)

    def check(self, subject: str, found: Any, expected: Any) -> None:
        self.compared += 1
        if found != expected:
            self.differences.append(f"{subject}: {found!r}, and is {expected!r}")


def owner_of(site: Site, truth: Truth) -> str | None:
    """The bare name of whoever the network says owns a device; a key for any number of devices tells nobody."""
    key = site.cloud.world.psks.get(truth.psk_id or "")
    if truth.kind not in _OWNED or not truth.owner or (key is not None and "@" not in key.name and not key.max_usage):
        return None
    return truth.owner.partition("@")[0]


async def agreed(site: Site, within: float = 60.0) -> Comparison:
    """Compare until there is no difference, or for so many virtual seconds: what moves is told a moment later."""
    loop = asyncio.get_running_loop()
    end = loop.time() + within
    while True:
        found = await compare(site)
        if not found.differences or loop.time() >= end:
            return found
        await asyncio.sleep(0.25)


async def compare(
    site: Site, *, forget_after: float = 1800.0, max_age: float = 600.0, margin: float = 30.0
) -> Comparison:
    """Maps, presence, positions, owners, and every answer of MistLocations, against the truth of this moment."""
    found = Comparison()
    maps = {each.id: each for each in site.cloud.world.maps_of(site.cloud.site_id)}
    listed = {each["id"]: (each["name"], each.get("width")) for each in site.status("maps") or ()}
    found.check("the list of maps", listed, {map_id: (each.name, each.width) for map_id, each in maps.items()})
    published: dict[str, list[dict[str, Any]]] = defaultdict(list)
    keys = [key for key in site.engine.board.all(site.host("MistWebsocket_1").spec.id) if key.count("-") == 4]
    found.check("maps with a list", sorted(keys), sorted(maps))
    for map_id in keys:
        for record in site.status(map_id):
            published[record["mac"]].append(record)
    now = site.cloud.now()
    truths = [each for each in site.cloud.world.truths() if each.site_id == site.cloud.site_id]
    for mac in published.keys() - {each.mac for each in truths}:
        found.check(f"{mac}, which does not exist", published[mac], [])
    expected: dict[str, Truth] = {}
    for each in truths:
        if _client(found, each, published.get(each.mac, []), maps, now, forget_after, margin):
            expected[each.mac] = each
            owner = await site.mist("ownership_of", each.mac)
            found.check(f"the owner of {each.mac}", owner, owner_of(site, each))
    told = now + site.cloud.faults.skew_seconds  # the times in answers are those of the cloud's clock
    await _answers(site, found, expected, published, maps, told, max_age, margin)
    return found


def _client(
    found: Comparison, truth: Truth, records: list[dict[str, Any]], maps: dict[str, Any], now: float,
    forget_after: float, margin: float,
) -> bool:  # fmt: skip
    """Compare one client; return whether it has to be on a map, and is."""
    age = None if truth.last_seen is None else now - truth.last_seen
    if age is None or age > forget_after + margin:
        found.check(f"{truth.mac}, last seen {age} s ago", records, [])
        return False
    if age > forget_after - margin:
        return False  # between known and forgotten: either will do
    if truth.reported_map_id not in maps:
        found.kept += bool(records)
        found.check(f"{truth.mac}, which is on no map, is on at most one", len(records) <= 1, True)
        return False
    places = [(each["map_id"], _rounded(each["x"]), _rounded(each["y"])) for each in records]
    place = (truth.reported_map_id, _rounded(truth.reported_x), _rounded(truth.reported_y))
    found.check(f"{truth.mac}", places, [place])
    return places == [place]


async def _answers(
    site: Site, found: Comparison, expected: dict[str, Truth], published: dict[str, list[dict[str, Any]]],
    maps: dict[str, Any], now: float, max_age: float, margin: float,
) -> None:  # fmt: skip
    """What MistLocations derives: who is on each level and where on it, and where each owner's devices are."""
    levels = {
        map_id: each["level"] for map_id, each in site.host("MistLocations_1").settings["floorplan_mappings"].items()
    }
    fresh = {mac for mac in expected if now - published[mac][0]["last_seen"] < max_age - margin}
    for map_id, level in levels.items():
        if map_id not in maps:
            continue
        there = {mac: each for mac, each in expected.items() if each.reported_map_id == map_id and mac in fresh}
        records = [
            each
            for each in await site.locations("device_locations", level)
            if now - each["last_seen"] < max_age - margin
        ]
        named = {each["mac"]: each for each in records if each["mac"] in published}
        known = {mac for mac, each in there.items() if each.kind != "guest"}
        kept = {mac for mac in named if mac not in expected}
        found.check(f"who is on {level}", set(named) - kept, known)
        guests = sum(each.kind == "guest" for each in there.values())
        found.check(f"guests on {level}", len(records) - len(named) >= guests, True)
        for mac in known & named.keys():
            record = named[mac]
            share = _rounded(record["x"] / record["map_width"]), _rounded(record["y"] / record["map_height"])
            plan = maps[map_id]
            truth = there[mac]
            found.check(f"{mac} on {level}", share, (_rounded(truth.reported_x / plan.width), _rounded(truth.reported_y / plan.height)))  # fmt: skip
    owners: dict[str, set[str]] = defaultdict(set)
    for mac in fresh:
        truth = expected[mac]
        if truth.reported_map_id in levels and owner_of(site, truth):
            owners[str(truth.owner)].add(mac)
    for owner, macs in owners.items():
        located = {each["mac"] for each in await site.locations("locate_user", owner)}
        found.check(f"where {owner} is", macs - located, set())


def _rounded(value: float | None) -> float | None:
    return None if value is None else round(value, 3)


def unbalanced(diagnostics: dict[str, Any]) -> dict[str, Any]:
    """Where the accounts of frames and records do not add up; empty if everything that came in is accounted for."""
    stream, records = diagnostics["accounts"]["stream"], diagnostics["accounts"]["records"]
    events = Counter(stream)
    came, became = events.pop("events"), events.total()
    rows = Counter(records)
    taken = rows.pop("from_stream") + rows.pop("from_lists")
    wrong: dict[str, Any] = {}
    if came != became:
        wrong["stream"] = {"events": came, "accounted": became, **stream}
    if taken != rows.total():
        wrong["records"] = {"taken": taken, "accounted": rows.total(), **records}
    return wrong
