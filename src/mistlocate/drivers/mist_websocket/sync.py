"""One site, one token, one stream: what to subscribe, what to fetch, when, and what changed about the maps.

The stream decides the order of a connection (`mist.stream`); this is the other side of that contract. Everything
here lives as long as the connection settings do; what has to survive them is in the tracker.
"""

import asyncio
import math
from collections.abc import Callable

from mistlocate.clock import Clock
from mistlocate.drivers.mist_websocket.publish import Publisher
from mistlocate.drivers.mist_websocket.tracker import Tracker
from mistlocate.errors import AccessDenied, CloudTrouble, ConnectionLost, NotFound, TokenRefused
from mistlocate.location.observation import Origin, source_time
from mistlocate.mist.budget import Purpose
from mistlocate.mist.frames import Acknowledged, Channel, ClientFrame, Event, Subscription
from mistlocate.mist.models import ClientStats, Map
from mistlocate.mist.rest import Listing, MistApi
from mistlocate.mist.stream import Stream
from mistlocate.together import together

#: Lists of several maps are asked for side by side, not all at once.
SIDE_BY_SIDE = 4

#: How much newer than the beginning of the silence REST has to be to contradict it (seconds; never more than half of
#: the silence, so that the first question can already be answered).
CONTRADICTION = 30.0

#: Clients asked for to find out whether a silence is real.
SILENCE_SAMPLE = 100


class SiteSync:
    """The session of a site's stream. `stream` is to be set before `run`; `changed` is called on every news of it."""

    def __init__(
        self,
        tracker: Tracker,
        publisher: Publisher,
        api: MistApi,
        site_id: str,
        clock: Clock,
        on_change: Callable[[], None],
    ) -> None:
        self.api = api
        self.site_id = site_id
        self.stream: Stream
        self.maps_wanted = asyncio.Event()
        """Set when a record names a map that no list has named."""
        self.clients_wanted = asyncio.Event()
        """Set when a position frame names a client that is not known."""
        self.keys_wanted = asyncio.Event()
        """Set when a client uses a pre-shared key that is not known."""
        self.failed_maps: dict[str, str] = {}
        """Maps whose clients could not be listed, and why; they are stale until a later try succeeds."""
        self.refused_maps: set[str] = set()
        """Those of them that the token may not list."""
        self.due_maps: dict[str, float] = {}
        """New maps, and those whose coordinates have changed: stale until their clients are listed. Each with the
        monotonic time since when."""
        self._closed = False
        self._tracker = tracker
        self._publisher = publisher
        self._clock = clock
        self._on_change = on_change
        self._sites = frozenset({site_id})
        self._todo: list[str] | None = None
        self._again: dict[str, float] = {}
        self._listing = asyncio.Lock()

    def close(self) -> None:
        """Nothing that is still on its way is taken in any more: it may be of another site."""
        self._closed = True

    # -- the stream's session ---------------------------------------------------------------------

    async def channels(self) -> list[str]:
        """The site's channel and one for each of its maps."""
        self._todo = None
        self.take_maps(await self.api.maps(self.site_id, Purpose.SNAPSHOT))
        return self.wanted_channels()

    async def snapshot(self) -> None:
        """The maps once more (the first list may be older than the subscriptions), then the clients of each map.

        What was fetched already is not fetched again if a later call fails.
        """
        if self._todo is None:
            self.take_maps(await self.api.maps(self.site_id, Purpose.SNAPSHOT))
            self.api.budget.resyncs.spent(2 + len(self._tracker.maps), self._clock.monotonic())
            await self.stream.subscribe(self.wanted_channels())
            self._todo = list(self._tracker.maps)
            self.due_maps.clear()  # until all of these are listed, everything is stale
        await self.list_maps(self._todo)

    def received(self, event: Event) -> None:
        """Every event of the stream: each is counted, and what became of it."""
        heard = self._tracker.heard
        heard["events"] += 1
        if isinstance(event, ClientFrame):
            self._tracker.frame(event, self._sites)
            self.records_taken()
        elif isinstance(event, Acknowledged):
            heard["acknowledged"] += 1
        else:
            self._tracker.rejected(event)

    async def knows_better(self, silent_for: float) -> bool:
        """Whether a client was seen by the network well after the stream fell silent."""
        minutes = max(1, math.ceil(silent_for / 60))
        listing = await self.api.recent_clients(self.site_id, SILENCE_SAMPLE, f"{minutes}m")
        now = self._tracker.cloud_clock.now()
        silent_since = now - silent_for
        heard = filter(self._would_be_told(), (row.record for row in listing.rows))
        newest = max((source_time(record.last_seen, now) or 0.0 for record in heard), default=0.0)
        await self._take_snapshot(listing)
        return newest > silent_since + min(CONTRADICTION, silent_for / 2)

    def _would_be_told(self) -> Callable[[ClientStats], bool]:
        """Whether the stream would tell of a client: a channel that was refused tells nothing.

        A connection on which no channel was ever answered, however, is not excused by that.
        """
        live = set(self.stream.ledger.in_state(Subscription.LIVE))
        answered = live or self.stream.ledger.in_state(Subscription.REFUSED)
        if not answered or str(Channel(self.site_id)) in live:
            return lambda record: True
        return lambda record: record.map_id is not None and str(Channel(self.site_id, record.map_id)) in live

    def changed(self) -> None:
        """The stream's health has changed."""
        self._on_change()

    def pace(self) -> float:
        """Seconds until the next resync fits into its share of the REST budget."""
        return self.api.budget.resyncs.wait(2 + len(self._tracker.maps), self._clock.monotonic())

    # -- lists ------------------------------------------------------------------------------------

    def wanted_channels(self) -> list[str]:
        """What to be subscribed to, as things stand."""
        maps = [str(Channel(self.site_id, map_id)) for map_id in self._tracker.maps]
        return [str(Channel(self.site_id)), *maps]

    async def list_maps(self, todo: list[str], purpose: Purpose = Purpose.SNAPSHOT) -> None:
        """List the clients of each map in `todo`, taking those that are done out of it.

        A map that the cloud does not list for us, or cannot, holds up no other: it is noted in `failed_maps`.
        """

        async def work() -> None:
            while todo:
                map_id = todo.pop(0)
                try:
                    await self.list_map(map_id, purpose)
                except BaseException:
                    todo.append(map_id)
                    raise

        workers = [work() for _ in range(min(SIDE_BY_SIDE, len(todo)))]
        if workers:
            await together(*workers, rank=lambda error: not isinstance(error, TokenRefused))

    async def list_map(self, map_id: str, purpose: Purpose) -> None:
        """Take in the clients of a map, or note why that cannot be done."""
        asked = self._clock.monotonic()
        try:
            await self.api.map_clients(self.site_id, map_id, purpose, self._take_snapshot)
        except (AccessDenied, CloudTrouble, NotFound) as error:
            if isinstance(error, NotFound):
                self.maps_wanted.set()  # deleted a moment ago? The list of maps tells; otherwise it is tried again
            self.failed_maps[map_id] = error.message
            (self.refused_maps.add if isinstance(error, AccessDenied) else self.refused_maps.discard)(map_id)
            self._done(map_id, asked)
            self._on_change()
            return
        self.refused_maps.discard(map_id)
        was_due = self._done(map_id, asked)
        if self.failed_maps.pop(map_id, None) is not None or was_due:
            self._on_change()

    def _done(self, map_id: str, asked: float) -> bool:
        """A list that was asked for at this time is in, or noted as failed; return whether the map was due for it.

        One that was asked for before the map changed settles nothing.
        """
        if self._again.get(map_id, math.inf) <= asked:
            del self._again[map_id]
        if self.due_maps.get(map_id, math.inf) > asked:
            return False
        del self.due_maps[map_id]
        return True

    async def list_failed(self) -> None:
        """Try once more to list the maps that could not be listed."""
        await self.list_maps([each for each in self.failed_maps if each in self._tracker.maps], Purpose.BACKGROUND)

    async def list_site(self) -> None:
        """Take in every client of the site, also those that are on no map."""
        await self.api.site_clients(self.site_id, Purpose.BACKGROUND, self._take_snapshot)

    async def _take_snapshot(self, listing: Listing[ClientStats]) -> None:
        """Take in some rows of a list; they are few enough not to hold up anybody."""
        self._check_open()
        self._tracker.rejects(listing.rejects)
        for row in listing.rows:
            self._tracker.row(row, Origin.SNAPSHOT, listing.asked)
        self.records_taken()

    def _check_open(self) -> None:
        if self._closed:
            raise ConnectionLost("the settings have changed meanwhile")

    def records_taken(self) -> None:
        """Wake whoever has something to do about what the last records brought."""
        self._publisher.news()
        if self._tracker.wanted:
            self.clients_wanted.set()
        if self._tracker.unknown_maps:
            self.maps_wanted.set()
        if self._tracker.keys.unknown:
            self.keys_wanted.set()

    # -- maps -------------------------------------------------------------------------------------

    async def refresh_maps(self, purpose: Purpose, *, everything: bool = False) -> Listing[Map]:
        """Look for new, changed and deleted maps, and act on what is found; list all their clients if asked to.

        What could not be listed, for whatever reason, stays due and is tried again soon.
        """
        async with self._listing:
            try:
                listing = await self.api.maps(self.site_id, purpose)
                self._note_due(self.take_maps(listing))
                await self.stream.subscribe(self.wanted_channels())
                maps = list(self._tracker.maps)
                await self.list_maps(maps if everything else [each for each in maps if self._is_due(each)])
            finally:
                self.want_due()
            return listing

    def want_due(self) -> None:
        """Have another look at the maps soon if some are still due to be listed."""
        if any(map(self._is_due, self._tracker.maps)):
            self.maps_wanted.set()

    def _note_due(self, changed: list[str]) -> None:
        now = self._clock.monotonic()
        known = {each: since for each, since in self.due_maps.items() if each in self._tracker.maps}
        self.due_maps = {**known, **dict.fromkeys(changed, now)}
        if changed:
            self._on_change()

    def _is_due(self, map_id: str) -> bool:
        return map_id in self.due_maps or map_id in self._again

    def list_again(self) -> None:
        """Have the clients of every map listed anew, soon."""
        self._again = dict.fromkeys(self._tracker.maps, self._clock.monotonic())
        self.maps_wanted.set()

    def take_maps(self, listing: Listing[Map]) -> list[str]:
        """Make this the list of maps; return the ids of those whose clients have to be listed (new or changed).

        A map that was replaced, moved or resized has other coordinates than before: its positions are dropped.
        Where an item of the list could not be read, no map is taken for deleted.
        """
        self._check_open()
        tracker = self._tracker
        tracker.rejects(listing.rejects)
        known = tracker.maps
        maps = {row.record.id: row.record for row in listing.rows}
        if listing.rejects:
            maps = {**{map_id: each for map_id, each in known.items() if map_id not in maps}, **maps}
        now = tracker.cloud_clock.now()
        changed, resized = [], False
        for map_id, each in maps.items():
            before = known.get(map_id)
            if before is None or _form(before) != _form(each):
                changed.append(map_id)
                if before is not None:
                    tracker.roster.drop_map(map_id, now)
                    resized = resized or (before.width, before.height) != (each.width, each.height)
        for map_id in known:
            if map_id not in maps:
                tracker.roster.drop_map(map_id, now)
                self._publisher.withdraw(map_id)
        tracker.set_maps(maps, complete=not listing.rejects)
        for map_id in tracker.no_maps:  # records named them before a list could say that there are no such maps
            if tracker.roster.drop_map(map_id, now):
                self._publisher.withdraw(map_id)
        self.failed_maps = {map_id: reason for map_id, reason in self.failed_maps.items() if map_id in maps}
        if resized:  # lists of places come before the sizes that these are not to be read with
            self._publisher.publish(everything=False)
        self._publisher.maps()
        self._on_change()
        return changed

    def refused(self, error: TokenRefused) -> None:
        """A call outside of the connection met a refused token: let the connection find out and draw the
        consequences."""
        self.stream.fail(error)


def _form(known: Map) -> tuple[object, ...]:
    """What of a map decides what its coordinates mean."""
    return known.modified_time, known.width, known.height, known.width_m, known.height_m, known.type
