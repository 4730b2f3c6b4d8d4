"""How much a caller may ask, and how often somebody may guess at keys. Pure: times are handed in (monotonic seconds).

Both are bucketfuls: so many at once, and then so many a second. What is kept of callers is bounded; who was not heard
of for the longest time is forgotten first, which gives a full bucket back and nothing else.
"""

import ipaddress
import math
from collections import OrderedDict

from mistlocate.engines.embedded.access import Access, Caller, Credentials, Refusal

#: How many names are kept account of.
NAMES_AT_MOST = 10_000

#: Of requests so many seconds' worth may come at once: a page that opens asks for all images of its maps.
BURST = 10.0

#: Keys that are not known: so many at once from one place, and then one in so many seconds.
GUESSES = 10
GUESS_EVERY = 6.0


class Buckets:
    """A bucket of `size` for each name, which fills with `rate` a second."""

    def __init__(self, rate: float, size: float, names: int = NAMES_AT_MOST) -> None:
        self._rate = rate
        self._size = size
        self._names = names
        self._left: OrderedDict[str, tuple[float, float]] = OrderedDict()

    def __len__(self) -> int:
        return len(self._left)

    def wait(self, name: str, now: float) -> float:
        """Seconds until one can be taken; 0 if it can be now."""
        left = self._filled(name, now)
        return 0.0 if left >= 1.0 else (1.0 - left) / self._rate

    def take(self, name: str, now: float) -> float:
        """Take one; seconds until there is one where the bucket is empty (then nothing is taken), else 0."""
        wait = self.wait(name, now)
        if wait == 0.0:
            self._left[name] = (self._filled(name, now) - 1.0, now)
            self._left.move_to_end(name)
            if len(self._left) > self._names:
                self._left.popitem(last=False)
        return wait

    def _filled(self, name: str, now: float) -> float:
        left, at = self._left.get(name, (self._size, now))
        return min(self._size, left + (now - at) * self._rate)


class Limits:
    """The limits of one engine. `rate` is requests a second for each caller, 0 for no limit."""

    def __init__(self, rate: float) -> None:
        self.rate = rate
        self._requests = Buckets(rate or 1.0, (rate or 1.0) * BURST)
        self._guesses = Buckets(1.0 / GUESS_EVERY, GUESSES)
        self._good: OrderedDict[tuple[str, str], None] = OrderedDict()

    def request(self, who: str, now: float) -> float:
        """Count a request; how many seconds it comes too early, 0 if it may be answered."""
        return self._requests.take(who, now) if self.rate else 0.0

    def identify(self, access: Access, shown: Credentials, now: float) -> Caller | Refusal:
        """Who calls, as `Access.identify`. Whoever showed too many keys that are not known has to wait.

        A key that was right from the same place before is not held up by somebody else's guesses there: behind one
        address there may be a whole building.
        """
        if shown.key_hash is None or not access.has_keys:
            return access.identify(shown)
        place = place_of(shown.client)
        known = (place, shown.key_hash)
        if known not in self._good and (wait := self._guesses.wait(place, now)):
            message = "too many keys from here were not known; wait before the next"
            return Refusal(429, message, retry_after=math.ceil(wait))
        found = access.identify(shown)
        if isinstance(found, Refusal):
            self._good.pop(known, None)
            self._guesses.take(place, now)
        else:
            self._good[known] = None
            self._good.move_to_end(known)
            if len(self._good) > NAMES_AT_MOST:
                self._good.popitem(last=False)
        return found


def place_of(address: str | None) -> str:
    """Where calls come from: an address, of IPv6 the network that one subscriber has (64 bits)."""
    try:
        found = ipaddress.ip_address((address or "").partition("%")[0])
    except ValueError:
        return address or ""
    if found.version == 6:
        if found.ipv4_mapped is not None:
            return str(found.ipv4_mapped)
        return str(ipaddress.ip_network((found, 64), strict=False))
    return str(found)


def too_many(wait: float) -> Refusal:
    """The answer to a request that comes too early."""
    return Refusal(429, "too many requests; ask less often, or follow statuses", retry_after=max(1, math.ceil(wait)))
