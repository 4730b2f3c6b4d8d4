"""A line that breaks all the time: the connection comes back, and everything it carried is right again."""

import asyncio
import random

from reliability.rows import Measured, Row, Trial
from support.truth import agreed, unbalanced
from support.virtual_site import VirtualSite, in_virtual_time, passes, virtual_site

#: How a connection ends: close codes of the cloud, and None for what no goodbye announces.
CODES = (1000, 1001, 1006, 1008, 1009, 1011, 1012, 1013, 1014, 4000, 4401, None)

#: Every so many disconnects everything is compared.
COMPARE_EVERY = 10


async def _break(site: VirtualSite, rng: random.Random) -> str:
    code = rng.choice(CODES)
    if code is None:
        site.proxy.reset()
    elif code == 1006:
        site.proxy.cut()
    else:
        site.cloud.close_all(code)
    return str(code)


async def disconnects(trial: Trial) -> Measured:
    """Break the stream again and again on a campus in motion, and compare."""

    async def work() -> Measured:
        rng = random.Random(1)
        compared = differences = tasks = 0
        by_code: dict[str, int] = {}
        slowest = 0.0
        wanted = trial.count(10_000, 20)
        async with virtual_site(trial.folder, moving=True) as site:
            await site.settle()
            tasks = len(asyncio.all_tasks())
            for number in range(wanted):
                await asyncio.sleep(rng.uniform(0, 10))
                code = await _break(site, rng)
                by_code[code] = by_code.get(code, 0) + 1
                await passes(site.state_is("connecting"), 10)
                slowest = max(slowest, await passes(site.state_is("live"), 300))
                if number % COMPARE_EVERY == 0 or number == wanted - 1:
                    found = await agreed(site)
                    compared += found.compared
                    differences += len(found.differences)
            diagnostics = await site.diagnostics()
            await passes(lambda: len(asyncio.all_tasks()) <= tasks, 60)
            connections = diagnostics["stream"]["connections"]
            held = not differences and not unbalanced(diagnostics) and connections >= wanted
            figures = {
                "disconnects": wanted, "by_code": by_code, "compared": compared, "differences": differences,
                "slowest_return_s": round(slowest, 1), "virtual_hours": round(asyncio.get_running_loop().time() / 3600, 1),
                "accounts": diagnostics["accounts"], "unbalanced": unbalanced(diagnostics),
            }  # fmt: skip
        return Measured(held, f"{wanted:,} disconnects, {compared:,} comparisons, {differences} differences", figures)

    return await in_virtual_time(work)


ROWS = [
    Row(
        "disconnects",
        "Faults",
        "forced disconnects with mixed close codes, resets and cuts, on a campus in motion (virtual time)",
        "10,000 disconnects; everything equals the cloud's truth; every frame accounted for; no task left over",
        disconnects,
        quick=0.002,
    )
]
