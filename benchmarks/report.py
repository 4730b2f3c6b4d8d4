"""The report for people: the table and the formulas of docs/performance.md, between markers. Pure but for `write`."""

from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

from benchmarks import plots

#: Clients of the rows about Redis.
CLIENTS = 10_000

Result = Mapping[str, Any]

#: Documents are written between these; whatever a person wrote stands outside.
BEGIN, END = "<!-- {}: written by make bench -->", "<!-- end of {} -->"


def table(report: Mapping[str, Any]) -> str:
    """Every figure of every row, and the machine."""
    loads = f"load over 1, 5 and 15 minutes: {report['load_before']} before, {report['load_after']} after"
    lines = [
        f"{report['machine']}; {report['date']}; {loads}. Medians; the spread is that of all runs.",
        "",
        "| what, against what | figure | measured | spread | to reach | |",
        "|---|---|---|---|---|---|",
    ]
    for row in report["rows"]:
        heading = f"**{row['what']}**" + (f"<br>against {row['against']}" if row["against"] else "")
        for figure in row["figures"]:
            verdict = ("reached" if figure["reached"] else "**not reached**") if figure["limit"] else ""
            cells = (heading, figure["text"], figure["shown"], figure["spread"], figure["limit"], verdict)
            lines.append(f"| {' | '.join(cells)} |")
            heading = ""
        lines += [f"| | **fault** | {fault} | | | |" for fault in row["faults"]]
        lines += [f"| | {note} | | | | |" for note in row["notes"]]
    return "\n".join(lines)


def median(report: Mapping[str, Any], row: str, figure: str) -> float:
    """A measured median. Raises `KeyError` if there is none."""
    for each in report["rows"]:
        if each["id"] == row:
            for found in each["figures"]:
                if found["name"] == figure:
                    return float(found["median"])
    raise KeyError(f"{row}/{figure}")


def formulas(report: Mapping[str, Any]) -> str:
    """What an operator may expect, computed from the table."""
    device, empty = median(report, "memory", "device"), median(report, "memory", "empty")
    whole, share = median(report, "memory", "all"), median(report, "placeos", "share")
    everywhere = median(report, "redis", "everywhere")  # kB/s
    record = median(report, "ingest", "ours")
    per_record = share / 100 / 2500 * 1e6
    most = (0.5e6 / per_record) // 100 * 100
    module = median(report, "modules", "memory")
    on_wire = everywhere * 1000 / CLIENTS / 2 * 3
    rows = (
        (
            "memory of the MistWebsocket process",
            f"{empty:.0f} MB + {device:.2f} kB a device (`client_fields: all`: {whole:.1f} kB)",
        ),
        ("… of a further module with 1,000 clients", f"{module:.1f} MB"),
        (
            "processor time, stream to Redis",
            f"{per_record:.0f} µs a record at 2,500 records a second; {record:.0f} µs where they come in bulk",
        ),
        ("records a second that leave half of one core free", f"about {most:,.0f}"),
        (
            "REST calls of a connection",
            "2 + one for each 1,000 clients of each map (at least one a map) + one for each 1,000 of the site",
        ),
        (
            "REST calls an hour while nothing fails",
            "60 ÷ `maps_interval` (minutes), and one for each client that only a position names",
        ),
        (
            "Redis, maps on which somebody moves (others cost nothing)",
            f"{on_wire:.0f} bytes a client of the map, twice (stored and published), at most every `publish_interval`",
        ),
        (f"… {CLIENTS:,} clients on 20 maps, all moving, every 3 s", f"{everywhere / 1000:.2f} MB/s"),
    )
    return "\n".join(("| what | how much |", "|---|---|", *(f"| {what} | {much} |" for what, much in rows)))


def limits(results: Iterable[Result]) -> list[tuple[str, float, str]]:
    """Every figure that has a limit as a share of it, for a plot."""
    found = []
    for row in results:
        for figure in row["figures"]:
            if figure["limit"]:
                limit = float(figure["limit"].split()[1].replace(",", ""))
                least = figure["limit"].startswith("≥")
                value = figure["median"]
                share = (limit / value if value else 9.0) if least else (value / limit if limit else 0.0)
                found.append((f"{row['id']}: {figure['text']}"[:62], share, f"{figure['shown']} ({figure['limit']})"))
    return found


def between(document: str, name: str, text: str) -> str:
    """A document with the part of this name replaced. Raises `ValueError` if it has no such part."""
    begin, end = BEGIN.format(name), END.format(name)
    before, found, rest = document.partition(begin)
    _, closed, after = rest.partition(end)
    if not found or not closed:
        raise ValueError(f"the document has no part between {begin!r} and {end!r}")
    return f"{before}{begin}\n{text}\n{end}{after}"


def write(report: Mapping[str, Any], document: Path, pictures: Path) -> None:
    """Put table, formulas and plots where people read them."""
    text = document.read_text(encoding="utf-8")
    text = between(text, "table", table(report))
    text = between(text, "formulas", formulas(report))
    pictures.mkdir(parents=True, exist_ok=True)
    (pictures / "limits.svg").write_text(
        plots.bars("Measured, as a share of its limit (left of the line is within)", limits(report["rows"])),
        encoding="utf-8",
    )
    by_id = {row["id"]: row for row in report["rows"]}
    modules = plots.lines("Many modules in one process", "modules", "", by_id["modules"]["lines"])
    (pictures / "modules.svg").write_text(modules, encoding="utf-8")
    blast = plots.lines("Memory at full blast", "seconds", "MB", by_id["placeos-blast"]["lines"])
    (pictures / "blast.svg").write_text(blast, encoding="utf-8")
    document.write_text(text, encoding="utf-8")
