"""Coroutines that live and die together, for loops that outlive their failures.

`asyncio.TaskGroup` is the right tool where a failure ends everything. In a loop that handles the failure and goes on
it is not: up to Python 3.12 a cancellation that arrives together with a child's error is dropped, and the loop never
ends. Here a cancellation always wins, and errors come as they are instead of in groups.
"""

import asyncio
from collections.abc import Callable, Coroutine
from typing import Any


async def together(*works: Coroutine[Any, Any, object], rank: Callable[[BaseException], Any] = lambda _: 0) -> None:
    """Run until all have returned, or one has failed; then the others are cancelled and waited for.

    Raises the error; of several at the same moment the one of the lowest `rank`.
    """
    tasks = [asyncio.create_task(work) for work in works]
    try:
        done, _ = await asyncio.wait(tasks, return_when=asyncio.FIRST_EXCEPTION)
    finally:
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
    errors = [error for task in done if not task.cancelled() and (error := task.exception()) is not None]
    if errors:
        raise min(errors, key=rank)
