"""Pixels, plan fractions, metres, degrees: each unit is in a name, and conversions are here only.

Map coordinates are pixels of a map's full-size image, from its top-left corner, x to the right and y downwards.
"""

import math
from collections.abc import Sequence
from typing import NamedTuple

Point = tuple[float, float]


class LatLng(NamedTuple):
    """A geographic position in degrees (WGS 84)."""

    lat: float
    lng: float


class Affine(NamedTuple):
    """x' = a·x + b·y + c, y' = d·x + e·y + f."""

    a: float
    b: float
    c: float
    d: float
    e: float
    f: float

    def apply(self, x: float, y: float) -> Point:
        """Carry a point over."""
        return self.a * x + self.b * y + self.c, self.d * x + self.e * y + self.f

    @classmethod
    def through(cls, pairs: Sequence[tuple[Point, Point]]) -> "Affine":
        """The map that carries three points to three others.

        Raises `ValueError` if the first three lie on a line (or coincide): then they determine no map.
        """
        ((x0, y0), t0), ((x1, y1), t1), ((x2, y2), t2) = pairs
        ux, uy, vx, vy = x1 - x0, y1 - y0, x2 - x0, y2 - y0
        cross = ux * vy - uy * vx
        # Relative to the lengths: pixels and fractions differ by orders of magnitude.
        if abs(cross) <= 1e-9 * max(math.hypot(ux, uy) * math.hypot(vx, vy), 1e-300):
            raise ValueError("the three points lie on one line")
        rows = []
        for axis in (0, 1):
            du, dv = t1[axis] - t0[axis], t2[axis] - t0[axis]
            a = (du * vy - dv * uy) / cross
            b = (dv * ux - du * vx) / cross
            rows.append((a, b, t0[axis] - a * x0 - b * y0))
        return cls(*rows[0], *rows[1])


def between(top_left: LatLng, bottom_right: LatLng, right: float, down: float) -> LatLng:
    """The geographic position at fractions (0 to 1) of the way from the top-left to the bottom-right corner.

    Linear in degrees, which over the size of a site is exact to centimetres. The short way round is taken where the
    corners lie on both sides of the 180th meridian.
    """
    width = (bottom_right.lng - top_left.lng + 180.0) % 360.0 - 180.0
    lng = (top_left.lng + right * width + 180.0) % 360.0 - 180.0
    return LatLng(top_left.lat + down * (bottom_right.lat - top_left.lat), lng)


def s2_token(where: LatLng, level: int = 21) -> str:
    """The S2 cell of a geographic position as a token; level 21 is a cell of about 4 by 4 metres."""
    from s2cell import lat_lon_to_token  # noqa: PLC0415 - only geo-referenced maps need it

    return str(lat_lon_to_token(where.lat, where.lng, level))


def pixels_per_metre(
    width: float | None, width_m: float | None, height: float | None, height_m: float | None, ppm: float | None
) -> float | None:
    """The scale of a map. The sizes outrank `ppm`, which may be missing or stale (it is kept apart from them)."""
    for pixels, metres in ((width, width_m), (height, height_m)):
        if pixels and metres and pixels > 0 and metres > 0:
            return pixels / metres
    return ppm if ppm and ppm > 0 else None
