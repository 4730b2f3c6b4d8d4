"""Everything that is known of a site's clients: the cloud's records in, roster and owners kept.

This is where `mist/` and `location/` meet: wire records become sightings here and nowhere else.
"""

from collections import Counter, deque
from collections.abc import Callable, Iterable, Mapping
from sys import intern
from typing import Any, NamedTuple

from mistlocate import jsontext
from mistlocate.clock import Clock
from mistlocate.drivers.mist_websocket.learning import Learning
from mistlocate.drivers.mist_websocket.showing import forget_name, names_of
from mistlocate.drivers.mist_websocket.wording import is_keyed, names_in_record, part, said, told_by_row
from mistlocate.location.client import Client
from mistlocate.location.evidence import Source
from mistlocate.location.geometry import pixels_per_metre
from mistlocate.location.identity import NameRules
from mistlocate.location.objections import Register
from mistlocate.location.observation import FETCH, POSITION, STREAM, Origin, Position, Sighting, source_time
from mistlocate.location.ownership import Owners
from mistlocate.location.roster import APPLIED, NOT_ADMITTED, PLACED, SUPERSEDED, UNKNOWN, Outcome, Roster
from mistlocate.mist.cloud_clock import CloudClock
from mistlocate.mist.frames import ClientFrame, Ignored, Refused, Rejected
from mistlocate.mist.models import ClientStats, Map
from mistlocate.mist.rest import Reject, Row

#: How many samples of rejected items are kept for diagnostics.
SAMPLES = 10

#: How many clients may wait for their record; more arrive at once only where something else is wrong.
WANTED_AT_MOST = 20_000

#: How many ids of maps that no list names are kept in mind; more of them are somebody's mistake.
UNKNOWN_MAPS_AT_MOST = 2_000


class Sample(NamedTuple):
    """A rejected item: when, why, and its shape without its values."""

    at: float
    reason: str
    shape: object


class Tracker(Learning):
    """The state of a site that survives connections. `keep_all` keeps whole records instead of the needed fields."""

    def __init__(self, clock: Clock, *, forget_after: float, rules: NameRules, keep_all: bool) -> None:
        self.clock = clock
        super().__init__(CloudClock(clock, self._clock_stepped), Roster(forget_after), Owners(rules))
        self.on_step: Callable[[], None] = lambda: None
        """Called when the cloud's time, as seen from here, has jumped; everything that is known has moved along."""
        self.keep_all = keep_all
        self.maps: dict[str, Map] = {}
        self.wanted: dict[str, str | None] = {}
        """MACs of which only a position is known, each with its map: their records are to be fetched."""
        self.unknown_maps: set[str] = set()
        """Ids of maps that records name and the list of maps did not, since it was read last."""
        self._unlisted_maps: frozenset[str] = frozenset()
        self._deleted_maps: set[str] = set()
        self.no_maps: frozenset[str] = frozenset()
        """Ids that records named and that a complete list of maps did not: nobody is on them."""
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
        origin = STREAM if frame.channel.map_id is None else POSITION
        sighting = self._sighting(frame.stats, frame, origin, None, frame.channel.map_id)
        if origin is POSITION and (sighting.username is not None or sighting.guest_email is not None):
            sighting = self._as_told(sighting, frame.stats)
        if frame.dropped:
            self._note_dropped(frame.dropped)
        if self._take(sighting) is UNKNOWN and sighting.mac not in self.wanted:
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

    def row(self, row: Row[ClientStats], origin: Origin, asked: float) -> Outcome:
        """One row of a list, or a record fetched alone, asked for at this monotonic time."""
        self._note_dropped(row.dropped)
        sighting = self._sighting(row.record, row, origin, asked, None)
        return self._take(sighting if origin is FETCH else self._as_told(sighting, row.record))

    def _as_told(self, sighting: Sighting, stats: ClientStats) -> Sighting:
        """What a row of a list, or a frame of a map, tells, if that is not all."""
        told = told_by_row(stats)
        if told is None:
            return sighting
        objects = self.occupancy_only or self.owners.objections.not_learned
        return part(sighting, told, personal=not objects)

    def rejects(self, rejects: Iterable[Reject]) -> None:
        """Count and sample what could not be read of a list."""
        for reject in rejects:
            self.reject(*reject)

    def reject(self, reason: str, sample: object) -> None:
        """Count an item that could not be taken, and keep its shape."""
        self.counts["rejected"] += 1
        self.samples.append(Sample(self.cloud_clock.now(), reason, sample))

    def _clock_stepped(self, seconds: float) -> None:
        """The cloud's clock was set, or we learned it: times noted by the one before would look newer or older than
        all that comes from now on."""
        self.roster.shift(seconds)
        self.owners.not_after(self.cloud_clock.now())
        self.on_step()

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
        self._objections_changed()

    def set_rules(self, rules: NameRules) -> None:
        """Names are read by other rules, and may be those of others who objected."""
        self.owners.set_rules(rules)
        self._objections_changed()

    def _objections_changed(self) -> None:
        if self.owners.objections.not_learned:
            for client in self.roster.clients.values():
                if not self.may_know(client.mac, *names_of(client), self.keys.owner(client.psk_id)):
                    forget_name(client)
        self.keys.doubt()
        unlearned_too = self.owners.objections.hides_the_unlearned
        for client in self.roster.clients.values():  # what the network calls somebody may be the name of who objected
            self.learn_objector(client)
            if unlearned_too and client.known and not client.says_who:
                self._ask_again(client)  # its record may have named them, and nothing was kept of that
        self.roster.mark_all(urgent=True)

    def set_occupancy_only(self, occupancy_only: bool) -> None:
        """Never keep a name from now on, and none that was kept; or learn names again, from the next records."""
        self.occupancy_only = self.owners.closed = occupancy_only
        self.keys.clear()
        if occupancy_only:
            for mac, _ in self.owners.everyone():
                self.owners.release(mac)
        for client in self.roster.clients.values():
            forget_name(client)
        self.roster.mark_all(urgent=True)

    def release(self, mac: str) -> None:
        """Forget who owns a device. Whose it is now its next record says."""
        if self.owners.release(mac) is not None and (client := self.roster.get(mac)) is not None:
            self._ask_again(client)
            if self.owners.objections.hides_anyone:
                self.roster.mark_all(urgent=True)  # it may be of somebody who opted out

    def _ask_again(self, client: Client) -> None:
        """Whose a device is is not known until its next record, which is asked for."""
        client.known = False
        if len(self.wanted) < WANTED_AT_MOST:
            self.wanted[client.mac] = client.map_id

    def forget(self) -> None:
        """Forget who was not heard of for too long; of guests also the name, which is nowhere else."""
        for mac in self.roster.forget(self.clock.monotonic(), self.cloud_clock.now()):
            owned = self.owners.of_device(mac)  # of who opted out, too
            if owned is not None and owned.source is Source.GUEST:
                self.owners.release(mac)

    def clear(self) -> None:
        """Another site: of what was known only the owners of devices still hold."""
        for mac in self.owners.guests():
            self.owners.release(mac)
        self.roster.clear()
        self.keys.clear()
        self.maps = {}
        self._unlisted_maps = self.no_maps = frozenset()
        for waiting in (self._deleted_maps, self.wanted, self.unknown_maps):
            waiting.clear()

    def set_maps(self, maps: Mapping[str, Map], *, complete: bool = True) -> None:
        """Take the site's list of maps. Ids that it does not name although records do are not worth another look.

        `complete` says that every item of the list could be read.
        """
        self._deleted_maps = (self._deleted_maps | self.maps.keys()) - maps.keys()
        self.maps = dict(maps)
        self._unlisted_maps = frozenset(self.unknown_maps | self._unlisted_maps) - self.maps.keys()
        self.no_maps = (self._unlisted_maps if complete else self.no_maps) - self.maps.keys()
        self.unknown_maps.clear()

    def _unknown_map(self, map_id: str) -> None:
        if (
            map_id not in self._unlisted_maps
            and len(self.unknown_maps) + len(self._unlisted_maps) < UNKNOWN_MAPS_AT_MOST
        ):
            self.unknown_maps.add(map_id)

    def _take(self, sighting: Sighting) -> Outcome:
        self.counts["received"] += 1
        outcome = self.roster.apply(sighting)
        if outcome is not SUPERSEDED and outcome is not PLACED:
            at = sighting.heard_at if sighting.seen_at is None else sighting.seen_at
            watched = self.owners.objections.hides_anyone and not self.owners.hides(sighting.mac)
            self.learn(sighting, at, guests=outcome is not NOT_ADMITTED)
            if watched and self.owners.hides(sighting.mac):
                self.roster.mark_all(urgent=True)  # somebody who opted out, at a device of which that was not known
        if sighting.origin is not POSITION and outcome in (APPLIED, PLACED):
            self.wanted.pop(sighting.mac, None)
        position = sighting.position
        if position is not None and position.map_id not in self.maps and outcome is not NOT_ADMITTED:
            self._unknown_map(position.map_id)
        return outcome

    # -- wire record → sighting -------------------------------------------------------------------

    def _sighting(
        self,
        stats: ClientStats,
        item: ClientFrame | Row[ClientStats],
        origin: Origin,
        asked: float | None,
        map_id: str | None,
    ) -> Sighting:
        heard = self.clock.monotonic()
        now = self.cloud_clock.at(heard)
        seen_at = source_time(stats.last_seen, now)
        if seen_at is None and stats.last_seen is not None:
            self.counts["implausible_times"] += 1
        username, typed = names_in_record(stats)
        psk_id, ip, keep = stats.psk_id, stats.ip, self.keep_all
        objects = self.occupancy_only or self.owners.objections.not_learned
        if objects and not self.may_know(stats.mac, username, typed, stats.username, self.keys.owner(psk_id)):
            username = typed = ip = None
            keep = False
            if psk_id is not None and not self._may_be_objectors(psk_id):
                psk_id = None
        if seen_at is not None and seen_at > now:
            # Clocks differ a little: what lies ahead of ours would hold up everything that comes until then. What REST
            # answers was so when it was asked for; counted as of now, it would outrank what the stream said since.
            seen_at = now if asked is None else self.cloud_clock.at(asked)
        # By position, for every record comes here: by name it takes half as long again.
        return Sighting(
            stats.mac, origin, heard, now, asked, seen_at, self._position(stats, map_id),
            username, psk_id, ip, stats.is_guest, typed,
            said(stats.manufacture), said(stats.os), said(stats.ssid),
            self._whole(item.raw) if keep else None, None, psk_id is not None and is_keyed(stats),
        )  # fmt: skip

    def _position(self, stats: ClientStats, channel_map: str | None) -> Position | None:
        """A record's own map outranks that of the channel; metres stand in for missing pixels where the scale is
        known."""
        map_id = stats.map_id or channel_map
        if map_id is None:
            return None
        if map_id in self.no_maps:
            self.counts["on_unknown_maps"] += 1
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

    def _whole(self, raw: Mapping[str, Any]) -> Mapping[str, Any]:
        """A record as it came, without fields that cannot be written as JSON again: they would cost the whole list."""
        if not jsontext.can_be_written(raw):
            odd = tuple(sorted(str(key) for key, value in raw.items() if not jsontext.can_be_written(value)))
            raw = {key: value for key, value in raw.items() if key not in odd}
            self._note_dropped(odd)
        return raw

    def _note_dropped(self, dropped: tuple[str, ...]) -> None:
        if dropped:
            self.counts["fields_dropped"] += len(dropped)
            self.samples.append(Sample(self.cloud_clock.now(), "fields of a wrong type: " + ", ".join(dropped), None))
