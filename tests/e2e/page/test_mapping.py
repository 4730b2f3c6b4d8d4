"""The mapping assistant: which level each Mist map is."""

from pathlib import Path
from typing import Any

import pytest
import yaml
from playwright.async_api import Locator, expect

from mistlocate.engines.embedded.config import load
from mistlocate.yamltext import loads
from support.browser import House, Look, Viewer
from support.waiting import until

pytestmark = [pytest.mark.needs("chromium"), pytest.mark.asyncio(loop_scope="session")]

LOCATIONS = "mod-sys-1-MistLocations-1"


async def mapping(home: House, look: Look, mappings: dict[str, Any] | None = None, **options: Any) -> Viewer:
    """The assistant, with other mappings in force than those of the file."""
    if mappings is not None:
        await home.engine.save_settings(LOCATIONS, {"floorplan_mappings": mappings})
    viewer = await look(home, **options)
    await viewer.go("mapping")
    await viewer.page.locator("#apply").wait_for()
    return viewer


def row(viewer: Viewer, map_id: str) -> Locator:
    return viewer.page.locator(f'tr[data-map="{map_id}"]')


async def apply(viewer: Viewer) -> None:
    await viewer.page.locator("#apply").click()
    await viewer.says("Applied. To keep it, put the YAML below into the settings file.")


def in_force(home: House) -> Any:
    return home.site.host("MistLocations_1").settings["floorplan_mappings"]


async def written(viewer: Viewer) -> Any:
    """What the YAML of the page says."""
    return yaml.safe_load(await viewer.page.locator(".stage > details pre").text_content() or "")["floorplan_mappings"]


async def test_every_map_stands_beside_its_zones_with_a_thumbnail(home: House, look: Look) -> None:
    viewer = await mapping(home, look)
    rows = viewer.page.locator("tbody tr")
    await expect(rows).to_have_count(3)
    for number, map_id in enumerate(home.floors):
        await expect(row(viewer, map_id)).to_contain_text(home.cloud.world.maps[map_id].name)
        await expect(row(viewer, map_id).get_by_label("building of")).to_have_value("zone-b")
        await expect(row(viewer, map_id).get_by_label("level of", exact=False).first).to_be_visible()
        await expect(row(viewer, map_id).locator("select").nth(1)).to_have_value(f"zone-{number}")
    await viewer.until(
        "ids => ids.every((id) => document.querySelector(`tr[data-map='${id}'] img`)?.naturalWidth > 0)",
        home.floors[:2],
    )
    await expect(row(viewer, home.floors[2]).locator(".thumbnail")).to_be_visible()  # a grid
    await expect(row(viewer, home.floors[2]).locator("img")).to_have_count(0)
    await expect(viewer.page.locator(".flag")).to_have_count(0)


async def test_what_is_not_mapped_and_gone_and_doubled_is_marked(home: House, look: Look) -> None:
    first, second, yard = home.floors
    viewer = await mapping(home, look, {"gone-map": {"level": "zone-1"}, yard: {"level": "zone-2"}})
    await expect(row(viewer, first).locator(".flag")).to_have_text("not mapped")
    await expect(row(viewer, "gone-map").locator(".flag")).to_have_text("no such map on the site")
    await expect(row(viewer, yard).locator(".flag")).to_have_count(0)
    for map_id in (first, second):
        await row(viewer, map_id).locator("select").nth(1).select_option("zone-0")
    for map_id in (first, second):
        await expect(row(viewer, map_id).locator(".flag")).to_have_text("two maps on one level")
    await row(viewer, second).locator("select").nth(1).select_option("zone-1")
    await expect(row(viewer, first).locator(".flag")).to_have_count(0)


async def test_a_level_that_is_chosen_and_applied_shows_its_people(home: House, look: Look) -> None:
    first, second, _ = home.floors
    viewer = await mapping(home, look, {first: {"level": "zone-0"}})
    await row(viewer, second).locator("select").nth(1).select_option("zone-1")
    await expect(row(viewer, second).locator("select").first).to_have_value("zone-b")  # a level knows its building
    await expect(row(viewer, second).get_by_role("textbox")).to_have_value("HQ - Floor 2")
    await row(viewer, second).get_by_role("textbox").fill("Upstairs")
    await apply(viewer)
    wanted = {first: {"level": "zone-0"}, second: {"level": "zone-1", "building": "zone-b", "level_name": "Upstairs"}}
    assert in_force(home) == wanted
    await expect(viewer.page.locator(".stage > details pre")).to_be_visible()
    assert await written(viewer) == wanted
    await viewer.page.get_by_role("link", name="Floors").click()
    link = viewer.page.locator("#levels a", has_text="Upstairs")
    await expect(link.locator(".count")).to_have_text(str(len(home.truth(second))))
    await link.click()
    await viewer.shows(len(home.truth(second)))


NAMES = [
    "No", "null", "12", "1.5", "2024-01-01", "0x1f", "=", "~", "- a", "a: b # c", "'quoted' \"twice\"", "back\\slash",
    "Empfang, Größe 7 m²", "階 3", "😀", "no\u00a0break\u2028line", "\x7f\x85\ufeff", "*alias", "&anchor", "!tag", "%", "@", "`",
    "${HOME} and $${HOME}",
]  # fmt: skip


async def test_yaml_of_any_name_says_what_was_applied_and_can_be_kept(home: House, look: Look, tmp_path: Path) -> None:
    first, *_ = home.floors
    mappings = {
        **{f"map-{number}": {"level": "zone-0", "level_name": name} for number, name in enumerate(NAMES)},
        first: {"building": "zone-b", "level": "zone-0", "campus": "zone-c"},
        "true": {"level": "zone-1", "width": 1200.5, "height": 800},
    }
    viewer = await mapping(home, look, mappings)
    text = await viewer.page.locator(".stage > details pre").text_content() or ""
    await viewer.page.locator("summary", has_text="YAML").click()
    assert yaml.safe_load(await viewer.page.locator(".stage > details pre").inner_text()) == yaml.safe_load(text)
    websocket = home.settings["systems"][0]["modules"][0]
    modules = [websocket, {"driver": "MistLocations", "settings": loads(text)}]
    file = {**home.settings, "systems": [{"id": "sys-1", "modules": modules}]}
    assert load(file, tmp_path).modules[1].settings["floorplan_mappings"] == mappings


async def test_unmapping_takes_people_off_and_the_files_mappings_come_back(home: House, look: Look) -> None:
    first, *_ = home.floors
    before = in_force(home)
    viewer = await mapping(home, look)
    await row(viewer, first).get_by_role("button", name="Unmap").click()
    await expect(row(viewer, first).locator(".flag")).to_have_text("not mapped")
    await apply(viewer)
    assert first not in in_force(home)
    await until(
        lambda: [each["zone"] for each in home.site.status("levels", "MistLocations_1")] == ["zone-1", "zone-2"]
    )
    await viewer.page.get_by_role("button", name="Take the file's again").click()
    await viewer.says("The file's mappings are in force again.")
    assert in_force(home) == before
    await expect(viewer.page.locator(".flag")).to_have_count(0)


async def test_what_the_engine_refuses_is_said_and_what_was_chosen_stays(home: House, look: Look) -> None:
    first, *_ = home.floors
    viewer = await mapping(home, look)
    viewer.troubles.allow("status of 400")
    # A zone that somebody takes away from the file meanwhile.
    await home.engine.save_settings(LOCATIONS, {"floorplan_mappings": {}})
    zones = [each for each in home.settings["zones"] if each["id"] != "zone-1"]
    systems = [{**home.settings["systems"][0], "modules": home.settings["systems"][0]["modules"][:1]}]
    systems[0]["modules"] += [{"driver": "MistLocations", "settings": {"publish_levels": True}}]
    await home.change(zones=zones, systems=systems)
    await viewer.page.locator("#apply").click()
    await expect(viewer.page.get_by_role("alert")).to_contain_text("no zone 'zone-1'")
    await expect(row(viewer, first).locator("select").nth(1)).to_have_value("zone-0")


async def test_choosing_by_keyboard_keeps_the_focus(home: House, look: Look) -> None:
    viewer = await mapping(home, look)
    select = row(viewer, home.floors[1]).locator("select").nth(1)
    await select.focus()
    await viewer.page.keyboard.press("ArrowDown")
    await expect(select).to_have_value("zone-2")
    await expect(select).to_be_focused()
    await viewer.page.keyboard.press("ArrowUp")
    await expect(select).to_have_value("zone-1")
    await viewer.page.keyboard.press("Tab")
    await expect(row(viewer, home.floors[1]).get_by_role("textbox")).to_be_focused()


async def test_the_assistant_is_for_administrators(locked: House, look: Look) -> None:
    viewer = await look(locked, "support")
    await viewer.page.goto(f"{locked.url}/#mapping")
    await expect(viewer.page.locator("#levels a").first).to_be_visible()
    await expect(viewer.page.locator("#apply")).to_have_count(0)
    assert not [url for url in viewer.troubles.urls if url.endswith("/settings")]


async def test_maps_that_come_later_are_offered(home: House, look: Look) -> None:
    new = home.stage.add_map("Annex")
    await home.site.mist("sync_clients")
    await until(lambda: any(each["id"] == new for each in home.site.status("maps")))
    viewer = await mapping(home, look)
    await expect(row(viewer, new).locator(".flag")).to_have_text("not mapped")
