"""The life of a module over crashes, the same in every engine: started anew after ever longer pauses, and whatever
goes wrong in it stays with it."""

import asyncio
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from enum import StrEnum
from typing import TYPE_CHECKING, Any

from mistlocate.clock import Clock
from mistlocate.driver.base import Asset
from mistlocate.driver.module import LOAD_WITHIN, UNLOAD_WITHIN, Module
from mistlocate.errors import MistlocateError, ModuleUnavailable, SettingsError

if TYPE_CHECKING:
    from structlog.typing import FilteringBoundLogger

#: Seconds before a crashed module is started again: this, twice this, … up to the longest.
FIRST_RESTART = 1.0
LONGEST_RESTART = 60.0

#: A module that ran this long before it crashed starts with the first delay again.
STABLE_AFTER = 300.0


class ModuleState(StrEnum):
    """What a module is doing."""

    STARTING = "starting"
    RUNNING = "running"
    CRASHED = "crashed"
    STOPPED = "stopped"


class Supervisor:
    """Keeps one module running between `start` and `stop`.

    `make` builds the module anew for each run and is given what the module has to call once it is loaded; it may
    raise `SettingsError`. `on_crash` is called after each crash, before the pause. `name` is for messages.
    """

    def __init__(
        self,
        name: str,
        make: Callable[[Callable[[], None]], Module],
        *,
        clock: Clock,
        log: "FilteringBoundLogger",
        on_crash: Callable[[], None],
    ) -> None:
        self.name = name
        self.module: Module | None = None
        """The module, while there is one."""
        self.state = ModuleState.STOPPED
        self.problem: str | None = None
        """What went wrong last, for people."""
        self.restarts = 0
        self._make = make
        self._clock = clock
        self._log = log
        self._on_crash = on_crash
        self._made = asyncio.Event()
        self._again = asyncio.Event()
        self._task: asyncio.Task[None] | None = None
        self._ending: asyncio.Task[None] | None = None

    # -- life -------------------------------------------------------------------------------------

    @property
    def started(self) -> bool:
        """Whether the module is to run, crashed or not."""
        return self._task is not None

    def start(self) -> None:
        """Run, unless it runs already; one that is being stopped is waited for first."""
        if self._task is None:
            self.state = ModuleState.STARTING
            self._task = asyncio.create_task(self._run(self._ending), name=f"{self.name}/life")

    async def stop(self) -> None:
        """Stop; returns when the module has unloaded."""
        task, self._task = self._task, None
        if task is None:
            if self._ending is not None:
                await asyncio.wait([self._ending])
            return
        self._ending = task
        if self.module is not None:
            self.module.stop()
            await asyncio.wait([task], timeout=UNLOAD_WITHIN + 0.5)
        task.cancel()
        with suppress(asyncio.CancelledError):
            await task
        if self._ending is task:
            self._ending = None
        if self._task is None:
            self.state = ModuleState.STOPPED

    def update(self, raw_settings: Mapping[str, Any]) -> bool:
        """Hand new settings to the module; one that is crashed is tried with them at once.

        Returns whether the module took them; False: there is none now. Raises `SettingsError`; then the settings
        before stay in force.
        """
        if self.module is None:
            self._again.set()
            return False
        try:
            self.module.update(raw_settings)
        except SettingsError as error:
            self.problem = str(error)
            raise
        self.problem = None
        return True

    async def _run(self, before: "asyncio.Task[None] | None") -> None:
        if before is not None:
            await asyncio.wait([before])
        delay = FIRST_RESTART
        while self._task is asyncio.current_task():
            started = self._clock.monotonic()
            self._again.clear()
            try:
                await self._run_once()
                return
            except Exception as error:
                if self._task is not asyncio.current_task():
                    return  # it was being stopped at that moment
                self.restarts += 1
                self.state = ModuleState.CRASHED
                self.problem = _summary(error)
                self._log.error("module crashed", problem=self.problem, restart_in=delay, exc_info=error)
            self._on_crash()
            if self._clock.monotonic() - started > STABLE_AFTER:
                delay = FIRST_RESTART
            with suppress(TimeoutError):
                async with self._clock.timeout(delay):
                    await self._again.wait()
            delay = min(delay * 2, LONGEST_RESTART)

    async def _run_once(self) -> None:
        self.state = ModuleState.STARTING
        self.module = self._make(self._loaded)
        self._made.set()
        try:
            await self.module.run()
        finally:
            self._made.clear()
            self.module = None

    def _loaded(self) -> None:
        self.state = ModuleState.RUNNING
        self.problem = None

    # -- while it lives ---------------------------------------------------------------------------

    def connection_changed(self, connected: bool) -> None:
        """The driver reported its connection; its hook follows."""
        if self.module is not None:
            self.module.connection_changed(connected)

    async def execute(
        self, name: str, args: Sequence[Any] | Mapping[str, Any] | None, *, ignore_unknown: bool = False
    ) -> Any:
        """Run a command; one that comes while the module starts waits for it. Raises as `Module.execute`."""
        module = self.module or await self._present()
        return await module.execute(name, args, ignore_unknown=ignore_unknown)

    async def asset(self, name: str) -> Asset:
        """An asset, asked for like a command. Raises as `Module.asset`."""
        module = self.module or await self._present()
        return await module.asset(name)

    async def _present(self) -> Module:
        """The module, waited for while it starts. Raises `ModuleUnavailable`."""
        if self.state is ModuleState.STARTING:
            with suppress(TimeoutError):
                async with asyncio.timeout(LOAD_WITHIN):
                    await self._made.wait()
        if self.module is None:
            reason = self.problem or "it was stopped"
            raise ModuleUnavailable(f"{self.name} is not running: {reason}")
        return self.module


def _summary(error: BaseException) -> str:
    """One line for people, of what may be a group of errors: class names, and texts of our own errors only."""
    while isinstance(error, ExceptionGroup):
        error = error.exceptions[0]
    return str(error) if isinstance(error, MistlocateError) else type(error).__name__
