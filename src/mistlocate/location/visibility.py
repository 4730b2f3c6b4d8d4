"""Who may be shown to whom, and how.

A person may be shown, counted without being told apart (anonymous), or left out (hidden). An anonymous device keeps
its place on the floor, so that counts stay right, under a MAC that changes every day and cannot be turned back
without a key that is never stored. That is pseudonymisation: whoever knows where somebody sits can still guess.
"""

import hashlib
import hmac
import secrets
from enum import StrEnum


class Shown(StrEnum):
    """How a device appears in answers."""

    SHOWN = "shown"
    ANONYMOUS = "anonymous"
    HIDDEN = "hidden"


def device_shown(*, is_guest: bool, guests: Shown) -> Shown:
    """How one device appears, by the site's rule for guests."""
    return guests if is_guest else Shown.SHOWN


class Pseudonyms:
    """MACs that stand in for real ones: the same device has the same one all day, and another one tomorrow."""

    def __init__(self, key: bytes | None = None) -> None:
        self._key = key or secrets.token_bytes(32)
        self._day = -1
        self._known: dict[str, str] = {}

    def of(self, mac: str, now: float) -> str:
        """The stand-in for a MAC at a unix time: 12 hex digits, marked as locally administered."""
        day = int(now // 86_400)
        if day != self._day:
            self._day, self._known = day, {}
        pseudonym = self._known.get(mac)
        if pseudonym is None:
            digest = hmac.new(self._key, f"{day}/{mac}".encode(), hashlib.sha256).hexdigest()
            pseudonym = self._known[mac] = f"{digest[0]}2{digest[2:12]}"
        return pseudonym
