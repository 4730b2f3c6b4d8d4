"""Stream frames ⇄ typed events, and the ledger of subscriptions. Pure: texts in, events out, no I/O.

A frame is a JSON object with `event` and `channel`; a record comes as `data`, usually as JSON text inside the JSON
(so there are two texts to parse), sometimes as an object, sometimes wrapped once more. Unknown events are ignored, and
what cannot be read is reported, never raised: the next frame is another chance.
"""

from collections import Counter
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from enum import Enum
from functools import lru_cache
from typing import Any, NamedTuple

from mistlocate import jsontext
from mistlocate.mist.models import ClientStats, read, read_text, shape

#: The vendor's limit of subscriptions on one connection.
CHANNELS_PER_CONNECTION = 2000

#: So many lists may lie around a record; whatever is nested deeper is none.
_LISTS = 3


class Channel(NamedTuple):
    """A channel of client records: of a whole site, or (with `map_id`) of one map."""

    site_id: str
    map_id: str | None = None

    def __str__(self) -> str:
        if self.map_id is None:
            return f"/sites/{self.site_id}/stats/clients"
        return f"/sites/{self.site_id}/stats/maps/{self.map_id}/clients"


class Acknowledged(NamedTuple):
    """The cloud accepted a subscription."""

    channel: str


class Refused(NamedTuple):
    """The cloud refused a subscription; the connection stays."""

    channel: str
    detail: str


@dataclass(slots=True)
class ClientFrame:
    """One client record: from the site's channel (full) or from a map's (slim or fuller). Nobody changes it; as a
    named tuple, or frozen, it would take longer to make, for every record.
    """

    channel: Channel
    stats: ClientStats
    data: str | Mapping[str, Any]
    """The record as it came."""
    dropped: tuple[str, ...] = ()

    @property
    def raw(self) -> Mapping[str, Any]:
        """All that the record says. Made when somebody asks: most of it nobody reads."""
        raw: Mapping[str, Any] = jsontext.loads(self.data) if isinstance(self.data, str) else self.data
        return raw


class Ignored(NamedTuple):
    """An event that is not for us: unknown, a released subscription, another kind of channel."""

    event: str


class Rejected(NamedTuple):
    """A frame or record that could not be read. `sample` shows its shape, none of its values."""

    reason: str
    sample: object = None


Event = Acknowledged | Refused | ClientFrame | Ignored | Rejected


@lru_cache(maxsize=4096)
def parse_channel(text: str) -> Channel | None:
    """The channel of client records that a name stands for, or None for every other channel."""
    match text.split("/"):
        case ["", "sites", site_id, "stats", "clients"]:
            return Channel(site_id)
        case ["", "sites", site_id, "stats", "maps", map_id, "clients"]:
            return Channel(site_id, map_id)
    return None


def subscribe(channel: str) -> str:
    """The message that asks for a channel."""
    return jsontext.dumps({"subscribe": channel}).decode()


def unsubscribe(channel: str) -> str:
    """The message that gives a channel back."""
    return jsontext.dumps({"unsubscribe": channel}).decode()


def decode(text: str | bytes) -> list[Event]:
    """The events of one frame: one, unless its data is a list of records."""
    try:
        frame = jsontext.loads(text)
    except ValueError:
        return [Rejected("the frame is no JSON", f"text of {len(text)}")]
    if not isinstance(frame, dict):
        return [Rejected("the frame is no object", shape(frame))]
    event, name = frame.get("event"), frame.get("channel")
    if event != "data":
        return [_control(event, name, frame)]
    channel = parse_channel(name) if isinstance(name, str) else None
    if channel is None:
        return [Ignored("data on another channel")]
    return _records(channel, frame.get("data"))


def _control(event: object, channel: object, frame: Mapping[str, Any]) -> Event:
    if isinstance(channel, str):
        if event == "channel_subscribed":
            return Acknowledged(channel)
        if event == "subscribe_failed":
            return Refused(channel, str(frame.get("detail") or "no reason given")[:200])
    if isinstance(event, str):
        return Ignored(event[:40])
    return Rejected("the frame has no event", shape(frame))


def _records(channel: Channel, data: object, *, unwrap: bool = True, lists: int = 0) -> list[Event]:
    if lists > _LISTS:
        return [Rejected("the data is nested too deeply")]
    if isinstance(data, str):
        if (stats := read_text(ClientStats, data)) is not None:
            return [ClientFrame(channel, stats, data)]
        try:
            data = jsontext.loads(data)
        except ValueError:
            return [Rejected("the data is no JSON", f"text of {len(str(data))}")]
    if isinstance(data, list):
        return [event for item in data for event in _records(channel, item, unwrap=unwrap, lists=lists + 1)]
    if not isinstance(data, dict):
        return [Rejected("the data is no record", shape(data))]
    if unwrap and "data" in data and "mac" not in data:
        return _records(channel, data["data"], unwrap=False, lists=lists)
    try:
        stats, dropped = read(ClientStats, data)
    except ValueError as error:
        return [Rejected(f"client record: {error}", shape(data))]
    return [ClientFrame(channel, stats, data, dropped)]


# -- subscriptions --------------------------------------------------------------------------------


class Subscription(Enum):
    """Where a wanted channel stands on the present connection."""

    UNSENT = "unsent"
    SENT = "sent"
    LIVE = "live"
    REFUSED = "refused"


class Entry(NamedTuple):
    """The state of one channel: when it was asked for last (monotonic), how often in vain, why it was refused."""

    state: Subscription
    asked: float = 0.0
    tries: int = 0
    detail: str | None = None


class Ledger:
    """Which channels are wanted, and which of them the cloud has granted on the present connection.

    Every method that needs the time takes it (monotonic seconds). `ack_timeout` is how long an acknowledgement may
    take; each further try of the same channel waits twice as long, up to `retry_refused`, which is also how long a
    refused channel is left alone.
    """

    def __init__(self, ack_timeout: float = 10.0, retry_refused: float = 900.0) -> None:
        self.ack_timeout = ack_timeout
        self.retry_refused = retry_refused
        self.left_out = 0
        """How many wanted channels exceed what one connection may carry; they are not asked for."""
        self._entries: dict[str, Entry] = {}

    def __iter__(self) -> Iterator[tuple[str, Entry]]:
        return iter(self._entries.items())

    def want(self, channels: Iterable[str]) -> list[str]:
        """Make these the wanted channels; return those that were wanted until now and have to be given back."""
        wanted = dict.fromkeys(channels)
        self.left_out = max(0, len(wanted) - CHANNELS_PER_CONNECTION)
        released = [channel for channel in self._entries if channel not in wanted]
        kept = list(wanted)[:CHANNELS_PER_CONNECTION]
        self._entries = {channel: self._entries.get(channel, Entry(Subscription.UNSENT)) for channel in kept}
        return released

    def opened(self) -> None:
        """A new connection knows of no subscription."""
        self._entries = dict.fromkeys(self._entries, Entry(Subscription.UNSENT))

    def due(self, now: float) -> list[str]:
        """The channels to ask for now: not asked for yet, unanswered for too long, or refused long ago."""
        return [channel for channel in self._entries if self.is_due(channel, now)]

    def is_due(self, channel: str, now: float) -> bool:
        """Whether a channel is to be asked for now; one that is not wanted is not."""
        entry = self._entries.get(channel)
        if entry is None:
            return False
        waited = now - entry.asked
        match entry.state:
            case Subscription.UNSENT:
                return True
            case Subscription.SENT:
                return waited >= min(self.ack_timeout * (1 << min(entry.tries - 1, 20)), self.retry_refused)
            case Subscription.REFUSED:
                return waited >= self.retry_refused
        return False

    def sent(self, channel: str, now: float) -> None:
        """A channel was asked for. A refused one stays refused until an answer says otherwise."""
        entry = self._entries.get(channel)
        if entry is not None:
            state = Subscription.REFUSED if entry.state is Subscription.REFUSED else Subscription.SENT
            self._entries[channel] = entry._replace(state=state, asked=now, tries=entry.tries + 1)

    def granted(self, channel: str) -> bool:
        """A channel was acknowledged, or delivers data, which says the same; return whether that is news."""
        entry = self._entries.get(channel)
        if entry is None or entry.state is Subscription.LIVE:
            return False
        self._entries[channel] = Entry(Subscription.LIVE)
        return True

    def refused(self, channel: str, detail: str, now: float) -> bool:
        """A channel was refused; return whether it is one of ours."""
        if channel not in self._entries:
            return False
        self._entries[channel] = Entry(Subscription.REFUSED, now, detail=detail)
        return True

    def in_state(self, *states: Subscription) -> list[str]:
        """The channels in one of these states."""
        return [channel for channel, entry in self._entries.items() if entry.state in states]

    def overdue(self) -> list[str]:
        """The channels that were asked for more than once and never answered."""
        return [
            channel for channel, entry in self._entries.items() if entry.state is Subscription.SENT and entry.tries > 1
        ]

    def counts(self) -> dict[str, int]:
        """How many channels are in each state."""
        counted = Counter(entry.state.value for entry in self._entries.values())
        return {state.value: counted[state.value] for state in Subscription}
