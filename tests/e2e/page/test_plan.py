"""The plan as a thing to handle: by mouse, wheel, fingers and keyboard."""

import pytest
from playwright.async_api import expect

from support.browser import House, Look, Viewer

pytestmark = [pytest.mark.needs("chromium"), pytest.mark.asyncio(loop_scope="session")]

VIEW = "() => { const { x, y, scale } = window.mistlocate.plan.view; return [x, y, scale] }"


async def ready(home: House, look: Look, level: str | None = None, **options: object) -> tuple[Viewer, str]:
    """Somebody looking at a floor, and a device in the middle of it."""
    viewer = await look(home, level, **options)
    mac = home.stage.add_device(map_id=home.floors[0], x=820, y=430, username="nora@example.com")
    await viewer.until("mac => window.mistlocate.plan?.devices.has(mac)", mac)
    return viewer, mac


async def view(viewer: Viewer) -> tuple[float, float, float]:
    x, y, scale = await viewer.page.evaluate(VIEW)
    return x, y, scale


async def test_dragging_moves_the_plan(home: House, look: Look) -> None:
    viewer, _ = await ready(home, look)
    x, y, scale = await view(viewer)
    mouse = viewer.page.mouse
    await mouse.move(700, 400)
    await mouse.down()
    await mouse.move(760, 420, steps=3)
    await mouse.up()
    assert await view(viewer) == pytest.approx((x + 60, y + 20, scale))
    await expect(viewer.page.locator("#details")).to_be_hidden()  # a drag chooses nobody


async def test_the_wheel_zooms_to_where_it_points(home: House, look: Look) -> None:
    viewer, mac = await ready(home, look)
    before = await viewer.spot(mac)
    _, _, scale = await view(viewer)
    await viewer.page.mouse.move(*before)
    await viewer.page.mouse.wheel(0, -400)
    await viewer.until("scale => window.mistlocate.plan.view.scale > scale * 2", scale)
    assert await viewer.spot(mac) == pytest.approx(before, abs=1)


async def test_keys_move_and_zoom_the_plan_and_show_all_of_it(home: House, look: Look) -> None:
    viewer, _ = await ready(home, look)
    start = await view(viewer)
    plan = viewer.page.locator("#plan")
    await plan.press("ArrowRight")
    await plan.press("ArrowDown")
    assert await view(viewer) == pytest.approx((start[0] - 60, start[1] - 60, start[2]))
    await plan.press("ArrowLeft")
    await plan.press("ArrowUp")
    assert await view(viewer) == pytest.approx(start)
    await plan.press("+")
    assert (await view(viewer))[2] == pytest.approx(start[2] * 1.3)
    await plan.press("-")
    assert await view(viewer) == pytest.approx(start)
    await plan.press("-")
    await plan.press("ArrowRight")
    await plan.press("0")
    assert await view(viewer) == pytest.approx(start)


async def test_buttons_zoom(home: House, look: Look) -> None:
    viewer, _ = await ready(home, look)
    start = await view(viewer)
    await viewer.page.get_by_role("button", name="Zoom in").click()
    assert (await view(viewer))[2] == pytest.approx(start[2] * 1.4)
    await viewer.page.get_by_role("button", name="Zoom out").click()
    assert await view(viewer) == pytest.approx(start)
    await viewer.page.get_by_role("button", name="Zoom out").click()
    await viewer.page.get_by_role("button", name="Show the whole floor").click()
    assert await view(viewer) == pytest.approx(start)


async def test_pointing_at_a_device_tells_who_it_is(home: House, look: Look) -> None:
    viewer, mac = await ready(home, look)
    tip = viewer.page.locator(".tip")
    await viewer.page.mouse.move(*await viewer.spot(mac))
    await expect(tip).to_contain_text(mac)
    accuracy = home.site.published(mac)["accuracy"]
    await expect(tip).to_contain_text(f"give or take {accuracy:.0f} m")
    await viewer.page.mouse.move(600, 120)
    await expect(tip).to_be_hidden()


async def test_a_click_chooses_a_device_and_one_beside_it_none(home: House, look: Look) -> None:
    viewer, mac = await ready(home, look)
    details = viewer.page.locator("#details")
    await viewer.page.mouse.click(*await viewer.spot(mac))
    await expect(details.get_by_role("heading")).to_have_text(mac)
    await expect(details).to_contain_text("HQ - Floor 1")
    await expect(details).to_contain_text("Example-Corp")
    await viewer.drawn()
    x, y = await viewer.spot(mac)
    await viewer.page.mouse.click(x + 60, y + 60)
    await expect(details).to_be_hidden()


async def test_a_tap_chooses_a_device(home: House, look: Look) -> None:
    viewer, mac = await ready(home, look, has_touch=True, is_mobile=True, viewport={"width": 390, "height": 844})
    x, y = await viewer.spot(mac)
    await viewer.page.touchscreen.tap(x + 12, y + 12)  # fingers are not that exact
    await expect(viewer.page.locator("#details").get_by_role("heading")).to_have_text(mac)


async def test_n_and_p_step_through_the_devices_in_reading_order(home: House, look: Look) -> None:
    viewer, _ = await ready(home, look)
    places = await viewer.devices()
    order = sorted(places, key=lambda mac: (places[mac][1], places[mac][0]))
    plan, heading = viewer.page.locator("#plan"), viewer.page.locator("#details h2")
    await plan.press("n")
    await expect(heading).to_have_text(order[0])
    await plan.press("n")
    await expect(heading).to_have_text(order[1])
    await plan.press("p")
    await plan.press("p")
    await expect(heading).to_have_text(order[-1])
    await plan.press("Escape")
    await expect(viewer.page.locator("#details")).to_be_hidden()


async def test_p_alone_begins_at_the_end(home: House, look: Look) -> None:
    viewer, _ = await ready(home, look)
    places = await viewer.devices()
    await viewer.page.locator("#plan").press("p")
    last = max(places, key=lambda mac: (places[mac][1], places[mac][0]))
    await expect(viewer.page.locator("#details h2")).to_have_text(last)


@pytest.mark.parametrize("level", ["support", "administrator"])
async def test_who_may_ask_is_told_why_and_the_answer_stays(locked: House, look: Look, level: str) -> None:
    viewer, mac = await ready(locked, look, level)
    await viewer.page.mouse.click(*await viewer.spot(mac))
    details = viewer.page.locator("#details")
    await details.get_by_role("button", name="Why here?").click()
    because = details.locator(".because li")
    await expect(because.first).not_to_be_empty()
    said = await because.all_text_contents()
    seen = await details.locator("dd", has_text="ago").text_content()
    await expect(details.locator("dd", has_text="ago")).not_to_have_text(seen or "")  # a second later
    assert await because.all_text_contents() == said


async def test_a_user_sees_the_device_and_is_offered_no_explanation(locked: House, look: Look) -> None:
    viewer, mac = await ready(locked, look, "user")
    await viewer.page.mouse.click(*await viewer.spot(mac))
    details = viewer.page.locator("#details")
    await expect(details.get_by_role("heading")).to_have_text(mac)
    await expect(details.get_by_role("button")).to_have_text(["Close"])
    await expect(details).not_to_contain_text("nora")


async def test_the_list_holds_what_the_plan_shows(home: House, look: Look) -> None:
    viewer, mac = await ready(home, look)
    lost = home.stage.add_device(map_id=home.floors[0], x=9000, y=200)
    await viewer.page.get_by_text("As a list").click()
    rows = viewer.page.locator(".as-list tbody tr")
    await expect(rows).to_have_count(len(home.truth(home.floors[0])))
    await expect(rows.filter(has_text=mac)).to_contain_text("820, 430")
    await rows.filter(has_text=mac).get_by_role("button").click()
    await expect(viewer.page.locator("#details h2")).to_have_text(mac)
    box = await viewer.page.locator("#plan").bounding_box()
    assert box is not None
    assert await viewer.spot(mac) == pytest.approx((box["x"] + box["width"] / 2, box["y"] + box["height"] / 2), abs=2)
    # Who has no place has a row and details, too.
    await expect(rows.filter(has_text=lost)).to_contain_text("\N{EN DASH}")
    await rows.filter(has_text=lost).get_by_role("button").click()
    await expect(viewer.page.locator("#details h2")).to_have_text(lost)
