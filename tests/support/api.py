"""Calling the API of an engine as a program would, over a real socket."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import httpx

from mistlocate.engines.embedded.engine import Engine
from mistlocate.engines.embedded.server import serving

BASE = "/api/engine/v2"


@asynccontextmanager
async def client(engine: Engine, **headers: str) -> AsyncIterator[httpx.AsyncClient]:
    """A client of the engine behind a port; paths are relative to the API."""
    async with (
        serving(engine, "127.0.0.1", 0) as url,
        httpx.AsyncClient(base_url=url + BASE, headers=headers, trust_env=False) as made,
    ):
        yield made


def root(made: httpx.AsyncClient) -> str:
    """The address of the engine without the path of the API."""
    return str(made.base_url).removesuffix(f"{BASE}/")


def told(answer: httpx.Response) -> Any:
    """What an error says, with its status."""
    return answer.status_code, answer.json()["message"]
