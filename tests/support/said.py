"""What a simulated cloud said of its devices, and when: every report it made, every bare position that went out.

It is overheard where the simulator itself writes, so that a time which drivers tell can be held against the words of
the cloud alone.
"""

from collections import deque
from collections.abc import Iterator
from itertools import takewhile
from typing import Any, NamedTuple

from mistlocate.simulator import SimulatedCloud
from support.fault_proxy import FaultProxy

#: So many reports of each device are remembered: of somebody who walks, half an hour and more.
KEPT = 2_000

#: How much the cloud's clock, as somebody who reads its `Date` knows it, may be off once it was set (seconds): a `Date`
#: has whole seconds. Before that it is known exactly: both ends of these tests begin with the same time.
DATE = 1

#: Sums of times are no more exact than this, and the cloud speaks up on whole seconds (seconds).
EXACTLY = 0.001

#: A map that was changed is found out, and its clients are listed anew, so many seconds later at most: the list of maps
#: is read every five minutes.
MAPS_EVERY = 330.0


class Bare(NamedTuple):
    """A bare position that went out: of which report, when (without skew), how late it may arrive, on which sessions."""

    report: Any
    at: float
    transit: float
    sessions: frozenset[int]


class Seen(NamedTuple):
    """One right way to tell when a device was seen: `last_seen_from`, and the whole seconds that `last_seen` may be."""

    told_from: str
    earliest: int
    latest: int

    def is_told_by(self, record: dict[str, Any]) -> bool:
        """Whether a record tells it so. A whole record of the cloud, which is given as it came, tells its own time."""
        told_from = record.get("last_seen_from", "source")
        return bool(told_from == self.told_from and self.earliest <= int(record["last_seen"]) <= self.latest)


class Said:
    """Listens to a cloud from now on."""

    def __init__(self, cloud: SimulatedCloud, proxy: FaultProxy) -> None:
        self._cloud, self._proxy = cloud, proxy
        self._skew = cloud.faults.skew_seconds
        self._clock_set: float | None = None
        self._reports: dict[str, deque[Any]] = {}
        self._bare: dict[str, deque[Bare]] = {}
        for device in cloud.world.devices.values():
            if device.report is not None:
                self._note(device, device.report)
        world, feed = cloud.world, cloud._feed
        keep, position = world.keep, feed.position

        def kept(device: Any, report: Any) -> Any:
            self._note(device, report)
            return keep(device, report)

        def positioned(device: Any, report: Any) -> None:
            self._send(device, report)
            position(device, report)

        world.keep, feed.position = kept, positioned  # type: ignore[method-assign]

    def _note(self, device: Any, report: Any) -> None:
        if report.map is not None:
            self._reports.setdefault(device.mac, deque(maxlen=KEPT)).append(report)

    def _send(self, device: Any, report: Any) -> None:
        self.look()
        if report.map is not None and self._cloud._hub.wanted(report.map.client_channel):
            channel = report.map.client_channel
            sessions = frozenset(each.number for each in self._cloud.sessions if channel in each.channels)
            frame = Bare(report, self._cloud.now(), self._proxy.transit, sessions)
            self._bare.setdefault(device.mac, deque(maxlen=KEPT)).append(frame)

    def look(self) -> None:
        """See whether the cloud's clock was set."""
        if self._cloud.faults.skew_seconds != self._skew:
            self._skew = self._cloud.faults.skew_seconds
            self._clock_set = self._cloud.now()

    # -- asked afterwards -------------------------------------------------------------------------

    def located(self, mac: str) -> Iterator[Any]:
        """The reports of where a device is, the newest first."""
        return reversed(self._reports.get(mac, ()))

    def seen(self, mac: str, report: Any) -> list[Seen]:
        """The right ways to tell when a device was seen, of whom this is the report that its place is from."""
        self.look()
        sent = reversed(self._bare.get(mac, ()))
        bare = [
            each for each in takewhile(lambda each: each.report.at >= report.at, sent) if each.report.at == report.at
        ]
        arrivals = [self._arrival(each) for each in bare]
        if any(self._has_arrived(each) for each in bare):
            return arrivals
        early, late = self._slack(self._cloud.world.epoch + report.at)
        own = int(self._cloud.world.stamp(self._cloud.world.devices[mac], report.at + self._skew))
        return [Seen("source", own - early, own + late), *arrivals]

    def _arrival(self, bare: Bare) -> Seen:
        """A bare position has no time of its own: the moment at which it arrives stands in."""
        early, late = self._slack(bare.at)
        at = bare.at + self._skew
        return Seen("arrival", int(at - EXACTLY) - early, int(at + bare.transit + EXACTLY) + late)

    def _has_arrived(self, bare: Bare) -> bool:
        """Whether it must have: it went out on the session that is open now, and lists of its map say nothing else.

        Where the cloud's clock was set, a list's own time may be the later one by a second; of a map that was changed,
        lists are taken whatever was known before.
        """
        sessions = self._cloud.sessions
        return (
            self._clock_set is None and len(sessions) == 1 and sessions[0].number in bare.sessions
            and bare.report.map.modified + MAPS_EVERY < bare.at and self._proxy.latency == 0.0
        )  # fmt: skip

    def _slack(self, at: float) -> tuple[int, int]:
        """How many seconds earlier and later a time may be told, of what was at this time (without skew)."""
        if self._clock_set is None:
            return 0, 0
        if at > self._clock_set:
            return DATE, DATE
        return 2 * DATE, 2 * DATE  # moved along by a difference of two readings
