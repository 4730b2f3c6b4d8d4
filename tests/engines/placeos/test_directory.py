"""Who is who, from a real Redis: fresh, remembered while it is away, and never slow for long."""

import asyncio
import time
from collections.abc import AsyncIterator, Awaitable, Sequence
from typing import Any

import pytest

from mistlocate.clock import SystemClock
from mistlocate.engines.placeos import directory as directory_module
from mistlocate.engines.placeos.directory import HOLDS_FOR, Directory
from mistlocate.engines.placeos.redis_client import Command, RedisClient
from mistlocate.errors import StoreError
from support.redis_server import RedisServer
from support.waiting import until

pytestmark = pytest.mark.needs("redis-server")


class Clock(SystemClock):
    """The machine's time, which a test moves on."""

    ahead = 0.0

    def monotonic(self) -> float:
        return super().monotonic() + self.ahead


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
async def directory(server: RedisServer, redis: RedisClient, clock: Clock) -> AsyncIterator[Directory]:
    """The directory of a Redis with one system, one module and one status."""
    await redis.run(
        [
            ("HSET", "system/sys", "Probe/1", "mod-1"),
            ("SET", "interface/mod-1", '{"interface":{"b":{},"a":{"x":{"default":null}}},"notes":null}'),
            ("HSET", "status/mod-1", "map", '[{"x":1.5}]'),
        ]
    )
    made = Directory(redis, clock)
    yield made
    await until(lambda: not made._asking)


async def took(work: Awaitable[Any]) -> float:
    """Real seconds."""
    begun = time.monotonic()
    await work
    return time.monotonic() - begun


async def test_modules_interfaces_and_statuses_are_found(directory: Directory) -> None:
    assert await directory.module_id("sys", "Probe", 1) == "mod-1"
    assert list(await directory.interface("mod-1")) == ["b", "a"]
    assert await directory.status("mod-1", "map") == [{"x": 1.5}]
    assert await directory.status_text("mod-1", "map") == '[{"x":1.5}]'


async def test_what_is_not_there_is_none(directory: Directory, redis: RedisClient) -> None:
    await redis.run([("HSET", "system/sys", "Probe/2", "")])
    assert await directory.module_id("sys", "Probe", 2) is None
    assert await directory.module_id("sys", "Probe", 3) is None
    assert await directory.interface("mod-2") == {}
    assert await directory.status("mod-1", "none") is None
    assert await directory.status_text("mod-1", "none") is None


@pytest.mark.parametrize("text", ["no JSON", "[]", "null", '{"interface":null}', '{"interface":[]}'])
async def test_an_interface_that_is_none_is_empty(directory: Directory, redis: RedisClient, text: str) -> None:
    await redis.run([("SET", "interface/mod-1", text)])
    assert await directory.interface("mod-1") == {}


async def test_a_status_that_is_no_json_is_none(directory: Directory, redis: RedisClient) -> None:
    await redis.run([("HSET", "status/mod-1", "map", "[")])
    assert await directory.status("mod-1", "map") is None


async def test_modules_are_remembered_for_a_while_and_statuses_are_not(
    directory: Directory, redis: RedisClient, clock: Clock
) -> None:
    await directory.module_id("sys", "Probe", 1)
    await directory.interface("mod-1")
    await directory.status("mod-1", "map")
    await redis.run([("HSET", "system/sys", "Probe/1", "mod-2"), ("SET", "interface/mod-1", '{"interface":{"c":{}}}')])
    await redis.run([("HSET", "status/mod-1", "map", "[]")])
    assert await directory.module_id("sys", "Probe", 1) == "mod-1"
    assert list(await directory.interface("mod-1")) == ["b", "a"]
    assert await directory.status("mod-1", "map") == []
    clock.ahead = HOLDS_FOR
    assert await directory.module_id("sys", "Probe", 1) == "mod-2"
    assert list(await directory.interface("mod-1")) == ["c"]


async def test_a_changed_system_is_asked_about_at_once_and_others_are_not(
    directory: Directory, redis: RedisClient
) -> None:
    await redis.run([("HSET", "system/other", "Probe/1", "mod-8")])
    for system in ("sys", "other"):
        await directory.module_id(system, "Probe", 1)
    await redis.run([("HSET", "system/sys", "Probe/1", "mod-2"), ("HSET", "system/other", "Probe/1", "mod-9")])
    directory.system_changed("sys")
    assert await directory.module_id("sys", "Probe", 1) == "mod-2"
    assert await directory.module_id("other", "Probe", 1) == "mod-8"
    directory.forget()
    assert await directory.module_id("other", "Probe", 1) == "mod-9"


async def test_an_answer_that_was_on_its_way_when_the_system_changed_is_not_remembered(
    directory: Directory, redis: RedisClient, server: RedisServer
) -> None:
    await redis.run([("PING",)])
    server.pause()
    asking = asyncio.create_task(directory.module_id("sys", "Probe", 1))
    await until(lambda: directory._asking)
    directory.system_changed("sys")
    server.resume()
    assert await asking == "mod-1"
    await redis.run([("HSET", "system/sys", "Probe/1", "mod-2")])
    assert await directory.module_id("sys", "Probe", 1) == "mod-2"


async def test_the_same_text_is_the_same_object(directory: Directory, redis: RedisClient) -> None:
    first = await directory.status("mod-1", "map")
    assert await directory.status("mod-1", "map") is first
    await redis.run([("HSET", "status/mod-1", "map", "[]")])
    assert await directory.status("mod-1", "map") == []
    await redis.run([("HDEL", "status/mod-1", "map")])
    assert await directory.status("mod-1", "map") is None


async def test_statuses_that_are_read_together_are_of_one_moment(directory: Directory, redis: RedisClient) -> None:
    written = [("HSET", "status/mod-1", "a", a, "b", b) for a, b in (("[1]", "[]"), ("[]", "[1]"))]
    await redis.run(written)
    done = asyncio.Event()

    async def move() -> None:
        while not done.is_set():
            for each in written:
                await redis.run([each])

    moving = asyncio.create_task(move())
    seen = [await directory.statuses("mod-1", ["a", "b"]) for _ in range(300)]
    done.set()
    await moving
    assert {(len(a), len(b)) for a, b in seen} <= {(1, 0), (0, 1)}


async def test_statuses_that_are_read_together_are_remembered_one_by_one(
    directory: Directory, redis: RedisClient, server: RedisServer
) -> None:
    await redis.run([("HSET", "status/mod-1", "other", "[2]")])
    found = await directory.statuses("mod-1", ["other", "none", "map"])
    assert found == [[2], None, [{"x": 1.5}]]
    assert await directory.status("mod-1", "map") is found[2]
    await server.kill()
    with pytest.raises(StoreError):
        await directory.statuses("mod-1", ["other", "map"])
    assert await directory.status("mod-1", "other") is found[0]
    assert await directory.status("mod-1", "map") is found[2]


async def test_without_redis_what_is_remembered_has_to_do(
    directory: Directory, server: RedisServer, clock: Clock
) -> None:
    await directory.module_id("sys", "Probe", 1)
    known = await directory.status("mod-1", "map")
    await server.kill()
    for ahead in (0.0, HOLDS_FOR, 3600.0):
        clock.ahead = ahead
        directory.forget()
        assert await directory.module_id("sys", "Probe", 1) == "mod-1"
        assert await directory.status("mod-1", "map") is known
        with pytest.raises(StoreError):
            await directory.module_id("sys", "Probe", 2)
        with pytest.raises(StoreError):
            await directory.status("mod-1", "other")


async def test_who_has_to_be_certain_is_not_given_what_is_remembered(
    directory: Directory, server: RedisServer, clock: Clock
) -> None:
    await directory.module_id("sys", "Probe", 1)
    await directory.status_text("mod-1", "map")
    await server.kill()
    clock.ahead = HOLDS_FOR
    with pytest.raises(StoreError):
        await directory.module_id("sys", "Probe", 1, certain=True)
    with pytest.raises(StoreError):
        await directory.status_text("mod-1", "map")


async def test_redis_is_asked_again_a_little_later(
    directory: Directory, server: RedisServer, redis: RedisClient, clock: Clock
) -> None:
    await directory.status("mod-1", "map")
    await server.kill()
    assert await directory.status("mod-1", "map") == [{"x": 1.5}]
    await server.start()
    await redis.run([("HSET", "status/mod-1", "map", "[2]")])
    assert await directory.status("mod-1", "map") == [{"x": 1.5}]
    clock.ahead = 1.0
    assert await directory.status("mod-1", "map") == [2]


async def test_a_redis_that_does_not_answer_costs_a_second_and_then_nothing(
    directory: Directory, server: RedisServer, clock: Clock
) -> None:
    await directory.status("mod-1", "map")
    await directory.module_id("sys", "Probe", 1)
    server.pause()
    assert 0.9 < await took(directory.status("mod-1", "map")) < 3
    assert await took(directory.status("mod-1", "map")) < 0.1
    directory.forget()
    assert await took(directory.module_id("sys", "Probe", 1)) < 0.1
    assert await directory.module_id("sys", "Probe", 1) == "mod-1"
    server.resume()
    clock.ahead = 1.0
    assert await directory.status("mod-1", "map") == [{"x": 1.5}]


async def test_a_silent_redis_is_asked_one_question_at_a_time(
    directory: Directory, server: RedisServer, clock: Clock, monkeypatch: pytest.MonkeyPatch
) -> None:
    await directory.status("mod-1", "map")
    monkeypatch.setattr(directory_module, "PATIENCE", 0.01)
    server.pause()
    for ahead in range(20):
        clock.ahead = 10.0 * ahead
        assert await directory.status("mod-1", "map") == [{"x": 1.5}]
        assert len(directory._asking) == 1
    server.resume()
    await until(lambda: not directory._asking)
    clock.ahead += 10.0
    monkeypatch.undo()
    assert await directory.status("mod-1", "map") == [{"x": 1.5}]


async def test_whoever_asks_while_a_question_is_under_way_is_given_no_answer_from_before(
    directory: Directory, redis: RedisClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    run, read, may_end = redis.run, asyncio.Event(), asyncio.Event()
    begun: list[Sequence[Command]] = []

    async def late(commands: Sequence[Command]) -> list[Any]:
        begun.append(commands)
        answers = await run(commands)
        read.set()
        await may_end.wait()
        return answers

    monkeypatch.setattr(redis, "run", late)
    early = asyncio.create_task(directory.status_text("mod-1", "map"))
    await read.wait()
    await run([("HSET", "status/mod-1", "map", "[2]")])
    others = [asyncio.create_task(directory.status_text("mod-1", "map")) for _ in range(5)]
    await asyncio.sleep(0)
    may_end.set()
    assert await early == '[{"x":1.5}]'
    assert await asyncio.gather(*others) == ["[2]"] * 5
    assert len(begun) == 2
