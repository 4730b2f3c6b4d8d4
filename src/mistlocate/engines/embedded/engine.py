"""The engine: systems, their modules, zones; starting, finding, reconfiguring, stopping."""

import asyncio
from collections import defaultdict
from collections.abc import Callable, Mapping, Sequence
from contextlib import AsyncExitStack
from types import TracebackType
from typing import Any, Self

import structlog

from mistlocate.clock import Clock, SystemClock
from mistlocate.driver.command import suggestion
from mistlocate.driver.context import Unsubscribe
from mistlocate.engines.embedded.access import Access, Caller, Credentials, Refusal
from mistlocate.engines.embedded.config import Loaded, ModuleSpec, SystemConfig, ZoneConfig
from mistlocate.engines.embedded.host import ModuleHost
from mistlocate.engines.embedded.lasting import as_it_runs, left_behind, to_be_noted
from mistlocate.engines.embedded.limits import Limits
from mistlocate.engines.embedded.proxies import TrustedProxies
from mistlocate.engines.embedded.status import CLEARED, Follower, StatusBoard
from mistlocate.engines.embedded.store import Store
from mistlocate.engines.embedded.tally import Tally
from mistlocate.errors import NoSuchModule, Problem, SettingsError


class NoSuchSystem(NoSuchModule):
    """No system of this id."""


class NoSuchZone(NoSuchModule):
    """No zone of this id."""


class Engine:
    """Runs the modules of a settings file between `async with`. Raises `StoreError` if the store cannot be opened."""

    def __init__(self, loaded: Loaded, *, clock: Clock | None = None) -> None:
        self.loaded = loaded
        self._began_with = loaded.config
        self.clock = clock or SystemClock()
        self.board = StatusBoard()
        self.store = Store(loaded.store)
        self.tally = Tally()
        self.shared: dict[str, Any] = {}
        self.hosts: dict[str, ModuleHost] = {}
        self.access = _access(loaded)
        self.limits = Limits(loaded.config.rate_limit)
        self.proxies = TrustedProxies(loaded.proxies)
        self.on_reload: list[Callable[[Loaded], None]] = []
        """Called with settings that are taken while the engine runs."""
        self._follows: list[_Follow] = []
        self._turns: defaultdict[str, asyncio.Lock] = defaultdict(asyncio.Lock)
        self._log = structlog.get_logger("mistlocate.engine")

    async def __aenter__(self) -> Self:
        async with AsyncExitStack() as undo:
            await self.store.open()
            undo.push_async_callback(self.store.close)
            saved = await self._saved_for(self.loaded)
            for spec in self.loaded.modules:
                self.hosts[spec.id] = ModuleHost(self, spec, saved[spec.id])
            undo.pop_all()
        for host in self.hosts.values():
            host.start()
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await asyncio.gather(*(host.stop() for host in self.hosts.values()))
        await self.store.close()

    # -- callers ----------------------------------------------------------------------------------

    def identify(self, shown: Credentials) -> Caller | Refusal:
        """Who calls, unless too many keys from there were not known."""
        return self.limits.identify(self.access, shown, self.clock.monotonic())

    # -- finding ----------------------------------------------------------------------------------

    @property
    def zones(self) -> dict[str, ZoneConfig]:
        """All zones by id."""
        return {zone.id: zone for zone in self.loaded.config.zones}

    @property
    def systems(self) -> dict[str, SystemConfig]:
        """All systems by id."""
        return {system.id: system for system in self.loaded.config.systems}

    def zone(self, zone_id: str) -> ZoneConfig:
        """A zone by its id. Raises `NoSuchZone`."""
        try:
            return self.zones[zone_id]
        except KeyError:
            raise NoSuchZone(f"no zone {zone_id!r}", hint=f"zones: {_listed(self.zones)}") from None

    def system(self, system_id: str) -> SystemConfig:
        """A system by its id. Raises `NoSuchSystem`."""
        try:
            return self.systems[system_id]
        except KeyError:
            raise NoSuchSystem(f"no system {system_id!r}", hint=f"systems: {_listed(self.systems)}") from None

    def host(self, module_id: str) -> ModuleHost:
        """A module by its id. Raises `NoSuchModule`."""
        try:
            return self.hosts[module_id]
        except KeyError:
            raise NoSuchModule(f"no module {module_id!r}", hint=f"modules: {_listed(self.hosts)}") from None

    def find(self, system_id: str, slug: str) -> ModuleHost:
        """A module by its name in a system. Raises `NoSuchSystem`, `NoSuchModule`."""
        host = self.look_up(system_id, slug)
        if host is not None:
            return host
        self.system(system_id)
        there = [host.spec.slug for host in self.in_system(system_id)]
        raise NoSuchModule(f"no module {slug!r} in {system_id}", hint=f"modules there: {_listed(there)}")

    def look_up(self, system_id: str, slug: str) -> ModuleHost | None:
        """The same without an error. An index of 1 may be left out."""
        name, index = split_slug(slug)
        for host in self.hosts.values():
            spec = host.spec
            if spec.index == index and spec.name == name and spec.system_id == system_id:
                return host
        return None

    def in_system(self, system_id: str) -> list[ModuleHost]:
        """The modules of a system."""
        return [host for host in self.hosts.values() if host.spec.system_id == system_id]

    # -- starting and stopping --------------------------------------------------------------------

    async def start(self, module_id: str) -> None:
        """Start a module, unless it runs; one that is being stopped is started after that. Raises `NoSuchModule`."""
        self.host(module_id)  # no turn for a name that anybody may have made up
        async with self._turns[module_id]:
            self.host(module_id).start()

    async def stop(self, module_id: str) -> None:
        """Stop a module; returns when it has unloaded. Raises `NoSuchModule`."""
        self.host(module_id)
        async with self._turns[module_id]:
            await self.host(module_id).stop()

    # -- statuses by name -------------------------------------------------------------------------

    def follow(self, system_id: str, slug: str, key: str, follower: Follower) -> Unsubscribe:
        """Follow a status of whichever module has this name in the system, now or after a change of settings."""
        follow = _Follow(system_id, slug, key, follower)
        self._follows.append(follow)
        follow.resolve(self)

        def unsubscribe() -> None:
            if follow in self._follows:
                self._follows.remove(follow)
                follow.release()

        return unsubscribe

    # -- settings ---------------------------------------------------------------------------------

    async def save_settings(
        self,
        module_id: str,
        changes: Mapping[str, Any],
        removed: tuple[str, ...] = (),
        *,
        by_module: bool = False,
    ) -> None:
        """Save settings of a module at run time; the zones that they name have to exist, as in the settings file.

        `by_module`: the module does it itself, which alone may change what it keeps.

        Raises `NoSuchModule`, `SettingsError`, `StoreError`.
        """
        host = self.host(module_id)
        problems = [
            Problem(path, f"no zone {zone!r}", suggestion(zone, self.zones) or f"zones: {_listed(self.zones)}")
            for path, zone in host.driver.zones_named_by(changes)
            if zone not in self.zones
        ]
        if not by_module:
            problems += host.driver.kept_by_itself([*changes, *removed])
        if problems:
            raise SettingsError(problems, where=host.driver.generic_name)
        after = {name: value for name, value in {**host.saved, **changes}.items() if name not in removed}
        if as_it_runs(host.spec, after).about != as_it_runs(host.spec, host.saved).about:
            others = {each.spec.id: each.saved for each in self.hosts.values()}
            await self._leave_nothing_behind([each.spec for each in self.hosts.values()], {**others, module_id: after})
        await host.save(changes, removed)

    async def reload(self, loaded: Loaded) -> None:
        """Change over to other settings: only what differs is touched.

        The address, the store and the proxies of a running engine cannot change; that is said in the log.

        Raises `SettingsError` and `StoreError`; nothing has changed then.
        """
        saved = await self._saved_for(loaded)
        for name in ("listen", "store", "trusted_proxies"):
            if getattr(loaded.config, name) != getattr(self._began_with, name):
                self._log.warning("this setting takes effect with the next start", setting=name)
        if loaded.config.rate_limit != self.limits.rate:
            self.limits = Limits(loaded.config.rate_limit)
        self.loaded = loaded
        self.access = _access(loaded)
        for follower in self.on_reload:
            follower(loaded)
        wanted = {spec.id: spec for spec in loaded.modules}
        for module_id, host in list(self.hosts.items()):
            spec = wanted.get(module_id)
            if spec is None or spec.driver is not host.driver:
                del self.hosts[module_id]
                async with self._turns[module_id]:
                    await host.stop()
                    self.board.clear(module_id)
        for spec in wanted.values():
            await self._take(spec, saved[spec.id])
        for follow in self._follows:
            follow.resolve(self)

    async def _saved_for(self, loaded: Loaded) -> dict[str, Mapping[str, Any]]:
        """What was saved for each module of a file at run time, if nothing lasting is left behind by it.

        Where every module runs as before nothing can be, so the store need not answer. Raises `SettingsError`,
        `StoreError`.
        """
        saved: dict[str, Mapping[str, Any]] = {}
        for spec in loaded.modules:
            host = self.hosts.get(spec.id)
            there = host is not None and host.driver is spec.driver
            saved[spec.id] = host.saved if host is not None and there else await self.store.saved_settings(spec.id)
        before = {(each.driver, as_it_runs(each.spec, each.saved).key) for each in self.hosts.values()}
        if before != {(spec.driver, as_it_runs(spec, saved[spec.id]).key) for spec in loaded.modules}:
            await self._leave_nothing_behind(loaded.modules, saved)
        return saved

    async def _leave_nothing_behind(self, specs: Sequence[ModuleSpec], saved: Mapping[str, Mapping[str, Any]]) -> None:
        """Raises `SettingsError` if modules would run without lasting settings that were saved about their sites."""
        running = [as_it_runs(spec, saved[spec.id]) for spec in specs]
        everything = await self.store.everything_saved()
        if problems := left_behind(everything, running):
            raise SettingsError(problems, where=str(self.loaded.path or "settings"))
        for place in to_be_noted(everything, running):
            await self.store.save_settings(place[0], {}, (), [place])

    async def _take(self, spec: ModuleSpec, saved: Mapping[str, Any]) -> None:
        host = self.hosts.get(spec.id)
        if host is None:
            host = self.hosts[spec.id] = ModuleHost(self, spec, saved)
            host.start()
            return
        try:
            async with self._turns[spec.id]:
                await host.reconfigure(spec)
        except SettingsError as error:
            # The file was checked; together with what was saved at run time it may still not fit.
            self._log.error("settings not taken", module=spec.id, problem=str(error))


class _Follow:
    """Someone follows a status by name; which module that is may change."""

    def __init__(self, system_id: str, slug: str, key: str, follower: Follower) -> None:
        self._place = (system_id, slug)
        self._key = key
        self._follower = follower
        self._module_id: str | None = None
        self._unsubscribe: Unsubscribe | None = None

    def resolve(self, engine: Engine) -> None:
        """Follow the module that has the name now."""
        host = engine.look_up(*self._place)
        module_id = None if host is None else host.spec.id
        if module_id == self._module_id:
            return
        had_value = self._module_id is not None and engine.board.get(self._module_id, self._key) is not None
        self.release()
        self._module_id = module_id
        if had_value:
            self._follower(CLEARED)
        if module_id is not None:
            self._unsubscribe = engine.board.follow(module_id, self._key, self._follower)

    def release(self) -> None:
        """Follow nothing."""
        if self._unsubscribe is not None:
            self._unsubscribe()
        self._unsubscribe = self._module_id = None


def split_slug(slug: str) -> tuple[str, int]:
    """`MistWebsocket_1` → name and index; without a number at its end the whole text is the name, the index 1."""
    name, _, index = slug.rpartition("_")
    # No index has more digits, and Python reads no number of thousands of them.
    return (name, int(index)) if name and index.isdecimal() and len(index) < 10 else (slug, 1)


def _access(loaded: Loaded) -> Access:
    return Access(loaded.keys, [*loaded.config.allowed_hosts, loaded.address[0]])


def _listed(names: Any) -> str:
    return ", ".join(names) or "none"
