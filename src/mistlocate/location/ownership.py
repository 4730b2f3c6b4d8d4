"""Which MAC belongs to whom.

A MAC has at most one owner, and an owner lists the MAC. What counts as evidence has an order (`Source`); the same or
a stronger source replaces what is known, a weaker one only what was not confirmed for long. Guests type what they
like, so their addresses are kept apart from the names that a network vouches for, and are never stored.

The stored form has two hashes. `user_macs` is laid out as the original drivers of PlaceOS lay it out (MAC → bare
name; bare name → JSON list of MACs, newest first), so that a site can go back to them; `identities` holds what that
layout loses: MAC → JSON object with the full name (`user`), `source` and time (`at`, unix seconds).

Who opted out (`objections`) is learned, so that the device can be told from others and kept out of answers, and is
never answered and never stored, also if they are not to be learned. Who else is not to be learned is not.
"""

from collections.abc import Callable, Container, Iterable, Iterator, Mapping
from dataclasses import replace

from mistlocate.location.evidence import MACS_PER_PERSON, Match, Ownership, Source, yields
from mistlocate.location.identity import Identity, NameRules
from mistlocate.location.objections import Register
from mistlocate.location.owner_changes import DAY, Changes, confirmed_anew, decoded, is_stored
from mistlocate.macs import whole_mac


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
        self._changes = Changes()

    def on_news(self, call: Callable[[], None]) -> None:
        """Call this whenever something is to be written where nothing was."""
        self._changes.on_news = call

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
                self._changes.mark(mac, owned)

    def not_after(self, now: float) -> None:
        """The clock was set back: what seems to be confirmed in the future would outrank all that is learned now."""
        for mac, owned in self._by_mac.items():
            if owned.at > now:
                owned.at = now
                self._changes.mark(mac, owned)

    # -- learning ---------------------------------------------------------------------------------

    def learn(self, mac: str, text: str | None, source: Source, at: float) -> bool:
        """Take in that `source` names `text` as the owner of `mac`; return whether the text is a name at all.

        Anonymous names and MACs are none. Names to be ignored teach nothing (except which devices are those of people
        who opted out), what is weaker or older than what is known changes nothing.
        """
        if not text:
            return False
        known = self._by_mac.get(mac)
        if known is not None and known.text == text and known.source is source:
            if at > known.at:
                before, known.at = known.at, at
                if confirmed_anew(mac, before, at):
                    self._changes.mark(mac, known)
            return True
        owned = self._ownership(text, source, at)
        if owned is None:
            return False
        outranked = known is not None and (known.source, known.at) > (source, at) and not yields(known, source, at)
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
            self._assign(mac, replace(owned))  # each is confirmed on its own
        return owned.identity

    def release(self, mac: str) -> Ownership | None:
        """Forget the owner of a MAC; return who it was."""
        owned = self._disown(mac)
        if owned is not None:
            self._changes.mark(mac, owned)
        return owned

    def _ownership(self, text: str, source: Source, at: float) -> Ownership | None:
        identity = self.rules.identify(text)
        if identity is None:
            return None
        hidden = self.objections.hides_person(identity)
        return Ownership(identity, source, at, text, self.rules.is_ignored(text), hidden)

    def _may_own(self, mac: str, owned: Ownership) -> bool:
        return not self.closed and (owned.hidden or self.objections.may_learn(mac, owned.identity))

    def _assign(self, mac: str, owned: Ownership) -> None:
        before = self._by_mac.get(mac)
        if before is not None:
            self._changes.mark(mac, before)
        self._own(mac, owned, learned=True)
        self._changes.mark(mac, owned)

    def _own(self, mac: str, owned: Ownership, *, learned: bool = False) -> None:
        self._disown(mac)
        self._by_mac[mac] = owned
        name = owned.identity.name
        self._by_name[name] = (*self._by_name.get(name, ()), mac)
        macs = self._people(name)[owned.identity]
        # Of who opted out every device has to be known: one of which the owner is forgotten would be shown.
        while len(macs) > MACS_PER_PERSON and not owned.hidden:
            # What is there now is of use, not nine that are gone; but nobody types others' devices away.
            spared = mac if learned and owned.source is not Source.GUEST else None
            oldest = min((each for each in macs if each != spared), key=self._turn_to_go)
            macs.remove(oldest)
            self.release(oldest)

    def _turn_to_go(self, mac: str) -> tuple[bool, bool, float]:
        """Of too many devices of a person the least goes first: guests', then by when it was confirmed; last of all
        those assigned by hand."""
        owned = self._by_mac[mac]
        return owned.source is Source.PINNED, owned.source is not Source.GUEST, owned.at

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
        wanted = [each for each in people if each.may_be(identity)]
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
        known: dict[Identity, None] = {}
        for mac in self._by_name.get(wanted.name, ()):
            owned = self.owner_of(mac, guests=guests)
            if owned is not None:
                known[owned.identity] = None
        if wanted.domain is not None:
            known = {each: None for each in known if each.domain in (wanted.domain, None)}
        elif len(known) > 1 and len({each.domain for each in known if each.domain is not None}) > 1:
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
        if len(macs) > 1:
            macs.reverse()  # of those confirmed at the same time, the one learned last comes first
            macs.sort(key=lambda mac: -self._by_mac[mac].at)
        return macs

    # -- forgetting -------------------------------------------------------------------------------

    def expire(self, now: float, keep_for: float, present: Container[str]) -> int:
        """Forget whoever was not confirmed for `keep_for` seconds; return how many MACs that were.

        Nothing confirms what was assigned by hand or by a directory, so devices that are `present` do, once a day or
        as often as `keep_for` asks for. What was stored without a time counts from now on.
        """
        gone = []
        confirm_after = min(DAY, keep_for / 2)
        for mac, owned in self._by_mac.items():
            unconfirmed = owned.source in (Source.PINNED, Source.LOGIN) and mac in present
            if owned.at == 0.0 or (unconfirmed and now - owned.at > confirm_after):
                owned.at = now
                self._changes.mark(mac, owned)
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
                stored = self._ownership(*decoded(identities[field])) if field in identities else None
            except (KeyError, TypeError, ValueError):
                unreadable += 1
                stored = None
            if stored is not None and stored.identity.name == name:
                owned = stored
            learned = self._by_mac.get(mac)
            may_learn = self._may_own(mac, owned)
            if owned.hidden or not may_learn:
                self._changes.mark(mac, owned)  # stored before it was objected to
            if may_learn and (learned is None or _stands_against(owned, learned)):
                self._own(mac, owned)
            else:
                self._changes.names.add(owned.identity.name)  # whose stored list still has the MAC
        return unreadable

    def take_changes(self, at_most: int | None = None) -> tuple[dict[str, str | None], dict[str, str | None]]:
        """What is to be written since the last call: fields of `user_macs` and of `identities`; None deletes one.

        With `at_most` no more than so many MACs with their owners: what is left over comes with the next call.
        """
        return self._changes.take(at_most, self._by_mac, self._stored_macs)

    def all_due(self) -> None:
        """Everything is to be written again."""
        for mac, owned in self._by_mac.items():
            self._changes.mark(mac, owned)

    def missing_in(self, user_macs: Mapping[str, str]) -> None:
        """Make due what is known and is not in what was stored."""
        for mac, owned in self._by_mac.items():
            if mac not in user_macs:
                self._changes.mark(mac, owned)

    def give_back(self, user_macs: Mapping[str, str | None]) -> None:
        """What `take_changes` gave out could not be written: it is due again."""
        self._changes.give_back(user_macs)

    def _stored_macs(self, name: str) -> list[str]:
        macs = self._by_name.get(name, ())
        return self._newest_first([mac for mac in macs if is_stored(self._by_mac[mac])])


def _stands_against(stored: Ownership, learned: Ownership) -> bool:
    """Whether what was stored outranks what was learned since the start. Stored without a time it counts as of now."""
    return learned.source < stored.source and (stored.at == 0.0 or not yields(stored, learned.source, learned.at))
