"""All mutants, by what they are about: every module of this package that has a list `MUTANTS` is a topic."""

import ast
import importlib
import pkgutil
from pathlib import Path

import mutants
from mutants.mutant import Mutant

TREE = Path(__file__).parents[2]


def topics() -> dict[str, list[Mutant]]:
    """The topics by name, each with its mutants."""
    names = sorted(
        each.name for each in pkgutil.iter_modules(mutants.__path__) if not each.name.startswith(("_", "test_"))
    )
    found = {name: getattr(importlib.import_module(f"mutants.{name}"), "MUTANTS", None) for name in names}
    return {name: listed for name, listed in found.items() if listed}


def source(mutant: Mutant, tree: Path = TREE) -> Path:
    """The file that a mutant changes."""
    return tree / "src" / "mistlocate" / mutant.file


def mutated(mutant: Mutant, text: str) -> str:
    """The text of the file with the break in it. Raises `ValueError` if the break fits no longer."""
    times = text.count(mutant.old)
    if times != 1:
        raise ValueError(f"{mutant.file}: the text stands there {times} times, not once: {mutant.old!r}")
    if mutant.old == mutant.new:
        raise ValueError(f"{mutant.file}: changes nothing: {mutant.old!r}")
    changed = text.replace(mutant.old, mutant.new)
    if mutant.file.endswith(".py"):
        ast.parse(changed)  # a SyntaxError is a ValueError to nobody: a break must be one of behaviour
    return changed


def missing_tests(mutant: Mutant, tree: Path = TREE) -> list[str]:
    """The tests that a mutant names and that do not exist; a mutant without tests misses one."""
    named = whole_tests(mutant)
    return [test for test in named if not _exists(test, tree)] or ([] if named else ["(none is named)"])


def _options_at(mutant: Mutant) -> int:
    """Where options of pytest (`-k …`) begin among the tests."""
    return next((at for at, test in enumerate(mutant.tests) if test.startswith("-")), len(mutant.tests))


def whole_tests(mutant: Mutant) -> tuple[str, ...]:
    """The tests without options that choose among them."""
    return mutant.tests[: _options_at(mutant)]


def _exists(test: str, tree: Path) -> bool:
    file, *names = test.partition("[")[0].split("::")
    path = tree / file
    if not path.is_file() or not names:
        return path.exists() and not names
    scope: list[ast.stmt] = ast.parse(path.read_text("utf-8")).body
    for name in names:
        kinds = (ast.FunctionDef, ast.AsyncFunctionDef, ast.ClassDef)
        inner = next((each for each in scope if isinstance(each, kinds) and each.name == name), None)
        if inner is None:
            return False
        scope = inner.body
    return True
