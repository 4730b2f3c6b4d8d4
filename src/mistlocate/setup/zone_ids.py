"""Ids of zones from the names of buildings and levels: readable, and never one id for two names. Pure.

Names are the same if they differ in case, in spaces, or in how their accents are composed, and in nothing else. Where
two names would be written alike ("Floor ½" and "Floor 1/2", names without a letter of the alphabet) the ids are
numbered, in the order of the names: the order in which the cloud lists its maps does not matter.
"""

import re
import unicodedata
from collections.abc import Hashable, Iterable, Mapping
from typing import NamedTuple, TypeVar

#: The longest id that a settings file takes, and how much of it a building may have: its levels need the rest.
LONGEST = 64
_LONGEST_OF_BUILDING = 40

#: Letters that are no other letter with an accent.
_LETTERS = str.maketrans(
    {"ß": "ss", "æ": "ae", "œ": "oe", "ø": "o", "đ": "d", "ð": "d", "ł": "l", "þ": "th", "\u0131": "i", "ħ": "h"}
)
_SIGN = re.compile(r"(?<![^\W_])([-+\u2010\u2212\u2013])(?=\d)")
_NO_SLUG = re.compile(r"[^a-z0-9]+")

Key = TypeVar("Key", bound=Hashable)


class Zone(NamedTuple):
    """A zone of a settings file; `parent` is the id of the zone it lies in."""

    id: str
    name: str
    parent: str | None = None


def same(name: str) -> str:
    """What is equal for names that are the same."""
    return " ".join(unicodedata.normalize("NFC", name).lower().split())


def slug(name: str) -> str:
    """A name in the letters a to z, digits and dashes: "Level -1" → "level-minus-1". Empty if it has none of them."""
    plain = "".join(each for each in unicodedata.normalize("NFKD", name) if not unicodedata.combining(each))
    signed = _SIGN.sub(lambda sign: " plus " if sign[1] == "+" else " minus ", plain.lower().translate(_LETTERS))
    return _NO_SLUG.sub("-", signed).strip("-")


def zone_ids(
    places: Iterable[tuple[str, str]], there: Iterable[Zone] = ()
) -> tuple[dict[str, str], dict[tuple[str, str], str]]:
    """Ids for the buildings and the levels of `places` (building, level), under their names as `same` writes them.

    A zone that is `there` already keeps its id for what it is called, and nothing else gets that id.
    """
    wanted = {(same(building), same(level)) for building, level in places}
    known = list(there)
    taken = {zone.id for zone in known}
    names = {building for building, _ in wanted}
    buildings = _buildings_of(known, names)
    bases = {name: _cut(f"zone-{slug(name) or 'building'}", _LONGEST_OF_BUILDING) for name in names - buildings.keys()}
    buildings |= _numbered(bases, taken)
    called = {(zone.parent, same(zone.name)): zone.id for zone in reversed(known)}
    levels = {
        (building, level): called[buildings[building], level]
        for building, level in wanted
        if (buildings[building], level) in called
    }
    bases_of_levels = {
        (building, level): _cut(f"{buildings[building]}-{slug(level) or 'level'}", LONGEST)
        for building, level in wanted - levels.keys()
    }
    return buildings, {**levels, **_numbered(bases_of_levels, taken)}


def _buildings_of(known: list[Zone], names: set[str]) -> dict[str, str]:
    """The zones that are buildings of these names: they lie in no other zone, or others lie in them."""
    parents = {zone.parent for zone in known}
    found: dict[str, str] = {}
    for zone in known:
        if same(zone.name) in names and (zone.parent is None or zone.id in parents):
            found.setdefault(same(zone.name), zone.id)
    return found


def _numbered(bases: Mapping[Key, str], taken: set[str]) -> dict[Key, str]:
    """An id for each key, of its own: the base, or the base with a number. They are `taken` then."""
    ids: dict[Key, str] = {}
    late: list[Key] = []
    # The name that reads as the id goes first: "Level minus 1" before "Level -1".
    for key in sorted(bases, key=lambda each: (bases[each], not _reads_as(each, bases[each]), repr(each))):
        if bases[key] in taken:
            late.append(key)
        else:
            ids[key] = bases[key]
            taken.add(bases[key])
    for key in late:
        number = 2
        while (numbered := f"{_cut(bases[key], LONGEST - len(f'-{number}'))}-{number}") in taken:
            number += 1
        ids[key] = numbered
        taken.add(numbered)
    return ids


def _reads_as(key: Hashable, base: str) -> bool:
    name = key if isinstance(key, str) else str(key[-1]) if isinstance(key, tuple) else ""
    return base.endswith(f"-{name.replace(' ', '-')}")


def _cut(text: str, length: int) -> str:
    return text[:length].rstrip("-")
