"""The report for people: the table and the formulas of docs/performance.md, between markers. Pure but for `write`."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from benchmarks import modules, placeos, plots
from mistlocate.drivers.mist_websocket import enrich, keys, unknown
from mistlocate.drivers.mist_websocket.settings import MistWebsocketSettings
from mistlocate.mist.budget import Budget
from mistlocate.mist.policy import Policy
from mistlocate.mist.rest import PAGE
from mistlocate.mist.silence import SilenceQuestion

#: What the rows about Redis and about many modules measure.
CLIENTS, MAPS, RATE, INTERVAL = placeos.CLIENTS, placeos.MAPS, placeos.RATE, placeos.INTERVAL
MAPS_MOVED, MODULES, SMALL = placeos.MAPS_MOVED, modules.COUNTS[-1], modules.CLIENTS

#: A report for the document has each figure measured so often at least.
RUNS_AT_LEAST = 3

Result = Mapping[str, Any]

#: Documents are written between these; whatever a person wrote stands outside.
BEGIN, END = "<!-- {}: written by make bench -->", "<!-- end of {} -->"


def table(report: Mapping[str, Any]) -> str:
    """Every figure of every row, and the machine."""
    lines = [
        f"{report['machine']}. Medians; the spread is that of all runs.",
        "",
        "| what, against what | figure | measured | spread | to reach | |",
        "|---|---|---|---|---|---|",
    ]
    for row in report["rows"]:
        heading = f"**{row['what']}**" + (f"<br>against {row['against']}" if row["against"] else "")
        heading += f"<br>{measured(row)}"
        for figure in row["figures"]:
            verdict = ("reached" if figure["reached"] else "**not reached**") if figure["limit"] else ""
            cells = (heading, figure["text"], figure["shown"], figure["spread"], figure["limit"], verdict)
            lines.append(f"| {' | '.join(cells)} |")
            heading = ""
        lines += [f"| | **fault** | {fault} | | | |" for fault in row["faults"]]
        lines += [f"| | {note} | | | | |" for note in row["notes"]]
    return "\n".join(lines)


def measured(row: Result) -> str:
    """When a row was measured, how often, under which load, and whether that was not the first time."""
    runs = sorted({figure["runs"] for figure in row["figures"]})
    often = " or ".join(f"{each}" for each in runs) or "0"
    times = "once" if runs == [1] else f"{often} times"
    again = f"; measured again, attempt {row['attempt']}" if row["attempt"] > 1 else ""
    return f"{times}, {row['date']}, load {row['load_before']} → {row['load_after']}{again}"


def too_few(report: Mapping[str, Any]) -> list[str]:
    """The rows that were measured in fewer runs than a document needs."""
    return [row["id"] for row in report["rows"] if row["runs"] < RUNS_AT_LEAST]


def median(report: Mapping[str, Any], row: str, figure: str) -> float:
    """A measured median. Raises `KeyError` if there is none."""
    for each in report["rows"]:
        if each["id"] == row:
            for found in each["figures"]:
                if found["name"] == figure:
                    return float(found["median"])
    raise KeyError(f"{row}/{figure}")


@dataclass(frozen=True)
class Costs:
    """What a MistWebsocket process costs, apart: each module (of one core, %), each record taken in and each client of
    a list that is written (µs of processor time)."""

    module: float
    record: float
    written: float

    @classmethod
    def of(cls, report: Mapping[str, Any]) -> "Costs":
        """From two rows that differ most: few clients of many records, and many small sites of few. All maps move."""
        module = median(report, "modules", "quiet") / MODULES
        large = (median(report, "redis", "share_everywhere") - module) * 1e4  # µs of processor time a second
        small = (median(report, "modules", "hundred") - MODULES * module) * 1e4
        # Of both: records a second by their cost, and clients written a second by theirs, are what the row measured.
        (records, written), (few, many) = (RATE, CLIENTS / INTERVAL), (MODULES * SMALL / 60, MODULES * SMALL / INTERVAL)
        determinant = records * many - written * few
        return cls(
            module,
            (large * many - written * small) / determinant,
            (records * small - large * few) / determinant,
        )

    def share(self, modules: float, records: float, clients: float) -> float:
        """Of one core (%): modules, records a second, and clients of the maps on which somebody moves."""
        return modules * self.module + (records * self.record + clients / INTERVAL * self.written) / 1e4


def formulas(report: Mapping[str, Any]) -> str:
    """What an operator may expect, computed from the table and from the constants of the drivers."""
    device, empty = median(report, "memory", "device"), median(report, "memory", "empty")
    whole, everywhere = median(report, "memory", "all"), median(report, "redis", "everywhere")  # kB, kB/s
    costs, bulk = Costs.of(report), median(report, "ingest", "ours")
    module, slope = median(report, "modules", "memory"), median(report, "modules", "cpu")
    records = (50 - costs.share(1, 0, CLIENTS)) * 1e4 / costs.record // 100 * 100
    small = 50 / slope // 10 * 10
    expected = costs.share(1, RATE, CLIENTS * MAPS_MOVED / MAPS)
    as_measured = median(report, "redis", "share")
    on_wire = everywhere * 1000 / CLIENTS / 2 * INTERVAL
    rows = (
        (
            "memory of the MistWebsocket process",
            f"{empty:.0f} MB + {device:.2f} kB a device (`client_fields: all`: {whole:.1f} kB)",
        ),
        ("… of a further module with 1,000 clients", f"{module:.1f} MB"),
        ("processor time of a module by itself", f"{costs.module:.3f} % of one core"),
        (
            "… of a record, stream to status",
            f"{costs.record:.0f} µs where they come one by one, {bulk:.0f} µs where they come in bulk",
        ),
        (
            "… of a client of a map on which somebody moved, each `publish_interval`",
            f"{costs.written:.0f} µs",
        ),
        (
            f"… of a further module with {SMALL:,} clients that move, a record of each a minute, as measured",
            f"{slope:.2f} % of one core",
        ),
        (
            f"… of {RATE:,} records a second of {CLIENTS:,} clients, {MAPS_MOVED} of {MAPS} maps: so, and measured",
            f"{expected:.0f} % and {as_measured:.0f} % of one core",
        ),
        (
            f"half of one core, one module: {CLIENTS:,} clients on {MAPS} maps that all move",
            f"about {records:,.0f} records a second, {empty + CLIENTS * device / 1000:.0f} MB",
        ),
        (
            f"half of one core, many modules: {SMALL:,} clients each, a record of each a minute",
            f"about {small:,.0f} modules, {empty + small * module:.0f} MB",
        ),
        (
            "Redis, maps on which somebody moves (others cost nothing)",
            f"{on_wire:.0f} bytes a client of the map, twice (stored and published), at most every `publish_interval`",
        ),
        (
            f"… {CLIENTS:,} clients on {MAPS} maps, all moving, every {INTERVAL:.0f} s",
            f"{everywhere / 1000:.2f} MB/s",
        ),
    )
    return "\n".join(("| what | how much |", "|---|---|", *(f"| {what} | {much} |" for what, much in rows)))


def calls() -> str:
    """What the drivers ask of REST, by their constants and defaults; nothing of it is measured."""
    policy, page = Policy(), f"{PAGE:,}"
    silence, questions = SilenceQuestion(policy.silence), 0
    while silence.ask_after <= 3600:
        questions += 1
        silence.was_real(silence.ask_after, policy)
    maps = float(MistWebsocketSettings.model_fields["maps_interval"].default)
    unlocated = enrich.UNLOCATED_AFTER / 60
    rows = (
        (
            "a connection, until it is live",
            f"2 lists of maps, and one call for each {page} clients of each map (at least one a map)",
        ),
        (
            f"… once, {unlocated:g} to {2 * unlocated:g} minutes later",
            f"one for each {page} clients of the site: those on no map",
        ),
        (
            "every `maps_interval`",
            (
                f"1 ({60 / maps:g} an hour at the default of {maps:g} minutes), and the clients of maps that are new or"
                " changed; a record that names an unknown map asks as well, at most every"
                f" {enrich.MAPS_AT_MOST_EVERY:g} s"
            ),
        ),
        (
            f"every {enrich.KEYS_EVERY / 3600:g} h while clients use pre-shared keys of their own",
            (
                f"one for each {page} keys of each of {len(keys.SCOPES)} lists, organisation and site; an unknown key"
                f" asks as well, at most every {enrich.KEYS_AT_MOST_EVERY / 60:g} minutes"
            ),
        ),
        (
            f"while the stream is silent, from {policy.silence:g} s (`silence_limit`) on",
            f"{questions} in the first hour, then {3600 / policy.silence_longest:g} an hour",
        ),
        (
            "clients that only a position names",
            (
                f"one each, or where more than {unknown.ONE_BY_ONE} wait the lists of their maps if these are fewer,"
                " each once for all who wait, and one each for whoever is on none of them; at most"
                f" {Budget().fetches.a_minute} in any minute (`rest_budget` ÷ 120), further pages and second tries"
                f" aside; one that the cloud does not know is left alone for {unknown.UNKNOWN_FOR / 60:g} minutes"
            ),
        ),
        (
            "maps that cannot be listed",
            f"one each, ever later: {enrich.STEP_BACK:g} s to {enrich.FAILED_AT_MOST_EVERY / 60:g} minutes apart",
        ),
    )
    return "\n".join(("| when | REST calls |", "|---|---|", *(f"| {what} | {much} |" for what, much in rows)))


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
    text = between(text, "calls", calls())
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
