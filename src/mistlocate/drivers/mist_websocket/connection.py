"""Everything that lives exactly as long as the connection settings: made anew when one of them changes."""

import asyncio
import hashlib
from collections.abc import Callable

from mistlocate.driver.context import Context
from mistlocate.drivers.mist_websocket.enrich import Enrichment
from mistlocate.drivers.mist_websocket.images import MapImages
from mistlocate.drivers.mist_websocket.publish import Publisher
from mistlocate.drivers.mist_websocket.settings import MistWebsocketSettings
from mistlocate.drivers.mist_websocket.sync import SiteSync
from mistlocate.drivers.mist_websocket.tracker import Tracker
from mistlocate.errors import TokenRefused
from mistlocate.mist.budget import Budget, Purpose
from mistlocate.mist.policy import Policy
from mistlocate.mist.rest import MistApi
from mistlocate.mist.stream import Stream


class Connection:
    """One token at one cloud for one site: REST, stream, and the tasks around them.

    `on_change` is called whenever the stream's health or the list of maps may have changed.
    """

    def __init__(
        self,
        context: Context,
        settings: MistWebsocketSettings,
        token: str,
        tracker: Tracker,
        publisher: Publisher,
        on_change: Callable[[], None],
    ) -> None:
        endpoints = settings.endpoints(context.links.uri)
        options = settings.transport()
        # One budget for all modules of this process that use the token; its name is not the token.
        fingerprint = hashlib.sha256(f"{endpoints.rest}\0{token}".encode()).hexdigest()
        budget = context.shared(f"mist-budget/{fingerprint}", Budget)
        budget.limit = settings.rest_budget
        self._http = context.links.http(options)
        self._settings = settings
        self.verifies_tls = settings.verify_tls
        self.rest_host = endpoints.rest
        self.stream_host = endpoints.stream
        self.api = MistApi(
            self._http, endpoints.rest, token, clock=context.clock, budget=budget, cloud_clock=tracker.cloud_clock
        )
        self.sync = SiteSync(tracker, publisher, self.api, settings.site, context.clock, on_change)
        # A client of their own: neither cookies nor busy connections of the one are the other's.
        self.images = MapImages(
            context.links.http(options),
            self.api,
            context.clock,
            lambda: tracker.maps,
            self._list_maps_again,
        )
        headers = {"Authorization": f"Token {token}"}
        self.stream = self.sync.stream = Stream(
            lambda: context.links.open_stream(endpoints.stream, headers, options),
            self.sync,
            clock=context.clock,
            policy=Policy(silence=settings.silence_limit),
            pace=self.sync.pace,
        )
        self.enrichment = Enrichment(self.sync, tracker, context.clock, lambda: self._settings.maps_interval * 60.0)

    async def run(self) -> None:
        """Keep connected until cancelled."""
        try:
            async with asyncio.TaskGroup() as tasks:
                tasks.create_task(self.stream.run())
                tasks.create_task(self.enrichment.run())
        finally:
            self.sync.close()
            await self._http.aclose()
            await self.images.aclose()

    async def _list_maps_again(self) -> None:
        if self.stream.health.auth_failed:  # asking cannot help
            raise TokenRefused("the cloud refuses the API token", status=401)
        await self.sync.refresh_maps(Purpose.BACKGROUND)

    def adjust(self, settings: MistWebsocketSettings) -> None:
        """Settings changed that need no new connection."""
        previous, self._settings = self._settings, settings
        self.api.budget.limit = settings.rest_budget
        self.stream.set_silence(settings.silence_limit)
        if settings.maps_interval != previous.maps_interval:
            self.sync.maps_wanted.set()  # else what is waited for is still the end of the interval before
