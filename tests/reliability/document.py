"""The report as a table of the documentation: no figure in it is typed by anybody."""

from pathlib import Path
from typing import Any

BEGIN = "<!-- figures: written by `make reliability`, do not edit -->"
END = "<!-- end of figures -->"


def render(report: dict[str, Any]) -> str:
    """The rows of a report in Markdown, by area, with date and machine above."""
    rows = report["rows"]
    held = sum(each["holds"] for each in rows)
    minutes = report["seconds"] / 60
    measured = (
        f"{held} of {len(rows)} rows hold. Measured on {report['date'][:10]} with `SCALE={report['scale']:g}` in "
        f"{minutes:.0f} minutes on this machine: {report['machine']}."
    )
    lines = [measured]
    for area in dict.fromkeys(each["area"] for each in rows):
        lines += ["", f"### {area}", "", "| row | what happens | limit | measured | holds |", "|---|---|---|---|---|"]
        lines += [_line(each) for each in rows if each["area"] == area]
    return "\n".join(lines)


def _line(row: dict[str, Any]) -> str:
    cells = (f"`{row['id']}`", row["claim"], row["limit"], row["value"], "yes" if row["holds"] else "**no**")
    return "| " + " | ".join(str(cell).replace("|", "\\|").replace("\n", " ") for cell in cells) + " |"


def write(report: dict[str, Any], path: Path) -> None:
    """Put the table of a report between the markers of a document. Raises `ValueError` if it has none."""
    text = path.read_text(encoding="utf-8")
    before, begin, rest = text.partition(BEGIN)
    _, end, after = rest.partition(END)
    if not begin or not end:
        raise ValueError(f"{path} has no place for figures: expected the lines {BEGIN} and {END}")
    path.write_text(f"{before}{BEGIN}\n\n{render(report)}\n\n{END}{after}", encoding="utf-8")
