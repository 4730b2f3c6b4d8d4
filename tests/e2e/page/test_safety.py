"""What the page may load and run, and what it makes of names that would like to be more than text."""

import pytest
from playwright.async_api import expect

from support.browser import House, Look, Viewer
from support.waiting import until

pytestmark = [pytest.mark.needs("chromium"), pytest.mark.asyncio(loop_scope="session")]

EVIL = '<img src=x onerror="window.hacked=1"><b id=hacked>me</b>&amp;\''


async def unharmed(viewer: Viewer) -> None:
    """Nothing of the name has become an element, let alone run."""
    assert await viewer.page.evaluate("[window.hacked, document.querySelectorAll('#hacked, img[src=x]').length]") == [
        None,
        0,
    ]


async def test_no_script_and_no_style_that_stands_in_the_page_is_run(home: House, look: Look) -> None:
    viewer = await look(home)
    viewer.troubles.allow("Content Security Policy")
    await viewer.live()
    await viewer.page.evaluate(
        "() => { window.violated = [];"
        "document.addEventListener('securitypolicyviolation', (each) => window.violated.push(each.effectiveDirective));"
        "const script = document.createElement('script'); script.textContent = 'window.hacked = 1';"
        "const style = document.createElement('style'); style.textContent = 'body { display: none !important }';"
        "const attribute = document.createElement('p'); attribute.setAttribute('style', 'color: red');"
        "const handler = document.createElement('p'); handler.setAttribute('onclick', 'window.hacked = 1');"
        "document.body.append(script, style, attribute, handler); handler.click() }"
    )
    await viewer.until("() => window.violated.length >= 4")
    assert set(await viewer.page.evaluate("window.violated")) == {
        "script-src-elem", "style-src-elem", "style-src-attr", "script-src-attr",
    }  # fmt: skip
    assert await viewer.page.evaluate("window.hacked") is None
    await expect(viewer.page.locator("body")).to_be_visible()


async def test_nothing_is_loaded_from_elsewhere_even_if_something_asks_for_it(home: House, look: Look) -> None:
    viewer = await look(home)
    viewer.troubles.allow("Content Security Policy|a request to elsewhere")  # it asks, and its browser refuses
    await viewer.live()
    other = home.cloud.url
    blocked = await viewer.page.evaluate(
        "async (other) => { const found = []; const done = new Promise((resolve) => document.addEventListener("
        "'securitypolicyviolation', (each) => { found.push(each.effectiveDirective); if (found.length === 3) resolve() }));"
        "fetch(other).catch(() => null); new Image().src = other + '/x.png';"
        "const script = document.createElement('script'); script.src = other + '/x.js'; document.head.append(script);"
        "await done; return found.sort() }",
        other,
    )
    assert blocked == ["connect-src", "img-src", "script-src-elem"]
    assert not [call.path for call in home.cloud.requests if call.path.startswith("/x")]


async def test_a_name_of_a_person_is_text_everywhere(home: House, look: Look) -> None:
    mac = home.stage.add_device(map_id=home.floors[0], x=500, y=300, username=EVIL)
    await until(lambda: home.site.owns(EVIL))
    viewer = await look(home)
    await viewer.until("mac => window.mistlocate.plan?.devices.has(mac)", mac)
    await viewer.page.get_by_role("combobox").fill("onerror")
    option = viewer.page.get_by_role("option")
    await expect(option.locator("b")).to_contain_text("onerror=")
    await unharmed(viewer)
    await option.click()
    await expect(viewer.page.locator("#details h2")).to_contain_text("onerror=")
    await viewer.page.get_by_role("button", name="Why here?").click()
    await viewer.page.locator(".because li").first.wait_for()
    await unharmed(viewer)
    await viewer.page.get_by_role("combobox").fill("<b id=hacked>nobody</b>")
    await viewer.page.get_by_role("button", name="Why not?").click()
    await unharmed(viewer)
    await viewer.go("backoffice", "mod-sys-1-MistLocations-1")
    command = viewer.command("search")
    await command.locator("summary").click()
    await command.get_by_label("text").fill("onerror")
    await command.get_by_role("button", name="Execute").click()
    await expect(command.locator("pre")).to_contain_text("onerror=")
    await unharmed(viewer)


async def test_names_of_maps_and_levels_and_zones_are_text_everywhere(home: House, look: Look) -> None:
    first = home.floors[0]
    home.stage.rename_map(first, EVIL)
    await home.site.mist("sync_clients")
    await until(lambda: home.site.status("maps")[0]["name"] == EVIL)
    zones = [{**each, "name": f"{EVIL} {each['id']}"} for each in home.settings["zones"]]
    await home.change(zones=zones)
    await home.engine.save_settings(
        "mod-sys-1-MistLocations-1",
        {"floorplan_mappings": {first: {"building": "zone-b", "level": "zone-0", "level_name": EVIL}}},
    )
    await until(lambda: [each["name"] for each in home.site.status("levels", "MistLocations_1")] == [EVIL])
    viewer = await look(home)
    await expect(viewer.page.locator("#levels a span").first).to_have_text(EVIL)
    await expect(viewer.page.locator("#levels h2")).to_have_text(f"{EVIL} zone-b")
    await viewer.shows(len(home.truth(first)))
    await viewer.page.locator("#plan").press("n")
    await expect(viewer.page.locator("#details")).to_contain_text(EVIL)
    await unharmed(viewer)
    for view in ("mapping", "backoffice"):
        await viewer.go(view)
        await expect(viewer.page.locator("main")).to_contain_text("onerror=")
        await unharmed(viewer)
    await viewer.go("mapping")
    await viewer.page.get_by_role("button", name="Align").first.click()
    await expect(viewer.page.get_by_role("dialog").get_by_role("heading")).to_have_text(f"Align {EVIL}")
    await unharmed(viewer)


async def test_a_name_does_not_turn_the_text_around_it(home: House, look: Look) -> None:
    name = "\u202eecila@example.com"
    mac = home.stage.add_device(map_id=home.floors[0], x=600, y=300, username=name)
    await until(lambda: home.site.owns(name))
    viewer = await look(home)
    await viewer.until("mac => window.mistlocate.plan?.devices.has(mac)", mac)
    await viewer.page.get_by_role("combobox").fill("ecila")
    option = viewer.page.get_by_role("option")
    await expect(option).to_contain_text("\ufffd")
    await expect(option).not_to_contain_text("\u202e")
    await option.click()
    await expect(viewer.page.locator("#details h2")).to_contain_text("\ufffdecila")


async def test_settings_that_decide_where_the_token_goes_are_shown_and_not_changed(home: House, look: Look) -> None:
    viewer = await look(home)
    await viewer.go("backoffice", "mod-sys-1-MistWebsocket-1")
    await viewer.page.locator('summary:text-is("Settings")').click()
    for name in ("rest_host", "proxy", "verify_tls"):
        field = viewer.page.get_by_label(name, exact=True)
        await expect(field).to_be_disabled()
    await expect(viewer.page.get_by_label("rest_host", exact=True)).to_have_value(home.cloud.url)
    await expect(viewer.page.get_by_label("forget_after", exact=True)).to_be_enabled()


@pytest.mark.parametrize(
    "address", ["floors/%E0%A4%A", "floors/<img src=x onerror=window.hacked=1>", "constructor/x", "//"]
)
async def test_any_address_shows_the_floors(home: House, look: Look, address: str) -> None:
    viewer = await look(home, view="")
    await viewer.page.goto(f"{home.url}/#{address}")
    await viewer.page.reload()
    await viewer.shows(len(home.truth(home.floors[0])))
    await unharmed(viewer)
