"""The report: what each row measured, when, and of which version; and what may be put into an earlier one.

A report tells the time of its run (`seconds`) apart from that of rows which were measured again afterwards (`again`).
"""

from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import orjson

from reliability.rows import Measured, Row
from reliability.version import commit, machine, version

Report = dict[str, Any]


class CannotMerge(Exception):
    """The report that there is cannot be added to; the text says why, and what to do."""


def told(row: Row, found: Measured, seconds: float) -> dict[str, Any]:
    """A row of the report."""
    return {
        "id": row.id, "area": row.area, "claim": row.claim, "limit": row.limit, "holds": found.holds,
        "value": found.value, "figures": found.figures, "seconds": round(seconds, 1),
        "date": _now(), "commit": commit(), "version": version(),
    }  # fmt: skip


def made(rows: list[dict[str, Any]], scale: float, seconds: float) -> Report:
    """The report of one run."""
    return {
        "date": _now(), "scale": scale, "machine": machine(), "commit": commit(), "version": version(),
        "seconds": round(seconds), "again": [], "rows": rows,
    }  # fmt: skip


def to_add_to(path: Path) -> Report:
    """An earlier report, to whose rows new ones may be put. Raises `CannotMerge`: one table tells of one version."""
    try:
        report: Report = orjson.loads(path.read_bytes())
    except FileNotFoundError:
        raise CannotMerge(f"there is no report at {path}: run `make reliability` first") from None
    others = [each["id"] for each in report["rows"] if each.get("version") != version()]
    if others:
        known = ", ".join(sorted({str(each.get("commit") or each.get("version")) for each in report["rows"]}))
        raise CannotMerge(
            f"{len(others)} of {len(report['rows'])} rows of {path} are of another version ({known}; this tree is "
            f"{commit() or version()}), for example {others[0]}: run `make reliability` to measure all of them anew"
        )
    if report["machine"] != machine():
        raise CannotMerge(
            f"{path} is of another machine ({report['machine']}; this is {machine()}): run `make reliability` here"
        )
    return report


def merged(report: Report, rows: list[dict[str, Any]], order: list[str], seconds: float) -> Report:
    """The report with rows that were measured again in the place of those before."""
    found = {each["id"]: each for each in (*report["rows"], *rows)}
    again = [*report["again"], {"date": _now(), "seconds": round(seconds), "rows": [each["id"] for each in rows]}]
    return {
        **report,
        "again": again if rows else report["again"],
        "rows": [found[each] for each in order if each in found],
    }


def _now() -> str:
    return datetime.now(UTC).isoformat(timespec="seconds")
