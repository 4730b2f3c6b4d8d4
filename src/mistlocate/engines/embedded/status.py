"""The statuses of all modules, in memory, and who follows them."""

from collections import Counter
from collections.abc import Callable, Mapping
from typing import Any

import structlog

from mistlocate import jsontext
from mistlocate.driver.context import Unsubscribe
from mistlocate.engines.embedded.outgoing import ending

_log = structlog.get_logger("mistlocate.engine")


class StatusValue:
    """A status at one moment. It is encoded at most once, however many read or follow it."""

    __slots__ = ("_encoded", "_ending", "value")

    def __init__(self, value: Any) -> None:
        self.value = value
        self._encoded: bytes | None = None
        self._ending: bytes | None = None

    @property
    def encoded(self) -> bytes:
        """The value as JSON."""
        if self._encoded is None:
            self._encoded = jsontext.dumps(self.value)
        return self._encoded

    @property
    def ending(self) -> bytes:
        """The frame that ends a JSON object whose last member is the value; it is made at most once."""
        if self._ending is None:
            self._ending = ending(self.encoded + b"}")
        return self._ending


#: What a cleared status reads as.
CLEARED = StatusValue(None)

Follower = Callable[[StatusValue], None]


class StatusBoard:
    """Statuses by module id and key."""

    def __init__(self) -> None:
        self._values: dict[str, dict[str, StatusValue]] = {}
        self._followers: dict[tuple[str, str], list[Follower]] = {}
        self.published: Counter[str] = Counter()
        """How many values were published, by module id."""

    def get(self, module_id: str, key: str) -> StatusValue | None:
        """The present value, or None."""
        return self._values.get(module_id, {}).get(key)

    def all(self, module_id: str) -> Mapping[str, StatusValue]:
        """Every status of a module."""
        return self._values.get(module_id, {})

    def set(self, module_id: str, key: str, value: Any) -> None:
        """Set a status and tell its followers; None clears it, and what is equal is no news."""
        values = self._values.setdefault(module_id, {})
        before = values.get(key)
        if value is None:
            if before is None:
                return
            del values[key]
            news = CLEARED
        else:
            if before is not None and before.value == value:
                return
            news = values[key] = StatusValue(value)
        self.published[module_id] += 1
        for follower in tuple(self._followers.get((module_id, key), ())):
            try:
                follower(news)
            except Exception:
                # Whoever follows is not whoever sets: its trouble stays its own.
                _log.exception("a follower of a status failed", module=module_id)

    def clear(self, module_id: str) -> None:
        """Clear every status of a module."""
        for key in list(self._values.get(module_id, ())):
            self.set(module_id, key, None)

    def follow(self, module_id: str, key: str, follower: Follower) -> Unsubscribe:
        """Call `follower` with the present value, if there is one, and with every later one."""
        followers = self._followers.setdefault((module_id, key), [])
        followers.append(follower)
        present = self.get(module_id, key)
        if present is not None:
            follower(present)

        def unsubscribe() -> None:
            if follower in followers:
                followers.remove(follower)
            if not followers and self._followers.get((module_id, key)) is followers:
                del self._followers[module_id, key]

        return unsubscribe


class ModuleStatus:
    """One module's statuses, as its driver sees them (`driver.context.StatusStore`)."""

    def __init__(self, board: StatusBoard, module_id: str) -> None:
        self._board = board
        self._module_id = module_id

    def set(self, key: str, value: Any) -> None:
        """Publish a value; None clears the status."""
        self._board.set(self._module_id, key, value)

    def get(self, key: str) -> Any:
        """The present value, or None."""
        present = self._board.get(self._module_id, key)
        return None if present is None else present.value

    def keys(self) -> list[str]:
        """The statuses that have a value."""
        return list(self._board.all(self._module_id))
