"""What the command line prints, and how it ends.

Results go to standard output, everything else to standard error. With `--json` an error is on both: as one JSON
object `{error, message, hint}` where the result would be, and in words on standard error. The exit codes:

0 done · 1 failed, or a check found a problem · 2 wrong usage · 3 no engine answers · 4 nobody or nothing found ·
5 not allowed · 6 settings cannot be used · 7 the cloud refuses or cannot be reached · 130 interrupted
"""

import asyncio
import os
import re
import sys
import traceback
from collections.abc import Coroutine, Iterator
from contextlib import contextmanager, suppress
from enum import IntEnum
from typing import Any, TypeVar

import typer
from rich import markup
from rich.console import Console
from rich.table import Table

from mistlocate import jsontext, yamltext
from mistlocate.errors import (
    BadArguments,
    CloudError,
    EngineError,
    EngineUnreachable,
    MistlocateError,
    SettingsError,
    TransportError,
)
from mistlocate.plaintext import visible, visible_json

#: Set to anything, an unexpected error shows where it came from.
DEBUG = "MISTLOCATE_DEBUG"

#: So many problems of settings are printed.
MOST_PROBLEMS = 50


class _Notices(Console):
    """Standard error. What cannot be written there, because the disk of the log is full, ends nothing."""

    def print(self, *objects: Any, **options: Any) -> None:
        """As of a console."""
        with suppress(OSError):
            super().print(*objects, **options)


# Who reads a pipe has no columns: a table there is as wide as what is in it.
out = Console(highlight=False, soft_wrap=True, width=None if sys.stdout.isatty() else 100_000)
err = _Notices(stderr=True, highlight=False, soft_wrap=True)

Answer = TypeVar("Answer")

_ABOVE_ASCII = re.compile(r"[^\x00-\x7f]")


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


class _Wanted:
    """Whether the present command was asked for JSON."""

    json = False


def want_json(context: typer.Context, wanted: bool) -> bool:
    """Let the errors of this command be printed as JSON, too (a callback of the option)."""

    def forget() -> None:
        _Wanted.json = False

    _Wanted.json = wanted
    context.call_on_close(forget)
    return wanted


def _print_error(kind: str, message: str, hint: str | None = None, **more: Any) -> None:
    """The error as JSON, if that is wanted."""
    if _Wanted.json:
        print_json({"error": kind, "message": message, "hint": hint, **more})


@contextmanager
def reported() -> Iterator[None]:
    """Turn errors into a message that says what to do, and an exit code."""
    try:
        yield
    except SettingsError as error:
        problems = [{"path": each.path, "message": each.message, "hint": each.hint} for each in error.problems]
        _print_error("SettingsError", f"{error.where}: these settings cannot be used", problems=problems)
        _print_problems(error)
        raise typer.Exit(Exit.SETTINGS) from None
    except MistlocateError as error:
        _print_error(type(error).__name__, error.message, error.hint)
        err.print(f"[bold red]error:[/] {escape(error.message)}")
        if error.hint:
            err.print(f"  [dim]{escape(error.hint)}[/]")
        raise typer.Exit(code_of(error)) from None
    except KeyboardInterrupt:
        raise typer.Exit(Exit.INTERRUPTED) from None
    except BrokenPipeError:
        raise typer.Exit(Exit.DONE) from None
    except (typer.Exit, typer.Abort, typer.BadParameter, ModuleNotFoundError):
        raise
    except Exception as error:
        raise typer.Exit(unexpected(error)) from None


def unexpected(error: Exception) -> Exit:
    """Say in one line that something is wrong with mistlocate itself; gives the exit code."""
    if os.environ.get(DEBUG):
        traceback.print_exception(error)
    hint = "" if os.environ.get(DEBUG) else f", with what {DEBUG}=1 adds to this"
    reason = " ".join(f"{type(error).__name__}: {error}".split())
    _print_error("Unexpected", reason, "please report it")
    err.print(f"[bold red]unexpected error:[/] {escape(reason)}; please report it{hint}")
    return Exit.FAILED


def escape(text: str) -> str:
    """A text of unknown origin for the terminal: neither markup nor control characters have an effect."""
    return markup.escape(visible(text))


def _print_problems(error: SettingsError) -> None:
    err.print(f"[bold red]{escape(error.where)}: these settings cannot be used:[/]")
    for problem in error.problems[:MOST_PROBLEMS]:
        place = f"[bold]{escape(problem.path)}[/]: " if problem.path else ""
        hint = f" [dim]({escape(problem.hint)})[/]" if problem.hint else ""
        err.print(f"  {place}{escape(problem.message)}{hint}")
    if len(error.problems) > MOST_PROBLEMS:
        err.print(f"  [dim]… and {len(error.problems) - MOST_PROBLEMS} more[/]")


def run(work: Coroutine[Any, Any, Answer]) -> Answer:
    """Run a coroutine and report its errors."""
    with reported():
        return asyncio.run(work)


def print_json(value: Any) -> None:
    """A value as indented JSON, for programs and people alike."""
    typer.echo(shown_json(jsontext.pretty(value)))


def shown_json(text: str) -> str:
    """The same JSON without raw control characters, and without what standard output cannot encode."""
    shown = visible_json(text)
    return shown if _can_be_printed(shown) else _ABOVE_ASCII.sub(_as_units, shown)


def shown_yaml(value: Any) -> str:
    """A value as YAML that standard output can encode."""
    shown = yamltext.dumps(value)
    return shown if _can_be_printed(shown) else yamltext.dumps(value, ascii_only=True)


def _can_be_printed(text: str) -> bool:
    try:
        text.encode(getattr(sys.stdout, "encoding", None) or "utf-8")
    except UnicodeEncodeError:
        return False
    return True


def _as_units(found: re.Match[str]) -> str:
    """A character as JSON escapes it: by its code units."""
    units = found.group().encode("utf-16-be", "surrogatepass").hex()
    return "".join(f"\\u{units[at : at + 4]}" for at in range(0, len(units), 4))


def table(*head: str) -> Table:
    """An empty table in the house's style."""
    made = Table(box=None, pad_edge=False, header_style="dim")
    for title in head:
        made.add_column(title, overflow="fold")
    return made


def print_table(rows: Table) -> None:
    """A table without the blanks that pad its last column."""
    with out.capture() as captured:
        out.print(rows)
    typer.echo("\n".join(line.rstrip() for line in captured.get().rstrip("\n").split("\n")))


def duration(seconds: float) -> str:
    """A length of time as people say it."""
    if seconds < 90:
        return f"{max(0, round(seconds))} s"
    if seconds < 5400:
        return f"{round(seconds / 60)} min"
    return f"{seconds / 3600:.1f} h"
