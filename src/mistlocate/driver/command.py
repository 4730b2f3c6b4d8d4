"""Commands: methods that people and programs may call by name.

The signature of a method is its contract: types become JSON Schema, defaults make arguments optional, the order of
the parameters is the positional order. Arguments come as JSON and are coerced by the schema; a parameter declared as
text stays text, because `563412e45678` is a MAC and no number.
"""

import difflib
import inspect
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from enum import IntEnum
from typing import Annotated, Any, TypeVar, get_origin, get_type_hints

from pydantic import ConfigDict, TypeAdapter, ValidationError

from mistlocate.errors import BadArguments, Problem, UnknownCommand

Method = TypeVar("Method", bound=Callable[..., Any])

_MARK = "__mistlocate_command__"

#: JSON has no infinities, and a number is no text.
_CONFIG = ConfigDict(allow_inf_nan=False)


class Level(IntEnum):
    """Who may run a command or read a status: each level includes the ones below it.

    `METRICS` is for programs that watch an engine; no command and no status is for it.
    """

    METRICS = -1
    USER = 0
    SUPPORT = 1
    ADMINISTRATOR = 2

    @property
    def label(self) -> str:
        """The level's name in settings, documents and answers."""
        return self.name.lower()

    @classmethod
    def named(cls, name: str) -> "Level":
        """The level of a name. Raises `ValueError`."""
        try:
            return cls[name.strip().upper()]
        except KeyError:
            raise ValueError(f"no level {name!r}: use user, support, administrator or metrics") from None


@dataclass(frozen=True, slots=True)
class Parameter:
    """One argument of a command. `schema` is its JSON Schema; `default` counts only if it is not `required`.

    `read` coerces what is given for it; it raises pydantic's `ValidationError`.
    """

    name: str
    required: bool
    default: Any
    schema: Mapping[str, Any]
    read: Callable[[Any], Any]


@dataclass(frozen=True, slots=True)
class Command:
    """A command as engines see it."""

    name: str
    level: Level
    description: str
    parameters: tuple[Parameter, ...]

    @property
    def arity(self) -> int:
        """How many arguments a call must give."""
        return sum(parameter.required for parameter in self.parameters)

    def bind(self, args: Sequence[Any] | Mapping[str, Any] | None, *, ignore_unknown: bool = False) -> dict[str, Any]:
        """Arguments by position or by name, coerced. Raises `BadArguments` with every problem there is.

        `ignore_unknown`: of names that it does not have nothing is taken, nor of anything if it has no arguments.
        """
        if ignore_unknown and not self.parameters:
            return {}
        given = args if isinstance(args, Mapping) else self.by_name(() if args is None else args)
        problems: list[Problem] = []
        bound: dict[str, Any] = {}
        left = len(given)
        for parameter in self.parameters:
            name = parameter.name
            if name in given:
                left -= 1
                try:
                    bound[name] = parameter.read(given[name])
                except ValidationError as error:
                    problems += [_problem(name, each) for each in error.errors(include_url=False)]
            elif parameter.required:
                problems.append(Problem(name, "is missing"))
            else:
                bound[name] = parameter.default
        if left and not ignore_unknown:
            raise self._unknown(given)
        if problems:
            raise BadArguments(f"{self.name}: " + "; ".join(str(problem) for problem in problems), problems)
        return bound

    def by_name(self, args: object) -> dict[str, Any]:
        """Arguments that are given by position, with their names. Raises `BadArguments`, also if there are too many."""
        if not isinstance(args, (list, tuple)):
            raise BadArguments(f"{self.name}: the arguments are neither a list nor an object")
        if len(args) > len(self.parameters):
            raise BadArguments(f"{self.name} takes {_count(len(self.parameters), 'argument')}, {len(args)} were given")
        return {parameter.name: value for parameter, value in zip(self.parameters, args, strict=False)}

    def _unknown(self, given: Iterable[str]) -> BadArguments:
        names = [parameter.name for parameter in self.parameters]
        unknown = next(name for name in given if name not in names)
        hint = suggestion(unknown, names)
        return BadArguments(f"{self.name} has no argument {unknown!r}" + (f"; {hint}" if hint else ""))


def command(level: Level = Level.USER) -> Callable[[Method], Method]:
    """Mark an async method as a command of this level. Its docstring's first line describes it."""

    def mark(method: Method) -> Method:
        setattr(method, _MARK, level)
        return method

    return mark


def commands_of(driver_class: type[Any]) -> Mapping[str, Command]:
    """The commands of a driver class by name, in the order of their definition."""
    if driver_class not in _known:
        _known[driver_class] = {
            name: _describe(name, getattr(driver_class, name), level)
            for base in reversed(driver_class.__mro__)
            for name in vars(base)
            if (level := getattr(getattr(driver_class, name), _MARK, None)) is not None
        }
    return _known[driver_class]


_known: dict[type[Any], Mapping[str, Command]] = {}


def command_of(driver_class: type[Any], name: str) -> Command:
    """One command. Raises `UnknownCommand` with a suggestion."""
    known = _known.get(driver_class) or commands_of(driver_class)
    found = known.get(name)
    if found is None:
        hint = suggestion(name, known) or "commands: " + ", ".join(known)
        raise UnknownCommand(f"no command {name!r}", hint=hint)
    return found


def suggestion(word: str, known: Sequence[str] | Mapping[str, Any]) -> str | None:
    """A hint for a misspelt word, or None if nothing is like it."""
    close = difflib.get_close_matches(word, list(known), n=1)
    return f"did you mean {close[0]!r}?" if close else None


def _describe(name: str, method: Callable[..., Any], level: Level) -> Command:
    hints = get_type_hints(method, include_extras=True)
    parameters = []
    for parameter in list(inspect.signature(method).parameters.values())[1:]:
        adapter = _adapter(hints[parameter.name])
        required = parameter.default is inspect.Parameter.empty
        default = None if required else parameter.default
        schema = adapter.json_schema()
        if not required:
            schema["default"] = default
        parameters.append(Parameter(parameter.name, required, default, schema, adapter.validator.validate_python))
    description = (inspect.getdoc(method) or "").partition("\n\n")[0].replace("\n", " ")
    return Command(name, level, description, tuple(parameters))


def _adapter(hint: Any) -> TypeAdapter[Any]:
    """What reads a type. Most commands take the same few, and making a reader takes a millisecond of every start."""
    if get_origin(hint) is Annotated:  # with limits, which cannot be looked up
        return TypeAdapter(hint, config=_CONFIG)
    if hint not in _adapters:
        _adapters[hint] = TypeAdapter(hint, config=_CONFIG)
    return _adapters[hint]


_adapters: dict[Any, TypeAdapter[Any]] = {}


def _problem(name: str, error: Mapping[str, Any]) -> Problem:
    place = ".".join(str(part) for part in (name, *error["loc"]))
    return Problem(place, str(error["msg"]))


def _count(number: int, noun: str) -> str:
    return f"no {noun}s" if number == 0 else f"{number} {noun}" + ("s" if number > 1 else "")
