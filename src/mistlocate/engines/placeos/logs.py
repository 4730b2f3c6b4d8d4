"""Logging of a driver process: JSON lines on standard output at each module's level, and debug frames to core.

The form of a line is that of PlaceOS' drivers (`level`, `time`, `source`, `message`, `exception`, and context). Errors
and worse are written unless a module's `persistent_log_level` says otherwise; asking for debug frames changes nothing
about that. What is about the process and no module of it (Redis is away, and is back) is written from warnings on: it
is rare, and there is no setting to ask for it. With `PLACE_LOG_FORMAT` other than `JSON` lines are `key=value`.
"""

import logging
import os
import sys
from collections.abc import Callable, Mapping
from contextlib import suppress
from typing import Any

import structlog
from structlog.typing import EventDict, Processor

from mistlocate import jsontext
from mistlocate.engines.logs import SEVERITY, redact_event, tell_followers

#: The levels that the setting may name, or number.
LEVELS = {"trace": 0, "debug": 1, "info": 2, "notice": 3, "warn": 4, "warning": 4, "error": 5, "fatal": 6, "none": 7}

DEFAULT_LEVEL = LEVELS["error"]

#: From which level entries are written that are about no module.
PROCESS_LEVEL = LEVELS["warn"]

_LABELS = {"debug": "DEBUG", "info": "INFO", "warning": "WARN", "error": "ERROR", "critical": "FATAL"}

_KEY_VALUE = structlog.processors.LogfmtRenderer(bool_as_flag=False)

_levels: dict[str, int] = {}
_everything: list[bool] = []


def read_level(value: object) -> int:
    """The level that `persistent_log_level` means; what means none is the default."""
    if isinstance(value, str):
        return LEVELS.get(value.strip().lower(), DEFAULT_LEVEL)
    if isinstance(value, int) and not isinstance(value, bool) and value in LEVELS.values():
        return value
    return DEFAULT_LEVEL


def set_level(module_id: str, level: int | None) -> None:
    """From which level a module's entries are written; None forgets the module."""
    if level is None:
        _levels.pop(module_id, None)
    else:
        _levels[module_id] = level


def toggle_everything() -> bool:
    """Write every entry of every module, or go back; return which."""
    if _everything:
        _everything.clear()
    else:
        _everything.append(True)
    return bool(_everything)


def write(entry: Mapping[str, Any]) -> None:
    """Write a line whatever the levels are: somebody asked for it."""
    _Lines(sys.stdout).msg(_renderer()(None, "", entry))


class _Lines(structlog.PrintLogger):
    """Lines on standard output. One that cannot be written (a full disk, a reader that has gone) is lost: whatever it
    is about goes on, and above all the loops that tell of trouble and try again."""

    def msg(self, message: str) -> None:
        """Write a line, if that is possible."""
        with suppress(OSError, ValueError):
            super().msg(message)

    debug = info = warning = error = critical = msg


def configure() -> None:
    """Write to standard output from now on."""
    render = _renderer()
    shared: list[Processor] = [
        structlog.processors.TimeStamper(fmt="iso", utc=True),
        structlog.processors.format_exc_info,
        redact_event,
        _line,
    ]
    structlog.configure(
        processors=[structlog.stdlib.add_log_level, tell_followers, _above_level, *shared, render],
        wrapper_class=structlog.make_filtering_bound_logger(logging.DEBUG),
        logger_factory=lambda *_: _Lines(sys.stdout),
        cache_logger_on_first_use=True,
    )
    handler = logging.StreamHandler(sys.stdout)
    handler.setFormatter(
        structlog.stdlib.ProcessorFormatter(
            foreign_pre_chain=[structlog.stdlib.add_log_level, structlog.stdlib.ExtraAdder(), *shared],
            processors=[structlog.stdlib.ProcessorFormatter.remove_processors_meta, render],
        )
    )
    root = logging.getLogger()
    root.handlers[:] = [handler]
    root.setLevel(logging.ERROR)


def _above_level(_logger: Any, name: str, event: EventDict) -> EventDict:
    module = event.get("module")
    level = PROCESS_LEVEL if module is None else _levels.get(str(module), DEFAULT_LEVEL)
    if SEVERITY.get(name, DEFAULT_LEVEL) < level and not _everything:
        raise structlog.DropEvent
    return event


def _line(_logger: Any, name: str, event: EventDict) -> EventDict:
    """The members in the names and the order of PlaceOS' drivers; what else an entry has follows."""
    event.pop("level", None)
    line: EventDict = {
        "level": _LABELS.get(name, name.upper()),
        "time": event.pop("timestamp", None),
        "source": event.pop("module", "mistlocate"),
        "message": event.pop("event", ""),
    }
    return {**line, **event}


def _renderer() -> Callable[[Any, str, Mapping[str, Any]], str]:
    """What makes a line, as the environment wants it."""
    return _json if os.environ.get("PLACE_LOG_FORMAT", "JSON").upper() == "JSON" else _key_value


def _key_value(_logger: Any, _name: str, event: Mapping[str, Any]) -> str:
    line = _KEY_VALUE(None, "", {key.replace(" ", "_"): value for key, value in event.items()})
    return line.replace("\r", "\\r").encode(errors="replace").decode()


def _json(_logger: Any, _name: str, event: Mapping[str, Any]) -> str:
    try:
        return jsontext.dumps(dict(event)).decode()
    except TypeError:
        texts = {key: str(value).encode(errors="replace").decode() for key, value in event.items()}
        return jsontext.dumps(texts).decode()
