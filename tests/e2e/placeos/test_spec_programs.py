"""The spec programs of PlaceOS' two Mist drivers, word for word in what they expect, against our executables."""

import asyncio
import json
import sys
from pathlib import Path
from typing import Any

import pytest

from support.redis_server import RedisServer
from support.spec_http import Handler, HttpRequest, HttpResponse
from support.spec_runner import SpecRunner, spec_runner

pytestmark = pytest.mark.needs("redis-server")

BIN = Path(sys.executable).parent

MAC = "5684dae9ac8b"
MAP_ID = "63eda950-c6da-11e4-a628-60f81dd250cc"

#: A client as the cloud tells it in full; invented, with fields that nobody has described.
CLIENT = """{
  "mac": "5684dae9ac8b",
  "map_id": "63eda950-c6da-11e4-a628-60f81dd250cc",
  "site_id": "0ad2a7d0-c6da-11e4-9d0b-1258369c38a9",
  "x": 53.5,
  "y": 173.25,
  "x_m": 5.35,
  "y_m": 17.325,
  "accuracy": 3,
  "num_locating_aps": 3,
  "last_seen": 1470417522,
  "assoc_time": 1470410000.5,
  "uptime": 7522.25,
  "idle_time": 4,
  "hostname": "invented-laptop",
  "username": "steve@example.com",
  "ip": "192.0.2.31",
  "ip6": null,
  "os": "Invented OS 10",
  "manufacture": "Example Devices",
  "family": "laptop",
  "model": "Model 7 \\u00fc",
  "ssid": "example-corp",
  "wlan_id": "be22bba7-8e22-e1cf-5185-b880816fe2cf",
  "psk_id": null,
  "psk_name": "",
  "ap_mac": "5c5b350e0001",
  "ap_id": "00000000-0000-0000-1000-5c5b350e0001",
  "band": "5",
  "channel": 149,
  "proto": "ac",
  "vlan_id": "10",
  "key_mgmt": "WPA2-EAP/CCMP",
  "dual_band": true,
  "is_guest": false,
  "guest": {
    "authorized": false,
    "authorized_expiring_time": 0,
    "name": "",
    "company": "Example \\"Quoted\\" Ltd"
  },
  "airwatch": { "authorized": false },
  "rssi": -65,
  "snr": 31,
  "rx_rate": 65.0,
  "tx_rate": 117.0,
  "rx_bytes": 175132,
  "tx_bytes": 1062311,
  "rx_pkts": 12041,
  "tx_pkts": 8011,
  "rx_retries": 41,
  "tx_retries": 59,
  "rx_bps": 1024,
  "tx_bps": 2048,
  "rssizones": [ { "id": "61eda950-c6da-11e4-a628-60f81dd250cc", "since": 1470416522 } ],
  "zones": [ { "id": "62eda950-c6da-11e4-a628-60f81dd250cc", "since": 1470415522.5 } ],
  "_ttl": 600,
  "x_unheard_of": { "nested": [ 1, 2.0, null, { "deeper": "yes" } ] }
}
"""

#: The one map of the site. (The client is on another: the record counts, not the channel that it came on.)
MAPS = """[{
  "id": "map_id",
  "name": "Invented Office",
  "type": "image",
  "url": "https://maps.example.com/map_id.png",
  "thumbnail_url": "https://maps.example.com/map_id-thumb.png",
  "width": 1000,
  "height": 600,
  "width_m": 100.0,
  "height_m": 60.0,
  "ppm": 10.0,
  "origin_x": 35,
  "origin_y": 60,
  "orientation": 30,
  "locked": true,
  "site_id": "site_id",
  "org_id": "org_id",
  "created_time": 1470410000,
  "modified_time": 1470410000
}]"""

EVENT = json.dumps({"event": "data", "channel": "/sites/site_id/stats/maps/map_id/clients", "data": CLIENT}).encode()

ONE_CLIENT = f"/api/v1/sites/site_id/stats/clients/{MAC}"
SITE_MAPS = "/api/v1/sites/site_id/maps"
MAP_CLIENTS = "/api/v1/sites/site_id/stats/maps/map_id/clients"


def answers(path: str, text: str) -> Handler:
    """What the spec program does with a request: look at path and token, answer."""

    def handle(request: HttpRequest, response: HttpResponse) -> None:
        assert (request.method, request.path) == ("GET", path)
        assert request.headers["authorization"] == "Token token"
        response.write(text)

    return handle


async def follow_the_spec(runner: SpecRunner, pieces: list[bytes]) -> None:
    """The steps of `mist_websocket_spec`; the event comes in one write or in several."""
    await runner.expect_http_request(answers(SITE_MAPS, "[]"))
    await runner.expect_http_request(answers(SITE_MAPS, MAPS))
    await runner.expect_http_request(answers(MAP_CLIENTS, "[]"))

    asked = await runner.exec("client", MAC)
    await runner.expect_http_request(answers(ONE_CLIENT, CLIENT))
    assert await asked.get() == json.loads(CLIENT)

    for piece in pieces:
        await runner.transmit(piece)
    await runner.expect_http_request(answers(ONE_CLIENT, CLIENT))

    await asyncio.sleep(3.5)  # the spec program's own pause: statuses are published every three seconds
    assert await runner.status(MAP_ID) == [json.loads(CLIENT)]

    asked_for = [(request.method, request.path) for request in runner.http_seen]
    assert asked_for == [("GET", path) for path in (SITE_MAPS, SITE_MAPS, MAP_CLIENTS, ONE_CLIENT, ONE_CLIENT)]


def no_complaints(runner: SpecRunner) -> None:
    """Nothing that the runner forgives, but that core would not."""
    assert runner.ready_byte == b"r"
    assert runner.junk == []
    assert runner.calls_without_answer == []
    assert [frame["cmd"] for frame in runner.ignored] == ["start"]
    assert not [text for severity, text in runner.debug_frames if severity >= 5]


async def test_the_websocket_driver_passes_its_spec_and_asks_for_no_more(redis: RedisServer) -> None:
    async with spec_runner(str(BIN / "mist-websocket-driver"), redis.url) as runner:
        await follow_the_spec(runner, [EVENT])
        await runner.expect_no_http_request(10)
        assert await runner.status(MAP_ID) == [json.loads(CLIENT)]
        no_complaints(runner)
    assert len(runner.http_seen) == 5
    assert runner.exit_code == 0


@pytest.mark.parametrize("cuts", [(1, 700), (900, len(EVENT) - 1)], ids=["early", "late"])
async def test_an_event_may_come_in_pieces(redis: RedisServer, cuts: tuple[int, int]) -> None:
    first, second = cuts
    async with spec_runner(str(BIN / "mist-websocket-driver"), redis.url) as runner:
        await follow_the_spec(runner, [EVENT[:first], EVENT[first:second], EVENT[second:]])
        no_complaints(runner)
    assert runner.exit_code == 0


class MistWebsocket:
    """The mock that the spec program of the locations driver has."""

    def __init__(self) -> None:
        self.asked: list[str] = []

    async def ownership_of(self, mac_address: str) -> str | None:
        self.asked.append(mac_address)
        return "steve"


async def test_the_locations_driver_passes_its_spec(redis: RedisServer) -> None:
    async with spec_runner(str(BIN / "mist-locations-driver"), redis.url) as runner:
        await runner.system({"MistWebsocket": [MistWebsocket]})
        await asyncio.sleep(0.5)  # the spec program's own pause

        answer: Any = await runner.exec("format_mac", "0x12:34:A6-789B")
        assert await answer.get() == "1234a6789b"

        answer = await runner.exec("check_ownership_of", "0x12:34:A6-789B")
        assert await answer.get() == {"location": "wireless", "assigned_to": "steve", "mac_address": "1234a6789b"}

        assert runner.mocks["mod-MistWebsocket/1"].asked == ["1234a6789b"]
        no_complaints(runner)
        (call,) = [frame for frame in runner.frames if frame["cmd"] == "exec"]
        assert (call["id"], call["reply"]) == ("mod-MistWebsocket/1", "spec_runner")
        named = {"__exec__": "ownership_of", "ownership_of": {"mac_address": "1234a6789b"}}
        assert json.loads(call["payload"]) == named
    assert runner.http_seen == []
    assert runner.exit_code == 0
