"""The commands that run until they are ended: the demo, an engine, a simulated cloud."""

import asyncio
import math
import signal
from collections.abc import AsyncIterator, Callable, Coroutine
from contextlib import asynccontextmanager, closing, suppress
from pathlib import Path
from typing import Annotated, Any

import structlog
import typer

from mistlocate import jsontext
from mistlocate.cli.calls import Json
from mistlocate.cli.output import err, escape, out, reported, run
from mistlocate.engines import collector
from mistlocate.engines.embedded import logs
from mistlocate.engines.embedded.config import load_file, unreadable_files
from mistlocate.engines.embedded.engine import Engine
from mistlocate.engines.embedded.exposure import exposed_files
from mistlocate.engines.embedded.server import listening, serving
from mistlocate.errors import EngineError, SettingsError

_log = structlog.get_logger("mistlocate.serve")


def register(app: typer.Typer) -> None:
    """Add the commands of this file."""
    app.command("demo", help="A simulated Mist cloud and the engine on this machine, to try everything.")(demo)
    app.command("serve", help="Run the engine with a settings file.")(serve)
    app.command("simulate", help="Run a simulated Mist cloud alone, for other programs to connect to.")(simulate)


@asynccontextmanager
async def until_ended(on_hangup: Callable[[], None] | None = None) -> AsyncIterator[asyncio.Event]:
    """An event that is set when the program is asked to end: Ctrl-C, SIGTERM, and a closed terminal (SIGHUP), unless
    that is for `on_hangup`."""
    ended = asyncio.Event()
    loop = asyncio.get_running_loop()
    handlers: dict[int, Callable[[], None]] = {signal.SIGINT: ended.set, signal.SIGTERM: ended.set}
    if hasattr(signal, "SIGHUP"):
        handlers[signal.SIGHUP] = on_hangup or ended.set
    with suppress(NotImplementedError):  # Windows: Ctrl-C arrives as KeyboardInterrupt
        for number, handler in handlers.items():
            loop.add_signal_handler(number, handler)
    try:
        yield ended
    finally:
        with suppress(NotImplementedError):
            for number in handlers:
                loop.remove_signal_handler(number)


async def _until(ended: asyncio.Event, work: Coroutine[Any, Any, None]) -> None:
    """Run something until the program is asked to end, also while it is still starting."""
    task, asked = asyncio.create_task(work), asyncio.create_task(ended.wait())
    await asyncio.wait({task, asked}, return_when=asyncio.FIRST_COMPLETED)
    asked.cancel()
    task.cancel()
    with suppress(asyncio.CancelledError):
        await task


def _finite(number: float | None) -> float | None:
    if number is not None and not math.isfinite(number):
        raise typer.BadParameter("expected a number")
    return number


def demo(
    port: Annotated[int, typer.Option("--port", min=0, max=65535, help="Port of the engine; 0: any.")] = 8680,
    people: Annotated[int, typer.Option("--people", min=1, max=20_000, help="People on the campus.")] = 60,
    floors: Annotated[int, typer.Option("--floors", min=1, max=200, help="Floors, spread over buildings.")] = 3,
    verbose: Annotated[bool, typer.Option("--verbose", help="Write the engine's log.")] = False,
) -> None:
    """A simulated Mist cloud and the engine on this machine, connected over real HTTP and a real WebSocket."""
    from mistlocate.demo import Demo, banner  # noqa: PLC0415 - the simulator is an extra of its own

    logs.configure("info" if verbose else "error", "text")

    async def show() -> None:
        async with made.running() as running:
            for line in banner(running):
                out.print(line)
            try:
                await asyncio.Event().wait()
            finally:
                out.print("[dim]ending …[/]")

    async def work() -> None:
        async with until_ended() as ended:
            await _until(ended, show())

    with reported():
        made = Demo(port, people, floors)
    run(work())


def serve(settings: Annotated[Path, typer.Argument(readable=False, help="The settings file.")]) -> None:
    """Run the engine. SIGHUP reads the settings file again; Ctrl-C or SIGTERM ends it."""

    async def work() -> None:
        reread = asyncio.Event()
        async with until_ended(reread.set) as ended:
            loaded = load_file(settings)
            logs.configure(loaded.config.log_level, loaded.config.log_format)
            # The port first: an engine that cannot have it asks nothing of the cloud.
            with closing(listening(*loaded.address)) as listener:
                engine = Engine(loaded)
                async with engine, serving(engine, *loaded.address, listener) as url:
                    err.print(f"mistlocate answers at [bold]{escape(url)}[/]")
                    for problem in [*unreadable_files(loaded), *exposed_files(loaded)]:
                        err.print(f"[bold yellow]warning:[/] {escape(str(problem))}")
                    collector.settle(sends_large=True)
                    reloader = asyncio.create_task(_reload(engine, settings, reread))
                    await ended.wait()
                    reloader.cancel()

    run(work())


async def _reload(engine: Engine, settings: Path, wanted: asyncio.Event) -> None:
    """Read the settings whenever that is wanted. Nothing that may be wrong with them ends this."""
    while True:
        await wanted.wait()
        wanted.clear()
        try:
            loaded = load_file(settings)
            await engine.reload(loaded)
        except SettingsError as error:
            _log.error("the settings are not taken, those before stay", problems=[str(each) for each in error.problems])
        except Exception as error:
            _log.error("the settings are not taken", problem=f"{type(error).__name__}: {error}")
        else:
            _log.info("settings read again", problems=[str(each) for each in unreadable_files(loaded)])


def simulate(
    port: Annotated[int, typer.Option("--port", min=0, max=65535, help="Port to listen on; 0: any.")] = 8690,
    clients: Annotated[
        int | None, typer.Option("--clients", min=1, max=200_000, help="Devices on the main site.")
    ] = None,
    maps: Annotated[int | None, typer.Option("--maps", min=1, max=2_000, help="Maps of the main site.")] = None,
    rate: Annotated[
        float | None,
        typer.Option(
            "--rate",
            min=0.001,
            max=20_000,
            callback=_finite,
            help="Updates a second instead of the natural rhythm.",
        ),
    ] = None,
    seed: Annotated[int, typer.Option("--seed", help="Another seed, another campus.")] = 1,
    speed: Annotated[
        float,
        typer.Option("--speed", min=0.01, max=10_000, callback=_finite, help="How much faster than real time it runs."),
    ] = 1.0,
    json: Json = False,
) -> None:
    """Run a simulated Mist cloud alone."""
    from mistlocate.simulator import Campus, SimClock, SimulatedCloud, SimulatorError, World  # noqa: PLC0415 - an extra

    async def serve_cloud() -> None:
        try:
            async with SimulatedCloud(world, port=port, clock=SimClock(speed)) as cloud:
                _print_cloud(cloud.url, cloud.stream_url, cloud.site_id, cloud.token, as_json=json)
                await asyncio.Event().wait()
        except SimulatorError as error:
            raise EngineError(str(error), hint="choose another with --port") from None

    async def work() -> None:
        async with until_ended() as ended:
            await _until(ended, serve_cloud())

    with reported():  # made before a loop takes the signals: a large campus takes its time
        world = World(Campus(seed=seed, clients=clients, maps=maps, rate=rate))
    run(work())


def _print_cloud(url: str, stream_url: str, site_id: str, token: str, *, as_json: bool) -> None:
    if as_json:
        cloud = {"url": url, "stream_url": stream_url, "site_id": site_id, "api_token": token}
        typer.echo(jsontext.dumps(cloud).decode())
        return
    out.print(f"A simulated Mist cloud answers at [bold]{url}[/]")
    out.print(f"  stream     {stream_url}")
    out.print(f"  site_id    {site_id}")
    out.print(f"  api_token  {token}")
    out.print(f"  try        mistlocate init --portal {url} --site {site_id} --token {token}")
    out.print(f"  truth      {url}/simulator/truth")
