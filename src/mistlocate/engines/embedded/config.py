"""The settings file of the engine: read, resolved, and checked as a whole before anything starts."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Annotated, Any, Literal

from pydantic import BaseModel, ConfigDict, Field, ValidationError, field_validator
from pydantic_settings import BaseSettings, PydanticBaseSettingsSource, SettingsConfigDict

from mistlocate import yamltext
from mistlocate.driver.base import Driver, parse_settings, problems_of
from mistlocate.driver.command import Level, suggestion
from mistlocate.engines.embedded.access import ApiKey, is_hash, is_loopback
from mistlocate.engines.embedded.drivers import DRIVERS
from mistlocate.errors import Problem, SettingsError

Id = Annotated[str, Field(pattern=r"^[A-Za-z0-9_.-]{1,64}$")]


class Strict(BaseModel):
    """Unknown keys are errors: most of them are misspelt."""

    model_config = ConfigDict(extra="forbid", frozen=True, hide_input_in_errors=True)


class ZoneConfig(Strict):
    """A place: a building, a level, a campus …"""

    id: Id = Field(description="What mappings and callers call it.")
    name: str = Field(description="What people call it.")
    parent: Id | None = Field(None, description="The zone it lies in.")


class KeyConfig(Strict):
    """An API key. Only its hash is here; `mistlocate key` makes both."""

    name: str = Field(description="Whose key it is; shown wherever a call is attributed.")
    level: Literal["user", "support", "administrator"] = "user"
    hash: str = Field(description="sha256:… as `mistlocate key` prints it.")

    @field_validator("hash")
    @classmethod
    def _hash(cls, text: str) -> str:
        if not is_hash(text):
            raise ValueError("expected sha256: and 64 hex digits; make a key with `mistlocate key`")
        return text


class ModuleConfig(Strict):
    """A driver in a system. Its name there is the driver's, with an index: `MistWebsocket_1`."""

    driver: str = Field(description="One of: " + ", ".join(DRIVERS))
    id: Id | None = Field(None, description="Default: made of system, name and index.")
    uri: str | None = Field(None, description="Where the driver's device or cloud is; its settings outrank it.")
    settings: dict[str, Any] = Field({}, description="The driver's settings.", repr=False)


class SystemConfig(Strict):
    """Modules that know each other."""

    id: Id
    name: str = ""
    zones: list[Id] = Field([], description="The zones this system serves.")
    modules: list[ModuleConfig] = []


class EngineConfig(BaseSettings):
    """Everything in a settings file. The simple values can also come from the environment as MISTLOCATE_<NAME>."""

    model_config = SettingsConfigDict(env_prefix="MISTLOCATE_", extra="forbid", frozen=True, hide_input_in_errors=True)

    listen: str = Field("127.0.0.1:8680", description="Address and port of the API; loopback unless there are keys.")
    allowed_hosts: list[str] = Field([], description="Further names under which the API may be called.")
    store: Path = Field(Path("mistlocate.db"), description="What is kept over restarts: owners, saved settings.")
    log_level: Literal["debug", "info", "warning", "error"] = "info"
    log_format: Literal["text", "json"] = "text"
    zones: list[ZoneConfig] = []
    systems: list[SystemConfig] = []
    api_keys: list[KeyConfig] = []

    @field_validator("listen")
    @classmethod
    def _address(cls, text: str) -> str:
        split_address(text)
        return text

    @classmethod
    def settings_customise_sources(
        cls,
        settings_cls: type[BaseSettings],
        init_settings: PydanticBaseSettingsSource,
        env_settings: PydanticBaseSettingsSource,
        dotenv_settings: PydanticBaseSettingsSource,
        file_secret_settings: PydanticBaseSettingsSource,
    ) -> tuple[PydanticBaseSettingsSource, ...]:
        """The environment outranks the file; there are no other sources."""
        return env_settings, init_settings


@dataclass(frozen=True, slots=True)
class ModuleSpec:
    """A module as the engine starts it."""

    id: str
    system_id: str
    name: str
    index: int
    driver: type[Driver[Any]]
    uri: str | None
    settings: Mapping[str, Any] = field(repr=False)  # secrets are among them

    @property
    def slug(self) -> str:
        """Its name in the system, with the index."""
        return f"{self.name}_{self.index}"


@dataclass(frozen=True, slots=True)
class Loaded:
    """A settings file that can be used. `base` is the folder that relative paths start from."""

    config: EngineConfig
    modules: tuple[ModuleSpec, ...]
    base: Path

    @property
    def keys(self) -> list[ApiKey]:
        """The configured API keys."""
        return [ApiKey(each.name, Level.named(each.level), each.hash) for each in self.config.api_keys]

    @property
    def address(self) -> tuple[str, int]:
        """Host and port to listen on."""
        return split_address(self.config.listen)

    @property
    def store(self) -> Path:
        """The file of the store."""
        return self.base / self.config.store


def split_address(text: str) -> tuple[str, int]:
    """Host and port of `host:port`, `[v6]:port` or a port alone. Raises `ValueError`."""
    host, _, port = text.strip().rpartition(":")
    if not port.isdigit() or int(port) > 65535:
        raise ValueError("expected HOST:PORT, for example 127.0.0.1:8680")
    return host.strip("[]") or "127.0.0.1", int(port)


def load_file(path: Path) -> Loaded:
    """Read and check a settings file. Raises `SettingsError` with every problem there is."""
    try:
        text = path.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        reason = error.strerror if isinstance(error, OSError) else "is not UTF-8 text"
        raise SettingsError([Problem("", f"{reason}", "make one with `mistlocate init`")], where=str(path)) from None
    return load_text(text, path.resolve().parent, where=str(path))


def load_text(text: str, base: Path, *, where: str = "settings") -> Loaded:
    """The same from a text."""
    try:
        raw = yamltext.loads(text)
    except yamltext.YamlError as error:
        raise SettingsError([error.problem], where=where) from None
    if not isinstance(raw, dict):
        raise SettingsError([Problem("", "expected keys such as zones and systems")], where=where)
    return load(raw, base, where=where)


def load(raw: Mapping[str, Any], base: Path, *, where: str = "settings") -> Loaded:
    """Check settings that were read already."""
    problems: list[Problem] = []
    resolved = yamltext.resolve(raw, base, problems)
    config, wrong = _lenient(resolved, problems)
    specs = list(_modules(resolved, base, problems))
    problems += _check_together(config, specs, wrong)
    if problems:
        raise SettingsError(problems, where=where)
    return Loaded(config, tuple(spec for spec, _ in specs), base)


def _lenient(resolved: Mapping[str, Any], problems: list[Problem]) -> tuple[EngineConfig, frozenset[str]]:
    """The settings, with defaults for the keys that are wrong (which are returned too): so the rest can be checked."""
    try:
        return EngineConfig(**resolved), frozenset()
    except ValidationError as error:
        found = problems_of(error)
        problems += [_with_hint(problem, EngineConfig) for problem in found]
    wrong = frozenset(problem.path.split(".")[0] for problem in found)
    return EngineConfig(**{key: value for key, value in resolved.items() if key not in wrong}), wrong


# -- modules --------------------------------------------------------------------------------------


def _modules(raw: Mapping[str, Any], base: Path, problems: list[Problem]) -> Iterator[tuple[ModuleSpec, str]]:
    """Every module whose driver is known, and the path of its settings, which are checked on the way."""
    for s, system in enumerate(_dicts(raw.get("systems"))):
        indices: dict[str, int] = {}
        for m, module in enumerate(_dicts(system.get("modules"))):
            path = f"systems[{s}].modules[{m}]"
            name = str(module.get("driver"))
            driver = DRIVERS.get(name)
            if driver is None:
                known = ", ".join(DRIVERS)
                problems.append(
                    Problem(f"{path}.driver", f"no driver {name!r}", suggestion(name, DRIVERS) or f"known: {known}")
                )
                continue
            index = indices[name] = indices.get(name, 0) + 1
            settings = module.get("settings")
            settings = _absolute_paths(driver, settings if isinstance(settings, dict) else {}, base)
            spec = ModuleSpec(
                id=str(module.get("id") or f"mod-{system.get('id')}-{name}-{index}"),
                system_id=str(system.get("id")),
                name=name,
                index=index,
                driver=driver,
                uri=module.get("uri"),
                settings=settings,
            )
            _check_settings(spec, f"{path}.settings", problems)
            yield spec, f"{path}.settings"


def _check_settings(spec: ModuleSpec, path: str, problems: list[Problem]) -> None:
    blank = [key for key, value in spec.driver.placeholders.items() if spec.settings.get(key) == value]
    problems += [Problem(f"{path}.{key}", "is still the placeholder", "fill in your own value") for key in blank]
    try:
        parse_settings(spec.driver, spec.settings, unknown_is_error=True)
    except SettingsError as error:
        for each in error.problems:
            if each.path not in blank:
                problems.append(Problem(f"{path}.{each.path}" if each.path else path, each.message, each.hint))


def _absolute_paths(driver: type[Driver[Any]], settings: dict[str, Any], base: Path) -> dict[str, Any]:
    """Settings that are files, relative to the settings file."""
    files = [
        name
        for name, info in driver.Settings.model_fields.items()
        if info.annotation in (Path, Path | None) and isinstance(settings.get(name), str)
    ]
    return {**settings, **{name: str(base / settings[name]) for name in files}}


# -- checks of the whole --------------------------------------------------------------------------


def _check_together(
    config: EngineConfig, specs: list[tuple[ModuleSpec, str]], wrong: frozenset[str]
) -> Iterator[Problem]:
    """What no part of the settings can know alone; parts that are `wrong` in themselves are left out."""
    zones = {zone.id for zone in config.zones}
    if "zones" not in wrong:
        yield from _check_zones(config)
        for spec, path in specs:
            for place, zone in spec.driver.zones_named_by(spec.settings):
                if zone not in zones:
                    yield _no_zone(f"{path}.{place}", zone, zones)
    if "systems" not in wrong:
        yield from _check_modules(config, [spec for spec, _ in specs])
    yield from _doubled("api_keys", [key.name for key in config.api_keys])
    host, _ = split_address(config.listen)
    if not config.api_keys and "api_keys" not in wrong and not is_loopback(host):
        hint = "configure api_keys, or listen on 127.0.0.1"
        yield Problem("listen", "other machines could call without a key", hint)


def _check_zones(config: EngineConfig) -> Iterator[Problem]:
    zones = {zone.id: zone for zone in config.zones}
    yield from _doubled("zones", [zone.id for zone in config.zones])
    for number, zone in enumerate(config.zones):
        if zone.parent is not None and zone.parent not in zones:
            yield _no_zone(f"zones[{number}].parent", zone.parent, set(zones))
        seen, above = {zone.id}, zone.parent
        while above in zones and above not in seen:
            seen.add(above)
            above = zones[above].parent
        if above == zone.id:
            yield Problem(f"zones[{number}].parent", "the zone lies in itself")
    for number, system in enumerate(config.systems):
        for z, zone_id in enumerate(system.zones):
            if zone_id not in zones:
                yield _no_zone(f"systems[{number}].zones[{z}]", zone_id, set(zones))


def _check_modules(config: EngineConfig, specs: list[ModuleSpec]) -> Iterator[Problem]:
    yield from _doubled("systems", [system.id for system in config.systems])
    yield from _doubled("modules", [spec.id for spec in specs])
    for number, system in enumerate(config.systems):
        slugs = {spec.slug for spec in specs if spec.system_id == system.id}
        for spec in specs:
            if spec.system_id == system.id:
                for needed in spec.driver.requirements:
                    if needed not in slugs:
                        yield Problem(f"systems[{number}].modules", f"{spec.slug} needs the module {needed} beside it")


def _doubled(path: str, names: list[str]) -> Iterator[Problem]:
    for name in sorted({name for name in names if names.count(name) > 1}):
        yield Problem(path, f"{name!r} is there twice")


def _no_zone(path: str, zone: str, zones: set[str]) -> Problem:
    return Problem(path, f"no zone {zone!r}", suggestion(zone, sorted(zones)) or "add it to `zones`")


def _dicts(value: Any) -> list[dict[str, Any]]:
    """The items of a list that are objects; what else is wrong about it is said elsewhere."""
    return [each for each in value if isinstance(each, dict)] if isinstance(value, list) else []


def _with_hint(problem: Problem, model: type[BaseModel]) -> Problem:
    """Write `systems.0.id` as `systems[0].id`, and suggest the key that was meant."""
    parts = problem.path.split(".")
    path = "".join(f"[{part}]" if part.isdigit() else f".{part}" for part in parts).lstrip(".")
    hint = problem.hint
    if "Extra inputs are not permitted" in problem.message:
        known = list(model.model_fields) if len(parts) == 1 else []
        hint = suggestion(parts[-1], known)
        return Problem(path, "no such key", hint)
    return Problem(path, problem.message, hint)
