"""Commands that name a person: each leaves a record of who asked for whom, and nobody asks too often.

A record never says where anybody is. Records wait in memory and are written in batches, so that an answer does not
wait for a disk: a process that is killed loses what was recorded within `WRITE_EVERY`. While the store cannot be
written they wait for it; if too many wait, people are not looked up any more until some could be written, for an
answer without a record is worse than none.
"""

import math
from collections import deque
from collections.abc import Callable
from functools import partial
from typing import Annotated, Any, Self

from pydantic import Field

from mistlocate.clock import Clock
from mistlocate.driver.base import DriverSettings
from mistlocate.driver.context import Asker, AuditRecord, AuditStore, Context
from mistlocate.errors import BadArguments, StoreError, TooManySearches
from mistlocate.macs import whole_mac

#: Records are written at most this much later (seconds) …
WRITE_EVERY = 0.5
#: … so many at once …
BATCH = 5_000
#: … and so many may wait.
WAITING_AT_MOST = 50_000

#: Records that are too old are dropped this often (seconds).
FORGET_EVERY = 3600.0

#: A text that somebody asks for may have this length (characters). It is kept whole: of a name that was cut nobody
#: could tell any more whose it is, so it could not be erased.
ABOUT_AT_MOST = 1_000

#: So many of the newest records are looked through for somebody.
EXPORTED_AT_MOST = 1_000_000

#: The time over which searches are counted (seconds).
WINDOW = 60.0

#: How many askers are counted at a time; those who asked longest ago are let go first.
ASKERS_AT_MOST = 10_000

#: Result classes of a record.
FOUND, NOTHING, FAILED, REFUSED, DONE = "found", "nothing", "failed", "refused", "done"

DAY = 86_400.0


class NamedSettings(DriverSettings):
    """The settings of a driver with commands that name people."""

    named_searches: Annotated[int, Field(ge=0, le=1_000_000)] = Field(
        300, description="How often one caller may ask for people by name or MAC, per minute; 0: without limit."
    )
    audit_retention: Annotated[float, Field(gt=0, le=3650)] = Field(
        90.0, description="Days for which it is kept who asked for whom."
    )


class Asked:
    """A question for somebody, as a block; how it ended, `failed` unless it says otherwise, is recorded behind it.

    `record` is called with that; None: it was recorded elsewhere.
    """

    __slots__ = ("_record", "result")

    def __init__(self, record: Callable[[str], None] | None) -> None:
        self.result = FAILED
        self._record = record

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        if self._record is not None:
            self._record(self.result)

    def found(self, anything: object) -> None:
        """There was an answer, or none."""
        self.result = FOUND if anything else NOTHING

    def done(self) -> None:
        """It was carried out."""
        self.result = DONE


class Allowance:
    """How often each asker may ask: at most `limit` times in any `WINDOW` seconds. Pure.

    Kept is when each asked in the last window, so this holds no more than could be answered within one.
    """

    def __init__(self) -> None:
        self._asked: dict[str, deque[float]] = {}

    def wait(self, asker: str, now: float, limit: int) -> float:
        """Take one of an asker's searches; return 0, or how many seconds to wait until there is one (none is taken)."""
        if limit <= 0:
            return 0.0
        self._let_go(now)
        asked = self._asked.get(asker) or deque()
        while asked and asked[0] + WINDOW <= now:
            asked.popleft()
        if len(asked) >= limit:
            return asked[-limit] + WINDOW - now
        asked.append(now)
        self._asked.pop(asker, None)
        self._asked[asker] = asked
        return 0.0

    def _let_go(self, now: float) -> None:
        """Forget those who have not asked within a window, or for longest: they come first."""
        while self._asked:
            first = next(iter(self._asked))
            if len(self._asked) <= ASKERS_AT_MOST and self._asked[first][-1] + WINDOW > now:
                return
            del self._asked[first]


class Trail:
    """Records that wait to be written."""

    def __init__(self, store: AuditStore, clock: Clock) -> None:
        self.trouble: str | None = None
        """Why records could not be written last."""
        self._store = store
        self._clock = clock
        self._waiting: list[AuditRecord] = []
        import asyncio  # noqa: PLC0415 - not needed to describe a driver: see `driver.base`

        self._news = asyncio.Event()
        self._writing = asyncio.Lock()

    def __len__(self) -> int:
        return len(self._waiting)

    def add(self, record: AuditRecord) -> None:
        """Note a record, to be written soon."""
        self._waiting.append(record)
        self._news.set()

    async def run(self, keep_for: Callable[[], float]) -> None:
        """Write for ever, and drop what is older than `keep_for()` seconds."""
        forget_at = self._clock.monotonic()
        while True:
            if self._clock.monotonic() >= forget_at and await self._forget(keep_for()):
                forget_at = self._clock.monotonic() + FORGET_EVERY
            try:
                async with self._clock.timeout(FORGET_EVERY):
                    await self._news.wait()
            except TimeoutError:
                continue
            await self._clock.sleep(WRITE_EVERY)
            await self.flush()

    async def flush(self) -> bool:
        """Write what waits; return whether nothing does any more."""
        async with self._writing:
            while self._waiting:
                batch = self._waiting[:BATCH]
                try:
                    await self._store.append(batch)
                except StoreError as error:
                    self.trouble = error.message
                    return False
                del self._waiting[: len(batch)]
                self.trouble = None
            self._news.clear()
            return True

    async def _forget(self, keep_for: float) -> bool:
        try:
            await self._store.forget(self._clock.wall() - keep_for)
        except StoreError as error:
            self.trouble = error.message
            return False
        return True


class Named:
    """What a driver's commands that name people go through."""

    def __init__(self, context: Context, settings: Callable[[], NamedSettings]) -> None:
        self.trail = Trail(context.audit, context.clock)
        self._context = context
        self._settings = settings
        self._allowance = Allowance()
        self._refused: dict[str, float] = {}
        self._too_many = self._not_recorded = 0

    def diagnostics(self) -> dict[str, Any]:
        """How the audit does, in numbers: records that are not written yet, and searches that were refused and why."""
        refused = {"too_many": self._too_many, "not_recorded": self._not_recorded}
        return {"waiting": len(self.trail), "refused": refused}

    async def run(self) -> None:
        """Write records for ever."""
        await self.trail.run(lambda: self._settings().audit_retention * DAY)

    async def stop(self) -> None:
        """Write what waits; what cannot be written is told by its number."""
        if not await self.trail.flush():
            self._context.log.error(
                "records of who asked for whom are lost", count=len(self.trail), problem=self.trail.trouble
            )

    def ask(self, command: str, about: str, *, counted: bool = True) -> Asked:
        """Somebody asks for somebody; what is asked another module for a caller was recorded there.

        `counted`: it is a search, of which there may be too many; what is done for people never is.

        Raises `BadArguments` for a text that is too long to be kept, `TooManySearches`, and `StoreError` if no record
        can be made.
        """
        if len(about) > ABOUT_AT_MOST:
            raise BadArguments(
                f"nobody is looked up by so long a text: {len(about)} characters, at most {ABOUT_AT_MOST} are allowed; "
                "ask for less at once"
            )
        asker = self._context.asker
        if asker.passed_on:
            return Asked(None)
        if counted:
            self._limit(asker, command, about)
        if len(self.trail) >= WAITING_AT_MOST:
            self._not_recorded += 1
            raise StoreError(
                "it cannot be recorded who asks for whom, so nobody is looked up", hint="see that the store has room"
            )
        return Asked(partial(self._record, asker, command, about))

    async def read(self, since: float, limit: int) -> list[AuditRecord]:
        """The records since a unix time, the newest first. Raises `StoreError`."""
        if not await self.trail.flush():
            raise StoreError(self.trail.trouble or "records cannot be written")
        return await self._context.audit.read(since, limit)

    async def answer(self, since: float | None, limit: int) -> list[dict[str, Any]]:
        """The records as commands answer them: `{at, asker, command, about, result}`. Reading them leaves one, too."""
        if since is None:
            since = self._context.clock.wall() - DAY
        with self.ask("audit", "-", counted=False) as asked:
            found = [each._asdict() for each in await self.read(since, limit)]
            asked.found(found)
            return found

    async def about(self, concerned: Callable[[str], bool]) -> list[dict[str, Any]]:
        """The records about whoever is concerned, as commands answer them. Raises `StoreError`."""
        return [each._asdict() for each in await self.read(0.0, EXPORTED_AT_MOST) if concerned(each.about)]

    async def rename(self, concerned: Callable[[str], bool], about: str) -> int:
        """Take somebody's name out of all records. Raises `StoreError`."""
        if not await self.trail.flush():
            raise StoreError(self.trail.trouble or "records cannot be written")
        return await self._context.audit.rename(concerned, about)

    def _limit(self, asker: Asker, command: str, about: str) -> None:
        limit, now = self._settings().named_searches, self._context.clock.monotonic()
        wait = self._allowance.wait(asker.id, now, limit) if asker.counted else 0.0
        if not wait:
            return
        self._too_many += 1
        # Once a minute: whoever goes on asking must not fill the store with it.
        if now - self._refused.get(asker.id, -math.inf) >= WINDOW:
            self._refused = {who: at for who, at in self._refused.items() if now - at < WINDOW}
            self._refused[asker.id] = now
            self._record(asker, command, about, REFUSED)
        seconds = math.ceil(wait)
        raise TooManySearches(
            f"too many searches for people: {limit} a minute are allowed",
            retry_after=wait,
            hint=f"come again in {seconds} s, or have named_searches raised",
        )

    def _record(self, asker: Asker, command: str, about: str, result: str) -> None:
        # One spelling of a MAC, by which it is found again.
        about = whole_mac(about) or about
        self.trail.add(AuditRecord(self._context.clock.wall(), asker.id, command, about, result))
