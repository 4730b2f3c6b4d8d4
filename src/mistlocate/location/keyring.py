"""The pre-shared keys that devices of a site use: for whom each was made, and which have still to be looked up.

A record names a key by its id and nothing else. Whose a device is can be said only once the lists of keys name that
id, or once all of them could be read and none does: then it is nobody's.
"""

from collections.abc import Iterable, Mapping

from mistlocate.location.evidence import PskKey, psk_owner


class KeyRing:
    """The keys that lists have named, and the ids of others that devices use."""

    def __init__(self) -> None:
        self.unknown: set[str] = set()
        """Ids that devices use and that no list has named yet: they are to be looked up."""
        self._named: dict[str, PskKey] = {}
        self._nobodys: set[str] = set()

    def __contains__(self, psk_id: object) -> bool:
        return psk_id in self._named

    def __bool__(self) -> bool:
        return bool(self._named)

    def owner(self, psk_id: str | None) -> str | None:
        """The name of the person a key was made for, None if there is none or the key is not known."""
        key = None if psk_id is None else self._named.get(psk_id)
        return None if key is None else psk_owner(key)

    def owners(self) -> list[tuple[str, str | None]]:
        """Every key that a list has named: its id, and its owner's name."""
        return [(psk_id, psk_owner(key)) for psk_id, key in self._named.items()]

    def is_settled(self, psk_id: str) -> bool:
        """Whether it is known whose a key is, or that it is nobody's."""
        return psk_id in self._named or psk_id in self._nobodys

    def look_up(self, psk_id: str) -> None:
        """A device uses this key; unless that is settled, it is to be looked up."""
        if not self.is_settled(psk_id):
            self.unknown.add(psk_id)

    def in_doubt(self) -> frozenset[str]:
        """The ids about which complete lists, asked for now, will say everything there is to say."""
        return frozenset(self.unknown | self._nobodys)

    def take(self, keys: Mapping[str, PskKey], nobodys: Iterable[str] = ()) -> None:
        """Take what the lists name, in place of what they named before. `nobodys`: ids that no list will name."""
        self._named = dict(keys)
        self._nobodys = (self._nobodys | set(nobodys)) - keys.keys()
        self.unknown -= self._named.keys() | self._nobodys

    def forget(self, psk_ids: Iterable[str]) -> None:
        """Know nothing of these keys any more, until they are looked up again."""
        for psk_id in psk_ids:
            self._named.pop(psk_id, None)
            self._nobodys.discard(psk_id)

    def doubt(self) -> None:
        """Whoever was nobody may be somebody now: everything that no list named is to be looked up again."""
        self.unknown |= self._nobodys
        self._nobodys.clear()

    def clear(self) -> None:
        """Another site, or none whose keys matter."""
        self.unknown.clear()
        self._named.clear()
        self._nobodys.clear()
