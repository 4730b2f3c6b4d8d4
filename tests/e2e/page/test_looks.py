"""Light and dark, small screens, keyboards and screen readers."""

import pytest
from playwright.async_api import expect

from support.browser import House, Look, Viewer

pytestmark = [pytest.mark.needs("chromium"), pytest.mark.asyncio(loop_scope="session")]

PHONE = {"width": 390, "height": 844}
VIEWS = ["floors", "backoffice", "mapping"]
PAPER = {"light": "rgb(255, 255, 255)", "dark": "rgb(26, 33, 43)"}
NOT_WIDER = "() => document.documentElement.scrollWidth <= window.innerWidth"


async def paper(viewer: Viewer) -> str:
    return str(await viewer.page.locator("header").evaluate("(header) => getComputedStyle(header).backgroundColor"))


async def unfolded(viewer: Viewer) -> None:
    """Open everything that can be opened."""
    await viewer.page.evaluate("() => document.querySelectorAll('details').forEach((each) => { each.open = true })")


async def prepared(viewer: Viewer, view: str) -> None:
    """A view with as much to be seen as it can have."""
    await viewer.go(view)
    if view == "floors":
        await viewer.until("() => window.mistlocate.plan?.devices.size > 3")
        await viewer.page.get_by_role("combobox").fill("al")
        await viewer.page.get_by_role("option").first.wait_for()
        await viewer.page.locator("#plan").press("n")
        await viewer.page.get_by_role("button", name="Why here?").click()
        await viewer.page.locator(".because").wait_for()
    elif view == "backoffice":
        await viewer.command("find_people").wait_for()
        await viewer.page.locator("button", has_text="Save").wait_for(state="attached")
        await viewer.page.locator("tr").filter(has_text="stream_state").wait_for()
    else:
        await viewer.page.locator("tr[data-map]").first.wait_for()
    await unfolded(viewer)


@pytest.mark.parametrize("theme", ["light", "dark"])
@pytest.mark.parametrize("view", VIEWS)
async def test_no_view_has_what_axe_calls_serious_or_critical(home: House, look: Look, theme: str, view: str) -> None:
    if view == "mapping":
        await home.engine.save_settings(
            "mod-sys-1-MistLocations-1", {"floorplan_mappings": {"gone": {"level": "zone-0"}}}
        )
    viewer = await look(home, color_scheme=theme)
    await prepared(viewer, view)
    assert await paper(viewer) == PAPER[theme]
    assert await viewer.violations() == []
    if view == "backoffice":
        command = viewer.command("format_mac")
        await command.get_by_role("button", name="Execute").click()  # a field with an error
        await command.get_by_role("alert").wait_for()
        assert await viewer.violations() == []


@pytest.mark.parametrize("theme", ["light", "dark"])
async def test_nor_has_signing_in_or_aligning(home: House, locked: House, look: Look, theme: str) -> None:
    door = await look(locked, view="", color_scheme=theme)
    door.troubles.allow("status of 401")
    await door.page.get_by_label("API key").fill("wrong")
    await door.page.get_by_label("API key").press("Enter")
    await door.page.get_by_role("alert").wait_for()
    assert await door.violations() == []
    viewer = await look(home, view="mapping", color_scheme=theme)
    await viewer.page.get_by_role("button", name="Align").first.click()
    await viewer.page.get_by_role("dialog").wait_for()
    assert await viewer.violations() == []


async def test_colours_follow_the_system_until_somebody_chooses(home: House, look: Look) -> None:
    viewer = await look(home, color_scheme="dark")
    button = viewer.page.locator("#theme")
    await expect(button).to_have_attribute("aria-label", "Colours: auto. Change")
    assert await paper(viewer) == PAPER["dark"]
    await viewer.page.emulate_media(color_scheme="light")
    assert await paper(viewer) == PAPER["light"]
    await button.click()
    await button.click()
    await expect(button).to_have_attribute("aria-label", "Colours: dark. Change")
    assert await paper(viewer) == PAPER["dark"]
    await viewer.page.reload()
    assert await paper(viewer) == PAPER["dark"]
    await viewer.page.emulate_media(color_scheme="dark")
    await button.click()
    await button.click()
    assert await paper(viewer) == PAPER["light"]


async def test_the_plan_changes_its_colours_as_well(home: House, look: Look) -> None:
    viewer = await look(home, color_scheme="light")
    await viewer.go("floors", "zone-2")  # a grid, which has no colours of its own
    corner = "() => [...window.mistlocate.plan.pen.getImageData(2, 2, 1, 1).data].slice(0, 3).join()"
    await viewer.until(f"() => ({corner})() === '242,244,248'")
    await viewer.page.locator("#theme").click()
    await viewer.page.locator("#theme").click()
    await viewer.until(f"() => ({corner})() === '17,22,29'")


@pytest.mark.parametrize("view", VIEWS)
async def test_nothing_is_wider_than_a_phone_and_all_is_within_reach(home: House, look: Look, view: str) -> None:
    viewer = await look(home, viewport=PHONE, has_touch=True, is_mobile=True)
    await prepared(viewer, view)
    assert await viewer.page.evaluate(NOT_WIDER)
    hidden = await viewer.page.evaluate(
        # What can be worked with can be brought on screen, and is as large as it has to be.
        "() => [...document.querySelectorAll('main a, main button, main input, main select, main textarea, main summary, main canvas,"
        " header a, header button')].filter((each) => each.checkVisibility()).map((each) => {"
        "each.scrollIntoView({block: 'nearest', inline: 'nearest'}); const box = each.getBoundingClientRect();"
        "return box.left < -1 || box.right > innerWidth + 1 || box.top < -1 || box.top > innerHeight - 8 || box.width < 8 || box.height < 8"
        "? `${each.outerHTML.slice(0, 80)} ${Math.round(box.left)} ${Math.round(box.top)} ${Math.round(box.width)}` : '' })"
        ".filter(Boolean)"
    )
    assert hidden == []


async def test_the_plan_is_large_enough_on_a_phone(home: House, look: Look) -> None:
    viewer = await look(home, viewport=PHONE, has_touch=True, is_mobile=True)
    await viewer.until("() => window.mistlocate.plan?.devices.size > 3")
    box = await viewer.page.locator("#plan").bounding_box()
    assert box is not None
    assert box["width"] >= 380
    assert box["height"] >= 300
    assert box["y"] + box["height"] <= PHONE["height"]


async def test_signing_in_fits_a_phone(locked: House, look: Look) -> None:
    viewer = await look(locked, view="", viewport=PHONE)
    viewer.troubles.allow("status of 401")
    await viewer.page.get_by_label("API key").wait_for()
    assert await viewer.page.evaluate(NOT_WIDER)


@pytest.mark.parametrize("view", ["backoffice", "mapping"])
async def test_the_skip_link_leads_into_the_view_that_is_open(home: House, look: Look, view: str) -> None:
    viewer = await look(home, view=view)
    await viewer.live()
    await viewer.page.keyboard.press("Tab")
    await viewer.page.keyboard.press("Enter")
    await expect(viewer.page.locator("main")).to_be_focused()
    await expect(viewer.page.locator("main")).to_have_class(view)


async def test_times_are_in_the_viewers_zone(home: House, look: Look) -> None:
    viewer = await look(home, timezone_id="Asia/Kolkata", locale="en-GB")
    await viewer.until("() => window.mistlocate.plan?.devices.size > 3")
    await viewer.page.locator("#plan").press("n")
    seen = viewer.page.locator("#details dd", has_text="ago").or_(viewer.page.locator("#details dd", has_text="now"))
    shown = await seen.first.text_content() or ""
    expected = await viewer.page.evaluate(
        "() => { const p = window.mistlocate.plan, s = p.devices.get(p.selected).record.last_seen;"
        "return new Date((s + 5.5 * 3600) * 1000).toISOString().slice(11, 16) }"
    )
    assert shown.startswith(expected)


async def focused(viewer: Viewer) -> str:
    """What has the focus, as its id, its text or its label."""
    return str(
        await viewer.page.evaluate(
            "() => { const e = document.activeElement; return e === document.body ? '' :"
            " e.id || e.getAttribute('aria-label') || e.textContent.trim() }"
        )
    )


async def tabs(viewer: Viewer, last: str, at_most: int = 60) -> list[str]:
    """Press Tab until something has the focus; returns what had it on the way."""
    way: list[str] = []
    while last not in way and len(way) < at_most:
        await viewer.page.keyboard.press("Tab")
        way.append(await focused(viewer))
    return way


async def test_tab_alone_leads_through_every_view(home: House, look: Look) -> None:
    viewer = await look(home)
    await viewer.live()
    await viewer.shows(len(home.truth(home.floors[0])))
    way = await tabs(viewer, "As a list")
    names = [each.name for each in home.cloud.world.maps_of(home.cloud.site_id)]
    assert way[:7] == ["Skip to content", "Floors", "Backoffice", "Mapping", "Audit", "theme", "search"]
    assert [text.rstrip("0123456789") for text in way[7:10]] == [text.rstrip("0123456789") for text in names]
    assert way[10:] == ["plan", "Zoom in", "Zoom out", "Show the whole floor", "As a list"]

    await tabs(viewer, "Backoffice")
    await viewer.page.keyboard.press("Enter")
    await viewer.command("maps").wait_for()
    await viewer.page.locator("tr").filter(has_text="stream_state").wait_for()
    command = viewer.command("maps").locator("summary")
    way = await tabs(viewer, (await command.text_content() or "").strip(), at_most=200)
    assert [text for text in way if text.startswith(("MistWebsocket_1", "MistLocations_1"))]
    await viewer.page.keyboard.press("Enter")
    await tabs(viewer, "Execute")
    await viewer.page.keyboard.press("Enter")
    await expect(viewer.command("maps").locator(".answer pre")).to_contain_text(home.floors[0])

    await tabs(viewer, "Mapping", at_most=200)
    await viewer.page.keyboard.press("Enter")
    await viewer.page.locator("#apply").wait_for()
    way = await tabs(viewer, "apply", at_most=200)
    name = names[0]
    for wanted in (f"building of {name}", f"level of {name}", f"Name of the level of {name}", "Align", f"Unmap {name}"):
        assert wanted in way
