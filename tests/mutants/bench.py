"""Where mutants are tried: throw-away copies of the tree, in which one file is broken and tests are run.

A copy runs with this tree's interpreter; `PYTHONPATH` puts the copy's package before the installed one, and the
first thing that is checked is that it does.
"""

import asyncio
import contextlib
import os
import re
import shutil
import signal
import sys
import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from mutants.catalogue import TREE, mutated, source
from mutants.mutant import Mutant

_LEFT_OUT = shutil.ignore_patterns(
    ".git", ".venv", "build", "dist", "images", "__pycache__", ".hypothesis", ".mypy_cache", ".pytest_cache",
    ".ruff_cache", ".import_linter_cache",
)  # fmt: skip
_FAILED = re.compile(r"^(?:FAILED|ERROR) (\S+::[^\s\[]+)", re.MULTILINE)

#: How a test that took too long by itself is told.
_OUT_OF_TIME = re.compile(r"Timeout \(?>\d")

_VERDICT = re.compile(rb"^\d+ (passed|failed|error|errors)\b.* in [\d.]+s")

#: Exit codes of pytest: all passed; some failed. Every other says that the tests could not be run.
_PASSED, _SOME_FAILED = 0, 1


@dataclass(frozen=True)
class Verdict:
    """What became of a mutant. `kind` is caught, hung, SURVIVED or BROKEN.

    Tests that hang have noticed the break, too, but only if they hang again where nothing else runs (`alone`): on a
    busy machine everything can take too long.
    """

    kind: str
    by: str
    seconds: float
    alone: bool = False

    @property
    def good(self) -> bool:
        """Whether a test noticed the break."""
        return self.kind == "caught" or (self.kind == "hung" and self.alone)


class Copy:
    """One copy of the tree, for one mutant at a time."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        shutil.copytree(TREE, folder, ignore=_LEFT_OUT, dirs_exist_ok=True)
        self._writes = 0

    async def check(self) -> None:
        """Raises `RuntimeError` unless programs that run here import the package of this copy."""
        code, text = await self._run(("-c", "import mistlocate; print(mistlocate.__file__)"), 60.0)
        if code != 0 or not text.strip().startswith(str(self.folder)):
            raise RuntimeError(f"the copy would test another tree: {text.strip()}")

    async def tests(self, tests: Sequence[str], limit: float) -> tuple[int | None, str]:
        """Run tests to the first failure; the exit code is None where they took longer than `limit` seconds."""
        quiet = ("-q", "-x", "--tb=line", "-rfE", "-p", "no:cacheprovider", "--timeout=30")
        return await self._run(("-m", "pytest", *quiet, *tests), limit)

    async def verdict(self, mutant: Mutant, limit: float) -> Verdict:
        """Break the tree, see whether the tests notice, and put it right again."""
        began = time.perf_counter()
        path = source(mutant, self.folder)
        whole = path.read_text("utf-8")
        self._write(path, mutated(mutant, whole))
        try:
            code, text = await self.tests(mutant.tests, limit)
        finally:
            self._write(path, whole)
        seconds = time.perf_counter() - began
        if code is None:
            return Verdict("hung", f"nothing more within {limit:g} s", seconds)
        if code == _PASSED:
            return Verdict("SURVIVED", "no test", seconds)
        failed = _FAILED.search(text)
        if code != _SOME_FAILED or failed is None:
            return Verdict("BROKEN", text.strip()[-300:], seconds)
        by = failed[1].rpartition("/")[2]
        return Verdict("hung" if _OUT_OF_TIME.search(text) else "caught", by, seconds)

    def _write(self, path: Path, text: str) -> None:
        """Two texts of one length within a second would be one to the cache of compiled files: no two times agree."""
        path.write_text(text, "utf-8")
        self._writes += 1
        os.utime(path, (self._writes, self._writes))

    async def _run(self, arguments: Sequence[str], limit: float) -> tuple[int | None, str]:
        environment = {**os.environ, "PYTHONPATH": str(self.folder / "src"), "TEST_PATIENCE": "15"}
        process = await asyncio.create_subprocess_exec(
            sys.executable, *arguments, cwd=self.folder, env=environment, start_new_session=True,
            stdout=asyncio.subprocess.PIPE, stderr=asyncio.subprocess.STDOUT,
        )  # fmt: skip
        text, code = "", None
        try:
            async with asyncio.timeout(limit):
                text, code = await self._output(process)
        except TimeoutError:
            return None, ""
        finally:
            with contextlib.suppress(ProcessLookupError):  # what a broken test left running goes with it
                os.killpg(process.pid, signal.SIGKILL)
            await process.wait()
        return code, text

    @staticmethod
    async def _output(process: asyncio.subprocess.Process) -> tuple[str, int | None]:
        """What it prints, and its exit code. A verdict is not waited for any longer: a thread that a broken test left
        behind can keep an interpreter from ending."""
        assert process.stdout is not None
        text = ""
        async for line in process.stdout:
            text += line.decode("utf-8", "replace")
            if (verdict := _VERDICT.match(line)) is not None:
                return text, _SOME_FAILED if b"failed" in verdict[0] or b"error" in verdict[0] else _PASSED
        return text, await process.wait()
