"""The report as a table of the documentation: no figure in it is typed by anybody."""

from pathlib import Path
from typing import Any

BEGIN = "<!-- figures: written by `make reliability`, do not edit -->"
END = "<!-- end of figures -->"


def render(report: dict[str, Any]) -> str:
    """The rows of a report in Markdown, by area; above them when, of what, on what, and how long each run took."""
    rows = report["rows"]
    held = sum(each["holds"] for each in rows)
    measured = (
        f"{held} of {len(rows)} rows hold. Measured on {report['date'][:10]}{_of(report)} with `SCALE={report['scale']:g}`, "
        f"in one run of {_minutes(report)}, on this machine: {report['machine']}."
    )
    for each in report["again"]:
        ids = ", ".join(f"`{row}`" for row in each["rows"])
        measured += f" Measured again on {each['date'][:10]}, in {_minutes(each)} more: {ids}."
    for each in rows:
        if each["version"] != report["version"]:  # files were changed while it ran
            measured += f" `{each['id']}` is of another version: {each['date'][:10]}{_of(each)}."
    lines = [measured]
    for area in dict.fromkeys(each["area"] for each in rows):
        lines += ["", f"### {area}", "", "| row | what happens | limit | measured | holds |", "|---|---|---|---|---|"]
        lines += [_line(each) for each in rows if each["area"] == area]
    return "\n".join(lines)


def _of(report: dict[str, Any]) -> str:
    return f" (commit {report['commit']})" if report["commit"] else f" (content {report['version']})"


def _minutes(run: dict[str, Any]) -> str:
    return f"{run['seconds'] / 60:.1f} minutes"


def _line(row: dict[str, Any]) -> str:
    cells = (f"`{row['id']}`", row["claim"], row["limit"], row["value"], "yes" if row["holds"] else "**no**")
    return "| " + " | ".join(str(cell).replace("|", "\\|").replace("\n", " ") for cell in cells) + " |"


def write(report: dict[str, Any], path: Path) -> None:
    """Put the table of a report between the markers of a document. Raises `ValueError` if it has none."""
    if "version" not in report:
        raise ValueError("the report does not say of which version its rows are: run `make reliability` anew")
    text = path.read_text(encoding="utf-8")
    before, begin, rest = text.partition(BEGIN)
    _, end, after = rest.partition(END)
    if not begin or not end:
        raise ValueError(f"{path} has no place for figures: expected the lines {BEGIN} and {END}")
    path.write_text(f"{before}{BEGIN}\n\n{render(report)}\n\n{END}{after}", encoding="utf-8")
