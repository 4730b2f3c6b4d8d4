"""Statuses of a system in Redis, as core and other modules keep them, and followers of them."""

import json
from typing import Any

from mistlocate.clock import FastClock
from mistlocate.engines.placeos.directory import Directory
from mistlocate.engines.placeos.redis_client import RedisClient
from mistlocate.engines.placeos.subscriptions import Subscriptions
from support.redis_server import RedisServer
from support.waiting import until


class House:
    """Core's and the other modules' side of a Redis, and our followers of it."""

    def __init__(self, server: RedisServer, redis: RedisClient) -> None:
        self.server = server
        self.clock = FastClock(5)
        self.reconnects = 0
        self.directory = Directory(redis, self.clock)
        self.following = Subscriptions(redis, self.directory, self.clock, self._reconnected)

    def _reconnected(self) -> None:
        self.reconnects += 1

    async def map_to(self, module_id: str | None, slot: str = "Probe/1") -> None:
        """Say which module has a name in the system, as core does."""
        async with self.server.client() as redis:
            if module_id is None:
                await redis.hdel("system/sys", slot)
            else:
                await redis.hset("system/sys", slot, module_id)
            await redis.publish("lookup-change", "sys")

    async def set(self, module_id: str, value: Any, key: str = "map") -> None:
        """Set a status of a module, as its driver does."""
        async with self.server.client() as redis:
            if value is None:
                await redis.hdel(f"status/{module_id}", key)
            else:
                await redis.hset(f"status/{module_id}", key, json.dumps(value))
            await redis.publish(f"status/{module_id}/{key}", json.dumps(value))

    async def publish(self, module_id: str, text: str) -> None:
        """Publish without writing."""
        async with self.server.client() as redis:
            await redis.publish(f"status/{module_id}/map", text)

    async def listeners(self, channel: str) -> int:
        """How many connections listen to a channel."""
        async with self.server.client() as redis:
            ((_, count),) = await redis.pubsub_numsub(channel)
            return int(count)

    async def listened(self, module_id: str = "mod-1", key: str = "map") -> None:
        await until(lambda: self.listeners(f"status/{module_id}/{key}"))

    async def unlistened(self, channel: str) -> None:
        await until(lambda: self._nobody(channel))

    async def _nobody(self, channel: str) -> bool:
        return await self.listeners(channel) == 0

    def follow(self, listener: Any = None, key: str = "map") -> list[Any]:
        heard: list[Any] = []
        self.following.follow("sys", "Probe", 1, key, listener or heard.append)
        return heard
