"""The life of one module, the same in every engine: load, update, connect, unload, one thing at a time."""

import asyncio
from collections.abc import Awaitable, Callable, Mapping, Sequence
from typing import Any

from mistlocate.driver.base import Asset, Driver, parse_settings
from mistlocate.driver.command import command_of
from mistlocate.driver.context import Context
from mistlocate.errors import CommandFailed, MistlocateError, ModuleUnavailable, SettingsError

#: How long a driver may take to unload (seconds); PlaceOS kills a process ten seconds after asking it to end.
UNLOAD_WITHIN = 4.0

#: How long a command waits for a module that is being loaded (seconds).
LOAD_WITHIN = 6.0

#: How long commands wait for new settings that came before them to be applied (seconds).
APPLY_WITHIN = 2.0


class Module:
    """One driver instance from load to unload.

    `run` serves until `stop` is called, and raises what crashed the module (its hooks' and background tasks' errors,
    as an `ExceptionGroup`). Everything else may be called from other tasks at any time.
    """

    def __init__(
        self,
        driver_class: type[Driver[Any]],
        context: Context,
        raw_settings: Mapping[str, Any],
        *,
        strict: bool,
        on_loaded: Callable[[], None] = lambda: None,
    ) -> None:
        """`strict`: unknown settings are errors. `on_loaded` is called when commands can be run.

        Raises `SettingsError`.
        """
        self.driver_class = driver_class
        self.context = context
        self.strict = strict
        self.settings_problem: SettingsError | None = None
        """Why the last settings given were not taken; the ones before are in force."""
        parsed = parse_settings(driver_class, raw_settings, unknown_is_error=strict)
        self.ignored_settings = parsed.ignored
        self._settings = parsed.settings
        self._on_loaded = on_loaded
        self._driver: Driver[Any] | None = None
        self._loaded = asyncio.Event()
        self._stopping = asyncio.Event()
        self._hooks: asyncio.Queue[Callable[[], Awaitable[None]]] = asyncio.Queue()
        self._applying: asyncio.Event | None = None
        """Until the driver has been told of the last update; None while commands need not wait for one."""

    async def run(self) -> None:
        """Load the driver, serve its hooks until `stop`, unload it."""
        try:
            async with asyncio.TaskGroup() as tasks:
                driver = self._driver = self.driver_class(self.context, self._settings, tasks)
                driver.ignored_settings = self.ignored_settings
                await driver.on_load()
                self._loaded.set()
                self._on_loaded()
                hooks = tasks.create_task(self._serve_hooks(), name=f"{self.context.module_id}/hooks")
                await self._stopping.wait()
                await self._unload(driver, hooks)
                raise _Stopped
        except* _Stopped:
            pass
        finally:
            self.context.end()
            self._driver = None
            self._loaded.clear()
            if self._applying is not None:
                self._applying.set()

    def stop(self) -> None:
        """Ask `run` to end. A hook that is running may finish; those that wait are not run any more."""
        self._stopping.set()
        self._hooks.put_nowait(_nothing)

    def update(self, raw_settings: Mapping[str, Any]) -> None:
        """Take new settings; the driver's `on_update` follows, and comes before commands that are run from now on.

        Raises `SettingsError` if they are not valid: then those before stay in force and `settings_problem` says why.
        """
        try:
            parsed = parse_settings(self.driver_class, raw_settings, unknown_is_error=self.strict)
        except SettingsError as error:
            self.settings_problem = error
            raise
        self.settings_problem = None
        self.ignored_settings = parsed.ignored
        if self._driver is not None:
            self._driver.ignored_settings = parsed.ignored
        if parsed.settings == self._settings:
            return
        previous, self._settings = self._settings, parsed.settings
        applied = self._applying = asyncio.Event()

        async def apply() -> None:
            if self._driver is not None:
                self._driver.settings = parsed.settings
                await self._driver.on_update(previous)
            applied.set()
            if self._applying is applied:
                self._applying = None

        self._hooks.put_nowait(apply)

    def connection_changed(self, connected: bool) -> None:
        """The driver reported that its connection came or went; its hook follows."""

        async def tell() -> None:
            if self._driver is not None:
                await (self._driver.connected() if connected else self._driver.disconnected())

        self._hooks.put_nowait(tell)

    async def execute(
        self, name: str, args: Sequence[Any] | Mapping[str, Any] | None, *, ignore_unknown: bool = False
    ) -> Any:
        """Run a command. Raises `UnknownCommand`, `BadArguments`, `ModuleUnavailable`, and what the command raises:
        errors of ours as they are, everything else as `CommandFailed`."""
        bound = command_of(self.driver_class, name).bind(args, ignore_unknown=ignore_unknown)
        driver = self._driver if self._loaded.is_set() and self._applying is None else None
        if driver is None:  # seldom: a coroutine for each command would take as long as binding its arguments
            driver = await self._ready()
        try:
            return await getattr(driver, name)(**bound)
        except MistlocateError:
            raise
        except Exception as error:
            raise self._defect(name, error) from error

    async def asset(self, name: str) -> Asset:
        """An asset of the driver. Raises `NotFound`, `ModuleUnavailable`, and as a command does."""
        driver = await self._ready()
        try:
            return await driver.asset(name)
        except MistlocateError:
            raise
        except Exception as error:
            raise self._defect("asset", error) from error

    def _defect(self, name: str, error: Exception) -> CommandFailed:
        """What goes wrong in a driver and is no error of ours is told without its text, which may be anything."""
        self.context.log.error("command failed", command=name, exc_info=error)
        return CommandFailed(f"{name} failed: {type(error).__name__}")

    async def _ready(self) -> Driver[Any]:
        if not self._loaded.is_set():
            try:
                async with asyncio.timeout(LOAD_WITHIN):
                    await self._loaded.wait()
            except TimeoutError:
                raise ModuleUnavailable("the module is not running") from None
        if self._applying is not None:
            await self._applied(self._applying)
        if self._driver is None:
            raise ModuleUnavailable("the module is not running")
        return self._driver

    async def _applied(self, update: asyncio.Event) -> None:
        """Wait for an update, but not for ever: one that hangs holds commands up once."""
        try:
            async with asyncio.timeout(APPLY_WITHIN):
                await update.wait()
        except TimeoutError:
            if self._applying is update:
                self._applying = None
                self.context.log.warning("new settings are not applied yet, commands go on without them")

    async def _serve_hooks(self) -> None:
        while True:
            hook = await self._hooks.get()
            if self._stopping.is_set():
                return
            await hook()

    async def _unload(self, driver: Driver[Any], hooks: asyncio.Task[None]) -> None:
        try:
            async with asyncio.timeout(UNLOAD_WITHIN):
                await asyncio.wait([hooks])
                await driver.on_unload()
        except TimeoutError:
            self.context.log.warning("unloading took too long")


async def _nothing() -> None:
    """A hook that only wakes whoever waits for one."""


class _Stopped(Exception):
    """Ends the task group of a module that was asked to stop."""
