"""Private storage, in the layout of PlaceOS' own drivers."""

from pathlib import Path

import pytest

from mistlocate.engines.placeos.redis_client import RedisClient
from mistlocate.engines.placeos.storage import PrivateStorage
from mistlocate.errors import StoreError
from support.placeos_core import Core
from support.placeos_engine import client
from support.redis_server import RedisServer, redis_cluster
from support.waiting import until

pytestmark = pytest.mark.needs("redis-server")


@pytest.fixture
def storage(redis: RedisClient) -> PrivateStorage:
    return PrivateStorage(redis, "mod-1")


async def test_a_hash_stands_under_its_name_and_the_module(storage: PrivateStorage, redis: RedisClient) -> None:
    await storage.write("user_macs", {"aabbccddeeff": "alice", "alice": '["aabbccddeeff"]'})
    stored = {"aabbccddeeff": "alice", "alice": '["aabbccddeeff"]'}
    assert await redis.run([("HGETALL", "user_macs/mod-1")]) == [stored]
    assert await storage.read("user_macs") == stored
    assert await PrivateStorage(redis, "mod-2").read("user_macs") == {}


async def test_fields_are_set_and_deleted_together(storage: PrivateStorage) -> None:
    await storage.write("notes", {"a": "1", "b": "2"})
    await storage.write("notes", {"a": None, "b": "ü", "c": "", "d": None})
    assert await storage.read("notes") == {"b": "ü", "c": ""}
    await storage.write("notes", {"b": None, "c": None})
    assert await storage.read("notes") == {}
    await storage.write("notes", {})


async def test_a_redis_that_does_not_answer_is_not_waited_for(
    storage: PrivateStorage, server: RedisServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    await storage.read("notes")
    monkeypatch.setattr("mistlocate.engines.placeos.storage.READ_WITHIN", 0.1)
    server.pause()
    try:
        with pytest.raises(StoreError, match="does not answer"):
            await storage.read("notes")
    finally:
        server.resume()


async def test_a_write_that_cannot_be_done_changes_nothing(storage: PrivateStorage, server: RedisServer) -> None:
    await storage.write("notes", {"a": "1"})
    await server.client().config_set("maxmemory", "1")
    with pytest.raises(StoreError):
        await storage.write("notes", {"a": None, "b": "2"})
    await server.client().config_set("maxmemory", "0")
    assert await storage.read("notes") == {"a": "1"}


async def test_whoever_follows_the_hash_is_told_each_field(storage: PrivateStorage, server: RedisServer) -> None:
    async with Core(server.url) as core, core.following("notes/*") as heard:
        await storage.write("notes", {"a": "1", "b": None})
        await until(lambda: len(heard) == 2)
        assert heard == [("notes/mod-1/a", "1"), ("notes/mod-1/b", "null")]


async def test_redis_away_is_a_store_error(storage: PrivateStorage, server: RedisServer) -> None:
    await server.kill()
    with pytest.raises(StoreError):
        await storage.read("notes")
    with pytest.raises(StoreError):
        await storage.write("notes", {"a": "1"})
    await server.start()
    await storage.write("notes", {"a": "1"})
    assert await storage.read("notes") == {"a": "1"}


async def test_a_cluster_will_do(tmp_path: Path) -> None:
    async with redis_cluster(tmp_path) as cluster, client(cluster.url) as redis:
        storage = PrivateStorage(redis, "mod-1")
        await storage.write("user_macs", {"a": "1", "b": "2"})
        await storage.write("user_macs", {"a": None, "c": "3"})
        assert await storage.read("user_macs") == {"b": "2", "c": "3"}
