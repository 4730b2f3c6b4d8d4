"""Devices that are heard but not connected: phones in the street, with addresses that change."""

from dataclasses import dataclass
from random import Random

from mistlocate.simulator.floors import FloorMap, Site
from mistlocate.simulator.geometry import Point
from mistlocate.simulator.ids import Ids
from mistlocate.simulator.people import Report


@dataclass(slots=True, eq=False)
class Passer:
    """Somebody's phone. `map` None: heard by an access point, but too far away to be located."""

    mac: str
    site_id: str
    map: FloorMap
    point: Point
    located: bool
    report: Report


class Street:
    """All passers-by; each has a new MAC every now and then."""

    def __init__(self, ids: Ids, rng: Random) -> None:
        self._ids, self._rng = ids, rng
        self._macs = 0
        self.passers: list[Passer] = []

    def add(self, site: Site, maps: list[FloorMap]) -> Passer:
        """One more; every third is never located."""
        plan = maps[len(self.passers) % len(maps)]
        box = plan.layout.shell
        point = Point(self._rng.uniform(box.left, box.right), self._rng.uniform(box.top, box.bottom))
        located = len(self.passers) % 3 != 2
        passer = Passer(self._new_mac(), site.id, plan, point, located, Report(0.0, None, -80.0))
        passer.report = self._hear(passer, -self._rng.uniform(0, 60))
        self.passers.append(passer)
        return passer

    def walk_on(self, passer: Passer, at: float) -> Report:
        """Some steps later; now and then under another address."""
        if self._rng.random() < 0.1:
            passer.mac = self._new_mac()
        moved = Point(passer.point.x + self._rng.gauss(0, 3), passer.point.y + self._rng.gauss(0, 3))
        passer.point = passer.map.layout.shell.clamp(moved)
        passer.report = self._hear(passer, at)
        return passer.report

    def move_off(self, plan: FloorMap, rest: list[FloorMap]) -> None:
        """The map is gone: who was on it passes by elsewhere, or goes home."""
        here = [passer for passer in self.passers if passer.map is plan]
        for passer in here:
            if not rest:
                self.passers.remove(passer)
                continue
            passer.map = rest[0]
            passer.report = passer.report._replace(map=None, point=None)

    def _new_mac(self) -> str:
        self._macs += 1
        return self._ids.random_mac(-self._macs)

    def _hear(self, passer: Passer, at: float) -> Report:
        aps = passer.map.listening
        ap = self._rng.choice(aps) if aps else None
        rssi = round(-62.0 - self._rng.random() * 25, 1)
        if not passer.located:
            return Report(at, ap, rssi)
        return Report(at, ap, rssi, passer.map, passer.point, self._rng.randint(2, 4), 6)
