"""What all tests share: programs that a machine may lack, and names of invented people."""

import os
import shutil

import pytest
from hypothesis import settings

#: Programs that tests need beyond Python: the name in `@pytest.mark.needs(name)` → where it may be, how to get it.
PROGRAMS = {
    "curl": (("curl",), "apt-get install curl"),
    "chromium": (("chromium", "chromium-browser", "google-chrome"), "apt-get install chromium"),
    "redis-server": (("redis-server",), "apt-get install redis-server"),
}

settings.register_profile("suite", deadline=None, max_examples=100)
settings.load_profile("suite")

_deselected: dict[str, int] = {}


def pytest_configure(config: pytest.Config) -> None:
    config.addinivalue_line("markers", "needs(program): the test needs a program of the machine")


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """What the machine lacks is not run, and said; with MISTLOCATE_REQUIRE_ALL it is an error instead."""
    kept, left_out = [], []
    for item in items:
        marker = item.get_closest_marker("needs")
        missing = [name for name in (marker.args if marker else ()) if program(name) is None]
        for name in missing:
            _deselected[name] = _deselected.get(name, 0) + 1
        (left_out if missing else kept).append(item)
    if _deselected and os.environ.get("MISTLOCATE_REQUIRE_ALL"):
        raise pytest.UsageError(f"this run requires everything, and these are missing: {', '.join(_deselected)}")
    if left_out:
        config.hook.pytest_deselected(items=left_out)
        items[:] = kept


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter, config: pytest.Config) -> None:
    for name, count in _deselected.items():
        hint = PROGRAMS[name][1]
        terminalreporter.write_line(f"{count} tests need {name} and were not run; to run them: {hint}", yellow=True)


def program(name: str) -> str | None:
    """Where a program is, or None."""
    return next((found for each in PROGRAMS[name][0] if (found := shutil.which(each))), None)


@pytest.fixture(autouse=True)
def _no_settings_from_outside(monkeypatch: pytest.MonkeyPatch) -> None:
    """Nothing of the developer's own environment reaches a test; test traffic stays on this machine."""
    for name in list(os.environ):
        if name.startswith("MISTLOCATE_") or name == "MIST_API_TOKEN" or name.lower().endswith("_proxy"):
            monkeypatch.delenv(name)
