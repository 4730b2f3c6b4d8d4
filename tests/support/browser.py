"""A real browser at the page of a real engine, over real sockets."""

import re
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from axe_playwright_python.base import AXE_SCRIPT
from playwright.async_api import Browser, BrowserContext, ConsoleMessage, Locator, Page, Request, WebSocket

from mistlocate.clock import FastClock
from mistlocate.engines.embedded.access import hash_key
from mistlocate.engines.embedded.config import load
from mistlocate.engines.embedded.engine import Engine
from mistlocate.engines.embedded.server import serving
from mistlocate.simulator import Campus, SimulatedCloud
from support import waiting
from support.site import Site, settings
from support.waiting import until

LAUNCH = [
    "--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run", "--disable-background-networking",
    "--disable-component-update", "--disable-sync",
]  # fmt: skip

#: Two floors and a yard, and everybody on one of them. Nobody moves unless a test says so.
SMALL = Campus(seed=7, people=12, floors=2, passers=0, annex=False)

#: API keys by their level.
KEYS = {level: f"ml_key-of-{level}" for level in ("user", "support", "administrator")}

#: What is taken as seen on screen (milliseconds).
PATIENCE = int(waiting.PATIENCE * 800)


@dataclass
class House:
    """A cloud and an engine that can be stopped and started again on the same port."""

    cloud: SimulatedCloud
    clock: FastClock
    folder: Path
    settings: dict[str, Any]
    port: int = 0
    url: str = ""
    running: Engine | None = None
    _undo: AsyncExitStack = field(default_factory=AsyncExitStack)

    async def start(self) -> None:
        await self.open()
        await self.site.complete()

    async def open(self) -> None:
        """Start, whatever the settings are: without a pair in `sys-1` there is nothing to wait for."""
        self.running = await self._undo.enter_async_context(Engine(load(self.settings, self.folder), clock=self.clock))
        self.url = await self._undo.enter_async_context(serving(self.running, "127.0.0.1", self.port))
        self.port = int(self.url.rpartition(":")[2])

    async def stop(self) -> None:
        await self._undo.aclose()
        self.running = None

    async def change(self, **settings: Any) -> None:
        """Another settings file, as SIGHUP has it read."""
        self.settings = {**self.settings, **settings}
        await self.engine.reload(load(self.settings, self.folder))

    @property
    def engine(self) -> Engine:
        assert self.running is not None
        return self.running

    @property
    def site(self) -> Site:
        return Site(self.cloud, self.engine, self.clock, self.folder)

    @property
    def stage(self) -> Any:
        """The hands behind the scenery."""
        return self.cloud.stage

    @property
    def floors(self) -> list[str]:
        """Ids of the maps, the floors first and the yard last; `zone-0`, `zone-1`, … are their levels."""
        return [each.id for each in self.cloud.world.maps_of(self.cloud.site_id)]

    def truth(self, map_id: str) -> dict[str, tuple[float, float]]:
        """Who is on a map as far as the network knows, and where: MAC → pixels."""
        return {
            each.mac: (each.reported_x or 0.0, each.reported_y or 0.0)
            for each in self.cloud.world.truths()
            if each.present and each.reported_map_id == map_id
        }

    def mac_of(self, owner: str, form: str = "phone") -> str:
        """The device of this form that somebody carries."""
        return next(each.mac for each in self.cloud.world.truths() if each.owner == owner and each.form == form)

    async def put(self, mac: str, map_id: str, x: float, y: float) -> None:
        """Have a device at a place, and wait until the engine knows."""
        self.stage.place(mac, map_id, x, y)
        await until(lambda: (here := self.site.published(mac)) and here["map_id"] == map_id and abs(here["x"] - x) < 60)

    def bindings(self, key: str) -> int:
        """How many viewers' bindings a status has."""
        return sum(follow._key == key for follow in self.engine._follows)


@asynccontextmanager
async def house(
    folder: Path,
    *,
    keys: bool = False,
    campus: Campus = SMALL,
    websocket: dict[str, Any] | None = None,
    locations: dict[str, Any] | None = None,
    **more: Any,
) -> AsyncIterator[House]:
    """Run both in real time, without anybody moving on their own."""
    clock = FastClock(1.0)
    async with SimulatedCloud(campus, clock=clock, autorun=False) as cloud:
        made = settings(
            cloud,
            {"publish_interval": 0.1, "domain_aliases": {"EXAMPLE": "example.com"}, **(websocket or {})},
            {"publish_levels": True, **(locations or {})},
        )
        if keys:
            made["api_keys"] = [{"name": each, "level": each, "hash": hash_key(key)} for each, key in KEYS.items()]
        made |= more
        one = House(cloud, clock, folder, made)
        await one.start()
        try:
            yield one
        finally:
            await one.stop()


class Troubles:
    """What must not happen in a browser: errors on the console or in scripts, requests to elsewhere."""

    def __init__(self, context: BrowserContext, url: str) -> None:
        self._host = url.partition("//")[2]
        self._allowed: list[str] = []
        self._found: list[str] = []
        self.urls: list[str] = []
        self.frames: list[str] = []
        context.on("console", self._console)
        context.on("weberror", lambda error: self._found.append(f"error in a script: {error.error}"))
        context.on("request", self._request)
        context.on("page", lambda page: page.on("websocket", self._socket))

    def allow(self, pattern: str) -> None:
        """Messages that belong to what the test does: the browser itself writes failed requests on the console."""
        self._allowed.append(pattern)

    def check(self) -> None:
        left = [each for each in self._found if not any(re.search(pattern, each) for pattern in self._allowed)]
        assert not left, left

    def _console(self, message: ConsoleMessage) -> None:
        # Tests look at the pixels of canvases, the page does not.
        if message.type in ("error", "warning", "assert") and not message.text.startswith(
            "Canvas2D: Multiple readback"
        ):
            self._found.append(f"{message.type} on the console: {message.text} ({message.location.get('url')})")

    def _request(self, request: Request) -> None:
        self._address(request.url)

    def _socket(self, socket: WebSocket) -> None:
        self._address(socket.url)
        socket.on("framereceived", lambda frame: self.frames.append(str(frame)))

    def _address(self, url: str) -> None:
        self.urls.append(url)
        scheme, _, rest = url.partition("//")
        if scheme not in ("blob:", "data:") and rest.partition("/")[0] != self._host:
            self._found.append(f"a request to elsewhere: {url}")


@dataclass
class Viewer:
    """Somebody at the page."""

    page: Page
    troubles: Troubles
    house: House

    async def go(self, view: str = "floors", argument: str = "") -> None:
        """To a view by its address, as a bookmark has it."""
        await self.page.goto(f"{self.house.url}/#{view}{'/' if argument else ''}{argument}")
        if view:
            await self.page.locator(f"main.{view}").wait_for()

    async def says(self, text: str | re.Pattern[str]) -> None:
        """Wait until the page shows a text."""
        await self.page.get_by_text(text).first.wait_for()

    async def live(self) -> None:
        """Wait until the page shows what is so now."""
        await self.until("document.getElementById('health').textContent === 'Live'")

    async def until(self, condition: str, argument: Any = None) -> None:
        """Wait until JavaScript finds something to be so."""
        # What is no function would be evaluated in the page, whose policy forbids that.
        is_function = re.match(r"(\(.*?\)|\w+) =>", condition)
        await self.page.wait_for_function(condition if is_function else f"() => {condition}", arg=argument)

    async def devices(self) -> dict[str, tuple[float, float]]:
        """Where the plan has devices: MAC → pixels of the plan."""
        found = await self.page.evaluate(
            "[...window.mistlocate.plan.devices.values()].map(({record}) => [record.mac, record.x, record.y])"
        )
        return {mac: (x, y) for mac, x, y in found}

    async def shows(self, count: int) -> None:
        """Wait until so many devices are on the plan."""
        await self.until("count => window.mistlocate.plan?.devices.size === count", count)

    async def spot(self, mac: str) -> tuple[float, float]:
        """Where a device is on the screen."""
        box = await self.page.locator("#plan").bounding_box()
        assert box is not None
        x, y = await self.page.evaluate(
            "mac => { const p = window.mistlocate.plan, d = p.place(p.devices.get(mac));"
            "return [d.x * p.view.scale + p.view.x, d.y * p.view.scale + p.view.y]; }",
            mac,
        )
        return box["x"] + x, box["y"] + y

    async def colour(self, mac: str) -> list[int]:
        """The colour of the plan at the very place of a device."""
        found: list[int] = await self.page.evaluate(
            "mac => { const p = window.mistlocate.plan, d = p.place(p.devices.get(mac)), r = window.devicePixelRatio;"
            "return [...p.pen.getImageData(Math.round((d.x * p.view.scale + p.view.x) * r),"
            "Math.round((d.y * p.view.scale + p.view.y) * r), 1, 1).data].slice(0, 3); }",
            mac,
        )
        return found

    async def drawn(self) -> None:
        """Wait until everything asked for so far is painted."""
        await self.page.evaluate(
            "() => new Promise((done) => requestAnimationFrame(() => requestAnimationFrame(done)))"
        )

    def command(self, name: str) -> Locator:
        """A command in the backoffice, with its form."""
        return self.page.locator(f'details[data-command="{name}"]')

    def status(self, key: str) -> Locator:
        """The row of a status in the backoffice."""
        return self.page.locator("tr").filter(has=self.page.locator(f'th:text-is("{key}")'))

    async def violations(self) -> list[str]:
        """What axe finds of serious or critical impact, as `rule: element`."""
        await self.page.evaluate(AXE_SCRIPT)
        found = await self.page.evaluate("() => axe.run({resultTypes: ['violations']})")
        return [
            f"{each['id']}: {node['html'][:160]} {node.get('failureSummary', '')[:300]}"
            for each in found["violations"]
            if each["impact"] in ("serious", "critical")
            for node in each["nodes"]
        ]


#: Opens the page: `await look(house, level, view, **options of the browser's context)`.
Look = Callable[..., Awaitable[Viewer]]


#: Makes a house that stands until the test is over: `await build(**options of house)`.
Build = Callable[..., Awaitable[House]]


@asynccontextmanager
async def viewer(browser: Browser, at: House, level: str | None = None, **options: Any) -> AsyncIterator[Viewer]:
    """Somebody with a browser of their own, signed in with a key of the level. Fails if there was any trouble."""
    context = await browser.new_context(**{"viewport": {"width": 1280, "height": 800}, **options})
    context.set_default_timeout(PATIENCE)
    troubles = Troubles(context, at.url)
    if level is not None:
        await context.add_init_script(
            f"location.protocol === 'http:' && !sessionStorage.getItem('tested') && (sessionStorage.setItem('tested', '1'),"
            f"sessionStorage.setItem('mistlocate-key', '{KEYS[level]}'))"
        )
    try:
        yield Viewer(await context.new_page(), troubles, at)
    finally:
        await context.close()
    troubles.check()
