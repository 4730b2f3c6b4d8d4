"""The statuses of a process' modules: set in memory at once, written to Redis by one writer.

One write is on its way at a time, and the next takes everything that changed meanwhile: what is newer replaces what
waits, so a slow Redis costs freshness and never memory. After trouble (Redis away, failing over, restarted empty) every
status and interface of every module is written again, and what Redis has beyond that is deleted.
"""

import asyncio
from contextlib import suppress
from typing import Any

import structlog

from mistlocate import jsontext
from mistlocate.clock import Clock
from mistlocate.engines.placeos.redis_client import Command, RedisClient
from mistlocate.errors import StoreError

#: How long a start waits for Redis before it goes on without (seconds).
FIRST_WRITE_WITHIN = 1.0

#: Pauses after trouble: this, twice this, … up to the longest (seconds).
FIRST_PAUSE, LONGEST_PAUSE = 0.25, 5.0

#: How often Redis is asked whether it still has what was written (seconds): after a failover it may not.
LOOK_EVERY = 10.0


class ModuleStatus:
    """One module's statuses (`driver.context.StatusStore`)."""

    def __init__(self, module_id: str, interface: bytes, writer: "StatusWriter") -> None:
        self.module_id = module_id
        self.interface = interface
        self.values: dict[str, Any] = {}
        self.changed: set[str] = set()
        self.interface_due = False
        """The interface has changed since it was written."""
        self.all_due = True
        """Everything is to be written, whatever Redis has."""
        self.written = asyncio.Event()
        """Set once Redis has the interface, and nothing of what the module was before."""
        self._writer = writer

    @property
    def key(self) -> str:
        """The hash in Redis."""
        return f"status/{self.module_id}"

    def set(self, key: str, value: Any) -> None:
        """Publish a value; an equal one is no news, None clears the status."""
        if value is None:
            if key not in self.values:
                return
            del self.values[key]
        elif key in self.values and self.values[key] == value:
            return
        else:
            self.values[key] = value
        self.changed.add(key)
        self._writer.news()

    def describe(self, interface: bytes) -> None:
        """Publish what the module says of itself, if that has changed."""
        if interface != self.interface:
            self.interface, self.interface_due = interface, True
            self._writer.news()

    def get(self, key: str) -> Any:
        """The present value, or None."""
        return self.values.get(key)

    def keys(self) -> list[str]:
        """The statuses that have a value."""
        return list(self.values)

    def clear(self) -> None:
        """Clear every status."""
        for key in self.keys():
            self.set(key, None)


class StatusWriter:
    """Writes the statuses of all modules of a process. `trouble` says why Redis cannot be used, or is None."""

    def __init__(self, redis: RedisClient, clock: Clock) -> None:
        self.trouble: str | None = None
        self.flushes = 0
        self._redis = redis
        self._clock = clock
        self._modules: dict[str, ModuleStatus] = {}
        self._looked = float("-inf")
        self._news = asyncio.Event()
        self._turn = asyncio.Lock()
        self._log = structlog.get_logger("mistlocate.redis")

    async def add(self, status: ModuleStatus) -> None:
        """Write a module's statuses from now on; what Redis has of it from before is cleared first.

        Returns when that is done, or when Redis takes too long.
        """
        self._modules[status.module_id] = status
        self._news.set()
        with suppress(TimeoutError):
            async with asyncio.timeout(FIRST_WRITE_WITHIN):
                await status.written.wait()

    async def remove(self, status: ModuleStatus) -> None:
        """Write what is left to write of a module, and leave it as it is in Redis."""
        with suppress(StoreError, TimeoutError):
            async with asyncio.timeout(FIRST_WRITE_WITHIN):
                await self.flush()
        if self._modules.get(status.module_id) is status:
            del self._modules[status.module_id]

    def news(self) -> None:
        """Something has changed."""
        self._news.set()

    def write_all_again(self) -> None:
        """Redis may not be what it was."""
        for status in self._modules.values():
            status.all_due = True
        self._news.set()

    async def run(self) -> None:
        """Write for ever."""
        pause = FIRST_PAUSE
        while True:
            with suppress(TimeoutError):
                async with self._clock.timeout(LOOK_EVERY):
                    await self._news.wait()
            self._news.clear()
            try:
                await self.flush()
            except StoreError as error:
                self._tell(error.message)
                await self._clock.sleep(pause)
                pause = min(pause * 2, LONGEST_PAUSE)
                self._news.set()
            else:
                self._tell(None)
                pause = FIRST_PAUSE

    async def flush(self) -> None:
        """Write what changed, in one pipeline. Raises `StoreError`; then everything is due again."""
        async with self._turn:
            try:
                new = [status for status in self._modules.values() if status.all_due]
                commands = await self._due(new)
                await self._redis.run(commands)
                if self._clock.monotonic() - self._looked >= LOOK_EVERY:
                    await self._look()
            except BaseException:
                self.write_all_again()
                raise
            self.flushes += bool(commands)
            for status in new:
                status.written.set()

    async def _look(self) -> None:
        """Ask for the interfaces: where one is missing, everything of the module may be."""
        modules = list(self._modules.values())
        found = await self._redis.run([("EXISTS", f"interface/{status.module_id}") for status in modules])
        for status, there in zip(modules, found, strict=True):
            if not there:
                status.all_due = True
                self._news.set()
        self._looked = self._clock.monotonic()

    async def _due(self, new: list[ModuleStatus]) -> list[Command]:
        """The commands for what changed, and for all that the new ones have."""
        for status in new:
            status.all_due = False  # unless it is set again while Redis is asked
        found = await self._redis.run([("HKEYS", status.key) for status in new]) if new else []
        commands: list[Command] = []
        for status, fields in zip(new, found, strict=True):
            status.changed = {*status.values, *fields}
            status.interface_due = True
        for status in self._modules.values():
            if status.all_due:
                continue
            if status.interface_due:
                status.interface_due = False
                commands.append(("SET", f"interface/{status.module_id}", status.interface))
            if status.changed:
                commands += self._changes(status)
        return commands

    def _changes(self, status: ModuleStatus) -> list[Command]:
        """The commands for what changed of one module: hash first, then whoever follows is told."""
        changed, status.changed = status.changed, set()
        fields: list[str | bytes] = []
        gone: list[str] = []
        told: list[Command] = []
        for key in changed:
            text = self._encoded(status, key)
            if text is None:
                gone.append(key)
            else:
                fields += (key, text)
            told.append(("PUBLISH", f"{status.key}/{key}", text or b"null"))
        commands: list[Command] = []
        if fields:
            commands.append(("HSET", status.key, *fields))
        if gone:
            commands.append(("HDEL", status.key, *gone))
        return commands + told

    def _encoded(self, status: ModuleStatus, key: str) -> bytes | None:
        value = status.values.get(key)
        if value is None:
            return None
        try:
            text = jsontext.dumps(value)
        except TypeError:
            self._log.error("a status is no JSON and is left out", module=status.module_id, key=key)
            return None
        return None if text == b"null" else text  # a number that is none

    def _tell(self, trouble: str | None) -> None:
        if trouble is not None and self.trouble is None:
            self._log.warning("Redis cannot be used; everything is written again afterwards", reason=trouble)
        if trouble is None and self.trouble is not None:
            self._log.warning("Redis can be used again")
        self.trouble = trouble
