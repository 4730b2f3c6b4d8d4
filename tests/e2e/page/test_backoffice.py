"""The backoffice: modules, their statuses, commands and log."""

import json
import logging
from collections.abc import Iterator

import pytest
import structlog
from playwright.async_api import expect

from mistlocate.engines.embedded import logs
from mistlocate.engines.logs import _followers
from support.browser import Build, House, Look, Viewer
from support.waiting import until

pytestmark = [pytest.mark.needs("chromium"), pytest.mark.asyncio(loop_scope="session")]

MIST, LOCATIONS = "mod-sys-1-MistWebsocket-1", "mod-sys-1-MistLocations-1"


async def backoffice(home: House, look: Look, level: str | None = None, module: str = MIST) -> Viewer:
    viewer = await look(home, level)
    await viewer.go("backoffice", module)
    await expect(viewer.page.locator(".stage > h2")).to_contain_text(module.split("-")[-2])
    return viewer


async def opened(viewer: Viewer, name: str):  # type: ignore[no-untyped-def]
    """The form of a command, unfolded."""
    command = viewer.command(name)
    await command.locator("summary").click()
    return command


def fact(viewer: Viewer, name: str):  # type: ignore[no-untyped-def]
    """What the head of a module says of something."""
    return viewer.page.locator(".summary dl > div").filter(has_text=name).locator("dd").first


async def test_modules_are_listed_with_their_state(home: House, look: Look) -> None:
    viewer = await backoffice(home, look)
    links = viewer.page.get_by_role("navigation", name="Modules").get_by_role("link")
    await expect(links).to_have_text(["MistWebsocket_1running", "MistLocations_1running"])
    await expect(links.first).to_have_attribute("aria-current", "true")
    await links.nth(1).click()
    await expect(viewer.page.locator(".stage > h2")).to_have_text("MistLocations_1 · Juniper Mist Locations")
    await expect(links.nth(1)).to_have_attribute("aria-current", "true")
    await expect(viewer.page.locator(".summary")).not_to_contain_text("Stream")  # that was the other one's


async def test_the_head_says_how_the_stream_and_the_budget_are(home: House, look: Look) -> None:
    viewer = await backoffice(home, look)
    await expect(fact(viewer, "Stream")).to_have_text("live")
    used = (await home.site.diagnostics())["rest_budget"]
    await expect(fact(viewer, "REST calls")).to_have_text(f"{used['used']} of {used['limit']} this hour")
    await expect(fact(viewer, "Connected")).to_have_text("yes")
    await expect(fact(viewer, "Rejected records")).to_have_text("0")


async def test_executing_maps_shows_the_answer_which_can_be_copied(home: House, look: Look) -> None:
    viewer = await backoffice(home, look)
    await viewer.page.context.grant_permissions(["clipboard-read", "clipboard-write"])
    command = await opened(viewer, "maps")
    await command.get_by_role("button", name="Execute").click()
    answer = command.locator(".answer pre")
    await expect(answer).to_contain_text("HQ - Floor 1")
    shown = json.loads(await answer.inner_text())
    assert [each["id"] for each in shown] == [each["id"] for each in await home.site.mist("maps")]
    await command.get_by_role("button", name="Copy").click()
    await expect(command.get_by_role("button", name="Copied")).to_be_visible()
    assert json.loads(await viewer.page.evaluate("navigator.clipboard.readText()")) == shown


async def test_an_argument_that_is_needed_is_asked_for_at_its_field(home: House, look: Look) -> None:
    viewer = await backoffice(home, look)
    asked: list[str] = []
    viewer.page.on("request", lambda request: asked.append(request.url))
    command = await opened(viewer, "format_mac")
    await command.get_by_role("button", name="Execute").click()
    field = command.get_by_label("mac")
    await expect(field).to_have_attribute("aria-invalid", "true")
    await expect(command.get_by_role("alert")).to_have_text("This is needed.")
    assert not [url for url in asked if url.endswith("format_mac")]
    await field.fill("00-00-5E-00-53-00")
    await expect(command.get_by_role("alert")).to_be_hidden()
    await field.press("Enter")
    await expect(command.locator(".answer pre")).to_have_text('"00005e005300"')


async def test_a_text_of_digits_stays_text(home: House, look: Look) -> None:
    viewer = await backoffice(home, look)
    command = await opened(viewer, "format_mac")
    await command.get_by_label("mac").fill("563412457890")
    await command.get_by_role("button", name="Execute").click()
    await expect(command.locator(".answer pre")).to_have_text('"563412457890"')


async def test_yes_or_no_and_numbers_and_what_may_be_left_out(home: House, look: Look) -> None:
    viewer = await backoffice(home, look)
    command = await opened(viewer, "find_people")
    await expect(command.get_by_label("guests").locator("option")).to_have_text(["default (false)", "true", "false"])
    sent: list[object] = []
    viewer.page.on(
        "request", lambda request: sent.append(request.post_data_json) if "find_people" in request.url else None
    )
    await command.get_by_label("text").fill("al")
    await command.get_by_role("button", name="Execute").click()
    await expect(command.locator(".answer pre")).to_contain_text("alice")
    await command.get_by_label("limit").fill("1.5")
    await expect(command.get_by_role("alert")).to_have_text("Not a number of this kind.")
    await command.get_by_label("limit").fill("1")
    await command.get_by_label("guests").select_option("true")
    await command.get_by_role("button", name="Execute").click()
    await until(lambda: len(sent) == 2)
    assert sent == [{"text": "al"}, {"text": "al", "limit": 1, "guests": True}]


async def test_what_is_no_number_at_all_is_not_taken_for_nothing(home: House, look: Look) -> None:
    viewer = await backoffice(home, look)
    command = await opened(viewer, "find_people")
    await command.get_by_label("text").fill("al")
    await command.get_by_label("limit").press_sequentially("1e")
    await command.get_by_role("button", name="Execute").click()
    await expect(command.get_by_role("alert")).to_have_text("Not a number of this kind.")
    await expect(command.locator(".answer")).to_be_empty()


async def test_lists_are_typed_one_on_each_line(home: House, look: Look) -> None:
    viewer = await backoffice(home, look)
    command = await opened(viewer, "mac_address_mappings")
    await command.get_by_label("username").fill("nora@example.com")
    await command.get_by_label("macs").fill("02005e000001\n\n 02005e000002 ")
    await command.get_by_role("button", name="Execute").click()
    await expect(command.locator(".answer pre")).to_contain_text("02005e000001")
    assert set(home.site.owns("nora@example.com")) == {"02005e000001", "02005e000002"}


async def test_other_arguments_are_json_and_checked_as_such(home: House, look: Look) -> None:
    viewer = await backoffice(home, look)
    command = await opened(viewer, "ip_username_mappings")
    field = command.get_by_label("ip_mappings")
    await field.fill('[["203.0.113.9", ')
    await expect(command.get_by_role("alert")).to_contain_text("No JSON")
    await field.fill('[["203.0.113.9", "nora"]]')
    await expect(command.get_by_role("alert")).to_be_hidden()
    await command.get_by_role("button", name="Execute").click()
    await expect(command.locator(".answer pre")).to_have_text("0")


async def test_an_error_of_the_cloud_is_the_answer(home: House, look: Look) -> None:
    viewer = await backoffice(home, look)
    viewer.troubles.allow("status of 500")
    command = await opened(viewer, "client")
    await command.get_by_label("mac").fill("02005e00ffff")
    await command.get_by_role("button", name="Execute").click()
    await expect(command.get_by_role("alert").last).to_contain_text("module raised:")
    await expect(command.get_by_role("button", name="Execute")).to_be_enabled()


async def test_statuses_are_live(home: House, look: Look) -> None:
    viewer = await backoffice(home, look)
    row = viewer.status(home.floors[1])
    await expect(row).to_contain_text("mac")
    mac = home.stage.add_device(map_id=home.floors[1], x=50, y=50)
    await row.get_by_role("button", name="all of it").click()
    await viewer.until("([id, mac]) => [...document.querySelectorAll('tr')].some((row) => row.firstChild.textContent === id)",
                       [home.floors[1], mac])  # fmt: skip
    state = viewer.status("stream_state").locator("td")
    await expect(state).to_have_text('"live"')
    home.cloud.faults.refuse_handshakes(503)
    home.cloud.abort_all()
    await expect(state).to_have_text('"connecting"')
    await expect(fact(viewer, "Stream")).to_have_text("connecting")
    await expect(viewer.page.locator("#health")).to_contain_text("connecting")
    home.cloud.faults.clear()


async def test_a_whole_status_can_be_read(home: House, look: Look) -> None:
    viewer = await backoffice(home, look)
    row = viewer.status(home.floors[0])
    await row.get_by_role("button", name="all of it").click()
    whole = json.loads(await row.locator("pre").inner_text())
    assert {each["mac"] for each in whole} == home.site.on_map(home.floors[0])


@pytest.fixture
def logged() -> Iterator[None]:
    """Log as `serve` does; afterwards the logging of the process is as before."""
    root = logging.getLogger()
    handlers, level = root.handlers[:], root.level
    logs.configure("error", "text")
    yield
    root.handlers[:], root.level = handlers, level
    logging.getLogger("mistlocate").setLevel(logging.NOTSET)
    structlog.reset_defaults()


@pytest.mark.usefixtures("logged")
async def test_the_log_is_followed_only_while_it_is_on(build: Build, look: Look) -> None:
    home = await build()
    viewer = await backoffice(home, look)
    await viewer.page.locator("summary", has_text="Log").click()
    log = viewer.page.get_by_role("list", name="Log")
    await viewer.page.get_by_role("button", name="Follow the log").click()
    stop = viewer.page.get_by_role("button", name="Stop following")
    await expect(stop).to_have_attribute("aria-pressed", "true")
    home.cloud.abort_all()
    await expect(log.locator("li", has_text="stream state").first).to_be_visible()
    await home.site.complete()
    await expect(log.locator("li", has_text="snapshot complete").first).to_be_visible()
    await stop.click()
    await expect(viewer.page.get_by_role("button", name="Follow the log")).to_be_visible()
    await until(lambda: not _followers)
    before = await log.locator("li").count()
    home.cloud.abort_all()
    state = viewer.page.locator("#health")
    await expect(state).to_contain_text("connecting")
    await viewer.live()
    assert await log.locator("li").count() == before


async def test_a_module_can_be_stopped_and_started(home: House, look: Look) -> None:
    viewer = await backoffice(home, look, module=LOCATIONS)
    link = viewer.page.get_by_role("navigation", name="Modules").get_by_role("link", name="MistLocations_1")
    await viewer.page.get_by_role("button", name="Stop").click()
    await expect(link).to_contain_text("stopped")
    await expect(fact(viewer, "State")).to_have_text("stopped")
    assert home.site.host("MistLocations_1").state.value == "stopped"
    await viewer.page.get_by_role("button", name="Start").click()
    await expect(link).to_contain_text("running")


async def test_the_focus_stays_where_it_is_while_the_list_is_made_anew(home: House, look: Look) -> None:
    viewer = await backoffice(home, look)
    link = viewer.page.get_by_role("navigation", name="Modules").get_by_role("link").nth(1)
    await link.focus()
    await viewer.page.evaluate("() => { window.old = document.activeElement }")
    await home.engine.stop(LOCATIONS)
    await expect(link).to_contain_text("stopped")
    assert not await viewer.page.evaluate("window.old.isConnected")
    await expect(link).to_be_focused()


@pytest.mark.parametrize(
    ("level", "parts", "offered", "withheld"),
    [
        ("user", ["Commands", "Statuses"], "maps", "client"),
        ("support", ["Commands", "Statuses", "Log"], "client", "mac_address_mappings"),
        ("administrator", ["Commands", "Statuses", "Settings", "Log"], "mac_address_mappings", None),
    ],
)
async def test_what_a_level_may_not_do_is_not_offered(
    locked: House, look: Look, level: str, parts: list[str], offered: str, withheld: str | None
) -> None:
    viewer = await backoffice(locked, look, level)
    await expect(viewer.page.locator(".stage > details > summary")).to_have_text(parts)
    await expect(viewer.command(offered)).to_be_visible()
    if withheld:
        await expect(viewer.command(withheld)).to_have_count(0)
    await expect(viewer.page.get_by_role("button", name="Stop")).to_have_count(1 if level == "administrator" else 0)
    tabs = ["Floors", "Backoffice"] + (["Mapping", "Audit"] if level == "administrator" else [])
    await expect(viewer.page.get_by_role("navigation", name="Views").get_by_role("link")).to_have_text(tabs)
    rows = viewer.page.locator("th[scope=row]")
    await expect(rows.filter(has_text="stream_state")).to_have_count(1)
    await expect(rows.filter(has_text=locked.floors[0])).to_have_count(0 if level == "user" else 1)
