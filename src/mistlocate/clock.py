"""Time, as something that is handed in.

Three readings matter here and must not be mixed: the *source* time that a record carries (when the network saw the
client), *wall* time (when we heard of it) and *monotonic* time (how long ago that was). The last two come from a
clock; the first only ever comes from the cloud.
"""

import time
from collections.abc import Callable
from contextlib import AbstractAsyncContextManager
from functools import partial
from typing import Protocol

# Whoever waits imports asyncio: nearly everything knows clocks, also what describes a driver (see `driver.base`).

#: Linux: like the monotonic clock, and it counts suspension.
_SINCE_BOOT: int | None = getattr(time, "CLOCK_BOOTTIME", None)


class Clock(Protocol):
    """What the rest of the house asks of time. All values are seconds."""

    def wall(self) -> float:
        """Unix time."""

    def monotonic(self) -> float:
        """A reading that only ever grows; differences are durations."""

    async def sleep(self, seconds: float) -> None:
        """Return after this many seconds of this clock."""

    def timeout(self, seconds: float | None) -> AbstractAsyncContextManager[object]:
        """A block that raises `TimeoutError` after this many seconds of this clock; None never does."""


def _reading(clock_id: int | None) -> Callable[[], float]:
    """What reads the clock of the system with this id; without one, the usual monotonic clock."""
    return time.monotonic if clock_id is None else partial(time.clock_gettime, clock_id)


class SystemClock:
    """The machine's own time. Its monotonic reading goes on while the machine is suspended, where the system can tell:
    what was heard before is as old afterwards as it looks."""

    def wall(self) -> float:
        """Unix time."""
        return time.time()

    #: Seconds since an arbitrary start; read for every frame, so without a function of ours in between.
    monotonic = staticmethod(_reading(_SINCE_BOOT))

    async def sleep(self, seconds: float) -> None:
        """Wait."""
        import asyncio  # noqa: PLC0415

        await asyncio.sleep(seconds)

    def timeout(self, seconds: float | None) -> AbstractAsyncContextManager[object]:
        """Bound a block."""
        import asyncio  # noqa: PLC0415

        return asyncio.timeout(seconds)


class FastClock:
    """A clock that runs `rate` times as fast as the machine's, for demonstrations and tests with real sockets.

    Everything that waits by this clock waits `rate` times shorter; wall time starts at `start` (default: now).
    """

    def __init__(self, rate: float, start: float | None = None) -> None:
        self.rate = rate
        self._zero = time.monotonic()
        self._start = time.time() if start is None else start

    def wall(self) -> float:
        """Unix time of this clock."""
        return self._start + self.monotonic()

    def monotonic(self) -> float:
        """Seconds of this clock since it was made."""
        return (time.monotonic() - self._zero) * self.rate

    async def sleep(self, seconds: float) -> None:
        """Wait `seconds / rate` real seconds."""
        import asyncio  # noqa: PLC0415

        await asyncio.sleep(seconds / self.rate)

    def timeout(self, seconds: float | None) -> AbstractAsyncContextManager[object]:
        """Bound a block by `seconds / rate` real seconds."""
        import asyncio  # noqa: PLC0415

        return asyncio.timeout(None if seconds is None else seconds / self.rate)
