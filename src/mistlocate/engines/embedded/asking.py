"""Who asked for the command that is being run, wherever in this process that is looked at."""

from collections.abc import Callable
from contextvars import ContextVar

from mistlocate.driver.context import Asker

#: What nobody asked for from outside.
ENGINE = Asker("engine", counted=False)

_asker: ContextVar[Asker] = ContextVar("asker", default=ENGINE)


#: Who asked for what is being done.
present_asker: Callable[[], Asker] = _asker.get


class asking:  # noqa: N801 - used as a function; a generator would take longer than what it does
    """What is done in this block was asked for by somebody."""

    __slots__ = ("_asker", "_token")

    def __init__(self, asker: Asker) -> None:
        self._asker = asker

    def __enter__(self) -> None:
        self._token = _asker.set(self._asker)

    def __exit__(self, *_: object) -> None:
        _asker.reset(self._token)
