"""YAML text → values and back, in one place: the only file that imports PyYAML."""

import os
import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any, ClassVar

import yaml

from mistlocate.errors import MistlocateError, Problem

#: What a settings file may hold at most: nodes with every alias written out, and levels of nesting.
MAX_NODES = 100_000
MAX_DEPTH = 50

#: What to do about the other notation of the setup guide of PlaceOS.
ARROW_HINT = "write ':' instead of '=>'"

_SURROGATE = re.compile("[\ud800-\udfff]")
_REFERENCE = re.compile(r"\$\$\{|\$\{(file:)?([^}]*)\}")


class YamlError(MistlocateError):
    """A text that is no YAML; `problem` says where and what."""

    def __init__(self, problem: Problem) -> None:
        super().__init__(str(problem))
        self.problem = problem


def loads(text: str) -> Any:
    """The value of a YAML text; keys are texts, and none is there twice. Raises `YamlError` and nothing else."""
    try:
        return yaml.load(text, Loader=_Loader)  # noqa: S506 - a SafeLoader that also reports doubled keys
    except yaml.YAMLError as error:
        raise YamlError(_problem(error, text)) from None
    except RecursionError:
        raise YamlError(Problem("", _TOO_DEEP)) from None
    except _UNREADABLE as error:
        raise YamlError(Problem("", f"not readable as YAML: {error}")) from None


def dumps(value: Any, *, ascii_only: bool = False) -> str:
    """A value as YAML for people, keys in the order given; `ascii_only` escapes other characters."""
    return yaml.safe_dump(value, sort_keys=False, allow_unicode=not ascii_only, width=110)


def literal(value: Any) -> Any:
    """The value as `resolve` gives it back unchanged: `${` in a text of unknown origin refers to nothing."""
    if isinstance(value, Mapping):
        return {key: literal(each) for key, each in value.items()}
    if isinstance(value, list):
        return [literal(each) for each in value]
    return value.replace("${", "$${") if isinstance(value, str) else value


def resolve(value: Any, base: Path, problems: list[Problem], path: str = "") -> Any:
    """Replace `${NAME}`, `${NAME:-default}` and `${file:PATH}` in every text; `$${` stays `${`.

    Paths are relative to `base`. What cannot be resolved becomes a problem, and so does a text with characters
    that no file, host or name can have.
    """
    if isinstance(value, Mapping):
        return {key: resolve(each, base, problems, f"{path}.{key}".lstrip(".")) for key, each in value.items()}
    if isinstance(value, list):
        return [resolve(each, base, problems, f"{path}[{number}]") for number, each in enumerate(value)]
    return _resolve_text(value, base, problems, path) if isinstance(value, str) else value


def _resolve_text(text: str, base: Path, problems: list[Problem], path: str) -> str:
    if "\0" in text or _SURROGATE.search(text):
        problems.append(Problem(path, "holds a character that cannot be written", r"take \0 and \ud… out of the text"))
        return ""

    def replace(match: re.Match[str]) -> str:
        if match.group(0) == "$${":
            return "${"
        if match.group(1):
            return _content(base / match.group(2), problems, path)
        name, has_default, default = match.group(2).partition(":-")
        if name not in os.environ and not has_default:
            problems.append(Problem(path, f"the environment variable {name} is not set"))
        return os.environ.get(name) or default

    return _REFERENCE.sub(replace, text)


def _content(file: Path, problems: list[Problem], path: str) -> str:
    try:
        return file.read_text(encoding="utf-8").strip()
    except OSError as error:
        problems.append(Problem(path, f"the file {file} cannot be read: {error.strerror}"))
    except ValueError:
        problems.append(Problem(path, f"the file {file} cannot be read: it is not UTF-8 text"))
    return ""


class _Loader(yaml.SafeLoader):
    """YAML as settings need it, stricter than the language.

    The same key twice is an error: of two mappings of one map, one would be lost in silence. Keys are texts, dates are
    texts too, and aliases neither contain themselves nor multiply without bound.
    """

    yaml_implicit_resolvers: ClassVar[dict[str, Any]] = {  # type: ignore[misc]
        first: [(tag, pattern) for tag, pattern in resolvers if tag != "tag:yaml.org,2002:timestamp"]
        for first, resolvers in yaml.SafeLoader.yaml_implicit_resolvers.items()
    }

    def get_single_node(self) -> yaml.Node | None:
        """The tree, if it is of a size that settings can have."""
        root: yaml.Node | None = super().get_single_node()
        if root is not None:
            _measure(root, {})
        return root

    def construct_mapping(self, node: yaml.MappingNode, deep: bool = False) -> dict[Any, Any]:
        """Refuse doubled keys, and keys that are no text."""
        seen = set()
        for key_node, _ in node.value:
            if key_node.tag not in ("tag:yaml.org,2002:str", "tag:yaml.org,2002:merge"):
                given = key_node.value if isinstance(key_node, yaml.ScalarNode) else "of several parts"
                raise _refusal(f"the key {_short(given)} is no text: a key must be text; write it in quotes", key_node)
            if key_node.value in seen:
                raise _refusal(f"the key {key_node.value!r} is there twice", key_node)
            seen.add(key_node.value)
        return super().construct_mapping(node, deep)

    def construct_object(self, node: yaml.Node, deep: bool = False) -> Any:
        """Say where a scalar is that cannot be what it claims to be."""
        try:
            return super().construct_object(node, deep)
        except _UNREADABLE:
            given = _short(node.value) if isinstance(node, yaml.ScalarNode) else "this"
            raise _refusal(f"{given} cannot be read as a value: write it in quotes if it is text", node) from None


_TOO_DEEP = f"nested deeper than the {MAX_DEPTH} levels that settings can have"

#: What PyYAML lets through of scalars that are not what their form or their tag says.
_UNREADABLE = (ArithmeticError, AttributeError, LookupError, TypeError, ValueError)


def _measure(node: yaml.Node, known: dict[int, tuple[int, int] | None]) -> tuple[int, int]:
    """Nodes and levels of a tree with every alias written out. Raises for what is too large or contains itself."""
    if id(node) in known:
        measured = known[id(node)]
        if measured is None:
            raise _refusal("an alias stands for something that it is part of", node)
        return measured
    known[id(node)] = None
    size, depth = 1, 0
    if isinstance(node, yaml.CollectionNode):
        for each in node.value:
            for child in each if isinstance(each, tuple) else (each,):
                nodes, levels = _measure(child, known)
                size, depth = size + nodes, max(depth, levels)
    if size > MAX_NODES:
        raise _refusal(f"larger than the {MAX_NODES} values that settings can have, aliases written out", node)
    if depth >= MAX_DEPTH:
        raise _refusal(_TOO_DEEP, node)
    known[id(node)] = (size, depth + 1)
    return size, depth + 1


def _refusal(problem: str, node: yaml.Node) -> yaml.constructor.ConstructorError:
    return yaml.constructor.ConstructorError(None, None, problem, node.start_mark)


def _short(text: str) -> str:
    return text if len(text) <= 40 else f"{text[:40]}…"


def _problem(error: yaml.YAMLError, text: str) -> Problem:
    mark = getattr(error, "problem_mark", None)
    problem = str(getattr(error, "problem", None) or getattr(error, "reason", None) or "not readable as YAML")
    place = "" if mark is None else f"line {mark.line + 1}, column {mark.column + 1}"
    lines = text.splitlines()
    near = [] if mark is None else lines[max(0, mark.line - 2) : mark.line + 1]
    hint = None
    if any("=>" in line for line in near):
        hint = ARROW_HINT
    elif any("\t" in line for line in near):
        hint = "indent with spaces, not with tabs"
    return Problem(place, problem, hint)
