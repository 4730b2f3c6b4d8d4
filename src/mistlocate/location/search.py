"""Text → people, best first: by a part of the name, of the e-mail address, or of a MAC."""

import re
from collections.abc import Iterable
from typing import NamedTuple

from mistlocate.location.identity import Identity, format_mac

_WORDS = re.compile(r"[^a-z0-9]+")
_HEX_QUERY = re.compile(r"[0-9a-f:.\-]+")

#: Fewer hex digits than this fit too many MACs to mean one.
_MAC_DIGITS = 4


class Person(NamedTuple):
    """Someone who can be found: who, and with which MACs (12 hex digits)."""

    identity: Identity
    macs: tuple[str, ...]


class Hit(NamedTuple):
    """A person and how well the text fits: 0 is best."""

    rank: int
    person: Person


def search(people: Iterable[Person], text: str, limit: int = 20) -> list[Hit]:
    """The people whose name, address or MAC contains the text, best first, at most `limit`.

    The ranks: the whole name or address; its beginning; the beginning of one of its words; every word of the text
    at the beginning of some word ("al mor"); a MAC; anywhere inside.
    """
    wanted = text.strip().lower()
    if not wanted:
        return []
    mac = format_mac(wanted) if _HEX_QUERY.fullmatch(wanted) else ""
    words = [word for word in _WORDS.split(wanted) if word]
    hits = []
    for person in people:
        rank = _rank(person, wanted, words, mac if len(mac) >= _MAC_DIGITS else "")
        if rank is not None:
            hits.append(Hit(rank, person))
    hits.sort(key=lambda hit: (hit.rank, len(hit.person.identity.name), str(hit.person.identity)))
    return hits[:limit]


def _rank(person: Person, wanted: str, words: list[str], mac: str) -> int | None:
    name, whole = person.identity.name, str(person.identity)
    if wanted in (name, whole):
        return 0
    if whole.startswith(wanted):
        return 1
    parts = _WORDS.split(name)
    if any(part.startswith(wanted) for part in parts):
        return 2
    if words and all(any(part.startswith(word) for part in parts) for word in words):
        return 3
    if mac and any(mac in each for each in person.macs):
        return 4
    return 5 if wanted in whole else None
