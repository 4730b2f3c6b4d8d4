"""How well a device can be located: a model of what Wi-Fi gives, no more."""

from math import exp, hypot, log10, sqrt
from random import Random

from mistlocate.simulator.geometry import Point
from mistlocate.simulator.people import Device, Place, Report

RANGE = 25.0
OUTSIDE = 0.5
MEMORY = 20.0
# Standard deviation in metres along each axis, by the number of access points that took part.
_SIGMA = (8.0, 6.0, 4.2, 3.0, 2.2, 1.7, 1.4)


def sigma(num_aps: int) -> float:
    """Metres of deviation along each axis."""
    return _SIGMA[min(num_aps, len(_SIGMA) - 1)]


def accuracy(num_aps: int) -> int:
    """The error radius that is claimed, in metres: 86 of 100 measurements fall within two deviations."""
    return max(1, round(2 * sigma(num_aps)))


def measure(device: Device, place: Place, at: float, rng: Random) -> Report:
    """One measurement of a device that stands at a place.

    Errors of measurements that follow each other closely are alike, so that a track is smooth and a sitter wanders
    slowly. The result may lie up to `OUTSIDE` metres beyond the edge of the map. A pinned device is measured exactly.
    """
    plan, true = place
    ap, nearest, heard = None, 1e9, 0
    for candidate in plan.aps:
        spot = candidate.place
        if spot is None or not candidate.connected:
            continue
        distance = hypot(spot.x - true.x, spot.y - true.y)
        if distance < RANGE:
            heard += 1
        if distance < nearest:
            ap, nearest = candidate, distance
    rssi = round(-38.0 - 22.0 * log10(1.0 + nearest) - 2.0 * rng.random(), 1) if ap else -90.0
    if not device.located:
        return Report(at, ap, rssi)
    count = max(1, heard - (rng.random() < 0.3))
    if device.pinned:
        return Report(at, ap, rssi, plan, true, count, accuracy(count))
    before = device.report.at if device.report else at - 10 * MEMORY
    alike = exp((before - at) / MEMORY)
    fresh = sqrt(1.0 - alike * alike)
    x = alike * device.drift[0] + fresh * rng.gauss(0.0, 1.0)
    y = alike * device.drift[1] + fresh * rng.gauss(0.0, 1.0)
    device.drift = (x, y)
    spread = sigma(count)
    seen = Point(
        min(max(true.x + spread * x, -OUTSIDE), plan.layout.width + OUTSIDE),
        min(max(true.y + spread * y, -OUTSIDE), plan.layout.height + OUTSIDE),
    )
    return Report(at, ap, rssi, plan, seen, count, accuracy(count))
