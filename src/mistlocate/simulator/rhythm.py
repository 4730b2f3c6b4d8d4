"""When the network reports what: the rhythm of positions, full records, access points and passers-by.

A device that moves is positioned every few seconds, one that rests every half minute; its full record comes about once
a minute. With a fixed rate, all present devices take turns instead.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING, NamedTuple

from mistlocate.simulator.agenda import Agenda
from mistlocate.simulator.floors import AccessPoint
from mistlocate.simulator.passers import Passer
from mistlocate.simulator.people import Device, Report

if TYPE_CHECKING:
    from mistlocate.simulator.world import World

POSITION, STATS, PASSER, AP = "position", "stats", "passer", "ap"
_MOVING = (2.0, 5.0)
_RESTING = (27.0, 33.0)
_FULL = (55.0, 65.0)
_PASSING = (20.0, 60.0)
_ON_AIR = (22.0, 30.0)
_FULL_EVERY = 10


class Update(NamedTuple):
    """Something that the network tells the cloud: `position` and `stats` of a device, `passer`, `ap`."""

    kind: str
    subject: Device | Passer | AccessPoint
    report: Report


class Rhythm:
    """Notes in the agenda of a world who is to report when, and lets them report.

    A device knows the times that hold for it; an entry of any other time is stale and passes without effect.
    """

    def __init__(self, world: World, agenda: Agenda, rate: float | None) -> None:
        self._world, self._agenda, self._rate = world, agenda, rate
        self._credit = 0.0
        self._rounds = 0
        self._turn: Iterator[Device] = iter(())

    # -- beginnings ------------------------------------------------------------------------------

    def begin(self, device: Device, stats_at: float | None = None) -> None:
        """A device is heard from now on; its next full record comes at a time, or in about a minute."""
        if self._rate is not None:
            return
        if stats_at is None:
            stats_at = self._world.elapsed + self._world.rng.uniform(*_FULL)
        device.stats_due = stats_at
        self._agenda.note(stats_at, STATS, device)
        self.hasten(device, 30.0)

    def hasten(self, device: Device, within: float) -> None:
        """See to it that the device's position comes in within so many seconds."""
        now = self._world.elapsed
        due = now + self._world.rng.uniform(0.2, within)
        if self._rate is None and device.located and not now < device.position_due <= due:
            device.position_due = due
            self._agenda.note(due, POSITION, device)

    def begin_passer(self, passer: Passer) -> None:
        """Somebody passes by."""
        self._again(_PASSING, PASSER, passer, self._world.rng.random())

    def begin_ap(self, ap: AccessPoint) -> None:
        """An access point is on the air."""
        self._again(_ON_AIR, AP, ap, self._world.rng.random())

    # -- what is due -----------------------------------------------------------------------------

    def due(self, whom: object, at: float, what: str, out: list[Update]) -> None:
        """An entry of the agenda has come up."""
        world = self._world
        if isinstance(whom, Device):
            self._device_due(whom, at, what, out)
        elif isinstance(whom, Passer) and whom in world.street.passers:
            out.append(Update(PASSER, whom, world.street.walk_on(whom, world.elapsed)))
            self._again(_PASSING, PASSER, whom)
        elif isinstance(whom, AccessPoint):
            world.heard_aps[whom] = world.elapsed
            out.append(Update(AP, whom, Report(world.elapsed, whom, 0.0)))
            self._again(_ON_AIR, AP, whom)

    def _device_due(self, device: Device, at: float, what: str, out: list[Update]) -> None:
        full = what == STATS
        if not device.present or at != (device.stats_due if full else device.position_due):
            return
        report = self._world.observe(device)
        if report is not None:
            out.append(Update(what, device, report))
        calm = _FULL if full else _RESTING
        soon = report is None or (self._world.moving(device) and not full)
        due = at + self._world.rng.uniform(*(_MOVING if soon else calm))
        if full:
            device.stats_due = due
        else:
            device.position_due = due
        self._agenda.note(due, what, device)

    def _again(self, pause: tuple[float, float], what: str, whom: object, part: float = 1.0) -> None:
        self._agenda.note(self._world.elapsed + part * self._world.rng.uniform(*pause), what, whom)

    # -- by turns --------------------------------------------------------------------------------

    def round(self, seconds: float, out: list[Update]) -> None:
        """With a fixed rate: so many seconds' worth of updates; every tenth turn of a device is a full record."""
        if self._rate is None:
            return
        self._credit += self._rate * seconds
        count = int(self._credit)
        self._credit -= count
        skipped = 0
        while count and skipped <= len(self._world.devices):
            device = next(self._turn, None)
            if device is None:
                self._turn = iter(list(self._world.devices.values()))
                self._rounds += 1
                device = next(self._turn, None)
            full = device is not None and (device.number + self._rounds) % _FULL_EVERY == 0
            report = self._world.observe(device) if device and (full or device.located) else None
            if device is None or report is None:
                skipped += 1
                continue
            out.append(Update(STATS if full else POSITION, device, report))
            skipped, count = 0, count - 1
