"""The administrator's view of who asked for whom."""

import pytest
from playwright.async_api import expect

from support.browser import House, Look

pytestmark = [pytest.mark.needs("chromium"), pytest.mark.asyncio(loop_scope="session")]


async def test_who_asked_for_whom_is_shown_to_administrators(locked: House, look: Look) -> None:
    seeker = await look(locked, "user")
    await seeker.live()
    await seeker.page.get_by_role("combobox").fill("alice@example.com")
    await seeker.page.get_by_role("combobox").press("Enter")
    await expect(seeker.page.get_by_role("option")).to_have_count(1)
    viewer = await look(locked, "administrator", view="audit")
    rows = viewer.page.locator("table.audit tbody tr")
    await expect(rows.filter(has_text="locate_user")).to_have_count(1)
    cells = rows.filter(has_text="locate_user").get_by_role("cell")
    await expect(cells.nth(1)).to_have_text("user")
    await expect(cells.nth(3)).to_have_text("alice@example.com")
    await expect(viewer.page.get_by_role("link", name="Audit")).to_have_attribute("aria-current", "page")
    await viewer.page.get_by_label("Since").select_option("1")
    await expect(rows.filter(has_text="audit")).not_to_have_count(0)


async def test_it_has_the_whole_width(locked: House, look: Look) -> None:
    viewer = await look(locked, "administrator", view="audit")
    await viewer.page.get_by_role("heading", name="Who asked for whom").wait_for()
    box = await viewer.page.locator("section.stage").bounding_box()
    assert box is not None
    assert box["width"] == 1280


@pytest.mark.parametrize("level", ["user", "support"])
async def test_it_is_offered_to_nobody_else(locked: House, look: Look, level: str) -> None:
    viewer = await look(locked, level)
    await viewer.live()
    await viewer.page.evaluate("location.hash = 'audit'")
    await expect(viewer.page.get_by_role("link", name="Audit")).to_have_count(0)
    await expect(viewer.page.locator("table.audit")).to_have_count(0)
