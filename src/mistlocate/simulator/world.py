"""The campus as it is: who stands where, and what the network last knew of them.

Pure: no input or output, no clock. Time passes only by `step`, and the same seed, options and steps give the same
state. All internal times are seconds since the world began; `epoch` says which Unix time that was.
"""

from dataclasses import dataclass
from itertools import chain
from math import inf

from mistlocate.simulator.agenda import Agenda
from mistlocate.simulator.campus import Campus
from mistlocate.simulator.floors import AccessPoint, FloorMap, Site, Surveyor
from mistlocate.simulator.history import History
from mistlocate.simulator.ids import Ids, lots
from mistlocate.simulator.motion import AWAY, SIT, WALK, Itinerary, Planner
from mistlocate.simulator.passers import Street
from mistlocate.simulator.people import Device, Person, Place, Psk, Registrar, Report
from mistlocate.simulator.radio import measure
from mistlocate.simulator.rhythm import STATS, Rhythm, Update

DEFAULT_EPOCH = 1_780_300_800.0
_PERSON = "person"


@dataclass(frozen=True, slots=True)
class Truth:
    """What is really so with a device, and beside it what was last reported. Positions are pixels of the map."""

    mac: str
    owner: str | None
    kind: str
    form: str
    username: str | None
    psk_id: str | None
    site_id: str
    present: bool
    located: bool
    map_id: str | None
    x: float | None
    y: float | None
    reported_map_id: str | None
    reported_x: float | None
    reported_y: float | None
    last_seen: float | None


class World:
    """A campus in motion. `devices` and `maps` are keyed by MAC and by id, in a stable order."""

    def __init__(self, campus: Campus | None = None, *, epoch: float = DEFAULT_EPOCH) -> None:
        self.campus = campus or Campus()
        self.epoch = epoch
        self.elapsed = 0.0
        self.ids = Ids(self.campus.seed)
        self.rng = lots(self.campus.seed)
        self.org_id = self.ids.uuid("org")
        self.foreign_site_id = self.ids.uuid("site", "foreign")
        self.surveyor = Surveyor(self.campus, self.ids)
        self.sites: dict[str, Site] = {site.id: site for site in self.surveyor.sites()}
        self.maps: dict[str, FloorMap] = {}
        self.loose_aps: list[AccessPoint] = []
        self.people: list[Person] = []
        self.devices: dict[str, Device] = {}
        self.registrar = Registrar(self.campus, self.ids, self.rng)
        self.street = Street(self.ids, self.rng)
        self.history = History()
        self.heard_aps: dict[AccessPoint, float] = {}
        self._planner = Planner(self.rng, self.campus.dwell)
        self._trips: dict[Person, Itinerary] = {}
        self._agenda = Agenda()
        self._rhythm = Rhythm(self, self._agenda, self.campus.rate)
        self._populate()

    # -- reading ---------------------------------------------------------------------------------

    @property
    def now(self) -> float:
        """Unix time of the world."""
        return self.epoch + self.elapsed

    @property
    def site(self) -> Site:
        """The main site."""
        return next(iter(self.sites.values()))

    @property
    def psks(self) -> dict[str, Psk]:
        """All keys of the organisation and of its sites, by id."""
        return self.registrar.psks

    def maps_of(self, site_id: str) -> list[FloorMap]:
        """The maps of one site."""
        return [one for one in self.maps.values() if one.site_id == site_id]

    def devices_of(self, site_id: str) -> list[Device]:
        """The devices of one site, present or not."""
        return [device for device in self.devices.values() if device.site_id == site_id]

    def aps_of(self, site_id: str) -> list[AccessPoint]:
        """The access points of one site, the unplaced one last."""
        placed = chain.from_iterable(one.aps for one in self.maps_of(site_id))
        return [*placed, *(ap for ap in self.loose_aps if ap.site_id == site_id)]

    def place_of(self, device: Device) -> Place | None:
        """Where a device is now; None in a lift, off the campus, and if it never had a place."""
        if not device.present:
            return None
        if device.carried and device.person is not None:
            return self._trips[device.person].place(self.elapsed)
        return device.parked

    def moving(self, device: Device) -> bool:
        """Whether a device is on its way with its person."""
        return device.carried and device.person is not None and self._trips[device.person].moving

    def stamp(self, device: Device, at: float) -> float:
        """A time of this world as records carry it: whole seconds, for every fourth device with milliseconds."""
        moment = self.epoch + at
        return round(moment, 3) if device.number % 4 == 3 else int(moment)

    def truth(self, mac: str) -> Truth:
        """The truth about one device. `KeyError` if there is none."""
        device = self.devices[mac]
        place, report = self.place_of(device), device.report
        x, y = place.map.to_pixels(place.point) if place else (None, None)
        seen = report.map if report else None
        seen_x, seen_y = seen.to_pixels(report.point) if seen and report and report.point else (None, None)
        return Truth(
            mac=device.mac, owner=device.owner, kind=device.kind, form=device.form,
            username=device.username, psk_id=device.psk.id if device.psk else None, site_id=device.site_id,
            present=device.present, located=device.located,
            map_id=place.map.id if place else None, x=x, y=y,
            reported_map_id=seen.id if seen else None, reported_x=seen_x, reported_y=seen_y,
            last_seen=self.stamp(device, report.at) if report else None,
        )  # fmt: skip

    def truths(self) -> list[Truth]:
        """The truth about every device."""
        return [self.truth(mac) for mac in self.devices]

    # -- time ------------------------------------------------------------------------------------

    def pass_time(self, to: float) -> None:
        """Let the clock run on to `elapsed == to` without anything moving; never backwards."""
        self.elapsed = max(self.elapsed, to)

    def step(self, seconds: float) -> list[Update]:
        """Let so many seconds pass; what the network reports meanwhile, in order."""
        until = self.elapsed + seconds
        out: list[Update] = []
        while (entry := self._agenda.take(until)) is not None:
            at, what, whom = entry
            self.elapsed = max(self.elapsed, at)
            if isinstance(whom, Person):
                self._person_due(whom, at, out)
            else:
                self._rhythm.due(whom, at, what, out)
        self.elapsed = until
        self._rhythm.round(seconds, out)
        return out

    # -- what others may do to it ----------------------------------------------------------------

    def observe(self, device: Device) -> Report | None:
        """Measure a device now and keep the result; None if nobody can hear it."""
        place = self.place_of(device)
        if place is None:
            if not device.present or (device.person is not None and device.carried):
                return None
            return self.keep(device, Report(self.elapsed, None, -70.0))
        return self.keep(device, measure(device, place, self.elapsed, self.rng))

    def keep(self, device: Device, report: Report) -> Report:
        """Make this the last report of a device."""
        device.report = report
        self.history.note(device, report)
        return report

    def enlist(self, device: Device) -> None:
        """Add a device; it is heard once it appears."""
        self.devices[device.mac] = device

    def dismiss(self, device: Device) -> None:
        """Remove a device as if it had never been."""
        del self.devices[device.mac]
        device.present = False
        if device.person:
            device.person.devices.remove(device)

    def vanish(self, device: Device) -> None:
        """The device is out of reach. Nobody says so: its last report just grows old."""
        device.present = False
        device.position_due = device.stats_due = -1.0

    def appear(self, device: Device) -> Update | None:
        """The device associates again; the full record that this brings about, if it can be heard at once."""
        device.present, device.associated_at = True, self.elapsed
        self._rhythm.begin(device)
        report = self.observe(device)
        return Update(STATS, device, report) if report else None

    def demolish(self, plan: FloorMap) -> None:
        """Remove a map: who is on it is off the campus, what lies on it is no longer located, reports lose it."""
        del self.maps[plan.id]
        rest = self.maps_of(plan.site_id)
        self.street.move_off(plan, rest)
        for person in self.people:
            person.reach = tuple(one for one in person.reach if one is not plan) or tuple(rest[:1]) or person.reach
            if person.desk.map is plan:
                home = person.reach[0]
                person.desk = Place(home, home.layout.rooms[home.layout.destinations()[0]].seats[0])
            trip = self._trips[person]
            if any(leg.place is not None and leg.place.map is plan for leg in (trip.leg, *trip.ahead)):
                self._planner.banish(trip, self.elapsed if rest else inf)
                self._agenda.note(trip.leg.until, _PERSON, person)
                for device in person.devices:
                    if device.carried:
                        self.vanish(device)
        for device in self.devices.values():
            if device.parked is not None and device.parked.map is plan:
                device.parked = device.person.desk if device.person and not device.pinned else None
            if device.report is not None and device.report.map is plan:
                device.report = device.report._replace(map=None, point=None)

    # -- beginnings ------------------------------------------------------------------------------

    def _populate(self) -> None:
        for site in self.sites.values():
            maps = self.surveyor.maps(site)
            self.maps.update((one.id, one) for one in maps)
            for made in self.registrar.people(site, maps):
                if isinstance(made, Person):
                    self._settle(made)
                else:
                    self.devices[made.mac] = made
            for _ in range(self.campus.passers):
                self._rhythm.begin_passer(self.street.add(site, maps))
            if not site.number:
                self.loose_aps.append(self.surveyor.unplaced(site))
            for ap in self.aps_of(site.id):
                if ap.connected:
                    self.heard_aps[ap] = -self.rng.uniform(0, 30)
                    self._rhythm.begin_ap(ap)
        self._first_reports()

    def _settle(self, person: Person) -> None:
        self.people.append(person)
        trip = self._trips[person] = self._planner.settle(person, self.elapsed)
        self._agenda.note(trip.leg.until, _PERSON, person)
        self._planner.put_down(person, trip)
        for device in person.devices:
            device.present = trip.leg.kind != AWAY
            self.devices[device.mac] = device

    def _first_reports(self) -> None:
        """Everybody has been seen before: who is here a moment ago, who is not some time earlier."""
        count = len(self.devices)
        for number, device in enumerate(self.devices.values()):
            here = device.present
            place = self.place_of(device) if here else device.person.desk if device.person else device.parked
            device.associated_at = -self.rng.uniform(600, 3 * 3600)
            ago = self.rng.uniform(0, 25) if here else self.rng.uniform(120, 4 * 3600)
            if place is not None:
                device.report = measure(device, place, -ago, self.rng)
            if here:
                self._rhythm.begin(device, 60.0 * (number + 0.5) / count)

    # -- what is due -----------------------------------------------------------------------------

    def _person_due(self, person: Person, at: float, out: list[Update]) -> None:
        trip = self._trips[person]
        if at != trip.leg.until:
            return
        was = trip.leg
        if not trip.ahead:
            self._planner.next_trip(person, trip, at)
            self._planner.take_along(person, trip, was.place)
        trip.leg = trip.ahead.popleft()
        self._agenda.note(trip.leg.until, _PERSON, person)
        if trip.leg.kind == SIT:
            self._planner.put_down(person, trip)
        for device in person.devices:
            if device.held_away or device.pinned:
                continue
            if trip.leg.kind == AWAY and device.carried:
                self.vanish(device)
            elif was.kind == AWAY and not device.present:
                if (update := self.appear(device)) is not None:
                    out.append(update)
            elif trip.leg.kind in (WALK, SIT) and device.present and was.kind != AWAY:
                self._rhythm.hasten(device, 3.0)
