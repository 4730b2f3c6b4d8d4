"""How smoothly the page draws a full floor: 2,000 devices, every one of them reported once a second.

Run it with `make bench-page`. Reports take the whole way: the simulated cloud's stream, both drivers, the engine's
control socket, a headless browser. It fails if the frames are too slow, or if not everybody was drawn and moved.
"""

import argparse
import asyncio
import json
import logging
import math
import os
import random
import statistics
import sys
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import structlog
from playwright.async_api import Browser, CDPSession, Page, expect

from mistlocate.demo import Demo
from mistlocate.simulator import SimulatedCloud
from tools.browser import chromium

#: What a frame may take (milliseconds).
MEDIAN_AT_MOST = 33.0
P95_AT_MOST = 50.0

#: The share of the devices that must have moved from one status to the next, on average.
MOVED_AT_LEAST = 0.9

#: How far a device goes in a second (pixels of the map, a bit more than a metre), and how near to the edge it comes.
STRIDE = 25.0
MARGIN = 30.0

#: The reports of a second are sent in so many parts.
PARTS = 20

_METER = (Path(__file__).parent / "page_meter.js").read_text(encoding="utf-8")


class Crowd:
    """Devices that walk over one floor; each second every one of them is reported once."""

    def __init__(self, cloud: SimulatedCloud, devices: int) -> None:
        self._stage = cloud.stage
        self._lots = random.Random(1)
        self._plan = next(iter(cloud.world.maps.values()))
        self._at = {self._enter(): self._anywhere() for _ in range(devices)}
        self.reports = 0

    async def walk(self) -> None:
        """Walk for ever, at the pace of the clock."""
        began = time.monotonic()
        parts = [list(self._at)[number::PARTS] for number in range(PARTS)]
        turn = 0
        while True:
            for mac in parts[turn % PARTS]:
                self._step(mac)
            turn += 1
            await asyncio.sleep(max(0.0, began + turn / PARTS - time.monotonic()))

    def _enter(self) -> str:
        x, y = self._anywhere()
        return self._stage.add_device(map_id=self._plan.id, x=x, y=y, form="phone")

    def _anywhere(self) -> tuple[float, float]:
        lots = self._lots
        return lots.uniform(MARGIN, self._plan.width - MARGIN), lots.uniform(MARGIN, self._plan.height - MARGIN)

    def _step(self, mac: str) -> None:
        x, y = self._at[mac]
        x = _within(x + self._lots.uniform(-STRIDE, STRIDE), self._plan.width)
        y = _within(y + self._lots.uniform(-STRIDE, STRIDE), self._plan.height)
        self._at[mac] = x, y
        self._stage.place(mac, self._plan.id, x, y)
        self.reports += 1


def _within(value: float, size: float) -> float:
    return min(max(value, MARGIN), size - MARGIN)


@asynccontextmanager
async def opened(browser: Browser, url: str, devices: int) -> AsyncIterator[Page]:
    """The page with everybody on it."""
    page = await browser.new_page(viewport={"width": 1280, "height": 800}, locale="en-GB")
    await page.goto(url)
    canvas = page.locator("#plan")
    await expect(canvas).to_have_attribute("aria-label", f"HQ - Floor 1: {devices:,} devices", timeout=60_000)
    yield page
    await page.close()


async def measure(page: Page, cpu: CDPSession, warm_up: float, seconds: float) -> dict[str, Any]:
    """What the meter in the page noted, and the processor time of the browser's processes, after a warm-up."""
    await page.evaluate(_METER)
    await page.evaluate("(seconds) => window.meter.pass(seconds)", warm_up)
    before, began = await _cpu(cpu), time.monotonic()
    await page.evaluate("() => window.meter.reset()")
    await page.evaluate("(seconds) => window.meter.pass(seconds)", seconds)
    found: dict[str, Any] = await page.evaluate("() => window.meter.read()")
    took = time.monotonic() - began
    after = await _cpu(cpu)
    found["cpu"] = {kind: (after[kind] - before.get(kind, 0.0)) / took for kind in after}
    found["seconds"] = took
    return found


async def _cpu(session: CDPSession) -> dict[str, float]:
    """Seconds of processor time by kind of process."""
    answer = await session.send("SystemInfo.getProcessInfo")
    used: dict[str, float] = {}
    for each in answer["processInfo"]:
        used[each["type"]] = used.get(each["type"], 0.0) + each["cpuTime"]
    return used


def quantiles(values: list[float]) -> dict[str, float]:
    """Median, 95th percentile and maximum; of nothing, worse than anything."""
    ordered = sorted(values) or [math.inf]
    return {
        "median": statistics.median(ordered),
        "p95": ordered[min(len(ordered) - 1, int(len(ordered) * 0.95))],
        "max": ordered[-1],
    }


def report(found: dict[str, Any], reports: float) -> None:
    """Print what was measured."""
    frame, paint, news = (quantiles(found[name]) for name in ("frames", "paints", "news"))
    line = "{:<34} median {median:6.1f}   p95 {p95:6.1f}   max {max:6.1f} ms".format
    print(f"{found['drawn']:,} devices drawn, {reports:,.0f} reports a second, {found['seconds']:.0f} s")
    print(line("between frames", **frame) + f"   ({len(found['frames']):,} frames)")
    print(line("of these, in paint", **paint))
    print(line("taking in a status of the floor", **news) + f"   ({len(found['news'])} statuses)")
    print(f"moved from status to status: {found['moved']:.0%} of the devices")
    shares = {"renderer": found["cpu"].get("renderer", 0.0), "cloud and engine": found["python"]}
    print("of one processor: " + ", ".join(f"{name} {share:.0%}" for name, share in shares.items()))
    print("load of the machine over 1, 5 and 15 minutes: {:.1f} {:.1f} {:.1f}".format(*os.getloadavg()))


def faults(found: dict[str, Any], devices: int) -> list[str]:
    """What is not as it has to be."""
    frame = quantiles(found["frames"])
    wrong = {
        f"{found['drawn']} of {devices} devices were drawn": found["drawn"] != devices,
        f"only {found['moved']:.0%} of the devices moved": found["moved"] < MOVED_AT_LEAST,
        f"the median frame is above {MEDIAN_AT_MOST:g} ms": frame["median"] > MEDIAN_AT_MOST,
        f"the 95th percentile of frames is above {P95_AT_MOST:g} ms": frame["p95"] > P95_AT_MOST,
    }
    return [text for text, holds in wrong.items() if holds]


async def run(devices: int, warm_up: float, seconds: float) -> dict[str, Any]:
    """Measure once."""
    async with Demo(port=0, people=0, floors=1).running() as demo, chromium() as browser:
        crowd = Crowd(demo.cloud, devices)
        walking = asyncio.create_task(crowd.walk())
        try:
            async with opened(browser, demo.url, devices) as page:
                before, used, began = crowd.reports, time.process_time(), time.monotonic()
                found = await measure(page, await browser.new_browser_cdp_session(), warm_up, seconds)
                took = time.monotonic() - began
                found["python"] = (time.process_time() - used) / took
                found["reports"] = (crowd.reports - before) / took
        finally:
            walking.cancel()
    return found


def main() -> int:
    """Measure, print, and say by the exit code whether it is good enough."""
    options = argparse.ArgumentParser(description=__doc__)
    options.add_argument("--devices", type=int, default=2000)
    options.add_argument("--seconds", type=float, default=20.0, help="how long to measure")
    options.add_argument("--warm-up", type=float, default=5.0, help="seconds before that")
    options.add_argument("--save", type=Path, help="write everything that was measured to this file, as JSON")
    given = options.parse_args()
    structlog.configure(wrapper_class=structlog.make_filtering_bound_logger(logging.WARNING))
    found = asyncio.run(run(given.devices, given.warm_up, given.seconds))
    if given.save:
        given.save.write_text(json.dumps(found), encoding="utf-8")
    report(found, found["reports"])
    wrong = faults(found, given.devices)
    for text in wrong:
        print(f"FAILED: {text}")
    return 1 if wrong else 0


if __name__ == "__main__":
    sys.exit(main())
