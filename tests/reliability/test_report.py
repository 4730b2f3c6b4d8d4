"""A report tells of one version, and of the time of each of its runs."""

import sys
from pathlib import Path
from typing import Any

import orjson
import pytest

from reliability import __main__, version
from reliability.report import CannotMerge, made, merged, to_add_to, told
from reliability.rows import Measured, Row, Trial


async def _held(trial: Trial) -> Measured:
    return Measured(True, "held")


def _row(name: str, *, holds: bool) -> dict[str, Any]:
    return told(Row(name, "area", "claim", "limit", _held), Measured(holds, "x"), 1.0)


def _written(path: Path, report: dict[str, Any]) -> Path:
    path.write_bytes(orjson.dumps(report))
    return path


def test_a_row_says_when_and_of_what_it_is() -> None:
    row = _row("a", holds=True)
    assert row["version"] == version.version()
    assert row["commit"] == version.commit()
    assert row["date"].startswith("20")


def test_rows_measured_again_take_the_place_of_those_before_and_their_time_is_told_apart(tmp_path: Path) -> None:
    report = made([_row("a", holds=True), _row("b", holds=False)], 0.5, 100.0)
    report = merged(to_add_to(_written(tmp_path / "r", report)), [_row("b", holds=True)], ["a", "b"], 30.0)
    assert [(each["id"], each["holds"]) for each in report["rows"]] == [("a", True), ("b", True)]
    assert report["seconds"] == 100
    assert [(each["seconds"], each["rows"]) for each in report["again"]] == [(30, ["b"])]


@pytest.mark.parametrize("other", [{"version": "of yesterday", "commit": "0000000000"}, {"version": None}])
def test_rows_of_another_version_are_not_put_together(tmp_path: Path, other: dict[str, Any]) -> None:
    report = made([{**_row("a", holds=True), **other}, _row("b", holds=False)], 1.0, 100.0)
    with pytest.raises(CannotMerge, match=r"1 of 2 rows .* another version .* for example a: run `make reliability`"):
        to_add_to(_written(tmp_path / "r", report))


def test_nor_those_of_another_machine(tmp_path: Path) -> None:
    report = {**made([_row("a", holds=True)], 1.0, 100.0), "machine": "64 processors"}
    with pytest.raises(CannotMerge, match="another machine"):
        to_add_to(_written(tmp_path / "r", report))
    with pytest.raises(CannotMerge, match="no report at"):
        to_add_to(tmp_path / "none")


def test_the_command_refuses_and_leaves_the_report_as_it_is(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    path = _written(tmp_path / "r", made([{**_row("a", holds=False), "version": "x"}], 1.0, 1.0))
    before = path.read_bytes()
    monkeypatch.setattr(sys, "argv", ["reliability", "--again", "--report", str(path)])
    assert __main__.main() == 2
    assert "another version" in " ".join(capsys.readouterr().out.split())
    assert path.read_bytes() == before


def test_any_byte_and_any_name_makes_another_version(tmp_path: Path) -> None:
    (tmp_path / "a").mkdir()
    file = tmp_path / "a" / "x.py"
    file.write_text("1")
    seen = {version.content(tmp_path, ("a",))}
    file.write_text("2")
    seen.add(version.content(tmp_path, ("a",)))
    file.rename(tmp_path / "a" / "y.py")
    seen.add(version.content(tmp_path, ("a",)))
    assert len(seen) == 3
    (tmp_path / "a" / "__pycache__").mkdir()
    (tmp_path / "a" / "__pycache__" / "y.pyc").write_text("3")
    assert version.content(tmp_path, ("a",)) in seen
