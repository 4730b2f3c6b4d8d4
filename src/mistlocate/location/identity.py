"""Normal forms: what a person and a MAC are called, and when two names may mean one person.

A name is kept together with its domain: `alice@a.example` and `alice@b.example` are two people unless the site says
that these domains are one. A bare `alice` is someone whose domain is not known.
"""

import re
import unicodedata
from collections.abc import Iterable, Mapping
from sys import intern
from typing import NamedTuple

from mistlocate.macs import whole_mac

_NOT_HEX = re.compile(r"[^0-9a-f]")
_EMAIL = re.compile(r"[^@\s]+@[^@\s]+\.[^@\s.]+")

#: Outer identities of 802.1X, which name nobody.
_ANONYMOUS = frozenset({"anonymous", "anon", "unknown", ""})


class Identity(NamedTuple):
    """A person's name and domain, both lower case; `domain` is None where it is not known."""

    name: str
    domain: str | None = None

    def __str__(self) -> str:
        return self.name if self.domain is None else f"{self.name}@{self.domain}"

    def may_be(self, wanted: "Identity") -> bool:
        """Whether whoever is meant by `wanted` may be this person: the domains agree, or one is not known."""
        return self.name == wanted.name and (wanted.domain is None or self.domain in (wanted.domain, None))


def format_mac(text: str) -> str:
    """The hex digits of a MAC in lower case, without `0x` and separators; it need not be a whole MAC."""
    text = text.strip().lower()
    return _NOT_HEX.sub("", text.removeprefix("0x"))


def is_random_mac(mac: str) -> bool:
    """Whether a MAC (12 hex digits) is locally administered, as randomised ones are."""
    return mac[1] in "2367abef"


def is_email(text: str) -> bool:
    """Whether a text has the form of an e-mail address."""
    return _EMAIL.fullmatch(text) is not None


def split_name(text: str) -> Identity:
    r"""`user@realm`, `DOMAIN\user` or `user`, in lower case; a realm outranks a Windows domain.

    Accents are one character each (NFC), however whoever wrote the name composed them.
    """
    text = text.strip().lower()
    if not text.isascii():
        text = unicodedata.normalize("NFC", text)
    name, at, realm = text.rpartition("@")
    if not at:
        name, realm = text, ""
    domain, slash, rest = name.rpartition("\\")
    if slash:
        name = rest
    domain = realm.strip() or domain.strip()
    return Identity(name.strip(), intern(domain) if domain else None)  # a site has few domains: each is kept once


def format_username(text: str) -> str:
    """The bare lower-case name, without its domain."""
    return split_name(text).name


class NameRules(NamedTuple):
    """How a site reads names. `aliases` maps a domain to the one it stands for; `ignored` are prefixes of names."""

    aliases: Mapping[str, str] = {}
    ignored: tuple[str, ...] = ()

    @classmethod
    def of(cls, aliases: Mapping[str, str], ignored: Iterable[str]) -> "NameRules":
        """Rules from settings, in lower case, with chains of aliases resolved."""
        lower = {key.strip().lower(): value.strip().lower() for key, value in aliases.items()}
        resolved = {}
        for alias in lower:
            domain, seen = alias, {alias}
            while domain in lower and lower[domain] not in seen:
                domain = lower[domain]
                seen.add(domain)
            resolved[alias] = domain
        return cls(resolved, tuple(prefix.strip().lower() for prefix in ignored if prefix.strip()))

    def identify(self, text: str | None) -> Identity | None:
        """The person that a name stands for, or None: nothing, an anonymous outer identity, or a MAC."""
        if not text:
            return None
        person = split_name(text)
        name, domain = person
        if name in _ANONYMOUS or whole_mac(name):
            return None
        return person if domain is None or domain not in self.aliases else Identity(name, self.aliases[domain])

    def canonical(self, domain: str | None) -> str | None:
        """The domain that this one is an alias of, or itself."""
        return None if domain is None else self.aliases.get(domain, domain)

    def is_ignored(self, text: str) -> bool:
        """Whether an owner of this name is to be withheld: the text as it came, or its bare name, has a prefix."""
        if not self.ignored:
            return False
        text = text.strip().lower()
        return text.startswith(self.ignored) or split_name(text).name.startswith(self.ignored)
