"""The devices of each map as location records, computed once per change of what they are made of."""

from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

from mistlocate.drivers.mist_locations.records import location_record, seen_at, template
from mistlocate.location.floorplans import Floorplans, Plan
from mistlocate.location.observation import FUTURE_TOLERANCE, MILLISECONDS_FROM
from mistlocate.location.visibility import TIME_GRAIN, Pseudonyms, Shown, device_shown

#: Later than every time that is one: what is kept must not depend on the "now" at which it was computed, for that may
#: be set right. Whether a time lies too far ahead is asked with its age.
EVER = MILLISECONDS_FROM


class _Computed(NamedTuple):
    clients: Sequence[Any]
    plan: Plan
    stale: bool
    guests: Shown
    day: int
    times: list[float]
    """When each was seen."""
    records: list[dict[str, Any]]
    earliest: float
    latest: float


class Levels:
    """Keeps what was computed of a map until its clients, its plan, the rule for guests, or the day change."""

    def __init__(self, pseudonyms: Pseudonyms | None = None) -> None:
        self._pseudonyms = pseudonyms or Pseudonyms()
        self._computed: dict[str, _Computed] = {}

    def of_map(
        self,
        map_id: str,
        clients: Sequence[Any],
        floorplans: Floorplans,
        *,
        stale: bool,
        guests: Shown,
        now: float,
        oldest: float,
    ) -> Sequence[dict[str, Any]]:
        """The location records of the clients on a map that were seen since `oldest` (unix seconds)."""
        plan = floorplans.plan(map_id)
        if plan is None:
            return []
        day = int(now // 86_400)
        known = self._computed.get(map_id)
        # The clients of an unchanged status are the same object, not merely equal ones.
        if (
            known is None
            or known.clients is not clients
            or known.plan is not plan
            or (known.stale, known.guests, known.day) != (stale, guests, day)
        ):
            found = self._compute(clients, plan, stale, guests, now)
            times, records = [seen for seen, _ in found], [record for _, record in found]
            earliest, latest = min(times, default=now), max(times, default=now)
            known = _Computed(clients, plan, stale, guests, day, times, records, earliest, latest)
            self._computed[map_id] = known
        newest = now + FUTURE_TOLERANCE
        if oldest <= known.earliest and known.latest <= newest:
            return known.records  # nearly always: each is looked at only where somebody is too old
        return [record for seen, record in zip(known.times, known.records, strict=True) if oldest <= seen <= newest]

    def keep_only(self, maps: Mapping[str, Any]) -> None:
        """Forget what was computed of other maps."""
        self._computed = {map_id: each for map_id, each in self._computed.items() if map_id in maps}

    def _compute(
        self, clients: Sequence[Any], plan: Plan, stale: bool, guests: Shown, now: float
    ) -> list[tuple[float, dict[str, Any]]]:
        records: list[tuple[float, dict[str, Any]]] = []
        anonymous: list[tuple[float, dict[str, Any]]] = []
        like = template(plan)
        guest, others = device_shown(is_guest=True, guests=guests), device_shown(is_guest=False, guests=guests)
        hidden, nobody = Shown.HIDDEN, Shown.ANONYMOUS  # looking them up in their enumeration takes a tenth
        for client in clients:
            mac = client.get("mac") if isinstance(client, dict) else None
            if not isinstance(mac, str):
                continue  # a status is only as good as whoever wrote it
            shown = others if client.get("is_guest") is False else guest  # or may be one: nobody has said yet
            seen = seen_at(client, EVER)
            if seen is None or shown is hidden:
                continue
            if client.get("anonymous") is not True:  # else the MAC is a stand-in already
                if shown is not nobody:
                    records.append((seen, location_record(client, plan, seen, stale, None, like)))
                    continue
                mac = self._pseudonyms.of(mac, now)
                last = seen
            else:
                last = seen + TIME_GRAIN - 1  # it was seen then at the latest: the time is given to the minute
            anonymous.append((last, location_record(client, plan, seen, stale, mac, like)))
        anonymous.sort(key=lambda each: str(each[1]["mac"]))
        return records + anonymous
