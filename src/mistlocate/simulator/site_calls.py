"""The calls about a site: its settings, maps, clients, access points, keys, guests."""

from typing import Any

from mistlocate.simulator.answers import Answer, not_found
from mistlocate.simulator.calls import TABLE, Call
from mistlocate.simulator.floors import AccessPoint, FloorMap, Site
from mistlocate.simulator.org_calls import find_clients, list_psks
from mistlocate.simulator.people import Device, Report


def _site(call: Call) -> Site:
    return call.tenant.site(call.token, call.params["site_id"])


def _map(call: Call) -> FloorMap:
    return call.tenant.map(call.token, call.params["site_id"], call.params["map_id"])


@TABLE.row("GET", "/sites/{site_id}")
def site(call: Call) -> Answer:
    """The site."""
    return Answer(call.tenant.registry.site(_site(call)))


@TABLE.row("GET", "/sites/{site_id}/stats")
def site_stats(call: Call) -> Answer:
    """The counters of the site."""
    return Answer(call.tenant.registry.site_stats(_site(call)))


@TABLE.row("GET", "/sites/{site_id}/setting")
def setting(call: Call) -> Answer:
    """The settings as they are stored on the site."""
    return Answer(call.tenant.registry.setting(_site(call), derived=False))


@TABLE.row("GET", "/sites/{site_id}/setting/derived")
def setting_derived(call: Call) -> Answer:
    """The settings that apply."""
    return Answer(call.tenant.registry.setting(_site(call), derived=True))


@TABLE.row("GET", "/sites/{site_id}/wlans/derived")
def wlans_derived(call: Call) -> Answer:
    """The networks that the site broadcasts."""
    wanted = call.query.get("wlan_id")
    wlans = call.tenant.registry.wlans(_site(call))
    return Answer([wlan for wlan in wlans if wanted in (None, wlan["id"])])


# -- maps -----------------------------------------------------------------------------------------


@TABLE.row("GET", "/sites/{site_id}/maps")
def maps(call: Call) -> Answer:
    """The maps, with fresh links to their images."""
    return call.page("maps", call.tenant.world.maps_of(_site(call).id), lambda plan: _shown(call, plan))


@TABLE.row("GET", "/sites/{site_id}/maps/{map_id}")
def one_map(call: Call) -> Answer:
    """One map."""
    return Answer(_shown(call, _map(call)))


def _shown(call: Call, plan: FloorMap) -> dict[str, Any]:
    links, now = call.tenant.links, call.tenant.now()
    image = links.link(call.base, plan, now)
    return call.tenant.registry.map(plan, image, links.link(call.base, plan, now, thumbnail=True))


# -- what this campus has none of: the lists are there, and empty ---------------------------------


@TABLE.row("GET", "/sites/{site_id}/zones")
@TABLE.row("GET", "/sites/{site_id}/rssizones")
@TABLE.row("GET", "/sites/{site_id}/mapstacks")
@TABLE.row("GET", "/sites/{site_id}/stats/assets")
def nothing_in_pages(call: Call) -> Answer:
    """An empty list that would have pages."""
    _site(call)
    return call.page(call.path.rpartition("/")[2], [], dict)


@TABLE.row("GET", "/sites/{site_id}/stats/zones")
@TABLE.row("GET", "/sites/{site_id}/stats/rssizones")
def nothing(call: Call) -> Answer:
    """An empty list that has no pages."""
    _site(call)
    return call.whole(f"stats_{call.path.rpartition('/')[2]}", [], dict)


@TABLE.row("GET", "/sites/{site_id}/stats/maps/{map_id}/sdkclients")
def map_sdkclients(call: Call) -> Answer:
    """Phones with the SDK on a map; nobody has one."""
    _map(call)
    return call.whole("sdkclients", [], dict)


# -- clients --------------------------------------------------------------------------------------


def _recent(call: Call, devices: list[Device]) -> list[tuple[Device, Report]]:
    """The clients of the window that is asked for: also those that have left since."""
    window, wire = call.window(), call.tenant.wire
    return [pair for pair in call.tenant.known(devices) if window.covers(wire.time(pair[0], pair[1].at))]


@TABLE.row("GET", "/sites/{site_id}/stats/clients")
def clients(call: Call) -> Answer:
    """The wireless clients of the site. There are no wired ones."""
    site = _site(call)
    devices = [] if call.flag("wired") else call.tenant.world.devices_of(site.id)
    return call.page("clients", _recent(call, devices), lambda pair: call.tenant.wire.client(*pair))


@TABLE.row("GET", "/sites/{site_id}/stats/clients/{mac}")
def client(call: Call) -> Answer:
    """One client, with its zones."""
    site = _site(call)
    device = call.tenant.world.devices.get(call.params["mac"].lower())
    if device is None or device.site_id != site.id or device.report is None or call.flag("wired"):
        raise not_found()
    return Answer(call.tenant.wire.client_detail(device, call.tenant.report(device)))


@TABLE.row("GET", "/sites/{site_id}/stats/maps/{map_id}/clients")
def map_clients(call: Call) -> Answer:
    """The full records of the clients whose last position is on the map, unless rows are to be slim."""
    plan = _map(call)
    pairs = _recent(call, call.tenant.world.devices_of(plan.site_id))
    here = [pair for pair in pairs if pair[1].map is plan]
    wire = call.tenant.wire
    write = wire.listed if call.tenant.faults.rows_are_slim else wire.client
    return call.page("map_clients", here, lambda pair: write(*pair))


@TABLE.row("GET", "/sites/{site_id}/stats/maps/{map_id}/unconnected_clients")
def unconnected_clients(call: Call) -> Answer:
    """Devices that are heard on the map and not connected."""
    plan = _map(call)
    passers = [passer for passer in call.tenant.world.street.passers if passer.map is plan]
    return call.whole("unconnected", passers, call.tenant.wire.passer)


@TABLE.row("GET", "/sites/{site_id}/clients/search")
def clients_search(call: Call) -> Answer:
    """Clients of the site by name, without positions."""
    return find_clients(call, call.tenant.world.devices_of(_site(call).id))


# -- devices, keys, guests ------------------------------------------------------------------------


def _aps(call: Call) -> list[AccessPoint]:
    site = _site(call)
    if call.query.get("type", "ap") not in ("ap", "all"):
        return []
    name, status = call.query.get("name"), call.query.get("status", "all")
    return [
        ap
        for ap in call.tenant.world.aps_of(site.id)
        if name in (None, ap.name) and (status == "all" or (status == "connected") == ap.connected)
    ]


@TABLE.row("GET", "/sites/{site_id}/stats/devices")
def devices_stats(call: Call) -> Answer:
    """The access points and how they are."""
    loads = call.tenant.wire.loads()
    return call.page("devices", _aps(call), lambda ap: call.tenant.wire.ap(ap, loads))


@TABLE.row("GET", "/sites/{site_id}/devices")
def devices(call: Call) -> Answer:
    """The access points as they are configured."""
    return call.page("devices", _aps(call), call.tenant.registry.ap_config)


@TABLE.row("GET", "/sites/{site_id}/psks")
def psks(call: Call) -> Answer:
    """The keys of this site only."""
    return list_psks(call, _site(call).id)


@TABLE.row("GET", "/sites/{site_id}/guests")
def guests(call: Call) -> Answer:
    """The guest authorisations."""
    wanted = call.query.get("wlan_id")
    found = [
        (device, device.guest)
        for device in call.tenant.world.devices_of(_site(call).id)
        if device.guest is not None and wanted in (None, call.tenant.wire.wlan_id(device.ssid))
    ]
    return call.whole("guests", found, lambda pair: call.tenant.registry.guest_entry(*pair))
