"""The REST API: authentication, paging, errors, budget, over an injected transport.

One object speaks to one cloud with one token. Every call is counted against the token's budget before it is sent,
bodies are never taken for JSON before they proved to be, and no error carries a token, a URL or a record.
"""

import asyncio
import random
from collections.abc import AsyncIterator, Awaitable, Callable, Iterable, Mapping
from contextlib import AsyncExitStack, asynccontextmanager
from functools import partial
from typing import Any, Generic, NamedTuple, Protocol, TypeVar
from urllib.parse import urlsplit

from mistlocate import jsontext
from mistlocate.clock import Clock
from mistlocate.errors import (
    BadArguments,
    BudgetSpent,
    CloudTrouble,
    ConnectionLost,
    RateLimited,
)
from mistlocate.mist.budget import Budget, Purpose
from mistlocate.mist.cloud_clock import CloudClock
from mistlocate.mist.clouds import is_id
from mistlocate.mist.models import ClientStats, Map, Psk, Site, TokenInfo, Usage, WireModel, read, redact, shape
from mistlocate.mist.rest_errors import Response, error_of

API = "/api/v1"

#: The largest page seen in working code; the specification names no maximum.
PAGE = 1000

#: No list of a site is longer than this many pages; a paging header that says so is wrong.
PAGES_AT_MOST = 500

#: Items that are read before others get a turn.
ITEMS_AT_A_TIME = 40

#: Delays before the second and the third try of a call that met the network's or the cloud's trouble (seconds).
RETRIES = (0.5, 2.0)

_NO_CLOUD = "check that the REST host is a Mist cloud's, and the proxy"


class Transport(Protocol):
    """Sends one GET. Raises `TransportError`; never follows a redirect."""

    async def get(self, url: str, headers: Mapping[str, str]) -> Response:
        """The answer, whatever its status."""


Record = TypeVar("Record", bound=WireModel)


class Row(NamedTuple, Generic[Record]):
    """One item of a list: as a model, as it came, and the fields that were dropped for their type."""

    record: Record
    raw: Mapping[str, Any]
    dropped: tuple[str, ...] = ()


class Reject(NamedTuple):
    """An item of a list that could not be read; `sample` shows its shape only."""

    reason: str
    sample: object


class Listing(NamedTuple, Generic[Record]):
    """A whole list. `asked` is the monotonic time at which its first page was asked for."""

    rows: list[Row[Record]]
    rejects: list[Reject]
    asked: float


#: Takes in a part of a list.
Take = Callable[[Listing[Record]], Awaitable[None]]


class MistApi:
    """REST calls with one token against one cloud.

    `base` is a URL without a path. Raises, from every call: `TransportError` (network), `TokenRefused`,
    `AccessDenied`, `NotFound`, `RateLimited`, `BudgetSpent`, `CloudTrouble`.
    """

    def __init__(
        self,
        transport: Transport,
        base: str,
        token: str,
        *,
        clock: Clock,
        budget: Budget | None = None,
        cloud_clock: CloudClock | None = None,
        rng: Callable[[], float] = random.random,
    ) -> None:
        self.base = base.rstrip("/")
        self.budget = budget or Budget()
        self.cloud_clock = cloud_clock or CloudClock(clock)
        self._transport = transport
        self._headers = {"Authorization": f"Token {token}", "Accept": "application/json, application/vnd.api+json"}
        self._clock = clock
        self._rng = rng
        self._reading = asyncio.Lock()

    # -- what the drivers ask ---------------------------------------------------------------------

    async def token_info(self) -> TokenInfo:
        """Who the token is and what it may do (`GET /self`)."""
        return _record(TokenInfo, await self.get("/self", Purpose.COMMAND))

    async def usage(self) -> Usage:
        """The cloud's own count of this hour's calls (`GET /self/usage`)."""
        return _record(Usage, await self.get("/self/usage", Purpose.COMMAND))

    async def site(self, site_id: str) -> Site:
        """One site."""
        return _record(Site, await self.get(f"/sites/{_checked(site_id)}", Purpose.COMMAND))

    async def org_sites(self, org_id: str) -> Listing[Site]:
        """Every site of an organisation that the token may see."""
        return await self.list(Site, f"/orgs/{_checked(org_id)}/sites", Purpose.COMMAND, limit=PAGE)

    async def maps(self, site_id: str, purpose: Purpose) -> Listing[Map]:
        """The maps of a site."""
        return await self.list(Map, f"/sites/{_checked(site_id)}/maps", purpose)

    async def map_clients(
        self, site_id: str, map_id: str, purpose: Purpose, take: Take[ClientStats] | None = None
    ) -> Listing[ClientStats]:
        """The clients located on a map within the last day, those that left included; `take` as in `list`."""
        path = f"/sites/{_checked(site_id)}/stats/maps/{_checked(map_id)}/clients"
        return await self.list(ClientStats, path, purpose, limit=PAGE, plain_first=True, take=take)

    async def site_clients(
        self, site_id: str, purpose: Purpose, take: Take[ClientStats] | None = None
    ) -> Listing[ClientStats]:
        """The clients of a site within the last day, unlocated ones and those that left included; `take` as in
        `list`."""
        return await self.list(ClientStats, f"/sites/{_checked(site_id)}/stats/clients", purpose, limit=PAGE, take=take)

    async def recent_clients(self, site_id: str, limit: int, duration: str) -> Listing[ClientStats]:
        """At most `limit` clients of a site seen within `duration` ("5m"): one call, to see whether there is news."""
        path = f"/sites/{_checked(site_id)}/stats/clients?limit={limit}&duration={duration}"
        return await self.list(ClientStats, path, Purpose.SNAPSHOT, pages=1)

    async def client(self, site_id: str, mac: str, purpose: Purpose) -> Row[ClientStats]:
        """One client's record; `raw` has every field that the cloud sent."""
        raw = await self.get(f"/sites/{_checked(site_id)}/stats/clients/{_checked(mac)}", purpose)
        try:
            record, dropped = read(ClientStats, raw)
        except ValueError as error:
            raise CloudTrouble(f"the cloud's client record cannot be read: {error}", status=200) from None
        return Row(record, raw, dropped)

    async def psks(self, scope: str, scope_id: str) -> Listing[Psk]:
        """The pre-shared keys of `orgs` or `sites`, without their passphrases."""
        listing = await self.list(Psk, f"/{_checked(scope)}/{_checked(scope_id)}/psks", Purpose.BACKGROUND, limit=PAGE)
        return listing._replace(rows=[Row(row.record, {}) for row in listing.rows])

    # -- requests ---------------------------------------------------------------------------------

    async def get(self, path: str, purpose: Purpose) -> Any:
        """The JSON that a path below `/api/v1` answers."""
        async with self._fetched(API + path, purpose) as (answer, _):
            return answer

    async def get_redacted(self, location: str) -> Any:
        """What any path of the API answers, for support: secrets blanked out.

        `location` is relative to this host, with or without `/api/v1`. Raises `BadArguments` for anything else.
        """
        path = relative_path(location)
        async with self._fetched(path, Purpose.COMMAND) as (answer, _):
            return redact(answer)

    async def list(
        self,
        model: type[Record],
        path: str,
        purpose: Purpose,
        *,
        limit: int | None = None,
        pages: int = PAGES_AT_MOST,
        plain_first: bool = False,
        take: Take[Record] | None = None,
    ) -> Listing[Record]:
        """Every item of a list, page by page as the headers say; items that cannot be read are set apart.

        `plain_first` asks for the first page by its bare path, with the size of the page in a header (the other
        form that the cloud documents): test harnesses of drivers compare paths. Where the cloud does not honour the
        header and there is more, the list starts over by query.

        `take` is handed the items in parts as they come, and the list that is returned stays empty: a page of a
        thousand clients takes megabytes and milliseconds. One page is read at a time, however many lists are asked for
        side by side.
        """
        whole: Listing[Record] = Listing([], [], self._clock.monotonic())

        async def gather(part: Listing[Record]) -> None:
            whole.rows.extend(part.rows)
            whole.rejects.extend(part.rejects)

        hand_on = partial(_hand_on, model, whole.asked, take or gather)
        first = 1
        if plain_first and limit:
            async with self._fetched(API + path, purpose, {"X-Page-Limit": str(limit)}) as (answer, headers):
                more = _has_more(headers, 1)
                if not more or headers["x-page-limit"] == str(limit):
                    await hand_on(answer)
                    first = 2
            if not more:
                return whole
        separator = "&" if "?" in path else "?"
        base = f"{path}{separator}limit={limit}" if limit else path
        separator = "&" if "?" in base else "?"
        for page in range(first, pages + 1):
            location = base if page == 1 else f"{base}{separator}page={page}"
            async with self._fetched(API + location, purpose) as (answer, headers):
                found = await hand_on(answer)
            if not found or not _has_more(headers, page):
                break
        return whole

    @asynccontextmanager
    async def _fetched(
        self, path: str, purpose: Purpose, extra: Mapping[str, str] | None = None
    ) -> AsyncIterator[tuple[Any, Mapping[str, str]]]:
        """One call, tried again where a kept connection broke or the cloud stumbled: the answer and its headers, for
        the length of the block. Other answers wait as bytes until then."""
        for delay in (*RETRIES, None):
            try:
                response = await self._fetch_once(path, purpose, extra)
                async with AsyncExitStack() as stack:
                    await stack.enter_async_context(self._reading)
                    answer = _decoded(response.body)
                    turn = stack.pop_all()
                break
            except (ConnectionLost, CloudTrouble):
                if delay is None:
                    raise
                await self._clock.sleep(delay * (0.5 + self._rng()))
        async with turn:
            yield answer, response.headers

    def spend(self, purpose: Purpose) -> None:
        """Take one call out of the budget. Raises `BudgetSpent`."""
        wait = self.budget.spend(purpose, self.cloud_clock.now(), self._clock.monotonic())
        if wait > 0:
            raise BudgetSpent(f"the REST budget is used up for the next {wait:.0f} s", retry_after=wait)

    async def _fetch_once(self, path: str, purpose: Purpose, extra: Mapping[str, str] | None) -> Response:
        self.spend(purpose)
        sent = self._clock.monotonic()
        response = await self._transport.get(self.base + path, {**self._headers, **(extra or {})})
        self.cloud_clock.observe(response.headers.get("date"), sent, self._clock.monotonic())
        if response.status != 200:
            error = error_of(response)
            if isinstance(error, RateLimited):
                self.budget.pause(error.retry_after, self._clock.monotonic())
            raise error
        return response


def _decoded(body: bytes) -> Any:
    try:
        return jsontext.loads(body)
    except ValueError:
        raise CloudTrouble("the cloud's answer is no JSON", status=200, hint=_NO_CLOUD) from None


async def _hand_on(model: type[Record], asked: float, take: Take[Record], answer: Any) -> bool:
    """Read the items of a page and hand them on; return whether there were any. Others get their turn in between."""
    items = answer.get("results") if isinstance(answer, dict) else answer
    if not isinstance(items, list):
        raise CloudTrouble(f"the cloud's list is no list but {shape(answer, 0)}", status=200)
    for start in range(0, len(items), ITEMS_AT_A_TIME):
        await asyncio.sleep(0)
        some: Listing[Record] = Listing([], [], asked)
        _sort(model, items[start : start + ITEMS_AT_A_TIME], some.rows, some.rejects)
        await take(some)
    return bool(items)


def _sort(model: type[Record], items: Iterable[Any], rows: list[Row[Record]], rejects: list[Reject]) -> None:
    for item in items:
        try:
            record, dropped = read(model, item)
        except ValueError as error:
            rejects.append(Reject(f"{model.__name__} record: {error}", shape(item)))
        else:
            rows.append(Row(record, item, dropped))


def _record(model: type[Record], value: object) -> Record:
    try:
        return read(model, value)[0]
    except ValueError as error:
        raise CloudTrouble(f"the cloud's answer cannot be read: {error}", status=200, hint=_NO_CLOUD) from None


def _has_more(headers: Mapping[str, str], page: int) -> bool:
    """Another page exists when page * limit < total; without these headers the answer is complete."""
    try:
        return page * int(headers["x-page-limit"]) < int(headers["x-page-total"])
    except (KeyError, ValueError):
        return False


def _checked(identifier: str) -> str:
    """An id that may enter a URL. Raises `BadArguments` for any other text."""
    if not is_id(identifier):
        raise BadArguments("an id consists of 1 to 64 letters, digits, '-' and '_'")
    return identifier


def relative_path(location: str) -> str:
    """A path of the API, from what an administrator typed; it cannot lead to another host or out of `/api/v1`.

    Raises `BadArguments`.
    """
    path = location.strip()
    if not path.startswith("/"):
        path = "/" + path
    if not path.startswith(API + "/"):
        path = API + path
    parts = urlsplit(path)
    odd = any(character <= " " or character in '\\"<>^`{|}' or ord(character) > 126 for character in path)
    steps = parts.path.split("/")
    if odd or parts.netloc or parts.fragment or "" in steps[1:-1] or {"..", "."} & set(steps) or "%" in parts.path:
        raise BadArguments("give a path of the API on the configured host, for example /sites/SITE_ID/maps")
    return path
