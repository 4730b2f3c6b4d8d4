"""Mock modules of PlaceOS' spec runner: classes whose async methods are functions for the driver under test."""

import inspect
import types
import typing
from typing import Any

#: What Crystal calls these types, and their JSON schemas.
_SIMPLE: dict[Any, tuple[str, dict[str, Any]]] = {
    str: ("String", {"type": "string"}),
    int: ("Int64", {"type": "integer", "format": "Int64"}),
    float: ("Float64", {"type": "number", "format": "Float64"}),
    bool: ("Bool", {"type": "boolean"}),
    type(None): ("Nil", {"type": "null"}),
    Any: ("JSON::Any", {"type": "object"}),
}


def described(hint: Any) -> tuple[str, dict[str, Any]]:
    """The Crystal name (without spaces, as metadata has it) and the JSON schema of a type."""
    if hint in _SIMPLE:
        return _SIMPLE[hint]
    origin, inner = typing.get_origin(hint), [described(each) for each in typing.get_args(hint)]
    if origin is list:
        return f"Array({inner[0][0]})", {"type": "array", "items": inner[0][1]}
    if origin is dict:
        return f"Hash(String,{inner[1][0]})", {"type": "object", "additionalProperties": inner[1][1]}
    if origin in (typing.Union, types.UnionType):
        return "|".join(name for name, _ in inner), {"anyOf": [schema for _, schema in inner]}
    raise TypeError(f"a mock cannot take {hint}")


def functions(mock: type) -> dict[str, Any]:
    """The public async methods of a mock by name."""
    return {
        name: value
        for name, value in vars(mock).items()
        if inspect.iscoroutinefunction(value) and not name.startswith("_") and name != "on_load"
    }


def metadata(mock: type) -> dict[str, Any]:
    """What other modules read of a mock: as of any driver, but without a schema of settings."""
    interface: dict[str, Any] = {}
    mirror: dict[str, Any] = {}
    for name, function in functions(mock).items():
        hints = typing.get_type_hints(function)
        interface[name], mirror[name] = {}, {}
        for parameter in list(inspect.signature(function).parameters.values())[1:]:
            title, schema = described(hints.get(parameter.name, Any))
            given = [] if parameter.default is parameter.empty else [parameter.default]
            interface[name][parameter.name] = {**schema, "title": title, **({"default": given[0]} if given else {})}
            mirror[name][parameter.name] = [title, *given]
    return {"interface": interface, "functions": mirror, "implements": [], "requirements": {}, "security": {}}


async def run(mock: object, body: dict[str, Any]) -> Any:
    """Run the function that the body of an exec names, with its arguments by position or by name."""
    name = body["__exec__"]
    function = functions(type(mock)).get(name)
    if function is None:
        raise LookupError(f"execute requested for unknown method: {name}")
    parameters = list(inspect.signature(function).parameters)[1:]
    given = body.get(name) or {}
    if isinstance(given, list):
        if len(given) > len(parameters):
            raise TypeError(f"wrong number of arguments for '{name}'")
        given = dict(zip(parameters, given, strict=False))
    # Names that the function does not know are ignored.
    return await function(mock, **{key: value for key, value in given.items() if key in parameters})
