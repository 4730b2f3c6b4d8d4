"""Run the benchmarks: a table on the screen, everything as JSON, exit code 1 if a row is not reached.

PYTHONPATH=tests python -m benchmarks [NAME …] [--runs 3] [--report build/benchmarks.json] [--again] [--write-docs]
"""

import argparse
import asyncio
import sys
import time
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import orjson

from benchmarks import answers, api, growth, ingest, machine, memory, merge, modules, placeos, report, starts
from benchmarks.rows import Benchmark, Measured, result

#: In this order they stand in the table.
ALL: tuple[Benchmark, ...] = tuple(
    each.BENCHMARK for each in (ingest, growth, placeos, answers, api, memory, starts, merge, modules)
)

DOCUMENT = Path("docs/performance.md")
PICTURES = Path("docs/images/performance")


async def measure(benchmark: Benchmark, runs: int) -> list[dict[str, Any]]:
    """The rows of one benchmark; whatever goes wrong is a fault of all of them."""
    print(f"… {benchmark.name}", flush=True)
    before, began = machine.load(), time.monotonic()
    try:
        found = await benchmark.run(runs)
    except Exception as error:
        found = {row.id: Measured(faults=[f"{type(error).__name__}: {error}"[:300]]) for row in benchmark.rows}
    when = {"date": datetime.now(UTC).date().isoformat(), "load_before": before, "load_after": machine.load()}
    results = [result(row, found[row.id]) | when | {"runs": runs, "attempt": 1} for row in benchmark.rows]
    for each in results:
        show(each)
    print(f"  ({time.monotonic() - began:.0f} s, load {when['load_after']})", flush=True)
    return results


def show(row: dict[str, Any]) -> None:
    """A row on the screen."""
    print(f"{'reached' if row['reached'] else 'NOT REACHED'}: {row['what']}")
    for figure in row["figures"]:
        limit = f"   {figure['limit']}" + ("" if figure["reached"] else "   NOT REACHED") if figure["limit"] else ""
        spread = f"   ({figure['spread']})" if figure["spread"] else ""
        print(f"    {figure['text']:<64} {figure['shown']:>14}{limit}{spread}")
    for fault in row["faults"]:
        print(f"    FAULT: {fault}")
    for note in row["notes"]:
        print(f"    {note}")


async def run(chosen: list[Benchmark], runs: int) -> dict[str, Any]:
    """All of them, one after the other."""
    rows = [row for benchmark in chosen for row in await measure(benchmark, runs)]
    return {"machine": machine.describe(), "rows": rows}


def merged(before: list[dict[str, Any]], news: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """The rows of a report with those that were measured again in their places; each keeps when that was."""
    attempts = {row["id"]: row["attempt"] for row in before}
    again = {row["id"]: row | {"attempt": attempts.get(row["id"], 0) + 1} for row in news}
    return [again.pop(row["id"], row) for row in before] + list(again.values())


def main() -> int:
    """Measure, print, write, and say by the exit code whether everything was reached."""
    parser = argparse.ArgumentParser(prog="benchmarks", description=__doc__)
    names = [each.name for each in ALL]
    parser.add_argument(
        "names", nargs="*", metavar="NAME", help=f"which to run: {', '.join(names)}; all of them if none is named"
    )
    parser.add_argument("--runs", type=int, default=3, help="how often each figure is measured")
    parser.add_argument("--report", type=Path, default=Path("build/benchmarks.json"))
    parser.add_argument("--again", action="store_true", help="measure what the report has not reached, into its place")
    parser.add_argument("--write-docs", action="store_true", help=f"put the results into {DOCUMENT}")
    parser.add_argument("--few-runs", action="store_true", help="… even if they are of fewer runs than they should be")
    parser.add_argument("--from-report", action="store_true", help="measure nothing: take the results of --report")
    given = parser.parse_args()
    if unknown := set(given.names) - set(names):
        parser.error(f"no such benchmark: {', '.join(sorted(unknown))}; there are {', '.join(names)}")
    if not machine.supported():
        print("the benchmarks read /proc of Linux; this machine has none", file=sys.stderr)
        return 2
    if given.from_report:
        found = orjson.loads(given.report.read_bytes())
    else:
        earlier = orjson.loads(given.report.read_bytes()) if given.again else {"rows": []}
        if given.again and earlier["machine"] != machine.describe():
            parser.error(f"{given.report} is of another machine ({earlier['machine']}): measure all of it here")
        reached = {row["id"] for row in earlier["rows"] if row["reached"]}
        chosen = [each for each in ALL if not given.names or each.name in given.names]
        chosen = [each for each in chosen if not reached.issuperset(row.id for row in each.rows)]
        found = asyncio.run(run(chosen, given.runs))
        found["rows"] = merged(earlier["rows"], found["rows"])
        given.report.parent.mkdir(parents=True, exist_ok=True)
        given.report.write_bytes(orjson.dumps(found, option=orjson.OPT_INDENT_2))
    if given.write_docs:
        if (few := report.too_few(found)) and not given.few_runs:
            print(f"{DOCUMENT} is left as it is, for fewer than {report.RUNS_AT_LEAST} runs (--few-runs writes it):")
            print(", ".join(few))
            return 2
        report.write(found, DOCUMENT, PICTURES)
    missed = [row["id"] for row in found["rows"] if not row["reached"]]
    print(f"not reached: {', '.join(missed)}" if missed else "every row is reached")
    return 1 if missed else 0


if __name__ == "__main__":
    sys.exit(main())
