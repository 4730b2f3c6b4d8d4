"""The report of the benchmarks: medians, verdicts, the table, plots."""

from typing import Any
from xml.etree import ElementTree

import pytest

from benchmarks import placeos, plots, report
from benchmarks.rows import Figure, Measured, Row, quantile, quantile_of_time, result, spread

ROW = Row(
    "row",
    "something",
    "something else",
    (
        Figure("ratio", "ours ÷ floor", "×", 2, at_most=2.5),
        Figure("rate", "a second", "", 0, at_least=1000),
        Figure("told", "told only", "ms"),
    ),
)


def found(**samples: list[float]) -> Measured:
    return Measured(samples=samples)


def test_the_median_decides() -> None:
    row = result(ROW, found(ratio=[2.0, 2.4, 9.0], rate=[900, 1000, 1001], told=[1]))
    assert row["reached"]
    assert [each["shown"] for each in row["figures"]] == ["2.40 ×", "1,000", "1.0 ms"]
    assert [each["spread"] for each in row["figures"]] == ["2.00 … 9.00", "900 … 1,001", ""]


@pytest.mark.parametrize(
    "samples",
    [
        {"ratio": [2.6], "rate": [2000], "told": [1]},
        {"ratio": [1], "rate": [999], "told": [1]},
        {"ratio": [float("nan")], "rate": [2000], "told": [1]},
        {"ratio": [1], "rate": [2000]},
        {},
    ],
)
def test_what_is_over_a_limit_or_was_not_measured_is_not_reached(samples: dict[str, list[float]]) -> None:
    assert not result(ROW, found(**samples))["reached"]


def test_a_fault_in_the_final_state_is_worse_than_slow() -> None:
    measured = found(ratio=[1], rate=[2000], told=[1])
    measured.check(True, "fine")
    assert result(ROW, measured)["reached"]
    measured.check(False, "somebody is missing")
    row = result(ROW, measured)
    assert not row["reached"]
    assert row["faults"] == ["somebody is missing"]


def test_quantiles_and_spreads() -> None:
    assert quantile([3, 1, 2], 0.5) == 2
    assert quantile(list(range(1000)), 0.999) == 999
    with pytest.raises(ValueError, match="no values"):
        quantile([], 0.5)
    assert spread(ROW.figures[0], [1.0]) == ""


def _report(**samples: list[float]) -> dict[str, Any]:
    when = {"date": "2026-01-01", "load_before": "0 0 0", "load_after": "1 1 1", "runs": 1, "attempt": 1}
    return {"machine": "a machine", "rows": [result(ROW, found(**samples)) | when]}


def test_next_to_nothing_has_no_sign() -> None:
    change = Figure("change", "memory", "MB")
    assert change.show(-0.04) == "0.0 MB"
    assert spread(change, [-0.04, 0.2]) == "0.0 … 0.2"


def test_the_table_says_what_was_not_reached() -> None:
    table = report.table(_report(ratio=[3.0], rate=[2000], told=[1]))
    assert "| ours ÷ floor | 3.00 × |  | ≤ 2.50 × | **not reached** |" in table
    assert "|  | a second | 2,000 |  | ≥ 1,000 | reached |" in table
    assert "|  | told only | 1.0 ms |  |  |  |" in table


def test_only_what_stands_between_the_markers_is_replaced() -> None:
    begin, end = report.BEGIN.format("table"), report.END.format("table")
    text = report.between(f"before\n{begin}\nold\n{end}\nafter", "table", "new")
    assert text == f"before\n{begin}\nnew\n{end}\nafter"
    with pytest.raises(ValueError, match="no part"):
        report.between("text", "table", "new")


def test_shares_of_limits() -> None:
    shares = report.limits(_report(ratio=[5.0], rate=[2000], told=[1])["rows"])
    assert [(share, text) for _, share, text in shares] == [(2.0, "5.00 × (≤ 2.50 ×)"), (0.5, "2,000 (≥ 1,000)")]


def test_plots_are_pictures() -> None:
    for picture in (
        plots.bars("a & b", [("one", 0.5, "x"), ("two", 3.0, "<y>")]),
        plots.lines("many", "modules", "MB", {"line": [(1, 2), (10, 20)], "none": []}),
    ):
        assert ElementTree.fromstring(picture).tag == "{http://www.w3.org/2000/svg}svg"


def test_a_few_long_stalls_are_much_of_the_time() -> None:
    stalls, quick = [(0.1, 0.101)] * 15, [(0.001, 0.002)] * 900
    assert quantile_of_time(stalls + quick, 0.99) == 0.1
    assert quantile_of_time(stalls + quick, 0.5) == 0.001
    assert quantile_of_time(quick, 1.0) == 0.001
    with pytest.raises(ValueError, match="no values"):
        quantile_of_time([], 0.5)


def test_the_table_says_how_often_a_row_was_measured_and_whether_again() -> None:
    found = _report(ratio=[3.0], rate=[2000], told=[1])
    assert "something else<br>once, 2026-01-01, load 0 0 0 → 1 1 1 |" in report.table(found)
    found = _report(ratio=[3.0, 2.0], rate=[2000, 2000], told=[1, 1])
    found["rows"][0]["attempt"] = 3
    assert "<br>2 times, 2026-01-01, load 0 0 0 → 1 1 1; measured again, attempt 3 |" in report.table(found)


def test_an_exact_limit() -> None:
    exact = Figure("encodes", "encodes", "", 2, at_most=1.0, at_least=1.0)
    assert exact.limit == "= 1.00"
    assert [exact.reached(value) for value in (0.0, 1.0, 1.2)] == [False, True, False]


def _medians(**rows: dict[str, float]) -> dict[str, Any]:
    """A report with these medians."""
    return {
        "rows": [
            {
                "id": name.replace("_", "-"),
                "figures": [{"name": each, "median": value} for each, value in found.items()],
            }
            for name, found in rows.items()
        ]
    }


def test_costs_are_told_apart() -> None:
    """Made from 0.02 % a module, 60 µs a record and 20 µs a client written: the same comes out."""
    everywhere = 0.02 + (2500 * 60 + 10_000 / 3 * 20) / 1e4
    hundred = 2.0 + (100_000 / 60 * 60 + 100_000 / 3 * 20) / 1e4
    found = _medians(modules={"quiet": 2.0, "hundred": hundred}, redis={"share_everywhere": everywhere})
    costs = report.Costs.of(found)
    assert (costs.module, costs.record, costs.written) == pytest.approx((0.02, 60, 20))
    assert costs.share(1, 2500, 10_000) == pytest.approx(everywhere)
    assert costs.share(100, 100_000 / 60, 100_000) == pytest.approx(hundred)
    assert costs.share(100, 0, 0) == pytest.approx(2.0)


def test_calls_follow_the_constants_of_the_drivers(monkeypatch: pytest.MonkeyPatch) -> None:
    text = report.calls()
    assert "7 in the first hour, then 4 an hour" in text
    assert "every 1 h while clients use pre-shared keys" in text
    assert "12 an hour at the default of 5 minutes" in text
    monkeypatch.setattr(report.enrich, "KEYS_EVERY", 7200.0)
    assert "every 2 h while clients use pre-shared keys" in report.calls()


@pytest.mark.parametrize(
    ("events", "sizes"),
    [
        ([], []),
        ([(0.0, 1), (3.0, 1), (6.0, 1)], [1, 1, 1]),
        ([(0.0, 1), (0.1, 2), (1.4, 1), (3.0, 1)], [4, 1]),
    ],
)
def test_pipelines_that_come_together_are_one_writing(events: list[tuple[float, int]], sizes: list[int]) -> None:
    assert placeos.bursts(events, 1.5) == sizes
