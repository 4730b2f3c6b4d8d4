"""Compare everything: what the pair tells with what is so in the simulated cloud.

The expectation is worked out here from the simulator's own words alone (`support.said`), and nothing of the drivers is
used for it: neither their times nor what they hold for recent. What is not compared, docs/reliability.md says.
"""

import asyncio
from collections import Counter, defaultdict
from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Any, NamedTuple

from mistlocate.simulator import Truth
from support.said import Seen
from support.virtual_site import VirtualSite

#: Kinds of devices that have an owner whom the network vouches for.
_OWNED = frozenset({"dot1x", "psk"})

#: Minutes, where the settings say nothing else: until a client is forgotten, and until its position is too old.
_FORGET_AFTER, _MAX_AGE = 30.0, 6.0

#: What is so near to an age limit may be on either side of it (seconds): times are told in whole seconds, the cloud's
#: clock is known to one, and what has grown too old is taken away at the next look.
MARGIN = 5.0

#: Forgetting goes by when a client was heard of, which may be so much later than its report was made (seconds).
HEARD_LATER = 30.0

#: Times of anonymous devices are told as multiples of this (seconds).
_GRAIN = 60


class Shown(NamedTuple):
    """A device that has to be on a map: its truth, where and when it was seen, and whether its age allows answers.

    `fresh` is None near to the limit: either will do.
    """

    truth: Truth
    map_id: str
    place: tuple[float, float]
    share: tuple[float, float]
    seen: list[Seen]
    fresh: bool | None

    def tells(self, record: dict[str, Any]) -> bool:
        """Whether a record tells the right time, and where it is from."""
        return any(each.is_told_by(record) for each in self.seen)


@dataclass(slots=True)
class Comparison:
    """What was compared, and every difference as a sentence."""

    compared: int = 0
    times: int = 0
    """How many times of devices were held against the cloud's."""
    kept: int = 0
    """Devices that the cloud reports on no map any more, and that are still shown where they were seen last."""
    differences: list[str] = field(default_factory=list)

    def check(self, subject: str, found: Any, expected: Any) -> None:
        self.compared += 1
        if found != expected:
            self.differences.append(f"{subject}: {found!r}, and is {expected!r}")

    def among(self, subject: str, found: Iterable[Any], must: Iterable[Any], may: Iterable[Any]) -> None:
        """Everything that must be there is, as often as it must, and nothing that may not be."""
        self.compared += 1
        found, must, may = Counter(found), Counter(must), Counter(may)
        if missing := must - found:
            self.differences.append(f"{subject}: {sorted(missing.elements())!r} are missing")
        if extra := found - must - may:
            self.differences.append(f"{subject}: {sorted(extra.elements())!r} are too many")

    def time(self, subject: str, record: dict[str, Any], device: Shown) -> None:
        """A record tells when its device was seen."""
        self.times += 1
        self.compared += 1
        if not device.tells(record):
            told = record["last_seen"], record.get("last_seen_from")
            self.differences.append(f"{subject} was seen {told!r}, and was {device.seen!r}")


def owner_of(site: VirtualSite, truth: Truth) -> str | None:
    """The bare name of whoever the network says owns a device; a key for any number of devices tells nobody."""
    key = site.cloud.world.psks.get(truth.psk_id or "")
    if truth.kind not in _OWNED or not truth.owner or (key is not None and "@" not in key.name and not key.max_usage):
        return None
    return truth.owner.partition("@")[0]


async def agreed(site: VirtualSite, within: float = 60.0) -> Comparison:
    """Compare until there is no difference, or for so many virtual seconds: what moves is told a moment later."""
    loop = asyncio.get_running_loop()
    end = loop.time() + within
    while True:
        found = await compare(site)
        if not found.differences or loop.time() >= end:
            return found
        await asyncio.sleep(0.25)


async def compare(site: VirtualSite) -> Comparison:
    """Maps, presence, positions, times, owners, and every answer of MistLocations, against the truth of this moment."""
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
    truths = [each for each in site.cloud.world.truths() if each.site_id == site.cloud.site_id]
    for mac in published.keys() - {each.mac for each in truths}:
        found.check(f"{mac}, which does not exist", published[mac], [])
    devices: dict[str, Shown] = {}
    for each in truths:
        device = _client(site, found, each, published.get(each.mac, []), maps)
        if device is not None:
            devices[each.mac] = device
            owner = await site.mist("ownership_of", each.mac)
            found.check(f"the owner of {each.mac}", owner, owner_of(site, each))
    await _levels(site, found, devices, maps)
    await _owners(site, found, devices, truths)
    return found


def _client(
    site: VirtualSite, found: Comparison, truth: Truth, records: list[dict[str, Any]], maps: dict[str, Any]
) -> Shown | None:
    """Compare one client; return what answers have to tell of it, None if it is not to be in any."""
    forget_after = 60.0 * float(site.host("MistWebsocket_1").settings.get("forget_after", _FORGET_AFTER))
    now = site.cloud.now()
    age = None if truth.last_seen is None else now - truth.last_seen
    if age is None or age > forget_after + HEARD_LATER:
        found.check(f"{truth.mac}, last seen {age} s ago", records, [])
        return None
    found.check(f"{truth.mac} is on at most one map", len(records) <= 1, True)
    if age > forget_after - HEARD_LATER and not records:
        return None  # between known and forgotten: either will do
    if truth.reported_map_id not in maps:
        return _kept(site, found, truth, records, maps, now - forget_after - HEARD_LATER)
    device = _shown(site, truth, site.cloud.world.devices[truth.mac].report)
    places = [_place(each) for each in records]
    found.check(f"{truth.mac}", places, [(device.map_id, *device.place)])
    if places != [(device.map_id, *device.place)]:
        return None
    found.time(truth.mac, records[0], device)
    return device


def _kept(
    site: VirtualSite,
    found: Comparison,
    truth: Truth,
    records: list[dict[str, Any]],
    maps: dict[str, Any],
    since: float,
) -> Shown | None:
    """A client that the cloud has on no map any more may be shown where it was; it need not, for its last place may
    have been said while nobody heard it, and no list tells it now. Where it is shown, it was at that time."""
    if not records:
        return None
    found.kept += 1
    record = records[0]
    for report in site.said.located(truth.mac):
        if site.cloud.world.epoch + report.at < since:
            break
        if report.map.id in maps:
            device = _shown(site, truth, report)
            if _place(record) == (device.map_id, *device.place) and device.tells(record):
                found.compared += 1
                found.times += 1
                return device
    found.check(f"{truth.mac}, which is on no map, was somewhere", _place(record), "nowhere of late")
    return None


def _shown(site: VirtualSite, truth: Truth, report: Any) -> Shown:
    """What has to be told of a device of whom this is the last report that counts."""
    plan = report.map
    x, y = plan.to_pixels(report.point)
    seen = site.said.seen(truth.mac, report)
    now = site.cloud.now() + site.cloud.faults.skew_seconds  # the times in answers are those of the cloud's clock
    limit = 60.0 * float(site.host("MistLocations_1").settings.get("max_location_age", _MAX_AGE))
    fresh: bool | None = None
    if all(now - each.earliest < limit - MARGIN for each in seen):
        fresh = True
    elif all(now - each.latest > limit + MARGIN for each in seen):
        fresh = False
    return Shown(
        truth, plan.id, (_rounded(x), _rounded(y)), (_rounded(x / plan.width), _rounded(y / plan.height)), seen, fresh
    )


async def _levels(site: VirtualSite, found: Comparison, devices: dict[str, Shown], maps: dict[str, Any]) -> None:
    """Who is on each level, where on it, and since when: devices by their MAC, guests by their place alone."""
    for map_id, level in _mapped(site).items():
        if map_id not in maps:
            continue
        records = await site.locations("device_locations", level)
        there = {mac: each for mac, each in devices.items() if each.map_id == map_id}
        guests = [each for each in there.values() if each.truth.kind == "guest"]
        known = {mac: each for mac, each in there.items() if each.truth.kind != "guest"}
        named = [each for each in records if each["mac"] in site.cloud.world.devices]
        nameless = [each for each in records if each["mac"] not in site.cloud.world.devices]
        _who(found, f"who is on {level}", [each["mac"] for each in named], known)
        for record in named:
            if (device := known.get(record["mac"])) is not None:
                found.check(f"{record['mac']} on {level}", _share(record), device.share)
                found.time(f"{record['mac']} on {level}", record, device)
        certain, maybe = ([each.share for each in guests if each.fresh is fresh] for fresh in (True, None))
        found.among(f"guests on {level}", map(_share, nameless), certain, maybe)
        for record in nameless:
            # Whose record it is nobody says; it has the time of somebody who was there.
            times = [each for guest in guests if guest.share == _share(record) for each in guest.seen]
            told = [(each.told_from, _GRAIN * (at // _GRAIN)) for each in times for at in (each.earliest, each.latest)]
            found.times += 1
            found.check(
                f"a guest's time on {level} is one of {told}",
                (record["last_seen_from"], record["last_seen"]) in told,
                True,
            )


async def _owners(site: VirtualSite, found: Comparison, devices: dict[str, Shown], truths: list[Truth]) -> None:
    """Where each owner's devices are: all of those and none else, of owners who are out as well."""
    levels = _mapped(site)
    for owner in sorted({str(each.owner) for each in truths if owner_of(site, each)}):
        theirs = {
            mac: each
            for mac, each in devices.items()
            if each.truth.owner == owner and owner_of(site, each.truth) and each.map_id in levels
        }
        records = await site.locations("locate_user", owner)
        _who(found, f"where {owner} is", [each["mac"] for each in records], theirs)
        times = [each["last_seen"] for each in records]
        found.check(f"{owner}'s devices, the newest first", times, sorted(times, reverse=True))
        for record in records:
            if (device := theirs.get(record["mac"])) is not None:
                found.check(
                    f"{owner}'s {record['mac']}",
                    (record["level"], *_share(record)),
                    (levels[device.map_id], *device.share),
                )
                found.time(f"{owner}'s {record['mac']}", record, device)


def _who(found: Comparison, subject: str, macs: list[str], devices: dict[str, Shown]) -> None:
    certain, maybe = ([mac for mac, each in devices.items() if each.fresh is fresh] for fresh in (True, None))
    found.among(subject, macs, certain, maybe)


def _mapped(site: VirtualSite) -> dict[str, str]:
    """The level of each map that has one."""
    mappings = site.host("MistLocations_1").settings["floorplan_mappings"]
    return {map_id: each["level"] for map_id, each in mappings.items()}


def _place(record: dict[str, Any]) -> tuple[str, float, float]:
    return record["map_id"], _rounded(record["x"]), _rounded(record["y"])


def _share(record: dict[str, Any]) -> tuple[float, float]:
    if record["x"] is None:
        return _rounded(None), _rounded(None)
    return _rounded(record["x"] / record["map_width"]), _rounded(record["y"] / record["map_height"])


def _rounded(value: float | None) -> float:
    """To a thousandth; what is not told is below everything."""
    return float("-inf") if value is None else round(value, 3)


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
