"""The documents in which a driver describes itself to PlaceOS, derived from its class.

`defaults` is what an integrator starts from; `metadata` is what callers need to know: commands with the JSON Schema of
each argument in positional order, interfaces, requirements, levels. The shapes are those of PlaceOS' driver library
(`src/placeos-driver/utilities/discovery.cr`, `src/placeos-driver.cr`).
"""

from collections.abc import Mapping
from typing import Any

from mistlocate import jsontext
from mistlocate.driver.base import Driver
from mistlocate.driver.command import Command, Level, Parameter, commands_of

#: The version of PlaceOS' driver library whose protocol is spoken.
LIBRARY_VERSION = "8.1.3"

_INTERFACES = "PlaceOS::Driver::"

#: JSON Schema type → the name and format of the type in PlaceOS' language.
_TYPES = {"string": "String", "boolean": "Bool", "integer": "Int64", "number": "Float64", "null": "Nil"}


def defaults(driver_class: type[Driver[Any]], engine_settings: Mapping[str, Any] | None = None) -> dict[str, Any]:
    """What a new module of this driver starts with. `default_settings` is JSON text inside the JSON.

    `engine_settings` are properties that the engine itself understands beside the driver's.
    """
    found: dict[str, Any] = {
        "descriptive_name": driver_class.descriptive_name,
        "generic_name": driver_class.generic_name,
        "description": driver_class.description,
    }
    if driver_class.uri_base is not None:
        found["uri_base"] = driver_class.uri_base
    found["default_settings"] = jsontext.dumps(dict(driver_class.default_settings)).decode()
    found["json_schema"] = settings_schema(driver_class, engine_settings)
    return found


def metadata(driver_class: type[Driver[Any]], engine_settings: Mapping[str, Any] | None = None) -> dict[str, Any]:
    """What callers need to know of a driver."""
    commands = commands_of(driver_class)
    return {
        "interface": {name: _arguments(command) for name, command in commands.items()},
        "functions": {name: _functions(command) for name, command in commands.items()},
        "implements": [spelling for each in driver_class.interfaces for spelling in _spellings(each)],
        "requirements": {name: [] for name in driver_class.requirements},
        "security": _security(commands),
        "versions": {"driver": LIBRARY_VERSION},
        "json_schema": settings_schema(driver_class, engine_settings),
    }


def settings_schema(
    driver_class: type[Driver[Any]], engine_settings: Mapping[str, Any] | None = None
) -> dict[str, Any]:
    """The schema of the settings as one document without references, which forms often do not follow."""
    schema = driver_class.Settings.model_json_schema()
    definitions = schema.pop("$defs", {})
    properties = {name: _inlined(each, definitions) for name, each in schema.get("properties", {}).items()}
    extra = {name: each for name, each in (engine_settings or {}).items() if name not in properties}
    return {"type": "object", "properties": {**properties, **extra}, "required": list(schema.get("required", ()))}


def _arguments(command: Command) -> dict[str, Any]:
    """Argument → schema. Callers count the `default` keys and fill in what they hold, null too."""
    return {each.name: _argument(each) for each in command.parameters}


def _argument(parameter: Parameter) -> dict[str, Any]:
    schema = {key: value for key, value in parameter.schema.items() if key not in ("title", "default")}
    found = {**_formatted(schema), "title": type_text(schema)}
    if not parameter.required:
        found["default"] = parameter.default
    return found


def _functions(command: Command) -> dict[str, list[Any]]:
    """The same in the older form: argument → [type] or [type, default]."""
    return {
        each.name: [type_text(each.schema), *(() if each.required else (each.default,))] for each in command.parameters
    }


def _formatted(schema: Mapping[str, Any]) -> dict[str, Any]:
    """Numbers tell their size, as PlaceOS' own schemas do."""
    found: dict[str, Any] = dict(schema)
    if found.get("type") in ("integer", "number"):
        found["format"] = _TYPES[found["type"]]
    if isinstance(found.get("items"), Mapping):
        found["items"] = _formatted(found["items"])
    return found


def type_text(schema: Mapping[str, Any]) -> str:
    """The type that a schema describes, as PlaceOS' language writes it."""
    if "anyOf" in schema:
        return "|".join(type_text(each) for each in schema["anyOf"])
    kind = schema.get("type")
    if kind == "array":
        return f"Array({type_text(schema.get('items') or {})})"
    return _TYPES.get(str(kind), "JSON::Any")


def _spellings(interface: str) -> tuple[str, ...]:
    """Drivers ask for an interface by its full name, or as it is written in their own source."""
    return interface, interface.removeprefix(_INTERFACES)


def _security(commands: Mapping[str, Command]) -> dict[str, list[str]]:
    levels = [(level, [name for name, each in commands.items() if each.level is level]) for level in Level]
    return {level.label: names for level, names in levels if names and level is not Level.USER}


def _inlined(schema: Any, definitions: Mapping[str, Any]) -> Any:
    """A schema with its references replaced by what they refer to."""
    if isinstance(schema, list):
        return [_inlined(each, definitions) for each in schema]
    if not isinstance(schema, Mapping):
        return schema
    if "$ref" in schema:
        target = definitions[str(schema["$ref"]).rpartition("/")[2]]
        return _inlined({**target, **{key: each for key, each in schema.items() if key != "$ref"}}, definitions)
    return {key: _inlined(each, definitions) for key, each in schema.items()}
