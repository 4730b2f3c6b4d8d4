"""The people being located: what is promised to them."""

import asyncio
import os
import random
import re
import signal
import sqlite3
from collections import Counter
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, closing
from typing import Any

import httpx

from mistlocate.driver.command import Level
from mistlocate.engines.embedded.access import Access, ApiKey, hash_key
from reliability.rows import Measured, Row, Trial
from support.api import client
from support.placeos_site import LOCATIONS, MIST, PlaceosSite, placeos_site
from support.processes import command
from support.redis_server import RedisServer, redis_server
from support.site import SMALL, SYSTEM, Site, site
from support.sweeping import Pushed, Traces, not_found, pushed, sweep
from support.waiting import until

#: An opt-out holds everywhere within so many seconds.
WITHIN = 1.0

#: How long that takes is judged from this scale on, in real time; the short version must not depend on the machine.
JUDGED_FROM = 0.1

# -- an opt-out, everywhere -----------------------------------------------------------------------


async def opt_out_everywhere(trial: Trial) -> Measured:
    """Somebody opts out while everything is being asked; afterwards everything is tried to bring them back."""
    rounds, slowest, leaks = trial.count(20), 0.0, Counter[str]()
    rate = 1.0 if trial.scale >= JUDGED_FROM else 20.0
    for number in range(rounds):
        options = {
            "client_fields": ("needed", "all")[number % 2],
            "opted_out": ("hidden", "anonymous")[number // 2 % 2],
        }
        folder = trial.folder / str(number)
        folder.mkdir()
        async with (
            site(folder, websocket=options, locations={"publish_levels": True}, rate=rate) as it,
            client(it.engine) as http,
            pushed(it, http) as heard,
        ):
            took, found = await _one_opt_out(it, http, heard)
        slowest = max(slowest, took)
        leaks.update(found)
    value = f"{slowest:.2f} s at most, {sum(leaks.values())} later traces, {rounds} people"
    in_time = slowest <= WITHIN or trial.scale < JUDGED_FROM
    return Measured(not leaks and in_time, value, {"rounds": rounds, "seconds": slowest, "leaks": dict(leaks)})


async def _one_opt_out(it: Site, http: httpx.AsyncClient, heard: Pushed) -> tuple[float, list[str]]:
    await it.live()
    add = it.cloud.stage.add_device
    macs = [
        add(username="wanda.leaver@example.com", map_id=it.maps[0], x=50.0 + n, y=60.0, hostname="x") for n in (1, 2)
    ]
    for mac in macs:
        await it.located(mac)
    await until(lambda: len(it.owns("wanda.leaver")) == 2)
    who = ["wanda.leaver@example.com", "Wanda.Leaver", "wanda"]
    traces = Traces("wanda.leaver", macs)
    # Who has not opted out is found everywhere, and pushed with every device.
    assert not not_found(it, await sweep(it, http, traces, who, macs))
    for mac in macs:
        await until(lambda mac=mac: heard.statuses_with(Traces(mac, [mac])) >= {it.maps[0], "zone-0"})
    loop = asyncio.get_running_loop()
    began = loop.time()
    answer = await http.post(f"/systems/{SYSTEM}/MistLocations_1/opt_out", json=["wanda.leaver@example.com"])
    assert answer.json() == {"devices": 2, "saved": True}, answer.text
    last = loop.time()
    while await sweep(it, http, traces, who, macs):
        last = loop.time()
        assert last - began < 30
    took = max(last, heard.last(traces, began) or 0.0) - began
    settled, found = began + WITHIN, []
    # Everything that might bring them back.
    macs.append(add(username="WANDA.LEAVER@example.com", map_id=it.maps[1], x=5.0, y=6.0))
    macs.append(add(username="wanda.leaver", map_id=it.maps[1], x=7.0, y=6.0))
    traces = Traces("wanda.leaver", macs)
    for mac in macs:
        it.cloud.stage.emit_stats(mac)
        it.cloud.stage.emit_position(mac)
    await until(lambda: all(it.tracker().roster.get(mac) is not None for mac in macs))
    found += await sweep(it, http, traces, who, macs)
    await it.broken()
    await it.live()
    found += await sweep(it, http, traces, who, macs)
    await it.engine.reload(it.reconfigured(websocket={"domain_aliases": {"EXAMPLE": "example.com"}}))
    await it.host("MistWebsocket_1").stop()
    it.host("MistWebsocket_1").start()
    await it.live()
    found += await sweep(it, http, traces, who, macs)
    pushed_last = heard.last(traces, settled)
    # And all that time pushes were heard: somebody who stays is in them.
    other = add(username="stella.stayer@example.com", map_id=it.maps[0], x=8.0, y=9.0)
    await until(lambda: heard.statuses_with(Traces("stella.stayer", [other])) >= {it.maps[0], "zone-0"})
    return took, found + ([] if pushed_last is None else ["pushed"])


# -- an opt-out, for good -------------------------------------------------------------------------


async def opt_out_survives_redis(trial: Trial) -> Measured:
    """Both processes are killed the moment an opt-out is answered, and Redis comes back empty."""
    rounds, leaks, answered = trial.count(10), 0, 0
    async with redis_server(trial.folder) as redis, placeos_site(trial.folder, SMALL, redis=redis) as it:
        await it.complete()
        for number in range(rounds):
            name = f"leaver{number}@example.com"
            mac = it.cloud.stage.add_device(username=name, map_id=it.maps[0], x=9.0, y=9.0)
            await until(lambda name=name: it.ask("locate_user", name))
            await it.ask("opt_out", name)
            for process in (it.websocket, it.locations):
                os.kill(process.pid, signal.SIGKILL)
                await process.exit(10)
            await redis.client().flushall()
            await it.core.system("sys-1", {"MistWebsocket/1": MIST, "MistLocations/1": LOCATIONS})
            async with _watched(redis, Traces(f"leaver{number}", [mac])) as seen:
                it.websocket = await it.core.relaunch(it.websocket)
                it.locations = await it.core.relaunch(it.locations)
                while await it.status("stream_state") != "live":
                    leaks += await _answered(it, name, mac)
                leaks += await _answered(it, name, mac)
                await until(lambda: it.ask("locate_user", "alice@example.com"))
            answered += 1
            leaks += len(seen)
    value = f"{leaks} traces over {rounds} losses, others found again {answered} times"
    return Measured(leaks == 0 and answered == rounds, value, {"rounds": rounds, "traces": leaks, "others": answered})


async def _answered(it: PlaceosSite, name: str, mac: str) -> int:
    """How many answers give somebody away."""
    asked = [("locate_user", name), ("macs_assigned_to", name), ("check_ownership_of", mac), ("search", mac)]
    answers = [await it.ask(command, argument) for command, argument in asked]
    zone = await it.ask("device_locations", "zone-b")
    return sum(map(bool, answers)) + any(record["mac"] == mac for record in zone)


@asynccontextmanager
async def _watched(redis: RedisServer, traces: Traces) -> AsyncIterator[list[str]]:
    """The keys of Redis in which somebody stands at any time of the block."""
    seen: list[str] = []

    enough = asyncio.Event()

    async def watch() -> None:
        while not enough.is_set():
            seen.extend(await _keys_with(redis, traces))
            await asyncio.sleep(0.01)

    task = asyncio.create_task(watch())
    try:
        yield seen
    finally:
        enough.set()
        await task  # which must have looked all the time


async def _keys_with(redis: RedisServer, traces: Traces) -> list[str]:
    """The keys of Redis, and fields of hashes, in which somebody stands."""
    connection, found = redis.client(), []
    async for key in connection.scan_iter():
        kind = await connection.type(key)
        fields = await connection.hgetall(key) if kind == "hash" else {"": await connection.get(key) or ""}
        found += [f"{key} {field}" for field, text in fields.items() if traces.in_text(f"{key} {field} {text}")]
    return found


async def opt_out_survives_kill(trial: Trial) -> Measured:
    """An engine of its own is killed the moment an opt-out is answered; neither its log nor its metrics name anybody."""
    rounds, leaks, logged, measured, others = trial.count(6), 0, 0, 0, 0
    with command("simulate", "--port", "0", "--clients", "40", "--maps", "2") as cloud:
        cloud.wait_for("truth")
        settings = trial.folder / "settings.yaml"
        words = [cloud.wait_for(rf"{word}\s+(\S+)").group(1) for word in ("answers at", "site_id", "api_token")]
        given = [text for pair in zip(("--portal", "--site", "--token"), words, strict=True) for text in pair]
        with command("init", *given, "-o", str(settings)) as made:
            assert made.popen.wait(30) == 0, made.output
        people: list[str] = []
        gone: list[str] = []
        names: set[str] = set()
        for number in range(rounds + 1):
            with command(
                "serve", str(settings), MISTLOCATE_LISTEN="127.0.0.1:0", MISTLOCATE_LOG_LEVEL="info"
            ) as engine:
                url = engine.wait_for(r"answers at (http://\S+)").group(1)
                leaks += await _located(url, gone)
                await asyncio.to_thread(engine.wait_for, "state=live")
                found = await _ask(url, "search", "example", 100)
                names |= {person["user"] for person in found}
                leaks += sum(person["user"] in gone for person in found)
                leaks += await _located(url, gone)
                people = [person["user"] for person in found if person["location"] and person["user"] not in gone]
                others += bool(people)
                if number < rounds:
                    gone.append(people[0])
                    assert (await _ask(url, "opt_out", people[0]))["saved"] is True
                measured += _names_in(await _metrics(url), names)
                os.kill(engine.popen.pid, signal.SIGKILL)
                engine.popen.wait(15)
                logged += _names_in(engine.output, names)
    value = f"{leaks} traces over {rounds} kills, {logged} names or MACs in the log, {measured} in the metrics"
    figures = {"rounds": rounds, "traces": leaks, "logged": logged, "measured": measured, "others": others}
    return Measured(not (leaks or logged or measured) and others == rounds + 1, value, figures)


async def _located(url: str, names: list[str]) -> int:
    """How many of these people an engine locates."""
    return len([name for name in names if await _ask(url, "locate_user", name)])


async def _ask(url: str, name: str, *args: object) -> Any:
    async with httpx.AsyncClient(trust_env=False, timeout=20) as http:
        answer = await http.post(f"{url}/api/engine/v2/systems/sys-location/MistLocations_1/{name}", json=list(args))
        assert answer.status_code == 200, answer.text
        return answer.json()


async def _metrics(url: str) -> str:
    """What a monitoring system reads, which has figures of both modules; without the figures, which are digits too."""
    async with httpx.AsyncClient(trust_env=False, timeout=20) as http:
        text = (await http.get(f"{url}/metrics")).text
    assert "mistlocate_clients{" in text
    assert "mistlocate_audit_records_waiting{" in text
    return "\n".join(line if line.startswith("#") else line.rpartition(" ")[0] for line in text.splitlines())


def _names_in(text: str, names: set[str]) -> int:
    """How many people's names, or MACs of anybody, stand in a text."""
    text = text.lower()
    macs = re.findall(r"(?<![0-9a-f])(?:[0-9a-f]{2}[:-]?){5}[0-9a-f]{2}(?![0-9a-f-])", text)
    return sum(name.lower() in text for name in names) + len(macs)


# -- records, and none left -----------------------------------------------------------------------


async def audit_complete(trial: Trial) -> Measured:
    """Many callers ask for many people, some of the time while the store cannot be written."""
    calls, callers = trial.count(20_000, 200), 5
    keys = [{"name": f"caller-{n}", "level": "support", "hash": hash_key(f"key-{n}")} for n in range(callers)]
    keys.append({"name": "boss", "level": "administrator", "hash": hash_key("boss")})
    async with site(trial.folder, locations={"named_searches": 0}) as it:
        await it.live()
        it.engine.access = Access(_api_keys(keys))
        asked: Counter[tuple[str, str, str]] = Counter()
        places: set[str] = set()
        people = sorted(
            {each.owner for each in it.cloud.world.truths() if each.mac in it.present and it.owns(str(each.owner))}
        )
        async with client(it.engine) as http:
            rng = random.Random(trial.scale)

            async def ask(number: int) -> None:
                # Half of the time for people who are there, and so are told where.
                who = rng.choice(people) if rng.random() < 0.5 else f"person{rng.randrange(500)}@example.com"
                name, about = rng.choice(
                    [("locate_user", who), ("explain", who), ("search", who), ("macs_assigned_to", who)]
                )
                caller = number % callers
                path = f"/systems/{SYSTEM}/MistLocations_1/{name}"
                answer = await http.post(path, json=[about], headers={"X-API-Key": f"key-{caller}"})
                assert answer.status_code == 200, answer.text
                asked[f"caller-{caller}", name, about] += 1
                places.update(_places(answer.json()))

            third = calls // 3
            await _many(ask, range(third))
            locker = sqlite3.connect(it.engine.store.path, isolation_level=None, check_same_thread=False)
            with closing(locker) as other:
                # In a thread: a transaction of the engine that is under way needs this loop to end.
                await asyncio.to_thread(other.execute, "BEGIN IMMEDIATE")
                await _many(ask, range(third, 2 * third))
                other.execute("ROLLBACK")
            await _many(ask, range(2 * third, calls))
            path = f"/systems/{SYSTEM}/MistLocations_1/audit"
            answer = await http.post(path, json=[0, 10_000], headers={"X-API-Key": "boss"})
            assert answer.status_code == 200, answer.text
            records = await it.engine.store.read_audit(it.host("MistLocations_1").spec.id, 0.0, 10 * calls)
            found = [each for each in records if each.command != "audit"]
            rows = _rows(it)
    kept = Counter((each.asker, each.command, each.about) for each in found)
    missing, extra = (asked - kept).total(), (kept - asked).total()
    placed = sum(any(_says(" ".join(map(str, row)), place) for place in places) for row in rows)
    classes = sorted({each.result for each in found})
    value = (
        f"{len(found)} records of {calls} calls, {missing} missing; "
        f"{placed} of {len(rows)} stored rows have one of the {len(places)} places that were answered"
    )
    figures = {
        "calls": calls,
        "records": len(found),
        "missing": missing,
        "extra": extra,
        "places": placed,
        "results": classes,
    }
    whole = missing == extra == placed == 0 and sum(asked.values()) == calls and len(rows) >= calls
    return Measured(whole and len(places) >= PLACES and classes == ["found", "nothing"], value, figures)


#: So many different words for places have to have been answered, else it proves nothing that none is kept.
PLACES = 10

#: What of a location record says where somebody is.
WHERE = frozenset({"x", "y", "lat", "lon", "s2_cell_id", "building", "level", "level_name", "mist_map_id", "map_id"})


def _places(answer: Any) -> set[str]:
    """Everything in an answer, however deep, that says where somebody is, as text."""
    if isinstance(answer, dict):
        here = {str(value) for key, value in answer.items() if key in WHERE and isinstance(value, str | float)}
        return here.union(*map(_places, answer.values()))
    return set().union(*map(_places, answer)) if isinstance(answer, list) else set()


def _says(text: str, place: str) -> bool:
    """Whether a place is in a text, as a word or number of its own, or a number cut off behind its first decimals."""
    whole, dot, decimals = place.partition(".")
    if dot and decimals.isdigit():
        place = f"{whole}.{decimals[:2]}"
        return re.search(rf"(?<![\d.]){re.escape(place)}", text) is not None
    return re.search(rf"(?<!\w){re.escape(place)}(?!\w)", text) is not None


def _rows(it: Site) -> list[tuple[Any, ...]]:
    """The rows of the audit as they are stored, with every column that there is."""
    with closing(sqlite3.connect(it.engine.store.path)) as store:
        return store.execute("SELECT * FROM audit").fetchall()


async def _many(ask: Any, numbers: range) -> None:
    gate = asyncio.Semaphore(20)

    async def one(number: int) -> None:
        async with gate:
            await ask(number)

    await asyncio.gather(*map(one, numbers))


def _api_keys(keys: list[dict[str, str]]) -> list[ApiKey]:
    return [ApiKey(each["name"], Level.named(each["level"]), each["hash"]) for each in keys]


#: What leaves records that name somebody.
SEARCHES = (
    ("MistLocations_1", "locate_user", "name"),
    ("MistLocations_1", "search", "name"),
    ("MistLocations_1", "explain", "name"),
    ("MistLocations_1", "check_ownership_of", "mac"),
    ("MistLocations_1", "export_user", "name"),
    ("MistWebsocket_1", "find_people", "name"),
)


async def erased_from_the_file(trial: Trial) -> Measured:
    """After `erase_user` no byte of the store names the person, and nothing teaches the name anew."""
    people, traces_left, learned = trial.count(100, 3), 0, 0
    async with site(trial.folder, websocket={"client_fields": "all"}, locations={"named_searches": 0}) as it:
        await it.live()
        for number in range(people):
            name = f"wanda{number}.leaver@example.com"
            mac = it.cloud.stage.add_device(
                username=name, map_id=it.maps[0], x=5.0, y=6.0, hostname=f"wanda{number}.leaver"
            )
            await until(lambda name=name: it.owns(name))
            await it.locations("mac_address_mappings", name, [mac])
            for slug, asking, about in SEARCHES:
                await it.host(slug).execute(asking, [{"name": name, "mac": mac}[about]])
            traces = Traces(f"wanda{number}.leaver", [mac])
            assert len(await it.host("MistLocations_1").execute("audit", [])) >= len(SEARCHES) - 1
            await it.host("MistWebsocket_1").execute("audit", [])
            assert _in_files(it, traces), "it stood there before"
            await it.locations("erase_user", name)
            traces_left += _in_files(it, traces)
            before = it.tracker().roster.clients[mac].heard
            it.cloud.stage.emit_stats(mac)
            await until(lambda mac=mac, before=before: it.tracker().roster.clients[mac].heard > before)
            await it.mist("mac_address_mappings", "somebody.else", ["00005e0053ff"])  # has everything written
            learned += bool(it.owns(name)) + bool(await it.mist("ownership_of", mac))
            traces_left += _in_files(it, traces) + (traces.name.search(str(it.published(mac)).lower()) is not None)
    value = f"{traces_left} traces of {people} people, {learned} learned again"
    return Measured(traces_left == learned == 0, value, {"people": people, "traces": traces_left, "learned": learned})


def _in_files(it: Site, traces: Traces) -> int:
    """In how many files of the store somebody stands, byte by byte."""
    path = it.engine.store.path
    files = [each for each in path.parent.iterdir() if each.name.startswith(path.name)]
    return sum(traces.in_text(each.read_bytes().decode("latin-1")) for each in files)


async def erased_from_redis(trial: Trial) -> Measured:
    """The same for every key of Redis."""
    people, left = trial.count(50, 2), 0
    async with redis_server(trial.folder) as redis, placeos_site(trial.folder, SMALL, redis=redis) as it:
        await it.complete()
        for number in range(people):
            name = f"wanda{number}.leaver@example.com"
            traces = Traces(f"wanda{number}.leaver", [])
            mac = it.cloud.stage.add_device(username=name, map_id=it.maps[0], x=5.0, y=6.0)
            await until(lambda name=name: it.ask("locate_user", name))
            await it.ask("search", name)
            await it.ask("audit")
            await until(lambda traces=traces: _keys_with(redis, traces))
            await it.ask("erase_user", name)
            left += len(await _keys_with(redis, traces))
            it.cloud.stage.emit_stats(mac)
            await it.mist("mac_address_mappings", "somebody.else", ["00005e0053ff"])
            left += len(await _keys_with(redis, traces))
    return Measured(left == 0, f"{left} traces of {people} people", {"people": people, "traces": left})


ROWS: list[Row] = [
    Row(
        "people-opt-out-everywhere", "people",
        "An opt-out holds in every command, status, push and route, whatever happens afterwards",
        f"within {WITHIN:g} s, then never a trace", opt_out_everywhere, alone=True,
    ),
    Row(
        "people-opt-out-redis", "people",
        "It survives kill -9 of both processes together with the loss of Redis; no name before it is loaded",
        "no trace at any time", opt_out_survives_redis, needs="redis-server",
    ),
    Row(
        "people-opt-out-kill", "people",
        "It survives kill -9 of the engine the moment it is answered; no name or MAC in the log at info, nor in the metrics",
        "no trace at any time, none in the log, none in the metrics", opt_out_survives_kill,
    ),
    Row(
        "people-audit-complete", "people",
        "Every search for a person leaves one record of who asked for whom, and none says where; also while the store is locked",
        "none missing, none with a place", audit_complete,
    ),
    Row(
        "people-erased-file", "people",
        "After erase_user no byte of the store's files names the person, and no record teaches the name anew",
        "no trace", erased_from_the_file,
    ),
    Row(
        "people-erased-redis", "people",
        "The same for every key of Redis",
        "no trace", erased_from_redis, needs="redis-server",
    ),
]  # fmt: skip
