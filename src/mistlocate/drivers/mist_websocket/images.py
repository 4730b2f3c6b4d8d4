"""The images of maps, fetched through the signed links of the map list and kept in memory.

A link is as good as a token: it stays in here, and so does what a server says about it. No token is ever sent with
one (the links want none, and lead to other hosts). Links expire: where one does not work any more the maps are listed
once more, and the new link is tried.
"""

import asyncio
import hashlib
from collections import OrderedDict, defaultdict
from collections.abc import Awaitable, Callable, Mapping
from contextlib import suppress
from typing import NamedTuple
from urllib.parse import urljoin, urlsplit

from mistlocate.clock import Clock
from mistlocate.driver.base import Asset
from mistlocate.driver.context import Http, HttpResponse
from mistlocate.drivers.mist_websocket.pictures import is_too_large, picture_of
from mistlocate.errors import CloudTrouble, MistlocateError, NotFound
from mistlocate.mist.budget import Purpose
from mistlocate.mist.models import Map
from mistlocate.mist.rest import MistApi

#: The largest image, and how much is kept altogether (bytes).
IMAGE_AT_MOST = 20 * 1024 * 1024
KEPT_AT_MOST = 64 * 1024 * 1024

#: So many images are fetched side by side.
SIDE_BY_SIDE = 3

#: For so long an image that could not be had is not asked for again, and one without a date is taken for current
#: (seconds).
NOT_AGAIN_FOR = 30.0
UNDATED_FOR = 300.0

#: What a link answers that has expired, or whose image was replaced.
_EXPIRED = frozenset({401, 403, 404, 410})
_REDIRECT = frozenset({301, 302, 303, 307, 308})

#: A map's id, and whether its thumbnail is meant.
Key = tuple[str, bool]


class _Kept(NamedTuple):
    modified: float | None
    asset: Asset
    at: float


class _Failed(NamedTuple):
    modified: float | None
    error: MistlocateError
    at: float


class MapImages:
    """Images of the maps that `maps` gives at the moment; `list_again` reads the list of maps anew."""

    def __init__(
        self,
        http: Http,
        api: MistApi,
        clock: Clock,
        maps: Callable[[], Mapping[str, Map]],
        list_again: Callable[[], Awaitable[object]],
    ) -> None:
        self._http = http
        self._api = api
        self._clock = clock
        self._maps = maps
        self._list_again = list_again
        self._kept: OrderedDict[Key, _Kept] = OrderedDict()
        self._failed: dict[Key, _Failed] = {}
        self._turns: defaultdict[Key, asyncio.Lock] = defaultdict(asyncio.Lock)
        self._listing = asyncio.Lock()
        self._places = asyncio.Semaphore(SIDE_BY_SIDE)

    async def get(self, map_id: str, *, thumbnail: bool = False) -> Asset:
        """The image of a map, in the size of its coordinates or small.

        Raises `NotFound` (no such map, no image), `CloudTrouble` (what came is no image), `BudgetSpent` and
        `TransportError`. Whoever asks for the same image at the same time waits for the same answer.
        """
        key = (map_id, thumbnail)
        self._link(key)  # no turn for a name that anybody may have made up
        async with self._turns[key]:
            modified = self._map(map_id).modified_time
            asset = self._known(key, modified)
            if asset is None:
                try:
                    asset = await self._fetch(key)
                except MistlocateError as error:
                    self._failed[key] = _Failed(modified, error, self._clock.monotonic())
                    raise
                self._keep(key, _Kept(modified, asset, self._clock.monotonic()))
            return asset

    async def aclose(self) -> None:
        """Fetch nothing any more; what is on its way fails."""
        await self._http.aclose()

    # -- what is kept -----------------------------------------------------------------------------

    def _known(self, key: Key, modified: float | None) -> Asset | None:
        """What is kept of the present image. Raises what was raised a moment ago."""
        now = self._clock.monotonic()
        failed = self._failed.get(key)
        if failed is not None and failed.modified == modified and now - failed.at < NOT_AGAIN_FOR:
            raise failed.error.with_traceback(None)
        kept = self._kept.get(key)
        if kept is None or kept.modified != modified or (modified is None and now - kept.at > UNDATED_FOR):
            return None
        self._kept.move_to_end(key)
        return kept.asset

    def _keep(self, key: Key, kept: _Kept) -> None:
        self._failed.pop(key, None)
        self._kept[key] = kept
        self._kept.move_to_end(key)
        while sum(len(each.asset.body) for each in self._kept.values()) > KEPT_AT_MOST:
            self._kept.popitem(last=False)

    # -- fetching ---------------------------------------------------------------------------------

    def _map(self, map_id: str) -> Map:
        known = self._maps().get(map_id)
        if known is None:
            raise NotFound("the site has no such map")
        return known

    def _link(self, key: Key) -> str:
        """The present link of an image. Raises `NotFound`."""
        map_id, thumbnail = key
        known = self._map(map_id)
        link = known.thumbnail_url if thumbnail else known.url
        if link or (link := known.url):
            return link
        raise NotFound("the map has no image", hint="google maps have none, and others only once one was uploaded")

    async def _fetch(self, key: Key) -> Asset:
        async with self._places:
            link = self._link(key)
            response = await self._download(link)
            if response.status in _EXPIRED:
                response = await self._download(await self._fresh(key, link))
        if response.status in _EXPIRED:
            raise NotFound(f"the cloud does not give the map's image (HTTP {response.status})", status=response.status)
        if response.status != 200:
            raise CloudTrouble(f"the map's image cannot be had (HTTP {response.status})", status=response.status)
        picture = picture_of(response.body)
        if picture is None or is_too_large(picture):
            raise CloudTrouble("what the cloud gives as the map's image is none that can be shown")
        return Asset(response.body, picture.media_type, hashlib.sha256(response.body).hexdigest()[:32])

    async def _fresh(self, key: Key, expired: str) -> str:
        """A newer link than the one that did not work; the maps are listed once for all that have expired."""
        async with self._listing:
            link = self._link(key)
            if link == expired:
                await self._list_again()
                link = self._link(key)
            return link

    async def _download(self, link: str) -> HttpResponse:
        """What a link leads to, over one redirect at most."""
        self._api.spend(Purpose.BACKGROUND)
        url = address_after(self._api.base + "/", link)
        response = await self._get(url)
        if response.status in _REDIRECT:
            response = await self._get(address_after(url, response.headers.get("location", "")))
        return response

    async def _get(self, url: str) -> HttpResponse:
        """A link is somebody else's choice: besides the configured host only the world may be asked."""
        elsewhere = urlsplit(url)[:2] != urlsplit(self._api.base)[:2]
        return await self._http.get(url, {}, at_most=IMAGE_AT_MOST, public=elsewhere)


def address_after(before: str, target: str) -> str:
    """Where a link or a redirect leads: http or https (not the former after the latter), without credentials.

    Raises `CloudTrouble` for every other address.
    """
    schemes = ("https",) if urlsplit(before).scheme == "https" else ("http", "https")
    with suppress(ValueError):
        url = urljoin(before, target)
        parts = urlsplit(url)
        if parts.scheme in schemes and parts.hostname and "@" not in parts.netloc:
            return url
    raise CloudTrouble("the map's image is at an address that is not asked")
