"""What a machine says of itself and of processes: processor time, memory, load. Linux only (`/proc`)."""

import os
import platform
import re
from contextlib import suppress
from pathlib import Path

_PROC = Path("/proc")


def supported() -> bool:
    """Whether this machine tells what is asked here."""
    return (_PROC / "self" / "schedstat").exists()


def cpu_seconds(pid: int) -> float:
    """Processor time of a running process, all of its threads."""
    total = 0
    for task in (_PROC / str(pid) / "task").iterdir():
        with suppress(FileNotFoundError):  # a thread that has just ended
            total += int((task / "schedstat").read_text(encoding="ascii").split()[0])
    return total / 1e9


def memory_mb(pid: int) -> float:
    """Resident memory of a running process, in megabytes (10^6 bytes)."""
    text = (_PROC / str(pid) / "status").read_text(encoding="ascii", errors="replace")
    found = re.search(r"VmRSS:\s+(\d+) kB", text)
    return int(found.group(1)) * 1024 / 1e6 if found else 0.0


def load() -> str:
    """The load of the machine over 1, 5 and 15 minutes."""
    return "{:.1f} {:.1f} {:.1f}".format(*os.getloadavg())


def describe() -> str:
    """The machine in a line."""
    model = re.search(r"model name\s*:\s*(.+)", (_PROC / "cpuinfo").read_text(encoding="utf-8", errors="replace"))
    name = model.group(1).strip() if model else platform.machine()
    return f"{os.cpu_count()} processors ({name}), {platform.system()}, Python {platform.python_version()}"
