"""`mistlocate audit`: who asked for whom."""

import re
import time
from datetime import UTC, datetime
from typing import Annotated, Any

import typer

from mistlocate.cli.calls import Json, Key, System, Url
from mistlocate.cli.locating import LOCATIONS
from mistlocate.cli.output import escape, print_json, print_table, run, table
from mistlocate.client.engine_client import DEFAULT_URL, EngineClient

_SPAN = re.compile(r"(\d+(?:\.\d+)?)\s*([smhdw])")
_UNITS = {"s": 1.0, "m": 60.0, "h": 3600.0, "d": 86_400.0, "w": 604_800.0}


def register(app: typer.Typer) -> None:
    """Add the command of this file."""
    app.command("audit", help="Who asked for whom, the newest first (for administrators).")(audit)


def audit(
    since: Annotated[str, typer.Option("--since", help="How far back: 30m, 24h, 7d, or a date.")] = "24h",
    module: Annotated[str, typer.Option("--module", help="Whose records.")] = LOCATIONS,
    limit: Annotated[int, typer.Option("--limit", min=1, max=10_000, help="At most so many.")] = 1000,
    system: System = None,
    url: Url = DEFAULT_URL,
    api_key: Key = None,
    json: Json = False,
) -> None:
    """Print the audit records."""
    begin = moment(since, time.time())

    async def work() -> list[dict[str, Any]]:
        async with EngineClient(url, api_key) as engine:
            where = await engine.system_of(module, system)
            return list(await engine.execute(where, module, "audit", {"since": begin, "limit": limit}))

    found = run(work())
    if json:
        print_json(found)
        return
    rows = table("when", "who", "asked", "for", "result")
    for each in found:
        when = datetime.fromtimestamp(each["at"]).astimezone().strftime("%Y-%m-%d %H:%M:%S")
        rows.add_row(*(escape(str(text)) for text in (when, *(each[key] for key in _COLUMNS))))
    print_table(rows)


_COLUMNS = ("asker", "command", "about", "result")


def moment(text: str, now: float) -> float:
    """`24h`, `7d`, `2026-11-01` or `2026-11-01T08:00+01:00` as unix time; without an offset it is this machine's time.

    Raises `typer.BadParameter`.
    """
    span = _SPAN.fullmatch(text.strip().lower())
    if span:
        return now - float(span[1]) * _UNITS[span[2]]
    try:
        return datetime.fromisoformat(text.strip()).astimezone(UTC).timestamp()
    except (ValueError, OverflowError, OSError):
        raise typer.BadParameter(
            "expected a span (30m, 24h, 7d) or a date (2026-11-01)", param_hint="--since"
        ) from None
