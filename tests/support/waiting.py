"""Waiting for what a test is about, and no longer."""

import asyncio
import inspect
import itertools
from collections.abc import Awaitable, Callable
from typing import TypeVar

Found = TypeVar("Found")


async def until(condition: Callable[[], Found | Awaitable[Found]], within: float = 15.0) -> Found:
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
