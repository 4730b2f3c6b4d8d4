"""Networks that fail and clouds that lie: afterwards everything is as the cloud has it."""

import asyncio
import json
import random
from collections.abc import Awaitable, Callable
from contextlib import suppress

from mistlocate.mist.frames import Channel
from reliability.rows import Measured, Row, Trial
from support.truth import Comparison, agreed, unbalanced
from support.virtual_site import VirtualSite, in_virtual_time, virtual_site

Fault = Callable[[VirtualSite, random.Random], Awaitable[None]]

#: How long everything may take to be right again after the last of a fault (virtual seconds).
SETTLED_WITHIN = 120.0


# -- networks -------------------------------------------------------------------------------------


async def latency(site: VirtualSite, rng: random.Random) -> None:
    site.proxy.latency = rng.uniform(0.1, 3.0)
    await asyncio.sleep(30)


async def cut(site: VirtualSite, rng: random.Random) -> None:
    site.proxy.cut()
    await asyncio.sleep(rng.uniform(0, 5))


async def reset(site: VirtualSite, rng: random.Random) -> None:
    site.proxy.reset()
    await asyncio.sleep(rng.uniform(0, 5))


async def half_open(site: VirtualSite, rng: random.Random) -> None:
    site.proxy.hush()
    await asyncio.sleep(rng.uniform(0, 90))


async def black_hole(site: VirtualSite, rng: random.Random) -> None:
    site.proxy.silent = True
    await asyncio.sleep(rng.uniform(10, 200))
    site.proxy.heal()
    site.proxy.reset()


async def nobody_listens(site: VirtualSite, rng: random.Random) -> None:
    site.proxy.refusing = True
    site.proxy.reset()
    await asyncio.sleep(rng.uniform(10, 120))


async def in_pieces(site: VirtualSite, rng: random.Random) -> None:
    site.proxy.piece = rng.choice((1, 7, 100))
    site.cloud.close_all()
    await asyncio.sleep(10)


async def partial_frames(site: VirtualSite, rng: random.Random) -> None:
    for _ in range(5):
        site.proxy.cut_within(rng.randrange(1, 3000))
        await asyncio.sleep(rng.uniform(0, 10))


async def corrupt_bytes(site: VirtualSite, rng: random.Random) -> None:
    for _ in range(5):
        site.proxy.garble(rng.randrange(1, 4))
        await asyncio.sleep(rng.uniform(0, 10))


async def slow_close(site: VirtualSite, rng: random.Random) -> None:
    site.proxy.slow_close = rng.uniform(1, 60)
    site.cloud.close_all(1011)
    await asyncio.sleep(70)


# -- clouds ---------------------------------------------------------------------------------------


async def late_acknowledgements(site: VirtualSite, rng: random.Random) -> None:
    site.cloud.faults.delay_acks(rng.uniform(5, 40))
    await _reconnected(site)


async def missing_acknowledgements(site: VirtualSite, rng: random.Random) -> None:
    site.cloud.faults.drop_acks(times=rng.randrange(1, 4))
    await _reconnected(site)


async def duplicate_acknowledgements(site: VirtualSite, rng: random.Random) -> None:
    site.cloud.faults.duplicate_acks()
    await _reconnected(site)


async def refused_channels(site: VirtualSite, rng: random.Random) -> None:
    site.cloud.faults.refuse_channels(rng.choice((r"stats/clients$", r"/clients$", site.maps[0])), times=2)
    await _reconnected(site)
    site.cloud.faults.clear()
    await site.engine.stop(site.host("MistWebsocket_1").spec.id)  # a refused channel is left alone for 15 minutes
    await site.engine.start(site.host("MistWebsocket_1").spec.id)


async def duplicate_frames(site: VirtualSite, rng: random.Random) -> None:
    site.cloud.faults.duplicate_frames()
    await asyncio.sleep(60)


async def old_frames(site: VirtualSite, rng: random.Random) -> None:
    for mac in rng.sample(sorted(site.present), min(3, len(site.present))):
        site.cloud.stage.emit_stats(mac, age=rng.uniform(30, 500))
        await asyncio.sleep(1)


async def stale_snapshots(site: VirtualSite, rng: random.Random) -> None:
    site.cloud.faults.stale(rng.uniform(60, 900))
    await _reconnected(site)


async def unknown_maps(site: VirtualSite, rng: random.Random) -> None:
    for number in range(3):
        stranger = f"00000000-0000-4000-8000-00000000000{number}"
        record = {"mac": "00005e0053fe", "x": 1.0, "y": 2.0, "map_id": stranger}
        _send(site, Channel(site.cloud.site_id, stranger), record)
    await asyncio.sleep(5)


async def nonsense(site: VirtualSite, rng: random.Random) -> None:
    for text in ("", "{", "[]", "null", '{"event": "data"}', '{"event": 7}', '{"event": 7, "channel": []}'):
        site.cloud.send_raw(text)
    _send(site, Channel(site.cloud.site_id), "{")
    await asyncio.sleep(5)


async def other_sites(site: VirtualSite, rng: random.Random) -> None:
    channel = Channel("00000000-0000-4000-8000-000000000001")
    _send(site, channel, {"mac": "00005e0053fd"})
    await asyncio.sleep(5)


async def rest_errors(site: VirtualSite, rng: random.Random) -> None:
    path = rng.choice(("/maps$", "/maps/[^/]+/clients$", "/stats/clients", "/psks$", ""))
    how = rng.choice(
        ({"status": 404}, {"status": 429, "headers": {"Retry-After": "7"}}, {"status": 500}, {"status": 503},
         {"html": "<h1>Bad gateway</h1>", "status": 502}, {"html": "<h1>Hello</h1>"}, {"body": {"results": 7}},
         {"malformed": True}, {"drop": True}, {"delay": 45.0}, {"no_paging": True})
    )  # fmt: skip
    site.cloud.faults.rest(path, times=rng.randrange(1, 12), **how)
    await _reconnected(site)


async def injected_rows(site: VirtualSite, rng: random.Random) -> None:
    for listing in ("maps", "clients", "map_clients", "psks"):
        site.cloud.faults.inject(listing, [None, 7, "text", {}, {"mac": 5}, {"id": None}, []])
    await _reconnected(site)


async def another_clock(site: VirtualSite, rng: random.Random) -> None:
    site.cloud.faults.skew(rng.choice((-3600.0, -30.0, 30.0, 3600.0)))
    await _reconnected(site)
    await asyncio.sleep(600)
    site.cloud.faults.skew(0.0)
    await _reconnected(site)


# -- maps -----------------------------------------------------------------------------------------


async def map_renamed(site: VirtualSite, rng: random.Random) -> None:
    site.cloud.stage.rename_map(rng.choice(site.maps), f"Floor {rng.randrange(1000)}")


async def map_resized(site: VirtualSite, rng: random.Random) -> None:
    site.cloud.stage.resize_map(site.maps[0], rng.randrange(600, 2400))


async def map_replaced(site: VirtualSite, rng: random.Random) -> None:
    site.cloud.stage.replace_image(site.maps[0])


async def map_added_and_deleted(site: VirtualSite, rng: random.Random) -> None:
    """Somebody walks onto the new map, and it is deleted under them."""
    added = site.cloud.stage.add_map(f"Annex {rng.randrange(1_000_000)}")
    guard = f"guard{rng.randrange(1_000_000)}@example.com"  # one person can own nine devices at most
    mac = site.cloud.stage.add_device(map_id=added, x=100.0, y=100.0, username=guard, owner=guard)
    await asyncio.sleep(rng.uniform(0, 400))
    if rng.random() < 0.7:
        site.cloud.stage.place(mac, site.maps[0], 50.0, 60.0)
        site.cloud.stage.remove_map(added)


NETWORK: tuple[Fault, ...] = (
    latency, cut, reset, half_open, black_hole, nobody_listens, in_pieces, partial_frames, corrupt_bytes, slow_close,
)  # fmt: skip
LIES: tuple[Fault, ...] = (
    late_acknowledgements, missing_acknowledgements, duplicate_acknowledgements, refused_channels, duplicate_frames,
    old_frames, stale_snapshots, unknown_maps, nonsense, other_sites, rest_errors, injected_rows, another_clock,
)  # fmt: skip
MAPS: tuple[Fault, ...] = (map_renamed, map_resized, map_replaced, map_added_and_deleted)


def _send(site: VirtualSite, channel: Channel, data: object) -> None:
    site.cloud.send_raw(json.dumps({"event": "data", "channel": str(channel), "data": data}))


async def _reconnected(site: VirtualSite) -> None:
    """A new connection, so that what the cloud says at its beginning is asked for; and some time for it."""
    site.cloud.close_all(1001)
    await asyncio.sleep(20)


async def _settled(site: VirtualSite) -> Comparison:
    """Everything works again: wait until the stream says so, look for maps, compare."""
    site.proxy.heal()
    site.cloud.faults.clear()
    with suppress(AssertionError):  # said by the comparison then
        await site.settle(SETTLED_WITHIN)
    await asyncio.sleep(310)  # the lists of maps are read every five minutes
    return await agreed(site, SETTLED_WITHIN)


def campaign(faults: tuple[Fault, ...], rounds: int) -> Callable[[Trial], Awaitable[Measured]]:
    """Each fault so many times at full scale, in random order, on a campus in motion; compared after each."""

    async def run(trial: Trial) -> Measured:
        async def work() -> Measured:
            rng = random.Random(4)
            todo = [fault for fault in faults for _ in range(trial.count(rounds))]
            rng.shuffle(todo)
            wrong: dict[str, list[str]] = {}
            compared = 0
            async with virtual_site(trial.folder, moving=True) as site:
                await site.settle()
                for fault in todo:
                    await fault(site, rng)
                    found = await _settled(site)
                    compared += found.compared
                    if found.differences:
                        wrong.setdefault(fault.__name__, []).extend(found.differences[:3])
                diagnostics = await site.diagnostics()
            sums = unbalanced(diagnostics)
            value = f"{len(todo)} faults of {len(faults)} kinds, {compared:,} comparisons, {sum(map(len, wrong.values()))} differences"
            figures = {
                "differences": wrong,
                "unbalanced": sums,
                "accounts": diagnostics["accounts"],
                "records": diagnostics["records"],
            }
            return Measured(not wrong and not sums, value, figures)

        return await in_virtual_time(work)

    return run


_RIGHT_AGAIN = "everything equals the cloud's truth afterwards, and every frame is accounted for"

ROWS = [
    Row(
        "network", "Faults", "latency, cuts, resets, half-open silence, partial frames, corrupt bytes, slow close",
        _RIGHT_AGAIN, campaign(NETWORK, 30), quick=0.03,
    ),
    Row(
        "lies", "Faults",
        "acknowledgements late, missing, duplicate, refused; errors at any call; stale, foreign and senseless data; skewed clocks",
        _RIGHT_AGAIN, campaign(LIES, 30), quick=0.03,
    ),
    Row("maps", "Faults", "maps renamed, resized, replaced, added, deleted while people walk on them", _RIGHT_AGAIN, campaign(MAPS, 60), quick=0.03),
]  # fmt: skip
