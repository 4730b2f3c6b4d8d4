import asyncio
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from mistlocate.engines.placeos.redis_client import RedisClient
from support.drivers import Patient, Probe
from support.placeos_engine import CoreSide, client, driver_process
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


@pytest.fixture
async def core(server: RedisServer) -> AsyncIterator[CoreSide]:
    """Core's side of a process of patient drivers, which nothing holds up unless a test does."""
    Patient.gate, Patient.exit = asyncio.Event(), asyncio.Event()
    Patient.gate.set()
    Patient.exit.set()
    Probe.loads = Patient.unloads = 0
    async with driver_process(server.url, Patient) as made:
        yield made
