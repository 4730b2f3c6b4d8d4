"""Who is on the campus, and the Wi-Fi devices they carry. All names are invented.

The cast repeats every `len(_CAST)` people with a number behind the name. What kinds of devices somebody owns follows
from the place in the cast, so that every way of telling an owner occurs on a campus of a dozen people.
"""

from collections.abc import Iterator
from dataclasses import dataclass, field
from random import Random
from typing import NamedTuple

from mistlocate.simulator.campus import Campus
from mistlocate.simulator.floors import AccessPoint, FloorMap, Site
from mistlocate.simulator.geometry import Point
from mistlocate.simulator.ids import Ids, global_mac, is_random

_CAST = (
    *("alice", "bob", "carol", "dave", "erin", "frank", "grace", "heidi", "ivan", "judy", "mallory", "niaj"),
    *("olivia", "peggy", "rupert", "sybil", "trent", "uma", "victor", "walter", "xena", "yusuf", "zoe"),
)
_ANNEX_CAST = ("quentin", "ruth", "steve", "tina")
SSIDS = {"dot1x": "Example-Corp", "machine": "Example-Corp", "guest": "Example-Guest"}
PERSONAL_SSID = "Example-Personal"


class Place(NamedTuple):
    """A point on a map, in metres."""

    map: FloorMap
    point: Point


class Report(NamedTuple):
    """What the network last knew of a device. `map` None: heard, but not located. `at` is in seconds of the world."""

    at: float
    ap: AccessPoint | None
    rssi: float
    map: FloorMap | None = None
    point: Point | None = None
    num_aps: int = 0
    accuracy: int = 0


@dataclass(frozen=True, slots=True)
class Psk:
    """A key of its own. `site_id` None means that it belongs to the organisation."""

    id: str
    name: str
    passphrase: str
    ssid: str = PERSONAL_SSID
    email: str | None = None
    site_id: str | None = None
    usage: str = "multi"
    max_usage: int = 0
    macs: tuple[str, ...] = ()
    vlan_id: int | str = 30
    role: str = "staff"
    note: str | None = None


@dataclass(frozen=True, slots=True)
class Guest:
    """What somebody typed into the portal. Nobody has verified it, except for `access_code_email`."""

    name: str
    email: str | None
    company: str
    auth_method: str = "email"
    access_code_email: str | None = None
    authorized_at: float = 0.0
    minutes: int = 1440


@dataclass(slots=True, eq=False)
class Device:
    """A Wi-Fi client. `kind` is `dot1x`, `psk`, `guest`, `machine` or `shared` (a key that owns nobody)."""

    mac: str
    number: int
    site_id: str
    kind: str
    form: str
    owner: str | None = None
    person: "Person | None" = None
    username: str | None = None
    psk: Psk | None = None
    guest: Guest | None = None
    hostname: str = ""
    located: bool = True
    present: bool = True
    held_away: bool = False
    carried: bool = True
    pinned: bool = False
    parked: Place | None = None
    associated_at: float = 0.0
    report: Report | None = None
    drift: tuple[float, float] = (0.0, 0.0)
    position_due: float = -1.0
    stats_due: float = -1.0

    @property
    def random_mac(self) -> bool:
        """Whether the address is made up by the device."""
        return is_random(self.mac)

    @property
    def ssid(self) -> str:
        """The network it is on."""
        return self.psk.ssid if self.psk else SSIDS.get(self.kind, PERSONAL_SSID)


@dataclass(slots=True, eq=False)
class Person:
    """Somebody. `reach` are the maps they go to, the first being their own; `desk` is theirs."""

    number: int
    name: str
    email: str
    site_id: str
    desk: Place
    reach: tuple[FloorMap, ...]
    guest: bool = False
    stays: bool = False
    devices: list[Device] = field(default_factory=list)


class _Spec(NamedTuple):
    """A device that somebody of this place in the cast owns."""

    kind: str
    form: str
    shape: str = "mail"
    random: bool = False
    located: bool = True


_PROFILES: tuple[tuple[_Spec, ...], ...] = (
    (_Spec("dot1x", "laptop"), _Spec("dot1x", "phone", "domain")),
    (_Spec("dot1x", "laptop", "domain"), _Spec("psk", "phone")),
    (_Spec("dot1x", "phone", "bare"),),
    (_Spec("psk", "phone", random=True), _Spec("dot1x", "laptop")),
    (_Spec("psk", "phone", "label"),),
    (_Spec("dot1x", "laptop"), _Spec("dot1x", "tablet", located=False)),
    (_Spec("guest", "phone", random=True),),
    (_Spec("dot1x", "phone", random=True), _Spec("dot1x", "laptop"), _Spec("psk", "watch")),
    (_Spec("dot1x", "laptop", "domain"), _Spec("dot1x", "phone", "domain", random=True)),
    (_Spec("dot1x", "phone", "bare"), _Spec("dot1x", "laptop", "bare")),
    (_Spec("guest", "laptop", "nameless"), _Spec("guest", "phone", "nameless", random=True)),
    (_Spec("psk", "laptop"), _Spec("psk", "phone", random=True), _Spec("psk", "tablet", located=False)),
)
_PEOPLE_PER_THING = 12


class Registrar:
    """Makes the people of a site, their devices and their keys; keeps the list of all keys."""

    def __init__(self, campus: Campus, ids: Ids, rng: Random) -> None:
        self._campus, self._ids, self._rng = campus, ids, rng
        self._factory = 0
        self._devices = 0
        self.psks: dict[str, Psk] = {}
        self._shared: Psk | None = None

    def new_mac(self, *, random: bool) -> str:
        """A MAC that nobody has yet."""
        if random:
            return self._ids.random_mac(self._devices)
        self._factory += 1
        return global_mac(self._factory - 1)

    def new_psk(self, name: str, *, email: str | None = None, site_id: str | None = None, **more: object) -> Psk:
        """One more key, as `Psk` takes it; its id follows from how many there are."""
        number = len(self.psks)
        psk = Psk(
            id=self._ids.uuid("psk", number, name),
            name=name,
            passphrase=self._ids.secret("psk", number, length=20),
            email=email,
            site_id=site_id,
            **more,  # type: ignore[arg-type]
        )
        self.psks[psk.id] = psk
        return psk

    def new_device(self, site: Site, kind: str, form: str, *, mac: str | None = None, random: bool = False) -> Device:
        """One more device, of nobody yet."""
        device = Device(mac or self.new_mac(random=random), self._devices, site.id, kind, form)
        self._devices += 1
        return device

    def people(self, site: Site, maps: list[FloorMap]) -> Iterator[Person | Device]:
        """Everybody and everything of a site: people with their devices, and things without a person."""
        if site.number:
            cast = range(len(_ANNEX_CAST)) if self._campus.people or self._campus.clients else range(0)
            yield from (self._person(site, maps, number, _ANNEX_CAST[number]) for number in cast)
            return
        left = self._campus.clients
        number = 0
        while (left > 0) if left is not None else number < self._campus.people:
            again, place = divmod(number, len(_CAST))
            person = self._person(site, maps, number, _CAST[place] + (str(again + 1) if again else ""), left)
            yield person
            number += 1
            left = None if left is None else left - len(person.devices)
            if number % _PEOPLE_PER_THING == _PEOPLE_PER_THING // 2 and left != 0:
                yield self._thing(site, maps, number // _PEOPLE_PER_THING)
                left = None if left is None else left - 1

    def _person(self, site: Site, maps: list[FloorMap], number: int, name: str, at_most: int | None = None) -> Person:
        specs = _PROFILES[(number if not site.number else 3 * number) % len(_PROFILES)][:at_most]
        guest = specs[0].kind == "guest"
        home = maps[self._rng.randrange(len(maps))]
        if home.type == "google" and len(maps) > 1:
            home = maps[number % (len(maps) - 1)]
        person = Person(
            number=number,
            name=name.capitalize(),
            email=f"{name}@example.{'net' if guest else 'com'}",
            site_id=site.id,
            desk=Place(home, self._seat(home)),
            reach=self._reach(home, maps),
            guest=guest,
            stays=not site.number and number < 2,
        )
        for spec in specs:
            person.devices.append(self._device(site, person, name, spec))
        return person

    def _reach(self, home: FloorMap, maps: list[FloorMap]) -> tuple[FloorMap, ...]:
        """The own map, the others of the building, what lies outdoors, and one of another building."""
        near = [one for one in maps if one is not home and one.type == "image" and one.building == home.building]
        far = [one for one in maps if one is not home and one not in near and one.type == "image"]
        yards = [one for one in maps if one.type == "google" and one is not home]
        other = [far[self._rng.randrange(len(far))]] if far else []
        return (home, *near, *yards, *other)

    def _seat(self, home: FloorMap) -> Point:
        rooms = home.layout.destinations()
        return self._rng.choice(home.layout.rooms[self._rng.choice(rooms)].seats)

    def _device(self, site: Site, person: Person, name: str, spec: _Spec) -> Device:
        device = self.new_device(site, spec.kind, spec.form, random=spec.random)
        device.person, device.owner, device.located = person, person.email, spec.located
        device.hostname = f"{name}s-{spec.form}" if spec.form != "laptop" else f"LT-{name.upper()}"
        if spec.kind == "dot1x":
            shapes = {"mail": person.email, "domain": f"EXAMPLE\\{name}", "bare": name}
            device.username = shapes[spec.shape]
        elif spec.kind == "psk":
            device.psk = self._own_key(site, person, labelled=spec.shape == "label")
        else:
            device.hostname = "" if spec.random else f"{spec.form}-{device.number}"
            device.guest = self._guest(person, named=spec.shape != "nameless")
            device.owner = device.guest.email
        return device

    def _own_key(self, site: Site, person: Person, *, labelled: bool) -> Psk:
        """The person's key: named by address, or by something else and with the address beside it."""
        for device in person.devices:
            if device.psk:
                return device.psk
        if labelled:
            name = f"Desk handset {person.number + 1}"
            return self.new_psk(name, email=person.email, site_id=site.id, note="issued at the help desk")
        return self.new_psk(person.email, email=person.email if person.number % 2 else None, max_usage=5)

    def _guest(self, person: Person, *, named: bool) -> Guest:
        authorized = -self._rng.uniform(600, 4 * 3600)
        if not named:
            return Guest(person.name, None, "", auth_method="passphrase", authorized_at=authorized, minutes=480)
        return Guest(
            f"{person.name} Visitor", person.email, "Example Partners",
            access_code_email=person.email, authorized_at=authorized,
        )  # fmt: skip

    def _thing(self, site: Site, maps: list[FloorMap], number: int) -> Device:
        """A display on the shared key, or every other time a kiosk with a machine account."""
        if number % 2:
            device = self.new_device(site, "machine", "kiosk")
            device.username = f"host/kiosk-{number + 1:02d}.example.com"
            device.hostname = f"KIOSK-{number + 1:02d}"
        else:
            device = self.new_device(site, "shared", "display")
            self._shared = self._shared or self.new_psk(
                "displays", site_id=site.id, vlan_id=40, role="iot", note="shared by the displays"
            )
            device.psk = self._shared
            device.hostname = f"display-{number + 1:02d}"
        home = maps[number % max(1, len(maps) - 1)]
        device.carried, device.parked = False, Place(home, self._seat(home))
        return device
