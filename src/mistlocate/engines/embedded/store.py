"""What the engine keeps over restarts, in one SQLite file: the modules' private hashes, settings saved at run time, and
who asked for whom.

The file is readable by its owner only, and what is deleted is overwritten (`secure_delete`). Writes are transactions
in a write-ahead log, so a process that is killed at any moment leaves either all of a write or none of it.
"""

import asyncio
import logging
import sqlite3
from collections import Counter
from collections.abc import Callable, Iterable, Mapping, Sequence
from contextlib import suppress
from pathlib import Path
from typing import Any

import aiosqlite

from mistlocate import jsontext
from mistlocate.driver.context import AuditRecord
from mistlocate.engines.embedded.saved import ALL_ABOUT, ALL_SAVED, Place, Saved, saved_of
from mistlocate.engines.embedded.store_file import VERSION, StoreLock, create_private, identity_of
from mistlocate.errors import StoreError

# At DEBUG the library writes every statement with its values: names, MACs, settings.
logging.getLogger("aiosqlite").addFilter(lambda record: record.levelno >= logging.WARNING)

_SCHEMA = """
CREATE TABLE IF NOT EXISTS hashes (
    module TEXT NOT NULL, name TEXT NOT NULL, field TEXT NOT NULL, value TEXT NOT NULL,
    PRIMARY KEY (module, name, field)
) WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS saved_settings (
    module TEXT NOT NULL, name TEXT NOT NULL, value TEXT NOT NULL,
    PRIMARY KEY (module, name)
) WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS saved_about (
    module TEXT NOT NULL, name TEXT NOT NULL, place TEXT NOT NULL,
    PRIMARY KEY (module, name, place)
) WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS audit (
    at REAL NOT NULL, module TEXT NOT NULL, asker TEXT NOT NULL, command TEXT NOT NULL, about TEXT NOT NULL,
    result TEXT NOT NULL
);
CREATE INDEX IF NOT EXISTS audit_by_time ON audit (module, at);
"""

_SAVE = "INSERT OR REPLACE INTO saved_settings VALUES (?, ?, ?)"
_ABOUT = "INSERT OR IGNORE INTO saved_about VALUES (?, ?, ?)"

#: How long a file that somebody else has locked is waited for; less than a module has for its last write.
BUSY_MS = 2000

#: How long one that somebody reads is waited for, to empty the write-ahead log (milliseconds).
WIPE_MS = 200


class Store:
    """The engine's file. Open it before use; every method raises `StoreError`."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self.failures: Counter[str] = Counter()
        """Reads (`read`) and writes (`write`) that failed."""
        self._connection: aiosqlite.Connection | None = None
        self._file: tuple[int, int] | None = None
        """Which file is open (device and inode); None before `open` and after `close`."""
        self._saved: dict[tuple[str, str], str] = {}
        """The saved settings that are in force, by module and name: they outlive the file, for objections are among
        them. And what these are about."""
        self._about: set[Place] = set()
        self._lock = StoreLock(path)
        self._turn = asyncio.Lock()
        self._transactions: set[asyncio.Task[None]] = set()

    async def open(self) -> None:
        """Open the file, or make it, for this engine alone."""
        await asyncio.to_thread(self._lock.take)
        try:
            await self._connect()
        except StoreError:
            await self.close()
            raise

    async def _connect(self) -> None:
        try:
            await asyncio.to_thread(create_private, self.path)
            self._connection = connection = await aiosqlite.connect(self.path, isolation_level=None)
            await connection.execute("PRAGMA journal_mode = WAL")
            await connection.execute("PRAGMA synchronous = FULL")
            await connection.execute(f"PRAGMA busy_timeout = {BUSY_MS}")
            await connection.execute("PRAGMA secure_delete = ON")
            version = int(next(iter(await connection.execute_fetchall("PRAGMA user_version")))[0])
            if version > VERSION:
                raise StoreError(
                    f"{self.path} was written by a newer mistlocate", hint="update mistlocate, or name another store"
                )
            await connection.executescript(_SCHEMA)
            if 0 < version < VERSION:
                await connection.execute("VACUUM")  # what was deleted before may still be readable in it
            await connection.execute(f"PRAGMA user_version = {VERSION}")
            self._file = await asyncio.to_thread(identity_of, self.path)
        except (sqlite3.Error, OSError) as error:
            await self._disconnect()
            raise StoreError(
                f"the store {self.path} cannot be opened: {error}", hint="check `store` and the rights on its folder"
            ) from None
        except StoreError:
            await self._disconnect()
            raise

    async def close(self) -> None:
        """Finish what is being written, and close the file."""
        async with self._turn:
            self._file = None
            await self._disconnect()
        self._lock.give_back()

    async def _disconnect(self) -> None:
        connection, self._connection = self._connection, None
        if connection is not None:
            with suppress(sqlite3.Error):
                await connection.close()

    async def _same_file(self) -> None:
        """Make sure that what is written goes where it is looked for: a file that was deleted or replaced takes
        everything with it. A new one is begun then, and `StoreError` says that it does not have what the other had."""
        if self._file is None:
            return  # not open
        if self._connection is not None and await asyncio.to_thread(identity_of, self.path) == self._file:
            return
        lost = self._connection is not None
        await self._disconnect()
        await self._connect()
        if lost:
            rows: list[tuple[str, ...]] = [(*key, value) for key, value in self._saved.items()]
            await self._execute((_SAVE, rows), (_ABOUT, list(self._about)))
            raise StoreError(f"the store {self.path} was deleted or replaced; a new one was begun")

    async def read_hash(self, module: str, name: str) -> dict[str, str]:
        """All fields of a hash."""
        rows = await self._rows("SELECT field, value FROM hashes WHERE module = ? AND name = ?", (module, name))
        return {str(field): str(value) for field, value in rows}

    async def write_hash(self, module: str, name: str, changes: Mapping[str, str | None]) -> None:
        """Set fields, or delete those given as None: all of them or none."""
        key = [(module, name, field) for field, value in changes.items() if value is None]
        set_ = [(module, name, field, value) for field, value in changes.items() if value is not None]
        await self._write(
            ("DELETE FROM hashes WHERE module = ? AND name = ? AND field = ?", key),
            ("INSERT OR REPLACE INTO hashes VALUES (?, ?, ?, ?)", set_),
        )

    async def saved_settings(self, module: str) -> dict[str, Any]:
        """The settings of a module that were saved at run time."""
        rows = await self._rows("SELECT name, value FROM saved_settings WHERE module = ?", (module,))
        self._saved |= {(module, str(name)): str(value) for name, value in rows}
        return {str(name): self._decoded(module, str(name), str(value)) for name, value in rows}

    def _decoded(self, module: str, name: str, text: str) -> Any:
        try:
            return jsontext.loads(text)
        except ValueError:
            raise StoreError(
                f"the setting {name} that was saved for {module} in {self.path} is damaged and cannot be read",
                hint=f"restore a backup of the store; or give it up for good: mistlocate saved --drop {module} {name}",
            ) from None

    async def save_settings(
        self, module: str, changes: Mapping[str, Any], removed: tuple[str, ...] = (), about: Iterable[Place] = ()
    ) -> None:
        """Save settings of a module, and drop others; noted besides is what saved settings are `about`."""
        values = [(module, name, jsontext.dumps(value).decode()) for name, value in changes.items()]
        places, gone = list(about), [(module, name) for name in removed]
        await self._write(
            (_SAVE, values),
            (_ABOUT, places),
            ("DELETE FROM saved_settings WHERE module = ? AND name = ?", gone),
            ("DELETE FROM saved_about WHERE module = ? AND name = ?", gone),
        )
        self._saved |= {(module, name): value for _, name, value in values}
        self._about |= set(places)
        for key in gone:
            self._saved.pop(key, None)
        self._about = {each for each in self._about if each[:2] not in gone}

    async def everything_saved(self) -> list[Saved]:
        """All settings that were saved, of whatever module."""
        settings, places = await self._rows(ALL_SAVED, ()), await self._rows(ALL_ABOUT, ())
        self._about |= {(str(module), str(name), str(place)) for module, name, place in places}
        return saved_of(settings, places)

    async def wipe(self) -> None:
        """Empty the write-ahead log, in which what was deleted since is still readable."""
        async with self._turn:
            connection = self._open()
            try:
                await connection.execute(f"PRAGMA busy_timeout = {WIPE_MS}")
                (busy, *_), *_ = await connection.execute_fetchall("PRAGMA wal_checkpoint(TRUNCATE)")
                await connection.execute(f"PRAGMA busy_timeout = {BUSY_MS}")
            except (sqlite3.Error, ValueError) as error:
                raise StoreError(f"the store cannot be written: {error}") from None
        if busy:
            raise StoreError("the store is being read by another program", hint="end that, and erase again")

    # -- audit ------------------------------------------------------------------------------------

    async def append_audit(self, module: str, records: Sequence[AuditRecord]) -> None:
        """Keep audit records."""
        rows = [(each.at, module, *each[1:]) for each in records]
        await self._write(("INSERT INTO audit VALUES (?, ?, ?, ?, ?, ?)", rows))

    async def read_audit(self, module: str, since: float, limit: int) -> list[AuditRecord]:
        """Audit records, the newest first."""
        what = "SELECT at, asker, command, about, result FROM audit WHERE module = ? AND at >= ?"
        rows = await self._rows(f"{what} ORDER BY at DESC, rowid DESC LIMIT ?", (module, since, limit))
        return [AuditRecord(*row) for row in rows]

    async def rename_audit(self, module: str, concerned: Callable[[str], bool], about: str) -> int:
        """Say `about` in the records that are concerned."""
        rows = await self._rows("SELECT rowid, about FROM audit WHERE module = ?", (module,))
        changes = [(about, rowid) for rowid, text in rows if concerned(str(text))]
        await self._write(("UPDATE audit SET about = ? WHERE rowid = ?", changes))
        return len(changes)

    async def forget_audit(self, module: str, before: float) -> None:
        """Drop audit records."""
        await self._write(("DELETE FROM audit WHERE module = ? AND at < ?", [(module, before)]))

    def size(self) -> int | None:
        """How large the file and its write-ahead log are (bytes), None if that cannot be told."""
        try:
            log = Path(f"{self.path}-wal")
            return self.path.stat().st_size + (log.stat().st_size if log.exists() else 0)
        except OSError:
            return None

    # -- SQLite -----------------------------------------------------------------------------------

    async def _write(self, *statements: tuple[str, list[Any]]) -> None:
        """Carry out a transaction; one that was begun is finished even if whoever asked for it is cancelled."""
        task = asyncio.create_task(self._transact(statements))
        self._transactions.add(task)
        task.add_done_callback(self._finished)
        await asyncio.shield(task)

    def _finished(self, task: "asyncio.Task[None]") -> None:
        self._transactions.discard(task)
        if not task.cancelled():
            task.exception()  # told to whoever waits; where nobody does any more it is not worth a warning

    async def _transact(self, statements: tuple[tuple[str, list[Any]], ...]) -> None:
        async with self._turn:
            await self._same_file()
            await self._execute(*statements)

    async def _execute(self, *statements: tuple[str, list[Any]]) -> None:
        connection = self._open()
        try:
            await connection.execute("BEGIN IMMEDIATE")
            for statement, rows in statements:
                await connection.executemany(statement, rows)
            await connection.execute("COMMIT")
        except (sqlite3.Error, ValueError) as error:
            self.failures["write"] += 1
            await self._roll_back(connection)
            raise StoreError(f"the store cannot be written: {error}") from None
        except BaseException:
            await self._roll_back(connection)
            raise

    @staticmethod
    async def _roll_back(connection: aiosqlite.Connection) -> None:
        with suppress(sqlite3.Error, ValueError):  # there may be no transaction to roll back
            await connection.execute("ROLLBACK")

    async def _rows(self, statement: str, values: tuple[Any, ...]) -> list[Any]:
        async with self._turn:
            await self._same_file()
            connection = self._open()
            try:
                return list(await connection.execute_fetchall(statement, values))
            except (sqlite3.Error, ValueError) as error:
                self.failures["read"] += 1
                raise StoreError(f"the store cannot be read: {error}") from None

    def _open(self) -> aiosqlite.Connection:
        if self._connection is None:
            raise StoreError("the store is closed")
        return self._connection


class ModuleStorage:
    """One module's private hashes (`driver.context.Storage`)."""

    def __init__(self, store: Store, module_id: str) -> None:
        self._store = store
        self._module_id = module_id

    async def read(self, name: str) -> dict[str, str]:
        """All fields of a hash."""
        return await self._store.read_hash(self._module_id, name)

    async def write(self, name: str, changes: Mapping[str, str | None]) -> None:
        """Set fields, or delete those given as None."""
        await self._store.write_hash(self._module_id, name, changes)

    async def wipe(self) -> None:
        """Leave nothing readable of what was deleted."""
        await self._store.wipe()


class ModuleAudit:
    """One module's audit records (`driver.context.AuditStore`)."""

    def __init__(self, store: Store, module_id: str) -> None:
        self._store = store
        self._module_id = module_id

    async def append(self, records: Sequence[AuditRecord]) -> None:
        """Keep records."""
        await self._store.append_audit(self._module_id, records)

    async def read(self, since: float, limit: int) -> list[AuditRecord]:
        """The records since a unix time, the newest first."""
        return await self._store.read_audit(self._module_id, since, limit)

    async def rename(self, concerned: Callable[[str], bool], about: str) -> int:
        """Say `about` in the records that are concerned."""
        return await self._store.rename_audit(self._module_id, concerned, about)

    async def forget(self, before: float) -> None:
        """Drop older records."""
        await self._store.forget_audit(self._module_id, before)
