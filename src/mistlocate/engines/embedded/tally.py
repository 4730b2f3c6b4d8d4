"""What the engine itself counts of its callers, for `/metrics`: commands by name and result, viewers of the socket.

Numbers only, and of names only those of drivers and their commands: a caller cannot make one up.
"""

import time
from bisect import bisect_left
from collections import Counter
from typing import NamedTuple

from mistlocate.errors import (
    BadArguments,
    CommandFailed,
    LevelTooLow,
    MistlocateError,
    ModuleUnavailable,
)

#: Upper bounds of the classes of latency (seconds): from an answer out of memory to one that waited for the cloud.
BUCKETS = (0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0, 30.0)

#: Result classes: an answer; arguments or a level that were not good; the module does not run; the cloud, the network
#: or the store said no; a defect of a driver; the caller went before there was an answer.
OK, REFUSED, UNAVAILABLE, TROUBLE, DEFECT, LEFT = "ok", "refused", "unavailable", "trouble", "defect", "left"


class Key(NamedTuple):
    """Which command of which driver, and how it ended."""

    driver: str
    command: str
    result: str


class Latency:
    """How many were how quick: a count for each class of `BUCKETS` and one for what took longer, and their sum."""

    __slots__ = ("counts", "seconds")

    def __init__(self) -> None:
        self.counts = [0] * (len(BUCKETS) + 1)
        self.seconds = 0.0

    def add(self, seconds: float) -> None:
        """Count one."""
        self.counts[bisect_left(BUCKETS, seconds)] += 1
        self.seconds += seconds


class Tally:
    """The counts of one engine, from its start on."""

    def __init__(self) -> None:
        self.commands: dict[Key, Latency] = {}
        self.viewers = 0
        """Clients of the control socket that are connected now."""
        self.viewers_dropped: Counter[int] = Counter()
        """Clients that had to go, by close code."""

    def command(self, driver: str, command: str) -> "_Running":
        """Count the command that is run in the block."""
        return _Running(self, driver, command)

    def count(self, key: Key, seconds: float) -> None:
        """Count a command that has ended."""
        (self.commands.get(key) or self.commands.setdefault(key, Latency())).add(seconds)


class _Running:
    """A command between its start and its end. Not a generator: each of those takes as long as a look-up."""

    __slots__ = ("_began", "_command", "_driver", "_tally")

    def __init__(self, tally: Tally, driver: str, command: str) -> None:
        self._tally, self._driver, self._command = tally, driver, command

    def __enter__(self) -> None:
        self._began = time.perf_counter()

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: object) -> None:
        result = OK if error is None else result_of(error)
        self._tally.count(Key(self._driver, self._command, result), time.perf_counter() - self._began)


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
