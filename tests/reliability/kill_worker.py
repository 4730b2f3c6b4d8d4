"""A program that is killed again and again while it writes owners, and looks at what is left.

`python -m reliability.kill_worker sqlite PATH ROUNDS` or `redis URL ROUNDS`; prints what it found as JSON. It forks a
writer for each round (so nothing has to be imported anew), kills it at a random moment, and reads the store itself.
"""

import asyncio
import json
import os
import random
import signal
import sqlite3
import sys
import time
from collections.abc import Callable, Mapping
from contextlib import closing
from pathlib import Path
from typing import Any

from redis import Redis

from mistlocate.clock import SystemClock
from mistlocate.driver.context import Storage
from mistlocate.drivers.mist_websocket.owner_store import IDENTITIES, USER_MACS, OwnerStore
from mistlocate.engines.embedded.store import ModuleStorage, Store
from mistlocate.engines.placeos.redis_client import RedisClient
from mistlocate.engines.placeos.redis_url import read_redis_url
from mistlocate.engines.placeos.storage import PrivateStorage
from mistlocate.location.evidence import Source
from mistlocate.location.ownership import Owners

MODULE = "mod-1"
MACS = [f"00005e0053{number:02x}" for number in range(48)]
PEOPLE = [f"person{number}@example.com" for number in range(9)]

#: The longest that a writer lives after it has written for the first time, or in every fourth round after it was
#: started: then it may be opening the store (seconds).
LONGEST = 0.05

Hashes = tuple[Mapping[str, str], Mapping[str, str]]


async def write(storage: Storage, seed: int, told: int) -> None:
    """Learn, pin, release and write, for ever; say so after the first time."""
    rng = random.Random(seed)
    owners = Owners()
    store = OwnerStore(owners, storage, SystemClock())
    while True:
        at = time.time()
        for mac in rng.sample(MACS, 4):
            owners.learn(mac, rng.choice(PEOPLE), rng.choice((Source.DOT1X, Source.PSK)), at)
        if rng.random() < 0.2:
            owners.pin(rng.choice(PEOPLE), rng.sample(MACS, 2), at)
        if rng.random() < 0.3:
            owners.release(rng.choice(MACS))
        await store.flush()
        if told >= 0:
            os.write(told, b".")
            told = -1


async def to_sqlite(path: str, seed: int, told: int) -> None:
    store = Store(Path(path))
    await store.open()
    await write(ModuleStorage(store, MODULE), seed, told)


async def to_redis(url: str, seed: int, told: int) -> None:
    await write(PrivateStorage(RedisClient(read_redis_url(url)), MODULE), seed, told)


def in_sqlite(path: str) -> Hashes:
    """What the file has, after a check of the file itself."""
    with closing(sqlite3.connect(path)) as connection:
        (state,) = connection.execute("PRAGMA integrity_check").fetchone()
        assert state == "ok", state
        tables = connection.execute("SELECT count(*) FROM sqlite_master WHERE name = 'hashes'").fetchone()
        rows = connection.execute("SELECT name, field, value FROM hashes").fetchall() if tables[0] else []
    found: dict[str, dict[str, str]] = {USER_MACS: {}, IDENTITIES: {}}
    for name, field, value in rows:
        found[name][field] = value
    return found[USER_MACS], found[IDENTITIES]


def in_redis(url: str) -> Hashes:
    address = read_redis_url(url)
    with Redis(host=address.host, port=address.port, decode_responses=True) as client:
        return client.hgetall(f"{USER_MACS}/{MODULE}"), client.hgetall(f"{IDENTITIES}/{MODULE}")  # type: ignore[return-value]


def wrong_with(hashes: Hashes) -> list[str]:
    """Where a MAC has an owner that does not list it, or a list has a MAC of somebody else."""
    user_macs, identities = hashes
    owners = {field: name for field, name in user_macs.items() if field in MACS}
    lists = {field: json.loads(text) for field, text in user_macs.items() if field not in MACS}
    wrong = [f"{name} does not list {mac}" for mac, name in owners.items() if mac not in lists.get(name, ())]
    wrong += [f"{name} lists {mac}" for name, macs in lists.items() for mac in macs if owners.get(mac) != name]
    loaded = Owners()
    if loaded.load(user_macs, identities):
        wrong.append("unreadable entries")
    for mac, name in owners.items():
        owned = loaded.owner_of(mac)
        if owned is None or owned.identity.name != name or mac not in loaded.macs_of([owned.identity]):
            wrong.append(f"{mac} is not {name}'s after loading")
    return wrong


def rounds(
    writer: Callable[[str, int, int], Any], reader: Callable[[str], Hashes], target: str, count: int
) -> dict[str, Any]:
    """Fork, kill, look; `count` times."""
    rng = random.Random(8)
    wrong: list[str] = []
    changed = 0
    before: Hashes = ({}, {})
    for number in range(count):
        begun, told = os.pipe()
        child = os.fork()
        if child == 0:
            try:
                asyncio.run(writer(target, number, told))
            finally:
                os._exit(1)
        os.close(told)
        if number % 4:
            os.read(begun, 1)  # ends as well if the writer does
        os.close(begun)
        time.sleep(rng.uniform(0, LONGEST))
        os.kill(child, signal.SIGKILL)
        _, status = os.waitpid(child, 0)
        if not os.WIFSIGNALED(status):
            wrong.append("a writer ended by itself")
            continue
        found = reader(target)
        changed += found[0] != before[0]
        before = found
        wrong += wrong_with(found)
    return {"rounds": count, "had_written": changed, "wrong": wrong[:10]}


if __name__ == "__main__":
    kind, where, often = sys.argv[1:]
    pair = {"sqlite": (to_sqlite, in_sqlite), "redis": (to_redis, in_redis)}[kind]
    sys.stdout.write(json.dumps(rounds(*pair, where, int(often))))
