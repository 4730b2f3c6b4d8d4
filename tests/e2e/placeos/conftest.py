"""What most of these tests start from: a Redis, core, and a simulated cloud with one map and nobody."""

from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from mistlocate.simulator import SimulatedCloud
from support.placeos_core import Core
from support.placeos_site import EMPTY
from support.redis_server import RedisServer, redis_server


@pytest.fixture
async def redis(tmp_path: Path) -> AsyncIterator[RedisServer]:
    async with redis_server(tmp_path) as server:
        yield server


@pytest.fixture
async def core(redis: RedisServer) -> AsyncIterator[Core]:
    async with Core(redis.url) as running:
        yield running


@pytest.fixture
async def cloud() -> AsyncIterator[SimulatedCloud]:
    async with SimulatedCloud(EMPTY, autorun=False) as running:
        yield running
