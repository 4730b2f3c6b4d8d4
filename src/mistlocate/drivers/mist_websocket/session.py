"""One site, kept connected: what a driver's hooks do, and what its commands work on."""

import asyncio
from collections.abc import Callable, Coroutine
from contextlib import suppress
from typing import Any

from mistlocate.driver.context import Context
from mistlocate.drivers.mist_websocket import report
from mistlocate.drivers.mist_websocket.connection import Connection
from mistlocate.drivers.mist_websocket.owner_store import OwnerStore
from mistlocate.drivers.mist_websocket.publish import Publisher, map_summary
from mistlocate.drivers.mist_websocket.settings import MistWebsocketSettings
from mistlocate.drivers.mist_websocket.tracker import Tracker
from mistlocate.errors import ModuleUnavailable, SettingsError, StoreError, TokenRefused
from mistlocate.location.identity import NameRules
from mistlocate.location.objections import Register
from mistlocate.location.visibility import Shown
from mistlocate.mist.budget import Purpose
from mistlocate.mist.health import StreamState

#: How often the token's file is looked at, if there is one (seconds), every how many times the site is looked after,
#: and every how many times clients are forgotten, and owners.
TICK = 1.0
LOOK_EVERY = 2
FORGET_EVERY = 10
EXPIRE_EVERY = 600

#: The time of the last frame changes all the time, and each telling costs a write: after so many seconds it goes with
#: the next lists of clients.
TELL_LAST_FRAME_AFTER = 15.0

#: Settings that decide where and as whom to connect.
CONNECTION_SETTINGS = frozenset(
    {
        "api_token",
        "api_token_file",
        "site_id",
        "cloud",
        "rest_host",
        "stream_host",
        "proxy",
        "verify_tls",
        "ca_file",
        "ca_certificates",
        "connect_timeout",
        "read_timeout",
    }
)

Spawn = Callable[[Coroutine[Any, Any, None], str], "asyncio.Task[None]"]


class SiteSession:
    """The tracker, its publisher and store, which stay, and the connection, which is made anew when it has to be."""

    def __init__(self, context: Context, settings: MistWebsocketSettings, spawn: Spawn) -> None:
        self.settings = settings
        self.tracker = Tracker(
            context.clock,
            forget_after=settings.forget_after * 60.0,
            rules=NameRules.of(settings.domain_aliases, settings.ignore_usernames),
            keep_all=settings.client_fields == "all",
        )
        objections = None if settings.objections is None else settings.objections.model_dump()
        self.tracker.set_objections(Register.of(objections, self.tracker.owners.rules))
        self._set_visibility(settings)
        self.publisher = Publisher(self.tracker, context.status, context.clock, lambda: self.settings.publish_interval)
        self.publisher.on_round = self._publishing
        self.tracker.on_step = self._clock_stepped
        self.store = OwnerStore(self.tracker.owners, context.storage, context.clock)
        self.connection: Connection | None = None
        self.other_problems: Callable[[], dict[str, Any]] = dict
        """What else an operator should look at; empty where there is nothing."""
        self._context = context
        self._spawn = spawn
        self._task: asyncio.Task[None] | None = None
        self._token: str | None = None
        self._last_frame_told = float("-inf")
        self._turn = asyncio.Lock()

    async def start(self) -> None:
        """Load what was learned before, and connect."""
        await self.store.flush()
        self._context.status.set("driver", report.DRIVER)
        async with self._turn:
            await self._connect()
        self._spawn(self.publisher.run(), "publish")
        self._spawn(self.store.run(), "store")
        self._spawn(self._look_after(), "housekeeping")

    async def stop(self) -> None:
        """Disconnect, say so, and write what is not written yet."""
        async with self._turn:
            await self._disconnect()
        self._tell(StreamState.CONNECTING, "the module was stopped")
        await self.store.flush()

    async def update(self, settings: MistWebsocketSettings) -> None:
        """Apply what changed and keep what still holds."""
        previous, self.settings = self.settings, settings
        changed = {name for name in type(settings).model_fields if getattr(settings, name) != getattr(previous, name)}
        tracker = self.tracker
        tracker.roster.forget_after = settings.forget_after * 60.0
        if changed & {"domain_aliases", "ignore_usernames"}:
            tracker.set_rules(NameRules.of(settings.domain_aliases, settings.ignore_usernames))
            self.publisher.publish(everything=True)
        if changed & {"opted_out", "occupancy_only"}:
            self._set_visibility(settings)
            self.publisher.publish(everything=True)
            await self.store.flush()
        if "client_fields" in changed:
            tracker.set_keep_all(settings.client_fields == "all")
        if changed & CONNECTION_SETTINGS:
            elsewhere = self._where(settings) != self._where(previous)
            async with self._turn:
                await self._connect(forget=elsewhere)
        elif self.connection is not None:
            self.connection.adjust(settings)
            names_again = "occupancy_only" in changed and not tracker.occupancy_only
            if names_again or ("client_fields" in changed and tracker.keep_all):
                self.connection.sync.list_again()

    def _set_visibility(self, settings: MistWebsocketSettings) -> None:
        self.tracker.opted_out = Shown(settings.opted_out)
        if settings.occupancy_only is not self.tracker.occupancy_only:
            self.tracker.set_occupancy_only(settings.occupancy_only)
        self.tracker.roster.mark_all(urgent=True)

    async def expire_owners(self) -> None:
        """Forget owners who were not seen for `owner_retention`; by the cloud's clock, once that is known."""
        if self.connection is None or not self.connection.stream.health.snapshot:
            return
        tracker = self.tracker
        keep_for = self.settings.owner_retention * 86_400.0
        if tracker.owners.expire(tracker.cloud_clock.now(), keep_for, tracker.roster.clients):
            await self.store.flush()
            with suppress(StoreError):  # it is deleted; what can still be read of it goes the next time
                await self._context.storage.wipe()

    def live(self) -> Connection:
        """The connection, for commands that ask the cloud.

        Raises `ModuleUnavailable` or `TokenRefused` where asking cannot help.
        """
        if self.connection is None:
            raise ModuleUnavailable(str(self._context.status.get("stream_reason") or "not connected"))
        if self.connection.stream.health.auth_failed:
            raise TokenRefused(
                "the cloud refuses the API token",
                status=401,
                hint="set a new api_token; sync_clients tries the present one again",
            )
        return self.connection

    async def list_maps(self) -> list[dict[str, Any]]:
        """The maps of the site, asked of the cloud and taken in. Raises as `live` and as the API."""
        listing = await self.live().sync.refresh_maps(Purpose.COMMAND)
        return [map_summary(row.record) for row in listing.rows]

    def diagnostics(self) -> dict[str, Any]:
        """State of stream, budget, subscriptions and records; no personal data."""
        return report.diagnostics(self.tracker, self.store, self.connection, self._context.clock)

    def _where(self, settings: MistWebsocketSettings) -> tuple[str, str]:
        return settings.site, settings.endpoints(self._context.links.uri).rest

    async def _connect(self, *, forget: bool = False) -> None:
        """Connect as the settings say, whatever there was before; `forget` what was known of another site.

        To be called in turn (`_turn`): two at once would leave a connection behind that nobody ends.
        """
        await self._disconnect()
        if forget:
            self.tracker.clear()
            self.publisher.withdraw_all()
            self._context.status.set("last_frame", None)
        try:
            self._token = await asyncio.to_thread(self.settings.read_token)
        except SettingsError as error:
            self._token = None
            self._tell(StreamState.AUTH_FAILED, str(error))
            return
        self.connection = Connection(
            self._context, self.settings, self._token, self.tracker, self.publisher, self._changed
        )
        self._task = self._spawn(self.connection.run(), "connection")
        self._changed()

    async def _disconnect(self) -> None:
        task, self._task, self.connection = self._task, None, None
        if task is not None:
            task.cancel()
            await asyncio.wait([task])

    # -- telling ----------------------------------------------------------------------------------

    def _changed(self) -> None:
        """The stream's health, or what is known of the maps, may have changed."""
        if self.connection is not None:
            self.connection.stream.health.unlisted = len(self.connection.sync.failed_maps)
            self._tell(*self.connection.stream.health.state())

    def _tell(self, state: StreamState, reason: str) -> None:
        status, connection = self._context.status, self.connection
        status.set("stream_reason", reason)
        if status.get("stream_state") != state.value:
            status.set("stream_state", state.value)
            self._context.log.info("stream state", state=state.value, reason=reason)
        stale = connection is None or connection.stream.health.stale
        maps = [] if connection is None else report.stale_maps(connection)
        status.set("freshness", {"stale": stale, "stale_maps": maps})
        status.set("problems", {**report.problems(self.tracker, self.store, connection), **self.other_problems()})
        self._context.set_connected(connection is not None and connection.stream.health.connected)

    def _publishing(self) -> None:
        if self._context.clock.monotonic() - self._last_frame_told >= TELL_LAST_FRAME_AFTER:
            self._tell_last_frame()

    def _tell_last_frame(self) -> None:
        if self.connection is not None and self.connection.stream.last_frame is not None:
            self._last_frame_told = self._context.clock.monotonic()
            silent_for = self._last_frame_told - self.connection.stream.last_frame
            self._context.status.set("last_frame", int(self.tracker.cloud_clock.now() - silent_for))

    async def _look_after(self) -> None:
        tracker = self.tracker
        ticks, day = 0, 0
        while True:
            # The site needs no look in between: each wakes the processor.
            passing = 1 if self.settings.api_token_file is not None else LOOK_EVERY - ticks % LOOK_EVERY
            await self._context.clock.sleep(TICK * passing)
            ticks += passing
            if ticks % EXPIRE_EVERY == FORGET_EVERY:
                await self.expire_owners()
            today = int(tracker.cloud_clock.now() // 86_400)
            if today != day:
                day = today
                tracker.roster.mark_all()  # anonymous devices have another MAC today
            if ticks % FORGET_EVERY == 0:
                self.tracker.forget()
                self.publisher.news()
            if self._context.status.get("last_frame") is None:
                self._tell_last_frame()
            if ticks % LOOK_EVERY == 0:
                self._context.status.set("clock_offset", round(tracker.cloud_clock.offset()))
                self._changed()
            await self._watch_token_file()

    def _clock_stepped(self) -> None:
        """Whoever reads ages needs the new times and the new "now" together."""
        self.publisher.publish(everything=True)
        self._context.status.set("clock_offset", round(self.tracker.cloud_clock.offset()))
        self._tell_last_frame()

    async def _watch_token_file(self) -> None:
        """A token that is rotated by writing its file anew takes effect without a restart."""
        if self.settings.api_token_file is None:
            return
        try:
            token = await asyncio.to_thread(self.settings.read_token)
        except SettingsError:
            return  # between two writes, or gone: what is in use goes on
        async with self._turn:
            if token != self._token and self.settings.api_token_file is not None:
                self._context.log.info("the token file has changed")
                await self._connect()
