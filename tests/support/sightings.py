"""A tracker of one map, and records for it."""

import json
from typing import Any

from mistlocate.drivers.mist_websocket.tracker import Tracker
from mistlocate.location.identity import NameRules
from mistlocate.mist.frames import Channel, ClientFrame, Ignored, Refused, Rejected, decode
from mistlocate.mist.models import Map
from support.virtual import START, VirtualClock

SITES = frozenset({"site"})
MAC = "00005e005301"
FULL: dict[str, Any] = {
    "mac": MAC, "site_id": "site", "map_id": "m1", "x": 212.4, "y": 141.0, "x_m": 10.62, "y_m": 7.05,
    "num_locating_aps": 5, "accuracy": 3, "last_seen": int(START) - 6, "username": "alice@example.com",
    "manufacture": "Dell", "os": "Windows 11", "ssid": "Corp", "key_mgmt": "WPA2-EAP/CCMP", "is_guest": False,
    "tx_rate": 344.0,
}  # fmt: skip
SLIM = {"mac": MAC, "map_id": "m1", "x": 238.5, "y": 153.0, "num_locating_aps": 4}


def tracker(*, keep_all: bool = False, ignored: tuple[str, ...] = ("host/",)) -> Tracker:
    made = Tracker(VirtualClock(), forget_after=1800, rules=NameRules.of({}, ignored), keep_all=keep_all)
    made.set_maps({"m1": Map(id="m1", width=1600, width_m=80.0)})
    return made


def hear(it: Tracker, record: dict[str, Any], channel: Channel | None = None) -> None:
    channel = channel or Channel("site")
    text = json.dumps({"event": "data", "channel": str(channel), "data": json.dumps(record)})
    for event in decode(text):
        if isinstance(event, ClientFrame):
            it.frame(event, SITES)
        elif isinstance(event, Rejected | Refused | Ignored):
            it.rejected(event)
