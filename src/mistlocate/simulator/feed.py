"""From what the network reports to what the stream carries: the right record on the right channel."""

from collections.abc import Iterable

from mistlocate.simulator.floors import AccessPoint
from mistlocate.simulator.passers import Passer
from mistlocate.simulator.people import Device, Report
from mistlocate.simulator.rhythm import POSITION, STATS, Update
from mistlocate.simulator.stream import TEST_CHANNEL, Hub
from mistlocate.simulator.wire import Wire


class Feed:
    """Pushes updates to the sessions of a hub. A record that nobody listens for is not even written."""

    def __init__(self, wire: Wire, hub: Hub) -> None:
        self._wire, self._hub = wire, hub
        self._ticks = 0

    def push(self, updates: Iterable[Update]) -> None:
        """Send these, in order."""
        for kind, subject, report in updates:
            if isinstance(subject, Device):
                if kind == POSITION:
                    self.position(subject, report)
                elif kind == STATS:
                    self.stats(subject, report)
            elif isinstance(subject, Passer):
                self._passer(subject)
            else:
                self._ap(subject)

    def stats(self, device: Device, report: Report) -> None:
        """The full record of a client on the channel of its site."""
        channel = f"/sites/{device.site_id}/stats/clients"
        if self._hub.wanted(channel):
            self._hub.publish(channel, self._wire.client(device, report))

    def position(self, device: Device, report: Report) -> None:
        """The slim record of a client on the channel of the map that it is on; nothing if it is not located."""
        if report.map is not None and self._hub.wanted(report.map.client_channel):
            self._hub.publish(report.map.client_channel, self._wire.position(device, report))

    def tick(self, seconds: int) -> None:
        """The counter of the test channel."""
        for _ in range(seconds):
            self._ticks += 1
            self._hub.publish(TEST_CHANNEL, self._ticks)

    def _passer(self, passer: Passer) -> None:
        channel = f"/sites/{passer.site_id}/stats/maps/{passer.map.id}/unconnected_clients"
        if self._hub.wanted(channel):
            self._hub.publish(channel, self._wire.passer(passer, live=True))

    def _ap(self, ap: AccessPoint) -> None:
        channel = f"/sites/{ap.site_id}/stats/devices"
        if self._hub.wanted(channel):
            self._hub.publish(channel, self._wire.ap(ap, full=False))
            self._hub.publish(channel, self._wire.ap(ap))
