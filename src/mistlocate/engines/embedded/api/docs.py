"""The API's own documentation: one page, made from the OpenAPI document and the drivers, loading nothing elsewhere."""

from collections.abc import Iterable, Mapping
from html import escape
from typing import Any

from fastapi import FastAPI
from fastapi.responses import HTMLResponse

from mistlocate import __version__
from mistlocate.driver.base import Driver
from mistlocate.driver.command import Command, commands_of
from mistlocate.engines.embedded.api.common import BASE
from mistlocate.engines.embedded.drivers import DRIVERS

_ABOUT = """
<p>Every call needs a level: <b>user</b>, <b>support</b> or <b>administrator</b>. Send an API key as the header
<code>X-API-Key</code>; while no keys are configured, callers on this machine are administrators.</p>
<p>Arguments of commands are a JSON array by position, or an object by name. Errors are
<code>{error, message, hint}</code>: 400 bad arguments or unknown command, 401 no key or level too low, 403 host or
origin not allowed, 404 no such thing, 408 a body that does not come, 413 one of more than 1 MiB, 429 too much at once
(<code>Retry-After</code> says how long to wait), 500 the module raised (<code>error</code> is the kind), 503 the module
is not running.</p>
<p>The control socket is at <code>{base}/systems/control</code>: send <code>{"id": 1, "sys": "…", "mod":
"MistWebsocket", "index": 1, "cmd": "bind", "name": "stream_state"}</code> to follow a status. Where a header cannot be
sent, <code>{"api_key": "…"}</code> as the first message signs in. The machine-readable
document is <a href="/openapi.json">/openapi.json</a>, the engine's health <a href="/health">/health</a>.</p>
"""


def install(app: FastAPI) -> None:
    """Serve the page of this application."""

    @app.get("/docs", include_in_schema=False)
    async def docs() -> HTMLResponse:
        return HTMLResponse(page(app.openapi()))


def page(openapi: Mapping[str, Any]) -> str:
    """The whole page."""
    parts = [
        "<!doctype html><html lang='en'><head><meta charset='utf-8'>",
        "<meta name='viewport' content='width=device-width, initial-scale=1'>",
        "<title>mistlocate API</title><link rel='icon' href='data:,'>",
        "<link rel='stylesheet' href='/page/docs.css'></head>",
        f"<body><main><h1>mistlocate</h1><p class='soft'>version {escape(__version__)}</p>",
        _ABOUT.replace("{base}", BASE),
        "<h2>Paths</h2>",
        _table(("", "path", "what it does"), _paths(openapi)),
    ]
    for driver in DRIVERS.values():
        parts += _driver(driver)
    parts.append("</main></body></html>")
    return "".join(parts)


def _paths(openapi: Mapping[str, Any]) -> Iterable[tuple[str, ...]]:
    for path, methods in openapi["paths"].items():
        for method, operation in methods.items():
            text = str(operation.get("description") or operation.get("summary") or "")
            yield _code(method.upper()), _code(path), escape(text)


def _driver(driver: type[Driver[Any]]) -> list[str]:
    commands = [
        (_code(_signature(command)), escape(command.level.label), escape(command.description))
        for command in commands_of(driver).values()
    ]
    statuses = [
        (_code(key), escape(info.level.label), escape(info.description)) for key, info in driver.statuses.items()
    ]
    if driver.other_statuses.description != "not described":
        other = driver.other_statuses
        statuses.append(("others", escape(other.level.label), escape(other.description)))
    return [
        f"<h2>{escape(driver.generic_name)}</h2><p>{escape(driver.description)}</p>",
        _table(("command", "level", "what it does"), commands),
        _table(("status", "level", "what it is"), statuses),
    ]


def _signature(command: Command) -> str:
    arguments = [each.name if each.required else f"{each.name}?" for each in command.parameters]
    return f"{command.name}({', '.join(arguments)})"


def _code(text: str) -> str:
    return f"<code>{escape(text)}</code>"


def _table(head: tuple[str, ...], rows: Iterable[tuple[str, ...]]) -> str:
    top = "".join(f"<th scope='col'>{escape(cell)}</th>" for cell in head)
    body = "".join("<tr>" + "".join(f"<td>{cell}</td>" for cell in row) + "</tr>" for row in rows)
    return f"<div class='scroll' tabindex='0'><table><thead><tr>{top}</tr></thead><tbody>{body}</tbody></table></div>"
