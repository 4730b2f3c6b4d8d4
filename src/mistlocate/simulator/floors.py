"""The sites of a campus, their maps and the access points on them."""

from dataclasses import dataclass, field
from math import cos, floor, radians

from mistlocate.simulator.campus import Campus
from mistlocate.simulator.geometry import Point
from mistlocate.simulator.ids import Ids, ap_mac, device_id, lots
from mistlocate.simulator.layouts import Layout, office_floor, one_room

# Surveyed long before anybody connects; constants, so that caches keyed on them survive a restart.
CREATED = 1_736_150_400.0
MODIFIED = 1_741_593_600.0
_METRES_PER_DEGREE = 111_320.0


@dataclass(frozen=True, slots=True)
class Building:
    """A kind of building: the size of its floors in metres and of their plans in pixels."""

    name: str
    width_m: float
    height_m: float
    width: int
    height: int
    orientation: int


_BUILDINGS = (
    Building("HQ", 72.0, 40.5, 1600, 900, 12),
    Building("Lab", 54.0, 39.0, 1350, 975, 345),
    Building("Library", 60.0, 45.0, 1500, 1125, 0),
    Building("Workshop", 51.0, 38.25, 1360, 1020, 90),
    Building("Institute", 66.0, 44.0, 1320, 880, 12),
    Building("Gallery", 57.6, 40.8, 1536, 1088, 0),
)
_ANNEX = Building("Annex", 48.0, 36.0, 1200, 900, 0)
_FLOORS_PER_BUILDING = 4


@dataclass(frozen=True, slots=True)
class Site:
    """A site; `latlng` is in degrees."""

    id: str
    name: str
    number: int
    address: str | None = None
    latlng: tuple[float, float] | None = None


@dataclass(slots=True, eq=False)
class AccessPoint:
    """An access point. Metres from the top-left corner of its map; `place` None means that nobody has placed it yet."""

    mac: str
    name: str
    site_id: str
    number: int
    map_id: str | None
    place: Point | None
    orientation: int = 0
    connected: bool = True

    @property
    def id(self) -> str:
        """The cloud's id of this device."""
        return device_id(self.mac)


@dataclass(slots=True, eq=False)
class FloorMap:
    """A map. Everything on it is kept in metres; `width` and `height` are pixels and may change with its image."""

    id: str
    site_id: str
    name: str
    type: str
    width: int
    height: int
    layout: Layout
    building: str = ""
    orientation: int = 0
    has_sizes: bool = True
    has_ppm: bool = True
    group: tuple[str, int] | None = None
    origin: tuple[int, int] | None = None
    corners: tuple[tuple[float, float], tuple[float, float]] | None = None
    locked: bool = False
    modified: float = MODIFIED
    revision: int = 0
    aps: list[AccessPoint] = field(default_factory=list)
    client_channel: str = ""

    def __post_init__(self) -> None:
        self.client_channel = f"/sites/{self.site_id}/stats/maps/{self.id}/clients"

    @property
    def width_m(self) -> float:
        """Metres."""
        return self.layout.width

    @property
    def height_m(self) -> float:
        """Metres."""
        return self.layout.height

    @property
    def ppm(self) -> float:
        """Pixels per metre of the image as it is now."""
        return self.width / self.layout.width

    @property
    def listening(self) -> list[AccessPoint]:
        """The access points that are on the air here."""
        return [ap for ap in self.aps if ap.connected]

    def to_metres(self, x: float, y: float) -> Point:
        """Pixels of the image, as metres."""
        return Point(x / self.ppm, y / self.ppm)

    def to_pixels(self, point: Point) -> tuple[float, float]:
        """Metres, as pixels of the image, to a ten-thousandth."""
        return round(point.x * self.ppm, 4), round(point.y * self.ppm, 4)


class Surveyor:
    """Draws up the sites and maps of a campus, in a fixed order."""

    def __init__(self, campus: Campus, ids: Ids) -> None:
        self._campus, self._ids = campus, ids
        self._aps = 0

    def sites(self) -> list[Site]:
        """The main site, and the annex if there is one."""
        main = Site(self._ids.uuid("site", 0), "Example Campus", 0, "1 Example Way, 00000 Example", (50.0, 8.0))
        if not self._campus.annex:
            return [main]
        return [main, Site(self._ids.uuid("site", 1), "Example Annex", 1)]

    def maps(self, site: Site) -> list[FloorMap]:
        """All maps of a site with their access points; the outdoor map comes last."""
        if site.number:
            return [self.floor(site, _ANNEX, 1, 0, grouped=False)]
        maps = []
        for number in range(self._campus.image_count):
            stack, storey = divmod(number, _FLOORS_PER_BUILDING)
            known = _BUILDINGS[stack % len(_BUILDINGS)]
            again = stack // len(_BUILDINGS)
            building = known if not again else _renamed(known, f"{known.name} {again + 1}")
            maps.append(self.floor(site, building, storey + 1, number, grouped=number > 0))
        if len(maps) > 1:
            maps[1].has_ppm = False
        if self._campus.outdoor:
            maps.append(self.yard(site))
        return maps

    def unplaced(self, site: Site) -> AccessPoint:
        """The access point that somebody has unpacked but not placed."""
        return self._ap(site, "AP-NEW", None, None)

    def floor(
        self, site: Site, building: Building, storey: int, number: int, *, grouped: bool, name: str | None = None
    ) -> FloorMap:
        """One more floor plan of this building."""
        seed = self._ids.uuid("plan", site.number, building.name, storey, name)
        layout = office_floor(building.width_m, building.height_m, storey, lots(seed))
        made = FloorMap(
            id=self._ids.uuid("map", site.number, building.name, storey, name),
            site_id=site.id,
            name=name or f"{building.name} - Floor {storey}",
            type="image",
            width=building.width,
            height=building.height,
            layout=layout,
            building=building.name,
            orientation=building.orientation,
            group=(building.name, storey) if grouped else None,
            origin=(40 + 10 * number, 25 + 5 * number) if number % 3 == 0 else None,
            locked=number % 2 == 1,
        )
        self._equip(site, made, f"{building.name[:3].upper()}-{storey}")
        return made

    def yard(self, site: Site, name: str = "Yard") -> FloorMap:
        """The outdoor map: no image, but corners on the earth."""
        seed = self._ids.uuid("plan", site.number, name)
        layout = one_room(90.0, 60.0, name, "yard", lots(seed))
        lat, lng = site.latlng or (50.0, 8.0)
        south = 60.0 / _METRES_PER_DEGREE
        east = 90.0 / (_METRES_PER_DEGREE * cos(radians(lat)))
        made = FloorMap(
            id=self._ids.uuid("map", site.number, name),
            site_id=site.id,
            name=name,
            type="google",
            width=1350,
            height=900,
            layout=layout,
            has_sizes=self._campus.outdoor_sizes,
            corners=((lat, lng), (lat - south, lng + east)),
        )
        self._equip(site, made, name[:3].upper())
        return made

    def _equip(self, site: Site, made: FloorMap, prefix: str) -> None:
        """Access points on a grid, about one for 350 square metres; a large floor has one that is out of order."""
        width, height = made.width_m, made.height_m
        columns = max(2, floor(width / 18 + 0.5))
        rows = max(2, floor(height / 20 + 0.5))
        for number in range(columns * rows):
            row, column = divmod(number, columns)
            place = Point(width * (column + 0.5) / columns, height * (row + 0.5) / rows)
            made.aps.append(self._ap(site, f"{prefix}-AP{number + 1:02d}", made.id, place))
        if len(made.aps) > 6 and made.group:
            made.aps[-1].connected = False

    def _ap(self, site: Site, name: str, map_id: str | None, place: Point | None) -> AccessPoint:
        number = self._aps
        self._aps += 1
        return AccessPoint(ap_mac(number), name, site.id, number, map_id, place, orientation=90 * (number % 4))


def _renamed(building: Building, name: str) -> Building:
    return Building(name, building.width_m, building.height_m, building.width, building.height, building.orientation)
