"""Which MAC belongs to whom.

A MAC has at most one owner, and an owner lists the MAC. What counts as evidence has an order (`Source`); the same or
a stronger source replaces what is known, a weaker one never does. Guests type what they like, so their addresses are
kept apart from the names that a network vouches for, and are never stored.

The stored form has two hashes. `user_macs` is laid out as the original drivers of PlaceOS lay it out (MAC → bare
name; bare name → JSON list of MACs, newest first), so that a site can go back to them; `identities` holds what that
layout loses: MAC → JSON object with the full name (`user`), `source` and time (`at`, unix seconds).

Who opted out (`objections`) is learned, so that the device can be told from others and kept out of answers, and is
never answered and never stored. Who is not to be learned is not.
"""

import json
from collections.abc import Container, Iterable, Iterator, Mapping
from enum import IntEnum
from typing import NamedTuple

from mistlocate.location.identity import Identity, NameRules, is_email, whole_mac
from mistlocate.location.objections import Register

#: How many MACs one person can own; the original drivers keep as many. Randomised MACs would pile up otherwise.
MACS_PER_PERSON = 9

#: An owner is confirmed with every record, and stored anew only if the stored time is older than this (seconds).
STORE_CONFIRMED_AFTER = 86_400.0


class Source(IntEnum):
    """Where an owner's name comes from, the weakest first."""

    GUEST = 1
    LOGIN = 2
    """A login that a directory saw at the device's address."""
    PSK = 3
    DOT1X = 4
    PINNED = 5


class Ownership(NamedTuple):
    """The owner of a MAC. `text` is the name as the source gave it; `at` is unix time of the last confirmation.

    A `withheld` owner (its name is to be ignored) is known and never answered; nor is a `hidden` one, who opted out.
    """

    identity: Identity
    source: Source
    at: float
    text: str
    withheld: bool = False
    hidden: bool = False


class Match(NamedTuple):
    """Whom a query means: one person's identities (several spellings are possible), or several people."""

    identities: tuple[Identity, ...]
    ambiguous: bool = False


class PskKey(NamedTuple):
    """What is kept of a pre-shared key: never its passphrase. `max_usage` 0 is "any number of devices"."""

    name: str
    email: str | None
    usage: str
    max_usage: int

    def nobodys(self) -> "PskKey":
        """The key without anybody whom it was made for."""
        return self._replace(name="", email=None)


def psk_owner(key: PskKey) -> str | None:
    """The person a key was made for: its name if that is an e-mail address, else the address it was sent to.

    A key for any number of devices whose name is no address is shared by things or by people, and the address is
    only its administrator's: it owns nobody.
    """
    if is_email(key.name):
        return key.name
    shared = key.usage == "multi" and not 0 < key.max_usage <= MACS_PER_PERSON
    return key.email if key.email and is_email(key.email) and not shared else None


class Owners:
    """The owner of each MAC and the MACs of each owner, by the rules above. Times are unix time."""

    def __init__(self, rules: NameRules | None = None) -> None:
        self.rules = rules or NameRules()
        self.objections = Register(self.rules)
        self.closed = False
        """Whether nobody is to be learned at all, nor taken in from the store."""
        self._by_mac: dict[str, Ownership] = {}
        self._by_name: dict[str, tuple[str, ...]] = {}
        """The MACs of everybody of a bare name, in the order in which they were learned. Most names have one: a tuple
        takes a ninth of what a dict by identity would."""
        self._stored_at: dict[str, float] = {}
        self._changed_macs: set[str] = set()
        self._changed_names: set[str] = set()

    def __len__(self) -> int:
        return len(self._by_mac)

    def set_rules(self, rules: NameRules) -> None:
        """Read all names anew (aliases and ignored prefixes changed)."""
        self.rules = rules
        self.set_objections(self.objections.under(rules))

    def set_objections(self, objections: Register) -> None:
        """Who objected has changed: who is not to be known is forgotten, and who opted out is stored no more."""
        before = sorted(self._by_mac.items(), key=lambda item: item[1].at)
        self.objections = objections
        self._by_mac, self._by_name = {}, {}
        for mac, owned in before:
            anew = self._ownership(owned.text, owned.source, owned.at) or owned
            learned = self._may_own(mac, anew)
            if learned:
                self._own(mac, anew)
            if not learned or anew.hidden is not owned.hidden:
                self._mark(mac, owned)

    def not_after(self, now: float) -> None:
        """The clock was set back: what seems to be confirmed in the future would outrank all that is learned now."""
        for mac, owned in list(self._by_mac.items()):
            if owned.at > now:
                self._by_mac[mac] = owned._replace(at=now)
                self._mark(mac, owned)

    # -- learning ---------------------------------------------------------------------------------

    def learn(self, mac: str, text: str | None, source: Source, at: float) -> bool:
        """Take in that `source` names `text` as the owner of `mac`; return whether the text is a name at all.

        Anonymous names and MACs are none. Names to be ignored teach nothing (except which devices are those of people
        who opted out), what is weaker or older than what is known changes nothing.
        """
        if not text:
            return False
        known = self._by_mac.get(mac)
        if known is not None and known.text == text and known.source == source:
            self._confirm(mac, known, at)
            return True
        owned = self._ownership(text, source, at)
        if owned is None:
            return False
        outranked = known is not None and (known.source, known.at) > (source, at)
        teaches = owned.hidden or not owned.withheld
        if teaches and not outranked and self._may_own(mac, owned):
            self._assign(mac, owned)
        return True

    def pin(self, text: str, macs: Iterable[str], at: float) -> Identity | None:
        """Assign MACs to a person by hand; it outranks everything that the network says.

        None: this is no name, or the person or one of the devices is not to be learned; nothing is assigned then.
        """
        owned = self._ownership(text, Source.PINNED, at)
        macs = list(macs)
        if owned is None or not all(self._may_own(mac, owned) for mac in macs):
            return None
        for mac in macs:
            self._assign(mac, owned)
        return owned.identity

    def release(self, mac: str) -> Ownership | None:
        """Forget the owner of a MAC; return who it was."""
        owned = self._disown(mac)
        if owned is not None:
            self._mark(mac, owned)
        return owned

    def _ownership(self, text: str, source: Source, at: float) -> Ownership | None:
        identity = self.rules.identify(text)
        if identity is None:
            return None
        hidden = self.objections.hides_person(identity)
        return Ownership(identity, source, at, text, self.rules.is_ignored(text), hidden)

    def _may_own(self, mac: str, owned: Ownership) -> bool:
        return not self.closed and self.objections.may_learn(mac, owned.identity)

    def _confirm(self, mac: str, known: Ownership, at: float) -> None:
        if at > known.at:
            identity, source, _, text, withheld, hidden = known  # every record comes here: `_replace` is slow
            confirmed = self._by_mac[mac] = Ownership(identity, source, at, text, withheld, hidden)
            if at - self._stored_at.get(mac, at) > STORE_CONFIRMED_AFTER:
                self._mark(mac, confirmed)

    def _assign(self, mac: str, owned: Ownership) -> None:
        before = self._by_mac.get(mac)
        if before is not None:
            self._mark(mac, before)
        self._own(mac, owned)
        self._mark(mac, owned)

    def _own(self, mac: str, owned: Ownership) -> None:
        self._disown(mac)
        self._by_mac[mac] = owned
        name = owned.identity.name
        self._by_name[name] = (*self._by_name.get(name, ()), mac)
        macs = self._people(name)[owned.identity]
        while len(macs) > MACS_PER_PERSON:
            # the weakest source, then the oldest
            least = min(macs, key=lambda each: self._by_mac[each][1:3])
            macs.remove(least)
            self.release(least)

    def _disown(self, mac: str) -> Ownership | None:
        owned = self._by_mac.pop(mac, None)
        if owned is None:
            return None
        name = owned.identity.name
        left = tuple(each for each in self._by_name[name] if each != mac)
        if left:
            self._by_name[name] = left
        else:
            del self._by_name[name]
        return owned

    def _people(self, name: str) -> dict[Identity, list[str]]:
        """Everybody of a bare name, with the MACs."""
        found: dict[Identity, list[str]] = {}
        for mac in self._by_name.get(name, ()):
            found.setdefault(self._by_mac[mac].identity, []).append(mac)
        return found

    def _mark(self, mac: str, owned: Ownership) -> None:
        """Note that the stored form of this MAC and of this owner has to be written; guests have none."""
        if owned.source is not Source.GUEST:
            self._changed_macs.add(mac)
            self._changed_names.add(owned.identity.name)

    # -- asking -----------------------------------------------------------------------------------

    def owner_of(self, mac: str, *, guests: bool = False) -> Ownership | None:
        """Who owns a MAC, or None: nobody known, a name to be withheld, or a guest where guests are not asked for."""
        owned = self._by_mac.get(mac)
        if owned is None or owned.withheld or owned.hidden or (owned.source is Source.GUEST and not guests):
            return None
        if self.objections.hides_anyone and self.objections.hides_device(mac, owned=True):
            return None
        return owned

    def hides(self, mac: str) -> bool:
        """Whether a device is not to be shown because its owner, or somebody for the device itself, opted out."""
        if not self.objections.hides_anyone:
            return False
        owned = self._by_mac.get(mac)
        return (owned is not None and owned.hidden) or self.objections.hides_device(mac, owned=owned is not None)

    def is_owned(self, mac: str) -> bool:
        """Whether anybody is known to own a MAC, be it somebody who is never answered."""
        return mac in self._by_mac

    def everything_of(self, identity: Identity) -> list[tuple[str, Ownership]]:
        """What is known to be a person's, whoever may be told: the same domain, or one that is not known.

        A bare name means everyone who has it.
        """
        people = self._people(identity.name)
        wanted = [each for each in people if identity.domain is None or each.domain in (identity.domain, None)]
        return [(mac, self._by_mac[mac]) for each in wanted for mac in people[each]]

    def everyone(self) -> list[tuple[str, Ownership]]:
        """Every MAC with its owner, whoever may be told."""
        return list(self._by_mac.items())

    def of_device(self, mac: str) -> Ownership | None:
        """The owner of a MAC, whoever may be told."""
        return self._by_mac.get(mac)

    def match(self, query: str | None, *, guests: bool = False) -> Match:
        """Whom a name means.

        With a domain: the people of this domain, and those of this name whose domain is not known. Without: whoever
        has the name, unless that fits people of different domains: then nobody, and `ambiguous` is true.
        """
        wanted = self.rules.identify(query)
        if wanted is None:
            return Match(())
        known = [
            identity
            for identity, macs in self._people(wanted.name).items()
            if any(self.owner_of(mac, guests=guests) is not None for mac in macs)
        ]
        if wanted.domain is not None:
            return Match(tuple(each for each in known if each.domain in (wanted.domain, None)))
        if len({each.domain for each in known if each.domain is not None}) > 1:
            return Match((), ambiguous=True)
        return Match(tuple(known))

    def macs_of(self, identities: Iterable[Identity], *, guests: bool = False) -> list[str]:
        """The MACs of a person under all given spellings, the one confirmed last first."""
        macs = [
            mac
            for identity in identities
            for mac in self._by_name.get(identity.name, ())
            if (owned := self.owner_of(mac, guests=guests)) is not None and owned.identity == identity
        ]
        return self._newest_first(macs)

    def people(self, *, guests: bool = False) -> Iterator[tuple[Identity, tuple[str, ...]]]:
        """Everyone who owns something, with the MACs."""
        for name in self._by_name:
            for identity, owned in self._people(name).items():
                macs = tuple(mac for mac in owned if self.owner_of(mac, guests=guests) is not None)
                if macs:
                    yield identity, macs

    def guests(self) -> list[str]:
        """The MACs whose owners are known only as guests."""
        return [mac for mac, owned in self._by_mac.items() if owned.source is Source.GUEST]

    def _newest_first(self, macs: list[str]) -> list[str]:
        macs.reverse()  # of those confirmed at the same time, the one learned last comes first
        macs.sort(key=lambda mac: -self._by_mac[mac].at)
        return macs

    # -- forgetting -------------------------------------------------------------------------------

    def expire(self, now: float, keep_for: float, present: Container[str]) -> int:
        """Forget whoever was not confirmed for `keep_for` seconds; return how many MACs that were.

        Nothing confirms what was assigned by hand or by a directory, so devices that are `present` do. What was
        stored without a time counts from now on.
        """
        gone = []
        for mac, owned in self._by_mac.items():
            unconfirmed = owned.source in (Source.PINNED, Source.LOGIN) and mac in present
            if owned.at == 0.0 or (unconfirmed and now - owned.at > STORE_CONFIRMED_AFTER):
                confirmed = self._by_mac[mac] = owned._replace(at=now)
                self._mark(mac, confirmed)
            elif now - owned.at > keep_for:
                gone.append(mac)
        for mac in gone:
            self.release(mac)
        return len(gone)

    # -- storing ----------------------------------------------------------------------------------

    def load(self, user_macs: Mapping[str, str], identities: Mapping[str, str]) -> int:
        """Take in what was stored; return how many entries could not be read.

        Where the two hashes disagree about a name, the original layout wins: its drivers ran last. What was learned
        since the start stays, unless what was stored is stronger.
        """
        unreadable = 0
        for field, name in user_macs.items():
            mac = whole_mac(field)
            if mac is None:
                continue  # the list of a person: it follows from the MACs
            owned = self._ownership(name, Source.DOT1X, 0.0)
            if owned is None:
                unreadable += 1
                continue
            try:
                stored = self._decode(identities[field]) if field in identities else None
            except (KeyError, TypeError, ValueError):
                unreadable += 1
                stored = None
            if stored is not None and stored.identity.name == name:
                owned = stored
            self._stored_at[mac] = owned.at
            learned = self._by_mac.get(mac)
            may_learn = self._may_own(mac, owned)
            if owned.hidden or not may_learn:
                self._mark(mac, owned)  # stored before it was objected to
            if may_learn and (learned is None or learned.source < owned.source):
                self._own(mac, owned)
            else:
                self._changed_names.add(owned.identity.name)  # whose stored list still has the MAC
        return unreadable

    def take_changes(self, at_most: int | None = None) -> tuple[dict[str, str | None], dict[str, str | None]]:
        """What is to be written since the last call: fields of `user_macs` and of `identities`; None deletes one.

        With `at_most` no more than so many MACs with their owners: what is left over comes with the next call.
        """
        macs = _taken(self._changed_macs, at_most)
        owned_by = {owned.identity.name for mac in macs if (owned := self._by_mac.get(mac)) is not None}
        names = owned_by & self._changed_names
        self._changed_names -= names
        if not self._changed_macs:  # and those who lost a MAC
            names |= _taken(self._changed_names, at_most)
        user_macs: dict[str, str | None] = {}
        identities: dict[str, str | None] = {}
        for mac in macs:
            owned = self._by_mac.get(mac)
            if owned is None or not self._is_stored(owned):
                user_macs[mac] = identities[mac] = None
                self._stored_at.pop(mac, None)
            else:
                user_macs[mac], identities[mac] = owned.identity.name, _encode(owned)
                self._stored_at[mac] = owned.at
        for name in names:
            listed = self._stored_macs(name)
            user_macs[name] = json.dumps(listed) if listed else None
        return user_macs, identities

    def all_due(self) -> None:
        """Everything is to be written again."""
        for mac, owned in self._by_mac.items():
            self._mark(mac, owned)

    def missing_in(self, user_macs: Mapping[str, str]) -> None:
        """Make due what is known and is not in what was stored."""
        for mac, owned in self._by_mac.items():
            if mac not in user_macs:
                self._mark(mac, owned)

    def give_back(self, user_macs: Mapping[str, str | None]) -> None:
        """What `take_changes` gave out could not be written: it is due again."""
        for field in user_macs:
            (self._changed_macs if whole_mac(field) else self._changed_names).add(field)

    def _stored_macs(self, name: str) -> list[str]:
        macs = self._by_name.get(name, ())
        return self._newest_first([mac for mac in macs if self._is_stored(self._by_mac[mac])])

    @staticmethod
    def _is_stored(owned: Ownership) -> bool:
        return owned.source is not Source.GUEST and not owned.hidden

    def _decode(self, text: str) -> Ownership | None:
        record = json.loads(text)
        return self._ownership(str(record["user"]), Source[str(record["source"]).upper()], float(record["at"]))


def _taken(changed: set[str], at_most: int | None) -> set[str]:
    """Take so many out of a set, or all."""
    if at_most is None or len(changed) <= at_most:
        taken = set(changed)
        changed.clear()
        return taken
    return {changed.pop() for _ in range(at_most)}


def _encode(owned: Ownership) -> str:
    record = {"user": owned.text, "source": owned.source.name.lower(), "at": int(owned.at)}
    return json.dumps(record, ensure_ascii=False)
