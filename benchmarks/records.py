"""What the load says: a site of clients whose records have the shape and size of the cloud's, and its frames.

Two in three clients sign in by 802.1X, the others use a phone without a name. A frame of the site's channel carries a
whole record, one of a map's channel a position. Everything follows from numbers, so that processes agree without
talking.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any
from uuid import UUID

import orjson

ORG = str(UUID(int=0xA << 64))

#: Pixels and metres of every map.
WIDTH, HEIGHT, PPM = 2000, 1200, 20.0

#: Latitude and longitude of the corners of a geo-referenced one.
TOP_LEFT, BOTTOM_RIGHT = (52.5210, 13.4040), (52.5205, 13.4054)

#: Manufacturer, family and operating system of clients in turn.
SYSTEMS = (
    ("Apple", "iPhone", "iOS 18"),
    ("Samsung", "Galaxy", "Android 15"),
    ("Dell", "Laptop", "Windows 11"),
    ("Lenovo", "ThinkPad", "Windows 11"),
)


@dataclass(frozen=True)
class Site:
    """A site of `clients`, spread evenly over `maps`."""

    clients: int
    maps: int = 20
    number: int = 0

    @property
    def id(self) -> str:
        return str(UUID(int=(0xB << 64) + self.number))

    @property
    def map_ids(self) -> list[str]:
        return [self.map_id(number) for number in range(self.maps)]

    def map_id(self, number: int) -> str:
        return str(UUID(int=(0xC << 64) + self.number * 1000 + number))

    @property
    def channel(self) -> str:
        return f"/sites/{self.id}/stats/clients"

    def map_channel(self, map_id: str) -> str:
        return f"/sites/{self.id}/stats/maps/{map_id}/clients"

    def mac(self, client: int) -> str:
        return f"{(0x5C << 40) + self.number * 1_000_000 + client:012x}"

    def user(self, client: int) -> str | None:
        return None if client % 3 == 2 else f"user{client}@example.com"

    def map_of(self, client: int) -> int:
        """The number of the map that a client is on."""
        return client % self.maps

    def place(self, client: int, turn: int) -> tuple[float, float]:
        """Where a client is after so many steps, in pixels."""
        return (client * 37 + turn * 13.5) % WIDTH, (client * 91 + turn * 7.25) % HEIGHT

    def map_record(self, number: int, *, google: bool = False) -> dict[str, Any]:
        record = {
            "id": self.map_id(number), "org_id": ORG, "site_id": self.id, "name": f"Floor {number + 1}",
            "type": "google" if google else "image", "width": WIDTH, "height": HEIGHT, "width_m": WIDTH / PPM,
            "height_m": HEIGHT / PPM, "ppm": PPM, "modified_time": 1_700_000_000.0,
        }  # fmt: skip
        if google:
            record |= {
                "latlng_tl": {"lat": f"{TOP_LEFT[0]:.4f}", "lng": f"{TOP_LEFT[1]:.4f}"},
                "latlng_br": {"lat": f"{BOTTOM_RIGHT[0]:.4f}", "lng": f"{BOTTOM_RIGHT[1]:.4f}"},
            }
        return record

    def record(self, client: int, turn: int, seen: float) -> dict[str, Any]:
        """A whole record, as REST and the site's channel have it."""
        manufacture, family, system = SYSTEMS[client % len(SYSTEMS)]
        user, mac = self.user(client), self.mac(client)
        x, y = self.place(client, turn)
        record = {
            "mac": mac, "site_id": self.id, "ap_id": f"00000000-0000-0000-1000-5c5b35{client % 200:06x}",
            "ap_mac": f"5c5b35{client % 200:06x}", "bssid": f"5c5b36{client % 200:06x}", "ssid": "Campus",
            "wlan_id": "be22bba7-8e22-e1cf-5185-b880816fe2cf", "vlan_id": "20", "band": "5", "channel": 36,
            "proto": "ax", "key_mgmt": "WPA2-EAP/CCMP" if user else "WPA2-PSK/CCMP", "rssi": -61, "snr": 34,
            "hostname": f"device-{client}", "ip": f"10.{client // 65536 % 256}.{client // 256 % 256}.{client % 256}",
            "ip6": f"2001:db8::{client:x}", "manufacture": manufacture, "family": family, "model": "", "os": system,
            "is_guest": False, "dual_band": True, "power_saving": False, "last_seen": seen,
            "assoc_time": 1_700_000_000, "uptime": 4711 + turn, "idle_time": 1.0, "rx_rate": 351.1, "tx_rate": 390.2,
            "rx_bps": 950, "tx_bps": 7200, "rx_bytes": 819_200 + turn, "tx_bytes": 6_553_600 + turn, "rx_pkts": 640,
            "tx_pkts": 980, "rx_retries": 11, "tx_retries": 23, "type": "regular", "annotation": "unknown",
            "group": "", "airespace_ifname": "", "airwatch": {"authorized": False}, "_ttl": 300,
            "map_id": self.map_id(self.map_of(client)), "x": x, "y": y, "x_m": round(x / PPM, 6),
            "y_m": round(y / PPM, 6), "num_locating_aps": 3, "accuracy": 5,
        }  # fmt: skip
        return record | {"username": user} if user else record

    def frame(self, client: int, turn: int, seen: float) -> bytes:
        """A frame of the site's channel: the record is JSON text within JSON, as the cloud sends it."""
        return _data(self.channel, self.record(client, turn, seen))

    def position_frame(self, client: int, turn: int) -> bytes:
        """A frame of a map's channel."""
        map_id = self.map_id(self.map_of(client))
        x, y = self.place(client, turn)
        record = {
            "mac": self.mac(client), "map_id": map_id, "x": x, "y": y, "x_m": round(x / PPM, 6),
            "y_m": round(y / PPM, 6), "num_locating_aps": 3, "rssi": -61.5,
            "connected_ap": f"5c5b35{client % 200:06x}", "_ttl": 300,
        }  # fmt: skip
        return _data(self.map_channel(map_id), record)

    def frames(self, count: int, seen: float, *, whole: bool = True) -> Iterator[bytes]:
        """So many frames, client after client in turn; each turn was seen a second after the one before."""
        for number in range(count):
            turn, client = divmod(number, self.clients)
            yield self.frame(client, turn, seen + turn) if whole else self.position_frame(client, turn)


def _data(channel: str, record: dict[str, Any]) -> bytes:
    return orjson.dumps({"event": "data", "channel": channel, "data": orjson.dumps(record).decode()})
