"""Who asked for whom, where the engine has no store of its own for it: a bounded hash of the module in Redis.

PlaceOS keeps no audit trail for its drivers. Redis may be lost, so each record is also a line of the log, without the
name that was asked for: names do not belong there.
"""

import asyncio
from collections.abc import Callable, Mapping, Sequence
from typing import TYPE_CHECKING

from mistlocate import jsontext
from mistlocate.driver.context import AuditRecord, Storage

if TYPE_CHECKING:
    from structlog.typing import FilteringBoundLogger

#: The hash: fields in the order of time, each a record as JSON list.
AUDIT = "audit"

#: So many records are kept of a module; the oldest go first.
RECORDS_AT_MOST = 20_000


class HashAudit:
    """One module's audit records in its private storage (`driver.context.AuditStore`)."""

    def __init__(self, storage: Storage, log: "FilteringBoundLogger") -> None:
        self._storage = storage
        self._log = log
        self._fields: list[str] | None = None
        self._number = 0
        # One change at a time: each writes what follows from what it has read.
        self._turn = asyncio.Lock()

    async def append(self, records: Sequence[AuditRecord]) -> None:
        """Keep records, and drop the oldest if these are too many."""
        async with self._turn:
            fields = await self._known_fields()
            changes: dict[str, str | None] = {}
            for record in records:
                self._number += 1
                changes[f"{record.at:017.6f}-{self._number:06d}"] = jsontext.dumps(list(record)).decode()
            added = list(changes)
            over = max(0, len(fields) + len(added) - RECORDS_AT_MOST)
            changes.update(dict.fromkeys(fields[:over]))
            await self._write(changes, sorted([*fields[over:], *added]))
        for record in records:
            self._log.info("somebody was asked for", asker=record.asker, command=record.command, result=record.result)

    async def read(self, since: float, limit: int) -> list[AuditRecord]:
        """The records since a unix time, the newest first."""
        found: list[AuditRecord] = []
        for _, text in sorted((await self._storage.read(AUDIT)).items(), reverse=True):
            record = _record(text)
            if record is not None and record.at >= since and len(found) < limit:
                found.append(record)
        return found

    async def rename(self, concerned: Callable[[str], bool], about: str) -> int:
        """Say `about` in the records that are concerned."""
        async with self._turn:
            changes: dict[str, str | None] = {}
            for field, text in (await self._storage.read(AUDIT)).items():
                record = _record(text)
                if record is not None and concerned(record.about):
                    changes[field] = jsontext.dumps(list(record._replace(about=about))).decode()
            await self._storage.write(AUDIT, changes)
            return len(changes)

    async def forget(self, before: float) -> None:
        """Drop older records."""
        async with self._turn:
            fields = await self._known_fields()
            limit = f"{before:017.6f}"
            gone = dict.fromkeys(each for each in fields if each < limit)
            await self._write(gone, [each for each in fields if each >= limit])

    async def _write(self, changes: Mapping[str, str | None], fields: list[str]) -> None:
        """Write, after which there are these fields."""
        self._fields = None  # who is told of no answer does not know whether it is written
        await self._storage.write(AUDIT, changes)
        self._fields = fields

    async def _known_fields(self) -> list[str]:
        if self._fields is None:
            self._fields = sorted(await self._storage.read(AUDIT))
        return self._fields


def _record(text: str) -> AuditRecord | None:
    """A record as it was kept, or None if somebody else wrote it."""
    try:
        at, asker, command, about, result = jsontext.loads(text)
        return AuditRecord(float(at), str(asker), str(command), str(about), str(result))
    except (TypeError, ValueError):
        return None
