from collections.abc import AsyncIterator
from contextlib import AsyncExitStack
from pathlib import Path
from typing import Any

import pytest_asyncio
from playwright.async_api import Browser, async_playwright, expect

from conftest import program
from support.browser import LAUNCH, PATIENCE, Build, House, Look, Viewer, house, viewer

expect.set_options(timeout=PATIENCE)


@pytest_asyncio.fixture(scope="session", loop_scope="session")
async def browser() -> AsyncIterator[Browser]:
    """One browser for all tests of a worker."""
    async with async_playwright() as playwright:
        launched = await playwright.chromium.launch(executable_path=program("chromium"), args=LAUNCH)
        yield launched
        await launched.close()


@pytest_asyncio.fixture(loop_scope="session")
async def home(tmp_path: Path) -> AsyncIterator[House]:
    """An engine without keys: who calls from this machine is its administrator."""
    async with house(tmp_path) as one:
        yield one


@pytest_asyncio.fixture(loop_scope="session")
async def locked(tmp_path: Path) -> AsyncIterator[House]:
    """An engine with a key for each level."""
    folder = tmp_path / "locked"
    folder.mkdir()
    async with house(folder, keys=True) as one:
        yield one


@pytest_asyncio.fixture(loop_scope="session")
async def build(tmp_path: Path) -> AsyncIterator[Build]:
    """Make a house of another kind; it stands until everybody has left."""
    async with AsyncExitStack() as undo:

        async def build_house(**options: Any) -> House:
            return await undo.enter_async_context(house(tmp_path, **options))

        yield build_house


@pytest_asyncio.fixture(loop_scope="session")
async def look(browser: Browser, build: Build) -> AsyncIterator[Look]:
    """Open the page; several viewers each have a context of their own."""
    async with AsyncExitStack() as undo:

        async def open_page(at: House, level: str | None = None, view: str = "floors", **options: Any) -> Viewer:
            made = await undo.enter_async_context(viewer(browser, at, level, **options))
            await made.go(view)
            return made

        yield open_page
