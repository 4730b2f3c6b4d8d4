"""What a record says in words: names of people, and texts that many records share."""

from collections.abc import Mapping
from dataclasses import replace
from functools import lru_cache
from typing import Any

from mistlocate.location.observation import Sighting
from mistlocate.mist.models import ClientStats

#: What the cloud writes where it has nothing to say.
_NO_TEXT = frozenset({"", "Unknown", "unknown", "N/A"})

#: What a row may tell besides names: on the wire, and in a sighting.
_FIELDS = {
    "psk_id": "psk_id", "ip": "ip", "is_guest": "is_guest", "manufacture": "manufacturer", "os": "os", "ssid": "ssid",
}  # fmt: skip

#: What tells of whom a record is.
PERSONAL = frozenset({"username", "guest_email", "psk_id", "ip"})


def names_in_record(stats: ClientStats) -> tuple[str | None, str | None]:
    """The name that the network vouches for, and what a guest typed into a portal.

    A portal's login shows up as `username` too, and guests type what they like: of a guest's name only EAP vouches.
    """
    username, guest = _name(stats.username), stats.guest
    typed = (_name(guest.access_code_email) or _name(guest.email)) if guest else None
    if stats.is_guest and "EAP" not in (stats.key_mgmt or "").upper():
        return None, typed or username
    return username, typed


def names_written(raw: Mapping[str, Any]) -> list[str]:
    """All names in a record as it came, whoever vouches for them."""
    guest = raw.get("guest")
    typed = (guest.get("access_code_email"), guest.get("email")) if isinstance(guest, Mapping) else ()
    return [name for name in (raw.get("username"), *typed) if isinstance(name, str)]


def is_keyed(stats: ClientStats) -> bool:
    """Whether a pre-shared key says whose it is: `username` is then what the key is called, or what RADIUS makes of
    it, unless the device got in by EAP."""
    return stats.psk_id is not None and "EAP" not in (stats.key_mgmt or "").upper()


def told_by_row(stats: ClientStats) -> frozenset[str] | None:
    """What a row of a list, or a frame of a map, tells of its client, by the names of a `Sighting`.

    None: it is a whole record.

    Some editions of the cloud list little more than places. Whether a client is a guest, its network and how it got
    in are in every whole record. A name is told only together with the first and the last of these: without, nobody
    knows who vouches for it.
    """
    if stats.is_guest is not None and stats.ssid is not None and stats.key_mgmt is not None:
        return None
    told = stats.model_fields_set
    says = {name for field, name in _FIELDS.items() if field in told}
    if "psk_id" in told:
        says.add("keyed")
    if stats.is_guest is None:
        says.discard("is_guest")  # null does not make an employee of a guest
    if stats.is_guest is not None and stats.key_mgmt is not None:
        if "username" in told:
            says |= {"username", "guest_email"} if stats.is_guest else {"username"}
        if "guest" in told:
            says.add("guest_email")
    return frozenset(says)


def part(s: Sighting, told: frozenset[str], *, personal: bool) -> Sighting:
    """The sighting of a row that tells only these fields. Unless `personal`, nothing is taken by which anybody can be
    told: somebody must not be learned, and such a row does not say that it is not about them.
    """
    if not personal:
        told -= PERSONAL
    found: dict[str, Any] = {name: getattr(s, name) for name in PERSONAL}
    taken: dict[str, Any] = {name: value if name in told else None for name, value in found.items()}
    return replace(s, says=told, raw=s.raw if personal and taken == found else None, **taken)


@lru_cache(maxsize=4096)
def said(value: str | None) -> str | None:
    """A text that says something; the same few manufacturers and SSIDs are kept once."""
    return _name(value)


def _name(value: str | None) -> str | None:
    """The same of what nearly everybody has one of their own."""
    return None if value is None or value in _NO_TEXT else value
