"""The commands that ask a running engine."""

import time
from collections.abc import Mapping
from contextlib import aclosing
from typing import Annotated, Any

import typer

from mistlocate import jsontext
from mistlocate.cli.arguments import arguments
from mistlocate.cli.locating import Found, describe, find
from mistlocate.cli.output import Exit, err, escape, out, print_json, print_table, run, shown_json, table, want_json
from mistlocate.client.engine_client import DEFAULT_URL, EngineClient

Module = Annotated[str, typer.Argument(help="Module, for example MistWebsocket_1.")]
System = Annotated[str | None, typer.Option("--system", help="The system, where several have such a module.")]
Url = Annotated[str, typer.Option("--url", envvar="MISTLOCATE_URL", help="Address of the engine.")]
Key = Annotated[
    str | None, typer.Option("--api-key", envvar="MISTLOCATE_API_KEY", show_envvar=True, help="API key, if it asks.")
]
Json = Annotated[bool, typer.Option("--json", callback=want_json, help="Print JSON, errors included.")]


def register(app: typer.Typer) -> None:
    """Add the commands of this file."""
    app.command("locate", help="Where is somebody, or a device?")(locate)
    app.command("exec", help="Run a command of a module.")(execute)
    app.command("modules", help="List the modules and their state.")(modules)
    app.command("status", help="Print one status of a module, or all.")(status)
    app.command("watch", help="Print a status whenever it changes.")(watch)


def locate(
    who: Annotated[str, typer.Argument(help="E-mail address, user name, or MAC.")],
    system: System = None,
    url: Url = DEFAULT_URL,
    api_key: Key = None,
    json: Json = False,
) -> None:
    """Where is somebody, or a device?"""

    async def work() -> Found:
        async with EngineClient(url, api_key) as engine:
            return await find(engine, who, system)

    found = run(work())
    if json:
        print_json(found.locations)
    elif found.locations:
        for line in describe(found, time.time() + found.ahead):
            out.print(line)
    if not found.locations:
        err.print(f"[bold]{escape(who)}[/] cannot be located")
        for reason in found.because:
            err.print(f"  [dim]{escape(reason)}[/]")
        raise typer.Exit(Exit.NOT_FOUND)


def execute(
    module: Module,
    command: Annotated[str, typer.Argument(help="Command; without one the commands are listed.")] = "",
    words: Annotated[
        list[str] | None, typer.Argument(metavar="[ARG]...", help="Arguments in order, or as name=value.")
    ] = None,
    system: System = None,
    url: Url = DEFAULT_URL,
    api_key: Key = None,
    json: Json = False,
) -> None:
    """Run a command of a module. The answer is JSON either way."""

    async def work() -> Any:
        async with EngineClient(url, api_key) as engine:
            where = await engine.system_of(module, system)
            functions = await engine.functions(where, module)
            if not command:
                return functions
            if command not in functions:
                # Let the engine say whether it is unknown or not for this caller.
                return await engine.execute(where, module, command)
            return await engine.execute(where, module, command, arguments(words or [], functions[command]))

    answer = run(work())
    if command or json:
        print_json(answer)
    else:
        _print_functions(answer)


def _print_functions(functions: Mapping[str, Any]) -> None:
    rows = table("command", "level", "what it does")
    for name, function in functions.items():
        given = " ".join(f"[{each}]" if "default" in function["params"][each] else each for each in function["order"])
        rows.add_row(
            *(escape(text) for text in (f"{name} {given}".strip(), function["level"], function["description"]))
        )
    print_table(rows)


def modules(url: Url = DEFAULT_URL, api_key: Key = None, json: Json = False) -> None:
    """List the modules and their state."""

    async def work() -> list[dict[str, Any]]:
        async with EngineClient(url, api_key) as engine:
            return await engine.modules()

    found = run(work())
    if json:
        print_json(found)
        return
    rows = table("module", "system", "state", "connected", "problem")
    for module in found:
        connected = {True: "yes", False: "no"}.get(module["connected"], "-")
        texts = (module["slug"], module["system_id"], module["state"], connected, module["problem"] or "")
        rows.add_row(*(escape(text) for text in texts))
    print_table(rows)


def status(
    module: Module,
    key: Annotated[str, typer.Argument(help="Name of the status; without one all are printed.")] = "",
    system: System = None,
    url: Url = DEFAULT_URL,
    api_key: Key = None,
    json: Json = False,
) -> None:
    """Print one status of a module, or all."""

    async def work() -> Any:
        async with EngineClient(url, api_key) as engine:
            where = await engine.system_of(module, system)
            return await (engine.status(where, module, key) if key else engine.state(where, module))

    found = run(work())
    if json or key:
        print_json(found)
        return
    rows = table("status", "value")
    for name, value in found.items():
        text = jsontext.dumps(value).decode()
        rows.add_row(escape(name), escape(text if len(text) <= 300 else f"{text[:300]}… ({len(text)} bytes)"))
    print_table(rows)


def watch(
    module: Module,
    key: Annotated[str, typer.Argument(help="Name of the status.")],
    system: System = None,
    url: Url = DEFAULT_URL,
    api_key: Key = None,
    json: Json = False,
) -> None:
    """Print a status whenever it changes, one value a line, until interrupted."""

    async def work() -> None:
        async with EngineClient(url, api_key) as engine:
            where = await engine.system_of(module, system)
            async with aclosing(engine.watch(where, module, key)) as values:
                async for value in values:
                    text = shown_json(jsontext.dumps(value).decode())
                    typer.echo(text if json else f"{time.strftime('%H:%M:%S')}  {text}")

    run(work())
