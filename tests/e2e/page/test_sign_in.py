"""Signing in with an API key, and what becomes of a key that is taken away."""

import re

import pytest
from playwright.async_api import expect

from mistlocate.engines.embedded.access import hash_key
from support.browser import KEYS, House, Look, Viewer
from support.waiting import until

pytestmark = [pytest.mark.needs("chromium"), pytest.mark.asyncio(loop_scope="session")]

CONTROL = "/systems/control"


async def at_the_door(home: House, look: Look) -> Viewer:
    """Somebody without a key; the browser itself writes the 401 on its console."""
    viewer = await look(home, view="")
    viewer.troubles.allow("status of 401")
    await viewer.page.get_by_role("heading", name="Sign in").wait_for()
    return viewer


async def give(viewer: Viewer, key: str) -> None:
    await viewer.page.get_by_label("API key").fill(key)
    await viewer.page.get_by_role("button", name="Sign in").click()


def keys(**hashes: str) -> list[dict[str, str]]:
    """Keys as the settings name them: level → key."""
    return [{"name": level, "level": level, "hash": hash_key(key)} for level, key in hashes.items()]


@pytest.mark.parametrize("level", list(KEYS))
async def test_a_key_of_each_level_opens_what_it_may(locked: House, look: Look, level: str) -> None:
    viewer = await at_the_door(locked, look)
    await expect(viewer.page.get_by_role("navigation", name="Views").get_by_role("link")).to_have_count(0)
    await expect(viewer.page.get_by_role("button", name="Sign out")).to_be_hidden()
    await expect(viewer.page.get_by_label("API key")).to_be_focused()
    await expect(viewer.page.get_by_label("API key")).to_have_attribute("type", "password")
    await give(viewer, KEYS[level])
    await viewer.live()
    tabs = ["Floors", "Backoffice"] + (["Mapping", "Audit"] if level == "administrator" else [])
    await expect(viewer.page.get_by_role("navigation", name="Views").get_by_role("link")).to_have_text(tabs)
    await viewer.shows(len(locked.truth(locked.floors[0])))
    assert await viewer.page.evaluate("window.mistlocate.me.level") == level


async def test_a_wrong_key_is_said_to_be_unknown_and_another_can_be_tried(locked: House, look: Look) -> None:
    viewer = await at_the_door(locked, look)
    await expect(viewer.page.get_by_role("alert")).to_have_count(0)
    await give(viewer, "ml_wrong")
    await expect(viewer.page.get_by_role("alert")).to_have_text("This key is not known here, or not any more.")
    await give(viewer, f"  {KEYS['user']} ")  # as it was pasted
    await viewer.live()


async def test_a_key_for_metrics_is_said_to_open_nothing_here(locked: House, look: Look) -> None:
    await locked.change(api_keys=[{"name": "prometheus", "level": "metrics", "hash": hash_key("ml_metrics")}])
    viewer = await at_the_door(locked, look)
    await give(viewer, "ml_metrics")
    said = "This key does not open the page: the key 'prometheus' has the level metrics."
    await expect(viewer.page.get_by_role("alert")).to_have_text(said)


async def test_the_form_is_as_high_as_what_is_in_it(locked: House, look: Look) -> None:
    viewer = await at_the_door(locked, look)
    box = await viewer.page.get_by_label("API key").bounding_box()
    assert box is not None
    assert box["height"] < 50


async def test_the_key_is_in_no_address_and_survives_a_reload_of_this_tab_only(locked: House, look: Look) -> None:
    viewer = await at_the_door(locked, look)
    await give(viewer, KEYS["support"])
    await viewer.live()
    await viewer.page.reload()
    await viewer.live()
    assert any(url.endswith(CONTROL) for url in viewer.troubles.urls)
    assert not [url for url in viewer.troubles.urls if KEYS["support"] in url or "key=" in url]
    assert KEYS["support"] not in viewer.page.url
    assert KEYS["support"] not in await viewer.page.content()
    assert await viewer.page.evaluate("Object.values({...localStorage}).join()") == "auto"
    assert await viewer.page.context.cookies() == []
    other = await viewer.page.context.new_page()
    await other.goto(locked.url)
    await expect(other.get_by_role("heading", name="Sign in")).to_be_visible()


async def test_signing_out_forgets_the_key_and_ends_the_connection(locked: House, look: Look) -> None:
    viewer = await at_the_door(locked, look)
    await give(viewer, KEYS["administrator"])
    await viewer.live()
    await until(lambda: locked.bindings("levels") == 1)
    await viewer.page.get_by_role("button", name="Sign out").click()
    await expect(viewer.page.get_by_role("heading", name="Sign in")).to_be_visible()
    await expect(viewer.page.get_by_role("alert")).to_have_count(0)
    await expect(viewer.page.locator("#health")).to_be_empty()
    assert await viewer.page.evaluate("sessionStorage.getItem('mistlocate-key')") is None
    await until(lambda: locked.bindings("levels") == 0)
    # Whoever comes next has their own level, and all anew.
    await give(viewer, KEYS["user"])
    await viewer.live()
    await expect(viewer.page.get_by_role("link", name="Mapping")).to_have_count(0)
    await viewer.shows(len(locked.truth(locked.floors[0])))


async def test_signing_in_twice_in_a_row_shows_one_live_view(locked: House, look: Look) -> None:
    viewer = await at_the_door(locked, look)
    await viewer.page.get_by_label("API key").fill(KEYS["user"])
    await viewer.page.evaluate(
        "() => { const f = document.querySelector('form'); f.requestSubmit(); f.requestSubmit() }"
    )
    await viewer.live()
    await until(lambda: locked.bindings("levels") == 1)
    mac = locked.stage.add_device(map_id=locked.floors[0], x=50, y=50)
    await viewer.until("mac => window.mistlocate.plan.devices.has(mac)", mac)


async def test_a_key_that_is_revoked_leads_back_to_signing_in_and_what_is_typed_there_stays(
    locked: House, look: Look
) -> None:
    viewer = await look(locked, "administrator")
    viewer.troubles.allow("status of 401")
    await viewer.live()
    await locked.change(api_keys=keys(user="ml_another"))
    locked.stage.add_device(map_id=locked.floors[0], x=50, y=50)  # something to be told, which is not told any more
    await expect(viewer.page.get_by_role("alert")).to_have_text("This key is not known here, or not any more.")
    await expect(viewer.page.get_by_role("navigation", name="Views").get_by_role("link")).to_have_count(0)
    sockets = sum(url.endswith(CONTROL) for url in viewer.troubles.urls)
    await viewer.page.get_by_label("API key").press_sequentially("ml_ano", delay=250)  # nothing knocks meanwhile
    await viewer.page.get_by_label("API key").press_sequentially("ther")
    assert sum(url.endswith(CONTROL) for url in viewer.troubles.urls) == sockets
    await viewer.page.get_by_label("API key").press("Enter")
    await viewer.live()
    await expect(viewer.page.get_by_role("link", name="Mapping")).to_have_count(0)


async def test_a_revoked_key_is_found_out_by_calls_as_well(locked: House, look: Look) -> None:
    viewer = await look(locked, "support")
    viewer.troubles.allow("status of 401")
    await viewer.live()
    await viewer.go("backoffice", "mod-sys-1-MistLocations-1")
    await viewer.command("format_mac").locator("summary").click()
    await viewer.command("format_mac").get_by_label("mac").fill("00005e005300")
    await locked.change(api_keys=keys(user="ml_another"))
    await viewer.command("format_mac").get_by_role("button", name="Execute").click()
    await expect(viewer.page.get_by_role("heading", name="Sign in")).to_be_visible()


async def test_without_keys_nobody_signs_in_or_out(home: House, look: Look) -> None:
    viewer = await look(home)
    await viewer.live()
    await expect(viewer.page.get_by_role("button", name=re.compile("Sign"))).to_have_count(0)
