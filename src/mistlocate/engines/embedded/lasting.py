"""Lasting settings, above all objections, must not be left behind by a change of the settings file. Pure.

They are saved under the id of their module, and it is noted which site they are about
(`DriverSettings.lasting_about`). Where a module is called otherwise, or two change places, another module runs the site
and knows nothing of them: whoever objected would be shown again, and nobody would notice. Such settings are not taken.
A site that no module runs any more shows nobody, so what was saved about it may rest.
"""

from collections.abc import Iterable, Mapping
from typing import Any, NamedTuple

from mistlocate.driver.base import parse_settings
from mistlocate.engines.embedded.drivers import DRIVERS
from mistlocate.engines.embedded.saved import Place, Saved
from mistlocate.engines.embedded.settings import ModuleSpec
from mistlocate.errors import Problem, SettingsError


class Running(NamedTuple):
    """A module as it is to run, and what its lasting settings are about."""

    spec: ModuleSpec
    about: str | None

    @property
    def key(self) -> tuple[str, str | None]:
        """What has to be the same for nothing to be left behind."""
        return self.spec.id, self.about


def as_it_runs(spec: ModuleSpec, saved: Mapping[str, Any]) -> Running:
    """A module of the file with what was saved for it at run time."""
    for settings in ({**spec.settings, **saved}, spec.settings):  # what was saved and does not fit is left out
        try:
            return Running(spec, parse_settings(spec.driver, settings, unknown_is_error=True).settings.lasting_about)
        except SettingsError:
            continue
    return Running(spec, None)


def as_they_run(specs: Iterable[ModuleSpec], everything: Iterable[Saved]) -> list[Running]:
    """The modules of a file with what was saved for each."""
    saved: dict[str, dict[str, Any]] = {}
    for each in everything:
        if each.value is not None:
            saved.setdefault(each.module, {})[each.name] = each.value
    return [as_it_runs(spec, saved.get(spec.id, {})) for spec in specs]


def left_behind(everything: Iterable[Saved], running: Iterable[Running]) -> list[Problem]:
    """Every module that would run without the lasting settings that were saved about its site."""
    modules = list(running)
    problems = []
    for saved in everything:
        count = _count(saved)
        able = {each.spec.id: each for each in modules if _takes(each, saved)}
        owner = able.pop(saved.module, None)
        problems += [_problem(saved, count, each, owner) for each in able.values() if count and _is(saved, each, owner)]
    return problems


def to_be_noted(everything: Iterable[Saved], running: Iterable[Running]) -> list[Place]:
    """What lasting settings are about from now on, where that is not noted yet."""
    modules = {each.spec.id: each for each in running}
    found = []
    for saved in everything:
        owner = modules.get(saved.module)
        if owner is not None and _takes(owner, saved) and owner.about is not None and owner.about not in saved.about:
            found.append((saved.module, saved.name, owner.about))
    return found


def _takes(module: Running, saved: Saved) -> bool:
    return saved.name in module.spec.driver.lasting_settings


def _is(saved: Saved, module: Running, owner: Running | None) -> bool:
    """Whether it is about what this module runs, and its owner does not run that. Where nobody knows, it may be."""
    if not saved.about:
        return owner is None
    return module.about in saved.about and (owner is None or owner.about != module.about)


def _count(saved: Saved) -> int:
    """How much it holds; 0 for a setting that does not last."""
    drivers = [each for each in DRIVERS.values() if saved.name in each.lasting_settings]
    return max((each.Settings.count_lasting(saved.value) for each in drivers), default=0)


def _problem(saved: Saved, count: int, module: Running, owner: Running | None) -> Problem:
    why = "is no module of this kind in the file" if owner is None else "has another site now"
    kept = f"{saved.name} of this site ({count}) are kept for the module {saved.module}"
    return Problem(
        f"{module.spec.place.removesuffix('.settings')}.id",
        f"{kept}, which {why}: they would be lifted",
        f"write `id: {saved.module}` here, and another id where that stands now; or give them up for good: end the "
        f"engine, then mistlocate saved --drop {saved.module} {saved.name}",
    )
