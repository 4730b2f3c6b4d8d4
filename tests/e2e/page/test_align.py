"""Aligning a Mist map with the building's own plan: three points on each."""

import io
from typing import Any

import pytest
from PIL import Image
from playwright.async_api import Locator, expect

from support.browser import House, Look, Viewer
from support.waiting import until

pytestmark = [pytest.mark.needs("chromium"), pytest.mark.asyncio(loop_scope="session")]

#: The same three spots, as fractions of the Mist map and of the building's own plan.
ON_MAP = [(0.25, 0.25), (0.75, 0.25), (0.25, 0.75)]
ON_PLAN = [(0.1, 0.1), (0.9, 0.1), (0.1, 0.9)]


def plan() -> dict[str, Any]:
    """An image of 400 by 200 pixels, as an upload."""
    picture = io.BytesIO()
    Image.new("RGB", (400, 200), "#c0ffee").save(picture, "PNG")
    return {"name": "plan.png", "mimeType": "image/png", "buffer": picture.getvalue()}


async def dialog(home: House, look: Look) -> tuple[Viewer, Locator]:
    """The dialog for the first floor."""
    viewer = await look(home)
    await viewer.go("mapping")
    await viewer.page.get_by_role("button", name="Align").first.click()
    return viewer, viewer.page.get_by_role("dialog", name="Align HQ - Floor 1")


async def upload(viewer: Viewer, within: Locator) -> None:
    await within.get_by_label("Image of the building's own plan").set_input_files(plan())
    # Its shape is the board's from now on, and its colour is there.
    await viewer.until("() => document.querySelectorAll('dialog canvas')[1].height === 320")


async def click(board: Locator, points: list[tuple[float, float]]) -> None:
    for x, y in points:
        await board.scroll_into_view_if_needed()
        box = await board.bounding_box()
        assert box is not None
        await board.click(position={"x": x * (box["width"] - 2), "y": y * (box["height"] - 2)})


async def apply(viewer: Viewer) -> None:
    await viewer.page.locator("#apply").click()
    await viewer.says("Applied.")


def mapping(home: House) -> dict[str, Any]:
    found: dict[str, Any] = home.site.host("MistLocations_1").settings["floorplan_mappings"][home.floors[0]]
    return found


async def test_three_clicks_on_each_plan_align_them_and_people_stand_on_the_buildings_plan(
    home: House, look: Look
) -> None:
    viewer, it = await dialog(home, look)
    boards, use = it.locator("canvas"), it.get_by_role("button", name="Use this")
    await expect(it.get_by_role("status")).to_have_text("Mark point 1 on the Mist map.")
    await upload(viewer, it)
    await click(boards.nth(0), ON_MAP)
    await expect(it.get_by_role("status")).to_have_text("Mark point 1 on the building's plan.")
    await expect(use).to_be_disabled()
    await click(boards.nth(1), ON_PLAN)
    await expect(it.get_by_role("status")).to_have_text("Ready.")
    await use.click()
    await expect(it).to_have_count(0)
    await expect(viewer.page.get_by_role("button", name="Aligned, change")).to_be_visible()
    await apply(viewer)
    kept = mapping(home)
    assert (kept["width"], kept["height"]) == (400, 200)
    for each, at_map, at_plan in zip(kept["align"], ON_MAP, ON_PLAN, strict=True):
        assert each["pixel"] == pytest.approx([at_map[0] * 1600, at_map[1] * 900], abs=5)
        assert each["fraction"] == pytest.approx(at_plan, abs=0.005)
    mac = home.stage.add_device(map_id=home.floors[0], x=800, y=450)
    await viewer.page.get_by_role("link", name="Floors").click()
    await viewer.until("mac => window.mistlocate.plan?.devices.has(mac)", mac)
    assert (await viewer.devices())[mac] == pytest.approx((200, 100), abs=3)
    assert await viewer.page.evaluate("window.mistlocate.plan.size") == {"width": 400, "height": 200}
    assert await viewer.page.evaluate("window.mistlocate.plan.picture") is None  # that is Mist's image, not this plan


async def test_the_images_are_those_of_the_map_and_of_the_upload_which_is_not_sent(home: House, look: Look) -> None:
    viewer, it = await dialog(home, look)
    bodies: list[str] = []
    viewer.page.on("request", lambda request: bodies.append(request.method))
    await upload(viewer, it)
    middle = "(canvas) => [...canvas.getContext('2d').getImageData(canvas.width / 2, canvas.height - 5, 1, 1).data].slice(0, 3)"
    assert await it.locator("canvas").nth(1).evaluate(middle) == [0xC0, 0xFF, 0xEE]
    await viewer.until(
        "() => { const c = document.querySelector('dialog canvas'), found = new Set();"
        "const data = c.getContext('2d').getImageData(0, 0, c.width, c.height).data;"
        "for (let i = 0; i < data.length; i += 4) found.add(data.slice(i, i + 4).join()); return found.size > 50 }"
    )
    assert set(bodies) <= {"GET"}


async def test_points_can_be_set_by_keyboard_alone(home: House, look: Look) -> None:
    viewer, it = await dialog(home, look)
    keyboard = viewer.page.keyboard
    for number, points in enumerate((ON_MAP, ON_PLAN)):
        await it.locator("canvas").nth(number).focus()
        x, y = 0.5, 0.5
        for to_x, to_y in points:
            for distance, less, more in ((to_x - x, "ArrowLeft", "ArrowRight"), (to_y - y, "ArrowUp", "ArrowDown")):
                for _ in range(round(abs(distance) * 100)):
                    await keyboard.press(more if distance > 0 else less)
            await keyboard.press("Enter")
            x, y = to_x, to_y
    await it.get_by_role("button", name="Use this").press("Enter")
    await apply(viewer)
    assert [each["fraction"] for each in mapping(home)["align"]] == [pytest.approx(each, abs=1e-3) for each in ON_PLAN]
    pixels = [each["pixel"] for each in mapping(home)["align"]]
    assert pixels == [pytest.approx([x * 1600, y * 900], abs=0.2) for x, y in ON_MAP]


async def test_the_cursor_is_seen_with_the_focus_and_stays_on_the_plan(home: House, look: Look) -> None:
    viewer, it = await dialog(home, look)
    board = it.locator("canvas").nth(1)
    looks = "(canvas) => canvas.toDataURL()"
    before = await board.evaluate(looks)
    await board.focus()
    assert await board.evaluate(looks) != before
    for _ in range(60):
        await viewer.page.keyboard.press("ArrowLeft")
    await viewer.page.keyboard.press("ArrowRight")
    await viewer.page.keyboard.press("Enter")
    await viewer.page.keyboard.press("ArrowRight")  # so that the ring is beside the point
    at = "(c) => [...c.getContext('2d').getImageData(Math.round(c.width * 0.01) + 4, c.height / 2 - 3, 1, 1).data].slice(0, 3)"
    assert await board.evaluate(at) == [0xD1, 0x24, 0x2F]


async def test_points_on_one_line_are_refused(home: House, look: Look) -> None:
    _, it = await dialog(home, look)
    await click(it.locator("canvas").nth(0), [(0.1, 0.5), (0.5, 0.5), (0.9, 0.5)])
    await click(it.locator("canvas").nth(1), ON_PLAN)
    await expect(it.get_by_role("status")).to_have_text("The points lie on one line: start over with others.")
    await expect(it.get_by_role("button", name="Use this")).to_be_disabled()
    await it.get_by_role("button", name="Start over").click()
    await expect(it.get_by_role("status")).to_have_text("Mark point 1 on the Mist map.")


async def test_an_alignment_can_be_taken_away_and_leaving_changes_nothing(home: House, look: Look) -> None:
    viewer, it = await dialog(home, look)
    await click(it.locator("canvas").nth(0), ON_MAP)
    await click(it.locator("canvas").nth(1), ON_PLAN)
    await viewer.page.keyboard.press("Escape")
    await expect(it).to_have_count(0)
    await expect(viewer.page.get_by_role("button", name="Aligned, change")).to_have_count(0)
    await viewer.page.get_by_role("button", name="Align").first.click()
    await upload(viewer, it)
    await click(it.locator("canvas").nth(0), ON_MAP)
    await click(it.locator("canvas").nth(1), ON_PLAN)
    await it.get_by_role("button", name="Use this").click()
    await viewer.page.get_by_role("button", name="Aligned, change").click()
    await expect(it.get_by_role("status")).to_have_text("Ready.")
    await it.get_by_role("button", name="Not aligned").click()
    await apply(viewer)
    await until(lambda: mapping(home).keys() == {"building", "level", "level_name", "campus"})


async def test_a_map_without_sizes_cannot_be_aligned(home: House, look: Look) -> None:
    viewer, it = await dialog(home, look)
    await it.get_by_role("button", name="Cancel").click()
    assert await viewer.page.get_by_role("button", name="Align").count() == len(
        [each for each in home.site.status("maps") if each["width"]]
    )
