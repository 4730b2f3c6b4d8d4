"""The statuses of a process' modules: set in memory at once, written to Redis by one writer.

A value is kept as the text that Redis gets: it is encoded once, compared as text, and takes a fraction of the memory.
One write is on its way at a time, and the next takes what changed meanwhile: what is newer replaces what waits, so a
slow Redis costs freshness and never memory. After trouble (Redis away, failing over, restarted empty) every
status and interface of every module is written again, and what Redis has beyond that is deleted. That Redis has lost
something shows where a field that was written before is new to it; while nothing is written it is asked.
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

#: How often Redis is asked whether it still has what was written (seconds): after a failover it may not. Of modules
#: whose writes have shown it lately that is asked more rarely, for their interface alone may be gone.
LOOK_EVERY, LOOK_AT_ALL_EVERY = 10.0, 60.0

#: How long a change waits for others that belong to the same moment (seconds).
GATHER = 0.02

#: A write ends with the text that makes it this long (bytes): taking it to pieces for the socket holds up everything.
WRITE_AT_MOST = 256 * 1024


class ModuleStatus:
    """One module's statuses (`driver.context.StatusStore`)."""

    def __init__(self, module_id: str, interface: bytes, writer: "StatusWriter") -> None:
        self.module_id = module_id
        self.interface = interface
        self.texts: dict[str, bytes] = {}
        """The values as JSON."""
        self.changed: dict[str, None] = {}
        """The statuses that are to be written, those that wait longest first."""
        self.interface_due = False
        """The interface has changed since it was written."""
        self.all_due = True
        """Everything is to be written, whatever Redis has."""
        self.stored: set[str] = set()
        """The statuses that Redis has."""
        self.there_at = float("-inf")
        """When that was last known to be so (monotonic seconds)."""
        self.written = asyncio.Event()
        """Set once Redis has the interface, and nothing of what the module was before."""
        self._writer = writer

    @property
    def key(self) -> str:
        """The hash in Redis."""
        return f"status/{self.module_id}"

    def set(self, key: str, value: Any) -> None:
        """Publish a value; an equal one is no news, None clears the status, and so does what is no JSON."""
        text = None if value is None else self._encoded(key, value)
        if text == self.texts.get(key):
            return
        if text is None:
            del self.texts[key]
        else:
            self.texts[key] = text
        self.changed[key] = None
        self._writer.news()

    def _encoded(self, key: str, value: Any) -> bytes | None:
        try:
            text = jsontext.dumps(value)
        except TypeError:
            self._writer.log.error("a status is no JSON and is left out", module=self.module_id, key=key)
            return None
        return None if text == b"null" else text  # a number that is none

    def describe(self, interface: bytes) -> None:
        """Publish what the module says of itself, if that has changed."""
        if interface != self.interface:
            self.interface, self.interface_due = interface, True
            self._writer.news()

    def get(self, key: str) -> Any:
        """The present value, or None; decoded for whoever asks, so that it is nobody else's."""
        text = self.texts.get(key)
        return None if text is None else jsontext.loads(text)

    def keys(self) -> list[str]:
        """The statuses that have a value."""
        return list(self.texts)

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
        self.log = structlog.get_logger("mistlocate.redis")

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
                async with self._clock.timeout(self._until_look()):
                    await self._news.wait()
                    await self._clock.sleep(GATHER)
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
        """Write what changed. Raises `StoreError`; then everything is due again."""
        async with self._turn:
            try:
                more = True
                while more:
                    more = await self._write()
                    await self._look()
            except BaseException:
                self.write_all_again()
                raise

    async def _write(self) -> bool:
        """Write what changed, or as much of it as goes into one pipeline; return whether something was left over."""
        new = [status for status in self._modules.values() if status.all_due]
        await self._list_again(new)
        commands, more = self._due()
        self._taken(commands, await self._redis.run(commands))
        self.flushes += bool(commands)
        for status in self._modules.values():
            if not (status.all_due or status.changed):
                status.written.set()
        return more

    def _until_look(self) -> float:
        """Seconds until Redis is to be asked whether it still has everything."""
        oldest = min((status.there_at for status in self._modules.values()), default=self._clock.monotonic())
        return max(0.0, oldest + LOOK_EVERY - self._clock.monotonic())

    def _taken(self, commands: list[Command], answers: list[Any]) -> None:
        """Take note of what Redis has now. A field that it ought to have had and that was new to it says that it has
        lost everything, as after a failover."""
        by_key = {status.key: status for status in self._modules.values()}
        for command, answer in zip(commands, answers, strict=True):
            status = by_key.get(str(command[1]))
            if status is None or command[0] not in ("HSET", "HDEL"):
                continue
            if command[0] == "HDEL":
                status.stored.difference_update(map(str, command[2:]))
                continue
            fields = {str(field) for field in command[2::2]}
            known = len(fields & status.stored)
            status.stored |= fields
            if answer > len(fields) - known:
                status.all_due = True
                self._news.set()
            elif known:
                status.there_at = self._clock.monotonic()

    async def _look(self) -> None:
        """Ask for the interfaces, where that is due: where one is missing, everything of the module may be."""
        now = self._clock.monotonic()
        everything = now - self._looked >= LOOK_AT_ALL_EVERY
        modules = [each for each in self._modules.values() if everything or now - each.there_at >= LOOK_EVERY]
        if not modules:
            return
        found = await self._redis.run([("EXISTS", f"interface/{status.module_id}") for status in modules])
        for status, there in zip(modules, found, strict=True):
            status.there_at = now
            if not there:
                status.all_due = True
                self._news.set()
        if everything:
            self._looked = now

    async def _list_again(self, new: list[ModuleStatus]) -> None:
        """Everything that these modules have is due, and whatever else Redis has of them."""
        for status in new:
            status.all_due = False  # unless it is set again while Redis is asked
        found = await self._redis.run([("HKEYS", status.key) for status in new]) if new else []
        for status, fields in zip(new, found, strict=True):
            status.changed = dict.fromkeys((*status.texts, *fields))
            status.stored = set(fields)
            status.interface_due = True

    def _due(self) -> tuple[list[Command], bool]:
        """The commands for what changed, and whether there is more than goes into one pipeline."""
        commands: list[Command] = []
        room = WRITE_AT_MOST
        for status in self._modules.values():
            if status.all_due:
                continue
            if status.interface_due:
                status.interface_due = False
                commands.append(("SET", f"interface/{status.module_id}", status.interface))
            if status.changed and room > 0:
                changes, size = self._changes(status, room)
                commands += changes
                room -= size
        return commands, room <= 0

    @staticmethod
    def _changes(status: ModuleStatus, room: int) -> tuple[list[Command], int]:
        """The commands for what changed of one module until there is no more room, and how much they take: hash
        first, then whoever follows is told (`RedisClient.run` keeps that order in a cluster as well)."""
        fields: list[str | bytes] = []
        gone: list[str] = []
        told: list[Command] = []
        size = 0
        for key in list(status.changed):
            if size >= room:
                break
            del status.changed[key]
            text = status.texts.get(key)
            if text is None:
                gone.append(key)
            else:
                fields += (key, text)
                size += len(text)
            told.append(("PUBLISH", f"{status.key}/{key}", text or b"null"))
        commands: list[Command] = []
        if fields:
            commands.append(("HSET", status.key, *fields))
        if gone:
            commands.append(("HDEL", status.key, *gone))
        return commands + told, size

    def _tell(self, trouble: str | None) -> None:
        if trouble is not None and self.trouble is None:
            self.log.warning("Redis cannot be used; everything is written again afterwards", reason=trouble)
        if trouble is None and self.trouble is not None:
            self.log.warning("Redis can be used again")
        self.trouble = trouble
