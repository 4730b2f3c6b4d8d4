"""A stream that says nothing: dead, cheated of its data, or simply at night."""

import asyncio
import random

from mistlocate.simulator import Campus
from reliability.rows import Measured, Row, Trial
from support.site import SMALL, SYSTEM
from support.truth import agreed
from support.virtual_site import VirtualSite, in_virtual_time, passes, virtual_site

#: The limit of the promise: a connection that died without a goodbye is found out (seconds).
DEAD_WITHIN = 45.0

#: A campus of one, and a module that does not write statuses ten times a second all night.
LONELY = Campus(seed=7, people=1, floors=1, passers=0)
SLOWLY = {"publish_interval": 3.0}


async def _stale(site: VirtualSite) -> bool:
    """Whether every location record that is given now is marked, and some are given."""
    answers = [
        await site.locations("device_locations", "zone-b"),
        await site.locations("locate_user", "alice@example.com"),
    ]
    return all(answers) and all(record["stale"] for answer in answers for record in answer)


async def half_open(trial: Trial) -> Measured:
    """Connections that stand and carry nothing, from a random moment on."""

    async def work() -> Measured:
        rng = random.Random(2)
        found: list[float] = []
        differences = unmarked = 0
        async with virtual_site(trial.folder, moving=True) as site:
            for _ in range(trial.count(100, 5)):
                await site.settle(600)
                await asyncio.sleep(rng.uniform(0, 60))
                site.proxy.hush()
                found.append(await passes(site.state_is("connecting"), 120))
                unmarked += not await _stale(site)
                await site.settle(600)
                differences += len((await agreed(site)).differences)
        found.sort()
        holds = found[-1] <= DEAD_WITHIN and not unmarked and not differences
        value = f"found out after {found[len(found) // 2]:.0f} s (median), {found[-1]:.0f} s at most; {differences} differences"
        return Measured(holds, value, {"times": len(found), "longest_s": found[-1], "unmarked": unmarked})

    return await in_virtual_time(work)


async def contradicted(trial: Trial) -> Measured:
    """The cloud answers pings and sends no data, while REST has news."""

    async def work() -> Measured:
        slowest = 0.0
        differences = wrong = 0
        limits = (30.0, 90.0, 300.0)
        for limit in limits:
            for _ in range(trial.count(10)):
                async with virtual_site(trial.folder, moving=True, websocket={"silence_limit": limit}) as site:
                    await site.settle()
                    site.cloud.faults.mute()
                    took = await passes(site.state_is("degraded", "connecting"), 10 * limit)
                    slowest = max(slowest, took / limit)
                    wrong += not await _stale(site)
                    site.cloud.faults.unmute()
                    await site.settle()
                    differences += len((await agreed(site)).differences)
        holds = slowest <= 1.25 and not wrong and not differences
        value = f"given up within {slowest:.2f} of the limit, at limits of 30, 90 and 300 s; {differences} differences"
        return Measured(holds, value, {"share_of_limit": round(slowest, 2), "unmarked": wrong})

    return await in_virtual_time(work)


async def quiet_nights(trial: Trial) -> Measured:
    """Nobody comes, nobody moves: next to nothing on the stream for hours."""

    async def work() -> Measured:
        hours = trial.count(84, 2)
        asked = 0
        async with virtual_site(trial.folder, SMALL, websocket=SLOWLY) as site:
            await site.settle()
            states = _states(site)
            for _ in range(hours):
                site.cloud.requests.clear()
                await asyncio.sleep(3600)
                asked = max(asked, len(site.requests("/stats/clients")))
            reconnects = (await site.diagnostics())["stream"]["connections"] - 1
            alarms = [state for state in states if state not in ("live", "quiet")]
        value = f"{hours} h: {len(alarms)} alarms, {reconnects} reconnects; REST asked {asked} times an hour at most"
        return Measured(not alarms and not reconnects, value, {"hours": hours})

    return await in_virtual_time(work)


async def sparse_nights(trial: Trial) -> Measured:
    """One device in the house reports now and then, with an hour of silence between at times."""

    async def work() -> Measured:
        hours = trial.count(84, 2)
        rng = random.Random(3)
        async with virtual_site(trial.folder, LONELY, websocket=SLOWLY) as site:
            await site.settle()
            mac = min(site.cloud.world.devices)
            states = _states(site)
            end = asyncio.get_running_loop().time() + hours * 3600
            while asyncio.get_running_loop().time() < end:
                await asyncio.sleep(rng.expovariate(1 / 1200))
                site.cloud.stage.emit_stats(mac)
            reconnects = (await site.diagnostics())["stream"]["connections"] - 1
            alarms = [state for state in states if state not in ("live", "quiet")]
        value = f"{hours} h: quiet {states.count('quiet')} times, {len(alarms)} alarms, {reconnects} reconnects"
        return Measured(not alarms and not reconnects and "quiet" in states, value, {"hours": hours})

    return await in_virtual_time(work)


def _states(site: VirtualSite) -> list[str]:
    """Every state that the stream is in from now on."""
    states: list[str] = []
    site.engine.follow(SYSTEM, "MistWebsocket_1", "stream_state", lambda news: states.append(news.value))
    return states


ROWS = [
    Row(
        "half-open", "Faults", "a half-open connection is found out by ping (virtual time)",
        "≤ 45 s; answers meanwhile marked stale; then everything equals the cloud's truth", half_open, quick=0.03,
    ),
    Row(
        "silence-contradicted", "Faults", "a stream that answers pings and sends no data, while REST has news",
        "noticed within 1.25 times `silence_limit`; marked stale; then everything equals the truth",
        contradicted, quick=0.05,
    ),
    Row(
        "quiet-nights", "Faults", "nights in which nothing moves (virtual time)",
        "no alarm, no reconnect", quiet_nights, quick=0.01,
    ),
    Row(
        "sparse-nights", "Faults", "nights in which one device reports now and then (virtual time)",
        "no alarm, no reconnect", sparse_nights, quick=0.01,
    ),
]  # fmt: skip
