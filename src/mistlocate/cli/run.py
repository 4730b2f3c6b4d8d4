"""The commands that run until they are ended: the demo, an engine, a simulated cloud."""

import asyncio
import signal
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager, suppress
from pathlib import Path
from typing import Annotated

import structlog
import typer
from rich.markup import escape

from mistlocate import jsontext
from mistlocate.cli.calls import Json
from mistlocate.cli.output import err, out, run
from mistlocate.engines.embedded import logs
from mistlocate.engines.embedded.config import load_file
from mistlocate.engines.embedded.engine import Engine
from mistlocate.engines.embedded.server import serving
from mistlocate.errors import EngineError, SettingsError

_log = structlog.get_logger("mistlocate.serve")


def register(app: typer.Typer) -> None:
    """Add the commands of this file."""
    app.command("demo", help="A simulated Mist cloud and the engine on this machine, to try everything.")(demo)
    app.command("serve", help="Run the engine with a settings file.")(serve)
    app.command("simulate", help="Run a simulated Mist cloud alone, for other programs to connect to.")(simulate)


@asynccontextmanager
async def until_ended(on_hangup: Callable[[], None] | None = None) -> AsyncIterator[asyncio.Event]:
    """An event that is set when the program is asked to end (Ctrl-C, SIGTERM)."""
    ended = asyncio.Event()
    loop = asyncio.get_running_loop()
    handlers: dict[int, Callable[[], None]] = {signal.SIGINT: ended.set, signal.SIGTERM: ended.set}
    if on_hangup is not None and hasattr(signal, "SIGHUP"):
        handlers[signal.SIGHUP] = on_hangup
    with suppress(NotImplementedError):  # Windows: Ctrl-C arrives as KeyboardInterrupt
        for number, handler in handlers.items():
            loop.add_signal_handler(number, handler)
    try:
        yield ended
    finally:
        with suppress(NotImplementedError):
            for number in handlers:
                loop.remove_signal_handler(number)


def demo(
    port: Annotated[int, typer.Option("--port", help="Port of the engine.")] = 8680,
    people: Annotated[int, typer.Option("--people", min=1, max=20_000, help="People on the campus.")] = 60,
    floors: Annotated[int, typer.Option("--floors", min=1, max=200, help="Floors, spread over buildings.")] = 3,
    verbose: Annotated[bool, typer.Option("--verbose", help="Write the engine's log.")] = False,
) -> None:
    """A simulated Mist cloud and the engine on this machine, connected over real HTTP and a real WebSocket."""
    from mistlocate.demo import Demo, banner  # noqa: PLC0415 - the simulator is an extra of its own

    logs.configure("info" if verbose else "error", "text")

    async def work() -> None:
        async with until_ended() as ended, Demo(port, people, floors).running() as running:
            for line in banner(running):
                out.print(line)
            await ended.wait()
            out.print("[dim]ending …[/]")

    run(work())


def serve(settings: Annotated[Path, typer.Argument(help="The settings file.")]) -> None:
    """Run the engine. SIGHUP reads the settings file again; Ctrl-C or SIGTERM ends it."""

    async def work() -> None:
        loaded = load_file(settings)
        logs.configure(loaded.config.log_level, loaded.config.log_format)
        engine = Engine(loaded)
        reread = asyncio.Event()
        async with until_ended(reread.set) as ended, engine, serving(engine, *loaded.address) as url:
            err.print(f"mistlocate answers at [bold]{escape(url)}[/]")
            reloader = asyncio.create_task(_reload(engine, settings, reread))
            await ended.wait()
            reloader.cancel()

    run(work())


async def _reload(engine: Engine, settings: Path, wanted: asyncio.Event) -> None:
    while True:
        await wanted.wait()
        wanted.clear()
        try:
            loaded = load_file(settings)
        except SettingsError as error:
            _log.error("the settings are not taken, those before stay", problems=[str(each) for each in error.problems])
            continue
        await engine.reload(loaded)
        _log.info("settings read again")


def simulate(
    port: Annotated[int, typer.Option("--port", help="Port to listen on.")] = 8690,
    clients: Annotated[int | None, typer.Option("--clients", min=1, help="Devices on the main site.")] = None,
    maps: Annotated[int | None, typer.Option("--maps", min=1, help="Maps of the main site.")] = None,
    rate: Annotated[
        float | None, typer.Option("--rate", min=0.001, help="Updates a second instead of the natural rhythm.")
    ] = None,
    seed: Annotated[int, typer.Option("--seed", help="Another seed, another campus.")] = 1,
    speed: Annotated[float, typer.Option("--speed", min=0.01, help="How much faster than real time it runs.")] = 1.0,
    json: Json = False,
) -> None:
    """Run a simulated Mist cloud alone."""
    from mistlocate.simulator import Campus, SimClock, SimulatedCloud, SimulatorError  # noqa: PLC0415 - an extra

    async def work() -> None:
        campus = Campus(seed=seed, clients=clients, maps=maps, rate=rate)
        try:
            async with until_ended() as ended, SimulatedCloud(campus, port=port, clock=SimClock(speed)) as cloud:
                _print_cloud(cloud.url, cloud.stream_url, cloud.site_id, cloud.token, as_json=json)
                await ended.wait()
        except SimulatorError as error:
            raise EngineError(str(error), hint="choose another with --port") from None

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
