"""Run the campaigns: a table on the screen, a report as JSON, exit code 1 if a row does not hold.

PYTHONPATH=tests python -m reliability [--scale 0.1] [--only ID …] [--report build/reliability.json]
PYTHONPATH=tests python -m reliability --again                            what did not hold, once more, of this version only
PYTHONPATH=tests python -m reliability --document docs/reliability.md     the table of the last report into a page
"""

import argparse
import asyncio
import logging
import os
import sys
import tempfile
import time
from collections.abc import Awaitable
from pathlib import Path
from typing import Any

import orjson
import structlog
from rich.console import Console
from rich.table import Table

from reliability.campaigns import ROWS
from reliability.document import write
from reliability.report import CannotMerge, Report, made, merged, to_add_to, told
from reliability.rows import Measured, Row, Trial

#: So many rows at a time, of those that say nothing of speed.
SIDE_BY_SIDE = 2


async def measure(row: Row, scale: float) -> dict[str, Any]:
    """One row, as it stands in the report."""
    began = time.perf_counter()
    with tempfile.TemporaryDirectory(prefix="mistlocate-reliability-") as folder:
        try:
            found = await row.run(Trial(scale, Path(folder)))
        except Exception as error:
            found = Measured(False, f"{type(error).__name__}: {error}"[:200])
    return told(row, found, time.perf_counter() - began)


async def campaign(rows: list[Row], scale: float, console: Console) -> list[dict[str, Any]]:
    """Every row: those that say nothing of speed a few at a time, each in a process of its own; the others alone."""
    results: dict[str, dict[str, Any]] = {}

    async def done(row: Row, measuring: Awaitable[dict[str, Any]]) -> None:
        result = results[row.id] = await measuring
        holds = "holds" if result["holds"] else "DOES NOT HOLD"
        console.print(f"{row.id}: {holds}: {result['value']} ({result['seconds']} s)", highlight=False)

    waiting = [row for row in rows if not row.alone][::-1] if len(rows) > 1 else []

    async def work() -> None:
        while waiting:
            row = waiting.pop()
            await done(row, measure_apart(row, scale))

    await asyncio.gather(*(work() for _ in range(SIDE_BY_SIDE)))
    for row in rows:
        if row.id not in results:
            console.print(f"… {row.id}: {row.claim}", style="dim")
            await done(row, measure(row, scale))
    return [results[row.id] for row in rows]


async def measure_apart(row: Row, scale: float) -> dict[str, Any]:
    """The same as `measure`, in a process of its own."""
    with tempfile.TemporaryDirectory(prefix="mistlocate-reliability-") as folder:
        report = Path(folder) / "report.json"
        process = await asyncio.create_subprocess_exec(
            sys.executable, "-m", "reliability", "--scale", str(scale), "--only", row.id, "--report", str(report),
            stdout=asyncio.subprocess.DEVNULL,
        )  # fmt: skip
        code = await process.wait()
        if report.exists():
            result: dict[str, Any] = orjson.loads(report.read_bytes())["rows"][0]
            return result
    return told(row, Measured(False, f"the process of the row ended with {code}"), 0.0)


def table(results: list[dict[str, Any]]) -> Table:
    """The results for a person."""
    drawn = Table("area", "claim", "limit", "measured", "holds", "s")
    for each in results:
        holds = "yes" if each["holds"] else "[red]no[/]"
        drawn.add_row(each["area"], each["claim"], each["limit"], each["value"], holds, str(each["seconds"]))
    return drawn


def main() -> int:
    """Returns the exit code: 0 all hold, 1 one does not, 2 the report that there is cannot be added to."""
    parser = argparse.ArgumentParser(prog="reliability")
    parser.add_argument("--scale", type=float, default=float(os.environ.get("SCALE") or 1.0))
    parser.add_argument("--only", nargs="*", metavar="ID", choices=[row.id for row in ROWS])
    parser.add_argument("--report", type=Path, default=Path("build/reliability.json"))
    parser.add_argument("--again", action="store_true", help="only what does not hold in the report, into its place")
    parser.add_argument("--document", type=Path, metavar="PAGE", help="write the table of the report; run nothing")
    options = parser.parse_args()
    if options.document is not None:
        write(orjson.loads(options.report.read_bytes()), options.document)
        return 0
    structlog.configure(wrapper_class=structlog.make_filtering_bound_logger(logging.CRITICAL))
    console = Console()
    wanted = [row for row in ROWS if not options.only or row.id in options.only]
    before: Report | None = None
    if options.again:
        try:
            before = to_add_to(options.report)
        except CannotMerge as error:
            console.print(str(error), style="red", markup=False)
            return 2
        held = {each["id"] for each in before["rows"] if each["holds"]}
        wanted = [row for row in wanted if row.id not in held]
    scale = options.scale if before is None else before["scale"]
    began = time.perf_counter()
    rows = asyncio.run(campaign(wanted, scale, console))
    seconds = time.perf_counter() - began
    report = made(rows, scale, seconds) if before is None else merged(before, rows, [row.id for row in ROWS], seconds)
    options.report.parent.mkdir(parents=True, exist_ok=True)
    options.report.write_bytes(orjson.dumps(report, option=orjson.OPT_INDENT_2))
    console.print(table(report["rows"]))
    return 0 if report["rows"] and all(each["holds"] for each in report["rows"]) else 1


if __name__ == "__main__":
    sys.exit(main())
