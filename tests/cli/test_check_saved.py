"""`mistlocate check` looks at what will really run: the file, and over it what was saved at run time."""

import asyncio
import json
import sqlite3
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, closing
from pathlib import Path
from typing import Any

import pytest
from click.testing import Result
from typer.testing import CliRunner

from mistlocate.cli.app import app
from mistlocate.cli.output import Exit
from mistlocate.engines.embedded.config import load_file
from mistlocate.engines.embedded.store import Store
from mistlocate.engines.embedded.store_file import VERSION
from mistlocate.setup.init import Made, make_settings, write
from mistlocate.simulator import Campus, SimulatedCloud

WEBSOCKET, LOCATIONS = "mod-sys-location-MistWebsocket-1", "mod-sys-location-MistLocations-1"


@pytest.fixture
async def made() -> AsyncIterator[Made]:
    """What `init` makes of a site of a simulated cloud, which runs for the length of the test."""
    async with SimulatedCloud(Campus(people=20, floors=2), autorun=False) as cloud:
        yield await make_settings(cloud.url, cloud.token, site=cloud.site_id)


@asynccontextmanager
async def opened(path: Path, **saved: dict[str, Any]) -> AsyncIterator[Store]:
    """The store of a settings file, with settings saved for its modules, as an engine has it open."""
    store = Store(load_file(path).store)
    await store.open()
    try:
        for name, settings in saved.items():
            await store.save_settings({"websocket": WEBSOCKET, "locations": LOCATIONS}[name], settings)
        yield store
    finally:
        await store.close()


async def keep(path: Path, **saved: dict[str, Any]) -> None:
    """Save settings for the modules of a file, as an engine did that has ended."""
    async with opened(path, **saved):
        pass


async def check(path: Path, *more: str) -> Result:
    return await asyncio.to_thread(CliRunner().invoke, app, ["check", str(path), *more])


def told(found: Result) -> dict[str, str]:
    """What the findings are about, with how they are meant, result and hint."""
    (module,) = json.loads(found.stdout)["modules"]
    return {each["what"]: f"{each['verdict']}: {each['result']} ({each['hint']})" for each in module["findings"]}


async def test_mappings_that_were_saved_count_and_are_named(made: Made, tmp_path: Path) -> None:
    path = tmp_path / "settings.yaml"
    mappings = made.settings["systems"][0]["modules"][1]["settings"].pop("floorplan_mappings")
    write(made, path)
    async with opened(path, locations={"floorplan_mappings": mappings}):
        found = await check(path, "--json")
    assert found.exit_code == Exit.DONE, found.output
    assert told(found)["mappings"].startswith("ok: every map is mapped")
    note = told(found)["saved"]
    assert note.startswith("note: floorplan_mappings of MistLocations_1: saved at run time")
    assert f"mistlocate saved -s {path} --drop {LOCATIONS} SETTING" in note
    assert not any(map_id in note for map_id in mappings)
    ended = await check(path)
    assert ended.exit_code == Exit.DONE, ended.output
    assert "People can be found." in ended.stdout


async def test_what_was_saved_and_is_wrong_is_found(made: Made, tmp_path: Path) -> None:
    path = tmp_path / "settings.yaml"
    write(made, path)
    await keep(path, locations={"floorplan_mappings": {}})
    found = await check(path)
    assert found.exit_code == Exit.FAILED
    assert "3 maps have no mapping" in found.stdout
    assert "add its mappings to those that were saved" in found.stdout
    await keep(path, websocket={"site_id": "ea57dcee-516a-5fde-abca-aa9b6f371622"})
    found = await check(path, "--json")
    assert found.exit_code == Exit.FAILED
    assert told(found)["site"].startswith("problem: ")


async def test_what_was_saved_and_does_not_fit_is_left_out_as_the_engine_does(made: Made, tmp_path: Path) -> None:
    path = tmp_path / "settings.yaml"
    write(made, path)
    await keep(path, locations={"floorplan_mappings": {}, "max_location_age": "wanda"})
    found = await check(path, "--json")
    assert found.exit_code == Exit.DONE, found.output
    note = told(found)["saved"]
    assert note.startswith("note: floorplan_mappings, max_location_age of MistLocations_1: saved at run time, and does")
    assert "max_location_age: " in note
    assert "wanda" not in found.output


async def test_what_was_saved_and_is_damaged_keeps_the_engine_from_starting(made: Made, tmp_path: Path) -> None:
    path = tmp_path / "settings.yaml"
    write(made, path)
    await keep(path, locations={"max_location_age": 20})
    with closing(sqlite3.connect(load_file(path).store, isolation_level=None)) as store:
        store.execute("UPDATE saved_settings SET value = '{broken'")
    found = await check(path, "--json")
    assert found.exit_code == Exit.FAILED
    assert "damaged; the engine does not start" in told(found)["saved"]


async def test_objections_are_no_setting_to_give_up(made: Made, tmp_path: Path) -> None:
    path = tmp_path / "settings.yaml"
    write(made, path)
    await keep(path, websocket={"objections": {"key": "0" * 64, "revision": 1, "opted_out": []}})
    found = await check(path, "--json")
    assert found.exit_code == Exit.DONE, found.output
    assert "saved" not in told(found)


async def test_objections_that_do_not_fit_keep_the_module_from_running(made: Made, tmp_path: Path) -> None:
    path = tmp_path / "settings.yaml"
    write(made, path)
    await keep(path, websocket={"objections": {"opted_out": "wanda"}})
    found = await check(path, "--json")
    assert found.exit_code == Exit.FAILED
    assert "the module does not run" in told(found)["saved"]
    assert "wanda" not in found.output


async def test_of_a_newer_store_the_file_alone_is_checked(made: Made, tmp_path: Path) -> None:
    path = tmp_path / "settings.yaml"
    write(made, path)
    await keep(path, locations={"floorplan_mappings": {}})
    with closing(sqlite3.connect(load_file(path).store, isolation_level=None)) as store:
        store.execute(f"PRAGMA user_version = {VERSION + 1}")
    found = await check(path, "--json")
    assert found.exit_code == Exit.DONE, found.output
    assert "the file alone is checked" in told(found)["saved"]
    assert "written by a newer mistlocate" in told(found)["saved"]


async def test_without_a_store_nothing_is_said_and_none_is_made(made: Made, tmp_path: Path) -> None:
    path = tmp_path / "settings.yaml"
    write(made, path)
    found = await check(path, "--json")
    assert found.exit_code == Exit.DONE, found.output
    assert "saved" not in told(found)
    assert not load_file(path).store.exists()
