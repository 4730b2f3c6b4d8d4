"""The people being located: who objected, what is kept about somebody, and forgetting it.

MistWebsocket is where objections are kept and take effect, for everything that anybody learns of people comes from
here: its statuses, its commands, and through them MistLocations, which passes such commands on. They are a setting of
this module, saved at run time: settings are there before the first record is, so no answer is ever given without
them, and they survive a restart and the loss of Redis or of the engine's store of owners.

An engine may bring a saved setting back later than the next change. So what is in memory wins over what has an older
revision, and is saved again.
"""

import asyncio
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import suppress
from typing import Any

from mistlocate.driver.context import Context
from mistlocate.drivers.mist_websocket.session import SiteSession
from mistlocate.drivers.mist_websocket.settings import MistWebsocketSettings
from mistlocate.drivers.mist_websocket.showing import forget_name, names_of
from mistlocate.drivers.mist_websocket.tracker import Tracker
from mistlocate.drivers.mist_websocket.wording import names_in_record
from mistlocate.errors import BadArguments, MistlocateError, NotFound, StoreError
from mistlocate.location.evidence import Source
from mistlocate.location.objections import Register, Subject, names_in, subject
from mistlocate.macs import whole_mac
from mistlocate.mist.budget import Purpose
from mistlocate.mist.rest import MistApi

#: Objections that could not be saved are saved again after so many seconds.
SAVE_AGAIN = 5.0

#: Fields of a whole record that may carry a person's name.
NAMING_FIELDS = frozenset({"username", "hostname", "last_hostname", "guest", "email", "psk_name"})


class People:
    """What is known of people at a site, and what must not be."""

    def __init__(self, context: Context, site: SiteSession) -> None:
        self.unsaved = asyncio.Event()
        """Set while objections wait to be saved; until then they are in force in this process only."""
        self._context = context
        self._site = site
        self._turn = asyncio.Lock()

    @property
    def _tracker(self) -> Tracker:
        return self._site.tracker

    @property
    def _register(self) -> Register:
        return self._tracker.owners.objections

    def subject(self, who: str) -> Subject:
        """Whom a caller means. Raises `BadArguments`."""
        found = subject(who, self._tracker.owners.rules)
        if found is None:
            raise BadArguments("neither the name of a person nor a MAC")
        return found

    def label(self, who: str) -> str:
        """A stand-in for somebody in records that must not name them."""
        found = subject(who, self._tracker.owners.rules)
        return "person" if found is None else f"person {self._register.label(found)}"

    # -- objections -------------------------------------------------------------------------------

    async def opt_out(self, who: Subject) -> list[str]:
        """Show somebody nowhere any more; return the devices that this takes effect on now."""
        owners = self._tracker.owners
        owned = [] if who.identity is None else owners.everything_of(who.identity)
        macs = [mac for mac, _ in owned]
        pins = [mac for mac, each in owned if each.source is Source.PINNED]
        await self._take(self._register.opt_out(who, macs, pins))
        return [mac for mac in dict.fromkeys([*macs, *self.devices(who)]) if owners.hides(mac)]

    async def opt_in(self, who: Subject) -> list[str] | None:
        """Lift every objection of somebody; return the devices that may be shown again, None if there was none."""
        register, owners = self._register.opt_in(who), self._tracker.owners
        if register is None:
            return None
        known = {*self._tracker.roster.clients, *(mac for mac, _ in owners.everyone())}
        hidden = [mac for mac in known if owners.hides(mac)]
        await self._take(register)
        return [mac for mac in hidden if not owners.hides(mac)]

    async def settings_changed(self, settings: MistWebsocketSettings) -> None:
        """Settings came: they may bring other objections, or older ones than those that are in force."""
        given, mine = register_of(settings, self._register), self._register
        if given.document() == mine.document():
            return
        if given.revision > mine.revision:
            self._in_force(given)
            await self._site.store.flush()
        elif given.objections or mine.objections:  # of two empty ones nothing is to be kept, whatever their keys
            self.unsaved.set()

    async def run(self) -> None:
        """Save again what could not be saved, for ever."""
        while True:
            await self.unsaved.wait()
            await self._context.clock.sleep(SAVE_AGAIN)
            if self.unsaved.is_set():
                await self._save()

    async def _take(self, register: Register) -> None:
        """In force at once, then saved."""
        self._in_force(register)
        await self._save()
        with suppress(StoreError):  # what is deleted there and can still be read goes with the next change
            await self._wipe()

    def _in_force(self, register: Register) -> None:
        self._tracker.set_objections(register)
        self._site.publisher.publish(everything=True)

    async def _save(self) -> None:
        self.unsaved.set()
        async with self._turn:
            saved = self._register
            try:
                await self._context.save_setting("objections", saved.document())
            except MistlocateError as error:
                self._context.log.error("objections are in force and not saved", problem=error.message)
                return
            if saved is self._register or saved.document() == self._register.document():
                self.unsaved.clear()

    async def _wipe(self) -> None:
        await self._site.store.flush()
        await self._context.storage.wipe()

    # -- erasing and exporting --------------------------------------------------------------------

    async def erase(self, who: Subject, *, relearn: bool) -> list[str]:
        """Forget everything about somebody; return the devices that were theirs.

        Unless it may be learned anew, nothing is: not from the next record either. Raises `StoreError` where it
        cannot be made sure that nothing is left in the store.
        """
        tracker = self._tracker
        macs = self.devices(who)
        register = self._remembering(macs)
        for mac in macs:
            tracker.release(mac)
            client = tracker.roster.get(mac)
            if client is not None:
                forget_name(client)
        if who.identity is not None:
            tracker.forget_keys(who.identity)
        if not relearn:
            register = register.learn_no_more(who)
        if register is not self._register:
            self._in_force(register)
            await self._save()
        tracker.roster.mark_all()
        self._site.publisher.publish(everything=True)
        await self._wipe()
        if self._site.store.trouble is not None:
            raise StoreError(
                f"it is forgotten here, and may still stand in the store: {self._site.store.trouble}",
                hint="erase again when the store can be written",
            )
        return macs

    def _remembering(self, macs: Iterable[str]) -> Register:
        """The objections, with those of these devices remembered whose owners opted out, though not their names."""
        register = self._register
        for mac in macs:
            owned = self._tracker.owners.of_device(mac)
            if owned is not None and owned.hidden:
                register = register.remember(owned.identity, [mac], [mac] if owned.source is Source.PINNED else ())
        return register

    async def assigned(self, macs: Iterable[str]) -> None:
        """Devices were assigned to somebody, by hand or by a directory: nothing of that is stored if they opted out,
        so the objection remembers them; and what it remembered of others holds no longer."""
        macs = list(macs)
        owners = self._tracker.owners
        others = [mac for mac in macs if (owned := owners.of_device(mac)) is not None and not owned.hidden]
        register = self._remembering(macs).remember_no_more(others)
        if register is not self._register:
            await self._take(register)

    def export(self, who: Subject) -> dict[str, Any]:
        """Everything that is kept about somebody, but not where somebody is who opted out: that is nobody's to ask.

        `{user, opted_out, not_learned, devices: [{mac, owner, record, …}]}`.
        """
        register, owners = self._register, self._tracker.owners
        hidden = any(map(owners.hides, self.devices(who)))
        if who.identity is not None:
            hidden = hidden or register.hides_person(who.identity)
        return {
            "user": None if who.identity is None else str(who.identity),
            "opted_out": hidden or (who.mac is not None and register.hides_device(who.mac, owned=True)),
            "not_learned": not register.may_learn(who.mac or "", who.identity),
            "devices": [self._exported(mac) for mac in self.devices(who)],
        }

    def devices(self, who: Subject) -> list[str]:
        """The MACs of somebody: by ownership, and by what the records on the roster say."""
        if who.identity is None:
            return [who.mac] if who.mac is not None else []
        tracker, wanted = self._tracker, who.identity
        macs = dict.fromkeys(mac for mac, _ in tracker.owners.everything_of(wanted))
        for client in tracker.roster.clients.values():
            names = (tracker.owners.rules.identify(name) for name in names_of(client))
            if any(name is not None and name.may_be(wanted) for name in names):
                macs[client.mac] = None
        return list(macs)

    def names(self, who: Subject) -> Callable[[str], bool]:
        """Whether a text is a name of somebody, or one of the devices."""
        return names_in(who, self.devices(who))

    def _exported(self, mac: str) -> dict[str, Any]:
        tracker = self._tracker
        owned, client = tracker.owners.of_device(mac), tracker.roster.get(mac)
        owner = owned and {"user": owned.text, "source": owned.source.name.lower(), "confirmed": int(owned.at)}
        found: dict[str, Any] = {"mac": mac, "owner": owner, "present": client is not None}
        if client is None:
            return found
        kept = ("username", "guest_email", "psk_id", "ip", "manufacturer", "os", "ssid", "is_guest")
        found["kept_in_memory"] = {name: getattr(client, name) for name in kept}
        if tracker.names_objector(client) and not tracker.owners.hides(mac):
            found["kept_in_memory"] |= {"username": None, "guest_email": None}  # somebody else's, who opted out
        if tracker.owners.hides(mac):
            found["present"] = None
            found["withheld"] = "the place, which is kept in memory only: this person or device opted out"
        elif tracker.is_in_doubt(client):
            found["present"] = None
            found["withheld"] = "the place: whose device this is is not known yet, and somebody opted out"
        else:
            raw = {} if tracker.names_objector(client) else client.raw or {}
            found["record"] = dict(raw) | tracker.record(client)
            found["moves"] = [move._asdict() for move in client.moves]
        return found

    # -- what the cloud answers -------------------------------------------------------------------

    async def client_record(self, api: MistApi, mac: str) -> dict[str, Any]:
        """A whole record, asked of the cloud, as it may be answered.

        Raises `NotFound` for a device that is not to be shown as for one that the cloud does not know, and as the API.
        """
        try:
            row = await api.client(self._site.settings.site, mac, Purpose.COMMAND)
        except NotFound:
            raise _unknown_client() from None
        record, tracker = row.record, self._tracker
        names = (record.username, *names_in_record(record))  # of a guest who typed two names the latter have one
        if tracker.refuses(mac, *names, psk_id=record.psk_id):
            raise _unknown_client()
        left_out: frozenset[str] = frozenset()
        if not tracker.may_know(mac, *names, tracker.keys.owner(record.psk_id)):
            left_out = NAMING_FIELDS
        elif tracker.owners.rules.is_ignored(record.username or ""):
            left_out = frozenset({"username"})
        return {key: value for key, value in row.raw.items() if key not in left_out}

    def without_objectors(self, answer: Any) -> Any:
        """An answer of the cloud's API without any object that names somebody who objected; None if that is all."""
        if not (self._register.opted_out or self._register.not_learned):
            return answer
        return self._cleaned(answer)

    def _cleaned(self, value: Any) -> Any:
        if isinstance(value, str):
            return None if len(value) <= 320 and self._concerned(value) else value
        if isinstance(value, list):
            cleaned = [(each, self._cleaned(each)) for each in value]
            return [new for old, new in cleaned if new is not None or old is None]
        if isinstance(value, dict):
            if any(self._cleaned(text) is None for text in _texts(value)):
                return None
            return {key: self._cleaned(each) for key, each in value.items()}
        return value

    def _concerned(self, text: str) -> bool:
        mac = whole_mac(text)
        return self._register.covers_text(text) or (mac is not None and self._tracker.owners.hides(mac))


def register_of(settings: MistWebsocketSettings, present: Register) -> Register:
    """The objections that settings bring; none is an empty register of no revision."""
    document = settings.objections
    return Register.of(None if document is None else document.model_dump(), present.rules)


def _texts(value: Mapping[str, Any]) -> Iterator[str]:
    """What an object says in words: its keys, its texts, and those in its lists."""
    for key, each in value.items():
        yield key
        yield from (text for text in (each if isinstance(each, list) else [each]) if isinstance(text, str))


def _unknown_client() -> NotFound:
    """What is said of a client that the cloud does not know."""
    hint = "it was not seen on this site within the last day, or the site id is wrong"
    return NotFound("the cloud knows no client with this MAC", status=404, hint=hint)
