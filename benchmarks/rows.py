"""A row of the table: what is measured, against what, and what has to be reached. Pure.

Machines are noisy and differ, so a row's limits are ratios to a floor or a peer that ran beside it wherever such a
thing exists. Every figure is measured several times; the median counts, and the spread is shown.
"""

import statistics
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, field
from typing import Any


@dataclass(frozen=True)
class Figure:
    """One figure of a row. Without limits it is reported only. `digits` after the decimal point."""

    name: str
    text: str
    unit: str = ""
    digits: int = 1
    at_most: float | None = None
    at_least: float | None = None

    @property
    def limit(self) -> str:
        """The limit for people, empty if there is none."""
        if self.at_most is not None and self.at_most == self.at_least:
            return f"= {self.show(self.at_most)}"
        if self.at_most is not None:
            return f"≤ {self.show(self.at_most)}"
        return "" if self.at_least is None else f"≥ {self.show(self.at_least)}"

    def reached(self, value: float) -> bool:
        """Whether a value is within the limits."""
        over = self.at_most is not None and not value <= self.at_most
        under = self.at_least is not None and not value >= self.at_least
        return not (over or under)

    def show(self, value: float) -> str:
        """A value for people."""
        return f"{value:z,.{self.digits}f}{' ' + self.unit if self.unit else ''}"


@dataclass(frozen=True)
class Row:
    """One row: `what` was measured `against` what."""

    id: str
    what: str
    against: str
    figures: tuple[Figure, ...]


#: The values of each figure, by its name: one of each run.
Samples = dict[str, list[float]]

#: Points of a plot: (x, y) by the name of the line.
Lines = dict[str, list[tuple[float, float]]]


@dataclass
class Measured:
    """What a benchmark found about a row. `faults` is what of the final state was not as it has to be."""

    samples: Samples = field(default_factory=dict)
    faults: list[str] = field(default_factory=list)
    lines: Lines = field(default_factory=dict)
    notes: list[str] = field(default_factory=list)

    def add(self, **values: float) -> None:
        """Take the figures of one run."""
        for name, value in values.items():
            self.samples.setdefault(name, []).append(float(value))

    def check(self, holds: bool, fault: str) -> None:
        """Note a fault unless something holds."""
        if not holds:
            self.faults.append(fault)


#: What a benchmark found, by the id of the row.
Findings = Mapping[str, Measured]


@dataclass(frozen=True)
class Benchmark:
    """Rows that are measured together. `run` takes the number of runs for each figure."""

    name: str
    rows: tuple[Row, ...]
    run: Callable[[int], Awaitable[Findings]]


def result(row: Row, found: Measured) -> dict[str, Any]:
    """A row as it stands in the report: every figure with median and spread, and whether all limits are reached."""
    figures = []
    faults = list(found.faults)
    for figure in row.figures:
        values = found.samples.get(figure.name, [])
        if not values:
            faults.append(f"{figure.text}: not measured")
            continue
        median = statistics.median(values)
        figures.append(
            {
                "name": figure.name, "text": figure.text, "unit": figure.unit, "median": median, "least": min(values),
                "most": max(values), "runs": len(values), "limit": figure.limit, "reached": figure.reached(median),
                "shown": figure.show(median), "spread": spread(figure, values),
            }
        )  # fmt: skip
    reached = bool(figures) and not faults and all(each["reached"] for each in figures)
    return {
        "id": row.id, "what": row.what, "against": row.against, "reached": reached, "figures": figures,
        "faults": faults, "notes": found.notes, "lines": found.lines,
    }  # fmt: skip


def spread(figure: Figure, values: list[float]) -> str:
    """The least and the most of several runs, empty where there was one."""
    if len(values) < 2:
        return ""
    return f"{min(values):z,.{figure.digits}f} … {max(values):z,.{figure.digits}f}"


def quantile(values: list[float], share: float) -> float:
    """The value that this share of the values does not exceed. Raises `ValueError` if there are none."""
    if not values:
        raise ValueError("no values")
    ordered = sorted(values)
    return ordered[min(len(ordered) - 1, int(len(ordered) * share))]


def quantile_of_time(spans: list[tuple[float, float]], share: float) -> float:
    """The value that is not exceeded for this share of the time, of spans `(value, how long it held)`.

    Counted by spans instead, a few long ones would vanish among many short ones. Raises `ValueError` if there are none.
    """
    if not spans:
        raise ValueError("no values")
    ordered = sorted(spans)
    left = share * sum(length for _, length in ordered)
    for value, length in ordered:
        left -= length
        if left < 0:
            return value
    return ordered[-1][0]
