from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from mistlocate.engines.placeos.redis_client import RedisClient
from support.placeos_engine import client
from support.redis_server import RedisServer, redis_server


@pytest.fixture
async def server(tmp_path: Path) -> AsyncIterator[RedisServer]:
    """A Redis of the test's own."""
    async with redis_server(tmp_path) as running:
        yield running


@pytest.fixture
async def redis(server: RedisServer) -> AsyncIterator[RedisClient]:
    """Our client of it."""
    async with client(server.url) as made:
        yield made
