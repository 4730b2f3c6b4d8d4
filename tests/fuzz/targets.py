"""Every decoder of what others send, each with what has to hold for whatever it is given.

A target takes bytes. It returns for everything that the decoder takes or refuses as it should; whatever else it
raises is a finding.
"""

import asyncio
import tempfile
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from typing import Any, NamedTuple

import httpx
import orjson
from pydantic import ValidationError

from mistlocate import jsontext, plaintext
from mistlocate.driver.command import Level
from mistlocate.drivers.mist_locations.records import location_record
from mistlocate.drivers.mist_websocket import images, pictures
from mistlocate.drivers.mist_websocket.tracker import Tracker
from mistlocate.engines import logs
from mistlocate.engines.embedded import access, config, proxies
from mistlocate.engines.embedded.api import bodies, control
from mistlocate.engines.placeos import framing, messages
from mistlocate.errors import BadArguments, CloudTrouble, ConnectionLost, SettingsError
from mistlocate.location.evidence import Source
from mistlocate.location.floorplans import FloorMapping, Plan
from mistlocate.location.identity import NameRules, format_mac
from mistlocate.location.observation import Origin
from mistlocate.location.search import Person, search
from mistlocate.macs import whole_mac
from mistlocate.mist import clouds, frames, models, rest
from mistlocate.mist.cloud_clock import CloudClock
from mistlocate.transport.json_splitter import JsonSplitter
from mistlocate.transport.unpacking import Unpacker

SITE, MAP = "67970e46-4e12-11e6-9188-0242ac110007", "83806fdf-2a1f-5df8-96dd-c53b33948ec4"
CHANNEL = f"/sites/{SITE}/stats/maps/{MAP}/clients"
RECORD = {
    "mac": "00005e005300", "site_id": SITE, "map_id": MAP, "x": 100.5, "y": 200, "x_m": 5.0, "y_m": 10.0,
    "num_locating_aps": 3, "accuracy": 4, "last_seen": 1767261600, "username": "alice@example.com", "is_guest": False,
    "guest": {"email": "guest@example.com"}, "manufacture": "Example", "os": "X", "ssid": "Corp", "psk_id": "p-1",
}  # fmt: skip


class Target(NamedTuple):
    """A decoder with what it must not do, and things to begin with."""

    run: Callable[[bytes], None]
    seeds: tuple[bytes, ...]


class _StoppedClock:
    def wall(self) -> float:
        return 1_767_261_600.0

    def monotonic(self) -> float:
        return 1000.0

    async def sleep(self, seconds: float) -> None:
        await asyncio.Event().wait()

    def timeout(self, seconds: float | None) -> Any:
        return asyncio.timeout(None)


def _tracker(*, keep_all: bool) -> Tracker:
    tracker = Tracker(_StoppedClock(), forget_after=1800, rules=NameRules(), keep_all=keep_all)
    tracker.set_maps({MAP: models.Map(id=MAP, width=1600, height=900, width_m=80, height_m=45)})
    return tracker


#: A map without a size: whatever is a number is a place on it.
_PLAN = Plan(FloorMapping({"building": "b", "level": "l"}), None)


def _publish(tracker: Tracker) -> None:
    """Whatever was taken in can be written out, and answered: one odd record would else cost the whole list."""
    for client in list(tracker.roster.clients.values()):
        record = orjson.loads(jsontext.dumps(tracker.record(client)))
        assert record["mac"] == client.mac
        placed = location_record({**record, "map_id": MAP}, _PLAN, 1_767_261_600.0, stale=False)
        assert all(placed[key] is None or placed[key] == placed[key] for key in ("x", "y"))
        jsontext.dumps(placed)


def stream_frame(data: bytes) -> None:
    for keep_all in (False, True):
        tracker = _tracker(keep_all=keep_all)
        for event in frames.decode(data):
            if isinstance(event, frames.ClientFrame):
                tracker.frame(event, frozenset({SITE}))
            elif isinstance(event, frames.Rejected | frames.Refused | frames.Ignored):
                tracker.rejected(event)
        _publish(tracker)


def rest_answer(data: bytes) -> None:
    try:
        value = jsontext.loads(data)
    except ValueError:
        return
    orjson.dumps(models.shape(value))
    models.redact(value)
    items = value if isinstance(value, list) else [value]
    for model in (models.Map, models.Psk, models.Site, models.TokenInfo, models.Usage, models.ClientStats):
        rows: list[rest.Row[Any]] = []
        rest._sort(model, items, rows, [])
        if model is models.ClientStats:
            tracker = _tracker(keep_all=True)
            for row in rows:
                tracker.row(row, Origin.SNAPSHOT, 999.0)
            _publish(tracker)


def core_frames(data: bytes) -> None:
    reader = framing.FrameReader()
    try:
        found = [each for start in range(0, len(data), 7) for each in reader.feed(data[start : start + 7])]
    except framing.FramingError:
        found = []
    for each in [*found, data]:
        try:
            message = messages.decode(each)
        except messages.MessageError:
            continue
        written = messages.encode(message.answer("null"))
        assert b"\0" not in framing.frame(written)[2:-2]
        assert orjson.loads(written)["id"] == message.id
        with suppress(messages.MessageError):
            messages.read_model(message.payload)
        with suppress(BadArguments):
            messages.read_call(message.payload)


def json_stream(data: bytes) -> None:
    whole, parts = JsonSplitter(), JsonSplitter()
    found = whole.feed(data)
    assert found == [each for at in range(len(data)) for each in parts.feed(data[at : at + 1])]
    assert all(each[:1] in b"{[" and each[-1:] in b"}]" for each in found)


def request_body(data: bytes) -> None:
    try:
        value = bodies.parse(data)
    except ValueError:
        return
    jsontext.dumps(value)
    with suppress(ValidationError):
        message = control.Message.model_validate(value)
        jsontext.dumps(message.meta)


_FOLDER = Path(tempfile.gettempdir()) / "mistlocate-no-such-folder"


def settings_file(data: bytes) -> None:
    text = data.decode("utf-8", "replace").replace("${", "$ {")  # nothing is read from this machine
    with suppress(SettingsError):
        config.load_text(text, _FOLDER)


def address(data: bytes) -> None:
    text = data.decode("utf-8", "replace")
    for read in (clouds.read_portal, clouds.read_cloud, clouds.endpoints_of_uri):
        with suppress(ValueError):
            read(text)
    with suppress(BadArguments):
        url = httpx.URL("https://api.mist.com" + rest.relative_path(text))
        assert (url.host, url.scheme, url.port, url.userinfo) == ("api.mist.com", "https", None, b"")
        assert url.path.startswith("/api/v1/")
        assert ".." not in url.path.split("/")
    for before in ("https://api.mist.com/", "http://127.0.0.1:1/"):
        with suppress(CloudTrouble, httpx.InvalidURL):  # the latter is a TransportError when it is asked
            found = httpx.URL(images.address_after(before, text))
            assert not found.userinfo
            assert found.scheme == "https" or (found.scheme == "http" and before.startswith("http:"))


def picture(data: bytes) -> None:
    found = pictures.picture_of(data)
    assert found is None or found.width * found.height >= 0


def packed(data: bytes) -> None:
    body = Unpacker("gzip", 1000)
    with suppress(ConnectionLost):
        for start in range(0, len(data), 5):
            body.feed(data[start : start + 5])
        assert len(body.whole()) <= 1000


def name(data: bytes) -> None:
    text = data.decode("utf-8", "replace")
    tracker = _tracker(keep_all=False)
    tracker.owners.learn("00005e005300", text, Source.DOT1X, 1.0)
    owned = tracker.owners.owner_of("00005e005300")
    if owned is not None:
        assert tracker.owners.macs_of([owned.identity]) == ["00005e005300"]
        search([Person(owned.identity, ("00005e005300",))], text)
    tracker.owners.match(text)
    mac = whole_mac(text)
    assert mac is None or (len(mac) == 12 and format_mac(mac) == mac)
    shown = plaintext.visible(text, lines=False)
    assert "\x1b" not in shown
    assert "\n" not in shown
    logs.redact_text(text)


_ACCESS = access.Access([access.ApiKey("k", Level.USER, access.hash_key("sesame"))])
_PROXIES = proxies.TrustedProxies([proxies.network("127.0.0.1"), proxies.network("10.0.0.0/8")])


def headers(data: bytes) -> None:
    text = data.decode("latin-1")
    _PROXIES.caller("127.0.0.1", [text])
    given = {"host": text, "origin": text, "authorization": text, "x-forwarded-proto": text}
    assert _PROXIES.scheme("127.0.0.1", given, "http") in ("http", "https")
    for each in (access.Access(), _ACCESS):
        refused = each.check({"host": text, "origin": text})
        assert refused is not None or not each._keys or access._netloc(text) == text.lower()
    assert isinstance(_ACCESS.identify(access.credentials(given, "127.0.0.1")), access.Refusal) or "sesame" in text
    CloudClock(_StoppedClock()).observe(text, 0.0, 0.1)


def _json(value: Any) -> bytes:
    return orjson.dumps(value)


def _framed(value: Any) -> bytes:
    body = _json(value)
    return len(body).to_bytes(4, "little") + body


_EXEC = {"id": "mod-1", "cmd": "exec", "seq": 1, "reply": "x", "payload": '{"__exec__":"maps","maps":[]}'}
_START = {"id": "mod-1", "cmd": "start", "payload": '{"role":3,"settings":{},"control_system":{"id":"sys-1"}}'}
_SETTINGS = b"listen: 127.0.0.1:8680\nzones: [{id: z, name: Z}]\nsystems:\n  - id: s\n    modules:\n      - driver: MistWebsocket\n        settings: {api_token: abc, site_id: abc}\napi_keys: []\n"

TARGETS: dict[str, Target] = {
    "stream": Target(
        stream_frame,
        (
            _json({"event": "channel_subscribed", "channel": CHANNEL}),
            _json({"event": "subscribe_failed", "channel": CHANNEL, "detail": "no"}),
            _json({"event": "data", "channel": CHANNEL, "data": _json(RECORD).decode()}),
            _json({"event": "data", "channel": f"/sites/{SITE}/stats/clients", "data": RECORD}),
            _json({"event": "data", "channel": CHANNEL, "data": [{"data": RECORD}, {"mac": 1}]}),
        ),
    ),
    "rest": Target(rest_answer, (_json([RECORD]), _json({"results": [RECORD]}), b'[{"id":"a","email":null,"usage":1}]')),
    "core": Target(core_frames, (_framed(_EXEC) + _framed(_START), _json(_EXEC))),
    "json-stream": Target(json_stream, (b'{"a":"}\\""}[1,[2]] x {}', _json(RECORD) * 2)),
    "request": Target(request_body, (b'{"id":1,"sys":"s","mod":"m","index":1,"cmd":"exec","name":"n","args":[1]}', b"[]")),
    "settings": Target(settings_file, (_SETTINGS, b"a: &a [1, 2]\nb: [*a, *a]\n? [x]\n: 1\n")),
    "address": Target(
        address,
        (
            f"https://manage.eu.mist.com/admin/?org_id={SITE}#!dashboard/insights/site/{SITE}".encode(),
            b"/api/v1/sites/x/maps?limit=1", b"wss://api-ws.mist.com:443/api-ws/v1/stream", b"//host/x", b"[::1]:80",
        ),
    ),
    "picture": Target(
        picture,
        (
            b"\x89PNG\r\n\x1a\n\0\0\0\rIHDR\0\0\0\x10\0\0\0\x10\x08\x06", b"GIF89a\x10\0\x10\0",
            b"\xff\xd8\xff\xe0\0\x04ab\xff\xc0\0\x11\x08\0\x10\0\x10", b"RIFF\0\0\0\0WEBPVP8X\0\0\0\0\0\0\0\0\1\0\0\1\0\0",
        ),
    ),
    "packed": Target(packed, (b"\x1f\x8b\x08\0\0\0\0\0\0\3K\4\0C\xbe\xb7\xe8\1\0\0\0",)),
    "name": Target(name, (b"Alice@Example.com", b"EXAMPLE\\alice", b"00:00:5E:00:53:00", "\u202ealice".encode())),
    "headers": Target(headers, (b"127.0.0.1:8680", b"http://[::1]:80", b"Bearer x", b"10.0.0.1, 1.2.3.4", b"Fri, 02 Jan 2026 10:00:00 GMT")),
}  # fmt: skip
