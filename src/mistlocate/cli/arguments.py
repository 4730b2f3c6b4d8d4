"""Words of a command line → arguments of a command, by the command's own schema. Pure.

A parameter declared as text takes the word as it is, so a MAC of digits stays text; everything else is read as JSON.
`name=value` gives an argument by name. A word that looks like that and names no parameter is refused, for most of them
are misspelt; a text with such a beginning is given by name, too (`text=a=b`).
"""

from collections.abc import Mapping, Sequence
from typing import Any

from mistlocate import jsontext
from mistlocate.driver.command import suggestion
from mistlocate.errors import BadArguments

_NO_JSON = object()


def arguments(words: Sequence[str], function: Mapping[str, Any]) -> dict[str, Any]:
    """Arguments by name. `function` is `{order, params: {name: JSON Schema}}`. Raises `BadArguments`."""
    order: list[str] = list(function["order"])
    params: Mapping[str, Mapping[str, Any]] = function["params"]
    found: dict[str, Any] = {}
    for word in words:
        name, equals, text = word.partition("=")
        if equals and name not in params and name.isidentifier() and params:
            hint = suggestion(name, params) or f"a text like this is given by name: {order[0]}={word}"
            raise BadArguments(f"no parameter {name!r}: it takes {_usage(order, params)}; {hint}")
        if not equals or name not in params:
            free = [each for each in order if each not in found]
            if not free:
                raise BadArguments(f"too many arguments: it takes {_usage(order, params) or 'none'}")
            name, text = free[0], word
        elif name in found:
            raise BadArguments(f"{name} is given twice")
        found[name] = value(text, params[name], name)
    missing = [name for name in order if name not in found and "default" not in params[name]]
    if missing:
        raise BadArguments(f"missing: {', '.join(missing)}; it takes {_usage(order, params)}")
    return found


def value(text: str, schema: Mapping[str, Any], name: str) -> Any:
    """One word as the value that a schema asks for. Raises `BadArguments`."""
    kinds = _kinds(schema)
    if "null" in kinds and text in ("null", ""):
        return None
    if "string" in kinds:
        return text
    found = _json(text)
    if "array" in kinds and not isinstance(found, list):
        items = schema.get("items") or {}
        return [value(item.strip(), items, name) for item in text.split(",")]
    if found is _NO_JSON:
        expected = " or ".join(sorted(kinds)) or "JSON"
        raise BadArguments(f"{name}: expected {expected}, got {text!r}")
    return found


def _json(text: str) -> Any:
    try:
        return jsontext.loads(text)
    except ValueError:
        return _NO_JSON


def _kinds(schema: Mapping[str, Any]) -> set[str]:
    found = {str(schema["type"])} if isinstance(schema.get("type"), str) else set()
    for each in schema.get("anyOf", ()):
        found |= _kinds(each)
    return found


def _usage(order: Sequence[str], params: Mapping[str, Mapping[str, Any]]) -> str:
    return " ".join(f"[{name}]" if "default" in params[name] else name for name in order)
