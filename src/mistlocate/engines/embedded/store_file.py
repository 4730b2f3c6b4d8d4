"""The file of a store: private, told from another one at the same place, and one engine's at a time."""

import os
from contextlib import suppress
from pathlib import Path

from filelock import FileLock, Timeout

from mistlocate.errors import StoreError

#: Raised with every change of the tables; a file of a later version is not touched.
VERSION = 3


class StoreLock:
    """The right to a store, for as long as the process holds it: it goes with the process, however that ends.

    Two engines would each write what the other does not know, and objections would be lost. A file beside the store
    carries it. Copies and readers need no right.
    """

    def __init__(self, store: Path) -> None:
        self._store = store
        beside = store.with_name(f"{store.name}.lock")
        # Where the file system knows no such right: a file that merely lies there would outlive the process.
        self._lock = FileLock(beside, timeout=0, mode=0o600, thread_local=False, fallback_to_soft=False)

    def take(self) -> None:
        """Raises `StoreError` if another engine has it, or it cannot be had."""
        try:
            self._store.parent.mkdir(parents=True, exist_ok=True)
            with suppress(NotImplementedError):
                self._lock.acquire()
        except Timeout:
            raise StoreError(
                f"another engine has the store {self._store} open", hint="end that one, or name another `store`"
            ) from None
        except OSError as error:
            raise StoreError(
                f"the store {self._store} cannot be opened: {error}", hint="check `store` and the rights on its folder"
            ) from None

    def give_back(self) -> None:
        """Let another engine have it; nothing happens where it is not held."""
        self._lock.release()


def create_private(path: Path) -> None:
    """The file is private from its first moment; SQLite gives its log and index files the same rights."""
    path.parent.mkdir(parents=True, exist_ok=True)
    os.close(os.open(path, os.O_CREAT | os.O_RDWR, 0o600))
    path.chmod(0o600)


def identity_of(path: Path) -> tuple[int, int] | None:
    """Which file is at this path (device and inode), or None."""
    try:
        found = path.stat()
    except OSError:
        return None
    return found.st_dev, found.st_ino
