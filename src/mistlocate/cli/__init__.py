"""The command `mistlocate`."""

import io
import os
import signal
import sys
from pathlib import Path

#: The exit code after Ctrl-C; here, because it may come before anything else is imported.
INTERRUPTED = 130


def main() -> None:
    """Run the command line. Ends in `SystemExit`, whatever happens."""
    _prepare()
    try:
        _run()
    except ModuleNotFoundError as error:
        raise SystemExit(
            f"the command needs more than the library: {error.name} is missing; pip install 'mistlocate[all]'"
        ) from None
    except KeyboardInterrupt:
        raise SystemExit(INTERRUPTED) from None


def _prepare() -> None:
    """What has to be so before anything else is imported, which takes a moment."""
    for name in ("stdout", "stderr"):
        if getattr(sys, name) is None:  # closed by whoever started this, or a program without a console on Windows
            setattr(sys, name, Path(os.devnull).open("w", encoding="utf-8"))  # noqa: SIM115 - as long as the process
    for stream in (sys.stdout, sys.stderr):
        # A name that the terminal cannot show is shown as its code; it is no reason to fail.
        if isinstance(stream, io.TextIOWrapper):
            stream.reconfigure(errors="backslashreplace")
    if sys.argv[1:2] == ["serve"] and hasattr(signal, "SIGHUP"):
        signal.signal(signal.SIGHUP, signal.SIG_IGN)  # the settings are not even read yet


def _run() -> None:
    from mistlocate.cli.app import app  # noqa: PLC0415 - an extra that may not be installed
    from mistlocate.cli.output import unexpected  # noqa: PLC0415

    try:
        app()
    except ModuleNotFoundError:
        raise
    except Exception as error:
        raise SystemExit(unexpected(error)) from None
