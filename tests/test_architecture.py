"""The plan of the house, enforced: directions of imports, libraries in one place, documents that agree with code."""

import ast
import inspect
import re
import subprocess
import sys
import textwrap
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from mistlocate import __version__
from mistlocate.driver.command import commands_of
from mistlocate.drivers.mist_locations.maps import map_problems
from mistlocate.drivers.mist_websocket import report
from mistlocate.drivers.mist_websocket.driver import MistWebsocket
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


def keys_written(function: Callable[..., Any]) -> Iterator[str]:
    """The keys that a function writes into dictionaries, but for those of items of lists."""
    tree = ast.parse(textwrap.dedent(inspect.getsource(function)))
    items = {id(each) for made in ast.walk(tree) if isinstance(made, ast.ListComp) for each in ast.walk(made)}
    for node in ast.walk(tree):
        keys: list[ast.expr | None] = []
        if isinstance(node, ast.Dict) and id(node) not in items:
            keys = node.keys
        elif isinstance(node, ast.Subscript) and isinstance(node.ctx, ast.Store):
            keys = [node.slice]
        yield from (key.value for key in keys if isinstance(key, ast.Constant) and isinstance(key.value, str))


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
        "mist/policy.py",  # test_stream.py
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

    @pytest.mark.parametrize("driver", DRIVERS.values(), ids=DRIVERS)
    def test_every_command_is_described_with_its_parameters(self, driver: type) -> None:
        page = (ROOT / "docs" / "commands.md").read_text(encoding="utf-8")
        part = page.partition(f"\n## {driver.generic_name}\n")[2].partition("\n## ")[0]  # type: ignore[attr-defined]
        firsts = [line.split("|")[1] for line in part.splitlines() if line.startswith("| `")]
        told = {text for first in firsts for text in re.findall(r"`(\w+\(.*?\))`", first)}
        assert told == {
            f"{name}({', '.join(each.name + '?' * (not each.required) for each in command.parameters)})"
            for name, command in commands_of(driver).items()
        }

    @pytest.mark.parametrize(
        ("driver", "tellers"),
        [("MistWebsocket", (report.problems, MistWebsocket._other_problems)), ("MistLocations", (map_problems,))],
    )
    def test_every_kind_of_problem_is_described(self, driver: str, tellers: tuple[Callable[..., Any], ...]) -> None:
        page = (ROOT / "docs" / "commands.md").read_text(encoding="utf-8")
        part = page.partition(f"\n## {driver}\n")[2]
        row = next(line for line in part.splitlines() if line.startswith("| `problems` |"))
        kinds = {kind for teller in tellers for kind in keys_written(teller)}
        assert len(kinds) > 5
        assert {kind for kind in kinds if f"`{kind}`" not in row} == set()

    def test_what_the_example_shows_as_a_comment_can_be_taken(
        self, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
    ) -> None:
        monkeypatch.setenv("MIST_API_TOKEN", "sesame")
        in_pairs = {"tls_certificate", "tls_key", "width", "height", "api_token_file"}
        lines = (ROOT / "settings.example.yaml").read_text(encoding="utf-8").splitlines()
        shown = [(number, re.fullmatch(r"( *)# ([a-z_]+: .+)", line)) for number, line in enumerate(lines)]
        settings = {number: found for number, found in shown if found and found[2].partition(":")[0] not in in_pairs}
        assert len(settings) > 20
        for number, found in settings.items():
            load_text("\n".join([*lines[:number], found[1] + found[2], *lines[number + 1 :]]), tmp_path)

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
