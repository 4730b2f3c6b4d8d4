"""One module in a driver process: start, update, stop, commands, as core asks for them."""

import asyncio
from collections.abc import Callable
from contextlib import suppress
from typing import Any
from urllib.parse import urlsplit

import structlog

from mistlocate.driver.base import Driver
from mistlocate.driver.module import Module
from mistlocate.driver.supervisor import Supervisor
from mistlocate.engines.placeos import base_settings, logs
from mistlocate.engines.placeos.base_settings import Split
from mistlocate.engines.placeos.context import PlaceosContext, Services
from mistlocate.engines.placeos.messages import ROLE_TCP, ROLES, Model
from mistlocate.engines.placeos.status import ModuleStatus
from mistlocate.errors import Problem, SettingsError, TransportError
from mistlocate.transport.options import TransportOptions

#: Pauses between two connections that are only kept open: this, twice this, … up to the longest (seconds).
FIRST_PAUSE, LONGEST_PAUSE = 1.0, 10.0

_NOT_TAKEN = "settings not taken, those before stay in force"


class ModuleHost:
    """A module from `start` to `stop`. Whatever changes its life happens one after the other, in the order asked."""

    def __init__(self, driver_class: type[Driver[Any]], services: Services, module_id: str, model: Model) -> None:
        self.module_id = module_id
        self._driver_class = driver_class
        self._services = services
        self._model = model
        self._accepted: Split | None = None
        """The settings that the module took last; those of the model may not be valid."""
        self._status = ModuleStatus(module_id, services.interface(model.notes), services.writer)
        self._turn = asyncio.Lock()
        self._drain: asyncio.Task[None] | None = None
        self._log = structlog.get_logger().bind(module=module_id)
        self.life = Supervisor(module_id, self._make, clock=services.clock, log=self._log, on_crash=self._crashed)

    async def start(self, before: "asyncio.Task[None] | None" = None) -> None:
        """Start, once what was of this name `before` has ended; returns when what the module was before is cleared
        and its commands are known to all."""
        async with self._turn:
            if before is not None:
                await asyncio.wait([before])
            self._set_log_level()
            await self._services.writer.add(self._status)
            self._run()

    async def update(self, model: Model) -> None:
        """Take a changed model: in place, or by a new start where the way to the device changed."""
        async with self._turn:
            restart = model.connection != self._model.connection or model.system_id != self._model.system_id
            self._model = model
            self._status.describe(self._services.interface(model.notes))
            if restart:
                await self._end()
                self._status.clear()
                self._run()
            else:
                self._status.set("proxy_in_use", None)
                self._update_settings()
            self._set_log_level()

    async def stop(self) -> None:
        """Stop; statuses stay, and the module does not look unreachable because it was stopped."""
        async with self._turn:
            await self._end()
            self._status.set("connected", True)
            await self._services.writer.remove(self._status)
            logs.set_level(self.module_id, None)

    async def execute(self, name: str, args: Any) -> Any:
        """Run a command; unknown names of arguments are ignored, and whatever comes for one without any. Raises as
        `Module.execute`.

        A start or an update that was asked for earlier comes first; one that hangs is waited for as `Module` does.
        """
        async with self._turn:
            pass
        return await self.life.execute(name, args, ignore_unknown=True)

    # -- parts ------------------------------------------------------------------------------------

    def _run(self) -> None:
        self.life.start()
        if self._model.role == ROLE_TCP and self._driver_class.uri_base is None:
            self._drain = asyncio.create_task(self._keep_open())

    async def _end(self) -> None:
        if self._drain is not None:
            self._drain.cancel()
            await asyncio.wait([self._drain])
            self._drain = None
        await self.life.stop()

    def _make(self, on_loaded: Callable[[], None]) -> Module:
        """The module with the settings that were given; if they are not valid, with those that it took before."""
        model = self._model
        context = PlaceosContext(
            self._services,
            self.module_id,
            model,
            self._status,
            lambda: self._in_force.headers,
            self._connection_changed,
        )
        if model.role not in ROLES:
            known = ", ".join(str(role) for role in ROLES)
            problem = Problem("role", f"{model.role} is no way to this device", f"one of {known}")
            raise self._refused(SettingsError([problem], where=self._driver_class.generic_name))
        try:
            given = self._given()
            module = Module(self._driver_class, context, given.driver, strict=False, on_loaded=on_loaded)
        except SettingsError as error:
            self._refused(error)
            if self._accepted is None:
                raise
            self._log.error(_NOT_TAKEN, problem=str(error))
            return Module(self._driver_class, context, self._last_good(), strict=False, on_loaded=on_loaded)
        self._took(given)
        return module

    def _given(self) -> Split:
        """The settings of the model. Raises `SettingsError`."""
        return base_settings.split(self._model.settings, self._driver_class.Settings.model_fields)

    @property
    def _in_force(self) -> Split:
        return self._accepted or Split({}, {})

    def _last_good(self) -> dict[str, Any]:
        """The settings that the module took last, with what it has saved itself since: that holds, whatever else of
        the settings given is not valid."""
        given, lasting = self._model.settings, self._driver_class.lasting_settings
        return {**self._in_force.driver, **{name: given[name] for name in lasting if given.get(name) is not None}}

    def _update_settings(self) -> None:
        try:
            given = self._given()
            taken = self.life.update(given.driver)
        except SettingsError as error:
            self._refused(error)
            self._log.error(_NOT_TAKEN, problem=str(error))
        else:
            if taken:
                self._took(given)

    def _took(self, settings: Split) -> None:
        self._accepted = settings
        self._status.set("settings_problem", None)

    def _set_log_level(self) -> None:
        """As the settings say, be the others valid or not: that is when the log is read."""
        logs.set_level(self.module_id, logs.read_level(self._model.settings.get("persistent_log_level")))

    def _refused(self, error: SettingsError) -> SettingsError:
        self._status.set("settings_problem", str(error))
        return error

    def _crashed(self) -> None:
        """What a module that does not run has told holds no longer."""
        problem = self._status.get("settings_problem")
        self._status.clear()
        self._status.set("settings_problem", problem)
        self._status.set("connected", False)

    def _connection_changed(self, connected: bool) -> None:
        proxy, host = self._in_force.driver.get("proxy"), None
        if connected and isinstance(proxy, str):
            with suppress(ValueError):  # a driver that has no such setting takes anything
                host = urlsplit(proxy).hostname
        self._status.set("proxy_in_use", host)
        self.life.connection_changed(connected)

    async def _keep_open(self) -> None:
        """A driver without a device of its own, run as if it had one: connect, and let go by what comes."""
        context = PlaceosContext(self._services, self.module_id, self._model, self._status, dict, lambda _: None)
        pause = FIRST_PAUSE
        while True:
            with suppress(TransportError):
                async with context.links.open_tcp(TransportOptions()) as link:
                    pause = FIRST_PAUSE
                    while True:
                        await link.receive()
            await self._services.clock.sleep(pause)
            pause = min(pause * 2, LONGEST_PAUSE)
