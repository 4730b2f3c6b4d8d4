"""A small campus behind a real socket, and clients for it. Nothing moves unless a test says so."""

import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import httpx
import pytest
from websockets.asyncio.client import ClientConnection, connect

from mistlocate.simulator import Campus, SimulatedCloud, World

SMALL = Campus(seed=7, people=12, floors=2)


class Clock:
    """A clock that stands still until it is moved."""

    def __init__(self, start: float = 1_800_000_000.0) -> None:
        self.time = start
        self.slept: list[float] = []

    def wall(self) -> float:
        return self.time

    def monotonic(self) -> float:
        return self.time

    async def sleep(self, seconds: float) -> None:
        self.slept.append(seconds)
        self.time += seconds


class Listener:
    """A socket of the stream, with what tests keep doing to it."""

    def __init__(self, socket: ClientConnection) -> None:
        self.socket = socket

    async def subscribe(self, *channels: str) -> list[dict]:
        """Subscribe to these and return the answers."""
        for channel in channels:
            await self.socket.send(json.dumps({"subscribe": channel}))
        return [await self.next() for _ in channels]

    async def next(self) -> dict:
        return json.loads(await self.socket.recv())

    async def record(self) -> dict:
        """The record in the next frame, which must be data."""
        frame = await self.next()
        assert frame["event"] == "data"
        return json.loads(frame["data"])

    async def until(self, text: str) -> list[dict]:
        """All frames before this text, which marks the end of what was to be sent."""
        frames = []
        while (received := await self.socket.recv()) != text:
            frames.append(json.loads(received))
        return frames


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def world() -> World:
    return World(SMALL)


@pytest.fixture
async def cloud(clock: Clock) -> AsyncIterator[SimulatedCloud]:
    async with SimulatedCloud(SMALL, clock=clock, autorun=False) as running:
        yield running


@asynccontextmanager
async def caller(cloud: SimulatedCloud, token: str | None) -> AsyncIterator[httpx.AsyncClient]:
    """A REST client with this token, or with none."""
    headers = {"Authorization": f"Token {token}"} if token else {}
    async with httpx.AsyncClient(base_url=cloud.url, headers=headers, verify=False) as client:
        yield client


@pytest.fixture
async def rest(cloud: SimulatedCloud) -> AsyncIterator[httpx.AsyncClient]:
    async with caller(cloud, cloud.token) as client:
        yield client


@pytest.fixture
async def admin(cloud: SimulatedCloud) -> AsyncIterator[httpx.AsyncClient]:
    async with caller(cloud, cloud.admin_token) as client:
        yield client


@asynccontextmanager
async def listening(cloud: SimulatedCloud, token: str | None = None) -> AsyncIterator[Listener]:
    """An open socket of the stream."""
    headers = {"Authorization": f"Token {token or cloud.token}"}
    async with connect(cloud.stream_url, additional_headers=headers, compression=None) as socket:
        yield Listener(socket)


@pytest.fixture
async def stream(cloud: SimulatedCloud) -> AsyncIterator[Listener]:
    async with listening(cloud) as listener:
        yield listener


@pytest.fixture
def site(cloud: SimulatedCloud) -> str:
    """The path of the main site's calls."""
    return f"/api/v1/sites/{cloud.site_id}"


@pytest.fixture
def clients_channel(cloud: SimulatedCloud) -> str:
    return f"/sites/{cloud.site_id}/stats/clients"


@pytest.fixture
def listening_as(cloud: SimulatedCloud):
    """Open another socket with a token of one's own."""
    return lambda token: listening(cloud, token)
