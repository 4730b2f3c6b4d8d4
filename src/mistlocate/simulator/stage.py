"""The hands behind the scenery: move devices and change maps on purpose, and let the stream tell of it at once."""

from collections.abc import Callable, Iterable
from dataclasses import replace
from typing import Any

from mistlocate.simulator.floors import Building, FloorMap, Site
from mistlocate.simulator.people import Device, Place, Report
from mistlocate.simulator.rhythm import POSITION, STATS, Update
from mistlocate.simulator.world import World

_KINDS = frozenset({"dot1x", "psk", "guest", "machine", "shared"})


class Stage:
    """Changes a world. Positions are pixels of the map's image; times are `now()` of the simulation.

    `push` takes the updates that follow. Unknown MACs, maps and keys raise `KeyError`.
    """

    def __init__(self, world: World, push: Callable[[Iterable[Update]], None], now: Callable[[], float]) -> None:
        self._world, self._push, self._now = world, push, now

    # -- devices ---------------------------------------------------------------------------------

    def add_device(
        self,
        mac: str | None = None,
        *,
        kind: str = "dot1x",
        username: str | None = None,
        psk_id: str | None = None,
        owner: str | None = None,
        map_id: str | None = None,
        x: float | None = None,
        y: float | None = None,
        located: bool = True,
        random: bool = False,
        form: str = "phone",
        hostname: str = "",
        site_id: str | None = None,
    ) -> str:
        """A device that stays where it is put, and is measured exactly. It associates now; its MAC comes back.

        Without `map_id`, `x` and `y` it is associated but not located.
        """
        if kind not in _KINDS:
            raise ValueError(f"no such kind: {kind}; there are {', '.join(sorted(_KINDS))}")
        world = self._catch_up()
        if mac is not None and mac.lower() in world.devices:
            raise ValueError("there is a device with this MAC already")
        place = self._place(map_id, x, y)
        site = self._site(site_id or (place.map.site_id if place else world.site.id))
        device = world.registrar.new_device(site, kind, form, mac=mac.lower() if mac else None, random=random)
        device.username, device.owner, device.hostname = username, owner, hostname
        device.psk = world.psks[psk_id] if psk_id is not None else None
        device.carried, device.pinned, device.parked = False, True, place
        device.located = located and place is not None
        world.enlist(device)
        self._associate(device)
        return device.mac

    def remove(self, mac: str) -> None:
        """The device is gone from every list, as if it had never been there."""
        self._world.dismiss(self._device(mac))

    def place(self, mac: str, map_id: str, x: float, y: float) -> None:
        """Put a device on a map, whoever carries it, and push one position. It stays there until `release`."""
        device = self._device(mac)
        spot = self._place(map_id, x, y)
        device.located = True
        device.carried, device.pinned, device.parked = False, True, spot
        if not device.present:
            self.come_back(mac)
        self._emit(device, POSITION)

    def release(self, mac: str) -> None:
        """The device goes with its person again, or stays where it lies if it has none."""
        device = self._device(mac)
        device.pinned = False
        device.carried = device.person is not None

    def leave(self, mac: str) -> None:
        """The device is out of reach. Nothing is sent: its records just grow old, until `come_back`."""
        device = self._device(mac)
        device.held_away = True
        self._world.vanish(device)

    def come_back(self, mac: str) -> None:
        """The device associates again; the full record is pushed."""
        device = self._device(mac)
        device.held_away = False
        self._associate(device)

    def locate(self, mac: str, located: bool) -> None:
        """Whether the network can tell where the device is; takes effect with its next report."""
        self._device(mac).located = located

    def set_username(self, mac: str, username: str | None) -> None:
        """The name that 802.1X gives for the device, from its next full record on; None takes it away."""
        self._device(mac).username = username

    def set_psk(self, mac: str, psk_id: str | None) -> None:
        """The key that the device uses, from its next full record on; None takes it away."""
        device = self._device(mac)
        device.psk = self._world.psks[psk_id] if psk_id is not None else None

    def emit_stats(self, mac: str, age: float = 0.0) -> None:
        """Push the full record of a device now. With `age`, an old one: its `last_seen` is so many seconds ago."""
        device = self._device(mac)
        if not age:
            self._emit(device, STATS)
            return
        report = device.report or Report(self._world.elapsed, None, -70.0)
        self._push([Update(STATS, device, report._replace(at=self._world.elapsed - age))])

    def emit_position(self, mac: str) -> None:
        """Push one position of a device now; nothing happens if it is not located."""
        self._emit(self._device(mac), POSITION)

    # -- keys ------------------------------------------------------------------------------------

    def add_psk(self, name: str, *, email: str | None = None, site_id: str | None = None, **more: Any) -> str:
        """A new key, of the organisation or of a site; its id."""
        return self._world.registrar.new_psk(name, email=email, site_id=site_id, **more).id

    def rename_psk(self, psk_id: str, name: str, email: str | None = None) -> None:
        """The key belongs to somebody else from now on."""
        old = self._world.psks[psk_id]
        new = self._world.psks[psk_id] = replace(old, name=name, email=email)
        for device in self._world.devices.values():
            if device.psk is old:
                device.psk = new

    def remove_psk(self, psk_id: str) -> None:
        """The key is in no list any more; devices that used it still carry its id."""
        del self._world.psks[psk_id]

    # -- maps ------------------------------------------------------------------------------------

    def add_map(
        self,
        name: str,
        *,
        site_id: str | None = None,
        width: int = 1200,
        height: int = 800,
        ppm: float = 25.0,
        outdoor: bool = False,
        storey: int = 1,
    ) -> str:
        """A new map with access points on it; its id. `width` and `height` in pixels, `ppm` pixels per metre."""
        site = self._site(site_id or self._world.site.id)
        if outdoor:
            plan = self._world.surveyor.yard(site, name)
        else:
            building = Building(name, width / ppm, height / ppm, width, height, 0)
            plan = self._world.surveyor.floor(site, building, storey, 0, grouped=False, name=name)
        if plan.id in self._world.maps:
            raise ValueError("there is a map of this name already")
        plan.modified = self._now()
        self._world.maps[plan.id] = plan
        return plan.id

    def remove_map(self, map_id: str) -> None:
        """The map is gone; records that pointed to it lose their position."""
        self._world.demolish(self._world.maps[map_id])

    def rename_map(self, map_id: str, name: str) -> None:
        """Another name; `modified_time` changes."""
        self._touch(map_id).name = name

    def resize_map(self, map_id: str, width: int) -> None:
        """An image so many pixels wide for the same floor in metres: positions in pixels move along with it."""
        if width < 1:
            raise ValueError("width must be at least 1 pixel")
        plan = self._touch(map_id)
        plan.width, plan.height = width, max(1, round(plan.height_m * width / plan.width_m))
        plan.revision += 1

    def replace_image(self, map_id: str) -> None:
        """Another image of the same size; `modified_time` and the links change."""
        self._touch(map_id).revision += 1

    # -- inside ----------------------------------------------------------------------------------

    def _touch(self, map_id: str) -> FloorMap:
        plan = self._world.maps[map_id]
        plan.modified = self._now()
        return plan

    def _catch_up(self) -> World:
        """The world, with its time run on to now."""
        self._world.pass_time(self._now() - self._world.epoch)
        return self._world

    def _device(self, mac: str) -> Device:
        return self._catch_up().devices[mac.lower()]

    def _site(self, site_id: str) -> Site:
        return self._world.sites[site_id]

    def _place(self, map_id: str | None, x: float | None, y: float | None) -> Place | None:
        if map_id is None or x is None or y is None:
            return None
        plan = self._world.maps[map_id]
        return Place(plan, plan.to_metres(x, y))

    def _associate(self, device: Device) -> None:
        update = self._world.appear(device)
        if update is not None:
            self._push([update])

    def _emit(self, device: Device, kind: str) -> None:
        report = self._world.observe(device)
        if report is not None:
            self._push([Update(kind, device, report)])
