"""The time of the simulation. Any object with these three methods will do as a clock."""

import asyncio
import math
import time
from typing import Protocol


class Clock(Protocol):
    """What the cloud asks of time. All values are seconds."""

    def wall(self) -> float:
        """Unix time."""

    def monotonic(self) -> float:
        """A reading that only ever grows."""

    async def sleep(self, seconds: float) -> None:
        """Return after this many seconds of this clock."""


class SimClock:
    """A clock that runs `speed` times as fast as the machine's; wall time begins at `start` (default: now)."""

    def __init__(self, speed: float = 1.0, start: float | None = None) -> None:
        if not 0 < speed < math.inf:
            raise ValueError("speed must be above 0")
        self.speed = speed
        self._zero = time.monotonic()
        self._start = time.time() if start is None else start

    def wall(self) -> float:
        """Unix time of this clock."""
        return self._start + self.monotonic()

    def monotonic(self) -> float:
        """Seconds of this clock since it was made."""
        return (time.monotonic() - self._zero) * self.speed

    async def sleep(self, seconds: float) -> None:
        """Wait `seconds / speed` real seconds."""
        await asyncio.sleep(seconds / self.speed)
