"""Tests settings against the cloud before anything is set up, and says what would leave people unfindable."""

from collections.abc import Container, Iterable
from urllib.parse import urlsplit
from urllib.request import getproxies, proxy_bypass

from mistlocate.clock import Clock, SystemClock
from mistlocate.drivers.mist_locations.settings import MistLocationsSettings
from mistlocate.drivers.mist_websocket.keys import read_keys
from mistlocate.drivers.mist_websocket.settings import MistWebsocketSettings
from mistlocate.drivers.mist_websocket.tracker import Tracker
from mistlocate.errors import (
    AccessDenied,
    CloudError,
    MistlocateError,
    NotFound,
    Problem,
    SettingsError,
    TransportError,
)
from mistlocate.location.identity import NameRules
from mistlocate.location.observation import Origin
from mistlocate.mist import frames
from mistlocate.mist.budget import Purpose
from mistlocate.mist.clouds import Endpoints
from mistlocate.mist.frames import Acknowledged, Channel, Refused
from mistlocate.mist.models import Map, Site, TokenInfo
from mistlocate.mist.rest import MistApi
from mistlocate.setup.draft import Draft, draft, missing
from mistlocate.setup.mappings import check_mappings
from mistlocate.setup.report import Report, counted
from mistlocate.setup.zone_ids import Zone
from mistlocate.transport.http import HttpTransport
from mistlocate.transport.websocket import open_websocket

#: How long the stream may take to acknowledge a subscription (seconds).
ACKNOWLEDGED_WITHIN = 10.0

#: Clients seen within this time count as present (seconds).
PRESENT = 1800.0


async def check(
    settings: MistWebsocketSettings,
    locations: MistLocationsSettings | None,
    *,
    uri: str | None = None,
    zones: Iterable[Zone] = (),
    clock: Clock | None = None,
) -> Report:
    """Look at everything that has to be right for people to be found; `zones` are those that exist already.

    What depends on something that failed is not looked at. Raises `SettingsError` if the token cannot be
    read, or the settings name two clouds.
    """
    clock = clock or SystemClock()
    report = Report(counts_only=settings.occupancy_only)
    token = _token(settings)
    try:
        endpoints = settings.endpoints(uri)
    except ValueError as error:
        raise SettingsError([Problem("uri", str(error))]) from None
    through = _through(settings, endpoints.rest)
    http = HttpTransport(settings.transport())
    try:
        api = MistApi(http, endpoints.rest, token, clock=clock)
        _check_tls(settings, report)
        site = await _check_token(api, settings.site, through, report)
        if site is None:
            return report
        await _check_stream(settings, endpoints, token, clock, report)
        maps = await _check_maps(api, settings.site, report)
        if maps:
            tracker = await _check_clients(api, settings, maps, clock, report)
            there, name = list(zones), site.name or "Building"
            report.draft = _missing(draft(maps, name, there), locations, {zone.id for zone in there})
            given = {} if locations is None else locations.floorplan_mappings
            check_mappings(maps, given, tracker, report, building_name=name, zones=there)
    except (CloudError, TransportError) as error:
        report.problem("cloud", f"{error.message}{_by(error, through)}", error.hint)
    finally:
        await http.aclose()
    return report


# -- the cloud ------------------------------------------------------------------------------------


def _check_tls(settings: MistWebsocketSettings, report: Report) -> None:
    if not settings.verify_tls:
        text = "certificates are not checked: whoever is on the way can read the token and change every answer"
        report.note("tls", text, "remove verify_tls: false; for an authority of your own set ca_file")


def _token(settings: MistWebsocketSettings) -> str:
    """The token. Raises `SettingsError` that names the file it should be in."""
    try:
        return settings.read_token()
    except SettingsError as error:
        hint = f"the file is {settings.api_token_file}"
        raise SettingsError([Problem(each.path, each.message, each.hint or hint) for each in error.problems]) from None


async def _check_token(api: MistApi, site_id: str, through: str | None, report: Report) -> Site | None:
    """The site, if the token sees it."""
    try:
        info = await api.token_info()
    except (CloudError, TransportError) as error:
        report.problem("token", f"{error.message}, asked of {api.base}{_by(error, through)}", error.hint)
        return None
    _judge_token(info, report)
    await _check_budget(api, report)
    try:
        site = await api.site(site_id)
    except (NotFound, AccessDenied) as error:
        hint = "copy the address of the site's page in the portal into site_id, and give the token access to the site"
        report.problem("site", error.message, hint)
        return None
    report.ok("site", f"{site.name or site.id} at {api.base}")
    return site


async def _check_budget(api: MistApi, report: Report) -> None:
    try:
        usage = await api.usage()
    except (CloudError, TransportError) as error:
        hint = "whether something else uses this token, too, is not known then"
        report.note("budget", f"the calls of this hour cannot be told: {error.message}", hint)
        return
    if usage.requests > usage.request_limit * 0.8:
        hint = "something else uses this token; give mistlocate one of its own"
        report.note("budget", f"{usage.requests} of {usage.request_limit} REST calls of this hour are used", hint)


def _judge_token(info: TokenInfo, report: Report) -> None:
    roles = sorted({privilege.role for privilege in info.privileges or ()})
    named = "organisation token" if info.kind == "org" else "token of an administrator"
    report.ok("token", f"accepted: {named} with role {', '.join(roles) or 'none'}")
    if info.kind == "user":
        hint = "make an organisation token with role read: it outlives people, and has a REST budget of its own"
        report.note("token", "it belongs to a person and is deleted when unused for 90 days", hint)
    if set(roles) & {"admin", "write"}:
        report.note("token", "it may change the network; role read is enough", "make one with role read")


async def _check_stream(
    settings: MistWebsocketSettings, endpoints: Endpoints, token: str, clock: Clock, report: Report
) -> None:
    channel = str(Channel(settings.site))
    headers = {"Authorization": f"Token {token}"}
    try:
        async with open_websocket(endpoints.stream, headers, settings.transport()) as link:
            await link.send(frames.subscribe(channel))
            async with clock.timeout(ACKNOWLEDGED_WITHIN):
                while True:
                    for event in frames.decode(await link.receive()):
                        if isinstance(event, Acknowledged) and event.channel == channel:
                            report.ok("stream", f"connected and subscribed at {endpoints.stream}")
                            return
                        if isinstance(event, Refused) and event.channel == channel:
                            report.problem("stream", f"the subscription is refused: {event.detail}")
                            return
    except (TransportError, TimeoutError) as error:
        reason = error.message if isinstance(error, MistlocateError) else "the subscription is not acknowledged"
        hint = "a firewall or proxy has to let WebSockets through to this host"
        by = _by(error, _through(settings, endpoints.stream.replace("ws", "http", 1)))
        report.problem("stream", f"{reason}, at {endpoints.stream}{by}", hint)


def _by(error: Exception, proxy: str | None) -> str:
    return f", through the proxy {proxy}" if proxy and isinstance(error, TransportError | TimeoutError) else ""


def _through(settings: MistWebsocketSettings, url: str) -> str | None:
    """Host and port of the proxy on the way to a URL, without its credentials; None if there is none."""
    to = urlsplit(url)
    proxy = settings.proxy
    if proxy is None and not proxy_bypass(to.netloc):
        known = getproxies()
        proxy = known.get(to.scheme) or known.get("all")
    return urlsplit(proxy if "://" in proxy else f"//{proxy}").netloc.rpartition("@")[2] if proxy else None


async def _check_maps(api: MistApi, site_id: str, report: Report) -> list[Map]:
    listing = await api.maps(site_id, Purpose.COMMAND)
    maps = [row.record for row in listing.rows]
    if listing.rejects:
        text = counted(len(listing.rejects), "map cannot be read and is", "maps cannot be read and are")
        report.note("maps", f"{text} left out")
    if maps:
        report.ok("maps", f"{len(maps)}: " + ", ".join(each.name or each.id for each in maps[:8]) + _more(maps, 8))
    else:
        report.problem("maps", "the site has none", "upload floor plans in the portal and place the access points")
    return maps


async def _check_clients(
    api: MistApi, settings: MistWebsocketSettings, maps: list[Map], clock: Clock, report: Report
) -> Tracker:
    rules = NameRules.of(settings.domain_aliases, settings.ignore_usernames)
    tracker = Tracker(clock, forget_after=PRESENT, rules=rules, keep_all=False)
    tracker.cloud_clock = api.cloud_clock
    tracker.set_maps({each.id: each for each in maps})
    if settings.occupancy_only:
        tracker.set_occupancy_only(True)
        hint = "levels are counted; for people to be found take occupancy_only away"
        report.note("owners", "occupancy_only: no owner is kept, so nobody can be found by name", hint)
    else:
        await _check_keys(api, settings.site, maps, tracker, report)
    listing = await api.site_clients(settings.site, Purpose.COMMAND)
    for row in listing.rows:
        tracker.row(row, Origin.SNAPSHOT, listing.asked)
    clients = tracker.roster.clients.values()
    if not clients:
        report.note("clients", "nobody is on the Wi-Fi at the moment; check again when people are there")
        return tracker
    located = sum(client.position is not None and client.position.x is not None for client in clients)
    text = f"{located} of {len(clients)} present clients have a position ({_percent(located, len(clients))})"
    if located:
        report.ok("positions", text)
    else:
        hint = "place the access points on the maps, and turn on the location of clients in the site's settings"
        report.problem("positions", text, hint)
    if not settings.occupancy_only:
        _check_owners(tracker, report)
    return tracker


async def _check_keys(api: MistApi, site_id: str, maps: list[Map], tracker: Tracker, report: Report) -> None:
    keys = await read_keys(api, site_id, maps)
    tracker.set_keys(keys.keys)
    for scope, problem in keys.problems.items():
        hint = "devices with a personal key have no owner then; give the token the role read"
        report.note("keys", f"pre-shared keys of {scope} cannot be read: {problem}", hint)


def _check_owners(tracker: Tracker, report: Report) -> None:
    clients = tracker.roster.clients.values()
    owned = sum(tracker.owners.owner_of(client.mac) is not None for client in clients)
    text = f"{owned} of {len(clients)} present clients have an owner ({_percent(owned, len(clients))})"
    if owned:
        report.ok("owners", text)
    else:
        hint = "use 802.1X or keys named by e-mail address; or assign MACs with mac_address_mappings"
        report.problem("owners", f"{text}: nobody can be found by name", hint)
    _check_domains(tracker, report)


def _check_domains(tracker: Tracker, report: Report) -> None:
    """The same name under several domains counts as several people, and a question without domain finds none."""
    domains: dict[str, set[str]] = {}
    for identity, _ in tracker.owners.people():
        if identity.domain is not None:
            domains.setdefault(identity.name, set()).add(identity.domain)
    several = [found for found in domains.values() if len(found) > 1]
    if several:
        listed = ", ".join(sorted(set().union(*several)))
        text = counted(len(several), "name appears", "names appear")
        hint = "if these domains mean the same people, say so with domain_aliases: {ALIAS: domain}"
        report.note("owners", f"{text} in several domains ({listed})", hint)


def _missing(drafted: Draft, locations: MistLocationsSettings | None, zones: Container[str]) -> Draft:
    return missing(drafted, {} if locations is None else locations.floorplan_mappings, zones)


def _percent(part: int, whole: int) -> str:
    return f"{100 * part / whole:.0f} %"


def _more(items: list[Map], shown: int) -> str:
    return f" and {len(items) - shown} more" if len(items) > shown else ""
