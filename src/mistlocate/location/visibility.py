"""Who may be shown to whom, and how.

A person may be shown, counted without being told apart (anonymous), or left out (hidden). An anonymous device keeps
its place on the floor, so that counts stay right, under a MAC that changes every day and cannot be turned back
without a key that is never stored. That is pseudonymisation: whoever knows where somebody sits can still guess.

Anonymous devices stand behind the others in every list, in the order of their stand-ins, and the time at which they
were seen is given to the minute: a place in a list or an odd second must not tell today's device from yesterday's.

Who decides: MistWebsocket keeps people who opted out (and, where only occupancy is wanted, everybody) out of all that
leaves it, so that nothing behind it has to know; MistLocations decides about guests.
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


#: Times of anonymous devices are multiples of this (seconds).
TIME_GRAIN = 60


def coarse(unix_time: float) -> int:
    """The time at which an anonymous device was seen, as it is given."""
    return int(unix_time) // TIME_GRAIN * TIME_GRAIN


def below_minimum(devices: int, minimum: int) -> bool:
    """Whether a group is too small to be answered at all.

    Groups are the devices of one map, the smallest part that answers are made of: every answer is then a sum of
    groups that are large enough, and so is the difference of any two.
    """
    return devices < minimum


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
