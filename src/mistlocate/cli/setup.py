"""The commands that come before an engine runs: settings, keys, checks."""

import sys
from pathlib import Path
from typing import Annotated, Any, NamedTuple

import typer

from mistlocate import yamltext
from mistlocate.cli.calls import Json
from mistlocate.cli.output import Exit, err, escape, out, print_json, reported, run, shown_yaml
from mistlocate.driver.base import parse_settings
from mistlocate.driver.command import Level
from mistlocate.engines.embedded import access, saved
from mistlocate.engines.embedded.config import Loaded, ModuleSpec, load_file, unreadable_files
from mistlocate.engines.embedded.exposure import exposed_files
from mistlocate.engines.embedded.lasting import as_they_run, left_behind
from mistlocate.engines.embedded.overlaid import Overlaid, overlaid
from mistlocate.engines.embedded.schema import settings_schema
from mistlocate.errors import BadArguments, Problem, SettingsError, StoreError
from mistlocate.setup.check import check
from mistlocate.setup.draft import Draft
from mistlocate.setup.init import can_be_written, make_settings, token_file, write
from mistlocate.setup.report import Report, Verdict
from mistlocate.setup.zone_ids import Zone

_MARKS = {Verdict.OK: "[green]ok     [/]", Verdict.NOTE: "[yellow]note   [/]", Verdict.PROBLEM: "[bold red]problem[/]"}


def register(app: typer.Typer) -> None:
    """Add the commands of this file."""
    app.command("init", help="Make a settings file from the portal's address and a token.")(init)
    app.command("check", help="Test a settings file against the cloud before setup.")(check_settings)
    app.command("key", help="Make an API key.")(key)
    app.command("schema", help="Print the JSON Schema of the settings file.")(schema)


def init(
    portal: Annotated[
        str | None, typer.Option("--portal", help="Address of the site's page in the Mist portal, or a host.")
    ] = None,
    token: Annotated[
        str | None, typer.Option("--token", envvar="MIST_API_TOKEN", show_envvar=True, help="API token.")
    ] = None,
    site: Annotated[str | None, typer.Option("--site", help="Id of the site, if the address names none.")] = None,
    output: Annotated[Path, typer.Option("--output", "-o", help="The file to write.")] = Path("settings.yaml"),
    ca_file: Annotated[str | None, typer.Option("--ca-file", help="Trust these authorities (PEM).")] = None,
    json: Json = False,
) -> None:
    """Make a settings file: the site, its maps, and a first mapping of them to zones."""
    with reported():
        can_be_written(output)
        portal = portal or _ask("Address of the site's page in the Mist portal", "--portal")
        token = token or _ask("API token (it is not shown)", "--token", hidden=True)
    made = run(make_settings(portal, token, site=site, ca_file=ca_file, token_file=token_file(output)))
    with reported():
        token_path = write(made, output)
        load_file(output)
    name = made.site.name or made.site.id
    if json:
        print_json({"settings": str(output), "token_file": str(token_path), "site": name})
        return
    out.print(f"[bold]{escape(str(output))}[/] and {escape(str(token_path))} are written, for the site {escape(name)}.")
    out.print(f"  check it   mistlocate check {escape(str(output))}")
    out.print(f"  start it   mistlocate serve {escape(str(output))}")
    out.print("Look over the zones and floorplan_mappings: they are made from the names of the maps.")


def _ask(question: str, option: str, *, hidden: bool = False) -> str:
    """The answer of whoever sits at the terminal, else the next line of standard input. Raises `BadArguments`."""
    if sys.stdin is None or not sys.stdin.isatty():
        line = "" if sys.stdin is None else sys.stdin.readline().strip()
        if not line:
            raise BadArguments(f"nothing is given for {option}: give the option, or a line of standard input")
        return line
    try:
        return str(typer.prompt(question, hide_input=hidden, err=True))
    except typer.Abort as aborted:
        if isinstance(aborted.__context__, KeyboardInterrupt):
            err.print()
            raise typer.Exit(Exit.INTERRUPTED) from None
        raise


def check_settings(
    settings: Annotated[Path, typer.Argument(readable=False, help="The settings file.")], json: Json = False
) -> None:
    """Test everything that has to be right for people to be found, with what was saved at run time over the file."""
    with reported():
        loaded = load_file(settings)
        everything, unread = _saved(loaded)
        pairs = _pairs(loaded, everything)
        missing = unreadable_files(loaded)
        if missing:
            raise SettingsError(missing, where=str(settings))
        lifted = left_behind(everything, as_they_run(loaded.modules, everything))
    if unread:
        err.print(f"[bold yellow]warning:[/] it is not checked whether objections are kept: {escape(unread)}")
    for problem in exposed_files(loaded):
        err.print(f"[bold yellow]warning:[/] {escape(str(problem))}")
    for problem in lifted:
        err.print(f"[bold red]the engine does not take these settings:[/] {escape(str(problem))}")
    reports = [(pair, run(_checked(loaded, pair, str(settings)))) for pair in pairs]
    for pair, report in reports:
        report.findings[:0] = about_saved(pair.modules, unread, str(settings)).findings
    if json:
        modules = [_as_json(pair.websocket.spec, report) for pair, report in reports]
        print_json({"modules": modules, "not_taken": [str(each) for each in lifted]})
    else:
        verdict = "the engine does not take these settings, see above" if lifted else "the settings are valid"
        out.print(f"[bold]{escape(str(settings))}[/]: {verdict}")
        for pair, report in reports:
            _print(pair, report)
    if lifted or any(report.problems for _, report in reports):
        raise typer.Exit(Exit.FAILED)


class Pair(NamedTuple):
    """A MistWebsocket and the MistLocations beside it, with the settings that hold."""

    websocket: Overlaid
    locations: Overlaid | None

    @property
    def modules(self) -> list[Overlaid]:
        """Those that are there."""
        return [each for each in self if each is not None]


def _saved(loaded: Loaded) -> tuple[list[saved.Saved], str | None]:
    """What was saved at run time, as far as the store is here, and why that is not known."""
    try:
        return saved.read(loaded.store), None
    except StoreError as error:
        return [], str(error)


async def _checked(loaded: Loaded, pair: Pair, where: str) -> Report:
    """The report on one module. Raises `SettingsError` with paths as the settings file has them."""
    spec, locations = pair.websocket.spec, pair.locations
    try:
        beside = None if locations is None else _parsed(locations.spec)
        return await check(_parsed(spec), beside, uri=spec.uri, zones=_zones(loaded))
    except SettingsError as error:
        problems = [Problem(f"{spec.place}.{each.path}", each.message, each.hint) for each in error.problems]
        raise SettingsError(problems, where=where) from None


def _pairs(loaded: Loaded, everything: list[saved.Saved]) -> list[Pair]:
    """Each MistWebsocket and the MistLocations beside it. Raises `BadArguments` if there is none."""
    pairs = []
    for spec in loaded.modules:
        if spec.name != "MistWebsocket":
            continue
        beside = [each for each in loaded.modules if each.name == "MistLocations" and each.system_id == spec.system_id]
        pairs.append(Pair(overlaid(spec, everything), overlaid(beside[0], everything) if beside else None))
    if not pairs:
        raise BadArguments("there is no MistWebsocket module in these settings, so there is nothing to check")
    return pairs


def _parsed(spec: ModuleSpec) -> Any:
    return parse_settings(spec.driver, spec.settings, unknown_is_error=True).settings


def _zones(loaded: Loaded) -> list[Zone]:
    return [Zone(zone.id, zone.name, zone.parent) for zone in loaded.config.zones]


def about_saved(modules: list[Overlaid], unread: str | None, file: str) -> Report:
    """What lies over the file, or should; the names of settings alone. `unread`: why that is not known."""
    report = Report()
    if unread:
        report.note("saved", f"the file alone is checked, without what was saved at run time: {unread}")
    for each in modules:
        slug, drop = each.spec.slug, f"end the engine, then mistlocate saved -s {file} --drop {each.spec.id} SETTING"
        if each.over:
            text = f"{', '.join(each.over)} of {slug}: saved at run time, and checked here instead of what the file has"
            hint = f"change it where it was saved, on the page or over the API; to give it up: {drop}"
            report.note("saved", text, hint)
        if each.damaged:
            text = f"{', '.join(each.damaged)} of {slug}: saved at run time, and damaged; the engine does not start"
            report.problem("saved", text, f"restore a backup of the store; or give it up for good: {drop}")
        if each.left_out:
            why = "; ".join(str(problem) for problem in each.problems)
            text = f"{', '.join(each.left_out)} of {slug}: saved at run time, and does not fit ({why}), so "
            if each.runs:
                report.note("saved", f"{text}the file holds", f"save what fits; or give it up: {drop}")
            else:
                hint = f"restore a backup of the store; or give it up for good: {drop}"
                report.problem("saved", f"{text}the module does not run", hint)
    return report


def _print(pair: Pair, report: Report) -> None:
    spec = pair.websocket.spec
    out.print(f"\n[bold]{escape(spec.slug)}[/] in {escape(spec.system_id)}")
    for finding in report.findings:
        out.print(f"  {_MARKS[finding.verdict]} {finding.what}: {escape(finding.result)}")
        if finding.hint:
            out.print(f"          [dim]{escape(finding.hint)}[/]")
    if report.draft.mappings:
        over = pair.locations is not None and "floorplan_mappings" in pair.locations.over
        where = "add its mappings to those that were saved, on the page" if over else "paste it"
        out.print(f"\n[bold]Draft[/], made from the names of the maps; look it over and {where}:")
        typer.echo(draft_text(report.draft))
    if report.problems:
        err.print(f"[bold red]{report.verdict}[/]")
    else:
        out.print(f"[bold green]{report.verdict}[/]")


def draft_text(draft: Draft) -> str:
    """A draft as YAML."""
    parts: dict[str, Any] = {"zones": draft.zones} if draft.zones else {}
    return shown_yaml(yamltext.literal({**parts, "floorplan_mappings": draft.mappings}))


def _as_json(spec: ModuleSpec, report: Report) -> dict[str, Any]:
    return {
        "module": spec.id,
        "findings": [
            {"verdict": each.verdict.value, "what": each.what, "result": each.result, "hint": each.hint}
            for each in report.findings
        ],
        "problems": len(report.problems),
        "draft": yamltext.literal({"zones": report.draft.zones, "floorplan_mappings": report.draft.mappings}),
    }


def key(
    name: Annotated[str, typer.Option("--name", help="Whose key it is.")] = "my-key",
    level: Annotated[
        str, typer.Option("--level", help="user, support, administrator, or metrics (that alone).")
    ] = "user",
    json: Json = False,
) -> None:
    """Make an API key. The key is shown once; its hash goes into the settings."""
    if not name.strip():
        raise typer.BadParameter("expected whose key it is", param_hint="--name")
    try:
        level = Level.named(level).label
    except ValueError as error:
        raise typer.BadParameter(str(error), param_hint="--level") from None
    made = access.new_key()
    entry = {"name": name, "level": level, "hash": access.hash_key(made)}
    if json:
        print_json({"key": made, "entry": entry})
        return
    out.print(f"The key, shown this once:\n\n  {made}\n\nFor the settings file:\n")
    typer.echo(shown_yaml(yamltext.literal({"api_keys": [entry]})))


def schema(json: Json = False) -> None:
    """Print the JSON Schema of the settings file; it is JSON with `--json` and without."""
    print_json(settings_schema())
