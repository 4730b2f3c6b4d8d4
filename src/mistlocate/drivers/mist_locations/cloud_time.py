"""The cloud's time as MistWebsocket knows it, which may run on another machine.

Ages are told by the clock that wrote the records. How far that is from the clock of MistWebsocket's machine says
nothing about this one: so MistWebsocket is asked what time it is, and the answer is carried on by this machine's
monotonic clock. It is off by no more than the answer took. Until the first answer this machine's own time stands in.
"""

import asyncio
from collections.abc import Callable
from contextlib import suppress

from mistlocate.clock import Clock
from mistlocate.driver.context import ModuleHandle
from mistlocate.errors import MistlocateError

#: MistWebsocket is asked this often, and this much later if it did not answer (seconds).
ASK_EVERY, ASK_AGAIN = 60.0, 5.0

#: An answer that took longer than this says too little (seconds).
SLOW = 10.0

#: From this on another time is worth looking at every level again (seconds).
STEP = 1.0


class CloudTime:
    """Unix time by the cloud. `stepped` is called when it turned out to be another than was thought."""

    def __init__(self, mist: ModuleHandle, clock: Clock, stepped: Callable[[], None]) -> None:
        self._mist = mist
        self._clock = clock
        self._stepped = stepped
        self._anchor: float | None = None
        """The cloud's time when the monotonic clock read 0."""
        self._news = asyncio.Event()

    def now(self) -> float:
        """The cloud's unix time."""
        return self._clock.wall() if self._anchor is None else self._anchor + self._clock.monotonic()

    def changed(self) -> None:
        """MistWebsocket says that its clock, or what it knows of the cloud's, has changed."""
        self._news.set()

    async def run(self) -> None:
        """Ask for ever."""
        while True:
            self._news.clear()
            answered = await self._ask()
            with suppress(TimeoutError):
                async with self._clock.timeout(ASK_EVERY if answered else ASK_AGAIN):
                    await self._news.wait()

    async def _ask(self) -> bool:
        sent = self._clock.monotonic()
        try:
            answer = await self._mist.call("cloud_time")
        except MistlocateError:
            return False
        received = self._clock.monotonic()
        if type(answer) not in (float, int) or received - sent > SLOW:
            return False
        anchor = self.now() - self._clock.monotonic()
        # It was read between these two readings; within them what is known already stays.
        self._anchor = min(max(anchor, answer - received), answer - sent)
        if abs(self._anchor - anchor) > STEP:
            self._stepped()
        return True
