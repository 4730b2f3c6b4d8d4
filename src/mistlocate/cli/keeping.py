"""The commands of whoever operates an engine: is it well, keep a copy of its store, take one back."""

from pathlib import Path
from typing import Annotated

import typer

from mistlocate.cli.calls import Json, Url
from mistlocate.cli.output import Exit, err, escape, out, print_json, reported, run
from mistlocate.client.engine_client import DEFAULT_URL, EngineClient
from mistlocate.engines.embedded import backup as copies
from mistlocate.engines.embedded import saved as kept
from mistlocate.engines.embedded.config import Loaded, load_file

# Whether a file can be read is found out by reading it: then it is an error of the settings, as if it were missing.
Settings = Annotated[
    Path, typer.Option("--settings", "-s", readable=False, help="The settings file, which names the store.")
]


def register(app: typer.Typer) -> None:
    """Add the commands of this file."""
    app.command("health", help="Is an engine well? Exit code 0: yes, 1: no, 3: nobody answers.")(health)
    app.command("backup", help="Copy the store of an engine to a file, while it runs or not.")(backup)
    app.command("restore", help="Make a backup the store of an engine that does not run.")(restore)
    app.command("saved", help="List the settings that were saved at run time, or give one up for good.")(saved)


def health(
    url: Url = DEFAULT_URL,
    live: Annotated[bool, typer.Option("--live", help="Only whether it answers, whatever its modules do.")] = False,
    json: Json = False,
) -> None:
    """Is an engine well?"""

    async def work() -> dict[str, object]:
        async with EngineClient(url) as engine:
            return await engine.health(live=live)

    found = run(work())
    if json:
        print_json(found)
    elif live:
        out.print(f"{escape(str(found['status']))}, version {escape(str(found['version']))}")
    else:
        out.print(f"{escape(str(found['status']))}: {found['running']} of {found['modules']} modules run")
    if found["status"] != "ok":
        raise typer.Exit(Exit.FAILED)


def backup(
    file: Annotated[Path, typer.Argument(help="The file to write; there must be none of this name.")],
    settings: Settings = Path("settings.yaml"),
    json: Json = False,
) -> None:
    """Copy the store, which holds owners and settings saved at run time, to a file that only you can read."""
    with reported():
        store = load_file(settings).store
        size = copies.back_up(store, file)
    if json:
        print_json({"file": str(file), "store": str(store), "bytes": size})
        return
    out.print(f"[bold]{escape(str(file))}[/] holds a copy of {escape(str(store))} ({size} bytes).")
    out.print("It names people and their devices: keep it as you keep the store, and no longer than you need it.")


def restore(
    file: Annotated[Path, typer.Argument(help="A file that `backup` wrote.")],
    settings: Settings = Path("settings.yaml"),
    replace: Annotated[bool, typer.Option("--replace", help="Replace the store that is there.")] = False,
    json: Json = False,
) -> None:
    """Make a backup the store of an engine that does not run."""
    with reported():
        store = load_file(settings).store
        copies.restore(file, store, replace=replace)
    if json:
        print_json({"store": str(store), "file": str(file)})
    else:
        out.print(f"[bold]{escape(str(store))}[/] is as it was when {escape(str(file))} was written.")
    err.print("Who was erased or has objected since then has to be erased, or to object, again.")


def saved(
    settings: Settings = Path("settings.yaml"),
    drop: Annotated[
        tuple[str, str] | None,
        typer.Option("--drop", metavar="MODULE SETTING", help="Give this one up; the engine must not run."),
    ] = None,
    json: Json = False,
) -> None:
    """List what was saved at run time, of whatever module, and whether a module of the settings has it."""
    with reported():
        loaded = load_file(settings)
        if drop is not None:
            kept.drop(loaded.store, *drop)
        found = [(each, _is_taken(each, loaded)) for each in kept.read(loaded.store)]
    if json:
        rows = [(each.module, each.name, sorted(each.about), taken) for each, taken in found]
        print_json([dict(zip(("module", "setting", "about", "in_settings"), row, strict=True)) for row in rows])
        return
    if drop is not None:
        out.print(f"{escape(drop[1])} of {escape(drop[0])} is given up for good.")
    for each, taken in found:
        about = f", about {escape(', '.join(sorted(each.about)))}" if each.about else ""
        of_none = "" if taken else "  [yellow](no module of the settings has it)[/]"
        out.print(f"[bold]{escape(each.module)}[/] {escape(each.name)}{about}{of_none}")
    if not found:
        none = "" if loaded.store.exists() else f" There is no store at {escape(str(loaded.store))}."
        out.print(f"Nothing is saved.{none}")


def _is_taken(saved: kept.Saved, loaded: Loaded) -> bool:
    return any(spec.id == saved.module and saved.name in spec.driver.Settings.model_fields for spec in loaded.modules)
