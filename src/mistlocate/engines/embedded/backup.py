"""Backup and restore of the store, without the engine: the file alone, by SQLite's own means.

A backup is one file, whole and consistent, taken while the engine runs or not. A restore is all or nothing, and only
of a store that nobody has open: an engine would go on writing to the file that was replaced.
"""

import errno
import os
import sqlite3
from collections.abc import Iterator
from contextlib import closing, contextmanager, suppress
from pathlib import Path
from urllib.parse import quote

from mistlocate.engines.embedded.saved import alone_with
from mistlocate.engines.embedded.store_file import VERSION, StoreLock
from mistlocate.errors import StoreError

#: A table that every store has had from its first version on.
_TABLE = "hashes"

_WHICH = "check `store` in the settings, and whether the engine is given another one by MISTLOCATE_STORE"

_STOP = "stop the engine, restore, and start it again"


def back_up(store: Path, target: Path) -> int:
    """Copy the store to a new file that only its owner can read; return its size in bytes. Raises `StoreError`."""
    with _told("the store cannot be backed up"):
        if not store.is_file():
            raise StoreError(f"there is no store at {store}", hint=_WHICH)
        _create(target)
        try:
            _copy(store, target)
            _check(target)
        except BaseException:
            target.unlink(missing_ok=True)
            raise
        return target.stat().st_size


def restore(source: Path, store: Path, *, replace: bool = False) -> None:
    """Make a backup the store; one that is there is replaced only if that is said. Raises `StoreError`."""
    with _told("the backup cannot be restored"):
        if not source.is_file():
            raise StoreError(f"there is no backup at {source}")
        _check(source)
        if store.exists() and not replace:
            raise StoreError(f"{store} exists", hint="back it up, and then say --replace")
        store.parent.mkdir(parents=True, exist_ok=True)
        new = store.with_name(f"{store.name}.restoring")
        new.unlink(missing_ok=True)
        _create(new)
        try:
            _copy(source, new)
            _give(new, like=store if store.exists() else store.parent)
            with _alone(store):
                new.replace(store)
        finally:
            new.unlink(missing_ok=True)
        _sync(store.parent)


@contextmanager
def _told(what: str) -> Iterator[None]:
    try:
        yield
    except FileExistsError as error:
        raise StoreError(f"{what}: {error.filename} exists", hint="name a new file") from None
    except (sqlite3.Error, OSError) as error:
        full = "disk is full" in str(error) or getattr(error, "errno", None) == errno.ENOSPC
        hint = "make room, or name a file elsewhere" if full else "check the rights on the files and their folders"
        raise StoreError(f"{what}: {error}", hint=hint) from None


@contextmanager
def _alone(store: Path) -> Iterator[None]:
    """Nobody else has the store open for the length of the block, and nothing but its one file is left of it.

    Raises `StoreError`.
    """
    if store.exists():
        with closing(sqlite3.connect(store, isolation_level=None)) as connection:
            try:
                alone: bool | None = alone_with(connection)
            except sqlite3.OperationalError:
                raise
            except sqlite3.DatabaseError:
                alone = None  # it is broken: that may be why it is to be replaced
            if alone is False:
                raise StoreError(f"{store} is in use", hint=_STOP)
            if alone:
                yield
                return
    with _locked(store):
        # SQLite would take what a killed process left for the log of any file that comes to this name, and write it
        # over that.
        for suffix in ("-wal", "-shm", "-journal"):
            store.with_name(f"{store.name}{suffix}").unlink(missing_ok=True)
        yield


@contextmanager
def _locked(store: Path) -> Iterator[None]:
    """No engine has this store, though its file is gone or broken. Raises `StoreError`."""
    if not store.with_name(f"{store.name}.lock").exists():  # so no engine had it; a lock of ours might not be theirs
        yield
        return
    lock = StoreLock(store)
    try:
        lock.take()
    except StoreError as error:
        raise StoreError(error.message, hint=_STOP) from None
    try:
        yield
    finally:
        lock.give_back()


def _give(file: Path, *, like: Path) -> None:
    """To whom this belongs. Root restores for an engine that runs as somebody else, and could not open root's file."""
    if hasattr(os, "geteuid") and os.geteuid() == 0:
        owner = like.stat()
        os.chown(file, owner.st_uid, owner.st_gid)


def _copy(source: Path, target: Path) -> None:
    """Everything of one database, as of one moment, to another that is one file afterwards."""
    with (
        closing(sqlite3.connect(f"file:{quote(str(source.absolute()))}?mode=ro", uri=True)) as old,
        closing(sqlite3.connect(target, isolation_level=None)) as new,
    ):
        old.execute("PRAGMA busy_timeout = 5000")
        old.backup(new)
        new.execute("PRAGMA journal_mode = DELETE")
    with target.open("rb") as file:
        os.fsync(file.fileno())


def _check(path: Path) -> None:
    """Raises `StoreError` unless this is a whole store of a version that this program knows."""
    try:
        with closing(sqlite3.connect(f"file:{quote(str(path.absolute()))}?mode=ro", uri=True)) as connection:
            (sound,) = connection.execute("PRAGMA integrity_check(1)").fetchone()
            (version,) = connection.execute("PRAGMA user_version").fetchone()
            tables = {name for (name,) in connection.execute("SELECT name FROM sqlite_master WHERE type = 'table'")}
    except sqlite3.DatabaseError as error:
        raise StoreError(f"{path} is no store: {error}") from None
    if sound != "ok" or _TABLE not in tables or version < 1:
        raise StoreError(f"{path} is no store" + ("" if sound == "ok" else ": it is damaged"))
    if version > VERSION:
        raise StoreError(f"{path} was written by a newer mistlocate", hint="update mistlocate first")


def _create(path: Path) -> None:
    """A new file, private from its first moment. Raises `FileExistsError`."""
    os.close(os.open(path, os.O_CREAT | os.O_EXCL | os.O_RDWR, 0o600))


def _sync(folder: Path) -> None:
    with suppress(OSError):  # not every system can
        handle = os.open(folder, os.O_RDONLY)
        try:
            os.fsync(handle)
        finally:
            os.close(handle)
