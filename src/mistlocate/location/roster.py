"""The roster: every client that was heard of lately, by MAC and by map.

It merges full records (identity, and usually a position) with bare position frames, decides by *source* time what is
newer, and forgets by the time since a client was last *heard* of. The two ages are different things: a client whose
records keep arriving with an old time is still with us, and its position is still old.

A position's time is its record's own time; a bare frame has none, so its arrival stands in (`located_from`).
"""

from collections import Counter
from collections.abc import Iterator
from enum import StrEnum

from mistlocate.location.client import Client
from mistlocate.location.observation import FETCH, POSITION, SNAPSHOT, STREAM, Position, Sighting

#: How much later than the network saw a client its bare frame arrives, at most (seconds): a record of the stream that
#: comes after such a frame and is no older than that is newer, though its own time says less. (That is in whole
#: seconds, too.)
ARRIVAL_LATER = 3.0

#: How long coordinates outlast records that know only their map (seconds). Records come about once a minute, and now
#: and then one has no coordinates: nobody has gone for that. After two of them "somewhere on this map" is the truth.
COORDINATES_KEPT = 120.0


class Outcome(StrEnum):
    """What became of a sighting."""

    __hash__ = str.__hash__  # counted for every record, and that of enumerations is written in Python

    APPLIED = "applied"
    PLACED = "placed"
    """Its place is news, what it says of the client is not: that is known from a newer record."""
    UNKNOWN = "unknown"
    """Placed at once, but nothing is known about the client but its MAC: its record is wanted."""
    SUPERSEDED = "superseded"
    """What was known already is newer."""
    NOT_ADMITTED = "not_admitted"
    """A list row older than the forgetting time, of a client that is not on the roster."""


APPLIED, PLACED, UNKNOWN, SUPERSEDED, NOT_ADMITTED = Outcome  # as those of `Origin`


class Roster:
    """Clients by MAC and by map, and which maps have news. Every time is handed in; nothing is ever awaited.

    `forget_after` is in seconds. `dirty` holds the maps whose list changed since it was last emptied, with True
    where a client has left the list; such news should not wait, and `urgent` says that there is some.
    """

    def __init__(self, forget_after: float = 1800.0) -> None:
        self.forget_after = forget_after
        self.clients: dict[str, Client] = {}
        self.counts: Counter[Outcome] = Counter()
        self.forgotten = 0
        self.dirty: dict[str, bool] = {}
        self.urgent = False
        self._by_map: dict[str, dict[str, Client]] = {}

    def __len__(self) -> int:
        return len(self.clients)

    def get(self, mac: str) -> Client | None:
        """The client with this MAC (12 lower-case hex digits), or None."""
        return self.clients.get(mac)

    def on_map(self, map_id: str) -> Iterator[Client]:
        """The clients on a map, in the order in which they came."""
        return iter(self._by_map.get(map_id, {}).values())

    def count_on_map(self, map_id: str) -> int:
        """How many clients are on a map."""
        return len(self._by_map.get(map_id, ()))

    def maps(self) -> Iterator[str]:
        """The maps that have clients."""
        return (map_id for map_id, clients in self._by_map.items() if clients)

    # -- taking in --------------------------------------------------------------------------------

    def apply(self, sighting: Sighting) -> Outcome:
        """Merge one sighting and say what became of it."""
        outcome = self._apply(sighting)
        self.counts[outcome] += 1
        return outcome

    def _apply(self, s: Sighting) -> Outcome:
        heard = s.heard if s.origin is not SNAPSHOT else self._heard(s)
        client = self.clients.get(s.mac)
        if client is None:
            if s.origin is SNAPSHOT and s.heard - heard > self.forget_after:
                return NOT_ADMITTED
            client = self.clients[s.mac] = Client(s.mac)
        elif s.origin is SNAPSHOT and s.seen_at is None:
            heard = client.heard  # a list that does not say when it saw a client tells nothing about its presence
        superseded = client.known and s.origin is not POSITION and self._is_older(client, s)
        if heard > client.heard:
            client.heard = heard
        if s.origin is POSITION:
            return self._apply_position(client, s, heard)
        # Identity and position are two facts, each with its own time: an older record may still know the newer place.
        placeable = s.position is not None and s.heard - heard <= self.forget_after
        whole = s.says is None
        placed = placeable and self._may_place(client, s, first=whole and not client.known)
        if not superseded:
            client.take(s) if whole else client.take_part(s)
        if placed:
            self._place(client, s, heard)
        elif not superseded and client.position is not None:
            self.dirty.setdefault(client.position.map_id, False)
        if not client.known:
            return UNKNOWN
        if not superseded:
            return APPLIED
        return PLACED if placed else SUPERSEDED

    @staticmethod
    def _heard(s: Sighting) -> float:
        """When we heard of the client by a list: a row is as old as it says."""
        if s.seen_at is None:
            return s.heard
        return s.heard - max(0.0, s.heard_at - s.seen_at)

    @staticmethod
    def _is_older(client: Client, s: Sighting) -> bool:
        """Whether a full record is older than the one we have. Ties: the stream wins over REST, more over less."""
        if s.seen_at is not None and client.seen_at is not None:
            if s.origin is STREAM or (s.raw is not None and client.raw is None):
                return s.seen_at < client.seen_at
            return s.seen_at <= client.seen_at
        # One of them has no time: a REST answer loses against whatever the stream said since it was asked for.
        return s.asked is not None and client.heard >= s.asked

    def _apply_position(self, client: Client, s: Sighting, heard: float) -> Outcome:
        if s.position is None or not self._may_place(client, s, first=False):
            return SUPERSEDED
        if not client.known:
            client.raw = s.raw
            client.raw_position = s.position if s.seen_at is not None else None
        self._place(client, s, heard)
        return APPLIED if client.known else UNKNOWN

    @staticmethod
    def _may_place(client: Client, s: Sighting, first: bool) -> bool:
        """Whether this sighting's position is at least as new as the one we have.

        A REST answer never overwrites a bare frame that came in after the question was sent: that frame is newer
        even if the clocks say otherwise. Ties go to the stream, and to the first full record of a client. A REST
        answer without a time may be a day old: it never replaces a place, and as a row of a list it gives none.
        """
        if s.asked is not None and s.seen_at is None:
            return s.origin is FETCH and client.position is None
        if client.position is None:
            return True
        if s.asked is not None and client.located_from == "arrival" and client.located_heard >= s.asked:
            return False
        at = s.heard_at if s.seen_at is None else s.seen_at
        if s.asked is None and s.seen_at is not None and client.located_from == "arrival":
            at += ARRIVAL_LATER
        if s.asked is None or first:
            return at >= client.located_at
        return at > client.located_at

    def _place(self, client: Client, s: Sighting, heard: float) -> None:
        position = s.position
        if position is None:
            return
        before = client.position
        if position.x is None and self._says_less(client, s):
            self.dirty.setdefault(position.map_id, False)
            return
        client.position = position
        client.located_heard = heard
        if s.seen_at is None:
            client.located_at, client.located_from = s.heard_at, "arrival"
        else:
            client.located_at, client.located_from = s.seen_at, "source"
        if before is None or before.map_id != position.map_id:
            self._move(client, before, position, s.heard_at)
        else:
            self.dirty.setdefault(position.map_id, False)

    @staticmethod
    def _says_less(client: Client, s: Sighting) -> bool:
        """Whether "somewhere on this map" says less than what is known: then that stays, with its own time."""
        before, position = client.position, s.position
        if before is None or before.x is None or position is None or before.map_id != position.map_id:
            return False
        at = s.heard_at if s.seen_at is None else s.seen_at
        return at - client.located_at <= COORDINATES_KEPT

    def _move(self, client: Client, before: Position | None, after: Position | None, at: float) -> None:
        if before is not None:
            left = self._by_map[before.map_id]
            left.pop(client.mac, None)
            if not left:
                del self._by_map[before.map_id]  # there is no end of ids that records may name
            self.dirty[before.map_id] = self.urgent = True
        if after is not None:
            self._by_map.setdefault(after.map_id, {})[client.mac] = client
            # A client that changes maps is due on the new list together with its removal from the old one.
            self.dirty[after.map_id] = before is not None or self.dirty.get(after.map_id, False)
        client.moved(at, None if before is None else before.map_id, None if after is None else after.map_id)

    def mark_all(self, *, urgent: bool = False) -> None:
        """Every map's list is due: what is published of a client has changed; `urgent` if that should not wait."""
        for map_id in self.maps():
            self.dirty[map_id] = urgent or self.dirty.get(map_id, False)
        self.urgent = self.urgent or urgent

    # -- letting go -------------------------------------------------------------------------------

    def forget(self, now: float, now_at: float) -> list[str]:
        """Drop what was not heard of for `forget_after` seconds; return the MACs that left the roster.

        `now` is monotonic, `now_at` the unix time of the same moment. A client that is still heard of, though without
        a position for that long, stays on the roster and leaves its map.
        """
        limit = now - self.forget_after
        gone = [client for client in self.clients.values() if client.heard < limit]
        for client in gone:
            if client.position is not None:
                self._move(client, client.position, None, now_at)
            del self.clients[client.mac]
        self.forgotten += len(gone)
        for clients in list(self._by_map.values()):
            for client in [client for client in clients.values() if client.located_heard < limit]:
                self._unplace(client, now_at)
        return [client.mac for client in gone]

    def drop_map(self, map_id: str, at: float) -> int:
        """Take every client off a map (it was deleted, or its coordinates mean something else now)."""
        clients = list(self._by_map.get(map_id, {}).values())
        for client in clients:
            self._unplace(client, at)
        self._by_map.pop(map_id, None)
        return len(clients)

    def _unplace(self, client: Client, at: float) -> None:
        self._move(client, client.position, None, at)
        client.position = None
        client.raw_position = None
        client.located_at, client.located_heard = 0.0, float("-inf")

    def shift(self, seconds: float) -> None:
        """Unix time has jumped by so many seconds: every time that was noted by it moves along."""
        for client in self.clients.values():
            if client.seen_at is not None:
                client.seen_at += seconds
            if client.position is not None:
                client.located_at += seconds
        self.mark_all()

    def clear(self) -> None:
        """Forget everyone at once."""
        self.clients.clear()
        self._by_map.clear()
        self.dirty.clear()
