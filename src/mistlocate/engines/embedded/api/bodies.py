"""Bodies of requests: JSON, whatever their content type says they are.

A page in a browser may send some content types anywhere without asking; that it gets no answer here is up to the
check of `Origin`.
"""

from types import NoneType
from typing import Annotated, Any

from fastapi import Depends, Request
from starlette.requests import ClientDisconnect

from mistlocate import jsontext
from mistlocate.errors import BadArguments


def parse(text: str | bytes) -> Any:
    """The value of a JSON text. Raises `ValueError`, with a reason for people, also for what can be read only."""
    try:
        value = jsontext.loads(text)
    except ValueError:
        raise ValueError("it is no JSON") from None
    try:
        jsontext.dumps(value)
    except TypeError:
        raise ValueError("it is nested too deeply, or has too large a number") from None
    return value


async def arguments_of(request: Request) -> list[Any] | dict[str, Any]:
    """The arguments of a command, from the body. Raises `BadArguments`."""
    kinds = (list, dict, NoneType)
    value = await _read(request, kinds, "a JSON array (arguments in order) or object (arguments by name)")
    return [] if value is None else value


async def _changes(request: Request) -> dict[str, Any]:
    return dict(await _read(request, (dict,), "a JSON object (settings by name)"))


ChangesDep = Annotated[dict[str, Any], Depends(_changes)]


async def _read(request: Request, kinds: tuple[type, ...], expected: str) -> Any:
    """The value of the body, None if it is empty. Raises `BadArguments`."""
    try:
        body = await request.body()
    except ClientDisconnect:  # nobody will read the answer, but it is no defect either
        raise BadArguments("the body has no end; send all of it") from None
    try:
        value = parse(body) if body else None
    except ValueError as error:
        raise BadArguments(f"the body must be {expected}: {error}") from None
    if not isinstance(value, kinds):
        raise BadArguments(f"the body must be {expected}")
    return value


def described(description: str, *types: str, required: bool = False) -> dict[str, Any]:
    """Such a body for the OpenAPI document."""
    schema = {"anyOf": [{"type": each} for each in types]} if len(types) > 1 else {"type": types[0]}
    content = {"application/json": {"schema": schema}}
    return {"requestBody": {"description": description, "content": content, "required": required}}


ARGUMENTS = described("The arguments: an array by position, or an object by name.", "array", "object")
CHANGES = described("Settings by name; null takes the file's value again.", "object", required=True)
