"""What somebody reads, marks, clicks or works on stays while everything around it changes."""

import pytest
from playwright.async_api import expect

from support.browser import House, Look
from support.waiting import until

pytestmark = [pytest.mark.needs("chromium"), pytest.mark.asyncio(loop_scope="session")]

LOCATIONS, MIST = "mod-sys-1-MistLocations-1", "mod-sys-1-MistWebsocket-1"


async def test_details_can_be_marked_and_clicked_while_they_grow_older(home: House, look: Look) -> None:
    viewer = await look(home)
    await viewer.shows(len(home.truth(home.floors[0])))
    await viewer.page.locator("#plan").press("n")
    details = viewer.page.locator("#details")
    await expect(details).to_be_visible()
    await viewer.page.evaluate(
        "() => { window.parts = [...document.querySelectorAll('#details h2, #details dt, #details dd, #details button')];"
        "getSelection().selectAllChildren(document.querySelector('#details h2')) }"
    )
    marked = await viewer.page.evaluate("getSelection().toString()")
    seen = await details.locator("dd", has_text="ago").text_content()
    await expect(details.locator("dd", has_text="ago")).not_to_have_text(seen or "")
    assert await viewer.page.evaluate("window.parts.every((each) => each.isConnected)")
    assert marked
    assert await viewer.page.evaluate("getSelection().toString()") == marked


async def test_rows_of_the_list_stay_while_others_come_and_go(home: House, look: Look) -> None:
    viewer = await look(home)
    here = len(home.truth(home.floors[0]))
    await viewer.shows(here)
    await viewer.page.get_by_text("As a list").click()
    rows = viewer.page.locator(".as-list tbody tr")
    await expect(rows).to_have_count(here)
    await rows.last.get_by_role("button").focus()
    await viewer.page.evaluate("() => { window.rows = [...document.querySelectorAll('.as-list tbody tr')] }")
    first = await rows.first.get_by_role("button").text_content()
    home.stage.add_device(map_id=home.floors[0], x=50, y=50)
    await expect(rows).to_have_count(here + 1)
    assert await viewer.page.evaluate("window.rows.every((each) => each.isConnected)")
    await expect(viewer.page.locator(".as-list button:focus")).to_have_count(1)
    if first in home.truth(home.floors[0]):  # guests have stand-ins
        home.stage.place(first, home.floors[1], 300, 300)
        await expect(rows.filter(has_text=first)).to_have_count(0)
        assert await viewer.page.evaluate("window.rows.slice(1).every((each) => each.isConnected)")


async def test_who_closes_the_details_is_back_at_the_plan(home: House, look: Look) -> None:
    viewer = await look(home)
    await viewer.shows(len(home.truth(home.floors[0])))
    await viewer.page.locator("#plan").press("n")
    await viewer.page.locator("#details").get_by_role("button", name="Close").press("Enter")
    await expect(viewer.page.locator("#details")).to_be_hidden()
    await expect(viewer.page.locator("#plan")).to_be_focused()


async def test_stepping_brings_who_is_out_of_sight_into_it(home: House, look: Look) -> None:
    viewer = await look(home)
    here = len(home.truth(home.floors[0]))
    await viewer.shows(here)
    box = await viewer.page.locator("#plan").bounding_box()
    assert box is not None
    for _ in range(8):
        await viewer.page.locator("#plan").press("+")
    for _ in range(here):
        await viewer.page.locator("#plan").press("n")
        x, y = await viewer.spot(await viewer.page.evaluate("window.mistlocate.plan.selected"))
        assert box["x"] <= x <= box["x"] + box["width"]
        assert box["y"] <= y <= box["y"] + box["height"]


async def test_found_people_fold_away_with_a_click_elsewhere_and_come_back(home: House, look: Look) -> None:
    viewer = await look(home)
    await viewer.page.get_by_role("combobox", name="Search").fill("al")
    await expect(viewer.page.get_by_role("option").first).to_be_visible()
    await viewer.page.locator("#plan").click(position={"x": 300, "y": 20})
    await expect(viewer.page.get_by_role("option").first).to_be_hidden()
    await viewer.page.get_by_role("combobox", name="Search").click()
    await expect(viewer.page.get_by_role("option").first).to_be_visible()


async def test_who_is_found_where_no_level_is_has_details_all_the_same(home: House, look: Look) -> None:
    mac = home.stage.add_device(map_id=home.floors[1], x=500, y=300, username="nora@example.com")
    await until(lambda: mac in home.site.owns("nora@example.com"))
    mappings = home.site.host("MistLocations_1").settings["floorplan_mappings"]
    await home.engine.save_settings(
        LOCATIONS, {"floorplan_mappings": {**mappings, home.floors[1]: {"building": "zone-b"}}}
    )
    viewer = await look(home)
    await viewer.page.get_by_role("combobox", name="Search").fill("nora")
    await viewer.page.get_by_role("option").click()
    details = viewer.page.locator("#details")
    await expect(details.get_by_role("heading")).to_have_text("nora@example.com")
    await expect(details).to_contain_text("Building")
    seen = await details.locator("dd", has_text="ago").text_content()
    await expect(details.locator("dd", has_text="ago")).not_to_have_text(seen or "")


async def test_a_status_that_was_opened_stays_open_whatever_becomes_of_it(home: House, look: Look) -> None:
    viewer = await look(home)
    await viewer.go("backoffice", MIST)
    row = viewer.status(home.floors[0])
    await row.get_by_role("button", name="all of it").click()
    await expect(row.locator("pre")).to_be_focused()
    mac = home.stage.add_device(map_id=home.floors[0], x=50, y=50)
    await expect(row.locator("pre")).to_contain_text(mac)
    await expect(row.locator("pre")).to_be_focused()


async def test_who_executes_by_keyboard_stays_at_the_button(home: House, look: Look) -> None:
    viewer = await look(home)
    await viewer.go("backoffice", MIST)
    command = viewer.command("maps")
    await command.locator("summary").click()
    await command.get_by_role("button", name="Execute").press("Enter")
    await expect(command.get_by_role("status")).to_contain_text("Answered after")
    await expect(command.get_by_role("button", name="Execute")).to_be_focused()
    assert await command.locator("[aria-live] pre, [role=status] pre").count() == 0  # pages of JSON are not read out


async def test_the_head_of_a_module_is_made_anew_only_when_it_says_something_else(home: House, look: Look) -> None:
    viewer = await look(home)
    await viewer.go("backoffice", LOCATIONS)
    await viewer.page.get_by_role("button", name="Stop").wait_for()
    await viewer.page.evaluate("() => { window.button = document.querySelector('.summary button') }")
    for _ in range(2):
        async with viewer.page.expect_response("**/v2/modules"):
            pass
    await viewer.drawn()
    assert await viewer.page.evaluate("window.button.isConnected")


async def test_settings_that_are_being_typed_stay_when_another_goes_back_to_the_file(home: House, look: Look) -> None:
    await home.engine.save_settings(LOCATIONS, {"max_location_age": 9})
    viewer = await look(home)
    await viewer.go("backoffice", LOCATIONS)
    await viewer.page.locator('.stage > details > summary:text-is("Settings")').click()
    await viewer.page.get_by_label("publish_levels").select_option("false")
    await viewer.page.get_by_role("button", name="Take the file's again").click()
    await viewer.says("Saved; it is in force now.")
    await expect(viewer.page.get_by_role("button", name="Take the file's again")).to_have_count(0)
    await expect(viewer.page.get_by_label("publish_levels")).to_have_value("false")


async def test_a_level_that_is_corrected_takes_its_name_and_building_along(home: House, look: Look) -> None:
    more = [{"id": "zone-x", "name": "Annex"}, {"id": "zone-y", "name": "Loft", "parent": "zone-x"}]
    await home.change(zones=[*home.settings["zones"], *more])
    first = home.floors[0]
    mappings = home.site.host("MistLocations_1").settings["floorplan_mappings"]
    await home.engine.save_settings(
        LOCATIONS, {"floorplan_mappings": {k: v for k, v in mappings.items() if k != first}}
    )
    viewer = await look(home, view="mapping")
    row = viewer.page.locator(f'tr[data-map="{first}"]')
    building, level, name = row.locator("select").first, row.locator("select").nth(1), row.get_by_role("textbox")
    await level.select_option("zone-1")
    await expect(name).to_have_value("HQ - Floor 2")
    await level.select_option("zone-y")
    await expect(name).to_have_value("Loft")
    await expect(building).to_have_value("zone-x")
    await name.fill("Under the roof")
    await level.select_option("zone-0")
    await expect(name).to_have_value("Under the roof")


async def test_a_name_that_was_just_typed_does_not_take_the_next_click(home: House, look: Look) -> None:
    viewer = await look(home, view="mapping")
    row = viewer.page.locator(f'tr[data-map="{home.floors[0]}"]')
    await row.get_by_role("textbox").fill("Downstairs")
    await row.get_by_role("button", name="Align").click()
    await expect(viewer.page.get_by_role("dialog")).to_be_visible()
    await viewer.page.get_by_role("button", name="Cancel").click()
    await row.get_by_role("button", name="Unmap").click()
    await row.get_by_role("textbox").fill("The name first")
    await row.locator("select").nth(1).select_option("zone-1")
    await expect(row.get_by_role("textbox")).to_have_value("The name first")


async def test_mappings_that_were_not_applied_are_there_when_one_comes_back(home: House, look: Look) -> None:
    viewer = await look(home, view="mapping")
    name = viewer.page.locator(f'tr[data-map="{home.floors[0]}"] input')
    await name.fill("Downstairs")
    await name.blur()
    await viewer.says("Not applied yet.")
    await viewer.page.get_by_role("link", name="Floors").click()
    await viewer.shows(len(home.truth(home.floors[0])))
    await viewer.page.get_by_role("link", name="Mapping").click()
    await expect(name).to_have_value("Downstairs")
    await viewer.says("Not applied yet.")
    await viewer.page.locator("#apply").click()
    await viewer.says("Applied. To keep it, put the YAML below into the settings file.")
    await expect(viewer.page.get_by_text("Not applied yet.")).to_have_count(0)


async def test_who_has_aligned_a_map_is_back_at_its_row(home: House, look: Look) -> None:
    viewer = await look(home, view="mapping")
    align = viewer.page.locator(f'tr[data-map="{home.floors[1]}"]').get_by_role("button", name="Align")
    await align.click()
    dialog = viewer.page.get_by_role("dialog")
    for board in (dialog.locator("canvas").first, dialog.locator("canvas").last):
        for x, y in ((40, 40), (240, 40), (40, 140)):
            await board.click(position={"x": x, "y": y})
    await dialog.get_by_role("button", name="Use this").click()
    await expect(dialog).to_have_count(0)
    changed = viewer.page.locator(f'tr[data-map="{home.floors[1]}"]').get_by_role("button", name="Aligned, change")
    await expect(changed).to_be_focused()


async def test_a_file_that_is_no_image_is_said_to_be_none(home: House, look: Look) -> None:
    viewer = await look(home, view="mapping")
    await viewer.page.locator(f'tr[data-map="{home.floors[0]}"]').get_by_role("button", name="Align").click()
    dialog = viewer.page.get_by_role("dialog")
    await dialog.locator("input[type=file]").set_input_files(
        {"name": "plan.pdf", "mimeType": "application/pdf", "buffer": b"%PDF-1.4"}
    )
    await expect(dialog.get_by_role("alert")).to_have_text("plan.pdf is no image that this browser can show.")
