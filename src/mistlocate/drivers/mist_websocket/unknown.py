"""Clients of which only a position is known: which lists to ask for, and whom alone. Pure; times are monotonic seconds.

A list of a map answers for everybody who waited for it. Some editions of the cloud tell only places there: then the
list of the whole site answers. Whoever is in neither is asked for alone, a few in each round, and whom the cloud does
not know then is left alone for a while.
"""

from collections.abc import Container, Iterable, Mapping

#: Up to so many unknown clients are asked for one by one; more of them are cheaper as lists. So many in a round, too.
ONE_BY_ONE = 5

#: How long a MAC that the cloud does not know is left alone (seconds).
UNKNOWN_FOR = 600.0

#: MACs whose records are wanted, each with the map that its position named.
Wanted = Mapping[str, str | None]


class UnknownClients:
    """What was asked for them already, as far as it matters for what to ask next."""

    def __init__(self) -> None:
        self._nobody: dict[str, float] = {}
        self._not_listed: set[str] = set()
        self._site_again = float("-inf")

    def known_as_nobody(self, wanted: Wanted, now: float) -> list[str]:
        """Who of them is not to be asked for now, for the cloud did not know them a moment ago."""
        self._nobody = {mac: until for mac, until in self._nobody.items() if now < until + UNKNOWN_FOR}
        return [mac for mac in wanted if self._nobody.get(mac, now) > now]

    def maps_to_list(self, wanted: Wanted, maps: Iterable[str]) -> list[str]:
        """The maps whose lists are cheaper than one call for each who has not been looked for yet."""
        self._not_listed &= wanted.keys()
        fresh = self._fresh(wanted)
        on = {wanted[mac] for mac in fresh}
        found = [map_id for map_id in maps if map_id in on]
        return found if len(fresh) > max(ONE_BY_ONE, len(found)) else []

    def listed(self, waited: Iterable[str], wanted: Container[str]) -> None:
        """A list came for these; who of them is still wanted was not in it."""
        self._not_listed.update(mac for mac in waited if mac in wanted)

    def site_is_cheaper(self, wanted: Wanted, now: float) -> bool:
        """Whether so many are still wanted whose map was listed that the list of the whole site is cheaper; it is asked
        for no more often than anybody whom the cloud does not know."""
        return now >= self._site_again and len(self._not_listed & wanted.keys()) > ONE_BY_ONE

    def site_listed(self, now: float) -> None:
        """The list of the whole site was asked for at this time."""
        self._site_again = now + UNKNOWN_FOR

    def to_ask(self, wanted: Wanted) -> list[str]:
        """Whom to ask for alone in this round: those first who have not been looked for yet."""
        fresh = self._fresh(wanted)
        return [*fresh, *(mac for mac in wanted if mac not in fresh)][:ONE_BY_ONE]

    def _fresh(self, wanted: Wanted) -> dict[str, None]:
        """Who was on no list that was read for them, nor unknown when asked for alone, as far as is remembered."""
        return {mac: None for mac in wanted if mac not in self._not_listed and mac not in self._nobody}

    def nobody(self, mac: str, now: float) -> None:
        """The cloud does not know this one, or cannot say."""
        self._nobody[mac] = now + UNKNOWN_FOR  # and is remembered for as long again
