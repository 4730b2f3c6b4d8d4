"""What comes late, broken or not at all: answers, images, the line itself."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import pytest
from playwright.async_api import Route, WebSocketRoute, expect

from support.browser import KEYS, House, Look, Viewer
from support.waiting import until

pytestmark = [pytest.mark.needs("chromium"), pytest.mark.asyncio(loop_scope="session")]

LOCATIONS, MIST = "mod-sys-1-MistLocations-1", "mod-sys-1-MistWebsocket-1"


class Held:
    """Calls that the engine leaves unanswered for now."""

    def __init__(self) -> None:
        self.asked, self.release = asyncio.Event(), asyncio.Event()
        self.left = 0


@asynccontextmanager
async def holding(viewer: Viewer, pattern: str, method: str = "") -> AsyncIterator[Held]:
    held = Held()

    async def hold(route: Route) -> None:
        if method and route.request.method != method:
            await route.fallback()
            return
        held.left += 1
        held.asked.set()
        await held.release.wait()
        await route.continue_()
        held.left -= 1

    await viewer.page.route(pattern, hold)
    try:
        yield held
    finally:
        held.release.set()
        await until(lambda: not held.left)
        await viewer.page.unroute(pattern)


async def test_who_signs_out_leaves_nothing_to_be_seen_however_slow_the_engine_is(locked: House, look: Look) -> None:
    viewer = await look(locked, "administrator")
    viewer.troubles.allow("status of 401")
    await viewer.shows(len(locked.truth(locked.floors[0])))
    async with holding(viewer, "**/self") as held:
        await viewer.page.get_by_role("button", name="Sign out").click()
        await held.asked.wait()
        await expect(viewer.page.locator("main")).to_have_text("Loading …")
        await expect(viewer.page.get_by_role("navigation", name="Views").get_by_role("link")).to_have_count(0)
        await expect(viewer.page.locator("#health")).to_be_empty()
    await viewer.page.get_by_role("heading", name="Sign in").wait_for()


async def test_a_key_that_no_header_can_carry_is_a_wrong_one_and_not_a_silent_engine(locked: House, look: Look) -> None:
    viewer = await look(locked, view="")
    viewer.troubles.allow("status of 401")
    await viewer.page.get_by_label("API key").fill("ml_ключ…")
    await viewer.page.get_by_label("API key").press("Enter")
    await expect(viewer.page.get_by_role("alert")).to_have_text("This key is not known here, or not any more.")
    await viewer.page.get_by_label("API key").fill(KEYS["user"])
    await viewer.page.get_by_label("API key").press("Enter")
    await viewer.live()


async def test_an_answer_that_is_none_is_an_error_and_not_an_empty_list(home: House, look: Look) -> None:
    viewer = await look(home)
    await viewer.page.route(
        "**/functions/*", lambda route: route.fulfill(body="<html>Please sign in to the Wi-Fi</html>")
    )
    await viewer.page.get_by_role("link", name="Backoffice").click()
    await expect(viewer.page.get_by_role("alert")).to_have_text("the engine's answer cannot be read")


async def test_a_line_that_is_cut_without_a_word_is_noticed_and_made_anew(home: House, look: Look) -> None:
    viewer = await look(home, view="")
    opened: list[WebSocketRoute] = []
    cut: list[WebSocketRoute] = []

    def through(socket: WebSocketRoute) -> None:
        opened.append(socket)
        server = socket.connect_to_server()
        socket.on_message(lambda message: None if socket in cut else server.send(message))
        server.on_message(lambda message: None if socket in cut else socket.send(message))

    await viewer.page.route_web_socket("**/systems/control", through)
    # Pings come every quarter of a minute; a test does not wait for them.
    await viewer.page.add_init_script(
        "{ const set = setInterval; window.setInterval = (f, ms) => set(f, ms === 15000 ? 1000 : ms) }"
    )
    await viewer.page.reload()
    await viewer.live()
    await until(lambda: opened)
    cut += opened
    mac = home.stage.add_device(map_id=home.floors[0], x=99, y=99)
    await viewer.until("mac => window.mistlocate.plan?.devices.has(mac)", mac)
    assert len(opened) > len(cut)


async def test_an_image_that_could_not_be_had_is_asked_for_again(home: House, look: Look) -> None:
    viewer = await look(home, view="")
    viewer.troubles.allow("status of 502")
    await viewer.page.route("**/assets/map/*", lambda route: route.fulfill(status=502, json={"message": "not now"}))
    async with viewer.page.expect_response("**/assets/map/*"):
        await viewer.page.reload()
    await viewer.shows(len(home.truth(home.floors[0])))
    await viewer.page.unroute("**/assets/map/*")
    await viewer.page.evaluate(
        "() => { const now = performance.now.bind(performance); performance.now = () => now() + 20000 }"
    )
    await viewer.until("window.mistlocate.plan.picture?.naturalWidth > 0")


async def test_why_somebody_is_not_found_is_not_said_of_the_next(home: House, look: Look) -> None:
    viewer = await look(home)
    field = viewer.page.get_by_role("combobox", name="Search")
    note = viewer.page.locator(".search [role=status]")
    await field.fill("nobody@example.com")
    async with holding(viewer, "**/explain") as held:
        await note.get_by_role("button", name="Why not?").click()
        await held.asked.wait()
        async with viewer.page.expect_response("**/search"):
            await field.fill("another@example.com")
        held.release.set()
        await viewer.until(
            "() => performance.getEntriesByType('resource').some((each) => each.name.endsWith('/explain'))"
        )
    await viewer.drawn()
    await expect(note).to_contain_text("Nobody of this name is known here.")


async def test_what_became_of_one_module_is_not_said_of_another(home: House, look: Look) -> None:
    viewer = await look(home)
    viewer.troubles.allow("status of 500")
    await viewer.go("backoffice", LOCATIONS)
    asked, release = asyncio.Event(), asyncio.Event()

    async def fail(route: Route) -> None:
        asked.set()
        await release.wait()
        await route.fulfill(status=500, json={"message": "it will not stop"})

    await viewer.page.route("**/stop", fail)
    await viewer.page.get_by_role("button", name="Stop").click()
    await expect(viewer.page.get_by_role("button", name="Stopping …")).to_be_visible()
    await asked.wait()
    await viewer.page.get_by_role("link", name="MistWebsocket_1").click()
    await expect(viewer.page.locator(".stage > h2")).to_contain_text("MistWebsocket_1")
    async with viewer.page.expect_response("**/stop"):
        release.set()
    async with viewer.page.expect_response("**/modules"):
        pass
    await viewer.drawn()
    await expect(viewer.page.get_by_role("button", name="Stop")).to_have_text("Stop")
    await expect(viewer.page.get_by_text("it will not stop")).to_have_count(0)


async def test_maps_that_are_not_listed_yet_are_waited_for_and_not_called_gone(home: House, look: Look) -> None:
    await home.engine.stop(MIST)
    viewer = await look(home, view="mapping")
    await viewer.says("Waiting for MistWebsocket to list the site's maps …")
    await home.engine.start(MIST)
    await expect(viewer.page.locator("tr[data-map]")).to_have_count(3)
    await expect(viewer.page.locator(".flag")).to_have_count(0)


async def test_nothing_is_typed_into_mappings_that_are_being_applied(home: House, look: Look) -> None:
    viewer = await look(home, view="mapping")
    name = viewer.page.locator(f'tr[data-map="{home.floors[0]}"] input')
    await name.fill("Downstairs")
    await viewer.page.locator("#apply").focus()
    async with holding(viewer, "**/settings", "PUT") as held:
        await viewer.page.locator("#apply").click()
        await held.asked.wait()
        await expect(viewer.page.locator("tbody")).to_have_js_property("inert", True)
    await viewer.says("Applied. To keep it, put the YAML below into the settings file.")
    await expect(viewer.page.locator("tbody")).to_have_js_property("inert", False)
    await expect(name).to_have_value("Downstairs")


async def test_a_slow_list_of_modules_is_asked_for_once_at_a_time(home: House, look: Look) -> None:
    viewer = await look(home, view="")
    await viewer.page.add_init_script(
        "{ const set = setInterval; window.turns = 0;"
        "window.setInterval = (f, ms) => set(() => { f(); if (ms === 3000) window.turns++ }, ms === 3000 ? 50 : ms) }"
    )
    asked: list[str] = []
    async with holding(viewer, "**/v2/modules") as held:
        viewer.page.on(
            "request", lambda request: asked.append(request.url) if request.url.endswith("/modules") else None
        )
        await viewer.page.reload()
        await viewer.page.get_by_role("link", name="Backoffice").click()
        await held.asked.wait()
        await viewer.until("() => window.turns > 5")
        assert len(asked) == 1
    await expect(viewer.page.locator(".stage > h2")).to_contain_text("MistWebsocket_1")


async def test_who_has_left_before_the_floor_is_there_is_shown_apart_and_calls_nobody_back(
    home: House, look: Look
) -> None:
    mac = home.stage.add_device(map_id=home.floors[1], x=500, y=300, username="nora@example.com")
    await until(lambda: mac in home.site.owns("nora@example.com") and mac in home.site.on_map(home.floors[1]))
    viewer = await look(home)
    await viewer.page.get_by_role("combobox", name="Search").fill("nora")
    await viewer.page.get_by_role("option").wait_for()
    home.stage.place(mac, home.floors[0], 700, 400)
    await until(lambda: mac in home.site.on_map(home.floors[0]))
    await viewer.until("mac => window.mistlocate.plan.devices.has(mac)", mac)
    await viewer.page.get_by_role("option").click()
    await expect(viewer.page.locator("#levels [aria-current]")).to_contain_text("HQ - Floor 2")
    await expect(viewer.page.locator("#details")).to_contain_text("Not on the floor that is shown.")
    await viewer.page.get_by_role("link", name="HQ - Floor 1").click()
    await viewer.until("mac => window.mistlocate.plan.devices.has(mac)", mac)
    await viewer.drawn()
    assert await viewer.page.evaluate("window.mistlocate.plan.selected") is None
