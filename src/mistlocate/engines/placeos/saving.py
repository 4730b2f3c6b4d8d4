"""Settings that a module saves: core is told, and has said that it did when it sends them back.

A `setting` message is never answered. Core merges the value into the module's settings, and its change feed sends an
`update` with all of them: only this tells a value that is kept from one that was lost on the way, or that a database
would not take. A value that core is known to have is not sent again, for nothing would follow.
"""

import asyncio
from collections.abc import Awaitable, Callable, Iterator, Mapping
from contextlib import contextmanager
from typing import Any

from mistlocate import jsontext
from mistlocate.clock import Clock
from mistlocate.engines.placeos.messages import Message, encode
from mistlocate.errors import StoreError

#: How long core may take to send a saved setting back (seconds). It does so within one, unless its database is away.
SAVED_WITHIN = 5.0


class Saving:
    """The settings that core has of each module, and whoever waits for it to have another."""

    def __init__(self, send: Callable[[bytes], Awaitable[None]], clock: Clock) -> None:
        self._send = send
        self._clock = clock
        self._settings: dict[str, Mapping[str, Any]] = {}
        self._news: dict[str, set[asyncio.Event]] = {}

    def told(self, module_id: str, settings: Mapping[str, Any]) -> None:
        """Core sent the settings of a module."""
        self._settings[module_id] = settings
        for event in self._news.get(module_id, ()):
            event.set()

    def forget(self, module_id: str) -> None:
        """The module is gone."""
        self._settings.pop(module_id, None)

    async def save(self, module_id: str, name: str, value: Any) -> None:
        """Have core keep a setting. Raises `StoreError` if it does not say in time that it does."""
        text = jsontext.dumps([name, value])
        _, wanted = jsontext.loads(text)
        if self._has(module_id, name, wanted):
            return
        with self._listening(module_id) as news:
            try:
                async with self._clock.timeout(SAVED_WITHIN):
                    await self._send(encode(Message(module_id, "setting", payload=text.decode())))
                    while not self._has(module_id, name, wanted):
                        await news.wait()
                        news.clear()
            except TimeoutError:
                raise StoreError(
                    f"PlaceOS core has not said within {SAVED_WITHIN:.0f} s that it saved the setting {name}",
                    hint="see whether core and its database are well",
                ) from None

    def _has(self, module_id: str, name: str, value: Any) -> bool:
        known = self._settings.get(module_id, {})
        return name in known and bool(known[name] == value)

    @contextmanager
    def _listening(self, module_id: str) -> Iterator[asyncio.Event]:
        news = asyncio.Event()
        self._news.setdefault(module_id, set()).add(news)
        try:
            yield news
        finally:
            self._news[module_id].discard(news)
            if not self._news[module_id]:
                del self._news[module_id]
