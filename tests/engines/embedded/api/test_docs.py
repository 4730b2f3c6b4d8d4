"""The documentation page, as text and in a real browser."""

import re
from collections.abc import Callable
from contextlib import AbstractAsyncContextManager

import pytest
from playwright.async_api import Request, async_playwright

from conftest import program
from mistlocate.driver.command import commands_of
from mistlocate.engines.embedded.drivers import DRIVERS
from mistlocate.engines.embedded.engine import Engine
from mistlocate.engines.embedded.server import serving
from support.api import BASE, client, root

Running = Callable[..., AbstractAsyncContextManager[Engine]]


async def test_every_path_command_and_status_is_on_it(running: Running) -> None:
    async with running() as engine, client(engine) as http:
        page = (await http.get(f"{root(http)}/docs")).text
        openapi = (await http.get(f"{root(http)}/openapi.json")).json()
        for path in openapi["paths"]:
            assert f"<code>{path}</code>" in page
        for driver in DRIVERS.values():
            assert all(f"<code>{name}(" in page for name in commands_of(driver))
            assert all(f"<code>{name}</code>" in page for name in driver.statuses)
        assert "{base}" not in page


async def test_the_openapi_document_describes_what_is_served(running: Running) -> None:
    async with running() as engine, client(engine) as http:
        openapi = (await http.get(f"{root(http)}/openapi.json")).json()
        assert openapi["info"]["title"] == "mistlocate"
        execute = openapi["paths"]["/api/engine/v2/systems/{system_id}/{slug}/{method}"]["post"]
        assert execute["requestBody"]["content"]["application/json"]["schema"]
        assert all(
            operation.get("description") for methods in openapi["paths"].values() for operation in methods.values()
        )


async def test_the_openapi_document_names_the_errors(running: Running) -> None:
    async with running() as engine, client(engine) as http:
        paths = (await http.get(f"{root(http)}/openapi.json")).json()["paths"]
        everywhere = {"200", "401", "403", "429", "default"}
        assert set(paths[f"{BASE}/systems"]["get"]["responses"]) == everywhere
        assert set(paths[f"{BASE}/zones/{{zone_id}}"]["get"]["responses"]) == everywhere | {"404"}
        settings = paths[f"{BASE}/modules/{{module_id}}/settings"]["put"]
        assert set(settings["responses"]) == everywhere | {"400", "404", "413"}
        assert settings["requestBody"]["content"]["application/json"]["schema"] == {"type": "object"}
        for path in ("/systems/{system_id}/{slug}/{method}", "/modules/{module_id}/exec/{method}"):
            responses = paths[BASE + path]["post"]["responses"]
            assert set(responses) == everywhere | {"400", "404", "413", "429", "500", "503"}


@pytest.mark.needs("chromium")
async def test_a_browser_shows_it_and_loads_nothing_from_elsewhere(running: Running) -> None:
    async with running() as engine, serving(engine, "127.0.0.1", 0) as url, async_playwright() as playwright:
        browser = await playwright.chromium.launch(
            executable_path=program("chromium"),
            args=["--no-sandbox", "--disable-background-networking", "--disable-component-update", "--no-first-run"],
        )
        page = await browser.new_page()
        asked: list[str] = []
        complaints: list[str] = []

        def note(request: Request) -> None:
            asked.append(request.url)

        page.on("request", note)
        page.on("console", lambda message: complaints.append(message.text))
        page.on("pageerror", lambda error: complaints.append(str(error)))
        await page.goto(f"{url}/docs")
        assert await page.inner_text("h1") == "mistlocate"
        assert await page.locator("table").count() >= 5
        styled = await page.evaluate("getComputedStyle(document.querySelector('main')).maxWidth")
        assert styled != "none", "the style sheet was taken"
        await browser.close()
    assert complaints == []
    assert all(re.match(rf"{re.escape(url)}/|data:", each) for each in asked)
