"""The calls about a token and about the organisation: itself, sites, keys, client search."""

from dataclasses import fields, replace
from typing import Any

from mistlocate.simulator.answers import Answer, Refusal, not_found, read_json, rejected, search
from mistlocate.simulator.calls import TABLE, Call
from mistlocate.simulator.people import Device, Psk

_SHORT, _LONG = 8, 64


@TABLE.row("GET", "/self")
def about_token(call: Call) -> Answer:
    """What the token may do."""
    return Answer(call.tenant.registry.self_of(call.token))


@TABLE.row("GET", "/self/usage")
def usage(call: Call) -> Answer:
    """How much of the hour's budget is used."""
    return Answer(call.tenant.tokens.usage(call.token, call.tenant.now()))


@TABLE.row("GET", "/orgs/{org_id}")
def org(call: Call) -> Answer:
    """The organisation."""
    call.tenant.org(call.token, call.params["org_id"])
    return Answer(call.tenant.registry.org())


@TABLE.row("GET", "/orgs/{org_id}/sites")
def sites(call: Call) -> Answer:
    """The sites that the token may see."""
    if call.params["org_id"] != call.tenant.world.org_id:
        raise not_found()
    seen = [site for site in call.tenant.world.sites.values() if call.token.sees(site.id)]
    return call.page("sites", seen, call.tenant.registry.site)


@TABLE.row("GET", "/orgs/{org_id}/sites/search")
def sites_search(call: Call) -> Answer:
    """Sites by `name` or `id`."""
    call.tenant.org(call.token, call.params["org_id"])
    name, wanted = call.query.get("name", "").lower(), call.query.get("id")
    rows = [
        call.tenant.registry.site(site) | {"timestamp": call.tenant.registry.site(site)["modified_time"]}
        for site in call.tenant.world.sites.values()
        if name in site.name.lower() and wanted in (None, site.id)
    ]
    return Answer(search(call.path, call.query, call.window(), rows, "id"))


@TABLE.row("GET", "/orgs/{org_id}/stats/sites")
def sites_stats(call: Call) -> Answer:
    """The counters of all sites."""
    call.tenant.org(call.token, call.params["org_id"])
    return call.page("sites_stats", list(call.tenant.world.sites.values()), call.tenant.registry.site_stats)


@TABLE.row("GET", "/orgs/{org_id}/sitegroups")
def sitegroups(call: Call) -> Answer:
    """The groups of sites; there are none."""
    call.tenant.org(call.token, call.params["org_id"])
    return call.page("sitegroups", [], dict)


@TABLE.row("GET", "/orgs/{org_id}/apitokens")
def apitokens(call: Call) -> Answer:
    """The organisation's tokens, their keys shortened; those of persons are listed for these alone."""
    call.tenant.org(call.token, call.params["org_id"])
    return call.whole("apitokens", call.tenant.tokens.of_org(), call.tenant.registry.apitoken)


@TABLE.row("GET", "/orgs/{org_id}/clients/search")
def org_clients_search(call: Call) -> Answer:
    """Clients of the whole organisation by name, without positions."""
    call.tenant.org(call.token, call.params["org_id"])
    site_id = call.query.get("site_id")
    return find_clients(call, [one for one in call.tenant.world.devices.values() if site_id in (None, one.site_id)])


def find_clients(call: Call, devices: list[Device]) -> Answer:
    """The search over some devices: `text` in any of their names, or one field."""
    window = call.window()
    registry, wire = call.tenant.registry, call.tenant.wire
    rows = []
    for device, report in call.tenant.known(devices):
        if window.covers(wire.time(device, report.at)) and _matches(call, device):
            rows.append(registry.search_result(device))
    return Answer(search(call.path, call.query, window, rows, "mac"))


def _matches(call: Call, device: Device) -> bool:
    psk_name, psk_id = (device.psk.name, device.psk.id) if device.psk else ("", "")
    known = {
        "mac": device.mac,
        "username": device.username or "",
        "hostname": device.hostname,
        "psk_name": psk_name,
        "psk_id": psk_id,
        "ssid": device.ssid,
    }
    text = call.query.get("text", "").lower()
    if text and not any(text in known[name].lower() for name in ("mac", "username", "hostname", "psk_name")):
        return False
    return all(
        call.query[name].lower().strip("*") in value.lower() for name, value in known.items() if call.query.get(name)
    )


# -- keys -----------------------------------------------------------------------------------------


@TABLE.row("GET", "/orgs/{org_id}/psks")
def psks(call: Call) -> Answer:
    """The keys of the organisation, without those of its sites."""
    call.tenant.org(call.token, call.params["org_id"])
    return list_psks(call, None)


def list_psks(call: Call, site_id: str | None) -> Answer:
    """The keys of a site, or of the organisation, by `name`, `ssid` and `role`."""
    wanted = {name: call.query[name] for name in ("name", "ssid", "role") if call.query.get(name)}
    found = [
        psk
        for psk in call.tenant.world.psks.values()
        if psk.site_id == site_id and all(getattr(psk, name) == value for name, value in wanted.items())
    ]
    return call.page("psks", found, lambda psk: call.tenant.registry.psk(psk, reveal=call.token.may_write))


@TABLE.row("POST", "/orgs/{org_id}/psks")
def create_psk(call: Call) -> Answer:
    """A new key; with `upsert` the key of the same name is changed instead."""
    call.tenant.org(call.token, call.params["org_id"])
    asked = _checked(read_json(call.body), ("name", "ssid", "passphrase"))
    world = call.tenant.world
    same = [psk for psk in world.psks.values() if psk.name == asked["name"] and psk.site_id is None]
    if call.flag("upsert") and same:
        return _changed(call, same[0], asked)
    made = world.registrar.new_psk(asked["name"], email=asked.get("email"))
    return _changed(call, made, asked)


@TABLE.row("GET", "/orgs/{org_id}/psks/{psk_id}")
def psk(call: Call) -> Answer:
    """One key of the organisation."""
    return Answer(call.tenant.registry.psk(_psk(call), reveal=call.token.may_write))


@TABLE.row("PUT", "/orgs/{org_id}/psks/{psk_id}")
def change_psk(call: Call) -> Answer:
    """Change a key; what the body does not name stays."""
    return _changed(call, _psk(call), _checked(read_json(call.body), ()))


@TABLE.row("DELETE", "/orgs/{org_id}/psks/{psk_id}")
def delete_psk(call: Call) -> Answer:
    """Remove a key. Who is connected with it keeps its id until the next association."""
    del call.tenant.world.psks[_psk(call).id]
    return Answer({})


def _psk(call: Call) -> Psk:
    call.tenant.org(call.token, call.params["org_id"])
    psk = call.tenant.world.psks.get(call.params["psk_id"])
    if psk is None or psk.site_id is not None:
        raise not_found()
    return psk


def _checked(body: Any, needed: tuple[str, ...]) -> dict[str, Any]:
    if not isinstance(body, dict):
        raise rejected("a JSON object is expected")
    for name in needed:
        if not isinstance(body.get(name), str):
            raise rejected(f"invalid field: {name}")
    passphrase = body.get("passphrase")
    if passphrase is not None and not (isinstance(passphrase, str) and _SHORT <= len(passphrase) <= _LONG):
        raise Refusal(400, {"detail": "invalid field: passphrase", "reason": "8 to 63 characters are expected"})
    return body


def _changed(call: Call, psk: Psk, asked: dict[str, Any]) -> Answer:
    """Put what is asked for into the key, and into the devices that use it."""
    world = call.tenant.world
    changes = {
        f.name: asked[f.name] for f in fields(Psk) if f.name in asked and f.name not in ("id", "site_id", "macs")
    }
    new = replace(psk, **changes)
    world.psks[new.id] = new
    for device in world.devices.values():
        if device.psk is not None and device.psk.id == new.id:
            device.psk = new
    return Answer(call.tenant.registry.psk(new, reveal=call.token.may_write))
