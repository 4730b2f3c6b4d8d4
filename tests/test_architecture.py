"""The plan of the house, enforced: directions of imports, libraries in one place, documents that agree with code."""

import ast
import subprocess
import sys
from pathlib import Path

import pytest

from mistlocate import __version__
from mistlocate.driver.command import commands_of
from mistlocate.engines.embedded.config import load_text
from mistlocate.engines.embedded.drivers import DRIVERS

ROOT = Path(__file__).parents[1]
SOURCE = ROOT / "src" / "mistlocate"
MODULES = sorted(SOURCE.rglob("*.py"))

#: Libraries that only these files (or packages) may import.
CONFINED = {
    "aiosqlite": {"engines/embedded/store.py"},
    "fastapi": {"engines/embedded/api"},
    "filelock": {"engines/embedded/store_file.py"},
    "httpx": {"transport/http.py"},
    "orjson": {"jsontext.py", "simulator"},
    "PIL": {"simulator"},
    "prometheus_client": {"engines/embedded/api/metrics.py"},
    "redis": {"engines/placeos/redis_client.py"},
    "rich": {"cli"},
    "s2cell": {"location/geometry.py"},
    "starlette": {"engines/embedded/api", "simulator"},
    "truststore": {"transport/options.py"},
    "typer": {"cli"},
    "uvicorn": {"engines/embedded/connections.py", "engines/embedded/server.py", "simulator"},
    "websockets": {"engines/embedded/connections.py", "engines/embedded/outgoing.py", "transport/websocket.py"},
    "yaml": {"yamltext.py"},
}


def imported(path: Path) -> set[str]:
    """The top-level names that a module imports."""
    found = set()
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            found |= {alias.name.partition(".")[0] for alias in node.names}
        elif isinstance(node, ast.ImportFrom) and node.module and not node.level:
            found.add(node.module.partition(".")[0])
    return found


def test_imports_run_one_way() -> None:
    found = subprocess.run(
        [Path(sys.executable).parent / "lint-imports", "--no-cache"],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=False,
    )
    assert found.returncode == 0, found.stdout


@pytest.mark.parametrize("library", CONFINED)
def test_each_library_is_confined(library: str) -> None:
    allowed = CONFINED[library]
    users = {str(path.relative_to(SOURCE)) for path in MODULES if library in imported(path)}
    assert users, "nobody uses it any more"
    assert all(any(user == place or user.startswith(f"{place}/") for place in allowed) for user in users), users


@pytest.mark.parametrize("path", MODULES, ids=lambda path: str(path.relative_to(SOURCE)))
def test_rooms_stay_small_and_say_what_they_hold(path: Path) -> None:
    text = path.read_text(encoding="utf-8")
    assert text.count("\n") <= 350
    tree = ast.parse(text)
    assert ast.get_docstring(tree)
    for node in ast.walk(tree):
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
            assert (node.end_lineno or node.lineno) - node.lineno < 60, node.name


def test_every_module_has_a_test_of_its_own() -> None:
    """One test module for each module; those without logic of their own are named here, with who tests them."""
    tested_elsewhere = {
        "__init__.py", "__main__.py", "clock.py", "demo.py", "errors.py", "jsontext.py", "yamltext.py",
        "cli/app.py", "cli/calls.py", "cli/run.py", "cli/setup.py",  # test_commands.py
        "driver/context.py",  # protocols: engines/embedded/test_engine.py
        "drivers/mist_websocket/answers.py", "drivers/mist_websocket/report.py",  # test_driver.py
        "drivers/mist_websocket/connection.py",  # test_session.py
        "drivers/mist_websocket/keys.py",  # test_enrich.py
        "engines/embedded/api/common.py",  # test_routes.py
        "engines/embedded/drivers.py",  # test_schema.py
        "engines/embedded/host.py",  # test_engine.py
        "mist/ends.py", "mist/policy.py",  # test_stream.py
    }  # fmt: skip
    missing = []
    for path in MODULES:
        relative = path.relative_to(SOURCE)
        if relative.parts[0] == "simulator" or path.name == "__init__.py" or str(relative) in tested_elsewhere:
            continue
        if not (ROOT / "tests" / relative.with_name(f"test_{relative.name}")).exists():
            missing.append(str(relative))
    assert missing == []


class TestDocuments:
    @pytest.mark.parametrize("driver", DRIVERS.values(), ids=DRIVERS)
    def test_every_command_and_status_is_described_with_its_level(self, driver: type) -> None:
        page = (ROOT / "docs" / "commands.md").read_text(encoding="utf-8")
        for name, command in commands_of(driver).items():
            rows = [line for line in page.splitlines() if line.startswith(f"| `{name}(")]
            assert rows, name
            assert any(f"| {command.level.label} |" in row for row in rows), name
        for name, info in driver.statuses.items():  # type: ignore[attr-defined]
            assert f"| `{name}` | {info.level.label} |" in page, name

    def test_every_setting_is_in_the_example(self) -> None:
        text = (ROOT / "settings.example.yaml").read_text(encoding="utf-8")
        for driver in DRIVERS.values():
            for name in driver.Settings.model_fields:
                assert f"{name}:" in text, name

    def test_the_example_is_valid_as_it_stands(self, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
        monkeypatch.setenv("MIST_API_TOKEN", "sesame")
        loaded = load_text((ROOT / "settings.example.yaml").read_text(encoding="utf-8"), tmp_path)
        assert [spec.slug for spec in loaded.modules] == ["MistWebsocket_1", "MistLocations_1"]

    def test_the_changelog_knows_this_version(self) -> None:
        assert f"## [{__version__}]" in (ROOT / "CHANGELOG.md").read_text(encoding="utf-8")
