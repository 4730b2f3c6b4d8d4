"""What the roster takes in: one sighting of one client, whoever reported it.

`drivers/` turns the cloud's records into these; nothing in `location/` knows what Mist's JSON looks like.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from enum import Enum
from typing import Any

#: A source time further ahead than this is no time at all (seconds): clocks drift, they do not run minutes ahead.
FUTURE_TOLERANCE = 300.0

#: Unix times above this are milliseconds (as seconds they would lie beyond the year 5000).
MILLISECONDS_FROM = 1e11


class Origin(Enum):
    """How a sighting reached us; it decides what may overwrite what."""

    STREAM = "stream"
    """A full record on the site's channel."""
    POSITION = "position"
    """A frame on a map's channel: a position, often with the MAC as its only identity."""
    SNAPSHOT = "snapshot"
    """A row of a REST list, which may be up to a day old."""
    FETCH = "fetch"
    """A single record, asked for because a frame named its MAC."""


#: By names of a module: to look a member up in its enumeration takes as long as a call, and each record asks often.
STREAM, POSITION, SNAPSHOT, FETCH = Origin


@dataclass(slots=True)
class Position:
    """A place on a map, which nobody changes: pixels of the map's full-size image, from its top-left corner, y
    downwards.

    `x` and `y` are None when the client is known to be on the map and not where. `accuracy` is in metres.
    """

    map_id: str
    x: float | None
    y: float | None
    accuracy: float | None = None
    locating_aps: int | None = None


@dataclass(slots=True)
class Sighting:
    """One report about one client, which nobody changes. (Nothing here is read as often as its fields: as those of a
    named tuple each would take twice as long, and to make a frozen one takes ten times as long.)

    Times: `seen_at` and `heard_at` are in the cloud's unix time, `heard` is monotonic.

    `seen_at` is the record's own time (when the network saw the client), None where the record carries none.
    `asked` is the monotonic time at which a REST request was sent, None for the stream.
    """

    mac: str
    origin: Origin
    heard: float
    heard_at: float
    asked: float | None = None
    seen_at: float | None = None
    position: Position | None = None
    username: str | None = None
    psk_id: str | None = None
    ip: str | None = None
    is_guest: bool | None = None
    guest_email: str | None = None
    manufacturer: str | None = None
    os: str | None = None
    ssid: str | None = None
    raw: Mapping[str, Any] | None = None
    says: frozenset[str] | None = None
    """Of a row that does not tell all: those of the fields of this class, from `username` to `ssid`, that it tells.
    Nothing is known of the others. None: what a record does not tell the network does not know."""
    keyed: bool = False
    """Whether the pre-shared key says whose it is, not `username`: that may be the key's name, or anything."""


def source_time(value: float | None, now: float) -> float | None:
    """A record's own unix time in seconds, or None if it has none that can be believed.

    Milliseconds are scaled. Zero, negative and future times (more than `FUTURE_TOLERANCE` ahead) are no times.
    """
    if value is None:
        return None
    if value > MILLISECONDS_FROM:
        value /= 1000.0
    if value <= 0 or value > now + FUTURE_TOLERANCE:
        return None
    return value
