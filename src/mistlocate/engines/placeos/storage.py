"""Private storage in Redis, laid out as PlaceOS' own drivers lay it out: hashes `NAME/MODULE_ID` of bare texts."""

import asyncio
from collections.abc import Mapping
from contextlib import suppress

from mistlocate.engines.placeos.redis_client import Command, RedisClient
from mistlocate.errors import StoreError

#: How long reading may take (seconds): a module that loads waits for it, and commands wait for the module.
READ_WITHIN = 2.0


class PrivateStorage:
    """One module's private hashes (`driver.context.Storage`)."""

    def __init__(self, redis: RedisClient, module_id: str) -> None:
        self._redis = redis
        self._module_id = module_id

    async def read(self, name: str) -> dict[str, str]:
        """All fields of a hash. Raises `StoreError`."""
        try:
            async with asyncio.timeout(READ_WITHIN):
                (found,) = await self._redis.run([("HGETALL", self._key(name))])
        except TimeoutError:
            raise StoreError("Redis does not answer") from None
        return {str(field): str(value) for field, value in dict(found).items()}

    async def write(self, name: str, changes: Mapping[str, str | None]) -> None:
        """Set fields, or delete those given as None: all of them or none. Raises `StoreError`.

        Whoever follows the hash is told field by field, as PlaceOS' own storage does it.
        """
        if not changes:
            return
        key = self._key(name)
        kept = [text for field, value in changes.items() if value is not None for text in (field, value)]
        gone = [field for field, value in changes.items() if value is None]
        commands: list[Command] = []
        if kept:
            commands.append(("HSET", key, *kept))
        if gone:
            commands.append(("HDEL", key, *gone))
        await self._redis.run_atomically(commands)
        with suppress(StoreError):  # it is written; who was not told reads it the next time
            await self._redis.run([("PUBLISH", f"{key}/{field}", value or "null") for field, value in changes.items()])

    async def wipe(self) -> None:
        """Nothing: what Redis writes to disk of itself is in its operator's hands (see docs/privacy.md)."""

    def _key(self, name: str) -> str:
        return f"{name}/{self._module_id}"
