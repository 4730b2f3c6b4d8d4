"""MistLocations: answers the location calls from what MistWebsocket knows and how the maps are mapped."""

import asyncio
from collections.abc import Iterable, Mapping, Sequence
from typing import Annotated, Any, ClassVar

from pydantic import Field

from mistlocate import __version__
from mistlocate.driver.base import Driver, StatusInfo
from mistlocate.driver.command import Level, command
from mistlocate.driver.interfaces import Locatable
from mistlocate.driver.named import Named
from mistlocate.drivers.mist_locations.cloud_time import CloudTime
from mistlocate.drivers.mist_locations.explain import Rules, explain
from mistlocate.drivers.mist_locations.levels import Levels
from mistlocate.drivers.mist_locations.live import Clients, LiveLevels
from mistlocate.drivers.mist_locations.maps import map_info, map_problems, unmapped
from mistlocate.drivers.mist_locations.people import People, label, names_given, nobody
from mistlocate.drivers.mist_locations.records import location_record, seen_at
from mistlocate.drivers.mist_locations.settings import MistLocationsSettings
from mistlocate.location import identity
from mistlocate.location.floorplans import Floorplans, MapInfo
from mistlocate.location.visibility import Shown, below_minimum

#: The kind of location that this driver knows.
WIRELESS = "wireless"

#: The module that knows the clients, by its name in the system.
MIST = "MistWebsocket_1"


class MistLocations(Driver[MistLocationsSettings]):
    """Where is this user, who is in this zone, whose MAC is this."""

    generic_name: ClassVar[str] = "MistLocations"
    descriptive_name: ClassVar[str] = "Juniper Mist Locations"
    description: ClassVar[str] = "Maps Juniper Mist floor plans to building and level zones and locates people on them."
    interfaces: ClassVar[tuple[str, ...]] = (Locatable.INTERFACE,)
    requirements: ClassVar[tuple[str, ...]] = (MIST,)
    Settings = MistLocationsSettings
    default_settings: ClassVar[Mapping[str, Any]] = {
        "floorplan_mappings": {
            "mist_map1_id": {"building": "zone-12345", "level": "zone-123456", "level_name": "BUILDING - L1"}
        },
        "max_location_age": 6,
    }
    statuses: ClassVar[Mapping[str, StatusInfo]] = {
        "connected": StatusInfo(Level.USER, "always true: what can be disconnected is MistWebsocket"),
        "problems": StatusInfo(Level.USER, "maps and levels that keep people from being found"),
        "levels": StatusInfo(Level.USER, "with `publish_levels`: the levels that mappings name, with counts"),
        "driver": StatusInfo(Level.USER, "name and version of this implementation"),
    }
    other_statuses: ClassVar[StatusInfo] = StatusInfo(
        Level.USER, "with `publish_levels`: LEVEL ZONE: the devices on that level, as device_locations answers them"
    )

    @classmethod
    def zones_named_by(cls, raw_settings: Mapping[str, Any]) -> Iterable[tuple[str, str]]:
        """Every zone of every mapping."""
        mappings = raw_settings.get("floorplan_mappings")
        for map_id, mapping in mappings.items() if isinstance(mappings, Mapping) else ():
            for kind, zone in mapping.items() if isinstance(mapping, Mapping) else ():
                if isinstance(zone, str) and kind != "level_name":
                    yield f"floorplan_mappings.{map_id}.{kind}", zone

    # -- hooks ------------------------------------------------------------------------------------

    async def on_load(self) -> None:
        """Follow the maps and the health of the stream."""
        self._mist = self.context.module(MIST)
        self._maps: list[MapInfo] | None = None
        self._freshness: Mapping[str, Any] = {}
        self._levels = Levels()
        self._named = Named(self.context, lambda: self.settings)
        self._people = People(self._mist, self._named, self.context, self._max_age)
        self._live = LiveLevels(
            self._mist,
            self.context.status,
            self.context.clock,
            self._devices,
            frozenset(self.statuses),
            lambda: self.settings.minimum_count,
        )
        self.spawn(self._named.run(), "audit")
        self._cloud_time = CloudTime(self._mist, self.context.clock, self._live.changed)
        self.spawn(self._cloud_time.run(), "clock")
        self._publishing: asyncio.Task[None] | None = None
        self.context.status.set("driver", {"name": "mistlocate", "version": __version__})
        self._map_again()
        news = {"maps": self._maps_changed, "freshness": self._freshness_changed, "clock_offset": self._offset_changed}
        self._subscriptions = [self._mist.subscribe(status, changed) for status, changed in news.items()]
        self.context.set_connected(True)

    async def on_update(self, previous: MistLocationsSettings) -> None:
        """Other mappings, other answers."""
        self._map_again()

    async def on_unload(self) -> None:
        """Follow nothing any more, and write what is not written yet."""
        for unsubscribe in self._subscriptions:
            unsubscribe()
        self._live.follow(None)
        await self._named.stop()

    def _maps_changed(self, maps: Any) -> None:
        self._maps = [map_info(each) for each in maps] if isinstance(maps, list) else None
        self._map_again()

    def _freshness_changed(self, freshness: Any) -> None:
        self._freshness = freshness if isinstance(freshness, Mapping) else {}
        self._live.changed()

    def _offset_changed(self, offset: Any) -> None:
        self._cloud_time.changed()  # how far is MistWebsocket's machine's affair, which need not be this one

    def _map_again(self) -> None:
        mappings = self.settings.floors()
        self._floorplans = Floorplans(mappings, self._maps)
        self._publish_levels()
        self._levels.keep_only(mappings)
        self.context.status.set("problems", map_problems(self._floorplans, self.settings.oddities()))

    def _publish_levels(self) -> None:
        """Publish the levels of the present mappings, if that is wanted."""
        wanted = self.settings.publish_levels
        self._live.follow(self._floorplans if wanted else None)
        if wanted and self._publishing is None:
            self._publishing = self.spawn(self._live.run(), "levels")
        elif not wanted and self._publishing is not None:
            self._publishing.cancel()
            self._publishing = None

    # -- the location calls -----------------------------------------------------------------------

    @command()
    async def locate_user(self, email: str | None = None, username: str | None = None) -> list[dict[str, Any]]:
        """Where somebody's devices are, the newest first; either name may match."""
        names = names_given(email, username)
        with self._named.ask("locate_user", " or ".join(names)) as asked:
            answers = await self._asked("locate", names)
            clients = {client["mac"]: client for answer in answers for client in answer}
            found = self._locations(list(clients.values()))
            asked.found(found)
            return found

    @command()
    async def device_locations(self, zone_id: str, location: str | None = None) -> list[dict[str, Any]]:
        """Every device in a zone (building, level, or any other zone of a mapping)."""
        if location not in (None, "", WIRELESS):
            return []
        maps = self._floorplans.maps_of(zone_id)
        clients = await self._mist.statuses(maps)
        return self._devices(zone_id, {map_id: each or () for map_id, each in zip(maps, clients, strict=True)})

    @command()
    async def macs_assigned_to(self, email: str | None = None, username: str | None = None) -> list[str]:
        """Somebody's MACs; either name may match."""
        names = names_given(email, username)
        with self._named.ask("macs_assigned_to", " or ".join(names)) as asked:
            answers = await self._asked("macs_assigned_to", names)
            found = list(dict.fromkeys(mac for macs in answers for mac in macs))
            asked.found(found)
            return found

    @command()
    async def check_ownership_of(self, mac_address: str) -> dict[str, Any] | None:
        """Whose a device is: `{location, assigned_to, mac_address}`, or null if that is not known."""
        mac = identity.format_mac(mac_address)
        with self._named.ask("check_ownership_of", mac) as asked:
            owner = await self._mist.call("ownership_of", mac, **self._guests())
            asked.found(owner)
        return {"location": WIRELESS, "assigned_to": owner, "mac_address": mac} if owner else None

    # -- around them ------------------------------------------------------------------------------

    @command(Level.ADMINISTRATOR)
    async def mac_address_mappings(self, username: str, macs: list[str], domain: str | None = None) -> list[str]:
        """Assign MACs to a person by hand, above all that the network says; answers all MACs of the person."""
        with self._named.ask("mac_address_mappings", f"{username}@{domain}" if domain else username) as asked:
            answer = list(await self._mist.call("mac_address_mappings", username, macs, domain))
            asked.done()
            return answer

    @command(Level.ADMINISTRATOR)
    async def ip_username_mappings(self, ip_mappings: list[list[str | None]]) -> int:
        """Take in who a directory saw where, `[ip, user, domain?, hostname?]` each; answers how many named a person."""
        with self._named.ask("ip_username_mappings", f"{len(ip_mappings)} logins", counted=False) as asked:
            learned = int(await self._mist.call("ip_username_mappings", ip_mappings))
            asked.done()
            return learned

    @command()
    async def format_mac(self, mac: str) -> str:
        """The hex digits of a MAC in lower case, without `0x` and separators."""
        return identity.format_mac(mac)

    @command(Level.SUPPORT)
    async def search(self, text: str, limit: Annotated[int, Field(ge=1, le=100)] = 20) -> list[dict[str, Any]]:
        """People by a part of name, e-mail or MAC, best first: `{user, guest, devices, location}`.

        `location` is the location record of the device seen last, or null if the person cannot be located now.
        """
        with self._named.ask("search", text) as asked:
            people = await self._mist.call("find_people", text, limit=limit, **self._guests())
            found = []
            for person in people:
                location = next(iter(self._locations(person["records"])), None)
                known = {"user": person["user"], "guest": person["guest"], "devices": len(person["macs"])}
                found.append({**known, "location": location})
            asked.found(found)
            return found

    @command(Level.SUPPORT)
    async def explain(self, who: str) -> dict[str, Any]:
        """Why a person or a device is shown where it is, or not shown: evidence, ages, rules, last map changes."""
        with self._named.ask("explain", who) as asked:
            evidence = await self._mist.call("evidence", who, **self._guests())
            found = explain(who, evidence, await self._rules())
            asked.found(found["shown"])
            return found

    async def _rules(self) -> Rules:
        return Rules(
            floorplans=self._floorplans,
            guests=self.settings.guests,
            max_age=self._max_age(),
            now=self._now(),
            stale=self._all_stale(),
            stale_maps=frozenset(self._freshness.get("stale_maps", ())),
            stream=(str(await self._mist.status("stream_state")), str(await self._mist.status("stream_reason"))),
        )

    # -- the people -------------------------------------------------------------------------------

    @command(Level.ADMINISTRATOR)
    async def opt_out(self, who: str) -> dict[str, Any]:
        """Show a person (name, e-mail) or a device (MAC) nowhere in this system any more: `{devices, saved}`.

        `devices` is how many devices that takes effect on now. It is in force at once; `saved` is false while it
        would not survive a restart, which is mended as soon as possible.
        """
        with self._named.ask("opt_out", label(who), counted=False) as asked:
            answer = await self._people.opt_out(who)
            self._live.changed()
            self._live.publish()
            asked.done()
            return answer

    @command(Level.ADMINISTRATOR)
    async def opt_in(self, who: str) -> dict[str, Any]:
        """Lift what `opt_out` and `erase_user` asked for: `{found, saved}`; `found` is false if there was nothing."""
        with self._named.ask("opt_in", label(who), counted=False) as asked:
            answer = await self._people.opt_in(who)
            asked.found(answer["found"])
            return answer

    @command(Level.ADMINISTRATOR)
    async def export_user(self, who: str) -> dict[str, Any]:
        """Everything that is kept about a person or a device, and who asked for them (`asked_for`)."""
        with self._named.ask("export_user", who, counted=False) as asked:
            answer = await self._people.export(who)
            asked.found(answer["devices"])
            return answer

    @command(Level.ADMINISTRATOR)
    async def erase_user(self, who: str, relearn: bool = False) -> dict[str, Any]:
        """Forget everything about somebody, without `relearn` for good: `{devices, records}` (of the audit)."""
        with self._named.ask("erase_user", label(who), counted=False) as asked:
            answer = await self._people.erase(who, "erased", relearn=relearn)
            asked.done()
            return answer

    @command(Level.ADMINISTRATOR)
    async def audit(
        self, since: float | None = None, limit: Annotated[int, Field(ge=1, le=10_000)] = 1000
    ) -> list[dict[str, Any]]:
        """Who asked for whom since a unix time (default: a day ago), the newest first: `{at, asker, command, …}`."""
        return await self._named.answer(since, limit)

    @command(Level.SUPPORT)
    async def diagnostics(self) -> dict[str, Any]:
        """Audit records that are not written yet, searches that were refused, and settings that are ignored."""
        return {"audit": self._named.diagnostics(), "ignored_settings": list(self.ignored_settings)}

    @command()
    async def unmapped_maps(self) -> list[dict[str, Any]]:
        """The maps of the site that no mapping names: `{id, name, type}`; people on them cannot be found."""
        return unmapped(self._floorplans, self._maps or ())

    # -- parts ------------------------------------------------------------------------------------

    async def _asked(self, command: str, names: Iterable[str]) -> list[Any]:
        """What MistWebsocket answers about each of these names, asked side by side."""
        first, *more = [self._mist.call(command, name, **self._guests()) for name in names] or [nobody()]
        # Nearly always there is one: tasks of its own would take a third of the time of an answer.
        return await asyncio.gather(first, *more) if more else [await first]

    def _guests(self) -> dict[str, bool]:
        """The names that guests typed answer only where guests are shown; otherwise nothing is asked about them."""
        return {"guests": True} if self.settings.guests is Shown.SHOWN else {}

    def _devices(self, zone_id: str, clients: Clients) -> list[dict[str, Any]]:
        """The location records of a zone's devices that may be shown and are recent enough."""
        now = self._now()
        found: list[dict[str, Any]] = []
        for map_id in self._floorplans.maps_of(zone_id):
            records: Sequence[dict[str, Any]] = self._levels.of_map(
                map_id,
                clients.get(map_id, ()),
                self._floorplans,
                stale=self._is_stale(map_id),
                guests=self.settings.guests,
                now=now,
                oldest=now - self._max_age(),
            )
            if self._people.withholds:
                records = [record for record in records if not self._people.is_withheld(record["mac"])]
            if not below_minimum(len(records), self.settings.minimum_count):
                found += records
        return found

    def _locations(self, clients: list[Mapping[str, Any]]) -> list[dict[str, Any]]:
        """The location records of a person's devices that may be shown and are recent enough, the newest first."""
        now, max_age = self._now(), self._max_age()
        found = []
        for client in clients:
            plan = self._floorplans.plan(client.get("map_id"))
            seen = seen_at(client, now)
            if plan is None or seen is None or now - seen > max_age:
                continue
            found.append((seen, location_record(client, plan, seen, stale=self._is_stale(client["map_id"]))))
        found.sort(key=lambda each: -each[0])
        return [record for _, record in found]

    def _is_stale(self, map_id: str) -> bool:
        return self._all_stale() or map_id in self._freshness.get("stale_maps", ())

    def _all_stale(self) -> bool:
        """Whether nothing that is answered can be vouched for; nobody who says otherwise is no news either."""
        return bool(self._freshness.get("stale", True))

    def _max_age(self) -> float:
        return self.settings.max_location_age * 60.0

    def _now(self) -> float:
        """The cloud's time: ages are told by the clock that wrote the records."""
        return self._cloud_time.now()
