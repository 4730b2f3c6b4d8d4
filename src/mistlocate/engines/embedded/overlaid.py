"""What modules really run with: the settings of the file, and over them what was saved at run time. Pure.

As `host.ModuleHost` does it: if what was saved does not fit, all of it is left out but what must last.
"""

from collections.abc import Iterable
from dataclasses import replace
from typing import Any, NamedTuple

from mistlocate.driver.base import parse_settings
from mistlocate.engines.embedded.saved import Saved
from mistlocate.engines.embedded.settings import ModuleSpec
from mistlocate.errors import Problem, SettingsError


class Overlaid(NamedTuple):
    """A module with the settings that hold. Whatever is told of saved settings are their names, never their values."""

    spec: ModuleSpec
    over: tuple[str, ...]
    """What was saved and lies over the file; without what the module keeps itself, which is in no file."""
    left_out: tuple[str, ...] = ()
    """What was saved and is left out, for it does not fit …"""
    problems: tuple[Problem, ...] = ()
    """… and why."""
    damaged: tuple[str, ...] = ()
    """What was saved and cannot be read: the engine does not start."""
    runs: bool = True
    """Whether the module runs: it does not where what must last does not fit. `spec` has the file alone then."""


def overlaid(spec: ModuleSpec, everything: Iterable[Saved]) -> Overlaid:
    """A module of the file with what was saved for it at run time, as far as that fits."""
    own = {each.name: each.value for each in everything if each.module == spec.id}
    damaged = tuple(name for name, value in own.items() if value is None)
    saved = {name: value for name, value in own.items() if name not in damaged}
    lasting = {name: value for name, value in saved.items() if name in spec.driver.lasting_settings}
    others = tuple(name for name in saved if name not in lasting)
    if not (problems := _problems(spec, saved)):
        return Overlaid(_with(spec, saved), others, damaged=damaged)
    if not _problems(spec, lasting):
        return Overlaid(_with(spec, lasting), (), others, problems, damaged)
    return Overlaid(spec, (), tuple(saved), problems, damaged, runs=False)


def _with(spec: ModuleSpec, saved: dict[str, Any]) -> ModuleSpec:
    return replace(spec, settings={**spec.settings, **saved})


def _problems(spec: ModuleSpec, saved: dict[str, Any]) -> tuple[Problem, ...]:
    try:
        parse_settings(spec.driver, _with(spec, saved).settings, unknown_is_error=True)
    except SettingsError as error:
        return error.problems
    return ()
