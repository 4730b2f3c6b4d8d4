"""The cloud's time, as seen from here.

Ages are differences between times that the cloud wrote and "now", so "now" has to be the cloud's. It is anchored to
the `Date` header of answers that are the cloud's (an error may be a proxy's) and carried on by the monotonic clock: a
machine whose own clock is wrong, or is set while we run, still tells ages right.
"""

from collections.abc import Callable
from email.utils import parsedate_to_datetime

from mistlocate.clock import Clock

#: From this on a difference is a clock that was set, or is wrong; what is smaller is only told more exactly (seconds).
TOLERANCE = 5.0

#: An answer that took longer than this says too little about when its date was written.
SLOW = 10.0


def unix_time(date: str | None) -> float | None:
    """The unix time of a date as HTTP headers write it; None for what is none."""
    try:
        return parsedate_to_datetime(date).timestamp() if date else None
    except (TypeError, ValueError, OverflowError):
        return None


class CloudClock:
    """Unix time by the cloud. Until the first answer it is the machine's own.

    `stepped` is called with the seconds by which "now" has jumped, after each jump: what was noted by the time before
    is off by as much.
    """

    def __init__(self, clock: Clock, stepped: Callable[[float], None] = lambda seconds: None) -> None:
        self._clock = clock
        self._stepped = stepped
        self._anchor = clock.wall() - clock.monotonic()

    def now(self) -> float:
        """The cloud's unix time."""
        return self._anchor + self._clock.monotonic()

    def at(self, monotonic: float) -> float:
        """The cloud's unix time when the monotonic clock read this."""
        return self._anchor + monotonic

    def observe(self, date: str | None, sent: float, received: float) -> None:
        """Take in the `Date` header of an answer that was asked for and received at these monotonic times."""
        written = unix_time(date)
        if written is None or received - sent > SLOW:
            return
        # It was written between these two readings, in a second that had begun up to a second ago.
        earliest, latest = written - received, written + 1.0 - sent
        step = (earliest + latest) / 2 - self._anchor
        if abs(step) > TOLERANCE:
            self._anchor += step
            self._stepped(step)
        else:
            self._anchor = min(max(self._anchor, earliest), latest)

    def offset(self) -> float:
        """Seconds that the cloud is ahead of this machine's wall clock; 0 within the tolerance."""
        offset = self.now() - self._clock.wall()
        return offset if abs(offset) > TOLERANCE else 0.0
