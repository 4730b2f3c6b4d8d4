"""What of the owners has to be written to the store: see `location.ownership` for the layout."""

import json
from collections.abc import Callable, Iterable, Mapping

from mistlocate.location.evidence import Ownership, Source
from mistlocate.macs import whole_mac

#: An owner is confirmed with every record, and stored anew once a day, at an hour of its own (seconds).
HOUR, DAY = 3_600, 86_400

_written = json.JSONEncoder(ensure_ascii=False).encode


class Changes:
    """The MACs and the names whose stored form is due."""

    def __init__(self) -> None:
        self.macs: set[str] = set()
        self.names: set[str] = set()
        self.on_news: Callable[[], None] = lambda: None
        """Called when a MAC is due where none was."""

    def mark(self, mac: str, owned: Ownership) -> None:
        """Note that the stored form of this MAC and of this owner has to be written; guests have none."""
        if owned.source is not Source.GUEST:
            if not self.macs:
                self.on_news()
            self.macs.add(mac)
            self.names.add(owned.identity.name)

    def take(
        self, at_most: int | None, owners: Mapping[str, Ownership], macs_of: Callable[[str], list[str]]
    ) -> tuple[dict[str, str | None], dict[str, str | None]]:
        """Fields of `user_macs` and of `identities`, None deletes one; `macs_of` gives what a name's list holds."""
        macs = _taken(self.macs, at_most)
        owned_by = {owned.identity.name for mac in macs if (owned := owners.get(mac)) is not None}
        names = owned_by & self.names
        self.names -= names
        if not self.macs:  # and those who lost a MAC
            names |= _taken(self.names, at_most)
        user_macs: dict[str, str | None] = {}
        identities: dict[str, str | None] = {}
        for mac in macs:
            owned = owners.get(mac)
            if owned is None or not is_stored(owned):
                user_macs[mac] = identities[mac] = None
            else:
                user_macs[mac], identities[mac] = owned.identity.name, _encode(owned)
        for name in names:
            listed = macs_of(name)
            user_macs[name] = json.dumps(listed) if listed else None
        return user_macs, identities

    def give_back(self, fields: Iterable[str]) -> None:
        """These fields could not be written: they are due again."""
        for field in fields:
            (self.macs if whole_mac(field) else self.names).add(field)


def confirmed_anew(mac: str, before: float, at: float) -> bool:
    """Whether between two confirmations of an owner (unix times) the hour came at which the later is to be stored.

    What was stored is not kept in mind for it: with one time for each MAC that would be a tenth of a device's memory.
    """
    if at // HOUR == before // HOUR:
        return False
    shift = int(mac[-4:], 16) % 24 * HOUR
    return (at + shift) // DAY != (before + shift) // DAY


def is_stored(owned: Ownership) -> bool:
    """Guests' addresses are never stored, nor is who opted out."""
    return owned.source is not Source.GUEST and not owned.hidden


def _taken(changed: set[str], at_most: int | None) -> set[str]:
    """Take so many out of a set, or all."""
    if at_most is None or len(changed) <= at_most:
        taken = set(changed)
        changed.clear()
        return taken
    return {changed.pop() for _ in range(at_most)}


def decoded(text: str) -> tuple[str, Source, float]:
    """The name, its source and the time of what was stored. Raises `KeyError`, `TypeError` or `ValueError`."""
    record = json.loads(text)
    return str(record["user"]), Source[str(record["source"]).upper()], float(record["at"])


def _encode(owned: Ownership) -> str:
    return _written({"user": owned.text, "source": owned.source.name.lower(), "at": int(owned.at)})
