"""One module in this engine: its context, and its life over crashes and restarts."""

from collections.abc import Callable, Mapping, Sequence
from contextlib import AbstractAsyncContextManager
from typing import TYPE_CHECKING, Any, TypeVar

import structlog

from mistlocate.clock import Clock
from mistlocate.driver.base import Asset, Driver, parse_settings
from mistlocate.driver.command import Command, command_of
from mistlocate.driver.context import Asker, ConnectOptions, Http, Link, ModuleHandle, Unsubscribe
from mistlocate.driver.following import Following
from mistlocate.driver.module import Module
from mistlocate.driver.supervisor import ModuleState, Supervisor
from mistlocate.engines.embedded.asking import asking, present_asker
from mistlocate.engines.embedded.config import ModuleSpec
from mistlocate.engines.embedded.status import ModuleStatus
from mistlocate.engines.embedded.store import ModuleAudit, ModuleStorage
from mistlocate.engines.transports import transport_options
from mistlocate.errors import SettingsError, StoreError
from mistlocate.transport.http import HttpTransport
from mistlocate.transport.websocket import open_websocket

if TYPE_CHECKING:
    from structlog.typing import FilteringBoundLogger

    from mistlocate.engines.embedded.engine import Engine

Value = TypeVar("Value")


class DirectLinks:
    """The ways out of this engine: real ones (`driver.context.Links`)."""

    def __init__(self, uri: str | None) -> None:
        self.uri = uri

    def open_stream(
        self, url: str, headers: Mapping[str, str], options: ConnectOptions
    ) -> AbstractAsyncContextManager[Link]:
        """A WebSocket."""
        return open_websocket(url, headers, transport_options(options))

    def http(self, options: ConnectOptions) -> Http:
        """A pool of HTTP connections."""
        return HttpTransport(transport_options(options))


class EmbeddedContext:
    """What this engine gives a module for one run of it (`driver.context.Context`)."""

    def __init__(self, engine: "Engine", host: "ModuleHost") -> None:
        self._engine = engine
        self._host = host
        self._following = Following()
        self.module_id = host.spec.id
        self.status = ModuleStatus(engine.board, self.module_id)
        self.storage = ModuleStorage(engine.store, self.module_id)
        self.audit = ModuleAudit(engine.store, self.module_id)
        self.links = DirectLinks(host.spec.uri)
        self.clock: Clock = engine.clock
        self.log: FilteringBoundLogger = structlog.get_logger("mistlocate.module").bind(module=self.module_id)

    @property
    def asker(self) -> Asker:
        """Who asked for the command that is being run."""
        return present_asker()

    def module(self, name: str) -> ModuleHandle:
        """Another module of the same system."""
        return self._following.through(SystemModule(self._engine, self._host.spec.system_id, name))

    def shared(self, key: str, make: Callable[[], Value]) -> Value:
        """Something that all modules of this process share."""
        if key not in self._engine.shared:
            self._engine.shared[key] = make()
        shared: Value = self._engine.shared[key]
        return shared

    def set_connected(self, connected: bool) -> None:
        """Tell whether the module's device or cloud can be reached."""
        if self.status.get("connected") is not connected:
            self.status.set("connected", connected)
            self._host.life.connection_changed(connected)

    async def save_setting(self, name: str, value: Any) -> None:
        """Keep a setting over restarts."""
        await self._engine.save_settings(self.module_id, {name: value}, by_module=True)

    def end(self) -> None:
        """The run is over."""
        self._following.end()


class SystemModule:
    """A module of a system by its name there (`driver.context.ModuleHandle`)."""

    def __init__(self, engine: "Engine", system_id: str, name: str) -> None:
        self._engine = engine
        self._system_id = system_id
        self._name = name

    async def call(self, command: str, *args: Any, **kwargs: Any) -> Any:
        """Run a command."""
        host = self._engine.find(self._system_id, self._name)
        given = host.command(command).by_name(args) | kwargs
        asker = present_asker()
        with asking(Asker(asker.id, asker.counted, passed_on=True)):
            return await host.execute(command, given)

    async def status(self, key: str) -> Any:
        """The present value of a status."""
        host = self._engine.look_up(self._system_id, self._name)
        present = None if host is None else self._engine.board.get(host.spec.id, key)
        return None if present is None else present.value

    async def statuses(self, keys: Sequence[str]) -> list[Any]:
        """The present values of several statuses; nobody else has a turn in between."""
        return [await self.status(key) for key in keys]

    def subscribe(self, key: str, listener: Callable[[Any], None]) -> Unsubscribe:
        """Follow a status, whichever module has the name."""
        return self._engine.follow(self._system_id, self._name, key, lambda news: listener(news.value))


class ModuleHost:
    """Runs one module of the settings file, with what was saved at run time over its settings."""

    def __init__(self, engine: "Engine", spec: ModuleSpec, saved: Mapping[str, Any]) -> None:
        self.spec = spec
        self.saved = dict(saved)
        """Settings that were saved at run time; they lie over those of the file."""
        self._engine = engine
        self._log = structlog.get_logger("mistlocate.engine").bind(module=spec.id)
        self.life = Supervisor(
            spec.slug,
            self._make,
            clock=engine.clock,
            log=self._log,
            on_crash=self._gone,
        )

    @property
    def driver(self) -> type[Driver[Any]]:
        """The driver's class."""
        return self.spec.driver

    @property
    def settings(self) -> dict[str, Any]:
        """What the driver is given: the file's settings, and over them what was saved."""
        return {**self.spec.settings, **self.saved}

    @property
    def state(self) -> ModuleState:
        """What the module is doing."""
        return self.life.state

    @property
    def problem(self) -> str | None:
        """What went wrong last, for people."""
        return self.life.problem

    @property
    def restarts(self) -> int:
        """How often it was started anew after a crash."""
        return self.life.restarts

    # -- life -------------------------------------------------------------------------------------

    def start(self) -> None:
        """Run, unless it runs already."""
        self.life.start()

    async def stop(self) -> None:
        """Stop; returns when the module has unloaded."""
        await self.life.stop()
        if not self.life.started:
            self._gone()

    def _gone(self) -> None:
        """What a module that does not run has told holds no longer."""
        self._engine.board.clear(self.spec.id)
        self._engine.board.set(self.spec.id, "connected", False)

    async def reconfigure(self, spec: ModuleSpec) -> None:
        """Take a changed spec of the same driver; a changed URI needs a restart. Raises `SettingsError`."""
        restart = spec.uri != self.spec.uri
        self.spec = spec
        if restart and self.life.started:
            await self.stop()
            self.start()
        else:
            self.life.update(self.settings)

    def _make(self, on_loaded: Callable[[], None]) -> Module:
        """The module with its settings; if what was saved at run time does not fit any more, without that.

        What may not be left out stays: a module that cannot take it does not run.
        """
        self._engine.board.clear(self.spec.id)
        context = EmbeddedContext(self._engine, self)
        try:
            return Module(self.driver, context, self.settings, strict=True, on_loaded=on_loaded)
        except SettingsError as error:
            lasting = {name: value for name, value in self.saved.items() if name in self.driver.lasting_settings}
            if self.saved == lasting:
                raise
            self._log.error("saved settings do not fit and are left out", problem=str(error))
        return Module(self.driver, context, {**self.spec.settings, **lasting}, strict=True, on_loaded=on_loaded)

    # -- commands ---------------------------------------------------------------------------------

    def command(self, name: str) -> Command:
        """The description of a command. Raises `UnknownCommand`."""
        return command_of(self.spec.driver, name)

    async def execute(self, name: str, args: Any) -> Any:
        """Run a command. Raises as `Module.execute`."""
        command_of(self.spec.driver, name)  # a name that does not exist is not counted
        return await self._engine.tally.command(self.spec.name, name, self.life.execute(name, args))

    async def asset(self, name: str) -> Asset:
        """An asset of the driver. Raises as `Module.asset`."""
        return await self.life.asset(name)

    # -- settings ---------------------------------------------------------------------------------

    async def save(self, changes: Mapping[str, Any], removed: tuple[str, ...]) -> None:
        """Save settings at run time. Raises `SettingsError` (nothing changes then) or `StoreError`."""
        if refused := list(self.driver.not_to_be_saved(changes)):
            raise SettingsError(refused)
        saved = {**self.saved, **changes}
        for name in removed:
            saved.pop(name, None)
        before, self.saved = self.saved, saved
        try:
            about = parse_settings(self.driver, self.settings, unknown_is_error=True).settings.lasting_about
            lasting = [name for name in changes if name in self.driver.lasting_settings and about is not None]
            places = [(self.spec.id, name, about) for name in lasting]
            await self._engine.store.save_settings(self.spec.id, changes, removed, places)
        except (SettingsError, StoreError):
            self.saved = before
            raise
        self.life.update(self.settings)
