"""The configuration objects of the cloud, as JSON: sites, maps, keys, networks, settings, and what a token may do."""

from collections import Counter
from collections.abc import Iterable
from typing import Any

from mistlocate.simulator.floors import CREATED, MODIFIED, AccessPoint, FloorMap, Site
from mistlocate.simulator.geometry import Box
from mistlocate.simulator.people import PERSONAL_SSID, SSIDS, Device, Guest, Psk
from mistlocate.simulator.tokens import Token
from mistlocate.simulator.wire import Wire, hardware
from mistlocate.simulator.world import World

Json = dict[str, Any]
ORG_NAME = "Example Organisation"
_TIMES = {"created_time": CREATED, "modified_time": MODIFIED}


class Registry:
    """Writes down the configuration of a world."""

    def __init__(self, world: World, wire: Wire) -> None:
        self.world, self.wire = world, wire

    # -- organisation and sites ------------------------------------------------------------------

    def org(self) -> Json:
        """The organisation."""
        return {"id": self.world.org_id, "name": ORG_NAME, "orggroup_ids": [], "session_expiry": 1440, **_TIMES}

    def site(self, site: Site) -> Json:
        """A site; the annex lacks what is optional."""
        record: Json = {
            "id": site.id,
            "org_id": self.world.org_id,
            "name": site.name,
            "country_code": "DE",
            "timezone": "Europe/Berlin",
            "sitegroup_ids": [],
            **_TIMES,
        }
        if site.address is not None:
            record |= {"address": site.address, "notes": None, "rftemplate_id": None}
        if site.latlng is not None:
            record["latlng"] = {"lat": site.latlng[0], "lng": site.latlng[1]}
        return record

    def site_stats(self, site: Site) -> Json:
        """The counters of a site, on top of the site itself."""
        devices = self.world.devices_of(site.id)
        aps = self.world.aps_of(site.id)
        connected = sum(ap.connected for ap in aps)
        return self.site(site) | {
            "num_clients": sum(device.present for device in devices),
            "num_ap": len(aps),
            "num_ap_connected": connected,
            "num_devices": len(aps),
            "num_devices_connected": connected,
            "tzoffset": 60,
            "engagement_enabled": False,
            "analytic_enabled": False,
        }

    def setting(self, site: Site, *, derived: bool) -> Json:
        """The settings of a site: as stored, or with everything that applies (`derived`)."""
        stored: Json = {
            "id": self.world.ids.uuid("setting", site.number),
            "org_id": self.world.org_id,
            "site_id": site.id,
            "wifi": {"enabled": True, "locate_unconnected": True},
            "vars": {"personal_vlan": "30"},
            **_TIMES,
        }
        if not derived:
            return stored
        return stored | {
            "wifi": {"enabled": True, "locate_connected": True, "locate_unconnected": True},
            "occupancy": {
                "clients_enabled": True,
                "unconnected_clients_enabled": False,
                "sdkclients_enabled": False,
                "assets_enabled": False,
                "min_duration": 3000,
            },
            "engagement": {"min_dwell": 0, "max_dwell": 43_200},
            "zone_occupancy_alert": {"enabled": False, "threshold": 5, "email_notifiers": []},
            "rtsa": {"enabled": False, "track_asset": False, "app_waking": False},
            "track_anonymous_devices": False,
            "report_gatt": False,
            "analytic": {"enabled": False},
        }

    # -- maps and access points ------------------------------------------------------------------

    def map(self, plan: FloorMap, link: str | None, thumbnail: str | None) -> Json:
        """A map; `link` and `thumbnail` are signed links to its image."""
        record: Json = {
            "id": plan.id,
            "org_id": self.world.org_id,
            "site_id": plan.site_id,
            "name": plan.name,
            "type": plan.type,
            "orientation": plan.orientation,
            "locked": plan.locked,
            "for_site": True,
            "created_time": CREATED,
            "modified_time": plan.modified,
        }
        if plan.has_sizes:
            record |= {
                "width": plan.width, "height": plan.height, "width_m": plan.width_m, "height_m": plan.height_m
            }  # fmt: skip
            if plan.has_ppm:
                record["ppm"] = plan.ppm
        if plan.origin is not None:
            record["origin_x"], record["origin_y"] = plan.origin
        if plan.group is not None:
            record["group_name"], record["group_idx"] = plan.group
        if plan.corners is not None:
            (top, left), (bottom, right) = plan.corners
            record["view"] = "satellite"
            record["latlng_tl"] = {"lat": f"{top:.7f}", "lng": f"{left:.7f}"}
            record["latlng_br"] = {"lat": f"{bottom:.7f}", "lng": f"{right:.7f}"}
        if link is not None:
            record["url"], record["thumbnail_url"] = link, thumbnail
            record |= {"flags": {"storeTime": 15}, "sitesurvey_path": [], "wayfinding": {"snap_to_path": False}}
            record["wall_path"] = _outline(plan, plan.layout.shell)
        return record

    def ap_config(self, ap: AccessPoint) -> Json:
        """An access point as it is configured."""
        stats = self.wire.ap(ap, Counter())
        keys = ("id", "mac", "type", "site_id", "org_id", "name", "model", "serial", "map_id", "x", "y", "orientation")
        return {key: stats[key] for key in keys} | {"height": 2.7, "mount": "faceup", "locked": False, **_TIMES}

    # -- keys and networks -----------------------------------------------------------------------

    def psk(self, psk: Psk, *, reveal: bool) -> Json:
        """A key. Its passphrase is masked unless the caller may see it."""
        record: Json = {
            "id": psk.id,
            "org_id": self.world.org_id,
            "name": psk.name,
            "ssid": psk.ssid,
            "passphrase": psk.passphrase if reveal else "********",
            "usage": psk.usage,
            "max_usage": psk.max_usage,
            "vlan_id": psk.vlan_id,
            "role": psk.role,
            "expire_time": None,
            "notify_expiry": False,
            **_TIMES,
        }
        optional = {"site_id": psk.site_id, "email": psk.email, "note": psk.note, "macs": list(psk.macs) or None}
        return record | {key: value for key, value in optional.items() if value is not None}

    def wlans(self, site: Site) -> list[Json]:
        """The networks that a site broadcasts."""
        shared = {"org_id": self.world.org_id, "enabled": True, "apply_to": "site", "vlan_enabled": True}
        template = {"template_id": self.world.ids.uuid("template"), "template_name": "Offices", "for_site": False}
        corp = {"ssid": SSIDS["dot1x"], "auth": {"type": "eap", "pairwise": ["wpa2-ccmp", "wpa3"]}, "vlan_id": 20}
        personal = {
            "ssid": PERSONAL_SSID,
            "auth": {"type": "psk", "multi_psk_only": True, "private_wlan": True, "pairwise": ["wpa2-ccmp"]},
            "dynamic_psk": {"enabled": False, "source": "radius"},
            "vlan_id": "{{personal_vlan}}",
        }
        guest = {
            "ssid": SSIDS["guest"], "auth": {"type": "open"}, "portal": {"enabled": True, "auth": "multi"},
            "isolation": True, "vlan_enabled": False, "site_id": site.id, "for_site": True,
        }  # fmt: skip
        made: Iterable[Json] = (template | corp, template | personal, guest)
        return [{"id": self.wire.wlan_id(wlan["ssid"]), **shared, **wlan} for wlan in made]

    # -- people ----------------------------------------------------------------------------------

    def guest_entry(self, device: Device, guest: Guest) -> Json:
        """A guest authorisation."""
        ap = device.report.ap if device.report else None
        return {"mac": device.mac, **self.wire.guest(device, guest), **({"ap_mac": ap.mac} if ap else {})}

    def search_result(self, device: Device) -> Json:
        """A client as searches show it: names, last and all; no position."""
        client = self.wire.client(device)
        record: Json = {
            "mac": device.mac,
            "org_id": self.world.org_id,
            "site_id": device.site_id,
            "site_ids": [device.site_id],
            "mfg": client["manufacture"],
            "band": client["band"],
            "protocol": client["proto"],
            "random_mac": device.random_mac,
            "timestamp": float(client["last_seen"]),
        }
        named = {
            "ap": client["ap_mac"],
            "hostname": device.hostname,
            "ip": client["ip"],
            "username": device.username,
            "ssid": device.ssid,
            "wlan_id": client["wlan_id"],
            "vlan": client["vlan_id"],
            "psk_id": device.psk.id if device.psk else None,
            "psk_name": device.psk.name if device.psk else None,
            "device": hardware(device)[1],
        }
        for key, value in named.items():
            if value:
                record[key], record[f"last_{key}"] = [value], value
        return record

    def apitoken(self, token: Token) -> Json:
        """A token of the organisation as it is listed: of its key only the ends are shown."""
        return {
            "id": self.world.ids.uuid("apitoken", token.key),
            "org_id": self.world.org_id,
            "name": token.name,
            "key": f"{token.key[:4]}...{token.key[-4:]}",
            "privileges": self.self_of(token)["privileges"],
            "created_by": None,
            "created_time": int(self.world.epoch),
            "last_used": None,
        }

    def self_of(self, token: Token) -> Json:
        """What a token may do. An organisation's token has a name, a user's token the user's address and names."""
        if token.site_ids is None:
            scopes: list[Json] = [
                {"scope": "org", "org_id": self.world.org_id, "name": ORG_NAME, "role": token.role}
            ]  # fmt: skip
        else:
            scopes = [
                {
                    "scope": "site",
                    "org_id": self.world.org_id,
                    "org_name": ORG_NAME,
                    "site_id": site_id,
                    "name": self.world.sites[site_id].name if site_id in self.world.sites else "",
                    "role": token.role,
                }
                for site_id in sorted(token.site_ids)
            ]
        if token.kind == "org":
            return {"name": token.name, "privileges": scopes}
        return {
            "email": token.email,
            "first_name": "Demo",
            "last_name": "Admin",
            "phone": "",
            "via_sso": False,
            "tags": [],
            "privileges": scopes,
            "session_expiry": 1440,
            "two_factor_verified": False,
        }


def _outline(plan: FloorMap, shell: Box) -> Json:
    """The outer walls as a path of four nodes, in pixels; weights are strings, as the cloud writes them."""
    corners = (
        (shell.left, shell.top),
        (shell.right, shell.top),
        (shell.right, shell.bottom),
        (shell.left, shell.bottom),
    )
    nodes = [
        {
            "name": f"N{number}",
            "position": {"x": round(x * plan.ppm, 2), "y": round(y * plan.ppm, 2)},
            "edges": {f"N{(number + 1) % 4}": "1"},
        }
        for number, (x, y) in enumerate(corners)
    ]
    return {"coordinate": "actual", "nodes": nodes}
