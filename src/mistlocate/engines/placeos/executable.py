"""The executables that PlaceOS core runs: one for each driver, with the options of PlaceOS' own.

Core asks for `-h` at every load of a module to find out whether the file works, and a build service for `-d` and `-m`:
these import as little as they can. Nothing but the document goes to standard output.
"""

import argparse
import asyncio
import gc
import os
import signal
import sys
from collections.abc import Callable, Sequence
from contextlib import suppress
from traceback import format_exception
from typing import TYPE_CHECKING, Any

from mistlocate import __version__

if TYPE_CHECKING:
    from mistlocate.driver.base import Driver
    from mistlocate.engines.placeos.wire import Wire

#: A process that ends in trouble is started again by core at once: it waits a little first (seconds).
TROUBLE_PAUSE = 3.0


def mist_websocket() -> None:
    """The executable of MistWebsocket."""

    def load() -> "type[Driver[Any]]":
        from mistlocate.drivers.mist_websocket.driver import MistWebsocket  # noqa: PLC0415 - after the first byte

        return MistWebsocket

    sys.exit(main("mist-websocket-driver", load, sys.argv[1:]))


def mist_locations() -> None:
    """The executable of MistLocations."""

    def load() -> "type[Driver[Any]]":
        from mistlocate.drivers.mist_locations.driver import MistLocations  # noqa: PLC0415 - after the first byte

        return MistLocations

    sys.exit(main("mist-locations-driver", load, sys.argv[1:]))


def main(name: str, load: "Callable[[], type[Driver[Any]]]", argv: Sequence[str]) -> int:
    """Do what the options say; return the exit code."""
    # Looking for plugins of other packages reads the metadata of everything that is installed.
    os.environ.setdefault("PYDANTIC_DISABLE_PLUGINS", "__all__")
    options = _parser(name).parse_args(argv)
    if options.edge:
        print(f"{name}: -e is not supported: this driver needs a system and Redis", file=sys.stderr)  # noqa: T201
        return 2
    if options.process:
        return _serve(load, (options.socket or "").strip() or None)
    if options.defaults or options.metadata:
        gc.disable()  # nothing that is imported now is garbage before the end: to look for some takes a twentieth longer
        _print_documents(load(), defaults=options.defaults, metadata=options.metadata)
    return 0


def _parser(name: str) -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog=name,
        description=f"A driver for PlaceOS core, from mistlocate {__version__}. Core runs it with -p -s SOCKET.",
        allow_abbrev=False,
    )
    parser.add_argument("-d", "--defaults", action="store_true", help="print what a new module starts with, as JSON")
    parser.add_argument("-m", "--metadata", action="store_true", help="print commands, interfaces and levels, as JSON")
    parser.add_argument("-p", "--process", action="store_true", help="serve core")
    parser.add_argument("-s", "--socket", metavar="PATH", help="core's socket (default: standard input and error)")
    parser.add_argument("-e", "--edge", action="store_true", help="run on an edge node (not supported)")
    return parser


def _print_documents(driver_class: "type[Driver[Any]]", *, defaults: bool, metadata: bool) -> None:
    from mistlocate import jsontext  # noqa: PLC0415
    from mistlocate.engines.placeos.documents import defaults_document, metadata_document  # noqa: PLC0415

    document = defaults_document(driver_class) if defaults else {}
    if metadata:
        document = {**document, **metadata_document(driver_class)}
    sys.stdout.write(jsontext.dumps(document).decode() + "\n")
    sys.stdout.flush()


def _serve(load: "Callable[[], type[Driver[Any]]]", socket: str | None) -> int:
    """Connect, say so, and only then import what takes time."""
    try:
        return asyncio.run(_run_to_the_end(load, socket))
    except OSError as error:
        sys.stdout.write(f'{{"level":"FATAL","message":"cannot connect to core: {type(error).__name__}"}}\n')
        return 1
    except KeyboardInterrupt:
        return 0


async def _run_to_the_end(load: "Callable[[], type[Driver[Any]]]", socket: str | None) -> int:
    """Run, and end the process as soon as everything is written.

    The end of an event loop, and of the interpreter, is to wait for every thread. One that looks up a name cannot be
    stopped, and where no name server answers it takes longer than core waits.
    """
    code = await _run(load, socket)
    for stream in (sys.stdout, sys.stderr):
        if stream is not None:
            with suppress(OSError, ValueError):  # nobody reads it any more, or it is closed
                stream.flush()
    os._exit(code)


async def _run(load: "Callable[[], type[Driver[Any]]]", socket: str | None) -> int:
    from mistlocate.engines.placeos.wire import Wire, streams_problem  # noqa: PLC0415

    problem = streams_problem() if socket is None else None
    if problem is not None:
        sys.stdout.write(f'{{"level":"FATAL","message":"{problem}"}}\n')
        return 1
    wire = await (Wire.to_standard_streams() if socket is None else Wire.to_socket(socket))
    wire.ready()
    try:
        code = await _serve_core(load, wire)
    except Exception as error:  # mostly something that is imported only now is not there, or not whole
        import json  # noqa: PLC0415

        line = {"level": "FATAL", "message": "the driver cannot run", "exception": "".join(format_exception(error))}
        with suppress(OSError):
            print(json.dumps(line), flush=True)  # noqa: T201
        code = 1
    if code:
        await asyncio.sleep(TROUBLE_PAUSE)
    return code


async def _serve_core(load: "Callable[[], type[Driver[Any]]]", wire: "Wire") -> int:
    """Serve until core wants no more; return the exit code."""
    from mistlocate.clock import SystemClock  # noqa: PLC0415
    from mistlocate.engines import collector  # noqa: PLC0415
    from mistlocate.engines.placeos import logs  # noqa: PLC0415
    from mistlocate.engines.placeos.process import DriverProcess  # noqa: PLC0415
    from mistlocate.engines.placeos.redis_url import RedisAddress, read_redis_url  # noqa: PLC0415

    logs.configure()
    try:
        address = read_redis_url(os.environ.get("REDIS_URL"))
    except ValueError as error:
        sys.stdout.write(f'{{"level":"ERROR","message":"{error}; trying localhost:6379"}}\n')
        address = RedisAddress()
    process = DriverProcess(load(), wire, address, SystemClock())
    collector.settle()
    loop = asyncio.get_running_loop()
    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, process.stop)
    loop.add_signal_handler(signal.SIGUSR1, logs.toggle_everything)
    loop.add_signal_handler(signal.SIGUSR2, lambda: logs.write(process.report()))
    return await process.run()
