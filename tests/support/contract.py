"""Two `Probe` modules in either engine, behind one face, for the tests of what an engine owes its modules."""

import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any, Protocol

import pytest

from mistlocate.clock import FastClock
from mistlocate.engines.embedded.config import Loaded, load
from mistlocate.engines.embedded.drivers import DRIVERS
from mistlocate.engines.embedded.engine import Engine
from mistlocate.errors import MistlocateError
from support.drivers import Probe
from support.placeos_core import Core, DriverProcess, RemoteError
from support.placeos_models import LOGIC
from support.redis_server import redis_server
from support.times import morning
from support.waiting import until

SYSTEM = "sys"


class Failed(Exception):
    """A command failed with an error of this name."""

    def __init__(self, name: str, text: str) -> None:
        super().__init__(f"{name}: {text}")
        self.name = name


class Rig(Protocol):
    """An engine with modules `Probe_1`, `Probe_2` … in one system."""

    async def run(self, command: str, *args: Any, slug: str = "Probe_1") -> Any:
        """Run a command; raises `Failed`."""

    async def status(self, key: str, slug: str = "Probe_1") -> Any:
        """A status, or None."""

    async def change(self, *settings: dict[str, Any]) -> None:
        """Have so many modules with these settings from now on."""

    async def stop(self, slug: str) -> None:
        """Stop a module."""

    async def restart(self) -> None:
        """End the whole engine, and start it again with the same modules."""


class EmbeddedRig:
    """The embedded engine, in this process."""

    def __init__(self, folder: Path, settings: tuple[dict[str, Any], ...]) -> None:
        self._folder = folder
        self._settings = settings
        self._engine: Engine

    def _loaded(self) -> Loaded:
        specs = [{"driver": "Probe", "settings": each} for each in self._settings]
        return load({"systems": [{"id": SYSTEM, "modules": specs}]}, self._folder)

    async def open(self) -> None:
        self._engine = await Engine(self._loaded(), clock=FastClock(50, morning())).__aenter__()
        for host in self._engine.hosts.values():
            await host.execute("echo", ["up"])

    async def close(self) -> None:
        await self._engine.__aexit__(None, None, None)

    async def restart(self) -> None:
        await self.close()
        await self.open()

    async def run(self, command: str, *args: Any, slug: str = "Probe_1") -> Any:
        try:
            return await self._engine.find(SYSTEM, slug).execute(command, list(args))
        except MistlocateError as error:
            raise Failed(type(error).__name__, str(error)) from None

    async def status(self, key: str, slug: str = "Probe_1") -> Any:
        value = self._engine.board.get(self._engine.find(SYSTEM, slug).spec.id, key)
        return None if value is None else value.value

    async def change(self, *settings: dict[str, Any]) -> None:
        self._settings = settings
        await self._engine.reload(self._loaded())

    async def stop(self, slug: str) -> None:
        await self._engine.find(SYSTEM, slug).stop()


#: The executable of a Probe, as those of the drivers are made.
_EXECUTABLE = """
import sys
from mistlocate.engines.placeos.executable import main
from support.drivers import Probe
sys.exit(main("probe", lambda: Probe, sys.argv[1:]))
"""


class PlaceosRig:
    """A driver process of PlaceOS, with a real Redis and a core of the tests' own."""

    def __init__(self, core: Core, settings: tuple[dict[str, Any], ...]) -> None:
        self._core = core
        self._settings = settings
        self._running: dict[str, dict[str, Any]] = {}
        self._process: DriverProcess

    async def open(self) -> None:
        tests = str(Path(__file__).parents[1])
        self._process = await self._core.launch([sys.executable, "-c", _EXECUTABLE], PYTHONPATH=tests)
        await self.change(*self._settings)

    async def restart(self) -> None:
        assert await self._process.terminate() == 0
        self._running.clear()
        await self.open()

    @staticmethod
    def _id(slug: str) -> str:
        return f"mod-{slug}"

    async def change(self, *settings: dict[str, Any]) -> None:
        self._settings = settings
        wanted = {f"Probe_{number}": each for number, each in enumerate(settings, 1)}
        for slug in [each for each in self._running if each not in wanted]:
            await self.stop(slug)
            del self._running[slug]
        for slug, each in wanted.items():
            model = self._core.model(role=LOGIC, system=SYSTEM, settings=each)
            if slug not in self._running:
                await self._process.start(self._id(slug), model)
            elif self._running[slug] != each:
                await self._process.update(self._id(slug), model)
            self._running[slug] = each
        await self._core.system(SYSTEM, {slug.replace("_", "/"): self._id(slug) for slug in self._running})

    async def run(self, command: str, *args: Any, slug: str = "Probe_1") -> Any:
        try:
            return await self._process.exec(self._id(slug), command, *args)
        except RemoteError as error:
            raise Failed(error.error, error.payload) from None

    async def status(self, key: str, slug: str = "Probe_1") -> Any:
        return await self._core.status(self._id(slug), key)

    async def stop(self, slug: str) -> None:
        await self._process.stop(self._id(slug))

        async def gone() -> bool:
            return self._id(slug) not in await self._process.info()

        await until(gone)


@asynccontextmanager
async def embedded(folder: Path, *settings: dict[str, Any]) -> AsyncIterator[Rig]:
    """The contract kept by the embedded engine."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setitem(DRIVERS, "Probe", Probe)
        Probe.loads = 0
        Probe.ever_heard.clear()
        rig = EmbeddedRig(folder, settings)
        await rig.open()
        try:
            yield rig
        finally:
            await rig.close()


@asynccontextmanager
async def placeos(folder: Path, *settings: dict[str, Any]) -> AsyncIterator[Rig]:
    """The contract kept by a process of PlaceOS."""
    async with redis_server(folder) as redis, Core(redis.url) as core:
        rig = PlaceosRig(core, settings)
        await rig.open()
        yield rig


ENGINES = {"embedded": embedded, "placeos": placeos}
