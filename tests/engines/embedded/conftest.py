from collections.abc import AsyncIterator, Callable
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from pathlib import Path
from typing import Any

import pytest

from mistlocate.clock import FastClock
from mistlocate.engines.embedded.config import Loaded, load
from mistlocate.engines.embedded.drivers import DRIVERS
from mistlocate.engines.embedded.engine import Engine
from support.drivers import Probe
from support.times import morning


class StoppedClock(FastClock):
    """No time passes for whoever asks it, so that a bucket that is empty stays so; waiting goes on."""

    def monotonic(self) -> float:
        return 1000.0


Running = Callable[..., AbstractAsyncContextManager[Engine]]


@pytest.fixture
def probes(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Callable[..., Loaded]:
    """Settings of an engine with modules `Probe_1`, `Probe_2`, … of these settings in one system `sys`."""
    monkeypatch.setitem(DRIVERS, "Probe", Probe)
    Probe.loads = 0

    def make(*modules: dict[str, Any], **settings: Any) -> Loaded:
        specs = [{"driver": "Probe", "settings": each} for each in modules or ({},)]
        raw = {"zones": [{"id": "zone-1", "name": "One"}], "systems": [{"id": "sys", "name": "S", "modules": specs}]}
        return load({**raw, **settings}, tmp_path)

    return make


@pytest.fixture
def stopped(monkeypatch: pytest.MonkeyPatch) -> Callable[[Engine], None]:
    """Stop the clock by which an engine counts what callers ask."""
    return lambda engine: monkeypatch.setattr(engine, "clock", StoppedClock(50))


@pytest.fixture
def running(probes: Callable[..., Loaded]) -> Running:
    """An engine with such modules, for the length of a block."""

    @asynccontextmanager
    async def run(*modules: dict[str, Any], **settings: Any) -> AsyncIterator[Engine]:
        async with Engine(probes(*modules, **settings), clock=FastClock(50, morning())) as engine:
            for host in engine.hosts.values():
                await host.execute("echo", ["up"])
            yield engine

    return run
