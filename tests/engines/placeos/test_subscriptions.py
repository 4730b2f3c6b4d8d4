"""Following statuses of other modules through a real Redis: each value once, the newest last, after every kind of gap."""

import asyncio
from collections.abc import AsyncIterator
from typing import Any

import pytest
from structlog.testing import capture_logs

from mistlocate.engines.placeos import subscriptions as module
from mistlocate.engines.placeos.directory import SPARED_FOR
from mistlocate.engines.placeos.redis_client import RedisClient
from support.placeos_engine import running
from support.placeos_following import House
from support.redis_server import RedisServer
from support.waiting import until

pytestmark = pytest.mark.needs("redis-server")


@pytest.fixture
async def house(server: RedisServer, redis: RedisClient, monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[House]:
    """Nothing comes right by itself after a while, unless a test says so."""
    monkeypatch.setattr(module, "SILENT_AT_MOST", 1e9)
    monkeypatch.setattr(module, "LOOK_AGAIN", 1e9)
    made = House(server, redis)
    async with running(made.following.run()):
        await until(lambda: made.listeners("lookup-change"))
        yield made


async def test_the_present_value_comes_first_and_every_later_one_once(house: House) -> None:
    await house.map_to("mod-1")
    await house.set("mod-1", [1])
    heard = house.follow()
    await until(lambda: heard)
    for value in ([2], [3], [3], [4]):
        await house.set("mod-1", value)
    await until(lambda: heard[-1] == [4])
    assert heard == [[1], [2], [3], [4]]


async def test_without_a_value_nothing_comes_until_there_is_one(house: House) -> None:
    await house.map_to("mod-1")
    heard = house.follow()
    await house.listened()
    await house.set("mod-1", None)
    await house.set("mod-1", False)
    await until(lambda: heard)
    assert heard == [False]


async def test_a_cleared_status_is_none(house: House) -> None:
    await house.map_to("mod-1")
    await house.set("mod-1", 1)
    heard = house.follow()
    await until(lambda: heard)
    await house.set("mod-1", None)
    await house.set("mod-1", 2)
    await until(lambda: len(heard) == 3)
    assert heard == [1, None, 2]


async def test_a_value_that_is_published_while_the_present_one_is_read_is_the_newer_one(
    house: House, monkeypatch: pytest.MonkeyPatch
) -> None:
    read = house.directory.status_text
    published = asyncio.Event()

    async def slowly(module_id: str, key: str) -> str | None:
        text = await read(module_id, key)
        await house.publish("mod-1", "2")
        await until(lambda: heard)
        published.set()
        return text

    monkeypatch.setattr(house.directory, "status_text", slowly)
    await house.map_to("mod-1")
    await house.set("mod-1", 1)
    heard = house.follow()
    await published.wait()
    await house.publish("mod-1", "3")
    await until(lambda: len(heard) == 2)
    assert heard == [2, 3]


async def test_a_name_may_come_to_stand_for_another_module(house: House) -> None:
    await house.map_to("mod-1")
    await house.set("mod-1", 1)
    await house.set("mod-2", 2)
    heard = house.follow()
    await until(lambda: heard)
    await house.map_to("mod-2")
    await until(lambda: len(heard) == 3)
    await house.unlistened("status/mod-1/map")
    await house.set("mod-1", 8)
    await house.set("mod-2", 9)
    await until(lambda: len(heard) == 4)
    assert heard == [1, None, 2, 9]


async def test_a_name_that_changes_without_ever_having_had_a_value_says_nothing(house: House) -> None:
    await house.map_to("mod-1")
    heard = house.follow()
    await house.listened("mod-1")
    await house.map_to("mod-2")
    await house.listened("mod-2")
    await house.set("mod-2", 2)
    await until(lambda: heard)
    assert heard == [2]


async def test_a_name_that_stands_for_nothing_any_more_is_none(house: House) -> None:
    await house.map_to("mod-1")
    await house.set("mod-1", 1)
    heard = house.follow()
    await until(lambda: heard)
    await house.map_to(None)
    await until(lambda: len(heard) == 2)
    await house.map_to("mod-1")
    await until(lambda: len(heard) == 3)
    assert heard == [1, None, 1]


async def test_who_follows_a_name_of_nobody_waits_for_it(house: House) -> None:
    heard = house.follow()
    await house.set("mod-1", 1)
    await house.map_to("mod-2", slot="Other/1")
    await house.map_to("mod-1")
    await until(lambda: heard)
    assert heard == [1]


async def test_a_name_of_nobody_is_looked_up_again_though_nobody_told(
    server: RedisServer, redis: RedisClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(module, "LOOK_AGAIN", 1.0)
    monkeypatch.setattr(module, "SILENT_AT_MOST", 1e9)
    house = House(server, redis)
    async with running(house.following.run()):
        heard = house.follow()
        await until(lambda: house.directory._known)
        assert heard == []
        await house.set("mod-1", 1)
        await server.client().hset("system/sys", "Probe/1", "mod-1")
        await until(lambda: heard)
    assert heard == [1]


async def test_a_change_that_is_told_while_the_name_is_looked_up_is_not_missed(
    house: House, monkeypatch: pytest.MonkeyPatch
) -> None:
    look_up = house.directory.module_id
    told = asyncio.Event()

    async def slowly(*place: Any, **options: Any) -> str | None:
        found = await look_up(*place, **options)
        if not told.is_set():
            house.directory.system_changed("sys")
            told.set()
            await house.map_to("mod-2")
            await until(lambda: not house.following._bindings[0].looked_up)
        return found

    await house.map_to("mod-1")
    await house.set("mod-1", 1)
    await house.set("mod-2", 2)
    monkeypatch.setattr(house.directory, "module_id", slowly)
    heard = house.follow()
    await until(lambda: 2 in heard)


async def test_several_follow_the_same(house: House) -> None:
    await house.map_to("mod-1")
    await house.set("mod-1", 1)
    first = house.follow()
    await until(lambda: first)
    second, other = house.follow(), house.follow(key="other")
    await until(lambda: second)
    await house.listened(key="other")
    await house.set("mod-1", 2)
    await house.set("mod-1", 3, key="other")
    await until(lambda: other)
    assert (first, second, other) == ([1, 2], [1, 2], [3])


async def test_who_unsubscribes_hears_nothing_more_and_the_others_do(house: House) -> None:
    await house.map_to("mod-1")
    gone: list[Any] = []
    unsubscribe = house.following.follow("sys", "Probe", 1, "map", gone.append)
    unsubscribe_last = house.following.follow("sys", "Probe", 1, "other", gone.append)
    heard = house.follow()
    await house.listened()
    await house.listened(key="other")
    unsubscribe()
    unsubscribe()
    unsubscribe_last()
    await house.unlistened("status/mod-1/other")
    await house.set("mod-1", 1)
    await until(lambda: heard)
    assert (gone, heard) == ([], [1])


async def test_a_listener_that_raises_is_alone_with_it(house: House) -> None:
    calls = []

    def fail(value: Any) -> None:
        calls.append(value)
        raise ZeroDivisionError

    await house.map_to("mod-1")
    house.follow(fail)
    heard = house.follow()
    await house.listened()
    await house.set("mod-1", 1)
    await house.publish("mod-1", "no JSON")
    await house.set("mod-1", 2)
    await until(lambda: len(heard) == 2)
    assert (calls, heard) == ([1, 2], [1, 2])


async def test_after_a_gap_comes_what_was_missed_and_nothing_twice(house: House, server: RedisServer) -> None:
    await house.map_to("mod-1")
    await house.set("mod-1", 1)
    await house.set("mod-1", "same", key="other")
    heard, same = house.follow(), house.follow(key="other")
    await until(lambda: heard and same)
    for channel in ("map", "other"):
        await house.listened(key=channel)
    clients = await server.client().client_list(_type="pubsub")
    server.pause()
    await server.kill()
    await server.start()
    await house.set("mod-1", "same", key="other")
    await house.set("mod-1", 3)
    await house.map_to("mod-1")
    await until(lambda: heard[-1] == 3)
    await house.set("mod-1", 4)
    await until(lambda: heard[-1] == 4)
    # While nobody had the name in the empty Redis the statuses may have been none for a moment.
    assert [value for value in heard if value is not None] == [1, 3, 4]
    assert [value for value in same if value is not None] in (["same"], ["same", "same"])
    assert house.reconnects == 1
    assert len(clients) == 1


async def test_a_value_from_before_the_gap_is_never_taken_for_the_present_one(
    house: House, server: RedisServer
) -> None:
    await house.map_to("mod-1")
    await house.set("mod-1", 1)
    heard = house.follow()
    await until(lambda: heard)
    await house.set("mod-1", 2)
    await until(lambda: len(heard) == 2)
    await house.directory.module_id("sys", "Probe", 1)
    house.directory._spared_until = house.clock.monotonic() + 3 * SPARED_FOR  # Redis did not answer somebody else
    await server.client().client_kill_filter(_type="pubsub")
    async with server.client() as redis:
        await redis.hset("status/mod-1", "map", "3")
    await until(lambda: len(heard) == 3)
    assert heard == [1, 2, 3]


async def test_a_connection_that_fell_silent_is_given_up(
    house: House, server: RedisServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(module, "PING_EVERY", 0.5)
    monkeypatch.setattr(module, "SILENT_AT_MOST", 10.0)
    await house.map_to("mod-1")
    await house.set("mod-1", 1)
    heard = house.follow()
    await until(lambda: heard)
    clock, begun = house.clock, house.clock.monotonic()
    await until(lambda: clock.monotonic() > begun + 12)  # as long as it answers pings it is kept
    assert house.reconnects == 0
    with capture_logs() as logs:
        server.pause()
        await until(lambda: any("fallen silent" in str(entry.get("reason")) for entry in logs))
        server.resume()
    await until(lambda: house.reconnects)
    await house.set("mod-1", 2)
    await until(lambda: heard[-1] == 2)
    assert heard == [1, 2]


async def test_redis_may_come_later(server: RedisServer, redis: RedisClient) -> None:
    await server.kill()
    house = House(server, redis)
    async with running(house.following.run()):
        heard = house.follow()
        await server.start()
        await house.set("mod-1", 1)
        await house.map_to("mod-1")
        await until(lambda: heard)
    assert (heard, house.reconnects) == ([1], 0)
