"""What must survive, survives: writers that are killed, stores that are gone, locked, deleted, full."""

import asyncio
import json
import os
import sqlite3
import sys
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager, closing, suppress
from pathlib import Path
from typing import Any

from redis.exceptions import RedisError

from reliability.rows import Measured, Row, Trial
from support.placeos_site import MIST, SYSTEM, placeos_site
from support.redis_server import redis_server
from support.site import SMALL, Site, site
from support.waiting import until

#: How long a store is gone at full scale (seconds).
GONE = 60.0

#: How much faster than real time that passes where no process but ours is concerned.
FASTER = 10.0


# -- kill -9 --------------------------------------------------------------------------------------


async def _kill(kind: str, target: str, rounds: int) -> Measured:
    worker = await asyncio.create_subprocess_exec(
        sys.executable, "-m", "reliability.kill_worker", kind, target, str(rounds),
        stdout=asyncio.subprocess.PIPE, cwd=Path(__file__).parents[1],
    )  # fmt: skip
    output, _ = await worker.communicate()
    found = json.loads(output)
    holds = not found["wrong"] and found["had_written"] >= rounds // 4
    value = f"killed {rounds:,} times ({found['had_written']:,} had written): {len(found['wrong'])} things wrong"
    return Measured(holds, value, found)


async def kill_sqlite(trial: Trial) -> Measured:
    """The embedded engine's store."""
    return await _kill("sqlite", str(trial.folder / "store.db"), trial.count(1_000, 20))


async def kill_redis(trial: Trial) -> Measured:
    """PlaceOS' storage."""
    async with redis_server(trial.folder) as redis:
        return await _kill("redis", redis.url, trial.count(1_000, 20))


# -- the embedded store is gone -------------------------------------------------------------------


def stored(path: Path) -> dict[str, str]:
    """The owners in the file: MAC → bare name."""
    with closing(sqlite3.connect(path)) as connection:
        rows = connection.execute("SELECT field, value FROM hashes WHERE name = 'user_macs'").fetchall()
    return {field: value for field, value in rows if len(field) == 12 and not value.startswith("[")}


def _known(running: Site) -> dict[str, str]:
    owners = running.tracker().owners
    macs = [mac for _, macs in owners.people() for mac in macs]
    return {mac: owned.identity.name for mac in macs if (owned := owners.owner_of(mac)) is not None}


@asynccontextmanager
async def locked(path: Path) -> AsyncIterator[None]:
    with closing(sqlite3.connect(path, isolation_level=None, check_same_thread=False, timeout=30)) as connection:
        # In a thread: whoever is writing at this moment needs the loop to come to an end.
        await asyncio.to_thread(connection.execute, "BEGIN EXCLUSIVE")
        yield
        connection.execute("ROLLBACK")


@asynccontextmanager
async def moved_away(path: Path) -> AsyncIterator[None]:
    """The whole folder is gone, and a file in its place keeps anybody from making a new one."""
    folder, elsewhere = path.parent, path.parent.with_name("elsewhere")
    folder.rename(elsewhere)
    folder.touch()
    try:
        yield
    finally:
        folder.unlink()
        elsewhere.rename(folder)


@asynccontextmanager
async def deleted(path: Path) -> AsyncIterator[None]:
    for each in path.parent.glob(path.name + "*"):
        each.unlink()
    yield


@asynccontextmanager
async def full(path: Path, running: Site) -> AsyncIterator[None]:
    """SQLite's own word for a full disk: the file may not have another page."""
    connection: Any = running.engine.store._connection
    ((pages,),) = await connection.execute_fetchall("PRAGMA page_count")
    await connection.execute_fetchall(f"PRAGMA max_page_count = {pages}")
    yield
    await connection.execute_fetchall("PRAGMA max_page_count = 1073741823")


async def _outage(running: Site, path: Path, outage: Any, seconds: float, problem: bool) -> dict[str, Any]:
    """Let the store fail for so long, with new people all the time; what was wrong meanwhile and afterwards."""
    wrong: list[str] = []
    people = 0
    async with outage:
        end = asyncio.get_running_loop().time() + seconds / FASTER
        told = False
        while asyncio.get_running_loop().time() < end or (problem and not told and people < 3000):
            people += 1
            name = f"visitor{people:04d}@example.com"
            running.cloud.stage.add_device(username=name, map_id=running.maps[0], x=5.0, y=5.0)
            await asyncio.sleep(0.02)
            told = told or "store" in (running.status("problems") or {})
            if not await running.locations("locate_user", "alice@example.com"):
                wrong.append("nobody answered")
        if problem and not told:
            wrong.append("the problem was not told")
    waiting = len(running.tracker().owners._changes.macs)
    await until(lambda: "store" not in running.status("problems"), 30)
    await until(lambda: stored(path) == _known(running), 30)
    restarts = sum(host.restarts for host in running.engine.hosts.values())
    if restarts:
        wrong.append(f"{restarts} crashes")
    return {"people": people, "wrong": wrong[:5], "waiting_at_most": waiting, "stored": len(stored(path))}


def embedded(kinds: tuple[str, ...]) -> Callable[[Trial], Awaitable[Measured]]:
    """Rows about the embedded engine: the store fails in each of these ways, for a minute at full scale."""

    async def run(trial: Trial) -> Measured:
        figures: dict[str, Any] = {}
        for kind in kinds:
            folder = trial.folder / kind
            folder.mkdir()
            async with site(folder, SMALL, rate=FASTER, moving=True, locations={"max_location_age": 60}) as running:
                path = running.engine.store.path
                await until(lambda: running.status("stream_state") == "live")
                await until(
                    lambda: (
                        running.tracker().owners.owner_of(min(running.present)) is not None or len(_known(running)) > 3
                    )
                )
                ways = {"locked": locked, "moved away": moved_away, "deleted": deleted}
                outage = full(path, running) if kind == "disk full" else ways[kind](path)
                figures[kind] = await _outage(running, path, outage, GONE * trial.scale, kind != "deleted")
        wrong = [text for each in figures.values() for text in each["wrong"]]
        people = sum(each["people"] for each in figures.values())
        value = f"{', '.join(kinds)}: {people:,} owners learned meanwhile and all written afterwards, {len(wrong)} things wrong"
        return Measured(not wrong, value, figures)

    return run


# -- Redis is gone --------------------------------------------------------------------------------


def _memory(pid: int) -> float:
    """The resident memory of a process (MB)."""
    return int(Path(f"/proc/{pid}/statm").read_text().split()[1]) * os.sysconf("SC_PAGE_SIZE") / 1e6


async def redis_gone(trial: Trial) -> Measured:
    """Redis ends, and comes back with nothing in it; people walk and are asked for meanwhile."""
    async with redis_server(trial.folder) as redis, placeos_site(trial.folder, redis=redis) as running:
        await running.complete()
        processes = (running.websocket.pid, running.locations.pid)
        before = sum(map(_memory, processes))
        known = len(await running.ask("device_locations", "zone-b"))
        await redis.kill()
        end = asyncio.get_running_loop().time() + max(2.0, GONE * trial.scale)
        asked = unanswered = people = 0
        while asyncio.get_running_loop().time() < end:
            people += 1
            name = f"visitor{people:04d}@example.com"
            running.cloud.stage.add_device(username=name, map_id=running.maps[people % 2], x=5.0, y=5.0)
            asked += 1
            unanswered += len(await running.ask("device_locations", "zone-b")) < known
            unanswered += not await running.mist("locate", "alice@example.com")
            await asyncio.sleep(0.05)
        grown = sum(map(_memory, processes)) - before
        await redis.start()
        with suppress(RedisError):
            await running.core.redis.execute_command("PING")  # the connection of before
        await running.core.system(SYSTEM, {"MistWebsocket/1": MIST, "MistLocations/1": "mod-locations"})

        async def caught_up() -> bool:
            return await running.listed() == running.present

        async def owners_written() -> bool:
            fields = await redis.client().hgetall(f"user_macs/{MIST}")
            return all(f"visitor{number:04d}" in fields for number in range(1, people + 1)) and "alice" in fields

        await until(caught_up, 60)
        await until(owners_written, 60)
        ended = [process.exit_code for process in (running.websocket, running.locations)]
    holds = not unanswered and ended == [None, None] and grown < 20
    value = f"{asked:,} questions, {unanswered} unanswered; {people:,} people came meanwhile and are all there; memory {grown:+.1f} MB"
    return Measured(holds, value, {"memory_mb_before": round(before, 1)})


ROWS = [
    Row(
        "kill-sqlite", "Faults", "kill -9 at random points while owners are written to the embedded store",
        "1,000 times: it opens, each MAC has at most one owner, and each owner lists the MAC", kill_sqlite, quick=0.03,
    ),
    Row(
        "kill-redis", "Faults", "kill -9 at random points while owners are written to Redis",
        "1,000 times: each MAC has at most one owner, and each owner lists the MAC", kill_redis, quick=0.03,
        needs="redis-server",
    ),
    Row(
        "store-gone", "Faults", "the embedded store is locked, moved away or deleted for 60 s",
        "answers go on, shown in `problems`, everything written afterwards",
        embedded(("locked", "moved away", "deleted")), quick=0.05,
    ),
    Row(
        "disk-full", "Faults", "the disk of the embedded store is full for 60 s",
        "no crash, shown in `problems`, everything written afterwards", embedded(("disk full",)), quick=0.05,
    ),
    Row(
        "redis-gone", "Faults", "Redis is gone for 60 s and comes back empty, under PlaceOS",
        "answers go on, memory grows by less than 20 MB, everything is there again", redis_gone, quick=0.03,
        needs="redis-server",
    ),
]  # fmt: skip
