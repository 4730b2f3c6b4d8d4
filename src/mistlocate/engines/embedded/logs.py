"""Logging: what is written, in which form, and who follows the log of one module.

Everything goes through one redaction, whatever logs it: tokens, keys and signed links do not survive it.
"""

import logging
import re
import sys
from collections.abc import Callable
from typing import Any, Literal

import structlog
from structlog.typing import EventDict, Processor

from mistlocate.driver.context import Unsubscribe

#: Severities as PlaceOS numbers them.
SEVERITY = {"debug": 1, "info": 2, "warning": 4, "error": 5, "critical": 6}

Follower = Callable[[int, str], None]

_followers: dict[str, list[Follower]] = {}

_CREDENTIAL = re.compile(
    r"(token|bearer|api-key|authorization)(['\"]?\s*[:=]?\s*['\"]?)[A-Za-z0-9._~+/-]{12,}=*", re.IGNORECASE
)
_SIGNED = re.compile(r"jwt=[^\s&'\"]+", re.IGNORECASE)


def redact_text(text: str) -> str:
    """A text without what looks like a credential or a signed link."""
    return _SIGNED.sub("jwt=***", _CREDENTIAL.sub(r"\1\2***", text))


def follow_module(module_id: str, follower: Follower) -> Unsubscribe:
    """Call `follower` with severity and text of everything that a module logs, whatever the level that is written."""
    followers = _followers.setdefault(module_id, [])
    followers.append(follower)

    def unsubscribe() -> None:
        if follower in followers:
            followers.remove(follower)

    return unsubscribe


def configure(level: str, form: Literal["text", "json"]) -> None:
    """Write logs of this level and above to standard error."""
    shared: list[Processor] = [
        structlog.stdlib.add_log_level,
        structlog.stdlib.add_logger_name,
        structlog.processors.TimeStamper(fmt="iso", utc=True),
        structlog.processors.format_exc_info,
        _redact,
    ]
    structlog.configure(
        processors=[
            *shared[:1],
            _tell_followers,
            structlog.stdlib.filter_by_level,
            *shared[1:],
            structlog.stdlib.ProcessorFormatter.wrap_for_formatter,
        ],
        wrapper_class=structlog.stdlib.BoundLogger,
        logger_factory=structlog.stdlib.LoggerFactory(),
        cache_logger_on_first_use=True,
    )
    renderer: Processor = (
        structlog.processors.JSONRenderer()
        if form == "json"
        else structlog.dev.ConsoleRenderer(colors=sys.stderr.isatty())
    )
    handler = logging.StreamHandler()
    handler.setFormatter(
        structlog.stdlib.ProcessorFormatter(
            foreign_pre_chain=shared,
            processors=[structlog.stdlib.ProcessorFormatter.remove_processors_meta, renderer],
        )
    )
    root = logging.getLogger()
    root.handlers[:] = [handler]
    root.setLevel(logging.WARNING)
    logging.getLogger("mistlocate").setLevel(level.upper())


def _redact(_logger: Any, _name: str, event: EventDict) -> EventDict:
    return {key: redact_text(value) if isinstance(value, str) else value for key, value in event.items()}


def _tell_followers(_logger: Any, name: str, event: EventDict) -> EventDict:
    followers = _followers.get(str(event.get("module")))
    if followers:
        details = " ".join(
            f"{key}={value}" for key, value in event.items() if key not in ("event", "module", "level", "exc_info")
        )
        text = redact_text(f"{event.get('event')} {details}".strip())
        for follower in tuple(followers):
            follower(SEVERITY.get(name, 2), text)
    return event
