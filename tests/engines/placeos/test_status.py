"""Statuses on their way to a real Redis that comes, goes, and comes back empty."""

import asyncio
import json
from collections.abc import AsyncIterator, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from redis.exceptions import RedisError
from structlog.testing import capture_logs

from mistlocate.clock import FastClock
from mistlocate.engines.placeos.redis_client import Command, RedisClient
from mistlocate.engines.placeos.status import ModuleStatus, StatusWriter
from mistlocate.errors import StoreError
from support.placeos_core import Core
from support.placeos_engine import client, running
from support.redis_server import RedisServer, redis_cluster, redis_server
from support.waiting import until

pytestmark = pytest.mark.needs("redis-server")

#: Statuses are written at real speed; pauses, and the pings of a quiet writer, come fifty times as often.
CLOCK = FastClock(50)


@pytest.fixture
async def writer(redis: RedisClient) -> AsyncIterator[StatusWriter]:
    made = StatusWriter(redis, CLOCK)
    async with running(made.run()):
        yield made


@pytest.fixture
async def status(writer: StatusWriter) -> ModuleStatus:
    """The statuses of a module that has been told to Redis."""
    made = ModuleStatus("mod-1", b'{"interface":{}}', writer)
    await writer.add(made)
    return made


@pytest.fixture
async def core(server: RedisServer) -> AsyncIterator[Core]:
    async with Core(server.url) as made:
        yield made


async def has(core: Core, **values: Any) -> dict[str, Any]:
    """Wait until Redis has exactly these statuses of mod-1."""
    return await until(lambda: _equal(core, values))


async def _equal(core: Core, values: dict[str, Any]) -> dict[str, Any]:
    try:
        found = await core.statuses("mod-1")
    except RedisError:  # the first command to a server that is a new one since
        return {}
    return {"values": found} if found == values else {}


async def test_a_value_stands_in_the_hash_as_json_and_is_published(status: ModuleStatus, core: Core) -> None:
    async with core.following("status/*") as heard:
        status.set("map", [{"x": 1.0, "name": "ü"}])
        await until(lambda: heard)
        assert heard == [("status/mod-1/map", '[{"x":1.0,"name":"ü"}]')]
    await has(core, map=[{"x": 1.0, "name": "ü"}])
    assert status.get("map") == [{"x": 1.0, "name": "ü"}]
    assert status.keys() == ["map"]


async def test_an_equal_value_is_no_news(status: ModuleStatus, writer: StatusWriter, core: Core) -> None:
    status.set("a", {"x": 1})
    await has(core, a={"x": 1})
    async with core.following("status/*") as heard:
        flushes = writer.flushes
        status.set("a", {"x": 1})
        await writer.flush()
        assert writer.flushes == flushes
        status.set("b", 1)
        await until(lambda: heard)
        assert heard == [("status/mod-1/b", "1")]


@pytest.mark.parametrize("value", [False, 0, "", [], {}])
async def test_what_is_empty_is_a_value(status: ModuleStatus, core: Core, value: Any) -> None:
    status.set("a", value)
    await has(core, a=value)


async def test_none_clears_a_status_once(status: ModuleStatus, core: Core) -> None:
    status.set("a", 1)
    status.set("b", 2)
    await has(core, a=1, b=2)
    async with core.following("status/*") as heard:
        status.set("a", None)
        status.set("a", None)
        status.set("none", None)
        await has(core, b=2)
        status.clear()
        await has(core)
        await until(lambda: len(heard) == 2)
        assert heard == [("status/mod-1/a", "null"), ("status/mod-1/b", "null")]
    assert status.keys() == []
    assert status.get("a") is None


async def test_what_a_module_was_before_is_cleared_and_its_interface_told_before_add_returns(
    writer: StatusWriter, core: Core
) -> None:
    await core.redis.execute_command("HSET", "status/mod-1", "old", "1", "kept", "2")
    await core.redis.execute_command("HSET", "status/mod-2", "old", "1")
    async with core.following("status/*") as heard:
        status = ModuleStatus("mod-1", b'{"interface":{"locate":{}}}', writer)
        status.set("kept", 3)
        await writer.add(status)
        assert await core.interface("mod-1") == {"interface": {"locate": {}}}
        assert await core.statuses("mod-1") == {"kept": 3}
        assert await core.statuses("mod-2") == {"old": 1}
        await until(lambda: len(heard) == 2)
        assert sorted(heard) == [("status/mod-1/kept", "3"), ("status/mod-1/old", "null")]


async def test_add_returns_only_when_all_of_it_is_written(
    writer: StatusWriter, redis: RedisClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    run, gate, held = redis.run, asyncio.Event(), asyncio.Event()

    async def slowly(commands: Sequence[Command]) -> list[Any]:
        if commands[0][0] == "SET":
            held.set()
            await gate.wait()
        return await run(commands)

    monkeypatch.setattr(redis, "run", slowly)
    status = ModuleStatus("mod-1", b"{}", writer)
    adding = asyncio.create_task(writer.add(status))
    await held.wait()
    for _ in range(20):
        await asyncio.sleep(0)
    assert not adding.done()
    gate.set()
    await adding
    assert status.written.is_set()


async def test_another_interface_is_told(status: ModuleStatus, core: Core) -> None:
    status.set("a", 1)
    status.describe(b'{"interface":{},"notes":"n"}')
    await until(lambda: _interface_is(core, {"interface": {}, "notes": "n"}))
    await has(core, a=1)


async def _interface_is(core: Core, interface: dict[str, Any]) -> bool:
    return await core.interface("mod-1") == interface


async def test_what_changes_while_a_write_is_on_its_way_goes_in_one(
    status: ModuleStatus, writer: StatusWriter, server: RedisServer, core: Core
) -> None:
    other = ModuleStatus("mod-2", b"{}", writer)
    await writer.add(other)
    async with core.following("status/*") as heard:
        await writer.flush()
        flushes = writer.flushes
        server.pause()
        status.set("a", 0)
        await until(lambda: not status.changed)
        for number in range(1, 100):
            status.set("a", number)
            status.set(f"b{number}", number)
            other.set("c", number)
        server.resume()
        await until(lambda: len(heard) == 1 + 1 + 99 + 1)
        await writer.flush()
        assert writer.flushes == flushes + 2
        assert [text for channel, text in heard if channel == "status/mod-1/a"] == ["0", "99"]
        assert [text for channel, text in heard if channel == "status/mod-2/c"] == ["99"]
    await has(core, a=99, **{f"b{number}": number for number in range(1, 100)})


async def test_a_redis_that_comes_back_empty_is_told_everything_though_nothing_changes(
    status: ModuleStatus, writer: StatusWriter, server: RedisServer, core: Core
) -> None:
    status.set("a", 1)
    await has(core, a=1)
    await server.kill()
    await until(lambda: writer.trouble)
    await server.start()
    await has(core, a=1)
    assert await core.interface("mod-1") == {"interface": {}}
    await until(lambda: writer.trouble is None)


async def test_what_changed_while_redis_was_away_is_what_it_is_told(
    status: ModuleStatus, writer: StatusWriter, server: RedisServer, core: Core
) -> None:
    status.set("a", 1)
    status.set("gone", 1)
    await has(core, a=1, gone=1)
    server.pause()
    status.set("gone", None)
    await until(writer._turn.locked)
    await server.kill()
    await until(lambda: writer.trouble)
    status.set("a", 2)
    status.set("b", 3)
    await server.start()
    await server.client().hset("status/mod-1", "gone", "1")  # as if it had come back with what it saved
    writer.write_all_again()
    await has(core, a=2, b=3)


class Stub:
    """A Redis that does as it is told; `sent` are the commands that it took."""

    def __init__(self) -> None:
        self.away = False
        self.fields: set[str | bytes] = set()
        self.interface = False
        self.sent: list[Command] = []

    async def run(self, commands: Sequence[Command]) -> list[Any]:
        if self.away:
            raise StoreError("away")
        self.sent += commands
        return [self._answer(command) for command in commands]

    def _answer(self, command: Command) -> Any:
        match command[0]:
            case "HKEYS":
                return list(self.fields)
            case "HSET":
                new = set(command[2::2]) - self.fields
                self.fields |= new
                return len(new)
            case "SET":
                self.interface = True
            case "EXISTS":
                return int(self.interface)
        return "OK"

    def asked(self) -> int:
        return sum(command[0] == "EXISTS" for command in self.sent)

    def written(self, field: str) -> int:
        return sum(command[0] == "HSET" and field in command for command in self.sent)


async def test_what_was_on_its_way_when_redis_went_is_written_again_and_trouble_is_told_once() -> None:
    redis = Stub()
    writer = StatusWriter(redis, CLOCK)  # type: ignore[arg-type]
    status = ModuleStatus("mod-1", b"{}", writer)
    with capture_logs() as logs:
        async with running(writer.run()):
            await writer.add(status)
            redis.away = True
            status.set("a", 1)
            await until(lambda: writer.trouble)
            status.set("b", 2)
            redis.away = False
            await until(lambda: redis.written("a") and redis.written("b"))
            await until(lambda: writer.trouble is None)
    assert [each["event"] for each in logs if each["log_level"] == "warning"] == [
        "Redis cannot be used; everything is written again afterwards",
        "Redis can be used again",
    ]


async def test_a_redis_that_has_lost_what_was_written_is_told_again() -> None:
    redis = Stub()
    writer = StatusWriter(redis, CLOCK)  # type: ignore[arg-type]
    status = ModuleStatus("mod-1", b"{}", writer)
    async with running(writer.run()):
        await writer.add(status)
        status.set("a", 1)
        await until(lambda: redis.written("a"))
        before = redis.written("a")
        redis.fields, redis.interface = set(), False
        await until(lambda: redis.written("a") > before and redis.interface)


class ByHand:
    """A clock that stands still until it is set."""

    now = 1000.0

    def monotonic(self) -> float:
        return self.now


async def _told(redis: Stub, clock: ByHand) -> tuple[StatusWriter, ModuleStatus]:
    """A writer that writes when it is told to, and a module of which Redis knows."""
    writer = StatusWriter(redis, clock)  # type: ignore[arg-type]
    status = ModuleStatus("mod-1", b"{}", writer)
    adding = asyncio.create_task(writer.add(status))
    await asyncio.sleep(0)
    await writer.flush()
    await adding
    return writer, status


async def test_the_next_write_shows_what_redis_has_lost() -> None:
    redis = Stub()
    writer, status = await _told(redis, ByHand())
    for value in range(5):
        status.set("a", value)
        await writer.flush()
    asked = redis.asked()
    redis.fields, redis.interface = set(), False
    status.set("a", "news")
    await writer.flush()
    await writer.flush()
    assert (redis.fields, redis.interface) == ({"a"}, True)
    assert redis.asked() == asked, "nobody had to ask"


async def test_who_writes_is_asked_rarely_and_who_does_not_more_often() -> None:
    redis, clock = Stub(), ByHand()
    writer, status = await _told(redis, clock)
    asked = []
    for quiet in (False, True):
        before = redis.asked()
        for second in range(120):
            clock.now += 1.0
            if not quiet:
                status.set("a", second)
            await writer.flush()
        asked.append(redis.asked() - before)
    assert asked == [2, 12]


async def test_after_a_failover_everything_is_written_to_the_new_server(tmp_path: Path, server: RedisServer) -> None:
    async with redis_server(tmp_path) as second, client(server.url) as redis:
        writer = StatusWriter(redis, CLOCK)
        async with running(writer.run()), Core(second.url) as core:
            status = ModuleStatus("mod-1", b"{}", writer)
            await writer.add(status)
            status.set("a", 1)
            await server.client().execute_command("REPLICAOF", "127.0.0.1", str(second.port))
            status.set("b", 2)
            assert "ReadOnlyError" in (await until(lambda: writer.trouble) or "")
            redis.address = replace(redis.address, port=second.port)
            await has(core, a=1, b=2)
            assert await core.interface("mod-1") == {}


@pytest.mark.parametrize("value", [{1, 2}, "\ud800", 2**70, object(), float("nan")])
async def test_a_value_that_is_no_json_is_left_out_and_its_neighbours_are_written(
    status: ModuleStatus, core: Core, value: Any
) -> None:
    status.set("odd", 1)
    await has(core, odd=1)
    status.set("odd", value)
    status.set("even", 2)
    await has(core, even=2)
    status.set("odd", 3)
    await has(core, even=2, odd=3)


async def test_a_start_does_not_wait_long_for_redis(
    writer: StatusWriter, server: RedisServer, core: Core, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("mistlocate.engines.placeos.status.FIRST_WRITE_WITHIN", 0.1)
    await server.kill()
    status = ModuleStatus("mod-1", b"{}", writer)
    await asyncio.wait_for(writer.add(status), 5)
    assert not status.written.is_set()
    status.set("a", 1)
    await server.start()
    await has(core, a=1)


async def test_what_is_removed_is_written_to_the_end_and_stays(
    status: ModuleStatus, writer: StatusWriter, core: Core
) -> None:
    status.set("a", 1)
    await writer.remove(status)
    assert await core.statuses("mod-1") == {"a": 1}
    status.set("a", 2)
    await writer.flush()
    assert await core.statuses("mod-1") == {"a": 1}
    assert await core.interface("mod-1") == {"interface": {}}


async def test_who_took_the_place_of_a_removed_module_stays(writer: StatusWriter, core: Core) -> None:
    old, new = ModuleStatus("mod-1", b"{}", writer), ModuleStatus("mod-1", b"{}", writer)
    await writer.add(old)
    await writer.add(new)
    await writer.remove(old)
    new.set("a", 1)
    await has(core, a=1)


async def test_a_cluster_will_do(tmp_path: Path) -> None:
    async with redis_cluster(tmp_path) as cluster, client(cluster.url) as redis:
        writer = StatusWriter(redis, CLOCK)
        statuses = [ModuleStatus(f"mod-{number}", b"{}", writer) for number in range(8)]
        async with running(writer.run()):
            for each in statuses:
                each.set("old", 1)
                await writer.add(each)
                each.set("a", {"x": 1})
                each.set("old", None)
            await writer.flush()
        answers = await redis.run([("HGETALL", each.key) for each in statuses])
        assert [{key: json.loads(text) for key, text in each.items()} for each in answers] == [{"a": {"x": 1}}] * 8


async def test_much_is_written_in_pieces(
    status: ModuleStatus, writer: StatusWriter, core: Core, monkeypatch: pytest.MonkeyPatch
) -> None:
    await writer.flush()
    monkeypatch.setattr("mistlocate.engines.placeos.status.WRITE_AT_MOST", 1000)
    before = writer.flushes
    values = {f"map{number}": "x" * 400 for number in range(9)}
    for key, value in values.items():
        status.set(key, value)
    await writer.flush()
    assert await core.statuses("mod-1") == values
    assert writer.flushes == before + 3
