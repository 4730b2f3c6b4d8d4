"""Where people go: they sit, walk, take the lift, leave and come back.

A trip is planned as a whole when it begins, as legs with absolute times. Between two legs nothing needs computing: a
position follows from the leg and the time. That is what lets a hundred thousand devices move cheaply.
"""

from collections import deque
from dataclasses import dataclass, field
from random import Random

from mistlocate.simulator.floors import FloorMap
from mistlocate.simulator.geometry import Walk
from mistlocate.simulator.layouts import Spot
from mistlocate.simulator.people import Person, Place

SIT, WALK, LIFT, AWAY = "sit", "walk", "lift", "away"
_PACE = (0.9, 1.5)
_LIFT_SECONDS = (6.0, 15.0)
_OUTSIDE_SECONDS = (25.0, 50.0)
_AWAY_SECONDS = (180.0, 1200.0)
_POCKET = frozenset({"phone", "watch"})
_TAKES_LAPTOP = 0.35
_LEAVES = 0.04


@dataclass(slots=True, eq=False)
class Leg:
    """One part of a trip, until a time. `place` is where it stands still, or ends; None while nobody hears it."""

    kind: str
    until: float
    place: Place | None = None
    spot: Spot | None = None
    walk: Walk | None = None


@dataclass(slots=True, eq=False)
class Itinerary:
    """What somebody does now, and the legs that follow."""

    leg: Leg
    ahead: deque[Leg] = field(default_factory=deque)

    def place(self, time: float) -> Place | None:
        """Where they are; None in a lift and off the campus."""
        leg = self.leg
        if leg.walk is None or leg.place is None:
            return leg.place
        return Place(leg.place.map, leg.walk.at(time))

    @property
    def moving(self) -> bool:
        """Whether they are on their way."""
        return self.leg.kind in (WALK, LIFT)


class Planner:
    """Decides where somebody goes next; draws lots from the one generator of the world."""

    def __init__(self, rng: Random, dwell: float) -> None:
        self._rng, self._dwell = rng, dwell

    def settle(self, person: Person, now: float) -> Itinerary:
        """The start of somebody's day: at the desk, for some time already; a few are away."""
        until = now + self._seated() * self._rng.random()
        if not person.stays and person.number > 5 and self._rng.random() < 0.08:
            return Itinerary(Leg(AWAY, until))
        return Itinerary(Leg(SIT, until, person.desk, self._spot(person.desk)))

    def next_trip(self, person: Person, itinerary: Itinerary, now: float) -> None:
        """Plan what comes after the leg that just ended."""
        leg = itinerary.leg
        if leg.kind == AWAY or leg.place is None or leg.spot is None:
            self._arrive(person, itinerary, now)
            return
        lot = self._rng.random()
        place, spot = leg.place, leg.spot
        if lot < _LEAVES and not person.stays:
            self._depart(itinerary, place, spot, now)
            return
        if place.map is not person.reach[0] or (place != person.desk and lot < 0.55):
            goal = person.desk
        elif lot > 0.8 and len(person.reach) > 1:
            goal = self._seat(person.reach[self._rng.randrange(1, len(person.reach))])
        else:
            goal = self._seat(place.map)
        self._go(itinerary, place, spot, goal, now)

    def take_along(self, person: Person, itinerary: Itinerary, here: Place | None) -> None:
        """As somebody gets up, decide which of the devices at hand come along; what stays is left on the desk."""
        leaving = any(leg.kind == AWAY for leg in itinerary.ahead)
        for device in person.devices:
            if device.pinned or device.carried or device.parked != here:
                continue
            device.carried = leaving or self._rng.random() < _TAKES_LAPTOP

    def put_down(self, person: Person, itinerary: Itinerary) -> None:
        """Back at the desk, everything that does not fit in a pocket is put on it."""
        if itinerary.leg.kind != SIT or itinerary.leg.place != person.desk:
            return
        for device in person.devices:
            if not device.pinned and device.form not in _POCKET:
                device.carried, device.parked = False, person.desk

    def banish(self, itinerary: Itinerary, now: float) -> None:
        """The ground under somebody is gone: they are off the campus, and come back to their desk later."""
        itinerary.ahead.clear()
        itinerary.leg = Leg(AWAY, now + self._rng.uniform(*_AWAY_SECONDS))

    # -- legs ------------------------------------------------------------------------------------

    def _seated(self) -> float:
        return min(max(self._rng.expovariate(1.0 / self._dwell), 0.15 * self._dwell), 5 * self._dwell)

    def _seat(self, plan: FloorMap) -> Place:
        room = plan.layout.rooms[self._rng.choice(plan.layout.destinations())]
        return Place(plan, self._rng.choice(room.seats))

    def _spot(self, place: Place) -> Spot:
        return Spot(place.map.layout.room_at(place.point) or 0, place.point)

    def _walk(self, trip: deque[Leg], place: Place, start: Spot, end: Spot, now: float) -> float:
        route = place.map.layout.route(start, end)
        walk = Walk(route, now, self._rng.uniform(*_PACE))
        trip.append(Leg(WALK, walk.end, Place(place.map, end.point), end, walk))
        return walk.end

    def _sit(self, trip: deque[Leg], place: Place, spot: Spot, now: float) -> None:
        trip.append(Leg(SIT, now + self._seated(), place, spot))

    def _go(self, itinerary: Itinerary, place: Place, spot: Spot, goal: Place, now: float) -> None:
        """Walk from a place to another; on another map by way of the lift."""
        end = self._spot(goal)
        time = now
        if goal.map is not place.map:
            time = self._walk(itinerary.ahead, place, spot, place.map.layout.entrance, time)
            far = goal.map.building != place.map.building
            time += self._rng.uniform(*(_OUTSIDE_SECONDS if far else _LIFT_SECONDS))
            itinerary.ahead.append(Leg(LIFT, time))
            spot = goal.map.layout.entrance
        time = self._walk(itinerary.ahead, goal, spot, end, time)
        self._sit(itinerary.ahead, goal, end, time)

    def _depart(self, itinerary: Itinerary, place: Place, spot: Spot, now: float) -> None:
        """Leave the campus."""
        out = self._walk(itinerary.ahead, place, spot, place.map.layout.entrance, now)
        itinerary.ahead.append(Leg(AWAY, out + self._rng.uniform(*_AWAY_SECONDS)))

    def _arrive(self, person: Person, itinerary: Itinerary, now: float) -> None:
        """Appear at the lift of the own floor and walk to the desk."""
        spot = self._spot(person.desk)
        time = self._walk(itinerary.ahead, person.desk, person.desk.map.layout.entrance, spot, now)
        self._sit(itinerary.ahead, person.desk, spot, time)
