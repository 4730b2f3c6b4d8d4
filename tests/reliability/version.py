"""Which version a figure is of: the content of all that has a say in it, and the commit where there is one."""

import hashlib
import os
import platform
import subprocess
from functools import cache
from pathlib import Path

TREE = Path(__file__).parents[2]

#: What a row is made of.
PARTS = ("src/mistlocate", "tests/reliability", "tests/support", "tests/fuzz", "tests/location/roster_machine.py")


def content(tree: Path = TREE, parts: tuple[str, ...] = PARTS) -> str:
    """A short hash of the names and bytes of these files and folders; caches are no part of it."""
    digest = hashlib.sha256()
    for part in parts:
        path = tree / part
        files = [path] if path.is_file() else sorted(each for each in path.rglob("*") if each.is_file())
        for file in files:
            if "__pycache__" not in file.parts:
                name, data = str(file.relative_to(tree)).encode(), file.read_bytes()
                digest.update(b"%d %s %d " % (len(name), name, len(data)) + data)
    return digest.hexdigest()[:16]


@cache
def version() -> str:
    """That of this tree, as it was when this program first asked."""
    return content()


@cache
def commit() -> str | None:
    """The short id of the commit that is checked out, with a `+` if files differ from it; None without git."""
    try:
        told = [
            subprocess.run(("git", *words), cwd=TREE, capture_output=True, text=True, check=True, timeout=30).stdout
            for words in (("rev-parse", "--short=10", "HEAD"), ("status", "--porcelain", "--", *PARTS))
        ]
    except (OSError, subprocess.SubprocessError):
        return None
    return told[0].strip() + ("+" if told[1].strip() else "")


def machine() -> str:
    """What it was measured on."""
    return f"{os.cpu_count()} processors, {platform.system()} {platform.machine()}, Python {platform.python_version()}"
