"""Waiting for what a test is about, and no longer."""

import asyncio
import inspect
import itertools
import os
from collections.abc import Awaitable, Callable
from typing import TypeVar

Found = TypeVar("Found")

#: How long something may take that takes a second or less (real seconds): a machine may have ten others to do beside.
#: Whoever waits for failures sets less.
PATIENCE = float(os.environ.get("TEST_PATIENCE", "45"))


async def until(condition: Callable[[], Found | Awaitable[Found]], within: float = PATIENCE) -> Found:
    """Return what `condition` gives as soon as that is true; fails after `within` real seconds."""
    loop = asyncio.get_running_loop()
    end = loop.time() + within
    for _ in itertools.count():
        found = condition()
        if inspect.isawaitable(found):
            found = await found
        if found:
            return found  # type: ignore[return-value]
        if loop.time() > end:
            raise AssertionError(f"not within {within} s: {inspect.getsource(condition).strip()}")
        await asyncio.sleep(0.005)
    raise AssertionError("unreachable")
