"""The cloud's time, as seen from here.

Ages are differences between times that the cloud wrote and "now", so "now" has to be the cloud's. It is anchored to
the `Date` header of REST answers and carried on by the monotonic clock: a machine whose own clock is wrong, or is
set while we run, still tells ages right.
"""

from email.utils import parsedate_to_datetime

from mistlocate.clock import Clock

#: `Date` counts whole seconds and travels for a while; smaller differences than this say nothing.
TOLERANCE = 5.0

#: An answer that took longer than this says too little about when its date was written.
SLOW = 10.0


class CloudClock:
    """Unix time by the cloud. Until the first answer it is the machine's own."""

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._anchor = clock.wall() - clock.monotonic()

    def now(self) -> float:
        """The cloud's unix time."""
        return self._anchor + self._clock.monotonic()

    def observe(self, date: str | None, sent: float, received: float) -> None:
        """Take in the `Date` header of an answer that was asked for and received at these monotonic times."""
        if not date or received - sent > SLOW:
            return
        try:
            # The header's second began up to a second ago: half of it is the best guess.
            written = parsedate_to_datetime(date).timestamp() + 0.5
        except (TypeError, ValueError, OverflowError):
            return
        anchor = written - (sent + received) / 2
        if abs(anchor - self._anchor) > TOLERANCE:
            self._anchor = anchor

    def offset(self) -> float:
        """Seconds that the cloud is ahead of this machine's wall clock; 0 within the tolerance."""
        offset = self.now() - self._clock.wall()
        return offset if abs(offset) > TOLERANCE else 0.0
