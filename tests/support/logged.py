"""What engines log as errors, whatever the log shows."""

import logging
from collections.abc import Iterator
from contextlib import contextmanager

import structlog
from structlog.typing import EventDict


@contextmanager
def errors_logged() -> Iterator[list[EventDict]]:
    """Every entry of the log at error or above within the block, of engines that are started in it."""
    entries: list[EventDict] = []

    def take(logger: object, level: str, entry: EventDict) -> EventDict:
        entries.append({**entry, "level": level})
        raise structlog.DropEvent

    before = structlog.get_config()
    structlog.configure(processors=[take], wrapper_class=structlog.make_filtering_bound_logger(logging.ERROR))
    try:
        yield entries
    finally:
        structlog.configure(**before)
