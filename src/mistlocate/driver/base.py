"""What every driver is: settings, hooks, commands, background tasks."""

from collections.abc import Coroutine, Iterable, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, ClassVar, Generic, TypeVar, get_args

from pydantic import BaseModel, ConfigDict, SecretStr, ValidationError, ValidationInfo

from mistlocate.driver.command import Level, suggestion
from mistlocate.driver.context import Context
from mistlocate.errors import NotFound, Problem, SettingsError

if TYPE_CHECKING:
    import asyncio  # to describe a driver takes no event loop, and would take a fifth longer with it


class DriverSettings(BaseModel):
    """The settings of a driver. Its JSON Schema is the form that integrators fill in."""

    model_config = ConfigDict(frozen=True, extra="ignore", allow_inf_nan=False, hide_input_in_errors=True)

    @property
    def lasting_about(self) -> str | None:
        """What lasting settings (`Driver.lasting_settings`) are about: the id of a site, for example. None: nothing."""
        return None

    @classmethod
    def count_lasting(cls, value: Any) -> int:
        """How many things the value of a lasting setting holds; one that is damaged may hold anything, so is not 0."""
        return 1


#: Marks a setting (`Annotated[str, FIXED]`) that is not to be changed at run time.
FIXED = "fixed"

S = TypeVar("S", bound=DriverSettings)


@dataclass(frozen=True, slots=True)
class StatusInfo:
    """What a status is, and from which level it may be read."""

    level: Level
    description: str


@dataclass(frozen=True, slots=True)
class Asset:
    """Something that a page shows and that is no JSON, such as an image. Another `version` means another body."""

    body: bytes
    media_type: str
    version: str


class Driver(Generic[S]):
    """A driver. The hooks of one module never overlap; commands run concurrently, also with hooks.

    `settings` are valid whenever a hook or a command runs. `spawn` starts a background task that ends with the
    module; if it raises, the module has crashed and its engine starts it anew.
    """

    generic_name: ClassVar[str]
    """What other modules call it."""
    descriptive_name: ClassVar[str]
    description: ClassVar[str]
    uri_base: ClassVar[str | None] = None
    interfaces: ClassVar[tuple[str, ...]] = ()
    requirements: ClassVar[tuple[str, ...]] = ()
    """The modules it talks to, by their names in the system."""
    Settings: ClassVar[type[DriverSettings]]
    default_settings: ClassVar[Mapping[str, Any]] = {}
    """What an integrator starts from …"""
    placeholders: ClassVar[Mapping[str, Any]] = {}
    """… and what of it has to be filled in first."""
    lasting_settings: ClassVar[frozenset[str]] = frozenset()
    """Settings that the module itself saves at run time, and nobody else. An engine must not leave them out, whatever
    else does not fit, nor run a module without those that were saved for its `DriverSettings.lasting_about`."""
    statuses: ClassVar[Mapping[str, StatusInfo]] = {}
    """The statuses of fixed names; every other one is described by `other_statuses`."""
    other_statuses: ClassVar[StatusInfo] = StatusInfo(Level.SUPPORT, "not described")
    asset_level: ClassVar[Level] = Level.USER
    """The level from which assets may be read."""

    def __init__(self, context: Context, settings: S, tasks: "asyncio.TaskGroup") -> None:
        self.context = context
        self.settings = settings
        self.ignored_settings: tuple[str, ...] = ()
        """Keys that were given as settings and mean nothing to this driver."""
        self._tasks = tasks

    def spawn(self, work: Coroutine[Any, Any, None], name: str) -> "asyncio.Task[None]":
        """Run something in the background for as long as the module lives, or until the task is cancelled."""
        return self._tasks.create_task(work, name=f"{self.context.module_id}/{name}")

    async def on_load(self) -> None:
        """The module starts."""

    async def on_update(self, previous: S) -> None:
        """Settings have changed; `self.settings` are the new ones."""

    async def connected(self) -> None:
        """What the driver reported as its connection came about."""

    async def disconnected(self) -> None:
        """… and went."""

    async def on_unload(self) -> None:
        """The module stops; its background tasks are cancelled afterwards."""

    async def asset(self, name: str) -> Asset:
        """An asset by its name; asked for like a command, whatever else is going on. Raises `NotFound`."""
        raise NotFound("no such asset")

    @classmethod
    def secret_settings(cls) -> frozenset[str]:
        """The settings that are secrets: engines mask them, and never save them."""
        fields = cls.Settings.model_fields.items()
        return frozenset(name for name, field in fields if SecretStr in (field.annotation, *get_args(field.annotation)))

    @classmethod
    def fixed_settings(cls) -> frozenset[str]:
        """The settings that decide to whom secrets are sent, marked with `FIXED`: engines take them from the
        settings file alone. Who may change settings at run time may not see a secret, so may not send it elsewhere
        either."""
        return frozenset(name for name, field in cls.Settings.model_fields.items() if FIXED in field.metadata)

    @classmethod
    def not_to_be_saved(cls, changes: Mapping[str, Any]) -> Iterable[Problem]:
        """What may not be changed at run time, for engines that let people do that."""
        for name in changes:
            if name in cls.secret_settings():
                hint = "keep them in the settings file, or in a file that it names"
                yield Problem(name, "secrets are not saved at run time", hint)
            elif name in cls.fixed_settings():
                hint = "change it in the settings file"
                yield Problem(name, "decides where secrets are sent, and is not saved at run time", hint)

    @classmethod
    def kept_by_itself(cls, names: Iterable[str]) -> Iterable[Problem]:
        """What nobody but the module saves, or takes away, at run time, for engines that let people do that."""
        for name in names:
            if name in cls.lasting_settings:
                hint = "use the module's commands; what they change leaves a record"
                yield Problem(name, "is kept by the module itself, and not for changing by hand", hint)

    @classmethod
    def zones_named_by(cls, raw_settings: Mapping[str, Any]) -> Iterable[tuple[str, str]]:
        """The zones that settings speak of, each with the path of the setting, for engines that know all zones.

        The settings are as they were written, valid or not.
        """
        return ()

    @classmethod
    def status_info(cls, key: str) -> StatusInfo:
        """What a status is and who may read it."""
        return cls.statuses.get(key, cls.other_statuses)


@dataclass(frozen=True, slots=True)
class ParsedSettings(Generic[S]):
    """Valid settings, and the keys that were given and mean nothing to this driver."""

    settings: S
    ignored: tuple[str, ...]


def parse_settings(
    driver_class: type[Driver[Any]], raw: Mapping[str, Any], *, unknown_is_error: bool
) -> ParsedSettings[Any]:
    """Settings as their driver declares them. Raises `SettingsError` with every problem.

    An engine that merges the settings of zones and systems in passes keys that are not for the driver, and what others
    wrote: see `is_lenient`.
    """
    model = driver_class.Settings
    unknown = [key for key in raw if key not in model.model_fields]
    problems = []
    if unknown_is_error:
        known = list(model.model_fields)
        problems += [
            Problem(key, "no such setting", suggestion(key, known) or "known: " + ", ".join(known)) for key in unknown
        ]
    try:
        given = {key: value for key, value in raw.items() if key not in unknown}
        settings = model.model_validate(given, context={_STRICT: unknown_is_error})
    except ValidationError as error:
        problems += problems_of(error)
    if problems:
        raise SettingsError(problems, where=driver_class.generic_name)
    return ParsedSettings(settings, tuple(unknown))


_STRICT = "strict"


def is_lenient(info: ValidationInfo) -> bool:
    """For the validators of settings: whether the engine has the settings from people who know nothing of this driver.

    What means nothing there is then left out and told, instead of being an error.
    """
    return info.context is not None and not info.context[_STRICT]


def problems_of(error: ValidationError) -> list[Problem]:
    """What pydantic found, with the path of each problem; the values stay out, they may be secret."""
    found = []
    for each in error.errors(include_url=False, include_input=False, include_context=False):
        path = ".".join(str(part) for part in each["loc"] if not str(part).startswith("function-"))
        found.append(Problem(path, each["msg"].removeprefix("Value error, ")))
    return found
