"""YAML text → values and back, in one place: the only file that imports PyYAML."""

import os
import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import yaml

from mistlocate.errors import MistlocateError, Problem

_REFERENCE = re.compile(r"\$\$\{|\$\{(file:)?([^}]*)\}")


class YamlError(MistlocateError):
    """A text that is no YAML; `problem` says where and what."""

    def __init__(self, problem: Problem) -> None:
        super().__init__(str(problem))
        self.problem = problem


def loads(text: str) -> Any:
    """The value of a YAML text. A key that is there twice is an error. Raises `YamlError`."""
    try:
        return yaml.load(text, Loader=_Loader)  # noqa: S506 - a SafeLoader that also reports doubled keys
    except yaml.YAMLError as error:
        raise YamlError(_problem(error, text)) from None


def dumps(value: Any) -> str:
    """A value as YAML for people, keys in the order given."""
    return yaml.safe_dump(value, sort_keys=False, allow_unicode=True, width=110)


def resolve(value: Any, base: Path, problems: list[Problem], path: str = "") -> Any:
    """Replace `${NAME}`, `${NAME:-default}` and `${file:PATH}` in every text; `$${` stays `${`.

    Paths are relative to `base`. What cannot be resolved becomes a problem.
    """
    if isinstance(value, Mapping):
        return {key: resolve(each, base, problems, f"{path}.{key}".lstrip(".")) for key, each in value.items()}
    if isinstance(value, list):
        return [resolve(each, base, problems, f"{path}[{number}]") for number, each in enumerate(value)]
    if not isinstance(value, str) or "${" not in value:
        return value

    def replace(match: re.Match[str]) -> str:
        if match.group(0) == "$${":
            return "${"
        if match.group(1):
            try:
                return (base / match.group(2)).read_text(encoding="utf-8").strip()
            except (OSError, UnicodeDecodeError):
                problems.append(Problem(path, f"the file {match.group(2)} cannot be read"))
                return ""
        name, has_default, default = match.group(2).partition(":-")
        if name not in os.environ and not has_default:
            problems.append(Problem(path, f"the environment variable {name} is not set"))
        return os.environ.get(name) or default

    return _REFERENCE.sub(replace, value)


class _Loader(yaml.SafeLoader):
    """YAML in which the same key twice is an error: of two mappings of one map, one would be lost in silence."""

    def construct_mapping(self, node: yaml.MappingNode, deep: bool = False) -> dict[Any, Any]:
        """Refuse doubled keys."""
        seen = set()
        for key_node, _ in node.value:
            if isinstance(key_node, yaml.ScalarNode):
                if key_node.value in seen:
                    problem = f"the key {key_node.value!r} is there twice"
                    raise yaml.constructor.ConstructorError(None, None, problem, key_node.start_mark)
                seen.add(key_node.value)
        return super().construct_mapping(node, deep)


def _problem(error: yaml.YAMLError, text: str) -> Problem:
    mark = getattr(error, "problem_mark", None)
    problem = str(getattr(error, "problem", None) or "not readable as YAML")
    place = "" if mark is None else f"line {mark.line + 1}, column {mark.column + 1}"
    lines = text.splitlines()
    near = [] if mark is None else lines[max(0, mark.line - 2) : mark.line + 1]
    hint = None
    if any("=>" in line for line in near):
        hint = "write ':' instead of '=>'"
    elif any("\t" in line for line in near):
        hint = "indent with spaces, not with tabs"
    return Problem(place, problem, hint)
