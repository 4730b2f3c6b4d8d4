"""Who objected: to being located (opted out), or to being known at all (not learned).

What is kept is a keyed hash of whoever objected, never the name: the document of a register can stand in settings,
which survive a restart and the loss of every store, and tells a reader nothing without a guess. That is
pseudonymisation and no more: the key has to survive together with the hashes, so it stands beside them, and whoever
reads both can try names. A key that is kept elsewhere could be lost alone, and with it every objection, silently.

An objection names a person or a MAC. Names keep their domain, as everywhere:

- `alice@a.example` covers that person under every domain that the site says is the same, then and now, and a bare
  `alice` whose domain nobody knows; it does not cover `alice@b.example`.
- A bare `alice` covers everyone of that name: whoever is in doubt is left alone.
- A MAC covers that device, whoever owns it.

Devices that were known to be somebody's when the objection was given are remembered with it, as hashes too. They count
where the owner of such a device is not known (any more), and always where they had been assigned by hand, for nobody
would say so again.
"""

import hashlib
import hmac
import re
import secrets
import unicodedata
from collections.abc import Callable, Iterable, Mapping
from typing import Any, NamedTuple

from mistlocate.location.identity import Identity, NameRules
from mistlocate.macs import bare, whole_mac

#: How many answers about names and MACs are kept, so that asking again costs nothing.
KNOWN_AT_MOST = 100_000

#: Letters and digits, of whatever script.
_WORD = re.compile(r"[^\W_]+")

#: From so many words of a name on the others may come first: of long ones there would be no end.
WORDS_AT_MOST = 8


class Objection(NamedTuple):
    """One objection, as keyed hashes: whoever gave it (every spelling), the bare name, and devices."""

    who: tuple[str, ...]
    name: str | None = None
    macs: tuple[str, ...] = ()
    pins: tuple[str, ...] = ()


class Subject(NamedTuple):
    """Whom a text means: a MAC, or a person."""

    mac: str | None
    identity: Identity | None


def subject(text: str, rules: NameRules) -> Subject | None:
    """Whom a text means, or None if it is neither a MAC nor a name."""
    mac = whole_mac(text)
    if mac is not None:
        return Subject(mac, None)
    identity = rules.identify(text)
    return None if identity is None else Subject(None, identity)


def names_in(who: Subject, macs: Iterable[str]) -> Callable[[str], bool]:
    """Whether a text that somebody asked for names a person or one of these MACs, also as a part of it.

    A name is found as people type it into a search: `alice.morgan` also as "Alice Morgan" and "Morgan, Alice", and its
    accents however they were composed.
    """
    name = None if who.identity is None else _as_asked(who.identity.name)
    wanted = {*macs, *([who.mac] if who.mac is not None else [])}

    def concerned(text: str) -> bool:
        text = unicodedata.normalize("NFC", text.lower())
        if name is not None and name.search(text):
            return True
        digits = bare(text)
        return any(mac in digits for mac in wanted)

    return concerned


def _as_asked(name: str) -> re.Pattern[str]:
    """A name within other texts: its words, whatever stands between them, or as people turn them: the last ones first,
    then spaces or a comma (`an.li` is another account than `li.an`)."""
    words = _WORD.findall(name)
    if len(words) < 2:
        words = [name]  # `c++` is not every "c"
    ends = range(1, min(len(words), WORDS_AT_MOST))
    orders = [_said(words), *(rf"{_said(words[at:])}[\s,]+{_said(words[:at])}" for at in ends)]
    return re.compile(rf"(?<![^\W_])(?:{'|'.join(orders)})(?![^\W_])")


def _said(words: Iterable[str]) -> str:
    return r"[\W_]+".join(map(re.escape, words))


class Register:
    """All objections of a site. It never changes: what adds or removes an objection returns another register.

    `revision` grows with every change, so that of two copies the later one can be told.
    """

    def __init__(
        self,
        rules: NameRules | None = None,
        *,
        key: str | None = None,
        revision: int = 0,
        opted_out: Iterable[Objection] = (),
        not_learned: Iterable[Objection] = (),
    ) -> None:
        self.rules = rules or NameRules()
        self.revision = revision
        self.opted_out = tuple(opted_out)
        self.not_learned = tuple(not_learned)
        self.hides_anyone = bool(self.opted_out)
        """Whether anybody opted out."""
        self._key_text = key or secrets.token_hex(32)
        self._key = bytes.fromhex(self._key_text)
        self._hidden = _Covered(self.opted_out)
        self._unlearned = _Covered(self.not_learned)
        self._known_people: dict[tuple[bool, Identity], bool] = {}
        self._known_macs: dict[str, tuple[bool, bool, bool]] = {}

    @classmethod
    def of(cls, document: Mapping[str, Any] | None, rules: NameRules) -> "Register":
        """The register that a document describes (see `document`); None is an empty one."""
        if document is None:
            return cls(rules)
        kinds = {kind: [_objection(each) for each in document.get(kind, ())] for kind in ("opted_out", "not_learned")}
        return cls(rules, key=str(document["key"]), revision=int(document["revision"]), **kinds)

    def document(self) -> dict[str, Any]:
        """What has to be kept: `{key, revision, opted_out, not_learned}`, hashes in hexadecimal."""
        return {
            "key": self._key_text,
            "revision": self.revision,
            "opted_out": [_plain(each) for each in self.opted_out],
            "not_learned": [_plain(each) for each in self.not_learned],
        }

    @property
    def objections(self) -> tuple[Objection, ...]:
        """All of them, of either kind."""
        return self.opted_out + self.not_learned

    def under(self, rules: NameRules) -> "Register":
        """The same objections, names read by other rules."""
        return self._with(rules=rules, revision=self.revision)

    # -- asking -----------------------------------------------------------------------------------

    @property
    def hides_the_unlearned(self) -> bool:
        """Whether somebody who opted out may not be learned either: which devices are theirs only new records say."""
        return not self._hidden.names.isdisjoint(self._unlearned.names)

    def hides_person(self, identity: Identity) -> bool:
        """Whether this person opted out."""
        return self.hides_anyone and self._covers(self._hidden, identity)

    def hides_device(self, mac: str, *, owned: bool) -> bool:
        """Whether a device is not to be shown for what is known of the device itself; `owned`: its owner is known."""
        if not self.hides_anyone:
            return False
        always, remembered, _ = self._of_mac(mac)
        return always or (remembered and not owned)

    def may_learn(self, mac: str, identity: Identity | None) -> bool:
        """Whether it may be learned that this person owns this device."""
        if not self.not_learned:
            return True
        if self._of_mac(mac)[2]:
            return False
        return identity is None or not self._covers(self._unlearned, identity)

    def covers_text(self, text: str) -> bool:
        """Whether a text is the name or the MAC of anybody who objected, in whatever way."""
        who = subject(text, self.rules) if self.opted_out or self.not_learned else None
        if who is None:
            return False
        if who.mac is not None:
            return any(self._of_mac(who.mac))
        return who.identity is not None and (
            self.hides_person(who.identity) or self._covers(self._unlearned, who.identity)
        )

    def _covers(self, covered: "_Covered", identity: Identity) -> bool:
        place = (covered is self._hidden, identity)
        known = self._known_people.get(place)
        if known is None:
            if len(self._known_people) >= KNOWN_AT_MOST:
                self._known_people.clear()
            if identity.domain is None:
                known = self._hash("bare", identity.name) in covered.names
            else:
                known = not covered.who.isdisjoint([self._hash("any", identity.name), *self._spellings(identity)])
            self._known_people[place] = known
        return known

    def _of_mac(self, mac: str) -> tuple[bool, bool, bool]:
        """Of a MAC: whether it is hidden always, hidden while nobody is known to own it, and not to be learned."""
        known = self._known_macs.get(mac)
        if known is None:
            if len(self._known_macs) >= KNOWN_AT_MOST:
                self._known_macs.clear()
            hashed = self._hash("mac", mac)
            always = hashed in self._hidden.who or hashed in self._hidden.pins
            known = (always, hashed in self._hidden.macs, hashed in self._unlearned.who)
            self._known_macs[mac] = known
        return known

    # -- changing ---------------------------------------------------------------------------------

    def opt_out(self, who: Subject, macs: Iterable[str] = (), pins: Iterable[str] = ()) -> "Register":
        """With an objection to being located. `macs` and `pins`: devices known to be theirs, by hand the latter.

        Who objects again is not asked anew which devices are theirs: those that are remembered stay so.
        """
        return self._with(opted_out=self._with_one(self.opted_out, self._objection(who, macs, pins)))

    def remember(self, identity: Identity, macs: Iterable[str], pins: Iterable[str] = ()) -> "Register":
        """With these devices in every objection that covers a person, as in `opt_out`."""
        more, pinned = (tuple(self._hash("mac", mac) for mac in each) for each in (macs, pins))
        opted_out = [
            _with_devices(each, more, pinned) if self._is_given_by(each, identity) else each for each in self.opted_out
        ]
        return self if tuple(opted_out) == self.opted_out else self._with(opted_out=opted_out)

    def remember_no_more(self, macs: Iterable[str]) -> "Register":
        """Without these devices among those that are remembered with somebody: they are known to be another's now."""
        gone = {self._hash("mac", mac) for mac in macs}
        opted_out = [
            each._replace(
                macs=tuple(mac for mac in each.macs if mac not in gone),
                pins=tuple(mac for mac in each.pins if mac not in gone),
            )
            for each in self.opted_out
        ]
        return self if tuple(opted_out) == self.opted_out else self._with(opted_out=opted_out)

    def opt_in(self, who: Subject) -> "Register | None":
        """Without any objection of this person or device; None if there is none."""
        gone = self._objection(who).who
        opted_out, not_learned = (self._without(each, gone) for each in (self.opted_out, self.not_learned))
        if (len(opted_out), len(not_learned)) == (len(self.opted_out), len(self.not_learned)):
            return None
        return self._with(opted_out=opted_out, not_learned=not_learned)

    def learn_no_more(self, who: Subject) -> "Register":
        """With an objection to being known."""
        return self._with(not_learned=self._with_one(self.not_learned, self._objection(who)))

    def label(self, who: Subject) -> str:
        """A short stand-in for somebody in records that must not name them; the same for the same person."""
        return self._objection(who).who[0][:12]

    def _with_one(self, objections: Iterable[Objection], added: Objection) -> list[Objection]:
        """These and another one, which takes in those of the same person: their devices, and their domains, for which
        of these mean the same people may be said otherwise by now."""
        kept = self._without(objections, added.who)
        for before in objections:
            if before not in kept:
                added = _with_devices(added, before.macs, before.pins)
                added = added._replace(who=tuple(dict.fromkeys(added.who + before.who)))
        return [*kept, added]

    def _objection(self, who: Subject, macs: Iterable[str] = (), pins: Iterable[str] = ()) -> Objection:
        if who.mac is not None or who.identity is None:
            return Objection((self._hash("mac", who.mac or ""),))
        name, domain = who.identity
        spellings = [self._hash("any", name)] if domain is None else self._spellings(who.identity)
        devices, pinned = (tuple(sorted(self._hash("mac", mac) for mac in each)) for each in (macs, pins))
        return Objection(tuple(spellings), self._hash("bare", name), devices, pinned)

    def _is_given_by(self, objection: Objection, identity: Identity) -> bool:
        if identity.domain is None:
            return objection.name == self._hash("bare", identity.name)
        return not {self._hash("any", identity.name), *self._spellings(identity)}.isdisjoint(objection.who)

    def _spellings(self, identity: Identity) -> list[str]:
        """The hashes of a person under every domain that is said to be the same, the canonical one first."""
        canonical = self.rules.canonical(identity.domain)
        domains = [canonical, identity.domain]
        domains += sorted(alias for alias, domain in self.rules.aliases.items() if domain == canonical)
        return [self._hash("person", f"{identity.name}@{domain}") for domain in dict.fromkeys(domains)]

    @staticmethod
    def _without(objections: Iterable[Objection], who: Iterable[str]) -> list[Objection]:
        gone = set(who)
        return [each for each in objections if gone.isdisjoint(each.who)]

    def _with(self, **changes: Any) -> "Register":
        present: dict[str, Any] = {
            "rules": self.rules,
            "key": self._key_text,
            "revision": self.revision + 1,
            "opted_out": self.opted_out,
            "not_learned": self.not_learned,
        }
        return Register(**{**present, **changes})

    def _hash(self, kind: str, text: str) -> str:
        return hmac.new(self._key, f"{kind}/{text}".encode(errors="replace"), hashlib.sha256).hexdigest()[:32]


class _Covered:
    """The hashes of a kind of objections, for looking them up."""

    def __init__(self, objections: Iterable[Objection]) -> None:
        found = list(objections)
        self.who = frozenset(each for objection in found for each in objection.who)
        self.names = frozenset(objection.name for objection in found if objection.name is not None)
        self.macs = frozenset(each for objection in found for each in objection.macs)
        self.pins = frozenset(each for objection in found for each in objection.pins)


def _objection(document: Mapping[str, Any]) -> Objection:
    return Objection(
        tuple(document["who"]), document.get("name"), tuple(document.get("macs", ())), tuple(document.get("pins", ()))
    )


def _with_devices(objection: Objection, macs: Iterable[str], pins: Iterable[str]) -> Objection:
    return objection._replace(
        macs=tuple(sorted({*objection.macs, *macs})), pins=tuple(sorted({*objection.pins, *pins}))
    )


def _plain(objection: Objection) -> dict[str, Any]:
    found: dict[str, Any] = {"who": list(objection.who), "name": objection.name}
    return {**found, "macs": list(objection.macs), "pins": list(objection.pins)}
