import ast
import subprocess
import sys
from pathlib import Path

import pytest

import mistlocate.simulator as simulator


def test_every_public_name_is_there() -> None:
    for name in simulator.__all__:
        assert getattr(simulator, name).__module__.startswith("mistlocate.simulator.")


def test_other_names_are_not() -> None:
    with pytest.raises(AttributeError, match="nothing"):
        _ = simulator.nothing  # type: ignore[attr-defined]


def test_importing_it_loads_neither_server_nor_image_library() -> None:
    check = (
        "import sys, mistlocate; before = set(sys.modules);"
        "import mistlocate.simulator;"
        "heavy = {'uvicorn', 'starlette', 'PIL', 'orjson', 'websockets', 'asyncio'} & (set(sys.modules) - before);"
        "sys.exit(str(heavy) if heavy else 0)"
    )
    done = subprocess.run([sys.executable, "-c", check], capture_output=True, text=True, timeout=30, check=False)
    assert (done.returncode, done.stderr) == (0, "")


def imports(path: Path) -> set[str]:
    """The modules that a file names in its import statements, wherever they stand."""
    found: set[str] = set()
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.Import):
            found.update(alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            found.add(node.module or "")
    return found


@pytest.mark.parametrize("path", sorted(Path(simulator.__path__[0]).glob("*.py")), ids=lambda path: path.name)
def test_it_shares_nothing_with_the_rest_of_the_house(path: Path) -> None:
    foreign = {"starlette", "uvicorn", "PIL", "orjson"}
    for name in imports(path):
        package = name.partition(".")[0]
        assert package in sys.stdlib_module_names | foreign or name.startswith("mistlocate.simulator")


def test_modules_stay_small() -> None:
    sizes = {path.name: len(path.read_text().splitlines()) for path in Path(simulator.__path__[0]).glob("*.py")}
    assert max(sizes.values()) <= 350
