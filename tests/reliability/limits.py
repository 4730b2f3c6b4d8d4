"""Clouds that say "not now" and "not you": budgets, pauses, refused tokens."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from unittest.mock import patch

from mistlocate.engines.embedded import store
from mistlocate.engines.embedded.config import load
from mistlocate.engines.embedded.engine import Engine
from mistlocate.simulator import SimulatedCloud
from mistlocate.simulator.gate import Entry
from reliability.rows import Measured, Row, Trial
from support.site import SMALL, settings
from support.truth import agreed
from support.virtual_site import SteppedClock, VirtualSite, in_virtual_time, inline_sqlite, passes, virtual_site

MODULES = 50

#: … in full; the short version, of this scale, has fewer.
FEW = 10
SHORT = 0.02

#: A budget that no storm of a few minutes spends.
PLENTY = 1_000_000

#: No more of them than this may come back in the same second. They are spread over ten seconds: five a second, and by
#: chance alone twelve or thirteen in one of some hundreds of seconds.
IN_STEP = MODULES // 3

#: Calls of one and the same moment: what was on its way when the cloud said stop.
MOMENT = 0.05


@asynccontextmanager
async def many(trial: Trial, calls: int) -> AsyncIterator[tuple[SimulatedCloud, Engine]]:
    """Fifty modules (or a few) of one token in one process, which may make so many calls an hour."""
    clock = SteppedClock()
    async with SimulatedCloud(SMALL, clock=clock, rate_limit=calls) as cloud:
        raw = settings(cloud, {"publish_interval": 60, "rest_budget": calls})
        module = raw["systems"][0]["modules"][0]
        raw["systems"] = [{"id": f"sys-{number}", "modules": [module]} for number in range(_modules(trial))]
        with patch.object(store.aiosqlite, "connect", inline_sqlite):
            async with Engine(load(raw, trial.folder), clock=clock) as engine:
                yield cloud, engine


def _modules(trial: Trial) -> int:
    """So many as the row promises, but for the version in the suite, whose value says how many there were."""
    return FEW if trial.scale <= SHORT else MODULES


def all_live(engine: Engine) -> bool:
    states = [engine.board.get(host.spec.id, "stream_state") for host in engine.hosts.values()]
    return all(state is not None and state.value in ("live", "quiet") for state in states)


def rest(cloud: SimulatedCloud) -> list[Entry]:
    return [entry for entry in cloud.requests if entry.path.startswith("/api/v1")]


def upgrades(cloud: SimulatedCloud) -> list[Entry]:
    return [entry for entry in cloud.requests if entry.path.startswith("/api-ws")]


def busiest(times: list[float], within: float = 1.0) -> int:
    """The most of these times that lie within so many seconds."""
    times = sorted(times)
    return max((sum(time <= at < time + within for at in times) for time in times), default=0)


async def rest_storm(trial: Trial) -> Measured:
    """REST answers 429 to everybody for a while; how long to wait differs from storm to storm."""

    async def work() -> Measured:
        early = refused = storms = 0
        async with many(trial, PLENTY) as (cloud, engine):
            await passes(lambda: all_live(engine), 600)
            for number in range(trial.count(20)):
                pause = (5.0, 30.0, 120.0)[number % 3]
                cloud.requests.clear()
                rule = cloud.faults.rest(status=429, headers={"Retry-After": f"{pause:.0f}"})
                cloud.close_all(1012)
                await asyncio.sleep(4 * pause)
                cloud.faults.forget(rule)
                await passes(lambda: all_live(engine), 7200)
                early += _early(rest(cloud), pause)
                refused += sum(entry.status == 429 for entry in rest(cloud))
                storms += 1
        value = f"{storms} storms over {_modules(trial)} modules: {refused} calls refused, {early} before Retry-After"
        return Measured(not early and refused >= 3 * storms, value, {"storms": storms})

    return await in_virtual_time(work)


def _early(entries: list[Entry], pause: float) -> int:
    """Calls that came although the cloud had asked this token for a pause."""
    return sum(
        entry.at < other.at + pause and entry.at > other.at + MOMENT
        for other in entries
        if other.status == 429
        for entry in entries
    )


async def stream_storm(trial: Trial) -> Measured:
    """Upgrades to the stream are answered with 429; nobody asks earlier than told, and not all at once."""

    async def work() -> Measured:
        early = most = tries = 0
        storms, modules = trial.count(20, 2), _modules(trial)
        async with many(trial, PLENTY) as (cloud, engine):
            await passes(lambda: all_live(engine), 600)
            for number in range(storms):
                pause = (10.0, 30.0, 60.0)[number % 3]
                cloud.requests.clear()
                rule = cloud.faults.refuse_handshakes(429, retry_after=pause)
                cloud.close_all(1012)
                await asyncio.sleep(6 * pause)
                cloud.faults.forget(rule)
                await passes(lambda: all_live(engine), 7200)
                times = [entry.at for entry in upgrades(cloud)]
                # If each waits for the pause, no stretch shorter than it has more tries than there are modules.
                early += sum(b - a < pause - MOMENT for a, b in zip(times, times[modules:], strict=False))
                most = max(most, busiest(times[modules:]))
                tries += len(times)
        value = f"{storms} storms: {tries:,} tries, {early} before Retry-After; at most {most} of {modules} modules in one second"
        return Measured(not early and most <= IN_STEP and tries > 3 * storms * modules, value)

    return await in_virtual_time(work)


async def budget(trial: Trial) -> Measured:
    """Fifty modules on a line that breaks every ten seconds, for hours, with a budget of 2,000 calls an hour."""

    async def work() -> Measured:
        async with many(trial, 2_000) as (cloud, engine):
            hours: dict[int, int] = {}
            over = 0
            end = asyncio.get_running_loop().time() + trial.count(36_000, 1_200)
            while asyncio.get_running_loop().time() < end:
                await asyncio.sleep(10)
                cloud.close_all(1011)
                for entry in rest(cloud):
                    hours[int(entry.at // 3600)] = hours.get(int(entry.at // 3600), 0) + 1
                    over += entry.status == 429
                cloud.requests.clear()
            modules = len(engine.hosts)
        most = max(hours.values())
        value = f"at most {most:,} calls an hour of {modules} modules on a broken line, {over} refused by the cloud"
        return Measured(most <= 2_000 and not over, value, {"hours": len(hours)})

    return await in_virtual_time(work)


async def _tries(site: VirtualSite, seconds: float) -> int:
    """How often anything was asked of the cloud within so many seconds."""
    site.cloud.requests.clear()
    await asyncio.sleep(seconds)
    return len(site.cloud.requests)


async def tokens(trial: Trial) -> Measured:
    """A token is revoked or refused in every way; a new one is set, by settings or by its file."""

    async def work() -> Measured:
        most = latched = differences = 0
        slowest = 0.0
        ways = ("revoked", "401", "403", "file")
        for way in ways * trial.count(10):
            file = trial.folder / "token"
            async with virtual_site(trial.folder, moving=True) as site:
                if way == "file":
                    file.write_text(site.cloud.token)
                    await site.engine.reload(site.reconfigured({"api_token": None, "api_token_file": str(file)}))
                await site.settle()
                site.cloud.requests.clear()
                if way in ("401", "403"):
                    rule = site.cloud.faults.refuse_handshakes(int(way))
                    site.cloud.close_all()
                else:
                    site.cloud.rotate()
                    site.cloud.close_all()
                await passes(site.state_is("auth_failed"), 60)
                most = max(most, len(site.cloud.requests))
                latched += await _tries(site, 800)
                if way in ("401", "403"):
                    site.cloud.faults.forget(rule)
                    site.cloud.rotate()
                if way == "file":
                    file.write_text(site.cloud.token)
                else:
                    await site.engine.reload(site.reconfigured({"api_token": site.cloud.token}))
                slowest = max(slowest, await passes(site.state_is("live"), 60))
                differences += len((await agreed(site)).differences)
        holds = most <= 3 and not latched and slowest <= 2.0 and not differences
        value = f"at most {most} tries, {latched} while latched; live {slowest:.1f} s after a new token at the latest"
        return Measured(holds, value, {"ways": ways, "differences": differences})

    return await in_virtual_time(work)


#: Every call that the driver makes by itself, by a pattern of its path.
CALLS = ("/maps$", "/maps/[^/]+/clients$", "/stats/clients$", "/stats/clients/", "/psks$")


async def refused_calls(trial: Trial) -> Measured:
    """Each call alone is refused: it is tried three times in a quarter of an hour, and the others go on."""

    async def work() -> Measured:
        most = differences = 0
        figures: dict[str, int] = {}
        for status in (401, 403):
            for path in CALLS if trial.scale >= 0.1 else CALLS[status == 403 :: 2]:
                async with virtual_site(trial.folder, moving=True) as site:
                    rule = site.cloud.faults.rest(path, status=status)
                    await asyncio.sleep(5)
                    site.cloud.faults.mute()  # its record is lost, and the stream tells of its place only
                    site.cloud.stage.add_device("00005e0053f1", map_id=site.maps[0], x=10.0, y=10.0)
                    site.cloud.faults.unmute()
                    site.cloud.stage.emit_position("00005e0053f1")
                    await asyncio.sleep(880)
                    per_object = len(site.maps) if path == CALLS[1] else 2 if path == CALLS[4] else 1
                    figures[f"{status} {path}"] = -(-rule.hits // per_object)
                    site.cloud.faults.forget(rule)
                    await site.mist("diagnostics")
                    await asyncio.sleep(1000)
                    differences += len((await agreed(site, 120)).differences)
        most = max(figures.values())
        value = f"at most {most} tries of a refused call in 15 minutes; {differences} differences afterwards"
        return Measured(most <= 3 and not differences, value, figures)

    return await in_virtual_time(work)


#: The call that asks whether a silence is real (and, a minute after the beginning, that which lists the whole site).
QUESTION = "/stats/clients$"


async def refused_question(trial: Trial) -> Measured:
    """The stream is silent and the question whether that is so is refused: it alone, or the token altogether."""

    async def work() -> Measured:
        most = latched = differences = 0
        slowest = 0.0
        wrong: list[str] = []
        ways = ("revoked", "401", "403")
        for way in ways * trial.count(5):
            async with virtual_site(trial.folder, websocket={"silence_limit": 30.0}) as site:
                await site.settle()
                await asyncio.sleep(300)  # everything else that is to be asked at the beginning has been
                site.cloud.faults.mute()
                site.cloud.requests.clear()
                if way == "revoked":
                    site.cloud.rotate()  # the connection stands
                else:
                    rule = site.cloud.faults.rest(QUESTION, status=int(way))
                wanted, reason = ("degraded", "cannot be asked") if way == "403" else ("auth_failed", "401")
                await passes(site.state_is(wanted), 300)
                if way == "revoked":
                    most = max(most, len(site.cloud.requests))
                    latched += await _tries(site, 800)
                else:
                    await asyncio.sleep(880)
                    most = max(most, rule.hits)
                    site.cloud.faults.forget(rule)
                    site.cloud.rotate()
                if site.status("stream_state") != wanted or reason not in site.status("stream_reason"):
                    wrong.append(f"{way}: {site.status('stream_state')}, {site.status('stream_reason')}")
                site.cloud.faults.unmute()
                await site.engine.reload(site.reconfigured({"api_token": site.cloud.token}))
                slowest = max(slowest, await passes(site.state_is("live"), 60))
                differences += len((await agreed(site)).differences)
        holds = most <= 3 and not latched and not wrong and slowest <= 2.0 and not differences
        value = f"at most {most} tries in 15 minutes, {latched} while latched; live {slowest:.1f} s after a new token at the latest"
        return Measured(holds, value, {"ways": ways, "differences": differences, "wrong": wrong})

    return await in_virtual_time(work)


ROWS = [
    Row(
        "rest-429", "Faults", "REST answers 429 to 50 modules that share a token (virtual time)",
        "no call before `Retry-After`", rest_storm, quick=SHORT,
    ),
    Row(
        "stream-429", "Faults", "the stream answers 429 to 50 modules (virtual time)",
        f"no try before `Retry-After`; at most {IN_STEP} of {MODULES} in the same second", stream_storm, quick=SHORT,
    ),
    Row(
        "budget", "Faults", "50 modules on a line that breaks every 10 s, with a budget of 2,000 calls an hour",
        "never above the budget", budget, quick=SHORT,
    ),
    Row(
        "tokens", "Faults", "a token is revoked, or refused with 401 or 403; a new one is set, or written to its file",
        "at most 3 tries, none while latched, live within 2 s of the new token", tokens, quick=0.1,
    ),
    Row(
        "refused-calls", "Faults", "each call of REST alone is refused with 401 or 403",
        "at most 3 tries in 15 minutes, then everything equals the cloud's truth", refused_calls, quick=0.05,
    ),
    Row(
        "refused-question", "Faults", "the stream is silent, and the question whether that is so is refused with 401 or 403",
        "at most 3 tries in 15 minutes, then `auth_failed` (401) or `degraded` (403); live within 2 s of the new token",
        refused_question, quick=0.05,
    ),
]  # fmt: skip
