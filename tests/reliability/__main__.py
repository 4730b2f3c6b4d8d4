"""Run the campaigns: a table on the screen, a report as JSON, exit code 1 if a row does not hold.

PYTHONPATH=tests python -m reliability [--scale 0.1] [--only ID …] [--report build/reliability.json]
PYTHONPATH=tests python -m reliability --document docs/reliability.md     the table of the last report into a page
"""

import argparse
import asyncio
import logging
import os
import platform
import sys
import tempfile
import time
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import orjson
import structlog
from rich.console import Console
from rich.table import Table

from reliability.campaigns import ROWS
from reliability.document import write
from reliability.rows import Measured, Row, Trial


async def measure(row: Row, scale: float) -> dict[str, Any]:
    """One row, as it stands in the report."""
    began = time.perf_counter()
    with tempfile.TemporaryDirectory(prefix="mistlocate-reliability-") as folder:
        try:
            found = await row.run(Trial(scale, Path(folder)))
        except Exception as error:
            found = Measured(False, f"{type(error).__name__}: {error}"[:200])
    return {
        "id": row.id, "area": row.area, "claim": row.claim, "limit": row.limit, "holds": found.holds,
        "value": found.value, "figures": found.figures, "seconds": round(time.perf_counter() - began, 1),
    }  # fmt: skip


async def campaign(rows: list[Row], scale: float, console: Console) -> list[dict[str, Any]]:
    """Every row, one after the other."""
    results = []
    for row in rows:
        console.print(f"… {row.id}: {row.claim}", style="dim")
        results.append(result := await measure(row, scale))
        console.print(f"{'holds' if result['holds'] else 'DOES NOT HOLD'}: {result['value']} ({result['seconds']} s)")
    return results


def table(results: list[dict[str, Any]]) -> Table:
    """The results for a person."""
    drawn = Table("area", "claim", "limit", "measured", "holds", "s")
    for each in results:
        holds = "yes" if each["holds"] else "[red]no[/]"
        drawn.add_row(each["area"], each["claim"], each["limit"], each["value"], holds, str(each["seconds"]))
    return drawn


def main() -> int:
    """Returns the exit code."""
    parser = argparse.ArgumentParser(prog="reliability")
    parser.add_argument("--scale", type=float, default=float(os.environ.get("SCALE") or 1.0))
    parser.add_argument("--only", nargs="*", metavar="ID", choices=[row.id for row in ROWS])
    parser.add_argument("--report", type=Path, default=Path("build/reliability.json"))
    parser.add_argument("--document", type=Path, metavar="PAGE", help="write the table of the report; run nothing")
    options = parser.parse_args()
    if options.document is not None:
        write(orjson.loads(options.report.read_bytes()), options.document)
        return 0
    structlog.configure(wrapper_class=structlog.make_filtering_bound_logger(logging.CRITICAL))
    console = Console()
    rows = [row for row in ROWS if not options.only or row.id in options.only]
    results = asyncio.run(campaign(rows, options.scale, console))
    options.report.parent.mkdir(parents=True, exist_ok=True)
    report = {
        "date": datetime.now(UTC).isoformat(timespec="seconds"), "scale": options.scale,
        "machine": f"{os.cpu_count()} processors, {platform.system()} {platform.machine()}, Python {platform.python_version()}",
        "rows": results,
    }  # fmt: skip
    options.report.write_bytes(orjson.dumps(report, option=orjson.OPT_INDENT_2))
    console.print(table(results))
    return 0 if results and all(each["holds"] for each in results) else 1


if __name__ == "__main__":
    sys.exit(main())
