"""The settings file of the engine: read, resolved, and checked as a whole before anything starts."""

from collections import Counter
from collections.abc import Iterator, Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

from pydantic import BaseModel, ValidationError

from mistlocate import yamltext
from mistlocate.driver.base import Driver, parse_settings, problems_of
from mistlocate.driver.command import suggestion
from mistlocate.engines.embedded.access import is_loopback
from mistlocate.engines.embedded.drivers import DRIVERS
from mistlocate.engines.embedded.settings import (
    ENVIRONMENT_PREFIX,
    EngineConfig,
    Environment,
    Loaded,
    ModuleSpec,
    SystemConfig,
    ZoneConfig,
    split_address,
)
from mistlocate.engines.embedded.tls import server_context
from mistlocate.errors import Problem, SettingsError

__all__ = [
    "EngineConfig", "Loaded", "ModuleSpec", "SystemConfig", "ZoneConfig",
    "load", "load_file", "load_text", "split_address", "unreadable_files",
]  # fmt: skip

#: For so many names that do not exist another one is suggested: comparing takes time.
_SUGGESTIONS = 20


def _what_to_do(error: Exception) -> str:
    """About a settings file that cannot be read; one that is there is not to be made."""
    match error:
        case FileNotFoundError():
            return "make one with `mistlocate init`"
        case PermissionError():
            return "who runs this has to be allowed to read it"
        case UnicodeDecodeError():
            return "save it as UTF-8"
    return "name a settings file"


def load_file(path: Path) -> Loaded:
    """Read and check a settings file. Raises `SettingsError` with every problem there is."""
    try:
        text = path.read_text(encoding="utf-8")
    except (OSError, ValueError) as error:
        reason = error.strerror if isinstance(error, OSError) else "is not UTF-8 text"
        raise SettingsError([Problem("", f"{reason}", _what_to_do(error))], where=str(path)) from None
    return replace(load_text(text, path.resolve().parent, where=str(path)), path=path.resolve())


def load_text(text: str, base: Path, *, where: str = "settings") -> Loaded:
    """The same from a text."""
    try:
        raw = yamltext.loads(text)
    except yamltext.YamlError as error:
        raise SettingsError([error.problem], where=where) from None
    if not isinstance(raw, dict):
        raise SettingsError([Problem("", "expected keys such as zones and systems")], where=where)
    return load(raw, base, where=where)


def load(raw: Mapping[str, Any], base: Path, *, where: str = "settings", environment: bool = True) -> Loaded:
    """Check settings that were read already; `environment` false takes nothing from there over them."""
    unresolved: list[Problem] = []
    resolved = yamltext.resolve(raw, base, unresolved)
    outside = Environment().model_dump(exclude_none=True) if environment else {}
    problems: list[Problem] = []
    config, wrong = _lenient({**resolved, **outside}, problems)
    specs = list(_modules(resolved, base, problems))
    problems += _check_together(config, specs, wrong)
    problems += _check_tls(Loaded(config, (), base))
    # What could not be resolved is wrong for that reason alone, whatever stands in its place.
    known = {problem.path for problem in unresolved}
    problems = unresolved + [problem for problem in problems if problem.path not in known]
    if problems:
        arrows = set(_arrows(resolved))
        raise SettingsError([_named(problem, outside, arrows) for problem in problems], where=where)
    return Loaded(config, tuple(specs), base)


def unreadable_files(loaded: Loaded) -> list[Problem]:
    """The files that settings name and that cannot be read at present. They may come while the engine runs."""
    found = []
    for spec in loaded.modules:
        for name in _file_settings(spec.driver):
            if name in spec.settings:
                path = str(spec.settings[name])
                try:
                    Path(path).read_bytes()
                except OSError as error:
                    message = f"the file {path} cannot be read: {error.strerror}"
                    found.append(Problem(f"{spec.place}.{name}", message, "make it, or name another one here"))
    return found


def _named(problem: Problem, outside: Mapping[str, Any], arrows: set[str]) -> Problem:
    """The problem under the name of the variable it came from, and with a hint where another notation was pasted."""
    hint = yamltext.ARROW_HINT if "=>" in problem.path or problem.path in arrows else problem.hint
    path = f"{ENVIRONMENT_PREFIX}{problem.path.upper()}" if problem.path in outside else problem.path
    return Problem(path, problem.message, hint)


def _arrows(value: Any, path: str = "") -> Iterator[str]:
    """The paths of texts with an arrow in them."""
    if isinstance(value, Mapping):
        for key, each in value.items():
            yield from _arrows(each, f"{path}.{key}".lstrip("."))
    elif isinstance(value, list):
        for number, each in enumerate(value):
            yield from _arrows(each, f"{path}[{number}]")
    elif isinstance(value, str) and "=>" in value:
        yield path


def _lenient(resolved: Mapping[str, Any], problems: list[Problem]) -> tuple[EngineConfig, frozenset[str]]:
    """The settings, with defaults for the keys that are wrong (which are returned too): so the rest can be checked."""
    try:
        return EngineConfig(**resolved), frozenset()
    except ValidationError as failed:
        error = failed
        problems += [_with_hint(problem, EngineConfig) for problem in problems_of(error)]
    wrong = frozenset(str(each["loc"][0]) for each in error.errors(include_input=False, include_url=False))
    return EngineConfig(**{key: value for key, value in resolved.items() if key not in wrong}), wrong


# -- modules --------------------------------------------------------------------------------------


def _modules(raw: Mapping[str, Any], base: Path, problems: list[Problem]) -> Iterator[ModuleSpec]:
    """Every module whose driver is known; its settings are checked on the way."""
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
                place=f"{path}.settings",
            )
            _check_settings(spec, spec.place, problems)
            yield spec


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
    files = [name for name in _file_settings(driver) if isinstance(settings.get(name), str)]
    return {**settings, **{name: str(base / settings[name]) for name in files}}


def _file_settings(driver: type[Driver[Any]]) -> list[str]:
    fields = driver.Settings.model_fields.items()
    return [name for name, info in fields if info.annotation in (Path, Path | None)]


# -- checks of the whole --------------------------------------------------------------------------


def _check_together(config: EngineConfig, specs: list[ModuleSpec], wrong: frozenset[str]) -> Iterator[Problem]:
    """What no part of the settings can know alone; parts that are `wrong` in themselves are left out."""
    zones = {zone.id for zone in config.zones}
    if "zones" not in wrong:
        yield from _check_zones(config)
        lost = [
            (f"{spec.place}.{place}", zone)
            for spec in specs
            for place, zone in spec.driver.zones_named_by(spec.settings)
            if zone not in zones
        ]
        for number, (path, zone) in enumerate(lost):
            yield _no_zone(path, zone, zones if number < _SUGGESTIONS else set())
    if "systems" not in wrong:
        yield from _check_modules(config, specs)
    yield from _doubled("api_keys", [key.name for key in config.api_keys])
    host, _ = split_address(config.listen)
    if not config.api_keys and "api_keys" not in wrong and not is_loopback(host):
        hint = "configure api_keys, or listen on 127.0.0.1"
        yield Problem("listen", "other machines could call without a key", hint)


def _check_tls(loaded: Loaded) -> Iterator[Problem]:
    given = [name for name in ("tls_certificate", "tls_key") if getattr(loaded.config, name) is not None]
    if len(given) == 1:
        yield Problem(given[0], "is there alone", "give both tls_certificate and tls_key")
    elif loaded.tls is not None:
        try:
            server_context(loaded.tls)
        except ValueError as error:
            yield Problem("tls_certificate", str(error))


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
    there: dict[str, list[ModuleSpec]] = {}
    for spec in specs:
        there.setdefault(spec.system_id, []).append(spec)
    for number, system in enumerate(config.systems):
        beside = there.get(system.id, [])
        slugs = {spec.slug for spec in beside}
        for spec in beside:
            for needed in spec.driver.requirements:
                if needed not in slugs:
                    yield Problem(f"systems[{number}].modules", f"{spec.slug} needs the module {needed} beside it")


def _doubled(path: str, names: list[str]) -> Iterator[Problem]:
    for name in sorted(name for name, count in Counter(names).items() if count > 1):
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
