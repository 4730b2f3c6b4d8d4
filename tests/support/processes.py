"""The command as a user runs it: a process of its own."""

import contextlib
import os
import re
import signal
import subprocess
import sys
import threading
from collections.abc import Iterator
from dataclasses import dataclass, field

from support import secret_search
from support.waiting import PATIENCE


@dataclass
class Process:
    """A running command; `lines` is what it printed so far, standard error included."""

    popen: "subprocess.Popen[str]"
    lines: list[str] = field(default_factory=list)
    news: threading.Condition = field(default_factory=threading.Condition)
    logs: bool = False
    """Whether what it prints is a log: other commands print keys because they are asked to."""

    def read(self) -> None:
        assert self.popen.stdout is not None
        for line in self.popen.stdout:
            secret_search.look(line if self.logs else "", "an engine's process")
            with self.news:
                self.lines.append(line.rstrip())
                self.news.notify_all()
        with self.news:
            self.news.notify_all()

    @property
    def output(self) -> str:
        return "\n".join(self.lines)

    def wait_for(self, pattern: str, within: float = 30.0) -> "re.Match[str]":
        """The first match of a pattern in what it prints."""
        with self.news:
            found = self.news.wait_for(
                lambda: re.search(pattern, self.output) or self.popen.poll() is not None, timeout=within
            )
        match = re.search(pattern, self.output)
        assert match is not None, f"{found=}: {pattern!r} is not in\n{self.output}"
        return match

    def end(self, with_signal: int = signal.SIGINT, within: float = PATIENCE) -> int:
        """Ask it to end, and return its exit code."""
        self.popen.send_signal(with_signal)
        return self.popen.wait(within)


#: `python -m mistlocate`, with Ctrl-C as in a terminal: who starts tests in the background has it ignored by all.
_MAIN = (
    "import runpy, signal; signal.signal(signal.SIGINT, signal.default_int_handler);"
    "runpy.run_module('mistlocate', run_name='__main__', alter_sys=True)"
)


@contextlib.contextmanager
def command(*args: str, **environment: str) -> Iterator[Process]:
    """Run `mistlocate ARGS` for the length of the block."""
    kept = {name: value for name, value in os.environ.items() if not name.lower().endswith("_proxy")}
    popen = subprocess.Popen(
        [sys.executable, "-c", _MAIN, *args],
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        env={**kept, "PYTHONUNBUFFERED": "1", "COLUMNS": "200", **environment},
    )
    process = Process(popen, logs="serve" in args)
    reader = threading.Thread(target=process.read, daemon=True)
    reader.start()
    try:
        yield process
    finally:
        if popen.poll() is None:
            popen.kill()
        popen.wait()
        reader.join(5)
        if popen.stdout is not None:
            popen.stdout.close()
