"""What is said of who owns a device, and by whom: the words in which owners are kept and asked for."""

from dataclasses import dataclass
from enum import IntEnum
from typing import NamedTuple

from mistlocate.location.identity import Identity, is_email

#: How many MACs one person can own; the original drivers keep as many. Randomised MACs would pile up otherwise.
MACS_PER_PERSON = 9

#: After so many seconds without confirmation strong evidence yields to weaker evidence of now: a device that is used
#: is confirmed with every record, so it was handed on. Over a week's holidays nobody else uses it, and it stays.
YIELDS_AFTER = 7 * 86_400.0


class Source(IntEnum):
    """Where an owner's name comes from, the weakest first."""

    GUEST = 1
    LOGIN = 2
    """A login that a directory saw at the device's address."""
    PSK = 3
    DOT1X = 4
    PINNED = 5


@dataclass(slots=True)
class Ownership:
    """The owner of a MAC. `text` is the name as the source gave it; `at` is unix time of the last confirmation, the
    only field that ever changes: nearly every record of a client confirms its owner, and nothing is made anew for it.

    A `withheld` owner (its name is to be ignored) is known and never answered; nor is a `hidden` one, who opted out.
    """

    identity: Identity
    source: Source
    at: float
    text: str
    withheld: bool = False
    hidden: bool = False


def yields(known: Ownership, source: Source, at: float) -> bool:
    """Whether what is known has not been confirmed for so long that weaker evidence of `at` (unix time) replaces it.

    What was assigned by hand never does, nor who opted out: their device would be shown. Guests type what they like.
    """
    if known.source is Source.PINNED or known.hidden or source is Source.GUEST:
        return False
    return at - known.at > YIELDS_AFTER


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
