"""The hourly REST budget of a token. Pure: every method takes the time.

The cloud grants a token 5,000 calls an hour and starts counting anew on each full hour. Whoever shares a token shares
one `Budget`. Background work may use only a part of it, so that commands still find some left; resyncs after
reconnects, the one cost that a flapping line could multiply, are spread so that they use at most half.
"""

from collections import Counter, deque
from enum import Enum
from typing import Any

#: The vendor's figure, per token and hour.
CALLS_PER_HOUR = 5000

_HOUR = 3600.0


class Purpose(Enum):
    """What a call is for; the value is the share of the budget that calls of this kind may bring it to."""

    COMMAND = 1.0
    SNAPSHOT = 0.9
    BACKGROUND = 0.75


class Budget:
    """The calls of one token in this hour. `now` is unix time by the cloud's clock, by whose hours it counts; a pause
    lasts by the monotonic one, for the cloud's may be set back, and what was long over would begin anew.

    `resyncs` paces what reconnects cost, and `fetches` what unknown clients cost, for all that share the token.
    """

    def __init__(self, limit: int = CALLS_PER_HOUR) -> None:
        self.limit = limit
        self.resyncs = ResyncPace(self)
        self.fetches = FetchPace(self)
        self._hour = -1
        self._used: Counter[Purpose] = Counter()
        self._paused_until = float("-inf")

    def spend(self, purpose: Purpose, now: float, monotonic: float) -> float:
        """Take one call. Returns 0 if it may be sent, else the seconds to wait before asking again."""
        self._turn(now)
        if monotonic < self._paused_until:
            return self._paused_until - monotonic
        if self._used.total() + 1 > self.limit * purpose.value:
            return self._resets_in(now)
        self._used[purpose] += 1
        return 0.0

    def pause(self, seconds: float, monotonic: float) -> None:
        """The cloud asked for quiet (HTTP 429); nothing is sent for this long."""
        self._paused_until = max(self._paused_until, monotonic + seconds)

    def observed(self, requests: int, now: float) -> None:
        """The cloud's own count of this hour, which includes what others did with the same token."""
        self._turn(now)
        self._used[Purpose.COMMAND] += max(0, requests - self._used.total())

    def report(self, now: float, monotonic: float) -> dict[str, Any]:
        """For diagnostics: calls used and allowed this hour, seconds until the count restarts, seconds of pause."""
        self._turn(now)
        return {
            "limit": self.limit,
            "used": self._used.total(),
            "used_for": {purpose.name.lower(): self._used[purpose] for purpose in Purpose},
            "resets_in": round(self._resets_in(now)),
            "paused_for": round(max(0.0, self._paused_until - monotonic)),
        }

    def _turn(self, now: float) -> None:
        hour = int(now // _HOUR)
        if hour != self._hour:
            self._hour = hour
            self._used.clear()

    @staticmethod
    def _resets_in(now: float) -> float:
        return _HOUR - now % _HOUR


class ResyncPace:
    """Spreads resyncs: a bucket that fills with what they cost and leaks half of the budget in an hour.

    The first few follow each other as fast as the back-off wants them; a line that keeps breaking is slowed until the
    calls fit. Times are monotonic seconds.
    """

    #: The part of an hour's share that may be spent at once.
    BURST = 0.2

    def __init__(self, budget: Budget) -> None:
        self._budget = budget
        self._level = 0.0
        self._at = 0.0

    def wait(self, cost: int, now: float) -> float:
        """Seconds until a resync of this many calls may begin."""
        self._leak(now)
        share = self._budget.limit / 2
        room = max(share * self.BURST, float(cost))
        return max(0.0, (self._level + cost - room) * _HOUR / share)

    def spent(self, cost: int, now: float) -> None:
        """A resync used this many calls."""
        self._leak(now)
        self._level += cost

    def _leak(self, now: float) -> None:
        self._level = max(0.0, self._level - max(0.0, now - self._at) * self._budget.limit / 2 / _HOUR)
        self._at = now


class FetchPace:
    """Bounds what the records of unknown clients cost: whoever is near may invent a MAC.

    In any minute they get half of what the budget grants a minute on average. Times are monotonic seconds.
    """

    def __init__(self, budget: Budget) -> None:
        self._budget = budget
        self._calls: deque[float] = deque()

    @property
    def a_minute(self) -> int:
        """So many calls at most, and one in any case."""
        return max(1, int(self._budget.limit / 2 / 60))

    def wait(self, now: float) -> float:
        """Seconds until one more call may be sent."""
        while self._calls and self._calls[0] <= now - 60.0:
            self._calls.popleft()
        return 0.0 if len(self._calls) < self.a_minute else self._calls[-self.a_minute] + 60.0 - now

    def spent(self, now: float) -> None:
        """A call was sent."""
        self._calls.append(now)
