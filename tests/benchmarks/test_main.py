"""Which benchmarks are run."""

import sys
from pathlib import Path
from typing import Any

import pytest

from benchmarks import __main__ as command


@pytest.fixture
def chosen(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    names: list[str] = []

    async def run(given: list[Any], runs: int) -> dict[str, Any]:
        names.extend(each.name for each in given)
        return {"date": "", "machine": "", "load_before": "", "load_after": "", "rows": []}

    monkeypatch.setattr(command, "run", run)
    return names


def call(monkeypatch: pytest.MonkeyPatch, folder: Path, *names: str) -> None:
    monkeypatch.setattr(sys, "argv", ["benchmarks", *names, "--report", str(folder / "report.json")])
    command.main()


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
