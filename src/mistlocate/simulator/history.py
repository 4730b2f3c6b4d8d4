"""What was known a while ago: only kept while somebody asks for stale answers."""

from collections import deque
from math import inf

from mistlocate.simulator.people import Device, Report

_DEPTH = 256


class History:
    """Past reports of every device, from `begin` on. What was known before that stands in as ever since."""

    def __init__(self) -> None:
        self._past: dict[Device, deque[tuple[float, Report]]] | None = None

    def begin(self, devices: list[Device]) -> None:
        """Start to keep records; what is known now counts as known since ever."""
        if self._past is None:
            self._past = {}
            for device in devices:
                if device.report is not None:
                    self._past[device] = deque([(-inf, device.report)], _DEPTH)

    def end(self) -> None:
        """Forget everything."""
        self._past = None

    def note(self, device: Device, report: Report) -> None:
        """One more report; free of cost unless records are kept."""
        if self._past is not None:
            self._past.setdefault(device, deque(maxlen=_DEPTH)).append((report.at, report))

    def as_of(self, device: Device, at: float) -> Report | None:
        """The newest report of a device that was known at a time; None if it was unknown then."""
        if self._past is None:
            return device.report
        for known, report in reversed(self._past.get(device, ())):
            if known <= at:
                return report
        return None
