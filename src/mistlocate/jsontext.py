"""JSON text ⇄ values, in one place: the only file that imports orjson.

Reading is strict first and lenient second: a text that is JSON but for `NaN` and infinities (which other encoders
write) is read with these as null, so that one odd number does not cost its neighbours.
"""

import json
from typing import Any

import orjson


def loads(text: str | bytes) -> Any:
    """The value of a JSON text. Raises `ValueError` if it is none."""
    try:
        return orjson.loads(text)
    except ValueError:
        pass
    try:
        return _without_surrogates(json.loads(text, parse_constant=lambda _: None))
    except RecursionError:
        raise ValueError("nested too deeply") from None


def _without_surrogates(value: Any) -> Any:
    """Half of a character is a text to this reader and to no writer of JSON: it is replaced."""
    if isinstance(value, str):
        return value if value.isprintable() else value.encode("utf-16", "surrogatepass").decode("utf-16", "replace")
    if isinstance(value, list):
        return [_without_surrogates(each) for each in value]
    if isinstance(value, dict):
        return {_without_surrogates(key): _without_surrogates(each) for key, each in value.items()}
    return value


def dumps(value: Any) -> bytes:
    """Compact JSON (UTF-8) with object keys in the order given. Raises `TypeError` for what JSON cannot carry."""
    return orjson.dumps(value, option=orjson.OPT_NON_STR_KEYS)


def can_be_written(value: Any) -> bool:
    """Whether `dumps` takes a value. What was read may be nested too deeply for it, or hold too large a number."""
    try:
        dumps(value)
    except TypeError:
        return False
    return True


def pretty(value: Any) -> str:
    """The same for a person to read."""
    return orjson.dumps(value, option=orjson.OPT_INDENT_2 | orjson.OPT_NON_STR_KEYS).decode()
