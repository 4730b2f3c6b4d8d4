"""Everything that is known of a site's clients: the cloud's records in, roster and owners kept.

This is where `mist/` and `location/` meet: wire records become sightings here and nowhere else.
"""

from collections import Counter, deque
from collections.abc import Iterable, Mapping
from sys import intern
from typing import Any, NamedTuple

from mistlocate import jsontext
from mistlocate.clock import Clock
from mistlocate.location.geometry import pixels_per_metre
from mistlocate.location.identity import Identity, NameRules
from mistlocate.location.objections import Register
from mistlocate.location.observation import Origin, Position, Sighting, source_time
from mistlocate.location.ownership import Owners, PskKey, Source, psk_owner
from mistlocate.location.roster import Client, Outcome, Roster
from mistlocate.location.visibility import Pseudonyms, Shown, coarse
from mistlocate.mist.cloud_clock import CloudClock
from mistlocate.mist.frames import ClientFrame, Ignored, Refused, Rejected
from mistlocate.mist.models import ClientStats, Map
from mistlocate.mist.rest import Reject, Row

#: How many samples of rejected items are kept for diagnostics.
SAMPLES = 10

#: How many clients may wait for their record; more arrive at once only where something else is wrong.
WANTED_AT_MOST = 20_000

_PLACE_FIELDS = frozenset({"map_id", "x", "y", "x_m", "y_m", "num_locating_aps", "accuracy"})

_NO_TEXT = frozenset({"", "Unknown", "unknown", "N/A"})


class Sample(NamedTuple):
    """A rejected item: when, why, and its shape without its values."""

    at: float
    reason: str
    shape: object


class Tracker:
    """The state of a site that survives connections. `keep_all` keeps whole records instead of the needed fields."""

    def __init__(self, clock: Clock, *, forget_after: float, rules: NameRules, keep_all: bool) -> None:
        self.clock = clock
        self.cloud_clock = CloudClock(clock)
        self.roster = Roster(forget_after)
        self.owners = Owners(rules)
        self.keep_all = keep_all
        self.opted_out = Shown.HIDDEN
        """How devices of people who opted out appear."""
        self.occupancy_only = False
        """Whether names are never kept, and all devices are anonymous."""
        self.pseudonyms = Pseudonyms()
        self._keys_listed = False
        self.maps: dict[str, Map] = {}
        self.keys: dict[str, PskKey] = {}
        self.wanted: dict[str, str | None] = {}
        """MACs of which only a position is known, each with its map: their records are to be fetched."""
        self.unknown_keys: set[str] = set()
        """Ids of pre-shared keys that clients use and that no list has named yet."""
        self.unknown_maps: set[str] = set()
        """Ids of maps that records name and the list of maps did not, since it was read last."""
        self._unlisted_maps: frozenset[str] = frozenset()
        self._deleted_maps: set[str] = set()
        self.counts: Counter[str] = Counter()
        self.heard: Counter[str] = Counter()
        """Events of the stream by what became of them; `events` counts all."""
        self.samples: deque[Sample] = deque(maxlen=SAMPLES)

    # -- taking in --------------------------------------------------------------------------------

    def frame(self, frame: ClientFrame, sites: frozenset[str]) -> None:
        """One record of the stream, of one of our sites."""
        if frame.channel.site_id not in sites:
            self.heard["rejected"] += 1
            self.reject("a record of another site", {"channel": "other site"})
            return
        self.heard["records"] += 1
        origin = Origin.STREAM if frame.channel.map_id is None else Origin.POSITION
        sighting = self._sighting(frame.stats, frame.raw, origin, frame.channel.site_id, None, frame.channel.map_id)
        self._note_dropped(frame.dropped)
        if self._take(sighting) is Outcome.UNKNOWN and sighting.mac not in self.wanted:
            if len(self.wanted) < WANTED_AT_MOST:
                self.wanted[sighting.mac] = sighting.position.map_id if sighting.position else None
            else:
                self.counts["unknown_not_fetched"] += 1

    def rejected(self, event: Rejected | Refused | Ignored) -> None:
        """An event of the stream that carries no client record."""
        match event:
            case Rejected():
                self.heard["rejected"] += 1
                self.reject(event.reason, event.sample)
            case Ignored():
                self.heard["ignored"] += 1
                self.counts["ignored"] += 1
            case Refused():
                self.heard["refused"] += 1

    def row(self, row: Row[ClientStats], origin: Origin, site_id: str, asked: float) -> Outcome:
        """One row of a list, or a record fetched alone, asked for at this monotonic time."""
        self._note_dropped(row.dropped)
        return self._take(self._sighting(row.record, row.raw, origin, site_id, asked, None))

    def rejects(self, rejects: Iterable[Reject]) -> None:
        """Count and sample what could not be read of a list."""
        for reject in rejects:
            self.reject(*reject)

    def reject(self, reason: str, sample: object) -> None:
        """Count an item that could not be taken, and keep its shape."""
        self.counts["rejected"] += 1
        self.samples.append(Sample(self.cloud_clock.now(), reason, sample))

    def set_keep_all(self, keep_all: bool) -> None:
        """Keep whole records from now on, or only the needed fields of all."""
        self.keep_all = keep_all
        if not keep_all:
            for client in self.roster.clients.values():
                client.raw = client.raw_position = None
        self.roster.mark_all()

    def set_objections(self, objections: Register) -> None:
        """Other people objected; every list is due anew."""
        self.owners.set_objections(objections)
        if objections.not_learned:
            for client in self.roster.clients.values():
                if not self._may_know(client.mac, client.username, client.guest_email):
                    forget_name(client)
        self.roster.mark_all(urgent=True)

    def set_occupancy_only(self, occupancy_only: bool) -> None:
        """Never keep a name from now on, and none that was kept; or learn names again."""
        self.occupancy_only = self.owners.closed = occupancy_only
        if occupancy_only:
            self.keys.clear()
            for mac, _ in self.owners.everyone():
                self.owners.release(mac)
            for client in self.roster.clients.values():
                forget_name(client)
        self.roster.mark_all(urgent=True)

    def forget_keys(self, who: Identity) -> None:
        """Forget the pre-shared keys that were made for somebody, until the lists of keys are read again."""
        for psk_id, key in list(self.keys.items()):
            owner = self.owners.rules.identify(psk_owner(key))
            if owner is not None and owner.name == who.name and who.domain in (owner.domain, None):
                del self.keys[psk_id]

    def forget(self) -> None:
        """Forget who was not heard of for too long; of guests also the name, which is nowhere else."""
        for mac in self.roster.forget(self.clock.monotonic(), self.cloud_clock.now()):
            owned = self.owners.owner_of(mac, guests=True)
            if owned is not None and owned.source is Source.GUEST:
                self.owners.release(mac)

    def clear(self) -> None:
        """Another site: of what was known only the owners of devices still hold."""
        for mac in self.owners.guests():
            self.owners.release(mac)
        self.roster.clear()
        self.maps, self.keys = {}, {}
        self._keys_listed = False
        self._unlisted_maps = frozenset()
        for waiting in (self._deleted_maps, self.wanted, self.unknown_keys, self.unknown_maps):
            waiting.clear()

    def set_maps(self, maps: Mapping[str, Map]) -> None:
        """Take the site's list of maps. Ids that it does not name although records do are not worth another look."""
        self._deleted_maps = (self._deleted_maps | self.maps.keys()) - maps.keys()
        self.maps = dict(maps)
        self._unlisted_maps = frozenset(self.unknown_maps | self._unlisted_maps) - self.maps.keys()
        self.unknown_maps.clear()

    def _unknown_map(self, map_id: str) -> None:
        if map_id not in self._unlisted_maps:
            self.unknown_maps.add(map_id)

    def set_keys(self, keys: Mapping[str, PskKey]) -> None:
        """Take the site's pre-shared keys, and learn the owners of the clients that use them."""
        self._keys_listed = True
        self.unknown_keys.clear()
        if self.occupancy_only:
            return
        self.keys = dict(keys)
        if self.owners.objections.hides_anyone:
            self.roster.mark_all(urgent=True)  # whose devices these are was not known until now
        for client in self.roster.clients.values():
            if client.psk_id is not None and not self.owners.rules.identify(client.username):
                self._learn_key(client.mac, client.psk_id, client.heard_at)

    def uses_keys(self) -> bool:
        """Whether clients of this site are known to use pre-shared keys, from an earlier connection perhaps."""
        return bool(self.keys) or any(client.psk_id for client in self.roster.clients.values())

    def _take(self, sighting: Sighting) -> Outcome:
        self.counts["received"] += 1
        outcome = self.roster.apply(sighting)
        if outcome is not Outcome.SUPERSEDED and outcome is not Outcome.PLACED:
            at = sighting.heard_at if sighting.seen_at is None else sighting.seen_at
            hidden = self.owners.hides(sighting.mac)
            self._learn(sighting, at, guests=outcome is not Outcome.NOT_ADMITTED)
            if not hidden and self.owners.hides(sighting.mac):
                self.roster.mark_all(urgent=True)  # somebody who opted out, at a device of which that was not known
        if sighting.origin is not Origin.POSITION and outcome in (Outcome.APPLIED, Outcome.PLACED):
            self.wanted.pop(sighting.mac, None)
        position = sighting.position
        if position is not None and position.map_id not in self.maps and outcome is not Outcome.NOT_ADMITTED:
            self._unknown_map(position.map_id)
        return outcome

    def _learn(self, s: Sighting, at: float, *, guests: bool) -> None:
        """The owner that a record speaks of: the strongest of what it says.

        Names of guests are learned only with a device that is on the roster: they go with it.
        """
        if not self.owners.learn(s.mac, s.username, Source.DOT1X, at) and s.psk_id:
            self._learn_key(s.mac, s.psk_id, at)
        if s.is_guest and s.guest_email and guests:
            self.owners.learn(s.mac, s.guest_email, Source.GUEST, at)

    def _learn_key(self, mac: str, psk_id: str, at: float) -> None:
        key = self.keys.get(psk_id)
        if key is not None:
            self.owners.learn(mac, psk_owner(key), Source.PSK, at)
        else:
            self.unknown_keys.add(psk_id)

    # -- wire record → sighting -------------------------------------------------------------------

    def _sighting(
        self,
        stats: ClientStats,
        raw: Mapping[str, Any],
        origin: Origin,
        site_id: str,
        asked: float | None,
        map_id: str | None,
    ) -> Sighting:
        now = self.cloud_clock.now()
        seen_at = source_time(stats.last_seen, now)
        if seen_at is None and stats.last_seen is not None:
            self.counts["implausible_times"] += 1
        username, typed = _names(stats)
        psk_id, ip, keep = stats.psk_id, stats.ip, self.keep_all
        if not self._may_know(stats.mac, username, typed):
            username = typed = psk_id = ip = None
            keep = False
        return Sighting(
            mac=stats.mac,
            origin=origin,
            heard=self.clock.monotonic(),
            heard_at=now,
            asked=asked,
            # Clocks differ a little: what lies ahead of ours would hold up everything that comes until then.
            seen_at=None if seen_at is None else min(seen_at, now),
            site_id=intern(stats.site_id or site_id),
            position=self._position(stats, map_id),
            username=username,
            psk_id=psk_id,
            ip=ip,
            is_guest=stats.is_guest,
            guest_email=typed,
            manufacturer=_text(stats.manufacture),
            os=_text(stats.os),
            ssid=_text(stats.ssid),
            raw=self._whole(raw, stats.mac) if keep else None,
        )

    def _may_know(self, mac: str, *names: str | None) -> bool:
        """Whether what a record says of a person may be kept at all."""
        if self.occupancy_only:
            return False
        objections, rules = self.owners.objections, self.owners.rules
        if not objections.not_learned:
            return True
        return all(objections.may_learn(mac, rules.identify(name)) for name in names)

    def _position(self, stats: ClientStats, channel_map: str | None) -> Position | None:
        """A record's own map outranks that of the channel; metres stand in for missing pixels where the scale is
        known."""
        map_id = stats.map_id or channel_map
        if map_id is None:
            return None
        if map_id in self._deleted_maps:
            # Sent before the map was deleted, or it is back: the next list of maps tells.
            self.counts["on_deleted_maps"] += 1
            self._unknown_map(map_id)
            return None
        x, y = stats.x, stats.y
        if (x is None or y is None) and stats.x_m is not None and stats.y_m is not None:
            scale = self._scale(map_id)
            x, y = (None, None) if scale is None else (stats.x_m * scale, stats.y_m * scale)
        if x is None or y is None:
            x = y = None
        return Position(intern(map_id), x, y, stats.accuracy, stats.num_locating_aps)

    def _scale(self, map_id: str) -> float | None:
        known = self.maps.get(map_id)
        if known is None:
            return None
        return pixels_per_metre(known.width, known.width_m, known.height, known.height_m, known.ppm)

    def _whole(self, raw: Mapping[str, Any], mac: str) -> Mapping[str, Any]:
        """A record as it came, but for two things: its MAC is written as everywhere, for records are told apart by
        it, and a field that cannot be written as JSON again is left out, for it would cost the whole list."""
        if raw["mac"] != mac:
            raw = {**raw, "mac": mac}
        if not jsontext.can_be_written(raw):
            odd = tuple(sorted(str(key) for key, value in raw.items() if not jsontext.can_be_written(value)))
            raw = {key: value for key, value in raw.items() if key not in odd}
            self._note_dropped(odd)
        return raw

    def _note_dropped(self, dropped: tuple[str, ...]) -> None:
        if dropped:
            self.counts["fields_dropped"] += len(dropped)
            self.samples.append(Sample(self.cloud_clock.now(), "fields of a wrong type: " + ", ".join(dropped), None))

    # -- what is published ------------------------------------------------------------------------

    def shown(self, client: Client) -> Shown:
        """How a client appears in lists. Whoever may turn out to have opted out is anonymous until that is known."""
        if self.owners.objections.hides_anyone:
            if self.owners.hides(client.mac):
                return self.opted_out
            if not self.owners.is_owned(client.mac) and self._owner_pending(client):
                return Shown.ANONYMOUS
        return Shown.ANONYMOUS if self.occupancy_only else Shown.SHOWN

    def _owner_pending(self, client: Client) -> bool:
        """Whether the next record, or the lists of keys, may still tell whose device it is."""
        if not client.known:
            return True
        return client.psk_id in self.unknown_keys and not self._keys_listed and client.psk_id is not None

    def records(self, clients: Iterable[Client]) -> list[dict[str, Any]]:
        """Clients as lists show them: without those who are hidden, and those who are anonymous at the end."""
        if not self.occupancy_only and not self.owners.objections.hides_anyone:
            return [self.record(client) for client in clients]
        found: list[dict[str, Any]] = []
        anonymous: list[dict[str, Any]] = []
        for client in clients:
            shown = self.shown(client)
            if shown is Shown.SHOWN:
                found.append(self.record(client))
            elif shown is Shown.ANONYMOUS:
                anonymous.append(self._anonymous(client))
        anonymous.sort(key=lambda record: str(record["mac"]))
        return found + anonymous

    def _anonymous(self, client: Client) -> dict[str, Any]:
        record: dict[str, Any] = {"mac": self.pseudonyms.of(client.mac, self.cloud_clock.now()), "anonymous": True}
        if client.position is not None:
            record.update(_located(client.position))
        seen = _seen(client)
        return {**record, **seen, "last_seen": coarse(seen["last_seen"]), "is_guest": False}

    def record(self, client: Client) -> dict[str, Any]:
        """A client as published: by the cloud's field names, coordinates in pixels, `last_seen` in unix seconds.

        `last_seen` is the time of the position where there is one, and `last_seen_from` says where it comes from:
        the record itself (`source`) or our hearing of it (`arrival`). A whole record is published exactly as the
        cloud sent it as long as its position is the newest that is known.
        """
        raw = client.raw
        if raw is None:
            return self._needed(client)
        if self.owners.rules.is_ignored(str(raw.get("username") or "")):
            raw = {key: value for key, value in raw.items() if key != "username"}
        position = client.position
        if position is None:
            # What the record says of a place was withdrawn (a deleted or replaced map), or never was a place.
            return {key: value for key, value in raw.items() if key not in _PLACE_FIELDS}
        if position is client.raw_position and client.located_from == "source" and _says(raw, position):
            return dict(raw)
        raw = {key: value for key, value in raw.items() if key not in ("x_m", "y_m")}
        return {**raw, **_located(position), **_seen(client)}

    def _needed(self, client: Client) -> dict[str, Any]:
        record: dict[str, Any] = {"mac": client.mac}
        if client.position is not None:
            record.update(_located(client.position))
        record.update(_seen(client))
        record["is_guest"] = client.is_guest
        record["manufacture"] = client.manufacturer
        record["os"] = client.os
        record["ssid"] = client.ssid
        return record

    def records_on(self, map_id: str) -> list[dict[str, Any]]:
        """The clients on a map, as published."""
        return self.records(self.roster.on_map(map_id))


def forget_name(client: Client) -> None:
    """Keep of a client nothing that tells whose it is, or where it was before."""
    client.username = client.guest_email = client.psk_id = client.ip = None
    client.raw = client.raw_position = None
    client.forget_moves()


def _says(raw: Mapping[str, Any], position: Position) -> bool:
    """Whether a record names this position itself, in the fields that everybody reads."""
    return (raw.get("map_id"), raw.get("x"), raw.get("y")) == (position.map_id, position.x, position.y)


def _located(position: Position) -> dict[str, Any]:
    return {
        "map_id": position.map_id,
        "x": position.x,
        "y": position.y,
        "num_locating_aps": position.locating_aps,
        "accuracy": position.accuracy,
    }


def _seen(client: Client) -> dict[str, Any]:
    if client.position is not None:
        return {"last_seen": int(client.located_at), "last_seen_from": client.located_from}
    if client.seen_at is not None:
        return {"last_seen": int(client.seen_at), "last_seen_from": "source"}
    return {"last_seen": int(client.heard_at), "last_seen_from": "arrival"}


def _names(stats: ClientStats) -> tuple[str | None, str | None]:
    """The name that the network vouches for, and what a guest typed into a portal.

    A portal's login shows up as `username` too, and guests type what they like: of a guest's name only EAP vouches.
    """
    username, guest = _text(stats.username), stats.guest
    typed = (_text(guest.access_code_email) or _text(guest.email)) if guest else None
    if stats.is_guest and "EAP" not in (stats.key_mgmt or "").upper():
        return None, typed or username
    return username, typed


def _text(value: str | None) -> str | None:
    """A text that says something; the same few manufacturers and SSIDs are kept once."""
    return None if value is None or value in _NO_TEXT else intern(value)
