"""Which benchmarks are run."""

import sys
from pathlib import Path
from typing import Any

import orjson
import pytest

from benchmarks import __main__ as command
from benchmarks import machine
from benchmarks.rows import Benchmark, Measured, Row


@pytest.fixture
def chosen(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    names: list[str] = []

    async def run(given: list[Any], runs: int) -> dict[str, Any]:
        names.extend(each.name for each in given)
        return {"machine": machine.describe(), "rows": []}

    monkeypatch.setattr(command, "run", run)
    return names


def call(monkeypatch: pytest.MonkeyPatch, folder: Path, *names: str) -> int:
    monkeypatch.setattr(sys, "argv", ["benchmarks", *names, "--report", str(folder / "report.json")])
    return command.main()


def test_all_of_them_where_none_is_named(monkeypatch: pytest.MonkeyPatch, tmp_path: Path, chosen: list[str]) -> None:
    call(monkeypatch, tmp_path)
    assert chosen == [each.name for each in command.ALL]
    assert (tmp_path / "report.json").exists()


def test_those_that_are_named(monkeypatch: pytest.MonkeyPatch, tmp_path: Path, chosen: list[str]) -> None:
    call(monkeypatch, tmp_path, "ingest", "merge")
    assert chosen == ["ingest", "merge"]


def test_a_name_that_is_none_is_refused_with_those_there_are(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, chosen: list[str], capsys: pytest.CaptureFixture[str]
) -> None:
    with pytest.raises(SystemExit):
        call(monkeypatch, tmp_path, "speed")
    assert chosen == []
    assert "no such benchmark: speed; there are ingest" in capsys.readouterr().err


def row(identity: str, **more: Any) -> dict[str, Any]:
    """A row of a report as it is written."""
    when = {"date": "2026-01-01", "load_before": "0 0 0", "load_after": "0 0 0", "runs": 3, "attempt": 1}
    return {"id": identity, "reached": False, "figures": [], "faults": [], **when, **more}


def test_a_row_that_is_measured_again_says_so_and_the_others_stay_as_they_were() -> None:
    before = [row("one", reached=True), row("two"), row("three", attempt=2)]
    news = [row("two", date="2026-02-02", runs=1), row("three", date="2026-02-02"), row("four")]
    found = {each["id"]: each for each in command.merged(before, news)}
    assert list(found) == ["one", "two", "three", "four"]
    assert found["one"] == before[0]
    assert (found["two"]["attempt"], found["two"]["date"], found["two"]["runs"]) == (2, "2026-02-02", 1)
    assert (found["three"]["attempt"], found["four"]["attempt"]) == (3, 1)


def test_what_was_not_reached_is_measured_again(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, chosen: list[str]
) -> None:
    rows = [row(each.id, reached=True) for benchmark in command.ALL for each in benchmark.rows if each.id != "merge"]
    report = {"machine": machine.describe(), "rows": [*rows, row("merge")]}
    (tmp_path / "report.json").write_bytes(orjson.dumps(report))
    assert call(monkeypatch, tmp_path, "--again") == 1
    assert chosen == ["merge"]
    assert orjson.loads((tmp_path / "report.json").read_bytes())["rows"] == report["rows"]


def test_rows_of_another_machine_are_not_mixed_with_those_of_this_one(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, chosen: list[str], capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "report.json").write_bytes(orjson.dumps({"machine": "a faster one", "rows": [row("merge")]}))
    with pytest.raises(SystemExit):
        call(monkeypatch, tmp_path, "--again")
    assert chosen == []
    assert "is of another machine (a faster one)" in capsys.readouterr().err


def test_a_document_is_not_written_from_a_single_run_unless_told(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    written: list[Path] = []
    monkeypatch.setattr(command.report, "write", lambda report, document, pictures: written.append(document))
    rows = [row("one", reached=True), row("two", reached=True, runs=1)]
    (tmp_path / "report.json").write_bytes(orjson.dumps({"machine": "", "rows": rows}))
    assert call(monkeypatch, tmp_path, "--from-report", "--write-docs") == 2
    assert written == []
    assert capsys.readouterr().out.endswith("(--few-runs writes it):\ntwo\n")
    assert call(monkeypatch, tmp_path, "--from-report", "--write-docs", "--few-runs") == 0
    assert written == [command.DOCUMENT]


async def test_a_row_says_when_and_how_often_it_was_measured() -> None:
    async def measure(runs: int) -> dict[str, Measured]:
        raise LookupError("no cloud")

    benchmark = Benchmark("one", (Row("one", "what", "", ()),), measure)
    [found] = await command.measure(benchmark, 5)
    assert (found["runs"], found["attempt"], found["reached"]) == (5, 1, False)
    assert found["faults"] == ["LookupError: no cloud"]
    assert found["date"]
    assert found["load_before"]
    assert found["load_after"]
