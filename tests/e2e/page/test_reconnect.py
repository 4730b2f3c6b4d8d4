"""When the engine goes away and comes back, or the cloud does."""

import asyncio

import pytest
from playwright.async_api import Route, expect

from support.browser import House, Look
from support.waiting import until

pytestmark = [pytest.mark.needs("chromium"), pytest.mark.asyncio(loop_scope="session")]

#: What the browser itself writes on its console while nobody answers.
NOBODY = r"ERR_CONNECTION|ERR_EMPTY_RESPONSE|ERR_SOCKET|WebSocket connection|status of 503"


@pytest.mark.parametrize("level", [None, "user"])
async def test_an_engine_that_comes_back_is_live_again_without_a_reload(
    home: House, locked: House, look: Look, level: str | None
) -> None:
    house = locked if level else home
    viewer = await look(house, level)
    viewer.troubles.allow(NOBODY)
    await viewer.live()
    await viewer.shows(len(house.truth(house.floors[0])))
    await viewer.until("window.mistlocate.plan.picture?.naturalWidth > 0")  # nothing is under way when it goes
    await viewer.page.evaluate("() => { window.same = true }")
    await house.stop()
    health = viewer.page.locator("#health")
    await expect(health).to_have_text("No connection to the engine, trying again …")
    await expect(viewer.page.locator("body")).to_have_class("offline")
    assert await viewer.devices()  # the last that is known stays on the plan
    house.stage.remove(next(iter(house.truth(house.floors[0]))))
    new = house.stage.add_device(map_id=house.floors[0], x=99, y=99)
    await house.start()
    await viewer.live()
    await viewer.until("mac => window.mistlocate.plan.devices.has(mac)", new)
    await viewer.shows(len(house.truth(house.floors[0])))
    await expect(viewer.page.locator("body")).not_to_have_class("offline")
    assert await viewer.page.evaluate("window.same")
    for key in ("levels", "zone-0", "stream_state", "stream_reason"):
        assert house.bindings(key) == 1, key


async def test_going_back_and_forth_binds_each_status_once(home: House, look: Look) -> None:
    viewer = await look(home)
    for _ in range(3):
        for view in ("Backoffice", "Mapping", "Floors"):
            await viewer.page.get_by_role("link", name=view).click()
            await viewer.page.locator(f"main.{view.lower()}").wait_for()
    await viewer.shows(len(home.truth(home.floors[0])))
    await until(lambda: home.bindings("last_frame") == 0)  # only the backoffice looks at that
    for key in ("levels", "zone-0", "stream_state", "stream_reason"):
        await until(lambda key=key: home.bindings(key) == 1)
    await viewer.page.get_by_role("link", name="Floor 2").click()
    await until(lambda: (home.bindings("zone-0"), home.bindings("zone-1")) == (0, 1))


async def test_a_view_that_was_left_while_it_loads_stays_left(home: House, look: Look) -> None:
    viewer = await look(home)
    held, release = asyncio.Event(), asyncio.Event()

    async def hold(route: Route) -> None:
        held.set()
        await release.wait()
        await route.continue_()

    await viewer.page.route("**/MistWebsocket_1/maps", hold)
    await viewer.page.get_by_role("link", name="Mapping").click()
    await held.wait()
    await viewer.page.get_by_role("link", name="Floors").click()
    await viewer.shows(len(home.truth(home.floors[0])))
    async with viewer.page.expect_response("**/MistWebsocket_1/maps"):
        release.set()
    await viewer.drawn()
    await expect(viewer.page.locator("main #plan")).to_be_visible()
    await expect(viewer.page.locator("#apply")).to_have_count(0)


async def test_a_backoffice_that_is_open_lives_on(home: House, look: Look) -> None:
    viewer = await look(home)
    viewer.troubles.allow(NOBODY)
    await viewer.go("backoffice", "mod-sys-1-MistWebsocket-1")
    await expect(viewer.status("last_frame").locator("td")).not_to_be_empty()
    await home.stop()
    await expect(viewer.page.locator("#health")).to_contain_text("No connection")
    await home.start()
    await viewer.live()
    await until(lambda: home.bindings("last_frame") == 1)
    floor = viewer.status(home.floors[0])
    await floor.get_by_role("button", name="all of it").click()
    mac = home.stage.add_device(map_id=home.floors[0], x=99, y=99)
    await expect(floor.locator("pre")).to_contain_text(mac)


async def test_a_page_that_finds_no_engine_says_so_and_starts_when_there_is_one(home: House, look: Look) -> None:
    viewer = await look(home, view="")
    viewer.troubles.allow(NOBODY)
    await viewer.live()
    # The page itself comes from a cache, or the engine goes at this very moment.
    await viewer.page.route("**/api/engine/v2/self", lambda route: route.abort("connectionrefused"))
    viewer.troubles.allow("net::ERR_FAILED")
    await viewer.page.reload()
    await expect(viewer.page.get_by_role("alert")).to_have_text("the engine cannot be reached. Trying again …")
    await viewer.page.unroute("**/api/engine/v2/self")
    await viewer.live()


async def test_an_engine_that_fails_half_way_is_asked_again(home: House, look: Look) -> None:
    viewer = await look(home, view="")
    await viewer.live()
    viewer.troubles.allow("status of 503")
    await viewer.page.route(
        "**/api/engine/v2/zones", lambda route: route.fulfill(status=503, json={"message": "not yet"})
    )
    await viewer.page.reload()
    await expect(viewer.page.get_by_role("alert")).to_have_text("not yet. Trying again …")
    await viewer.page.unroute("**/api/engine/v2/zones")
    await viewer.live()


async def test_a_cloud_that_does_not_deliver_is_said_and_so_are_stale_places(home: House, look: Look) -> None:
    viewer = await look(home)
    mac = home.stage.add_device(map_id=home.floors[0], x=700, y=400)
    await viewer.until("mac => window.mistlocate.plan?.devices.has(mac)", mac)
    await viewer.until("window.mistlocate.plan.picture?.naturalWidth > 0")
    await viewer.drawn()
    fresh = await viewer.colour(mac)
    home.cloud.faults.refuse_handshakes(503)
    home.cloud.abort_all()
    health = viewer.page.locator("#health")
    await expect(health).to_have_attribute("data-state", "poor")
    await expect(health).to_contain_text(home.site.status("stream_state"))
    await viewer.until("mac => window.mistlocate.plan.devices.get(mac)?.record.stale", mac)
    await viewer.drawn()
    assert fresh == [0x17, 0x69, 0xE0]
    assert await viewer.colour(mac) == [255, 255, 255]  # hollow, on the white of the plan
    await viewer.page.evaluate("mac => window.mistlocate.plan.select(mac)", mac)
    await viewer.says("The line to the cloud is interrupted: this may have changed.")
    home.cloud.faults.clear()
    await viewer.live()
    await viewer.until("mac => window.mistlocate.plan.devices.get(mac)?.record.stale === false", mac)


async def test_a_module_that_is_stopped_leaves_nobody_on_the_plan(home: House, look: Look) -> None:
    viewer = await look(home)
    await viewer.shows(len(home.truth(home.floors[0])))
    await home.engine.stop("mod-sys-1-MistLocations-1")
    await viewer.until("() => !window.mistlocate.plan.devices.size")
    await home.engine.start("mod-sys-1-MistLocations-1")
    await viewer.shows(len(home.truth(home.floors[0])))
