"""What the REST API, the stream and the controls share: one world, who may see it, and what is wrong with it."""

from collections.abc import Callable, Iterable
from typing import Any

from mistlocate.simulator.answers import Refusal, forbidden, not_found
from mistlocate.simulator.faults import Faults
from mistlocate.simulator.floors import FloorMap, Site
from mistlocate.simulator.links import Links
from mistlocate.simulator.objects import Registry
from mistlocate.simulator.people import Device, Report
from mistlocate.simulator.stream import parse_channel
from mistlocate.simulator.tokens import Token, Tokens
from mistlocate.simulator.wire import Wire
from mistlocate.simulator.world import World


class Tenant:
    """The organisation in this cloud. `now` gives the simulated Unix time, without any skew."""

    def __init__(self, world: World, now: Callable[[], float], *, link_lifetime: float = 3600.0) -> None:
        self.world = world
        self._now = now
        self.faults = Faults(world.campus.seed, self._stale)
        self.wire = Wire(world, lambda: self.faults.skew_seconds)
        self.registry = Registry(world, self.wire)
        self.tokens = Tokens(world.ids)
        self.links = Links(world.ids, link_lifetime)

    def now(self) -> float:
        """The simulated Unix time as the cloud tells it: with the skew that is in force."""
        return self._now() + self.faults.skew_seconds

    # -- scope -----------------------------------------------------------------------------------

    def site(self, token: Token, site_id: str) -> Site:
        """The site, if the token may see it: else a `Refusal` with 404 (unknown) or 403 (not for this token)."""
        site = self.world.sites.get(site_id)
        if site_id == self.world.foreign_site_id or (site is not None and not token.sees(site_id)):
            raise forbidden()
        if site is None:
            raise not_found()
        return site

    def org(self, token: Token, org_id: str) -> None:
        """Check that this is the organisation, and that the token is for all of it."""
        if org_id != self.world.org_id:
            raise not_found()
        if token.site_ids is not None:
            raise forbidden()

    def map(self, token: Token, site_id: str, map_id: str) -> FloorMap:
        """The map of a site, within the same scope."""
        site = self.site(token, site_id)
        plan = self.world.maps.get(map_id)
        if plan is None or plan.site_id != site.id:
            raise not_found()
        return plan

    def objection(self, token: Token) -> Callable[[str], str | None]:
        """Tells why this token may not subscribe to a channel; None means that it may."""

        def check(channel: str) -> str | None:
            about = parse_channel(channel)
            if about is None:
                return "invalid channel"
            site_id, map_id = about
            try:
                if site_id is not None and map_id is None:
                    self.site(token, site_id)
                elif site_id is not None and map_id is not None:
                    self.map(token, site_id, map_id)
            except Refusal as refusal:
                return "permission denied" if refusal.status == 403 else "not found"
            return None

        return check

    # -- what REST knows -------------------------------------------------------------------------

    def report(self, device: Device) -> Report | None:
        """The last report of a device, or an older one while answers are to be stale."""
        stale = self.faults.stale_seconds
        if not stale:
            return device.report
        return self.world.history.as_of(device, self._now() - self.world.epoch - stale)

    def _stale(self, seconds: float) -> None:
        if seconds:
            self.world.history.begin(list(self.world.devices.values()))
        else:
            self.world.history.end()

    def known(self, devices: Iterable[Device]) -> list[tuple[Device, Report]]:
        """The devices that have been seen, with what is known of them."""
        pairs = ((device, self.report(device)) for device in devices)
        return [(device, report) for device, report in pairs if report is not None]

    def listing(self, name: str, items: list[Any]) -> list[Any]:
        """A list as it is answered: with the raw items that a fault puts in front of it."""
        raw = self.faults.injected.get(name)
        return [*(Raw(item) for item in raw), *items] if raw else items


class Raw:
    """An item that goes out as it is."""

    __slots__ = ("item",)

    def __init__(self, item: Any) -> None:
        self.item = item
