"""Files with secrets that others on this machine could read."""

import os
import stat
from collections.abc import Iterator
from pathlib import Path

from mistlocate.engines.embedded.settings import Loaded
from mistlocate.errors import Problem

_OTHERS = stat.S_IRWXG | stat.S_IRWXO


def exposed_files(loaded: Loaded) -> list[Problem]:
    """The files with secrets that more than their owner may read: the settings, if there are any in them, and those
    that they name. Where files have no such rights (Windows), none are found."""
    return [
        Problem(place, f"others on this machine can read {path}", f"chmod 600 {path}")
        for place, path in _files(loaded)
        if _is_open(path)
    ]


def _files(loaded: Loaded) -> Iterator[tuple[str, Path]]:
    if loaded.path is not None and _holds_secrets(loaded, loaded.path):
        yield "", loaded.path
    if loaded.tls is not None:
        yield "tls_key", loaded.tls.key
    for spec in loaded.modules:
        for name in spec.driver.secret_settings():
            if f"{name}_file" in spec.settings:
                yield f"{spec.place}.{name}_file", Path(str(spec.settings[f"{name}_file"]))


def _holds_secrets(loaded: Loaded, path: Path) -> bool:
    """Whether a secret stands in the file itself, and not where it refers to."""
    try:
        text = path.read_text(encoding="utf-8")
    except (OSError, ValueError):
        return False
    secrets = (str(spec.settings.get(name) or "") for spec in loaded.modules for name in spec.driver.secret_settings())
    return any(secret and secret in text for secret in secrets)


def _is_open(path: Path) -> bool:
    if os.name != "posix":
        return False
    try:
        return bool(path.stat().st_mode & _OTHERS)
    except OSError:
        return False
