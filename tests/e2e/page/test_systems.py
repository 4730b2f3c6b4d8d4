"""Several systems, none, and an engine whose settings change while somebody looks."""

from typing import Any

import pytest
from playwright.async_api import expect

from mistlocate.engines.embedded.access import hash_key
from support.browser import KEYS, Build, House, Look
from support.waiting import until

pytestmark = [pytest.mark.needs("chromium"), pytest.mark.asyncio(loop_scope="session")]

NOBODY = r"ERR_CONNECTION|ERR_EMPTY_RESPONSE|ERR_SOCKET|WebSocket connection|status of 503"


def modules(home: House, mappings: dict[str, Any], **locations: Any) -> list[dict[str, Any]]:
    """The pair, with other mappings."""
    websocket = home.settings["systems"][0]["modules"][0]
    settings = {"publish_levels": True, "floorplan_mappings": mappings, **locations}
    return [websocket, {"driver": "MistLocations", "settings": settings}]


async def second_system(home: House) -> None:
    """A system beside the first one, which has the second floor only."""
    mappings = {home.floors[1]: {"building": "zone-b", "level": "zone-1", "level_name": "The only floor"}}
    other = {"id": "sys-2", "name": "Annex", "modules": modules(home, mappings)}
    await home.change(systems=[{**home.settings["systems"][0], "name": "Main"}, other])
    await until(lambda: (found := home.engine.board.get("mod-sys-2-MistLocations-1", "zone-1")) and found.value)


async def test_one_of_several_systems_is_chosen_and_stays_chosen(home: House, look: Look) -> None:
    await second_system(home)
    viewer = await look(home)
    chooser = viewer.page.get_by_role("combobox", name="System")
    await expect(chooser.locator("option")).to_have_text(["Main", "Annex"])
    await expect(viewer.page.locator("#levels a")).to_have_count(3)
    await viewer.page.locator("#levels a").first.click()
    await chooser.focus()
    await chooser.select_option("Annex")
    await expect(viewer.page.locator("#levels a")).to_have_text([f"The only floor{len(home.truth(home.floors[1]))}"])
    await viewer.shows(len(home.truth(home.floors[1])))
    await expect(chooser).to_be_focused()
    await until(lambda: home.bindings("levels") == 1)
    await viewer.page.reload()
    await expect(viewer.page.locator("#levels a")).to_have_count(1)
    await viewer.page.get_by_role("link", name="Mapping").click()
    await expect(viewer.page.locator(f'tr[data-map="{home.floors[0]}"] .flag')).to_have_text("not mapped")
    # Modules of the two have the same names.
    await viewer.page.get_by_role("link", name="Backoffice").click()
    menu = viewer.page.get_by_role("navigation", name="Modules")
    await expect(menu.get_by_role("heading")).to_have_text(["Main", "Annex"])
    await expect(viewer.page.locator(".stage > h2")).to_have_text("MistWebsocket_1 · Juniper Mist Websocket · Annex")


async def test_a_single_system_is_no_choice(home: House, look: Look) -> None:
    viewer = await look(home)
    await viewer.live()
    await expect(viewer.page.locator("#system")).to_be_hidden()


async def test_levels_that_are_not_published_are_said_to_be_so(build: Build, look: Look) -> None:
    home = await build(locations={"publish_levels": False})
    viewer = await look(home)
    await viewer.says("Floors are not published: set publish_levels on MistLocations.")


async def test_an_engine_without_systems_and_one_without_the_pair_say_so(home: House, look: Look) -> None:
    await home.change(systems=[])
    viewer = await look(home, view="")
    await viewer.says("The settings of this engine name no system.")
    await home.change(systems=[{"id": "sys-1", "modules": []}])
    await viewer.page.reload()
    await viewer.says("There is no MistLocations in this system.")
    await expect(viewer.page.locator("#health")).to_have_text("Connected")
    await expect(viewer.page.locator("#search")).to_be_hidden()


async def test_an_engine_that_comes_back_with_other_settings_is_shown_as_it_is_now(home: House, look: Look) -> None:
    viewer = await look(home)
    viewer.troubles.allow(NOBODY)
    await viewer.shows(len(home.truth(home.floors[0])))
    await viewer.until("window.mistlocate.plan.picture?.naturalWidth > 0")  # nothing is under way when it goes
    await viewer.page.evaluate("() => { window.same = true }")
    await home.stop()
    await expect(viewer.page.locator("#health")).to_contain_text("No connection")
    zones = [{**each, "name": "Tower"} if each["id"] == "zone-b" else each for each in home.settings["zones"]]
    pair = modules(home, {home.floors[1]: {"building": "zone-b", "level": "zone-1"}})
    home.settings = {**home.settings, "zones": zones, "systems": [{"id": "sys-9", "modules": pair}]}
    await home.open()
    await expect(viewer.page.locator("#levels h2")).to_have_text("Tower")
    await viewer.shows(len(home.truth(home.floors[1])))
    await viewer.live()
    assert await viewer.page.evaluate("window.same")


async def test_mappings_that_are_taken_away_leave_nobody_on_the_plan(home: House, look: Look) -> None:
    viewer = await look(home)
    await viewer.shows(len(home.truth(home.floors[0])))
    await home.engine.save_settings("mod-sys-1-MistLocations-1", {"floorplan_mappings": {}})
    await viewer.says("No map is mapped to a level yet.")
    await viewer.shows(0)
    assert home.bindings("zone-0") == 0
    await home.engine.save_settings("mod-sys-1-MistLocations-1", {}, ("floorplan_mappings",))
    await viewer.shows(len(home.truth(home.floors[0])))


async def test_a_key_that_may_less_than_before_is_offered_less(locked: House, look: Look) -> None:
    viewer = await look(locked, "administrator")
    viewer.troubles.allow("status of 401")
    await viewer.live()
    await locked.change(api_keys=[{"name": "few", "level": "user", "hash": hash_key(KEYS["administrator"])}])
    await viewer.page.get_by_role("link", name="Mapping").click()
    await expect(viewer.page.get_by_role("navigation", name="Views").get_by_role("link")).to_have_text(
        ["Floors", "Backoffice"]
    )
    await viewer.shows(len(locked.truth(locked.floors[0])))


async def test_levels_of_the_same_name_are_told_apart(home: House, look: Look) -> None:
    more = [{"id": f"zone-x{number}", "name": f"House {number}"} for number in (1, 2)]
    more += [{"id": f"zone-y{number}", "name": "Ground floor", "parent": f"zone-x{number}"} for number in (1, 2)]
    await home.change(zones=[*home.settings["zones"], *more])
    viewer = await look(home, view="mapping")
    level = viewer.page.locator(f'tr[data-map="{home.floors[0]}"] select').nth(1)
    await level.select_option("Ground floor (House 2)")
    await expect(level).to_have_value("zone-y2")


async def test_a_clock_that_is_wrong_in_the_browser_makes_nobody_old(home: House, look: Look) -> None:
    viewer = await look(home, view="")
    await viewer.page.add_init_script("{ const now = Date.now; Date.now = () => now() + 3600000; }")
    await viewer.page.reload()
    mac = home.stage.add_device(map_id=home.floors[0], x=700, y=400, username="nora@example.com")
    await viewer.until("mac => window.mistlocate.plan?.devices.has(mac)", mac)
    age = "mac => { const p = window.mistlocate.plan; return p.age(p.devices.get(mac).record) < 60 }"
    await viewer.until(age, mac)
    await viewer.page.get_by_role("combobox", name="Search").fill("nora")
    await expect(viewer.page.get_by_role("option")).not_to_contain_text("h ago")


async def test_a_phone_keeps_the_plan_however_many_buildings_there_are(home: House, look: Look) -> None:
    buildings = [{"id": f"zone-x{number}", "name": f"House {number}"} for number in range(20)]
    levels = [{"id": f"zone-y{number}", "name": "L" * 150, "parent": f"zone-x{number}"} for number in range(20)]
    mappings = {
        f"map-{number}": {"building": f"zone-x{number}", "level": f"zone-y{number}"} for number in range(20)
    } | home.site.host("MistLocations_1").settings["floorplan_mappings"]
    systems = [{"id": "sys-1", "modules": modules(home, mappings)}]
    viewer = await look(home, viewport={"width": 390, "height": 844}, has_touch=True)
    await viewer.go("floors", "zone-1")
    await home.change(zones=[*home.settings["zones"], *buildings, *levels], systems=systems)
    await expect(viewer.page.locator("#levels a")).to_have_count(23)
    current = viewer.page.locator("#levels [aria-current]")
    await expect(current).to_contain_text("HQ - Floor 2")
    await expect(current).to_be_in_viewport()
    assert await viewer.page.locator("#plan").evaluate("(plan) => plan.clientHeight") > 300
    assert await viewer.page.evaluate("document.documentElement.scrollWidth <= window.innerWidth")
