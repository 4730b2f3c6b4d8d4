"""One engine to a store: two would each write what the other does not know, and objections would be lost."""

from contextlib import suppress
from pathlib import Path

from filelock import FileLock, Timeout

from mistlocate.errors import StoreError


class StoreLock:
    """The right to a store, for as long as the process holds it: it goes with the process, however that ends.

    A file beside the store carries it. Copies and readers need no right.
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
