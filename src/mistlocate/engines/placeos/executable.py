"""The executables that PlaceOS core runs: one for each driver, with the options of PlaceOS' own.

Core asks for `-h` at every load of a module to find out whether the file works, and a build service for `-d` and `-m`:
these import as little as they can. Nothing but the document goes to standard output.
"""

import argparse
import gc
import os
import sys
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Any

from mistlocate import __version__

if TYPE_CHECKING:
    from mistlocate.driver.base import Driver


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
        from mistlocate.engines.placeos.serving import serve  # noqa: PLC0415

        return serve(load, (options.socket or "").strip() or None)
    if options.defaults or options.metadata:
        gc.disable()  # nothing imported now is garbage before the end: to look for some takes a twentieth longer
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
