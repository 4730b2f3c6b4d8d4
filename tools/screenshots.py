"""Takes the pictures in docs/images: the page in each of its views, of a demo with a fixed cast.

Run it with `make screenshots`. It waits for what is to be seen on each picture, never for a while.
"""

import argparse
import asyncio
import io
import logging
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Literal, NamedTuple

import structlog
from PIL import Image
from playwright.async_api import Browser, Locator, Page, expect

from mistlocate.demo import Demo
from tools.browser import chromium

FOLDER = Path(__file__).parents[1] / "docs" / "images"

#: Enough that floors look lived in, few enough that everybody has a circle. The campus is always the same one.
PEOPLE = 150

#: Who is looked for; the simulator's cast always has her.
WHO = "alice@example.com"

#: Colours of a picture; the page has few, and fewer make it smaller. They are chosen so that rare ones stay, and then
#: improved so often until common ones are right.
COLOURS = 192
ROUNDS = 8

#: What all pictures together may weigh (bytes): they stay in the repository's history.
AT_MOST = 1_200_000

#: What is cut off a floor's picture to make the building's own plan of it (left, top, right, bottom), and three points
#: of the floor: fractions of the picture.
MARGINS = (0.03, 0.05, 0.03, 0.05)
CORNERS = ((0.15, 0.27), (0.85, 0.27), (0.15, 0.73))

#: The height of the board of a plan that is not there yet (pixels).
EMPTY_BOARD = 400

#: Resolves when the floor is drawn as it is: its plan is there, and nobody is on the way to a new place.
SETTLED = """() => new Promise((done) => {
  const look = () => {
    const plan = window.mistlocate.plan;
    if (plan?.picture && plan.devices.size && !plan.pending) done();
    else requestAnimationFrame(look);
  };
  look();
})"""


class Look(NamedTuple):
    """A screen to look at the page on. `scale`: pixels of the picture for each of the page."""

    prefix: str
    suffix: str
    width: int
    height: int
    scale: float
    colours: Literal["light", "dark"]


LOOKS = (
    Look("", "", 1280, 800, 1, "light"),
    Look("phone-", "", 390, 844, 1.5, "light"),
    Look("phone-", "-dark", 390, 844, 1.5, "dark"),
)

Save = Callable[[str], Awaitable[None]]


async def floors(page: Page, save: Save) -> None:
    """A floor, the search as one types, and the one who was looked for."""
    await page.locator("#levels a").first.click()
    await page.evaluate(SETTLED)
    await save("floors")
    search = page.get_by_role("combobox")
    await search.press_sequentially(WHO[:2])
    await expect(page.get_by_role("option", name=WHO)).to_be_visible()
    await save("search")
    await search.fill(WHO)
    await expect(page.get_by_role("option")).to_have_count(1)
    await page.get_by_role("option", name=WHO).click()
    await expect(page.locator("#details h2")).to_have_text(WHO)
    await search.blur()
    await page.evaluate(SETTLED)
    await save("found")


async def backoffice(page: Page, save: Save) -> None:
    """The modules, and a command with its answer."""
    await page.get_by_role("link", name="Backoffice").click()
    command = page.locator("details[data-command=maps]")
    await command.locator("summary").click()
    await command.get_by_role("button", name="Execute").click()
    await expect(command.locator(".answer pre")).to_be_visible()
    await expect(page.locator(".summary")).to_contain_text("REST calls")
    await page.locator(".stage").evaluate("(stage) => stage.scrollTo(0, 0)")
    await page.mouse.move(0, 0)
    await save("backoffice")


async def mapping(page: Page, save: Save) -> None:
    """Maps beside levels, and how one lies on the building's own plan."""
    await page.get_by_role("link", name="Mapping").click()
    rows = page.locator("tr[data-map]")
    await expect(rows.first).to_be_visible()
    await expect(page.locator(".thumbnail:empty:not(.none)")).to_have_count(0)
    await save("mapping")
    await rows.first.get_by_role("button", name="Align").click()
    await align(page.get_by_role("dialog"), await own_plan(page, await rows.first.get_attribute("data-map")))
    await save("align")


async def align(dialog: Locator, plan: bytes) -> None:
    """Mark the same corners on both plans."""
    await expect(dialog).to_be_visible()
    await dialog.locator("input[type=file]").set_input_files(
        {"name": "plan.png", "mimeType": "image/png", "buffer": plan}
    )
    ours, theirs = dialog.locator("canvas").first, dialog.locator("canvas").last
    await expect(theirs).not_to_have_js_property("height", EMPTY_BOARD)
    for x, y in CORNERS:
        left, top, right, bottom = MARGINS
        await mark(ours, x, y)
        await mark(theirs, (x - left) / (1 - left - right), (y - top) / (1 - top - bottom))
    await expect(dialog.get_by_role("button", name="Use this")).to_be_enabled()


async def mark(board: Locator, x: float, y: float) -> None:
    """Click where these fractions of a plan are."""
    await board.scroll_into_view_if_needed()
    box = await board.bounding_box()
    assert box is not None
    await board.click(position={"x": box["width"] * x, "y": box["height"] * y})


async def own_plan(page: Page, map_id: str | None) -> bytes:
    """What a building's own plan of this floor might be: the walls alone, without the margins and in grey."""
    found = await page.request.get(f"/api/engine/v2/systems/sys-location/MistWebsocket_1/assets/map/{map_id}")
    left, top, right, bottom = MARGINS
    written = io.BytesIO()
    with Image.open(io.BytesIO(await found.body())) as image:
        width, height = image.size
        walls = (left * width, top * height, (1 - right) * width, (1 - bottom) * height)
        image.convert("L").crop(walls).save(written, "PNG")
    return written.getvalue()


def small(picture: bytes) -> Image.Image:
    """The same picture in as many colours as it needs."""
    with Image.open(io.BytesIO(picture)) as image:
        return image.convert("RGB").quantize(COLOURS, Image.Quantize.MAXCOVERAGE, ROUNDS, dither=Image.Dither.NONE)


async def take(browser: Browser, url: str, look: Look, folder: Path) -> None:
    """All pictures of one look."""
    context = await browser.new_context(
        viewport={"width": look.width, "height": look.height},
        base_url=url,
        device_scale_factor=look.scale,
        has_touch=look.scale > 1,
        color_scheme=look.colours,
        locale="en-GB",
        timezone_id="UTC",
    )
    page = await context.new_page()

    async def save(name: str) -> None:
        picture = small(await page.screenshot(animations="disabled"))
        picture.save(folder / f"{look.prefix}{name}{look.suffix}.png", optimize=True)

    await page.goto("/")
    for view in (floors, backoffice, mapping):
        await view(page, save)
    await context.close()


async def main() -> None:
    """Take them all."""
    options = argparse.ArgumentParser(description=__doc__)
    options.add_argument("--folder", type=Path, default=FOLDER, help="where the pictures go")
    folder: Path = options.parse_args().folder
    folder.mkdir(parents=True, exist_ok=True)
    structlog.configure(wrapper_class=structlog.make_filtering_bound_logger(logging.WARNING))
    async with Demo(port=0, people=PEOPLE).running() as demo, chromium() as browser:
        for look in LOOKS:
            await take(browser, demo.url, look, folder)
    sizes = {path.name: path.stat().st_size for path in sorted(folder.glob("*.png"))}
    for name, size in sizes.items():
        print(f"{size / 1000:7.1f} kB  {name}")
    total = sum(sizes.values())
    print(f"{total / 1000:7.1f} kB  in {folder}")
    if total > AT_MOST:
        raise SystemExit(f"more than {AT_MOST / 1000:,.0f} kB")


if __name__ == "__main__":
    asyncio.run(main())
