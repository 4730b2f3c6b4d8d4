"""What every engine does with log entries: redaction, and following the log of one module.

Everything goes through one redaction, whatever logs it: tokens, keys and signed links do not survive it.
"""

import re
from collections.abc import Callable
from typing import Any

from structlog.processors import format_exc_info
from structlog.typing import EventDict

from mistlocate.driver.context import Unsubscribe
from mistlocate.plaintext import visible

#: Severities as PlaceOS numbers them.
SEVERITY = {"debug": 1, "info": 2, "warning": 4, "error": 5, "critical": 6}

#: Called with severity and text.
Follower = Callable[[int, str], None]

_followers: dict[str, list[Follower]] = {}

_CREDENTIAL = re.compile(
    r"(token|bearer|api[-_]key|authorization|cookie)(['\"]?\s{0,8}(?:[:=]\s{0,8})?['\"]?)[A-Za-z0-9._~+/-]{12,}=*",
    re.IGNORECASE,
)
_OWN_KEY = re.compile(r"ml_[A-Za-z0-9_-]{20,}")
_IN_ADDRESS = re.compile(r"://[^/@\s'\"]{1,256}@")
_SIGNED = re.compile(r"jwt=[^\s&'\"]+", re.IGNORECASE)


def redact_text(text: str) -> str:
    """A text without what looks like a credential or a signed link."""
    text = _IN_ADDRESS.sub("://***@", _OWN_KEY.sub("ml_***", text))
    return _SIGNED.sub("jwt=***", _CREDENTIAL.sub(r"\1\2***", text))


def redact_event(_logger: Any, _name: str, event: EventDict) -> EventDict:
    """The same for every text of an entry (a processor of structlog)."""
    return {key: redact_text(value) if isinstance(value, str) else value for key, value in event.items()}


def plain_event(_logger: Any, _name: str, event: EventDict) -> EventDict:
    """Every text of an entry on one line and without effect on a terminal, but for where an exception came from (a
    processor of structlog): whoever can choose a name writes no lines of the log."""
    return {
        key: visible(value, lines=key == "exception") if isinstance(value, str) else value
        for key, value in event.items()
    }


def follow_module(module_id: str, follower: Follower) -> Unsubscribe:
    """Call `follower` with severity and text of everything that a module logs, whatever the level that is written."""
    followers = _followers.setdefault(module_id, [])
    followers.append(follower)

    def unsubscribe() -> None:
        if follower in followers:
            followers.remove(follower)
        if not followers and _followers.get(module_id) is followers:
            del _followers[module_id]

    return unsubscribe


def tell_followers(_logger: Any, name: str, event: EventDict) -> EventDict:
    """Tell whoever follows the module of an entry (a processor of structlog)."""
    followers = _followers.get(str(event.get("module")))
    if followers:
        details = " ".join(
            f"{key}={value}" for key, value in event.items() if key not in ("event", "module", "level", "exc_info")
        )
        text = f"{event.get('event')} {details}".strip()
        if event.get("exc_info"):
            text += f"\n{format_exc_info(None, name, {'exc_info': event['exc_info']}).get('exception', '')}"
        text = redact_text(text)
        for follower in tuple(followers):
            follower(SEVERITY.get(name, 2), text)
    return event
