"""Who asked for the command that is being run, wherever in this process that is looked at."""

from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar

from mistlocate.driver.context import Asker

#: What nobody asked for from outside.
ENGINE = Asker("engine", counted=False)

_asker: ContextVar[Asker] = ContextVar("asker", default=ENGINE)


def present_asker() -> Asker:
    """Who asked for what is being done."""
    return _asker.get()


@contextmanager
def asking(asker: Asker) -> Iterator[None]:
    """What is done in this block was asked for by somebody."""
    token = _asker.set(asker)
    try:
        yield
    finally:
        _asker.reset(token)
