"""MistWebsocket: the stream and the REST API of one Juniper Mist site."""

from collections.abc import Iterable, Mapping
from typing import Annotated, Any, ClassVar

from pydantic import Field

from mistlocate.driver.base import Asset, Driver, StatusInfo
from mistlocate.driver.command import Level, command
from mistlocate.driver.named import Named
from mistlocate.drivers.mist_websocket.settings import PLACEHOLDERS, URI_BASE, MistWebsocketSettings
from mistlocate.errors import AccessDenied, BadArguments, ModuleUnavailable, NotFound, Problem
from mistlocate.location import identity
from mistlocate.macs import whole_mac
from mistlocate.mist.budget import Purpose
from mistlocate.mist.clouds import looks_like_url
from mistlocate.mist.health import StreamState

#: An audit record names so many devices; of more there are several.
MACS_IN_A_RECORD = 50


def _mac(text: str) -> str:
    """A MAC that a caller gave. Raises `BadArguments`."""
    mac = whole_mac(text)
    if mac is None:
        raise BadArguments("not a MAC: expected 12 hex digits, with or without separators")
    return mac


class MistWebsocket(Driver[MistWebsocketSettings]):
    """Lists the maps of a site, follows its clients, and learns which device belongs to whom."""

    generic_name: ClassVar[str] = "MistWebsocket"
    descriptive_name: ClassVar[str] = "Juniper Mist Websocket"
    description: ClassVar[str] = "Holds the live stream and the REST API of a Juniper Mist site."
    uri_base: ClassVar[str | None] = URI_BASE
    Settings = MistWebsocketSettings
    placeholders: ClassVar[Mapping[str, Any]] = PLACEHOLDERS
    lasting_settings: ClassVar[frozenset[str]] = frozenset({"objections"})
    default_settings: ClassVar[Mapping[str, Any]] = {
        **PLACEHOLDERS,
        "ignore_usernames": ["host/"],
        "client_fields": "all",
    }
    statuses: ClassVar[Mapping[str, StatusInfo]] = {
        "connected": StatusInfo(Level.USER, "whether the stream is connected"),
        "stream_state": StatusInfo(Level.USER, ", ".join(StreamState)),
        "stream_reason": StatusInfo(Level.USER, "one sentence: why the stream is in this state"),
        "last_frame": StatusInfo(Level.USER, "unix time of the last frame, told with the lists every 15 s or so"),
        "freshness": StatusInfo(Level.USER, "`{stale, stale_maps}`: whether answers may be out of date, and where"),
        "clock_offset": StatusInfo(Level.USER, "seconds that the cloud's clock is ahead of this machine's"),
        "maps": StatusInfo(Level.USER, "the site's maps, as the command `maps` answers them"),
        "problems": StatusInfo(Level.USER, "maps, channels, keys and store that need attention"),
        "driver": StatusInfo(Level.USER, "name and version of this implementation"),
    }
    other_statuses: ClassVar[StatusInfo] = StatusInfo(Level.SUPPORT, "MAP_ID: the list of the clients on that map")

    @classmethod
    def not_to_be_saved(cls, changes: Mapping[str, Any]) -> Iterable[Problem]:
        """Besides, the address of a page names a cloud, and with it where the token goes; an id does not."""
        yield from super().not_to_be_saved(changes)
        if looks_like_url(str(changes.get("site_id") or "")):
            hint = "give the id of the site alone, or change it in the settings file"
            yield Problem("site_id", "an address decides where secrets are sent, and is not saved at run time", hint)

    # -- hooks ------------------------------------------------------------------------------------

    async def on_load(self) -> None:
        """Load what was learned before, and connect."""
        from mistlocate.drivers.mist_websocket.answers import Answers  # noqa: PLC0415 - documents need none of it
        from mistlocate.drivers.mist_websocket.people import People  # noqa: PLC0415
        from mistlocate.drivers.mist_websocket.session import SiteSession  # noqa: PLC0415

        self._was_connected = False
        self._site = SiteSession(self.context, self.settings, self.spawn)
        self._answers = Answers(self._site.tracker)
        self._people = People(self.context, self._site)
        self._named = Named(self.context, lambda: self.settings)
        self._site.other_problems = self._other_problems
        self.spawn(self._named.run(), "audit")
        self.spawn(self._people.run(), "objections")
        await self._site.start()

    async def on_update(self, previous: MistWebsocketSettings) -> None:
        """Apply what changed and keep what still holds."""
        await self._site.update(self.settings)
        await self._people.settings_changed(self.settings)

    async def connected(self) -> None:
        """The stream came up."""
        self._was_connected = True
        self.context.log.info("stream connected")

    async def disconnected(self) -> None:
        """The stream went down (which is no news before it ever was up)."""
        if self._was_connected:
            self.context.log.warning("stream disconnected", reason=self.context.status.get("stream_reason"))

    async def on_unload(self) -> None:
        """Disconnect, and write what is not written yet."""
        await self._named.stop()
        await self._site.stop()

    def _other_problems(self) -> dict[str, Any]:
        unsaved = {"objections": "in force, and not saved yet"} if self._people.unsaved.is_set() else {}
        return {**unsaved, **({"audit": self._named.trail.trouble} if self._named.trail.trouble else {})}

    # -- the site ---------------------------------------------------------------------------------

    async def asset(self, name: str) -> Asset:
        """`map/MAP_ID` and `map/MAP_ID/thumbnail`: the image of a map. Raises as `MapImages.get` does."""
        kind, _, rest = name.partition("/")
        map_id, _, size = rest.partition("/")
        if kind != "map" or name not in (f"map/{map_id}", f"map/{map_id}/thumbnail"):
            raise NotFound("no such asset", hint="there are map/MAP_ID and map/MAP_ID/thumbnail")
        connection = self._site.connection
        if connection is None or self.context.status.get("maps") is None:
            raise ModuleUnavailable("the maps of the site are not known yet")
        return await connection.images.get(map_id, thumbnail=bool(size))

    @command()
    async def maps(self) -> list[dict[str, Any]]:
        """The maps of the site, asked of the cloud: id, name, type, sizes (pixels, metres), corners of google maps."""
        return await self._site.list_maps()

    @command(Level.SUPPORT)
    async def clients(self, map_id: str | None = None) -> list[dict[str, Any]]:
        """The clients on the roster, of one map or of all, as they are published."""
        tracker = self._site.tracker
        with self._named.ask("clients", "everybody" if map_id is None else f"everybody on {map_id}") as asked:
            clients = tracker.roster.clients.values() if map_id is None else tracker.roster.on_map(map_id)
            found = tracker.records(clients)
            asked.found(found)
            return found

    @command(Level.SUPPORT)
    async def client(self, mac: str) -> dict[str, Any]:
        """One client's record with every field, asked of the cloud; the roster does not change."""
        connection, wanted = self._site.live(), _mac(mac)
        with self._named.ask("client", wanted) as asked:
            asked.found(None)
            record = await self._people.client_record(connection.api, wanted)
            asked.found(record)
            return record

    @command(Level.SUPPORT)
    async def site_list(self, org_id: str) -> list[dict[str, Any]]:
        """The sites of an organisation that the token may see: id, name, country code, time zone."""
        listing = await self._site.live().api.org_sites(org_id)
        return [row.record.model_dump(exclude_none=True) for row in listing.rows]

    @command(Level.SUPPORT)
    async def sync_clients(self) -> dict[str, int]:
        """Read all maps and their clients anew; a connection that is waiting to be tried again is tried at once."""
        connection = self._site.connection
        if connection is None or not connection.stream.health.connected:
            if connection is not None:
                connection.stream.wake()
            raise ModuleUnavailable("not connected; the connection is being tried again now")
        await connection.sync.refresh_maps(Purpose.COMMAND, everything=True)
        return {"maps": len(self._site.tracker.maps), "clients": len(self._site.tracker.roster)}

    @command(Level.ADMINISTRATOR)
    async def get_request(self, location: str) -> Any:
        """What the cloud's API answers at a path such as /sites/SITE_ID/setting; secrets are blanked out."""
        if self.settings.occupancy_only:
            raise AccessDenied("this module only counts (occupancy_only): it passes nothing on that may name people")
        with self._named.ask("get_request", location) as asked:
            answer = self._people.without_objectors(await self._site.live().api.get_redacted(location))
            asked.found(answer)
            return answer

    @command(Level.SUPPORT)
    async def cloud_time(self) -> float:
        """The cloud's time now (unix seconds), for modules on machines whose own clock says nothing about it."""
        return self._site.tracker.cloud_clock.now()

    @command(Level.SUPPORT)
    async def diagnostics(self) -> dict[str, Any]:
        """State of stream, budget, subscriptions and records, for support. No personal data."""
        audit = self._named.diagnostics()
        return {**self._site.diagnostics(), "audit": audit, "ignored_settings": list(self.ignored_settings)}

    # -- people -----------------------------------------------------------------------------------

    @command(Level.SUPPORT)
    async def locate(self, username: str, guests: bool = False) -> list[dict[str, Any]]:
        """The records of somebody's devices, the newest first; `guests` includes names that guests typed."""
        with self._named.ask("locate", username) as asked:
            found = self._site.tracker.records(self._answers.devices_of(username, guests=guests))
            asked.found(found)
            return found

    @command(Level.SUPPORT)
    async def macs_assigned_to(self, username: str, guests: bool = False) -> list[str]:
        """Somebody's MACs, the one confirmed last first."""
        with self._named.ask("macs_assigned_to", username) as asked:
            found = self._answers.macs_of(username, guests=guests)
            asked.found(found)
            return found

    @command(Level.SUPPORT)
    async def ownership_of(self, mac_address: str, guests: bool = False) -> str | None:
        """The bare lower-case name of a device's owner, or null."""
        mac = identity.format_mac(mac_address)
        with self._named.ask("ownership_of", mac) as asked:
            owned = self._site.tracker.owners.owner_of(mac, guests=guests)
            asked.found(owned)
            return None if owned is None else owned.identity.name

    @command(Level.SUPPORT)
    async def find_people(
        self, text: str, guests: bool = False, limit: Annotated[int, Field(ge=1, le=100)] = 20
    ) -> list[dict[str, Any]]:
        """People by a part of name, e-mail or MAC, best first: `{user, guest, macs, records}`."""
        with self._named.ask("find_people", text) as asked:
            found = self._answers.people(text, guests=guests, limit=limit)
            asked.found(found)
            return found

    @command(Level.SUPPORT)
    async def evidence(self, who: str, guests: bool = False) -> dict[str, Any]:
        """What is known about a person or a MAC, and from where; MistLocations explains its answers with it."""
        with self._named.ask("evidence", who) as asked:
            found = self._answers.evidence(who, guests=guests)
            asked.found(any(each["present"] for each in found["devices"]))
            return found

    @command(Level.ADMINISTRATOR)
    async def mac_address_mappings(self, username: str, macs: list[str], domain: str | None = None) -> list[str]:
        """Assign MACs to a person by hand, above all that the network says; answers all MACs of the person."""
        text = f"{identity.format_username(username)}@{domain}" if domain else username
        owners, wanted = self._site.tracker.owners, [_mac(mac) for mac in macs]
        if owners.rules.identify(text) is None:
            raise BadArguments("not the name of a person")
        with self._named.ask("mac_address_mappings", text) as asked:
            who = owners.pin(text, wanted, self._site.tracker.cloud_clock.now())
            if who is None:
                raise BadArguments(
                    "this person, or one of the devices, is not to be learned: opt_in lifts what erase_user asked "
                    "for, and with occupancy_only nobody is learned"
                )
            self._site.tracker.roster.mark_all()
            await self._people.assigned(wanted)
            await self._site.store.flush()
            asked.done()
            return owners.macs_of([who])

    @command(Level.ADMINISTRATOR)
    async def remove_mac_address_mappings(self, macs: list[str]) -> list[str]:
        """Forget who owns these MACs; the network may teach it anew. Answers those that had an owner."""
        owners, wanted = self._site.tracker.owners, [_mac(mac) for mac in macs]
        removed = []
        for start in range(0, len(wanted), MACS_IN_A_RECORD):
            some = wanted[start : start + MACS_IN_A_RECORD]
            with self._named.ask("remove_mac_address_mappings", ", ".join(some), counted=not start) as asked:
                owned = [mac for mac in some if owners.owner_of(mac, guests=True) is not None]
                for mac in some:
                    self._site.tracker.release(mac)
                removed += owned
                asked.found(owned)
        self._site.publisher.publish(everything=False)
        await self._site.store.flush()
        return removed

    @command(Level.ADMINISTRATOR)
    async def ip_username_mappings(self, ip_mappings: list[list[str | None]]) -> int:
        """Take in who a directory saw at which address: `[ip, user, domain, hostname]` each, the last two optional.

        Answers how many of them named a person at a device of this site. It ranks below what the network says.
        """
        about = f"{len(ip_mappings)} logins"
        with self._named.ask("ip_username_mappings", about, counted=False) as asked:
            learned = self._answers.learn_logins(ip_mappings)
            await self._people.assigned(learned)
            await self._site.store.flush()
            asked.done()
            return len(learned)

    @command(Level.ADMINISTRATOR)
    async def opt_out(self, who: str) -> dict[str, Any]:
        """Show a person (name) or a device (MAC) nowhere any more: `{devices, macs, saved}`; `opted_out` says how.

        `macs` are the devices that this takes effect on now, `devices` is how many. It is in force at once; `saved` is
        false while it would not survive a restart, which is mended as soon as possible.
        """
        with self._named.ask("opt_out", self._people.label(who), counted=False) as asked:
            macs = await self._people.opt_out(self._people.subject(who))
            asked.done()
            return {"devices": len(macs), "macs": macs, "saved": not self._people.unsaved.is_set()}

    @command(Level.ADMINISTRATOR)
    async def opt_in(self, who: str) -> dict[str, Any]:
        """Lift what `opt_out` and `erase_user` asked for: `{found, macs, saved}`; `found` is false if that is nothing.

        `macs` are the devices that may be shown again now.
        """
        with self._named.ask("opt_in", self._people.label(who), counted=False) as asked:
            macs = await self._people.opt_in(self._people.subject(who))
            asked.found(macs is not None)
            return {"found": macs is not None, "macs": macs or [], "saved": not self._people.unsaved.is_set()}

    @command(Level.ADMINISTRATOR)
    async def export_user(self, who: str) -> dict[str, Any]:
        """Everything that is kept about somebody: `{user, opted_out, not_learned, devices, asked_for}`."""
        with self._named.ask("export_user", who, counted=False) as asked:
            subject = self._people.subject(who)
            asked_for = await self._named.about(self._people.names(subject))
            found = self._people.export(subject)
            asked.found(found["devices"])
            return {**found, "asked_for": asked_for}

    @command(Level.ADMINISTRATOR)
    async def erase_user(self, who: str, relearn: bool = False) -> dict[str, Any]:
        """Forget everything about a person or a device: `{devices, macs, records}`; without `relearn` for good.

        `macs` are the devices that were theirs, `devices` is how many. `records` is how many audit records do not name
        them any more.
        """
        with self._named.ask("erase_user", self._people.label(who), counted=False) as asked:
            subject = self._people.subject(who)
            records = await self._named.rename(self._people.names(subject), "erased")
            macs = await self._people.erase(subject, relearn=relearn)
            asked.done()
            return {"devices": len(macs), "macs": macs, "records": records}

    @command(Level.ADMINISTRATOR)
    async def audit(
        self, since: float | None = None, limit: Annotated[int, Field(ge=1, le=10_000)] = 1000
    ) -> list[dict[str, Any]]:
        """Who asked this module itself for whom since a unix time (default: a day ago), the newest first."""
        return await self._named.answer(since, limit)

    # -- forms ------------------------------------------------------------------------------------

    @command()
    async def format_mac(self, mac: str) -> str:
        """The hex digits of a MAC in lower case, without `0x` and separators."""
        return identity.format_mac(mac)

    @command()
    async def format_username(self, username: str) -> str:
        """The bare lower-case name, without its domain."""
        return identity.format_username(username)
