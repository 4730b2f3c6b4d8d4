"""What changes under a running pair: its settings, its clocks, the machine's sleep; and acknowledgements that fail to come."""

import asyncio
import random
from collections.abc import Awaitable, Callable

from mistlocate.mist.frames import Channel
from reliability.rows import Measured, Row, Trial
from support.truth import agreed
from support.virtual_site import SteppedClock, VirtualSite, in_virtual_time, passes, virtual_site


def _tasks() -> int:
    """The tasks of now, but for those that serve single connections of cloud and proxy."""
    names = (task.get_coro().__qualname__ for task in asyncio.all_tasks())  # type: ignore[union-attr]
    return sum(not name.startswith(("FaultProxy", "RequestResponseCycle", "Hub", "WebSocketsSansIO")) for name in names)


def _followers(site: VirtualSite) -> int:
    return sum(len(followers) for followers in site.engine.board._followers.values())


async def settings_changed(trial: Trial) -> Measured:
    """Settings of both modules changed over and over, most of them without a new connection, while people walk."""

    async def work() -> Measured:
        rng = random.Random(5)
        changes = trial.count(1_000, 20)
        wrong: list[str] = []
        async with virtual_site(trial.folder, moving=True, websocket={"rest_budget": 1_000_000}) as site:
            await site.settle()
            await asyncio.sleep(130)
            tasks, followers = _tasks(), _followers(site)
            for number in range(changes):
                websocket = rng.choice(
                    ({"publish_interval": rng.choice((0.1, 0.2))}, {"silence_limit": rng.randrange(60, 120)},
                     {"client_fields": rng.choice(("all", "needed"))}, {"ignore_usernames": rng.choice(([], ["host/"]))},
                     {"forget_after": 30 + number % 2}, {"read_timeout": 20 + rng.randrange(10)}, {})
                )  # fmt: skip
                locations = {"publish_levels": rng.random() < 0.5} if rng.random() < 0.3 else {}
                await site.engine.reload(site.reconfigured(websocket, locations))
                await asyncio.sleep(rng.choice((0.0, 0.0, 0.01, 0.5)))
                if number % 100 == 99:
                    wrong += await _whole(site)
            await site.engine.reload(
                site.reconfigured({"publish_interval": 0.1, "ignore_usernames": ["host/"]}, {"publish_levels": False})
            )
            wrong += await _whole(site)
            await asyncio.sleep(130)
            more = _tasks() - tasks, _followers(site) - followers
        value = f"{changes:,} changes: {more[0]:+d} tasks, {more[1]:+d} followers, {len(wrong)} things wrong"
        return Measured(more == (0, 0) and not wrong, value, {"wrong": wrong[:10]})

    return await in_virtual_time(work)


async def _whole(site: VirtualSite) -> list[str]:
    """What is wrong once the last change has settled: one stream, every channel subscribed, everybody right."""
    await site.settle()
    wrong = []
    wanted = {str(Channel(site.cloud.site_id)), *(str(Channel(site.cloud.site_id, each)) for each in site.maps)}
    await passes(lambda: len(site.cloud.sessions) == 1, 60)
    if site.cloud.sessions[0].channels != wanted:
        wrong.append("channels")
    return wrong + (await agreed(site)).differences


async def local_clock(trial: Trial) -> Measured:
    """The machine's own clock is set, an hour forwards and backwards."""

    async def step(site: VirtualSite, rng: random.Random) -> None:
        assert isinstance(site.clock, SteppedClock)
        site.clock.step += rng.choice((-3600.0, 3600.0))

    return await _stepped(trial, step)


async def cloud_clock(trial: Trial) -> Measured:
    """The cloud's clock jumps; the `Date` of its next answer tells."""

    async def step(site: VirtualSite, rng: random.Random) -> None:
        site.cloud.faults.skew(site.cloud.faults.skew_seconds + rng.choice((-3600.0, 3600.0)))
        await site.mist("sync_clients")

    return await _stepped(trial, step)


async def _stepped(trial: Trial, step: Callable[[VirtualSite, random.Random], Awaitable[None]]) -> Measured:
    async def work() -> Measured:
        rng = random.Random(6)
        steps = trial.count(50, 4)
        missing = 0
        differences: list[str] = []
        async with virtual_site(trial.folder, moving=True) as site:
            await site.settle()
            await asyncio.sleep(60)
            for _ in range(steps):
                before = {each["mac"] for each in await site.locations("device_locations", "zone-b")}
                await step(site, rng)
                # At once, and not only when the next look at the clocks has been taken.
                for _ in range(30):
                    await asyncio.sleep(0.1)
                    records = await site.locations("device_locations", "zone-b")
                    missing += len(records) < len(before) // 2
                differences += (await agreed(site)).differences
                await asyncio.sleep(rng.uniform(0, 400))
        value = f"{steps} steps of one hour: {missing} answers without people, {len(differences)} differences"
        return Measured(not missing and not differences, value, {"differences": differences[:5]})

    return await in_virtual_time(work)


async def suspended(trial: Trial) -> Measured:
    """The machine sleeps: clocks go on, nothing runs, connections are dead when it wakes."""

    async def work() -> Measured:
        rng = random.Random(7)
        times = trial.count(50, 3)
        slowest, old = 0.0, 0
        differences = 0
        async with virtual_site(trial.folder, moving=True) as site:
            await site.settle()
            for _ in range(times):
                assert isinstance(site.clock, SteppedClock)
                slept = rng.choice((300.0, 3600.0, 8 * 3600.0))
                site.proxy.hush()
                site.clock.slept += slept
                oldest = site.cloud.now() - 10 * 60
                for record in await site.locations("device_locations", "zone-b"):
                    known = record["mac"] in site.cloud.world.devices  # of guests nothing else tells the time
                    seen = site.cloud.world.truth(record["mac"]).last_seen if known else record["last_seen"]
                    old += seen is None or seen < oldest - 5
                slowest = max(slowest, await passes(site.state_is("connecting"), 120))
                await site.settle(600)
                differences += len((await agreed(site)).differences)
                await asyncio.sleep(rng.uniform(0, 300))
        value = f"{times} times up to 8 h: connection given up within {slowest:.0f} s, {old} answers too old, {differences} differences"
        return Measured(slowest <= 45 and not old and not differences, value)

    return await in_virtual_time(work)


async def acknowledgements(trial: Trial) -> Measured:
    """One channel is never acknowledged at first: only it is asked for again, and only its floor is marked."""

    async def work() -> Measured:
        times = trial.count(50, 3)
        others = wrong = 0
        latest = 0.0
        for number in range(times):
            async with virtual_site(trial.folder) as site:
                await site.settle()
                for each in site.maps:  # where nobody is, nothing can be marked
                    site.cloud.stage.add_device(map_id=each, x=10.0, y=10.0, username=f"guard@{each}.example.com")
                floor = site.maps[number % len(site.maps)]
                asked: list[str] = []
                hub = site.cloud._hub
                subscribe = hub._subscribe
                hub._subscribe = lambda session, channel, to=subscribe, log=asked: (
                    log.append(channel) or to(session, channel)
                )  # type: ignore[method-assign, misc, func-returns-value]
                rule = site.cloud.faults.drop_acks(floor)
                site.cloud.close_all()
                latest = max(latest, await passes(site.state_is("degraded"), 20))
                freshness = site.status("freshness")
                wrong += freshness != {"stale": False, "stale_maps": [floor]}
                records = await site.locations("device_locations", "zone-b")
                marked = {(record["mist_map_id"], record["stale"]) for record in records}
                wrong += marked != {(each, each == floor) for each in site.maps}
                site.cloud.faults.forget(rule)
                await site.settle()
                wrong += site.status("freshness") != {"stale": False, "stale_maps": []}
                channel = str(Channel(site.cloud.site_id, floor))
                others += len([each for each in asked if each != channel]) - len(site.maps)
        value = (
            f"{times} times: noticed after {latest:.0f} s, {others} other channels asked for again, {wrong} marks wrong"
        )
        return Measured(not others and not wrong and latest <= 13, value)

    return await in_virtual_time(work)


ROWS = [
    Row(
        "acknowledgement", "Faults", "the acknowledgement of one channel is missing for 10 s (virtual time)",
        "only that channel is asked for again; only its floor is shown as degraded", acknowledgements, quick=0.06,
    ),
    Row(
        "settings", "Faults", "settings changed under load (virtual time)",
        "1,000 changes: no task or follower more than before, one stream, no lost subscription, everybody right",
        settings_changed, quick=0.05,
    ),
    Row(
        "local-clock", "Faults", "the machine's clock is stepped by ± 1 h (virtual time)",
        "answers go on, ages stay right", local_clock, quick=0.08,
    ),
    Row(
        "cloud-clock", "Faults", "the cloud's clock is stepped by ± 1 h (virtual time)",
        "corrected by the `Date` of its answers; ages stay right", cloud_clock, quick=0.08,
    ),
    Row(
        "suspended", "Faults", "the machine is suspended for up to 8 h and its connections die (virtual time)",
        "no answer too old; found out within 45 s; then everything equals the cloud's truth", suspended, quick=0.06,
    ),
]  # fmt: skip
