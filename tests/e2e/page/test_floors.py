"""The floors: who is there, at the place where the network sees them."""

import re

import pytest
from playwright.async_api import expect

from support.browser import Build, House, Look, Viewer
from support.waiting import until

pytestmark = [pytest.mark.needs("chromium"), pytest.mark.asyncio(loop_scope="session")]


async def at_place(viewer: Viewer, mac: str, x: float, y: float) -> None:
    """Wait until the plan has a device there, to a pixel of the map or two."""
    await viewer.until(
        "([mac, x, y]) => { const d = window.mistlocate.plan.devices.get(mac);"
        "return d && Math.hypot(d.record.x - x, d.record.y - y) < 2 }",
        [mac, x, y],
    )


async def test_the_chooser_names_floors_and_counts_who_is_there(home: House, look: Look) -> None:
    viewer = await look(home)
    await viewer.live()
    chooser = viewer.page.locator("#levels")
    await expect(chooser.get_by_role("heading")).to_have_text("Building")
    names = [each.name for each in home.cloud.world.maps_of(home.cloud.site_id)]
    links = chooser.get_by_role("link")
    for number, (name, map_id) in enumerate(zip(names, home.floors, strict=True)):
        await expect(links.nth(number)).to_have_text(f"{name}{len(home.truth(map_id))}")
    await expect(chooser.locator("[aria-current]")).to_contain_text(names[0])


async def test_counts_follow_who_comes(home: House, look: Look) -> None:
    viewer = await look(home)
    second = viewer.page.locator("#levels a").nth(1).locator(".count")
    before = len(home.truth(home.floors[1]))
    await expect(second).to_have_text(str(before))
    home.stage.add_device(map_id=home.floors[1], x=200, y=200)
    await expect(second).to_have_text(str(before + 1))


async def test_every_device_stands_where_the_network_sees_it(home: House, look: Look) -> None:
    viewer = await look(home)
    for number, map_id in enumerate(home.floors[:2]):
        await viewer.go("floors", f"zone-{number}")
        truth = home.truth(map_id)
        assert truth
        await viewer.shows(len(truth))
        shown = await viewer.devices()
        guests = {each.mac for each in home.cloud.world.truths() if each.kind == "guest"}
        assert shown.keys() & truth.keys() == truth.keys() - guests  # guests have stand-ins for addresses
        for mac in truth.keys() - guests:
            assert shown[mac] == pytest.approx(truth[mac], abs=0.01)
        rounded = [sorted((round(x), round(y)) for x, y in places.values()) for places in (shown, truth)]
        assert rounded[0] == rounded[1]


async def test_who_moves_glides_there(home: House, look: Look) -> None:
    viewer = await look(home)
    mac = home.stage.add_device(map_id=home.floors[0], x=200, y=200)
    await at_place(viewer, mac, 200, 200)
    await viewer.page.evaluate(
        "mac => { window.between = []; const p = window.mistlocate.plan, paint = p.paint;"
        "p.paint = function () { paint.call(p); window.between.push(p.place(p.devices.get(mac)).x) } }",
        mac,
    )
    home.stage.place(mac, home.floors[0], 900, 500)
    await at_place(viewer, mac, 900, 500)
    await viewer.until("() => window.between.some((x) => x > 890)")
    between = [x for x in await viewer.page.evaluate("window.between") if 210 < x < 890]
    assert between == sorted(between)
    assert len(between) > 3


async def test_who_changes_floors_is_on_the_other_one_only(home: House, look: Look) -> None:
    viewer = await look(home)
    mac = home.stage.add_device(map_id=home.floors[0], x=200, y=200)
    await at_place(viewer, mac, 200, 200)
    home.stage.place(mac, home.floors[1], 300, 300)
    await viewer.until("mac => !window.mistlocate.plan.devices.has(mac)", mac)
    await viewer.page.locator("#levels a").nth(1).click()
    await at_place(viewer, mac, 300, 300)


async def test_the_floor_plan_is_drawn_from_the_engine_and_no_signed_link_leaks(home: House, look: Look) -> None:
    viewer = await look(home)
    await viewer.until("window.mistlocate.plan?.picture?.naturalWidth > 0")
    await viewer.drawn()
    colours = await viewer.page.evaluate(
        "() => { const p = window.mistlocate.plan, found = new Set();"
        "const data = p.pen.getImageData(0, 0, p.canvas.width, p.canvas.height).data;"
        "for (let i = 0; i < data.length; i += 4) found.add(data[i] << 16 | data[i + 1] << 8 | data[i + 2]);"
        "return found.size }"
    )
    assert colours > 50
    size = await viewer.page.evaluate(
        "[window.mistlocate.plan.picture.naturalWidth, window.mistlocate.plan.size.width]"
    )
    assert size[0] == size[1]
    assets = [url for url in viewer.troubles.urls if "/assets/map/" in url]
    assert assets == [f"{home.url}/api/engine/v2/systems/sys-1/MistWebsocket_1/assets/map/{home.floors[0]}"]
    page = await viewer.page.content()
    received = " ".join(viewer.troubles.frames)
    for text in (*viewer.troubles.urls, page, received):
        assert not re.search(r"X-Amz|Signature=|[?&](token|sig|Expires)=", text, re.IGNORECASE), text
        assert home.cloud.url not in text


async def test_a_google_map_and_a_map_without_image_have_a_grid(home: House, look: Look) -> None:
    viewer = await look(home, view="floors")
    await viewer.go("floors", "zone-2")
    await viewer.until("window.mistlocate.plan?.size.width > 100 && !window.mistlocate.plan.picture")
    await viewer.drawn()
    lines = await viewer.page.evaluate(
        "() => { const p = window.mistlocate.plan, v = p.view, r = devicePixelRatio, step = 10 ** Math.floor(Math.log10("
        "Math.max(p.size.width, p.size.height) / 4)), at = (x, y) => p.pen.getImageData("
        "Math.round((x * v.scale + v.x) * r), Math.round((y * v.scale + v.y) * r), 1, 1).data.join();"
        "const paper = at(step * 1.5, step * 0.5); let lines = 0;"
        "for (let n = 1; n < 5; n++) for (const d of [-1, 0, 1]) {"
        "const x = Math.round((step * n * v.scale + v.x) * r) + d, y = Math.round((step * 0.5 * v.scale + v.y) * r);"
        "if (p.pen.getImageData(x, y, 1, 1).data.join() !== paper) { lines++; break } } return lines }"
    )
    assert lines == 4
    assert not [url for url in viewer.troubles.urls if f"/assets/map/{home.floors[2]}" in url]


async def test_an_empty_floor_says_so(home: House, look: Look) -> None:
    viewer = await look(home)
    for mac in home.truth(home.floors[1]):
        home.stage.place(mac, home.floors[0], 300, 300)
    await until(lambda: not home.site.on_map(home.floors[1]))
    await viewer.go("floors", "zone-1")
    await expect(viewer.page.locator(".banner")).to_have_text("Nobody is on this floor.")


async def test_devices_without_a_place_are_told(home: House, look: Look) -> None:
    viewer = await look(home)
    await viewer.shows(len(home.truth(home.floors[0])))
    # Nobody stands a whole map away from the map: that is no position.
    mac = home.stage.add_device(map_id=home.floors[0], x=9000, y=200)
    await expect(viewer.page.locator(".banner")).to_have_text("1 device on this floor without a known place.")
    assert mac not in await viewer.devices()


async def test_who_is_not_seen_for_long_fades(home: House, look: Look) -> None:
    viewer = await look(home)
    mac = home.stage.add_device(map_id=home.floors[0], x=100, y=100)
    await at_place(viewer, mac, 100, 100)
    await viewer.drawn()
    accent = await viewer.colour(mac)
    assert accent == [0x17, 0x69, 0xE0]
    await viewer.page.evaluate("() => { const now = Date.now; Date.now = () => now() + 320000 }")
    await viewer.until(
        "mac => { const p = window.mistlocate.plan; return p.age(p.devices.get(mac).record) > 300 }", mac
    )
    await viewer.drawn()
    assert sum(await viewer.colour(mac)) > sum(accent) + 150  # mostly the paper shines through


async def test_who_was_not_seen_for_too_long_is_gone(build: Build, look: Look) -> None:
    home = await build(locations={"max_location_age": 0.05})
    viewer = await look(home)
    mac = home.stage.add_device(map_id=home.floors[0], x=100, y=100)
    await at_place(viewer, mac, 100, 100)
    await viewer.until("mac => !window.mistlocate.plan.devices.has(mac)", mac)


async def test_reduced_motion_lets_nobody_glide(home: House, look: Look) -> None:
    viewer = await look(home, reduced_motion="reduce")
    mac = home.stage.add_device(map_id=home.floors[0], x=200, y=200)
    await at_place(viewer, mac, 200, 200)
    await viewer.page.evaluate(
        "mac => { window.between = []; const p = window.mistlocate.plan, paint = p.paint;"
        "p.paint = function () { paint.call(p); window.between.push(p.place(p.devices.get(mac)).x) } }",
        mac,
    )
    home.stage.place(mac, home.floors[0], 900, 500)
    await viewer.until("() => window.between.some((x) => x > 890)")
    assert not [x for x in await viewer.page.evaluate("window.between") if 210 < x < 890]


async def test_accuracy_circles_are_as_large_as_the_uncertainty(home: House, look: Look) -> None:
    viewer = await look(home)
    mac = home.stage.add_device(map_id=home.floors[0], x=700, y=400)
    await at_place(viewer, mac, 700, 400)
    await viewer.page.evaluate("mac => window.mistlocate.plan.select(mac)", mac)
    arcs = await viewer.page.evaluate(
        "mac => { const p = window.mistlocate.plan, arc = p.pen.arc, found = [];"
        "p.pen.arc = (x, y, radius, ...rest) => { found.push(radius); arc.call(p.pen, x, y, radius, ...rest) };"
        "p.paint(); delete p.pen.arc;"
        "return [found, p.devices.get(mac).record.variance, p.view.scale, p.devices.size] }",
        mac,
    )
    found, variance, scale, count = arcs
    plan = home.cloud.world.maps[home.floors[0]]
    assert pytest.approx(variance * plan.ppm * scale, rel=1e-3) in found
    assert len(found) == 2 * count + 1  # a circle and a dot for each, a ring around the chosen one
