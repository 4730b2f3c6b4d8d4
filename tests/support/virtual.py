"""Virtual time: an event loop that never waits. Where nothing is ready it jumps to the next thing that is due.

For code without real I/O only: a test of hours runs in milliseconds, and always in the same way.
"""

import asyncio
import functools
import selectors
from collections.abc import Callable, Coroutine
from contextlib import AbstractAsyncContextManager
from typing import Any

#: Where virtual wall time starts (a full hour).
START = 1_767_261_600.0


class _Selector(selectors.DefaultSelector):
    """Instead of waiting, moves the loop's time on."""

    loop: "VirtualLoop"

    def select(self, timeout: float | None = None) -> list[tuple[selectors.SelectorKey, int]]:
        ready = super().select(0)
        if not ready and timeout:
            self.loop.now += timeout
        return ready


class VirtualLoop(asyncio.SelectorEventLoop):
    """A loop whose time passes only in jumps."""

    def __init__(self) -> None:
        self.now = 0.0
        selector = _Selector()
        super().__init__(selector)
        selector.loop = self

    def time(self) -> float:
        return self.now


class VirtualClock:
    """The clock of such a loop. `step` is what the wall clock was set forward by."""

    def __init__(self) -> None:
        self.step = 0.0

    def wall(self) -> float:
        return START + self.monotonic() + self.step

    def monotonic(self) -> float:
        return asyncio.get_running_loop().time()

    async def sleep(self, seconds: float) -> None:
        await asyncio.sleep(seconds)

    def timeout(self, seconds: float | None) -> AbstractAsyncContextManager[object]:
        return asyncio.timeout(seconds)


def virtual(test: Callable[..., Coroutine[Any, Any, None]]) -> Callable[..., None]:
    """Run an async test in virtual time."""

    @functools.wraps(test)
    def run(*args: Any, **kwargs: Any) -> None:
        with asyncio.Runner(loop_factory=VirtualLoop) as runner:
            runner.run(test(*args, **kwargs))

    return run
