"""What all tests share: programs that a machine may lack, and names of invented people."""

import os
import shutil
from typing import Any

import pytest
from hypothesis import settings

from support import secret_search

#: Programs that tests need beyond Python: the name in `@pytest.mark.needs(name)` → where it may be, how to get it.
PROGRAMS = {
    "curl": (("curl",), "apt-get install curl"),
    "chromium": (("chromium", "chromium-browser", "google-chrome"), "apt-get install chromium"),
    "redis-server": (("redis-server",), "apt-get install redis-server"),
    "systemd-analyze": (("systemd-analyze",), "apt-get install systemd"),
}

settings.register_profile("suite", deadline=None, max_examples=100)
settings.load_profile("suite")

_left_out: dict[str, int] = {}


def pytest_configure(config: pytest.Config) -> None:
    if secret_search.ACTIVE:
        config.pluginmanager.register(secret_search)
    config.addinivalue_line("markers", "needs(program): the test needs a program of the machine")
    missing = [name for name in PROGRAMS if program(name) is None]
    if missing and os.environ.get("MISTLOCATE_REQUIRE_ALL"):
        hints = "; ".join(PROGRAMS[name][1] for name in missing)
        raise pytest.UsageError(f"this run requires everything, and {', '.join(missing)} is missing: {hints}")


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """What the machine lacks is not run, and said."""
    kept, left_out = [], []
    for item in items:
        marker = item.get_closest_marker("needs")
        missing = [name for name in (marker.args if marker else ()) if program(name) is None]
        for name in missing:
            _left_out[name] = _left_out.get(name, 0) + 1
        (left_out if missing else kept).append(item)
    if left_out:
        config.hook.pytest_deselected(items=left_out)
        items[:] = kept


def pytest_sessionfinish(session: pytest.Session) -> None:
    """In a parallel run only the workers collect: they tell the controller what they left out."""
    if hasattr(session.config, "workeroutput"):
        session.config.workeroutput["left_out"] = _left_out


@pytest.hookimpl(optionalhook=True)
def pytest_testnodedown(node: Any) -> None:
    """Every worker collects the same tests, so that the counts of any one are those of the run."""
    _left_out.update(getattr(node, "workeroutput", {}).get("left_out", {}))


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    for name, count in _left_out.items():
        tests = "1 test needs" if count == 1 else f"{count} tests need"
        hint = PROGRAMS[name][1]
        terminalreporter.write_line(f"{tests} {name}, not found here, left out; to run: {hint}", yellow=True)


def program(name: str) -> str | None:
    """Where a program is, or None."""
    return next((found for each in PROGRAMS[name][0] if (found := shutil.which(each))), None)


@pytest.fixture(autouse=True)
def _no_settings_from_outside(monkeypatch: pytest.MonkeyPatch) -> None:
    """Nothing of the developer's own environment reaches a test; test traffic stays on this machine."""
    for name in list(os.environ):
        if name.startswith("MISTLOCATE_") or name == "MIST_API_TOKEN" or name.lower().endswith("_proxy"):
            monkeypatch.delenv(name)
