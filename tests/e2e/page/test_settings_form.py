"""Settings on the page: checked at their fields, saved over the file, and given back."""

from typing import Any

import pytest
from playwright.async_api import Locator, expect

from support.browser import House, Look, Viewer

pytestmark = [pytest.mark.needs("chromium"), pytest.mark.asyncio(loop_scope="session")]

MIST, LOCATIONS = "mod-sys-1-MistWebsocket-1", "mod-sys-1-MistLocations-1"


async def settings(home: House, look: Look, module: str = LOCATIONS) -> tuple[Viewer, Locator]:
    """The settings of a module, unfolded."""
    viewer = await look(home)
    await viewer.go("backoffice", module)
    await viewer.page.locator('summary:text-is("Settings")').click()
    part = viewer.page.locator(".stage > details").filter(has=viewer.page.locator('summary:text-is("Settings")'))
    await part.get_by_role("button", name="Save").wait_for()
    return viewer, part


def at(viewer: Viewer, name: str) -> Locator:
    """Everything about one setting."""
    return viewer.page.locator(".field").filter(has=viewer.page.get_by_label(name))


def in_force(home: House, name: str, slug: str = "MistLocations_1") -> Any:
    return home.site.host(slug).settings.get(name)


async def test_a_value_out_of_bounds_is_refused_at_its_field_before_it_is_sent(home: House, look: Look) -> None:
    viewer, part = await settings(home, look)
    sent: list[str] = []
    viewer.page.on("request", lambda request: sent.append(request.method) if request.method == "PUT" else None)
    field = part.get_by_label("max_location_age")
    await field.fill("0")
    await expect(field).to_have_attribute("aria-invalid", "true")
    await expect(part.get_by_role("alert")).to_have_text("More than 0.")
    await part.get_by_role("button", name="Save").click()
    await field.fill("2000")
    await expect(part.get_by_role("alert")).to_have_text("At most 1440.")
    await part.get_by_role("button", name="Save").click()
    assert not sent


async def test_what_the_engine_refuses_stands_at_its_field(home: House, look: Look) -> None:
    viewer, part = await settings(home, look, MIST)
    viewer.troubles.allow("status of 400")
    field = part.get_by_label("site_id")
    await field.fill("no such thing as this!")
    await part.get_by_role("button", name="Save").click()
    await expect(field).to_have_attribute("aria-invalid", "true")
    wrong = at(viewer, "site_id").get_by_role("alert")
    await expect(wrong).to_contain_text("expected the id of a site")
    assert in_force(home, "site_id", "MistWebsocket_1") == home.cloud.site_id


async def test_an_unknown_zone_stands_at_the_mappings(home: House, look: Look) -> None:
    viewer, part = await settings(home, look)
    viewer.troubles.allow("status of 400")
    field = part.get_by_label("floorplan_mappings")
    await field.fill('{"a-map": {"level": "zone-99"}}')
    await part.get_by_role("button", name="Save").click()
    await expect(at(viewer, "floorplan_mappings").get_by_role("alert")).to_contain_text("zone-99")


async def test_a_change_is_saved_shown_as_drift_and_taken_back(home: House, look: Look) -> None:
    viewer, part = await settings(home, look)
    await part.get_by_label("max_location_age").fill("9.5")
    await part.get_by_label("guests").select_option("hidden")
    await part.get_by_role("button", name="Save").click()
    await expect(part.get_by_text("Saved; it is in force now.")).to_be_visible()
    assert (in_force(home, "max_location_age"), in_force(home, "guests")) == (9.5, "hidden")
    drift = at(viewer, "max_location_age")
    await expect(drift.locator(".warning")).to_contain_text("Saved here; the file says null.")
    await expect(part.locator(".warning")).to_have_count(2)
    await drift.get_by_role("button", name="Take the file's again").click()
    await expect(part.locator(".warning")).to_have_count(1)
    assert in_force(home, "max_location_age") is None
    await expect(part.get_by_label("max_location_age")).to_have_value("")


async def test_only_what_was_changed_is_sent(home: House, look: Look) -> None:
    viewer, part = await settings(home, look, MIST)
    sent: list[Any] = []
    viewer.page.on("request", lambda request: sent.append(request.post_data_json) if request.method == "PUT" else None)
    await part.get_by_role("button", name="Save").click()
    await expect(part.get_by_text("Nothing has changed.")).to_be_visible()
    await part.get_by_label("forget_after").fill("45")
    await part.get_by_role("button", name="Save").click()
    await expect(part.get_by_text("Saved; it is in force now.")).to_be_visible()
    assert sent == [{"forget_after": 45}]


async def test_a_list_that_is_emptied_is_empty(home: House, look: Look) -> None:
    await home.engine.save_settings(MIST, {"ignore_usernames": ["host/", "kiosk/"]})
    _, part = await settings(home, look, MIST)
    await expect(part.get_by_label("ignore_usernames")).to_have_value("host/\nkiosk/")
    await part.get_by_label("ignore_usernames").fill("")
    await part.get_by_role("button", name="Save").click()
    await expect(part.get_by_text("Saved; it is in force now.")).to_be_visible()
    assert in_force(home, "ignore_usernames", "MistWebsocket_1") == []


async def test_who_objected_is_no_field_of_the_form(home: House, look: Look) -> None:
    await home.engine.find("sys-1", "MistWebsocket_1").execute("opt_out", ["zoe@example.com"])
    viewer, part = await settings(home, look, MIST)
    await expect(part.get_by_label("forget_after")).to_be_visible()
    await expect(at(viewer, "objections")).to_have_count(0)
    await expect(part.get_by_role("button", name="Take the file's again")).to_have_count(0)
    await part.get_by_label("forget_after").fill("45")
    await part.get_by_role("button", name="Save").click()
    await expect(part.get_by_text("Saved; it is in force now.")).to_be_visible()
    assert in_force(home, "objections", "MistWebsocket_1")["opted_out"]
    await home.engine.find("sys-1", "MistWebsocket_1").execute("opt_in", ["zoe@example.com"])


async def test_secrets_are_neither_shown_nor_sent(home: House, look: Look) -> None:
    viewer, part = await settings(home, look, MIST)
    bodies: list[str] = []

    async def read(response: Any) -> None:
        bodies.append(await response.text())

    viewer.page.on("response", read)
    await part.get_by_label("forget_after").fill("45")
    await part.get_by_role("button", name="Save").click()
    await expect(part.get_by_text("Saved; it is in force now.")).to_be_visible()
    await expect(part.get_by_label("api_token", exact=True)).to_have_count(0)
    await expect(part.get_by_label("site_id")).to_have_value(home.cloud.site_id)
    seen = [await viewer.page.content(), *bodies, *viewer.troubles.frames]
    assert len(seen) > 3
    assert not [each for each in seen if home.cloud.token in each]
