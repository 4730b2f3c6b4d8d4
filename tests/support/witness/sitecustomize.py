"""Loaded by every Python that has this folder on its path: every logger says everything, whatever programs set, and
where the process connects to is written down (`WITNESS` names the file)."""

import logging
import os
import sys
from typing import Any


def _everything(self: logging.Logger, _level: Any) -> None:
    self.level = logging.DEBUG
    self.manager._clear_cache()  # type: ignore[attr-defined]


logging.Logger.setLevel = _everything  # type: ignore[method-assign,assignment]
logging.getLogger().setLevel(logging.DEBUG)

_file = os.open(os.environ["WITNESS"], os.O_APPEND | os.O_CREAT | os.O_WRONLY, 0o600)


def _hook(event: str, args: tuple[Any, ...]) -> None:
    if event in ("socket.connect", "socket.sendto"):
        os.write(_file, f"connect {args[1]!r}\n".encode())
    elif event == "socket.getaddrinfo":
        os.write(_file, f"look-up {args[0]!r}\n".encode())


sys.addaudithook(_hook)
