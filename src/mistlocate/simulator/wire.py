"""The live records of the cloud, as JSON objects: clients, positions, unconnected clients, access points.

Positions are pixels of the map's image (`x`, `y`) and metres (`x_m`, `y_m`), both from the top-left corner. A client
that is not located has none of the position keys: they are absent, not null.
"""

from collections import Counter
from collections.abc import Callable
from typing import Any

from mistlocate.simulator.floors import AccessPoint
from mistlocate.simulator.passers import Passer
from mistlocate.simulator.people import Device, Guest, Report
from mistlocate.simulator.world import World

Json = dict[str, Any]

# manufacture, family, model, os
_HARDWARE: dict[str, tuple[tuple[str, str, str, str], ...]] = {
    "phone": (
        ("Apple", "iPhone", "", "iOS 18"),
        ("Samsung", "Galaxy", "S24", "Android 15"),
        ("Google", "Pixel", "9", "Android 16"),
    ),
    "laptop": (
        ("Dell", "Laptop", "", "Windows 11"),
        ("Apple", "MacBook", "Air", "macOS 15"),
        ("Lenovo", "ThinkPad", "", "Windows 11"),
    ),
    "tablet": (("Apple", "iPad", "", "iPadOS 18"), ("Samsung", "Galaxy Tab", "", "Android 15")),
    "watch": (("Apple", "Watch", "", "watchOS 11"),),
    "display": (("LG Electronics", "", "", ""), ("Philips", "", "", "")),
    "kiosk": (("Intel Corporate", "NUC", "", "Windows 10"),),
}
_CHANNELS = {"24": (1, 6, 11), "5": (36, 44, 52, 60, 100, 116, 132, 149), "6": (5, 21, 37, 53, 69, 85)}
_PROTOS = ("ax", "ax", "ac", "be", "ax", "n")
_TTL = 300


def hardware(device: Device) -> tuple[str, str, str, str]:
    """What the cloud makes of the device: manufacturer, family, model, system. Randomised MACs tell less."""
    known = _HARDWARE.get(device.form, (("Unknown", "", "", ""),))
    found = known[device.number % len(known)]
    if device.random_mac:
        return ("Unknown", "", "", found[3] if device.number % 2 else "")
    return found


class Wire:
    """Writes down what the world knows; `skew` tells by how many seconds every time it writes is off."""

    def __init__(self, world: World, skew: Callable[[], float] = lambda: 0.0) -> None:
        self.world = world
        self._skew = skew

    def time(self, device: Device, at: float) -> float:
        """A time of the world in a record of this device, with the skew."""
        return self.world.stamp(device, at + self._skew())

    def wlan_id(self, ssid: str) -> str:
        """The id of the network with this name."""
        return self.world.ids.uuid("wlan", ssid)

    def client(self, device: Device, report: Report | None = None) -> Json:
        """The full record of a client, by its last report or by the one that is given."""
        report = report or device.report or Report(device.associated_at, None, -70.0)
        record = {
            "mac": device.mac,
            "site_id": device.site_id,
            **self._association(device, report),
            **self._fingerprint(device),
            **self._traffic(device, report),
            "type": "regular",
            "annotation": "unknown",
            "group": "",
            "airespace_ifname": "",
            "airwatch": {"authorized": False},
            "_ttl": _TTL,
        }
        if device.username is not None:
            record["username"] = device.username
        if device.psk is not None:
            record["psk_id"] = device.psk.id
        if device.guest is not None:
            record["guest"] = self.guest(device, device.guest)
        if report.map is not None and report.point is not None:
            record["map_id"] = report.map.id
            record["x"], record["y"] = report.map.to_pixels(report.point)
            record["x_m"], record["y_m"] = round(report.point.x, 6), round(report.point.y, 6)
            record["num_locating_aps"] = report.num_aps
            record["accuracy"] = report.accuracy
        return record

    def client_detail(self, device: Device, report: Report | None = None) -> Json:
        """The record that only the call for a single client gives: it adds zones and policy usage."""
        zones = []
        report = report or device.report
        if report is not None and report.map is not None and report.point is not None:
            number = report.map.layout.room_at(report.point)
            if number is not None:
                since = max(device.associated_at, report.at - 300.0)
                zone_id = self.world.ids.uuid("zone", report.map.id, number)
                zones.append({"id": zone_id, "since": int(self.time(device, since))})
        more = {"zones": zones, "rssizones": [], "vbeacons": [], "wxrule_id": None, "wxrule_usage": []}
        return {**self.client(device, report), **more}

    def position(self, device: Device, report: Report) -> Json | None:
        """The slim record of the map channel: no identity but the MAC, and no time. None if it is not located."""
        plan, point = report.map, report.point
        if plan is None or point is None:
            return None
        x, y = plan.to_pixels(point)
        return {
            "mac": device.mac,
            "map_id": plan.id,
            "x": x,
            "y": y,
            "x_m": round(point.x, 6),
            "y_m": round(point.y, 6),
            "num_locating_aps": report.num_aps,
            "rssi": report.rssi,
            "connected_ap": report.ap.mac if report.ap else "",
            "_ttl": _TTL,
        }

    def listed(self, device: Device, report: Report) -> Json:
        """A slim row of a map's list: the place and its time, and of whom it is only the MAC."""
        record = self.client(device, report)
        return {key: record[key] for key in ("mac", "map_id", "x", "y", "num_locating_aps", "last_seen")}

    def passer(self, passer: Passer, *, live: bool = False) -> Json:
        """An unconnected client; the stream (`live`) tells a little more than the list."""
        report = passer.report
        record: Json = {
            "mac": passer.mac,
            "ap_mac": report.ap.mac if report.ap else "",
            "map_id": report.map.id if report.map else None,
            "rssi": report.rssi if live else round(report.rssi),
            "manufacture": "Unknown",
            "last_seen": int(self.world.epoch + report.at + self._skew()),
        }
        if report.map is not None and report.point is not None:
            record["x"], record["y"] = report.map.to_pixels(report.point)
        if live:
            record |= {"num_locating_aps": report.num_aps, "_ttl": _TTL}
        return record

    def guest(self, device: Device, guest: Guest) -> Json:
        """What the portal knows of a guest."""
        authorized = int(self.world.epoch + guest.authorized_at + self._skew())
        record: Json = {
            "authorized": True,
            "authorized_time": authorized,
            "authorized_expiring_time": authorized + 60 * guest.minutes,
            "minutes": guest.minutes,
            "name": guest.name,
            "company": guest.company,
            "auth_method": guest.auth_method,
            "ssid": device.ssid,
            "wlan_id": self.wlan_id(device.ssid),
            "random_mac": device.random_mac,
        }
        if guest.email is not None:
            record["email"] = guest.email
        if guest.access_code_email is not None:
            record["access_code_email"] = guest.access_code_email
        return record

    def loads(self) -> Counter[AccessPoint | None]:
        """How many present clients each access point has."""
        return Counter(one.report.ap for one in self.world.devices.values() if one.present and one.report)

    def ap(self, ap: AccessPoint, loads: Counter[AccessPoint | None] | None = None, *, full: bool = True) -> Json:
        """The statistics of an access point; on the stream a short message comes before the full one."""
        world = self.world
        heard = world.heard_aps.get(ap, -86_400.0)
        record: Json = {
            "id": ap.id,
            "mac": ap.mac,
            "type": "ap",
            "site_id": ap.site_id,
            "last_seen": int(world.epoch + heard + self._skew()),
            "uptime": int(864_000 + heard),
        }
        if not full:
            return record
        x, y = world.maps[ap.map_id].to_pixels(ap.place) if ap.map_id in world.maps and ap.place else (None, None)
        loads = self.loads() if loads is None else loads
        return record | {
            "org_id": world.org_id,
            "name": ap.name,
            "model": "AP45",
            "serial": f"SIM{ap.number:09d}",
            "status": "connected" if ap.connected else "disconnected",
            "version": "0.14.1",
            "map_id": ap.map_id if x is not None else None,
            "x": x,
            "y": y,
            "orientation": ap.orientation,
            "ip": f"192.168.{10 + ap.number // 250}.{1 + ap.number % 250}",
            "num_clients": loads[ap],
        }

    # -- parts of a client -----------------------------------------------------------------------

    def _association(self, device: Device, report: Report) -> Json:
        ap = report.ap or self._any_ap(device)
        band = ("5", "5", "6", "24")[device.number % 4]
        channels = _CHANNELS[band]
        return {
            "ap_id": ap.id,
            "ap_mac": ap.mac,
            "bssid": f"{ap.mac[:-1]}{'57a'[('24', '5', '6').index(band)]}",
            "ssid": device.ssid,
            "wlan_id": self.wlan_id(device.ssid),
            "vlan_id": _vlan(device),
            "band": band,
            "channel": channels[ap.number % len(channels)],
            "proto": _PROTOS[device.number % len(_PROTOS)],
            "key_mgmt": _key_mgmt(device),
            "rssi": round(report.rssi),
            "snr": round(report.rssi) + 95,
        }

    def _any_ap(self, device: Device) -> AccessPoint:
        return self.world.aps_of(device.site_id)[0]

    def _fingerprint(self, device: Device) -> Json:
        manufacture, family, model, system = hardware(device)
        number = device.number
        return {
            "hostname": device.hostname,
            "ip": f"192.0.2.{number + 1}" if number < 250 else f"10.20.{number // 250}.{1 + number % 250}",
            "ip6": f"2001:db8::{number + 1:x}",
            "manufacture": manufacture,
            "family": family,
            "model": model,
            "os": system,
            "is_guest": device.guest is not None,
            "dual_band": device.form != "watch",
            "power_saving": device.form in ("phone", "watch"),
        }

    def _traffic(self, device: Device, report: Report) -> Json:
        uptime = max(0, int(report.at - device.associated_at))
        volume = 1 + device.number % 7
        rate = max(6.5, 900.0 + 11.0 * report.rssi)
        return {
            "last_seen": self.time(device, report.at),
            "assoc_time": int(self.world.epoch + device.associated_at + self._skew()),
            "uptime": uptime,
            "idle_time": float(device.number % 4),
            "rx_rate": round(rate * 0.9, 1),
            "tx_rate": round(rate, 1),
            "rx_bps": 950 * volume,
            "tx_bps": 7200 * volume,
            "rx_bytes": 81_920 + 119 * volume * uptime,
            "tx_bytes": 655_360 + 900 * volume * uptime,
            "rx_pkts": 640 + volume * uptime // 5,
            "tx_pkts": 980 + volume * uptime // 2,
            "rx_retries": 11 + uptime // 60,
            "tx_retries": 23 + uptime // 30,
        }


def _vlan(device: Device) -> str:
    if device.guest is not None:
        return ""
    return str(device.psk.vlan_id) if device.psk else "20"


def _key_mgmt(device: Device) -> str:
    if device.guest is not None:
        return "Open"
    if device.psk is not None or device.kind in ("psk", "shared"):
        return "WPA2-PSK/CCMP"
    return "WPA3-EAP/CCMP" if device.form == "laptop" else "WPA2-EAP/CCMP"
