"""The embedded engine with sites of the load, for measured programs."""

import asyncio
import logging
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import structlog

from benchmarks.records import Site
from mistlocate.drivers.mist_websocket.tracker import Tracker
from mistlocate.engines import collector
from mistlocate.engines.embedded.config import load
from mistlocate.engines.embedded.engine import Engine
from mistlocate.engines.embedded.host import ModuleHost

SYSTEM = "sys-0"
BUILDING = "zone-building"

#: Hours of running would not use up a token's budget; a benchmark that resyncs again and again does.
BUDGET = 1_000_000


def settings(
    site: Site,
    port: int,
    *,
    locations: bool = False,
    websocket: dict[str, Any] | None = None,
    placing: dict[str, Any] | None = None,
) -> dict[str, Any]:
    """Settings of one system: a MistWebsocket, and a MistLocations with a level for each map."""
    modules: list[dict[str, Any]] = [
        {
            "driver": "MistWebsocket",
            "settings": {
                "api_token": "benchmark",
                "site_id": site.id,
                "stream_host": f"ws://127.0.0.1:{port}",
                "rest_host": f"http://127.0.0.1:{port}",
                "proxy": "",
                "client_fields": "needed",
                "rest_budget": BUDGET,
                "named_searches": 0,
                **(websocket or {}),
            },
        }
    ]
    zones = [{"id": BUILDING, "name": "Building"}]
    if locations:
        mappings = {}
        for number, map_id in enumerate(site.map_ids):
            zones.append({"id": level(number), "name": f"Floor {number + 1}", "parent": BUILDING})
            mappings[map_id] = {"building": BUILDING, "level": level(number), "level_name": f"Floor {number + 1}"}
        modules.append(
            {
                "driver": "MistLocations",
                "settings": {"floorplan_mappings": mappings, "named_searches": 0, **(placing or {})},
            }
        )
    return {
        "listen": "127.0.0.1:0",
        "rate_limit": 0,
        "zones": zones,
        "systems": [{"id": SYSTEM, "modules": modules}],
    }


def level(number: int) -> str:
    """The level zone of a map."""
    return f"zone-level-{number}"


@asynccontextmanager
async def running(folder: Path, given: dict[str, Any]) -> AsyncIterator[Engine]:
    """An engine with these settings."""
    structlog.configure(wrapper_class=structlog.make_filtering_bound_logger(logging.ERROR))
    async with Engine(load(given, folder)) as engine:
        collector.settle(sends_large=True)  # as `mistlocate serve` does
        yield engine


def tracker_of(host: ModuleHost) -> Tracker:
    """What a MistWebsocket knows, past its commands: looking must cost nothing."""
    module = host.life.module
    assert module is not None
    driver: Any = module._driver
    tracker: Tracker = driver._site.tracker
    return tracker


async def live(engine: Engine, host: ModuleHost) -> Tracker:
    """Wait until the stream is live."""
    while True:
        state = engine.board.get(host.spec.id, "stream_state")
        if state is not None and state.value == "live":
            return tracker_of(host)
        await asyncio.sleep(0.01)
