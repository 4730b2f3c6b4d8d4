"""Drivers that do what a test of an engine needs."""

import asyncio
from typing import Any, ClassVar

from pydantic import SecretStr

from mistlocate.driver.base import Asset, Driver, DriverSettings, StatusInfo
from mistlocate.driver.command import Level, command, commands_of
from mistlocate.driver.context import AuditRecord, Unsubscribe
from mistlocate.errors import NotFound


class ProbeSettings(DriverSettings):
    """Some settings, one of them secret."""

    value: int = 1
    secret: SecretStr = SecretStr("")


class Probe(Driver[ProbeSettings]):
    """Tells what the engine gives it."""

    generic_name: ClassVar[str] = "Probe"
    descriptive_name: ClassVar[str] = "Probe"
    description: ClassVar[str] = "Tells what the engine gives it."
    Settings = ProbeSettings
    statuses: ClassVar[dict[str, StatusInfo]] = {
        "open": StatusInfo(Level.USER, "for everybody"),
        "closed": StatusInfo(Level.ADMINISTRATOR, "for few"),
    }
    loads: ClassVar[int] = 0
    ever_heard: ClassVar[list[Any]] = []

    async def on_load(self) -> None:
        Probe.loads += 1
        self.context.status.set("open", {"loads": Probe.loads, "value": self.settings.value})
        self.context.status.set("closed", "secret")
        self.heard: list[Any] = []
        self.subscriptions: list[Unsubscribe] = []

    async def on_update(self, previous: ProbeSettings) -> None:
        self.context.status.set("open", {"loads": Probe.loads, "value": self.settings.value})

    async def on_unload(self) -> None:
        for unsubscribe in self.subscriptions:
            unsubscribe()

    async def asset(self, name: str) -> Asset:
        if name == "broken":
            raise KeyError("secret")
        if name != "some/picture":
            raise NotFound("no such picture", hint="there is some/picture")
        return Asset(b"\x89PNG", "image/png", "v1")

    @command()
    async def echo(self, text: str, count: int = 1, more: Any = None) -> Any:
        """Give back what came."""
        return {"text": text, "count": count, "more": more}

    @command(Level.SUPPORT)
    async def for_support(self) -> str:
        """For support."""
        return "support"

    @command(Level.ADMINISTRATOR)
    async def for_administrators(self) -> str:
        """For administrators."""
        return "administrator"

    @command()
    async def fail(self, kind: str) -> None:
        """Raise."""
        raise {"known": NotFound("no such thing", hint="look elsewhere"), "defect": KeyError("secret")}[kind]

    @command()
    async def crash(self) -> None:
        """Let the module crash."""
        self.spawn(self._die(), "dying")

    async def _die(self) -> None:
        raise ZeroDivisionError

    @command()
    async def publish(self, key: str, value: Any) -> None:
        """Set a status."""
        self.context.status.set(key, value)

    @command()
    async def remember(self, field: str, value: str | None) -> dict[str, str]:
        """Write to the private storage, and read it all."""
        await self.context.storage.write("notes", {field: value})
        return await self.context.storage.read("notes")

    @command()
    async def note(self, command: str, about: str, at: float | None = None) -> str:
        """Leave an audit record, and tell who asked."""
        asker = self.context.asker
        when = self.context.clock.wall() if at is None else at
        await self.context.audit.append([AuditRecord(when, asker.id, command, about, "done")])
        return asker.id

    @command()
    async def notes(self, since: float = 0.0, limit: int = 100) -> list[Any]:
        """The audit records."""
        return [list(each[1:]) for each in await self.context.audit.read(since, limit)]

    @command()
    async def rename_notes(self, about: str, to: str) -> int:
        """Say something else in audit records."""
        return await self.context.audit.rename(lambda text: text == about, to)

    @command()
    async def forget_notes(self, before: float) -> None:
        """Drop older audit records, and leave nothing of them."""
        await self.context.audit.forget(before)
        await self.context.storage.wipe()

    @command()
    async def ask(self, module: str, name: str, args: list[Any]) -> Any:
        """Run a command of another module."""
        return await self.context.module(module).call(name, *args)

    @command()
    async def read(self, module: str, key: str) -> Any:
        """Read a status of another module."""
        return await self.context.module(module).status(key)

    @command()
    async def read_together(self, module: str, keys: list[str]) -> list[Any]:
        """Read several."""
        return await self.context.module(module).statuses(keys)

    @command()
    async def follow(self, module: str, key: str) -> None:
        """Follow a status of another module."""
        self.subscriptions.append(self.context.module(module).subscribe(key, self.heard.append))

    @command()
    async def follow_for_good(self, module: str, key: str) -> None:
        """Follow a status of another module, and never give it up."""
        self.context.module(module).subscribe(key, Probe.ever_heard.append)

    @command()
    async def what_was_ever_heard(self) -> list[Any]:
        """What following for good brought, to any probe of the process in any of its runs."""
        return list(Probe.ever_heard)

    @command()
    async def what_was_heard(self) -> list[Any]:
        """What following brought."""
        return list(self.heard)

    @command()
    async def save(self, name: str, value: Any) -> None:
        """Save a setting."""
        await self.context.save_setting(name, value)

    @command()
    async def given(self) -> int:
        """The setting `value`."""
        return self.settings.value

    @command()
    async def connect(self, connected: bool) -> None:
        """Report a connection."""
        self.context.set_connected(connected)

    @command()
    async def share(self, key: str) -> int:
        """A number that is the same for all modules that ask for the same key."""
        return id(self.context.shared(key, list))

    @command()
    async def say(self, text: str, level: str = "info") -> None:
        """Log something."""
        getattr(self.context.log, level)(text, detail="more")


class PatientSettings(ProbeSettings):
    """A setting by a name that PlaceOS has too."""

    proxy: str | None = None


class Patient(Probe):
    """A probe whose loading and unloading a test holds up."""

    Settings = PatientSettings
    gate: ClassVar[asyncio.Event]
    exit: ClassVar[asyncio.Event]
    unloads: ClassVar[int] = 0

    async def on_load(self) -> None:
        await self.gate.wait()
        await super().on_load()

    async def on_unload(self) -> None:
        await self.exit.wait()
        type(self).unloads += 1
        await super().on_unload()

    @command()
    async def odd(self) -> Any:
        """Answer with what is no JSON."""
        return {object()}


# Commands are described once for each class, and some tests put other methods in their places: here they are whole.
commands_of(Probe)
