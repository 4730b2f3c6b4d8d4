"""What a record says in words: names of people, and texts that many records share."""

from functools import lru_cache

from mistlocate.mist.models import ClientStats

#: What the cloud writes where it has nothing to say.
_NO_TEXT = frozenset({"", "Unknown", "unknown", "N/A"})


def names_in_record(stats: ClientStats) -> tuple[str | None, str | None]:
    """The name that the network vouches for, and what a guest typed into a portal.

    A portal's login shows up as `username` too, and guests type what they like: of a guest's name only EAP vouches.
    """
    username, guest = _name(stats.username), stats.guest
    typed = (_name(guest.access_code_email) or _name(guest.email)) if guest else None
    if stats.is_guest and "EAP" not in (stats.key_mgmt or "").upper():
        return None, typed or username
    return username, typed


@lru_cache(maxsize=4096)
def said(value: str | None) -> str | None:
    """A text that says something; the same few manufacturers and SSIDs are kept once."""
    return _name(value)


def _name(value: str | None) -> str | None:
    """The same of what nearly everybody has one of their own."""
    return None if value is None or value in _NO_TEXT else value
