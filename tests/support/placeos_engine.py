"""Parts of the PlaceOS engine for the length of a block."""

import asyncio
from collections.abc import AsyncIterator, Coroutine
from contextlib import asynccontextmanager
from typing import Any

from mistlocate.engines.placeos.redis_client import RedisClient
from mistlocate.engines.placeos.redis_url import RedisAddress, read_redis_url


@asynccontextmanager
async def client(address: RedisAddress | str) -> AsyncIterator[RedisClient]:
    """A client of the engine."""
    made = RedisClient(read_redis_url(address) if isinstance(address, str) else address)
    try:
        yield made
    finally:
        await made.aclose()


@asynccontextmanager
async def running(work: Coroutine[Any, Any, Any]) -> AsyncIterator[asyncio.Task[Any]]:
    """Something that runs meanwhile; what it raises, the block raises."""
    task = asyncio.create_task(work)
    try:
        yield task
    finally:
        if not task.done():
            task.cancel()
        await asyncio.wait([task])
    if not task.cancelled():
        task.result()
