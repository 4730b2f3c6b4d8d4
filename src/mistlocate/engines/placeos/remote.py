"""Another module of the system, wherever in PlaceOS' cluster it runs: calls as frames to core, statuses from Redis."""

from collections.abc import Awaitable, Callable, Mapping, Sequence
from contextlib import suppress
from contextvars import ContextVar
from typing import Any

from mistlocate import errors, jsontext
from mistlocate.driver.command import suggestion
from mistlocate.driver.context import Listener, Unsubscribe
from mistlocate.engines.placeos.directory import Directory
from mistlocate.engines.placeos.messages import Message, call_body
from mistlocate.engines.placeos.subscriptions import Subscriptions
from mistlocate.errors import (
    BadArguments,
    CommandFailed,
    MistlocateError,
    ModuleUnavailable,
    NoSuchModule,
    StoreError,
    UnknownCommand,
)

#: Who asked for the command that is being run; calls to other modules pass it on.
caller: ContextVar[str | None] = ContextVar("caller", default=None)

#: Sends a call to a module through core and returns the result frame.
Request = Callable[[str, str, str | None], Awaitable[Message]]


def split_name(name: str) -> tuple[str, int]:
    """`MistWebsocket_1` → name and index; without a number at its end the whole text is the name, the index 1."""
    head, separator, tail = name.rpartition("_")
    return (head, int(tail)) if separator and tail.isdecimal() else (name, 1)


class RemoteModule:
    """A module by its name in a system (`driver.context.ModuleHandle`)."""

    def __init__(
        self,
        system_id: str | None,
        name: str,
        directory: Directory,
        subscriptions: Subscriptions,
        request: Request,
    ) -> None:
        self._system_id = system_id
        self._slug = name
        self._name, self._index = split_name(name)
        self._directory = directory
        self._subscriptions = subscriptions
        self._request = request

    async def call(self, command: str, *args: Any, **kwargs: Any) -> Any:
        """Run a command and return its answer. Raises as `ModuleHandle.call`."""
        try:
            module_id = await self._module_id()
            if module_id is None:
                raise NoSuchModule(f"no module {self._slug} in the system {self._system_id or '(none)'}")
            interface = await self._directory.interface(module_id)
        except StoreError as error:
            raise ModuleUnavailable(f"{self._slug} cannot be looked up: {error.message}") from None
        if not interface:
            raise ModuleUnavailable(f"{self._slug} has not been started so far")
        if command not in interface:
            hint = suggestion(command, interface)
            raise UnknownCommand(f"{self._slug} has no command {command!r}", hint=hint)
        body = call_body(command, _bound(command, interface[command], args, kwargs))
        result = await self._request(module_id, body, caller.get())
        if result.error is not None:
            raise _failure(f"{self._slug}.{command}", result.error, result.payload or "")
        try:
            return jsontext.loads(result.payload or "null")
        except ValueError:
            raise CommandFailed(f"{self._slug}.{command} answered with something that is no JSON") from None

    async def status(self, key: str) -> Any:
        """The present value of a status, or None."""
        try:
            module_id = await self._module_id()
            return None if module_id is None else await self._directory.status(module_id, key)
        except StoreError:
            return None

    async def statuses(self, keys: Sequence[str]) -> list[Any]:
        """The present values of several statuses, or None in place of each that there is not."""
        if len(keys) > 1:
            with suppress(StoreError):
                module_id = await self._module_id()
                return [None] * len(keys) if module_id is None else await self._directory.statuses(module_id, keys)
        return [await self.status(key) for key in keys]

    def subscribe(self, key: str, listener: Listener) -> Unsubscribe:
        """Follow a status, whichever module has the name."""
        if self._system_id is None:
            return lambda: None
        return self._subscriptions.follow(self._system_id, self._name, self._index, key, listener)

    async def _module_id(self) -> str | None:
        if self._system_id is None:
            return None
        return await self._directory.module_id(self._system_id, self._name, self._index)


def _bound(command: str, parameters: Any, args: tuple[Any, ...], kwargs: Mapping[str, Any]) -> dict[str, Any]:
    """Arguments by name in the order of the metadata, with the defaults that it gives. Raises `BadArguments`."""
    known: Mapping[str, Any] = parameters if isinstance(parameters, Mapping) else {}
    names = [name for name in known if name not in kwargs]
    if len(args) > len(names):
        raise BadArguments(f"{command} takes {len(known)} arguments, {len(args) + len(kwargs)} were given")
    unknown = [name for name in kwargs if name not in known]
    if unknown:
        raise BadArguments(f"{command} has no argument {unknown[0]!r}")
    given = {**kwargs, **dict(zip(names, args, strict=False))}
    bound = {}
    for name, schema in known.items():
        if name in given:
            bound[name] = given[name]
        elif isinstance(schema, Mapping) and "default" in schema:
            bound[name] = schema["default"]
        else:
            raise BadArguments(f"{command}: {name} is missing")
    return bound


#: What core says where a module has no row, or its process went while it was asked.
_NOT_THERE = frozenset({"PgORM::Error::RecordNotFound", "IO::Error"})

#: Errors of ours that need no more than a message come back as what they were.
_KNOWN = {
    name: each
    for name, each in vars(errors).items()
    if isinstance(each, type)
    and issubclass(each, MistlocateError)
    and each.__init__ in (MistlocateError.__init__, errors.CloudError.__init__, BadArguments.__init__)
}


def _failure(what: str, name: str, text: str) -> MistlocateError:
    if name == "IO::TimeoutError":
        return ModuleUnavailable(f"{what}: no answer in time")
    if name in _NOT_THERE or (name, text) == ("Exception", "driver not available"):
        return ModuleUnavailable(f"{what}: the module is not running")
    known = _KNOWN.get(name)
    return CommandFailed(f"{what}: {text} ({name})") if known is None else known(text)
