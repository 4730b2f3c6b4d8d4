"""What a campus may be asked to be."""

from dataclasses import dataclass
from math import inf


@dataclass(frozen=True, slots=True)
class Campus:
    """The options of a simulated campus; equal options make equal campuses.

    `seed`           everything that is drawn by lot follows from it
    `people`         staff and guests of the main site; things (displays, kiosks) come on top
    `floors`         floor plans of the main site, spread over as many buildings as it takes
    `maps`           all maps of the main site, the outdoor one included; overrides `floors`
    `clients`        exactly so many devices on the main site; overrides `people`
    `outdoor`        one more map of type `google`
    `outdoor_sizes`  that map says its size in pixels and metres; without, nobody can make use of positions on it
    `rate`           updates per second of all devices together, instead of the natural rhythm
    `dwell`          mean seconds that somebody stays seated
    `passers`        devices per site that are heard but not connected
    `annex`          a small second site
    """

    seed: int = 1
    people: int = 60
    floors: int = 3
    maps: int | None = None
    clients: int | None = None
    outdoor: bool = True
    outdoor_sizes: bool = True
    rate: float | None = None
    dwell: float = 120.0
    passers: int = 6
    annex: bool = True

    def __post_init__(self) -> None:
        if self.people < 0 or self.floors < 0 or self.passers < 0 or (self.clients or 0) < 0:
            raise ValueError("a campus cannot have fewer than no people, floors, clients or passers")
        if self.map_count < 1:
            raise ValueError("a campus needs at least one map")
        if self.rate is not None and not 0 < self.rate < inf:
            raise ValueError("rate must be above 0, or None for the natural rhythm")
        if not 0 < self.dwell < inf:
            raise ValueError("dwell must be above 0 seconds")

    @property
    def map_count(self) -> int:
        """The number of maps of the main site."""
        return self.maps if self.maps is not None else self.floors + int(self.outdoor)

    @property
    def image_count(self) -> int:
        """How many of them are floor plans."""
        return self.map_count - int(self.outdoor)
