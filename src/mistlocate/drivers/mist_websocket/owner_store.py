"""Keeps the owners of MACs over restarts."""

import asyncio
from contextlib import suppress

from mistlocate.clock import Clock
from mistlocate.driver.context import Storage
from mistlocate.errors import StoreError
from mistlocate.location.ownership import Owners

#: The hash of the original drivers (MAC → bare name, bare name → JSON list of MACs) …
USER_MACS = "user_macs"
#: … and the one that keeps what it loses (MAC → JSON object).
IDENTITIES = "identities"

#: What was learned is written at most this much later (seconds).
FLUSH_EVERY = 1.0

#: How often the store is asked whether it still has what was written (seconds): one that was restored, or that failed
#: over, may not.
LOOK_EVERY = 300.0

#: So many devices are written at a time: writing everybody of a large site down holds up everything else.
AT_MOST = 500


class OwnerStore:
    """Loads the owners once and writes what changes. `trouble` says why the store could not be used last."""

    def __init__(self, owners: Owners, storage: Storage, clock: Clock) -> None:
        self.trouble: str | None = None
        self.unreadable = 0
        self._owners = owners
        self._storage = storage
        self._clock = clock
        self._loaded = False
        self._news = asyncio.Event()
        self._news.set()  # what was learned before it was listened to, or what a first attempt could not read
        owners.on_news(self._news.set)
        self._writing = asyncio.Lock()

    async def run(self) -> None:
        """Write changes for ever, and what the store has lost."""
        look_at = self._clock.monotonic() + LOOK_EVERY
        while True:
            with suppress(TimeoutError):
                async with self._clock.timeout(max(0.0, look_at - self._clock.monotonic())):
                    await self._news.wait()
                    await self._clock.sleep(FLUSH_EVERY)
            self._news.clear()
            if self._clock.monotonic() >= look_at:
                look_at = self._clock.monotonic() + LOOK_EVERY
                await self._look()
            await self.flush()
            if self.trouble is not None:
                self._news.set()  # to be tried again

    async def _look(self) -> None:
        """Make due what the store should have and has not."""
        async with self._writing:
            if self._loaded:
                try:
                    self._owners.missing_in(await self._storage.read(USER_MACS))
                except StoreError as error:
                    self.trouble = error.message

    async def flush(self) -> None:
        """Write what changed since the last time; what cannot be written stays due."""
        async with self._writing:
            if not await self._load():
                return
            more = True
            while more:
                more = await self._write_some()

    async def _write_some(self) -> bool:
        """Write some of what changed; return whether that worked and there may be more."""
        user_macs, identities = self._owners.take_changes(AT_MOST)
        try:
            if identities:
                await self._storage.write(IDENTITIES, identities)
            if user_macs:
                await self._storage.write(USER_MACS, user_macs)
        except StoreError as error:
            self._owners.give_back(user_macs)
            self.trouble = error.message
            return False
        except BaseException:
            # Cancelled: what became of it is not known, and writing it twice does no harm.
            self._owners.give_back(user_macs)
            raise
        if self.trouble is not None:
            self._owners.all_due()  # what had been written before may be gone
            self.trouble = None
        return bool(user_macs)

    async def _load(self) -> bool:
        """Read the store, once; until that worked nothing is written, so that nothing is lost."""
        if not self._loaded:
            try:
                user_macs = await self._storage.read(USER_MACS)
                identities = await self._storage.read(IDENTITIES)
            except StoreError as error:
                self.trouble = error.message
                return False
            self.unreadable = self._owners.load(user_macs, identities)
            self._loaded = True
        return True
