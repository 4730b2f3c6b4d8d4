"""The way of somebody new: the demo as a process of its own, its address in a browser, a person found, `maps` executed."""

import re

import pytest
from playwright.async_api import Browser, expect

from support.browser import Troubles
from support.processes import command

pytestmark = [pytest.mark.needs("chromium"), pytest.mark.asyncio(loop_scope="session")]

PLACES = "() => [...window.mistlocate.plan.devices.values()].map(({ record }) => [record.mac, record.x, record.y])"


async def test_a_newcomer_sees_people_move_finds_one_and_executes_maps(browser: Browser) -> None:
    with command("demo", "--port", "0", "--people", "60", "--floors", "2") as process:
        url = process.wait_for(r"engine at (http://\S+)").group(1)
        context = await browser.new_context(viewport={"width": 1280, "height": 800})
        troubles = Troubles(context, url)
        page = await context.new_page()
        await page.goto(url)

        await expect(page.locator("#health")).to_contain_text("Live")
        await page.wait_for_function("() => window.mistlocate.plan?.devices.size > 5")
        before = await page.evaluate(PLACES)
        await page.wait_for_function(
            "(before) => { const now = new Map((" + PLACES + ")().map(([mac, ...at]) => [mac, at.join()]));"
            "return before.some(([mac, ...at]) => now.has(mac) && now.get(mac) !== at.join()) }",
            arg=before,
        )

        await page.get_by_role("combobox").press_sequentially("alice@")
        option = page.get_by_role("option", name=re.compile("^alice@example.com"))
        await expect(option).to_contain_text(re.compile(r"HQ, Floor \d, .*give or take \d+ m"))
        await option.click()
        await expect(page.locator("#details h2")).to_have_text("alice@example.com")
        await page.wait_for_function("() => window.mistlocate.plan.devices.has(window.mistlocate.plan.selected)")

        await page.get_by_role("link", name="Backoffice").click()
        maps = page.locator('details[data-command="maps"]')
        await maps.locator("summary").click()
        await maps.get_by_role("button", name="Execute").click()
        await expect(maps.locator(".answer pre")).to_contain_text("HQ - Floor 2")

        await context.close()
        troubles.check()
        assert process.end() == 0, process.output
