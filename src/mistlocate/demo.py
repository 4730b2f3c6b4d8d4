"""The demonstration: a simulated campus and the engine in one process, connected as they would be for real."""

import asyncio
import shutil
import sys
import tempfile
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from mistlocate.engines.embedded.config import Loaded, load
from mistlocate.engines.embedded.engine import Engine
from mistlocate.engines.embedded.server import serving
from mistlocate.setup.init import TOKEN_FILE, make_settings
from mistlocate.simulator import Campus, SimulatedCloud, World

#: How long the first look at the campus may take before the banner is printed anyway (seconds).
LIVE_WITHIN = 10.0


@dataclass(frozen=True, slots=True)
class Running:
    """A demo that runs."""

    engine: Engine
    cloud: SimulatedCloud
    url: str


class Demo:
    """`people` on a campus of `floors`; the engine listens on `port` of this machine (0: any)."""

    def __init__(self, port: int = 8680, people: int = 60, floors: int = 3) -> None:
        self._port = port
        self._world = World(Campus(people=people, floors=floors))

    @asynccontextmanager
    async def running(self) -> AsyncIterator[Running]:
        """Run it for the length of the block. Nothing is kept afterwards. Raises `EngineError` (port in use)."""
        with tempfile.TemporaryDirectory(prefix="mistlocate-demo-") as folder:
            async with SimulatedCloud(self._world) as cloud:
                loaded = await self._settings(cloud, Path(folder))
                engine = Engine(loaded)
                async with engine, serving(engine, "127.0.0.1", self._port) as url:
                    await _until_live(engine)
                    yield Running(engine, cloud, url)

    async def _settings(self, cloud: SimulatedCloud, folder: Path) -> Loaded:
        """What `mistlocate init` would write for this cloud, with a livelier publish interval."""
        made = await make_settings(cloud.url, cloud.token, site=cloud.site_id)
        (folder / TOKEN_FILE).write_text(made.token, encoding="utf-8")
        settings: dict[str, Any] = made.settings
        settings["listen"] = f"127.0.0.1:{self._port}"
        # The campus names some people as Windows does (EXAMPLE\\alice): they are the same as alice@example.com.
        settings["systems"][0]["modules"][0]["settings"] |= {
            "publish_interval": 1,
            "domain_aliases": {"EXAMPLE": "example.com"},
        }
        # The store that MISTLOCATE_STORE names is for real people.
        return load(settings, folder, environment=False)


async def _until_live(engine: Engine) -> None:
    """Wait until the first snapshot is in, so that the first question finds somebody."""
    live = asyncio.Event()
    system_id = next(iter(engine.systems))
    unsubscribe = engine.follow(
        system_id, "MistWebsocket_1", "stream_state", lambda news: live.set() if news.value == "live" else None
    )
    with suppress(TimeoutError):
        async with asyncio.timeout(LIVE_WITHIN):
            await live.wait()
    unsubscribe()


def banner(running: Running) -> Iterator[str]:
    """Where to go next."""
    command = _command()
    url = "" if running.url.endswith(":8680") else f" --url {running.url}"
    yield f"\n[bold]mistlocate demo[/]: a simulated campus, and the engine at [bold]{running.url}[/]"
    yield f"  its API is described at {running.url}/docs\n"
    yield "Try in another terminal:"
    yield f"  {command} locate alice@example.com{url}"
    yield f"  {command} exec MistWebsocket_1 maps{url}"
    yield f"  {command} exec MistLocations_1 search al{url}"
    yield "\n[dim]Ctrl-C ends it.[/]"


def _command() -> str:
    """How to call the command from another terminal in the same folder."""
    if shutil.which("mistlocate"):
        return "mistlocate"
    here = Path(sys.argv[0])
    return f"{_short(Path(sys.executable))} -m mistlocate" if here.name == "__main__.py" else _short(here)


def _short(path: Path) -> str:
    """A path as seen from the present folder, if it lies below it."""
    try:
        return str(path.absolute().relative_to(Path.cwd()))
    except ValueError:
        return str(path)
