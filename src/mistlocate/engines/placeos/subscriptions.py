"""Statuses of other modules, followed by name: one connection to Redis for a whole process.

A name in a system may stand for another module tomorrow (core tells on `lookup-change`), a status may be published
between the moment we subscribe and the moment we read it, and the connection may break: whoever follows is given each
value once, the newest last, and after a gap what it missed.
"""

import asyncio
from collections.abc import Callable
from contextlib import aclosing
from typing import Any

import structlog

from mistlocate import jsontext
from mistlocate.clock import Clock
from mistlocate.driver.context import Unsubscribe
from mistlocate.engines.placeos.directory import Directory
from mistlocate.engines.placeos.redis_client import RedisClient, Subscriber
from mistlocate.errors import ConnectionLost, StoreError
from mistlocate.together import together

#: Core publishes here the id of a system whose modules changed.
LOOKUP_CHANGE = "lookup-change"

#: A silent connection is asked for a sign of life this often, and given up after so long (seconds).
PING_EVERY, SILENT_AT_MOST = 7.0, 15.0

#: Pauses between connections: this, twice this, … up to the longest (seconds).
FIRST_PAUSE, LONGEST_PAUSE = 0.25, 5.0

#: Names that stand for no module yet are looked up again this often, should a change not have been told (seconds).
LOOK_AGAIN = 30.0


class _Binding:
    """One follower. `text` is the JSON that it was given last; `stale` says that it has to be read anew."""

    def __init__(self, place: tuple[str, str, int], key: str, listener: Callable[[Any], None]) -> None:
        self.place = place
        self.key = key
        self.listener = listener
        self.module_id: str | None = None
        self.text: str | None = None
        self.looked_up = False
        self.heard = False

    @property
    def channel(self) -> str | None:
        return None if self.module_id is None else f"status/{self.module_id}/{self.key}"


class Subscriptions:
    """The followers of a process. `on_reconnect` is called whenever the connection was made anew after a break."""

    def __init__(
        self, redis: RedisClient, directory: Directory, clock: Clock, on_reconnect: Callable[[], None]
    ) -> None:
        self._redis = redis
        self._directory = directory
        self._clock = clock
        self._on_reconnect = on_reconnect
        self._bindings: list[_Binding] = []
        self._subscribed: set[str] = set()
        self._acknowledged: asyncio.Queue[str] = asyncio.Queue()
        self._work = asyncio.Event()
        self._last_heard = 0.0
        self._log = structlog.get_logger("mistlocate.redis")

    def follow(self, system_id: str, name: str, index: int, key: str, listener: Callable[[Any], None]) -> Unsubscribe:
        """Call `listener` with a status of whichever module has this name, and with every later value."""
        binding = _Binding((system_id, name, index), key, listener)
        self._bindings.append(binding)
        self._work.set()

        def unsubscribe() -> None:
            if binding in self._bindings:
                self._bindings.remove(binding)
                self._work.set()

        return unsubscribe

    async def run(self) -> None:
        """Stay connected, for ever."""
        pause, before = FIRST_PAUSE, False
        while True:
            try:
                async with aclosing(await self._redis.subscriber()) as subscriber:
                    await subscriber.subscribe([LOOKUP_CHANGE])
                    self._opened()
                    if before:
                        self._on_reconnect()
                    pause, before = FIRST_PAUSE, True
                    await together(self._read(subscriber), self._maintain(subscriber), self._read_values())
            except (StoreError, ConnectionLost) as error:
                self._log.debug("subscriptions broke off", reason=error.message)
            await self._clock.sleep(pause)
            pause = min(pause * 2, LONGEST_PAUSE)

    def _opened(self) -> None:
        self._subscribed.clear()
        self._acknowledged = asyncio.Queue()
        self._last_heard = self._clock.monotonic()
        self._directory.forget()
        for binding in self._bindings:
            binding.looked_up = False
        self._work.set()

    # -- what is to be heard ----------------------------------------------------------------------

    async def _maintain(self, subscriber: Subscriber) -> None:
        """Keep the channels as the followers want them, whenever something about them changes."""
        while True:
            try:
                async with self._clock.timeout(LOOK_AGAIN):
                    await self._work.wait()
            except TimeoutError:
                for binding in self._bindings:
                    binding.looked_up = binding.looked_up and binding.module_id is not None
            self._work.clear()
            for binding in [each for each in self._bindings if not each.looked_up]:
                await self._look_up(binding)
            wanted = {binding.channel for binding in self._bindings if binding.channel is not None}
            new, old = wanted - self._subscribed, self._subscribed - wanted
            self._subscribed = wanted
            if new:
                await subscriber.subscribe(sorted(new))
            if old:
                await subscriber.unsubscribe(sorted(old))

    async def _look_up(self, binding: _Binding) -> None:
        binding.looked_up = True  # unless the system changes while Redis is asked
        module_id = await self._directory.module_id(*binding.place, certain=True)
        if module_id is not None:
            await self._directory.interface(module_id)  # known by then, should Redis go before the first call
        if module_id == binding.module_id:
            return
        binding.module_id = module_id
        binding.heard = False
        self._give(binding, None)
        if binding.channel in self._subscribed:
            self._acknowledged.put_nowait(binding.channel)

    # -- what is heard ----------------------------------------------------------------------------

    async def _read(self, subscriber: Subscriber) -> None:
        asked = 0.0
        while True:
            heard = await subscriber.next(PING_EVERY)
            now = self._clock.monotonic()
            if heard is None:
                if now - self._last_heard > SILENT_AT_MOST:
                    raise ConnectionLost("Redis has fallen silent")
                if now - asked >= PING_EVERY:
                    asked = now
                    await subscriber.ping()
                continue
            self._last_heard = now
            kind, channel, text = heard
            if kind == "message" and channel == LOOKUP_CHANGE:
                self._system_changed(text)
            elif kind == "message":
                self._published(channel, text)
            elif kind == "subscribe" and channel != LOOKUP_CHANGE:
                self._acknowledged.put_nowait(channel)

    def _system_changed(self, system_id: str) -> None:
        self._directory.system_changed(system_id)
        for binding in self._bindings:
            if binding.place[0] == system_id:
                binding.looked_up = False
        self._work.set()

    def _published(self, channel: str, text: str) -> None:
        for binding in [each for each in self._bindings if each.channel == channel]:
            binding.heard = True
            self._give(binding, text)

    async def _read_values(self) -> None:
        """Once a channel is heard, read what its status is now; what is published meanwhile is newer."""
        while True:
            channel = await self._acknowledged.get()
            for binding in [each for each in self._bindings if each.channel == channel]:
                binding.heard = False
                text = await self._directory.status_text(str(binding.module_id), binding.key)
                if not binding.heard and binding.channel == channel:
                    self._give(binding, text)

    def _give(self, binding: _Binding, text: str | None) -> None:
        text = None if text == "null" else text
        if text == binding.text:
            return
        binding.text = text
        try:
            binding.listener(None if text is None else jsontext.loads(text))
        except Exception:
            self._log.exception("a follower of a status failed", key=binding.key)
