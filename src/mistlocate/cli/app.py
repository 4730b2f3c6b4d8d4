"""The commands, gathered."""

import typer

from mistlocate import __version__
from mistlocate.cli import auditing, calls, keeping, run, setup

app = typer.Typer(
    name="mistlocate",
    help="Finds people on Juniper Mist Wi-Fi.",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
    rich_markup_mode="rich",
    epilog="Exit codes: 0 done, 1 failed or problems found, 2 wrong usage, 3 no engine answers, 4 not found, "
    "5 not allowed, 6 settings cannot be used, 7 the cloud refuses or cannot be reached.",
)
run.register(app)
setup.register(app)
calls.register(app)
auditing.register(app)
keeping.register(app)


def _version(wanted: bool) -> None:
    if wanted:
        typer.echo(f"mistlocate {__version__}")
        raise typer.Exit


@app.callback()
def options(
    version: bool = typer.Option(False, "--version", callback=_version, is_eager=True, help="Print the version."),
) -> None:
    """Finds people on Juniper Mist Wi-Fi."""
