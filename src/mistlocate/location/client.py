"""One Wi-Fi client of the roster: what its records have said of it, and where it has been."""

from collections.abc import Mapping
from typing import Any, Literal, NamedTuple

from mistlocate.location.observation import Position, Sighting

#: How many map changes are remembered of one client.
MOVES_KEPT = 20

TimeFrom = Literal["source", "arrival"]


class Move(NamedTuple):
    """A change of map, and when we heard of it (unix time). None stands for "on no map"."""

    at: float
    from_map: str | None
    to_map: str | None


class Client:
    """One Wi-Fi client. Times as in `Sighting` (`heard` is monotonic); `located_at` is the time of the position."""

    __slots__ = (
        "_came",
        "_moves",
        "guest_email",
        "heard",
        "ip",
        "is_guest",
        "keyed",
        "known",
        "located_at",
        "located_from",
        "located_heard",
        "mac",
        "manufacturer",
        "os",
        "position",
        "psk_id",
        "raw",
        "raw_position",
        "seen_at",
        "ssid",
        "username",
    )

    def __init__(self, mac: str) -> None:
        self.mac = mac
        self.known = False
        self.heard = float("-inf")
        self.seen_at: float | None = None
        self.position: Position | None = None
        self.located_at = 0.0
        self.located_from: TimeFrom = "source"
        self.located_heard = float("-inf")
        self.username: str | None = None
        self.psk_id: str | None = None
        self.keyed = False
        self.ip: str | None = None
        self.is_guest = False
        self.guest_email: str | None = None
        self.manufacturer: str | None = None
        self.os: str | None = None
        self.ssid: str | None = None
        self.raw: Mapping[str, Any] | None = None
        self.raw_position: Position | None = None
        self._came: float | None = None
        """When the client came to its first map: for nearly everybody the only move there is, and as a `Move` in a
        list it would take six times the memory."""
        self._moves: tuple[float | str | None, ...] = ()
        """The moves since: time, old map, new map, and again."""

    @property
    def map_id(self) -> str | None:
        """The map this client is on, or None."""
        return None if self.position is None else self.position.map_id

    @property
    def moves(self) -> list[Move]:
        """The last changes of map, the oldest first."""
        kept: tuple[Any, ...] = self._moves
        moves = [Move(*kept[start : start + 3]) for start in range(0, len(kept), 3)]
        if self._came is not None and len(moves) < MOVES_KEPT:
            moves.insert(0, Move(self._came, None, moves[0].from_map if moves else self.map_id))
        return moves

    @property
    def says_who(self) -> bool:
        """Whether anything is kept that tells whose it may be; of who is not to be learned nothing is."""
        return bool(self.username or self.guest_email or self.psk_id or self.ip)

    def moved(self, at: float, from_map: str | None, to_map: str | None) -> None:
        """Note a change of map, to be told once the client is there."""
        if from_map is None and self._came is None and not self._moves:
            self._came = at
            return
        self._moves = (*self._moves, at, from_map, to_map)[-3 * MOVES_KEPT :]

    def forget_moves(self) -> None:
        """Keep nothing of where the client was before."""
        self._came = None
        self._moves = ()

    def take(self, s: Sighting) -> None:
        """All that a whole record says, in place of what was known; the place is the roster's to decide."""
        self.known = True
        self.seen_at = s.seen_at if s.seen_at is not None else self.seen_at
        if s.username != self.username:  # an equal text of an earlier record is kept: its owner shares it
            self.username = s.username
        self.psk_id = s.psk_id
        self.keyed = s.keyed
        if s.ip != self.ip:
            self.ip = s.ip
        self.is_guest = bool(s.is_guest)
        self.guest_email = s.guest_email
        self.manufacturer = s.manufacturer
        self.os = s.os
        self.ssid = s.ssid
        self.raw = s.raw
        self.raw_position = None if s.raw is None else s.position

    def take_part(self, s: Sighting) -> None:
        """What a row that does not tell all says; the rest stays, also whether this client is known, and since when."""
        says = s.says or frozenset()
        for name in says:
            setattr(self, name, getattr(s, name))
        self.is_guest = bool(self.is_guest)
        if s.raw is None:
            if says:
                self.raw = self.raw_position = None  # it may say what is not to be kept
        elif self.raw is not None or not self.known:
            self.raw, self.raw_position = {**(self.raw or {}), **s.raw}, None
