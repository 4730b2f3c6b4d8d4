"""What the command line prints, and how it ends.

Results go to standard output, everything else to standard error. The exit codes:

0 done · 1 failed, or a check found a problem · 2 wrong usage · 3 no engine answers · 4 nobody or nothing found ·
5 not allowed · 6 settings cannot be used · 7 the cloud refuses or cannot be reached · 130 interrupted
"""

import asyncio
from collections.abc import Coroutine, Iterator
from contextlib import contextmanager
from enum import IntEnum
from typing import Any, TypeVar

import typer
from rich.console import Console
from rich.markup import escape
from rich.table import Table

from mistlocate import jsontext
from mistlocate.errors import (
    BadArguments,
    CloudError,
    EngineError,
    EngineUnreachable,
    MistlocateError,
    SettingsError,
    TransportError,
)

out = Console(highlight=False, soft_wrap=True)
err = Console(stderr=True, highlight=False, soft_wrap=True)

Answer = TypeVar("Answer")


class Exit(IntEnum):
    """Exit codes."""

    DONE = 0
    FAILED = 1
    USAGE = 2
    UNREACHABLE = 3
    NOT_FOUND = 4
    NOT_ALLOWED = 5
    SETTINGS = 6
    CLOUD = 7
    INTERRUPTED = 130


def code_of(error: MistlocateError) -> Exit:
    """The exit code of an error."""
    match error:
        case EngineUnreachable():
            return Exit.UNREACHABLE
        case EngineError(status=404):
            return Exit.NOT_FOUND
        case EngineError(status=401 | 403):
            return Exit.NOT_ALLOWED
        case EngineError(status=400) | BadArguments():
            return Exit.USAGE
        case SettingsError():
            return Exit.SETTINGS
        case CloudError() | TransportError():
            return Exit.CLOUD
    return Exit.FAILED


@contextmanager
def reported() -> Iterator[None]:
    """Turn errors into a message that says what to do, and an exit code."""
    try:
        yield
    except SettingsError as error:
        err.print("[bold red]these settings cannot be used:[/]")
        for problem in error.problems:
            place = f"[bold]{escape(problem.path)}[/]: " if problem.path else ""
            hint = f" [dim]({escape(problem.hint)})[/]" if problem.hint else ""
            err.print(f"  {place}{escape(problem.message)}{hint}")
        raise typer.Exit(Exit.SETTINGS) from None
    except MistlocateError as error:
        err.print(f"[bold red]error:[/] {escape(error.message)}")
        if error.hint:
            err.print(f"  [dim]{escape(error.hint)}[/]")
        raise typer.Exit(code_of(error)) from None
    except KeyboardInterrupt:
        raise typer.Exit(Exit.INTERRUPTED) from None
    except BrokenPipeError:
        raise typer.Exit(Exit.DONE) from None


def run(work: Coroutine[Any, Any, Answer]) -> Answer:
    """Run a coroutine and report its errors."""
    with reported():
        return asyncio.run(work)


def print_json(value: Any) -> None:
    """A value as indented JSON, for programs and people alike."""
    typer.echo(jsontext.pretty(value))


def table(*head: str) -> Table:
    """An empty table in the house's style."""
    made = Table(box=None, pad_edge=False, header_style="dim")
    for title in head:
        made.add_column(title, overflow="fold")
    return made


def duration(seconds: float) -> str:
    """A length of time as people say it."""
    if seconds < 90:
        return f"{max(0, round(seconds))} s"
    if seconds < 5400:
        return f"{round(seconds / 60)} min"
    return f"{seconds / 3600:.1f} h"
