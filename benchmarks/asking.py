"""Something small asked again and again while other work goes on: how long each answer takes."""

import asyncio
import time
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass, field

#: Between two questions (seconds).
ASK_EVERY = 0.01


@dataclass
class Waits:
    """How many questions were asked, and how long each answer took (seconds)."""

    asked: int = 0
    seconds: list[float] = field(default_factory=list)


@asynccontextmanager
async def asking(ask: Callable[[], Awaitable[None]], every: float = ASK_EVERY) -> AsyncIterator[Waits]:
    """Ask for the length of the block, by the clock and not one after the other: a question that waits must not keep
    others from being asked.

    What is outstanding at the end of the block is waited for, since the slowest are among it. The first question that
    fails ends the block, and its error is raised.
    """
    waits, ended = Waits(), asyncio.Event()

    async def once() -> None:
        began = time.monotonic()
        await ask()
        waits.seconds.append(time.monotonic() - began)

    async def keep_asking(tasks: asyncio.TaskGroup) -> None:
        due = time.monotonic()
        while not ended.is_set():
            tasks.create_task(once())
            waits.asked += 1
            due += every
            with suppress(TimeoutError):
                async with asyncio.timeout(max(0.0, due - time.monotonic())):
                    await ended.wait()

    try:
        async with asyncio.TaskGroup() as tasks:
            tasks.create_task(keep_asking(tasks))
            try:
                yield waits
            finally:
                ended.set()
    except BaseExceptionGroup as group:
        raise group.exceptions[0] from None
