"""What the stream does not carry: records of unknown clients, pre-shared keys, unlocated clients, changes of maps.

Each is a background task that waits until there is something to do, asks as little as it can, and steps back when
the network, the cloud or the budget says so.
"""

import asyncio
import random
from collections import Counter
from collections.abc import Awaitable, Callable
from contextlib import suppress
from functools import partial

from mistlocate.clock import Clock
from mistlocate.drivers.mist_websocket.keys import SCOPES, read_keys
from mistlocate.drivers.mist_websocket.sync import SiteSync
from mistlocate.drivers.mist_websocket.tracker import Tracker
from mistlocate.drivers.mist_websocket.unknown import UnknownClients
from mistlocate.errors import (
    AccessDenied,
    BudgetSpent,
    CloudError,
    CloudTrouble,
    NotFound,
    RateLimited,
    TokenRefused,
    TransportError,
)
from mistlocate.location.observation import Origin
from mistlocate.mist.budget import Purpose

#: How long requests for the records of unknown clients are gathered (seconds).
GATHER = 0.2

#: The site's whole list costs a page for a thousand clients, so it waits until the stream has been live for a while.
UNLOCATED_AFTER = 60.0

#: Key lists are read again this often while clients use keys, and at most this often for keys that are not known.
KEYS_EVERY = 3600.0
KEYS_AT_MOST_EVERY = 300.0

#: A record that names an unknown map makes us look for new maps, at most this often (seconds).
MAPS_AT_MOST_EVERY = 60.0

#: Between two tries after trouble (seconds) …
STEP_BACK = 15.0
#: A kind of call that is refused (401, 403) is tried so many times, and then once in so many seconds.
REFUSED_TRIES = 3
REFUSED_EVERY = 900.0
#: … and at most between two of a map that cannot be listed.
FAILED_AT_MOST_EVERY = 900.0


class Enrichment:
    """The background tasks of a site. `maps_interval` gives seconds.

    `psk_problems` says for `orgs` and `sites` why their keys could not be read.
    """

    def __init__(
        self,
        sync: SiteSync,
        tracker: Tracker,
        clock: Clock,
        maps_interval: Callable[[], float],
        rng: Callable[[], float] = random.random,
    ) -> None:
        self.psk_problems: dict[str, str] = {}
        self._sync = sync
        self._tracker = tracker
        self._clock = clock
        self._maps_interval = maps_interval
        self._rng = rng
        self._unknown = UnknownClients()
        self._refused: Counter[str] = Counter()
        self._refused_until: dict[str, float] = {}

    async def run(self) -> None:
        """All of it, for ever."""
        async with asyncio.TaskGroup() as tasks:
            tasks.create_task(self._poll_maps())
            tasks.create_task(self._fetch_clients())
            tasks.create_task(self._fetch_keys())
            tasks.create_task(self._list_unlocated())
            tasks.create_task(self._list_failed())

    async def _ask(self, kind: str, what: Callable[[], Awaitable[object]]) -> bool:
        """Ask the cloud; on trouble step back and return False. Without a connection nothing is asked.

        A `kind` of call that the cloud refuses again and again is left alone for a while; the others go on.
        """
        if self._latched(kind) or not self._sync.stream.health.connected:
            await self._clock.sleep(STEP_BACK)
            return False
        try:
            await what()
        except (TokenRefused, AccessDenied) as error:
            self._note_refusal(kind)
            if isinstance(error, TokenRefused):
                self._sync.refused(error)
            await self._clock.sleep(STEP_BACK)
        except (RateLimited, BudgetSpent) as error:
            # A little later than asked for: many were told the same number at the same time.
            await self._clock.sleep(error.retry_after * (1 + self._rng() / 4))
        except (CloudError, TransportError):
            await self._clock.sleep(STEP_BACK)
        else:
            self._refused.pop(kind, None)
            return True
        return False

    def _latched(self, kind: str) -> bool:
        return self._clock.monotonic() < self._refused_until.get(kind, 0.0)

    def _note_refusal(self, kind: str) -> None:
        self._refused[kind] += 1
        if self._refused[kind] >= REFUSED_TRIES:
            self._refused_until[kind] = self._clock.monotonic() + REFUSED_EVERY

    async def _between(self, event: asyncio.Event, at_least: float, at_most: float) -> None:
        """Wait `at_least` seconds, and then for the event until `at_most` seconds have passed."""
        await self._clock.sleep(at_least)
        with suppress(TimeoutError):
            async with self._clock.timeout(max(0.0, at_most - at_least)):
                await event.wait()

    # -- maps -------------------------------------------------------------------------------------

    async def _poll_maps(self) -> None:
        while True:
            await self._between(self._sync.maps_wanted, MAPS_AT_MOST_EVERY, self._maps_interval())
            self._sync.maps_wanted.clear()
            if self._sync.stream.health.snapshot:
                await self._ask("maps", partial(self._sync.refresh_maps, Purpose.BACKGROUND))
                self._sync.want_due()

    # -- unknown clients --------------------------------------------------------------------------

    async def _fetch_clients(self) -> None:
        wanted = self._tracker.wanted
        while True:
            await self._sync.clients_wanted.wait()
            await self._clock.sleep(GATHER)
            self._sync.clients_wanted.clear()
            self._leave_alone()
            for map_id in self._unknown.maps_to_list(wanted, self._tracker.maps):
                if not await self._ask("lists", partial(self._list_unknown, map_id)):
                    break
            now = self._clock.monotonic()
            if self._unknown.site_is_cheaper(wanted, now) and await self._ask("site", self._sync.list_site):
                self._unknown.site_listed(now)
            # Whoever is on none of these lists is asked for alone.
            for mac in self._unknown.to_ask(wanted):
                await self._ask("client", partial(self._fetch_client, mac))
            if wanted:
                self._sync.clients_wanted.set()

    def _leave_alone(self) -> None:
        """Take out whose record came in meanwhile, and whom the cloud did not know a moment ago."""
        wanted = self._tracker.wanted
        for mac in self._unknown.known_as_nobody(wanted, self._clock.monotonic()):
            del wanted[mac]
        for mac in list(wanted):
            client = self._tracker.roster.get(mac)
            if client is None or client.known:
                del wanted[mac]

    async def _room(self) -> None:
        """Wait until one more call for unknown clients fits into its share of the REST budget."""
        while (wait := self._sync.api.budget.fetches.wait(self._clock.monotonic())) > 0:
            await self._clock.sleep(wait)

    async def _list_unknown(self, map_id: str) -> None:
        """List a map for all who wait for it now; meanwhile their records may have come."""
        await self._room()
        wanted = self._tracker.wanted
        waited = [mac for mac, where in wanted.items() if where == map_id]
        if waited:
            self._sync.api.budget.fetches.spent(self._clock.monotonic())
            await self._sync.list_map(map_id, Purpose.BACKGROUND)
            self._unknown.listed(waited, wanted)

    async def _fetch_client(self, mac: str) -> None:
        await self._room()
        if mac not in self._tracker.wanted:
            return
        asked = self._clock.monotonic()
        self._sync.api.budget.fetches.spent(asked)
        try:
            row = await self._sync.api.client(self._sync.site_id, mac, Purpose.BACKGROUND)
        except (NotFound, CloudTrouble) as error:
            # Not known, or not readable: the next in line must not wait for it.
            if isinstance(error, CloudTrouble):
                self._tracker.reject(error.message, None)
            self._unknown.nobody(mac, self._clock.monotonic())
            self._tracker.wanted.pop(mac, None)
            return
        self._tracker.wanted.pop(mac, None)
        self._tracker.row(row, Origin.FETCH, asked)
        self._sync.records_taken()

    # -- unlocated clients ------------------------------------------------------------------------

    async def _list_unlocated(self) -> None:
        """Once for each connection that proves stable: clients on no map are on no map's list."""
        listed = previous = None
        while True:
            await self._clock.sleep(UNLOCATED_AFTER)
            stream = self._sync.stream
            connection = stream.connections if stream.health.snapshot else None
            stable = connection is not None and connection == previous
            if stable and connection != listed and await self._ask("site", self._sync.list_site):
                listed = connection
            previous = connection

    async def _list_failed(self) -> None:
        """Maps that could not be listed are tried again, ever later as long as that goes on."""
        pause = STEP_BACK
        tries = 0
        while True:
            await self._clock.sleep(pause)
            if not self._sync.failed_maps:
                pause, tries = STEP_BACK, 0
            elif self._sync.stream.health.snapshot:
                tries += 1
                await self._ask("lists", self._sync.list_failed)
                refused = self._sync.failed_maps.keys() <= self._sync.refused_maps
                longest = refused and tries >= REFUSED_TRIES - 1  # the snapshot was the first try
                pause = FAILED_AT_MOST_EVERY if longest else min(pause * 2, FAILED_AT_MOST_EVERY)

    # -- pre-shared keys --------------------------------------------------------------------------

    async def _fetch_keys(self) -> None:
        if not self._tracker.uses_keys():
            await self._sync.keys_wanted.wait()
        while True:
            self._sync.keys_wanted.clear()
            while not await self._ask("keys", self.read_keys):
                pass  # it has waited; a list that could not be read says nothing about the keys
            await self._between(self._sync.keys_wanted, KEYS_AT_MOST_EVERY, KEYS_EVERY)

    async def read_keys(self) -> None:
        """Read the keys of the organisation and of the site, and learn the owners of the clients that use them.

        A list that the token may not read holds up nothing: it is left alone by itself, like a call that is refused.
        """
        left = {scope: why for scope, why in self.psk_problems.items() if self._latched(f"keys of {scope}")}
        in_doubt = self._tracker.keys.in_doubt()  # a key that is made and used meanwhile may be in no list yet
        found = await read_keys(self._sync.api, self._sync.site_id, self._tracker.maps.values(), left)
        for scope in SCOPES:
            if scope not in found.problems:
                self._refused.pop(f"keys of {scope}", None)
            elif scope not in left:
                self._note_refusal(f"keys of {scope}")
        self.psk_problems = found.problems
        self._tracker.rejects(found.rejects)
        complete = not (found.problems or found.rejects)
        self._tracker.set_keys(found.keys, in_doubt if complete else ())
