"""What the engine itself counts of its callers, for `/metrics`: commands by name and result, viewers of the socket.

Numbers only, and of names only those of drivers and their commands: a caller cannot make one up.
"""

import time
from bisect import bisect_left
from collections import Counter
from collections.abc import Awaitable
from typing import TypeVar

from mistlocate.errors import (
    BadArguments,
    CommandFailed,
    LevelTooLow,
    MistlocateError,
    ModuleUnavailable,
)

Answer = TypeVar("Answer")

#: Upper bounds of the classes of latency (seconds): from an answer out of memory to one that waited for the cloud.
BUCKETS = (0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0, 30.0)

#: Result classes: an answer; arguments or a level that were not good; the module does not run; the cloud, the network
#: or the store said no; a defect of a driver; the caller went before there was an answer.
OK, REFUSED, UNAVAILABLE, TROUBLE, DEFECT, LEFT = "ok", "refused", "unavailable", "trouble", "defect", "left"


class Latency:
    """How many were how quick: a count for each class of `BUCKETS` and one for what took longer, and their sum."""

    __slots__ = ("counts", "seconds")

    def __init__(self) -> None:
        self.counts = [0] * (len(BUCKETS) + 1)
        self.seconds = 0.0


class Tally:
    """The counts of one engine, from its start on."""

    def __init__(self) -> None:
        self.commands: dict[tuple[str, str, str], Latency] = {}
        """How quick the commands of a driver were that ended so: by driver, command and result class."""
        self.viewers = 0
        """Clients of the control socket that are connected now."""
        self.viewers_dropped: Counter[int] = Counter()
        """Clients that had to go, by close code."""

    async def command(self, driver: str, command: str, run: Awaitable[Answer]) -> Answer:
        """Run a command and count it."""
        began, result = time.perf_counter(), OK
        try:
            return await run
        except BaseException as error:
            result = result_of(error)
            raise
        finally:
            self.count(driver, command, result, time.perf_counter() - began)

    def count(self, driver: str, command: str, result: str, seconds: float) -> None:
        """Count a command that has ended so, after this many seconds."""
        key = (driver, command, result)
        latency = self.commands.get(key)
        if latency is None:
            latency = self.commands[key] = Latency()
        latency.counts[bisect_left(BUCKETS, seconds)] += 1
        latency.seconds += seconds


def result_of(error: BaseException) -> str:
    """The result class of what a command raised."""
    match error:
        case BadArguments() | LevelTooLow():
            return REFUSED
        case ModuleUnavailable():
            return UNAVAILABLE
        case CommandFailed():
            return DEFECT
        case MistlocateError():
            return TROUBLE
        case Exception():
            return DEFECT
    return LEFT
