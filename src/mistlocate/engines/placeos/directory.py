"""Who is who in a system, what a module can do, what its statuses are: looked up in Redis, remembered while it is away.

Core keeps `system/ID` (name and index → module id), every module its `interface/ID` and `status/ID`.
"""

import asyncio
from collections.abc import Callable, Mapping, Sequence
from typing import Any

from mistlocate import jsontext
from mistlocate.clock import Clock
from mistlocate.engines.placeos.redis_client import Command, RedisClient
from mistlocate.errors import StoreError

#: How long an answer about modules holds without asking again (seconds); changes of systems are told at once.
HOLDS_FOR = 5.0

#: How long whoever asks waits for Redis before what is remembered has to do (seconds) …
PATIENCE = 1.0
#: … and how long Redis is not asked at all after that.
SPARED_FOR = 1.0


class Directory:
    """Answers from Redis. Every method raises `StoreError` if Redis is away and nothing is remembered."""

    def __init__(self, redis: RedisClient, clock: Clock) -> None:
        self._redis = redis
        self._clock = clock
        self._known: dict[Command, tuple[float, Any]] = {}
        self._decoded: dict[Command, tuple[str, Any]] = {}
        self._spared_until = 0.0
        self._forgotten = 0
        self._asking: dict[Command, asyncio.Task[list[Any]]] = {}

    async def module_id(self, system_id: str, name: str, index: int, *, certain: bool = False) -> str | None:
        """The module of this name in a system, or None. `certain`: what is remembered does not do."""
        command: Command = ("HGET", f"system/{system_id}", f"{name}/{index}")
        answer: str | None = await self._ask(command, HOLDS_FOR, certain=certain)
        return answer or None

    async def interface(self, module_id: str) -> Mapping[str, Any]:
        """The commands of a module: name → argument → schema, in positional order. Empty if nothing is known."""
        command: Command = ("GET", f"interface/{module_id}")
        metadata = self._value(command, await self._ask(command, HOLDS_FOR))
        interface = metadata.get("interface") if isinstance(metadata, Mapping) else None
        return interface if isinstance(interface, Mapping) else {}

    async def status(self, module_id: str, key: str) -> Any:
        """A status, or None; the same object as long as it is the same text."""
        command: Command = ("HGET", f"status/{module_id}", key)
        return self._value(command, await self._ask(command, 0.0))

    async def statuses(self, module_id: str, keys: Sequence[str]) -> list[Any]:
        """Several statuses as they are at one moment; nothing that is remembered.

        One after the other they would be of several: who changed from one list to another in between would be on both,
        or on none.
        """
        together: Command = ("HMGET", f"status/{module_id}", *keys)
        texts = await self._ask(together, 0.0, certain=True)
        at, _ = self._known.pop(together, (float("-inf"), None))
        commands: list[Command] = [("HGET", f"status/{module_id}", key) for key in keys]
        self._known.update({command: (at, text) for command, text in zip(commands, texts, strict=True)})
        return [self._value(command, text) for command, text in zip(commands, texts, strict=True)]

    async def status_text(self, module_id: str, key: str) -> str | None:
        """A status as JSON text, or None, as it is now; nothing that is remembered."""
        answer: str | None = await self._ask(("HGET", f"status/{module_id}", key), 0.0, certain=True)
        return answer

    def system_changed(self, system_id: str) -> None:
        """Ask again about the modules of a system."""
        self._forget(lambda command: command[1] == f"system/{system_id}")

    def forget(self) -> None:
        """Ask again about everything; until there is an answer the old ones have to do."""
        self._forget(lambda _: True)

    def _forget(self, concerned: Callable[[Command], bool]) -> None:
        self._forgotten += 1
        for command, (_, answer) in list(self._known.items()):
            if concerned(command):
                self._known[command] = (float("-inf"), answer)

    async def _ask(self, command: Command, holds_for: float, *, certain: bool = False) -> Any:
        now = self._clock.monotonic()
        known, forgotten = self._known.get(command), self._forgotten
        if known is not None and known[1] is not None and now - known[0] < holds_for:
            return known[1]
        try:
            if now < self._spared_until:
                raise StoreError("Redis does not answer")
            answer = await self._answer(command)
        except StoreError:
            if known is None or certain:
                raise
            return known[1]
        # What was to be forgotten while Redis was asked may already be in this answer, or not.
        at = self._clock.monotonic() if forgotten == self._forgotten else float("-inf")
        self._known[command] = (at, answer)
        return answer

    async def _answer(self, command: Command) -> Any:
        try:
            async with asyncio.timeout(PATIENCE):
                if command in self._asking:
                    # Never two at a time about the same thing, or a silent Redis gathers them. That one may have been
                    # answered already before this was asked, so its answer will not do: the next one is for everybody
                    # who waited.
                    await asyncio.wait([self._asking[command]])
                # Not cancelled with whoever asks: an answer that comes late would be taken for that of the next
                # question.
                (answer,) = await asyncio.shield(self._asking.get(command) or self._begin(command))
        except (TimeoutError, StoreError):
            self._spared_until = self._clock.monotonic() + SPARED_FOR
            raise StoreError("Redis does not answer") from None
        return answer

    def _begin(self, command: Command) -> "asyncio.Task[list[Any]]":
        task = self._asking[command] = asyncio.create_task(self._redis.run([command]))
        task.add_done_callback(lambda _: self._answered(command, task))
        return task

    def _answered(self, command: Command, task: "asyncio.Task[list[Any]]") -> None:
        del self._asking[command]
        if not task.cancelled():
            task.exception()  # told to whoever still waits

    def _value(self, command: Command, text: str | None) -> Any:
        if text is None:
            self._decoded.pop(command, None)
            return None
        known = self._decoded.get(command)
        if known is None or known[0] != text:
            try:
                known = (text, jsontext.loads(text))
            except ValueError:
                known = (text, None)
            self._decoded[command] = known
        return known[1]
