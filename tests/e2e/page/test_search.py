"""Searching people on the page: who is found, where it leads, and who is not to be found."""

import re

import pytest
from playwright.async_api import expect

from support.browser import House, Look, Viewer
from support.waiting import until

pytestmark = [pytest.mark.needs("chromium"), pytest.mark.asyncio(loop_scope="session")]


async def known(home: House, name: str, floor: int = 1, x: float = 500, y: float = 300) -> str:
    """Somebody of this name on a floor, whose the engine knows the device to be."""
    mac: str = home.stage.add_device(map_id=home.floors[floor], x=x, y=y, username=name)
    await until(lambda: mac in home.site.owns(name))
    return mac


def field(viewer: Viewer):  # type: ignore[no-untyped-def]
    return viewer.page.get_by_role("combobox", name="Search")


async def test_typing_finds_people_with_place_age_and_accuracy(home: House, look: Look) -> None:
    mac = await known(home, "nora@example.com")
    accuracy = (await home.site.located(mac))["accuracy"]
    viewer = await look(home)
    await field(viewer).press_sequentially("nor", delay=10)
    option = viewer.page.get_by_role("option")
    await expect(option).to_have_count(1)
    await expect(option.locator("b")).to_have_text("nora@example.com")
    await expect(option).to_contain_text(
        re.compile(rf"Building, HQ - Floor 2, (now|\d+ s ago), give or take {accuracy:.0f} m")
    )
    await expect(field(viewer)).to_have_attribute("aria-expanded", "true")


async def test_a_search_by_mac_finds_the_owner(home: House, look: Look) -> None:
    mac = await known(home, "nora@example.com")
    viewer = await look(home)
    await field(viewer).fill(":".join(mac[at : at + 2] for at in range(0, 12, 2)).upper())
    await expect(viewer.page.get_by_role("option")).to_contain_text("nora@example.com")


async def test_a_choice_by_keyboard_leads_to_the_other_floor_and_the_spot(home: House, look: Look) -> None:
    mac = await known(home, "nora@example.com")
    await known(home, "norbert@example.com", floor=0)
    viewer = await look(home)
    await field(viewer).fill("nor")
    await expect(viewer.page.get_by_role("option")).to_have_count(2)
    names = await viewer.page.get_by_role("option").locator("b").all_text_contents()
    for _ in range(names.index("nora@example.com") + 1):
        await field(viewer).press("ArrowDown")
    chosen = viewer.page.locator("[role=option][aria-selected=true]")
    await expect(chosen).to_contain_text("nora@example.com")
    assert await field(viewer).get_attribute("aria-activedescendant") == await chosen.get_attribute("id")
    await field(viewer).press("Enter")
    await expect(viewer.page.locator("#levels [aria-current]")).to_contain_text("HQ - Floor 2")
    await viewer.until("mac => window.mistlocate.plan.selected === mac", mac)
    await expect(viewer.page.locator("#details h2")).to_have_text("nora@example.com")
    await expect(viewer.page.locator("#details")).to_contain_text(mac)
    box = await viewer.page.locator("#plan").bounding_box()
    assert box is not None
    assert await viewer.spot(mac) == pytest.approx((box["x"] + box["width"] / 2, box["y"] + box["height"] / 2), abs=2)
    await expect(viewer.page.get_by_role("option")).to_have_count(0)


async def test_a_choice_by_mouse_on_the_same_floor_points_there_at_once(home: House, look: Look) -> None:
    mac = await known(home, "nora@example.com", floor=0)
    viewer = await look(home)
    await viewer.until("mac => window.mistlocate.plan?.devices.has(mac)", mac)
    await field(viewer).fill("nora")
    await viewer.page.get_by_role("option").click()
    await viewer.until("mac => window.mistlocate.plan.selected === mac", mac)


async def test_enter_never_takes_what_was_found_for_an_older_text(home: House, look: Look) -> None:
    first = await known(home, "nora@example.com", floor=0, x=300)
    second = await known(home, "otto@example.com", floor=0, x=900)
    viewer = await look(home)
    await viewer.until("macs => macs.every((mac) => window.mistlocate.plan?.devices.has(mac))", [first, second])
    await field(viewer).fill("nora")
    await expect(viewer.page.get_by_role("option")).to_have_count(1)
    await field(viewer).fill("otto")
    await field(viewer).press("Enter")  # before the pause after typing is over
    await expect(viewer.page.get_by_role("option")).to_contain_text("otto@example.com")
    assert await viewer.page.evaluate("window.mistlocate.plan.selected") is None
    await field(viewer).press("Enter")
    await viewer.until("mac => window.mistlocate.plan.selected === mac", second)


async def test_escape_closes_the_list_and_it_stays_closed(home: House, look: Look) -> None:
    await known(home, "nora@example.com")
    viewer = await look(home)
    asked: list[str] = []
    viewer.page.on("request", lambda request: asked.append(request.url))
    await field(viewer).fill("nora")
    await field(viewer).press("Escape")
    await field(viewer).fill("norax")
    await viewer.says("Nobody of this name is known here.")
    await expect(viewer.page.get_by_role("option")).to_have_count(0)
    assert sum(url.endswith("/search") for url in asked) == 1


async def test_who_is_not_known_is_not_found_and_why_can_be_asked(home: House, look: Look) -> None:
    viewer = await look(home)
    await field(viewer).fill("nobody@example.com")
    note = viewer.page.locator(".search [role=status]")
    await expect(note).to_contain_text("Nobody of this name is known here.")
    await note.get_by_role("button", name="Why not?").click()
    expected = "; ".join((await home.site.locations("explain", "nobody@example.com"))["because"])
    assert expected
    await expect(note).to_have_text(expected)


async def test_a_question_that_was_not_answered_has_no_reason_to_ask_for(home: House, look: Look) -> None:
    viewer = await look(home)
    viewer.troubles.allow("ERR_")
    await viewer.page.route("**/search", lambda route: route.abort())
    await field(viewer).fill("nobody@example.com")
    note = viewer.page.locator(".search [role=status]")
    await expect(note).to_have_text("the engine cannot be reached")
    await expect(note.get_by_role("button")).to_have_count(0)


async def test_a_name_of_two_people_shows_both_and_explain_says_so(home: House, look: Look) -> None:
    await known(home, "nora@a.example", floor=0)
    await known(home, "nora@b.example", floor=1)
    viewer = await look(home)
    await field(viewer).fill("nora")
    await expect(viewer.page.get_by_role("option").locator("b")).to_have_text(["nora@a.example", "nora@b.example"])
    assert "fits several people" in " ".join((await home.site.locations("explain", "nora"))["because"])


async def test_a_user_finds_an_exact_address_and_no_part_of_one(locked: House, look: Look) -> None:
    mac = await known(locked, "nora@example.com")
    viewer = await look(locked, "user")
    asked: list[str] = []
    viewer.page.on("request", lambda request: asked.append(request.url.rpartition("/")[2]))
    await field(viewer).fill("nor")
    await field(viewer).press("Enter")
    await viewer.says("Nobody of this name is known here.")
    await expect(viewer.page.get_by_role("button", name="Why not?")).to_have_count(0)
    await field(viewer).fill("nora@example.com")
    await field(viewer).press("Enter")
    await expect(viewer.page.get_by_role("option")).to_contain_text("HQ - Floor 2")
    await field(viewer).press("Enter")
    await viewer.until("mac => window.mistlocate.plan.selected === mac", mac)
    assert "search" not in asked


async def test_a_user_does_not_find_who_has_an_ambiguous_name(locked: House, look: Look) -> None:
    await known(locked, "nora@a.example", floor=0)
    await known(locked, "nora@b.example", floor=1)
    viewer = await look(locked, "user")
    await field(viewer).fill("nora")
    await field(viewer).press("Enter")
    await viewer.says("Nobody of this name is known here.")


@pytest.mark.parametrize("level", ["user", "administrator"])
async def test_guests_are_not_found_by_what_they_typed(locked: House, look: Look, level: str) -> None:
    guest = next(each for each in locked.cloud.world.truths() if each.kind == "guest" and each.owner)
    viewer = await look(locked, level)
    await field(viewer).fill(guest.owner or "")
    await field(viewer).press("Enter")
    await viewer.says("Nobody of this name is known here.")


async def test_who_is_known_and_not_located_is_said_and_leads_nowhere(home: House, look: Look) -> None:
    mac = home.stage.add_device(username="nora@example.com")
    await until(lambda: mac in home.site.owns("nora@example.com"))
    viewer = await look(home)
    await field(viewer).fill("nora")
    option = viewer.page.get_by_role("option")
    await expect(option).to_contain_text("known, and not located now")
    await expect(option).to_have_attribute("aria-disabled", "true")
    await option.click(force=True)
    await expect(option).to_be_visible()
