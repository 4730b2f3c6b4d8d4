"""Try every mutant: a table on the screen, a report as JSON, exit code 1 if one survives.

PYTHONPATH=tests python -m mutants [--topic NAME …] [--file PART] [--rule PART] [--again REPORT] [--workers 2] [--report FILE]
"""

import argparse
import asyncio
import sys
import tempfile
import time
from dataclasses import replace
from pathlib import Path

import orjson
from rich.console import Console
from rich.markup import escape
from rich.table import Table

from mutants.bench import Copy, Verdict
from mutants.catalogue import missing_tests, mutated, source, topics, whole_tests
from mutants.mutant import Mutant

#: Seconds that the tests of one mutant may take, and seconds for all tests on the sound tree.
LIMIT, BASELINE_LIMIT = 120.0, 1800.0


def chosen(options: argparse.Namespace) -> list[Mutant]:
    """The mutants that are asked for."""
    wanted = [
        each for name, listed in topics().items() if not options.topic or name in options.topic for each in listed
    ]
    wanted = [each for each in wanted if options.file in each.file and options.rule in each.rule]
    if options.again is None:
        return wanted
    rows = orjson.loads(options.again.read_bytes())
    caught = {
        (row["rule"], row["file"])
        for row in rows
        if row["verdict"] == "caught" or (row["verdict"] == "hung" and row.get("alone"))
    }
    return [each for each in wanted if (each.rule, each.file) not in caught]


def misfits(mutants: list[Mutant]) -> list[str]:
    """What is wrong with the list itself: texts that stand there no longer, tests that do not exist."""
    wrong = []
    for mutant in mutants:
        try:
            mutated(mutant, source(mutant).read_text("utf-8"))
        except (OSError, SyntaxError, ValueError) as error:
            wrong.append(f"{mutant.rule}: {error}")
        wrong += [f"{mutant.rule}: no such test: {test}" for test in missing_tests(mutant)]
    return wrong


async def baseline(copies: list[Copy], mutants: list[Mutant]) -> str | None:
    """All tests on the sound tree: what fails there can catch nothing. Returns what failed."""
    tests = list(dict.fromkeys(test for mutant in mutants for test in whole_tests(mutant)))
    share = [tests[start :: len(copies)] for start in range(len(copies))]
    runs = await asyncio.gather(
        *(copy.tests(part, BASELINE_LIMIT) for copy, part in zip(copies, share, strict=True) if part)
    )
    return next((text for code, text in runs if code != 0), None)


async def trial(mutants: list[Mutant], workers: int, console: Console) -> list[tuple[Mutant, Verdict]] | None:
    """Every mutant in one of the copies; None if the sound tree fails already."""
    with tempfile.TemporaryDirectory(prefix="mistlocate-mutants-") as folder:
        copies = [Copy(Path(folder).resolve() / str(number)) for number in range(workers)]
        for copy in copies:
            await copy.check()
        if (failed := await baseline(copies, mutants)) is not None:
            console.print(f"the tests fail without any mutant:\n{failed[-3000:]}", style="red", markup=False)
            return None
        waiting = list(enumerate(mutants))[::-1]
        results: dict[int, Verdict] = {}

        async def work(copy: Copy) -> None:
            while waiting:
                number, mutant = waiting.pop()
                verdict = results[number] = await copy.verdict(mutant, LIMIT)
                style = "dim" if verdict.good else "red"
                told = f"{len(results)}/{len(mutants)} {verdict.kind}: {mutant.rule} ({verdict.by})"
                console.print(told, style=style, markup=False, highlight=False)

        await asyncio.gather(*(work(copy) for copy in copies))
        for number, first in results.items():
            if first.kind == "hung":
                verdict = results[number] = replace(await copies[0].verdict(mutants[number], LIMIT), alone=True)
                told = f"once more, alone: {verdict.kind}: {mutants[number].rule} ({verdict.by})"
                console.print(told, style="dim" if verdict.good else "red", markup=False, highlight=False)
        return [(mutant, results[number]) for number, mutant in enumerate(mutants)]


def summary(results: list[tuple[Mutant, Verdict]]) -> str:
    """How many were caught, and how many of those only because the tests never came to an end."""
    caught = sum(verdict.good for _, verdict in results)
    hung = sum(verdict.good and verdict.kind == "hung" for _, verdict in results)
    return f"{caught} of {len(results)} mutants caught, {hung} of them by tests that hung twice, the second time alone"


def table(results: list[tuple[Mutant, Verdict]]) -> Table:
    """The results for a person."""
    drawn = Table("rule", "file", "verdict", "by", "s")
    for mutant, verdict in results:
        kind = verdict.kind if verdict.good else f"[red]{verdict.kind}[/]"
        drawn.add_row(escape(mutant.rule), mutant.file, kind, escape(verdict.by), f"{verdict.seconds:.1f}")
    return drawn


def main() -> int:
    """Returns the exit code: 0 all caught, 1 one survived, 2 the list or the sound tree is at fault."""
    parser = argparse.ArgumentParser(prog="mutants")
    parser.add_argument("--topic", nargs="*", choices=list(topics()))
    parser.add_argument("--file", default="", help="only files whose path contains this")
    parser.add_argument("--rule", default="", help="only rules that contain this")
    parser.add_argument("--again", type=Path, metavar="REPORT", help="only what an earlier report does not call caught")
    parser.add_argument("--workers", type=int, default=2)
    parser.add_argument("--report", type=Path, default=Path("build/mutants.json"))
    options = parser.parse_args()
    console = Console() if sys.stdout.isatty() else Console(width=180)
    mutants = chosen(options)
    if wrong := misfits(mutants) or ([] if mutants else ["no mutant is called that"]):
        console.print("\n".join(wrong), style="red", markup=False)
        return 2
    began = time.perf_counter()
    results = asyncio.run(trial(mutants, max(1, options.workers), console))
    if results is None:
        return 2
    console.print(table(results))
    caught = sum(verdict.good for _, verdict in results)
    console.print(f"{summary(results)}; {time.perf_counter() - began:.0f} s")
    options.report.parent.mkdir(parents=True, exist_ok=True)
    rows = [
        {"rule": mutant.rule, "file": mutant.file, "old": mutant.old, "new": mutant.new, "verdict": verdict.kind,
         "by": verdict.by, "seconds": round(verdict.seconds, 1), "alone": verdict.alone}
        for mutant, verdict in results
    ]  # fmt: skip
    options.report.write_bytes(orjson.dumps(rows, option=orjson.OPT_INDENT_2))
    return 0 if caught == len(results) else 1


if __name__ == "__main__":
    sys.exit(main())
