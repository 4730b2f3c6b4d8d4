"""`mistlocate audit`: who asked for whom."""

import re
import time
from datetime import UTC, datetime
from typing import Annotated, Any

import typer

from mistlocate.cli.calls import Json, Key, System, Url
from mistlocate.cli.locating import LOCATIONS
from mistlocate.cli.output import err, escape, print_json, print_table, run, table
from mistlocate.client.engine_client import DEFAULT_URL, EngineClient

#: The most records that an engine answers at a time.
AT_MOST = 10_000

_SPAN = re.compile(r"(\d+(?:\.\d+)?)\s*([smhdw])")
_UNITS = {"s": 1.0, "m": 60.0, "h": 3600.0, "d": 86_400.0, "w": 604_800.0}


def register(app: typer.Typer) -> None:
    """Add the command of this file."""
    app.command("audit", help="Who asked for whom, the newest first (for administrators).")(audit)


def audit(
    since: Annotated[str, typer.Option("--since", help="How far back: 30m, 24h, 7d, or a date.")] = "24h",
    module: Annotated[str, typer.Option("--module", help="Whose records.")] = LOCATIONS,
    limit: Annotated[int, typer.Option("--limit", min=1, max=AT_MOST, help="At most so many, the newest.")] = 1000,
    system: System = None,
    url: Url = DEFAULT_URL,
    api_key: Key = None,
    json: Json = False,
) -> None:
    """Print the audit records; on standard error, whether there are more."""
    begin = moment(since, time.time())

    async def work() -> list[dict[str, Any]]:
        async with EngineClient(url, api_key) as engine:
            where = await engine.system_of(module, system)
            # One more than is shown tells whether there are more; a second question would leave a record of its own.
            asked = {"since": begin, "limit": min(limit + 1, AT_MOST)}
            return list(await engine.execute(where, module, "audit", asked))

    answer = run(work())
    found = answer[:limit]
    _print(found, json=json)
    if more := not_shown(len(answer), limit):
        err.print(f"[bold yellow]note:[/] {more}")


def not_shown(count: int, limit: int) -> str | None:
    """What to say of records that are not shown, where so many came and `limit` are."""
    if count > limit:
        wider = f"--limit {AT_MOST} shows up to so many, a later --since leaves fewer to show"
        return f"there are more: these are the newest {limit}; {wider}"
    if count == AT_MOST:
        rest = "older ones are in the store, table audit, of which `mistlocate backup` makes a copy"
        return f"there may be more: these are the newest {AT_MOST}, as many as can be asked for; {rest}"
    return None


def _print(found: list[dict[str, Any]], *, json: bool) -> None:
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
