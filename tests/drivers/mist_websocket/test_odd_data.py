"""Each oddity that a cloud, a network or a joker has been seen to send, from the frame to the location record."""

import json
from typing import Any

import orjson
import pytest

from mistlocate import jsontext
from mistlocate.drivers.mist_locations.records import location_record
from mistlocate.drivers.mist_websocket.report import diagnostics
from mistlocate.drivers.mist_websocket.tracker import Tracker
from mistlocate.location.floorplans import FloorMapping, MapInfo, Plan
from mistlocate.location.identity import NameRules
from mistlocate.location.observation import Origin
from mistlocate.mist.frames import Channel, ClientFrame, Rejected, decode
from mistlocate.mist.models import ClientStats, Map
from mistlocate.mist.rest import Row, _sort
from mistlocate.transport.websocket import MAX_FRAME, open_websocket
from support.virtual import START, VirtualClock, virtual

MAC, OTHER = "00005e005301", "00005e005302"
GOOD: dict[str, Any] = {
    "mac": MAC, "site_id": "site", "map_id": "m1", "x": 212.4, "y": 141.0, "num_locating_aps": 5, "accuracy": 3,
    "last_seen": int(START) - 6, "username": "alice@example.com", "manufacture": "Dell", "os": "X", "ssid": "Corp",
    "is_guest": False,
}  # fmt: skip
PLAN = Plan(
    FloorMapping({"building": "b", "level": "l"}), MapInfo("m1", width=1600, height=900), 1600, 900, pixels=(1600, 900)
)


def tracker(*, keep_all: bool = False) -> Tracker:
    made = Tracker(VirtualClock(), forget_after=1800, rules=NameRules(), keep_all=keep_all)
    made.set_maps({"m1": Map(id="m1", width=1600, height=900, width_m=80.0)})
    return made


def hear(it: Tracker, record: str, *, inside: bool = True) -> None:
    """A record as text, as the cloud sends it: JSON in the JSON of the frame, or as a part of it."""
    data = json.dumps(record) if inside else record
    for event in decode(f'{{"event":"data","channel":"{Channel("site")}","data":{data}}}'):
        if isinstance(event, ClientFrame):
            it.frame(event, frozenset({"site"}))
        elif isinstance(event, Rejected):
            it.rejected(event)


def text(**changes: str) -> str:
    """The good record with fields as JSON writes them; NaN and the like included."""
    fields = {key: json.dumps(value) for key, value in GOOD.items()} | changes
    return "{" + ",".join(f'"{key}":{value}' for key, value in fields.items()) + "}"


def answer(it: Tracker, mac: str = MAC) -> dict[str, Any]:
    """The location record, through the JSON in which drivers talk to each other."""
    client = it.roster.get(mac)
    assert client is not None
    found = orjson.loads(jsontext.dumps(it.record(client)))
    record = location_record(found, PLAN, found["last_seen"], stale=False)
    assert orjson.loads(jsontext.dumps(record)) == record, "it is plain JSON, without NaN"
    return record


def place(it: Tracker, mac: str = MAC) -> tuple[Any, Any]:
    record = answer(it, mac)
    return record["x"], record["y"]


both = pytest.mark.parametrize("keep_all", [False, True], ids=["needed fields", "whole records"])


class TestPlaces:
    @both
    @pytest.mark.parametrize("odd", ["null", "NaN", "Infinity", "-Infinity", "1e999", '"abc"', "[]", "{}"])
    @virtual
    async def test_no_number_is_no_place_and_the_device_stays_on_its_level(self, odd: str, keep_all: bool) -> None:
        it = tracker(keep_all=keep_all)
        hear(it, text(x=odd))
        assert place(it) == (None, None)
        assert it.roster.count_on_map("m1") == 1

    @both
    @pytest.mark.parametrize("odd", ["-1e308", "1e308", "1e17", "-90000"])
    @virtual
    async def test_a_huge_or_far_negative_number_is_no_place(self, odd: str, keep_all: bool) -> None:
        it = tracker(keep_all=keep_all)
        hear(it, text(x=odd))
        assert place(it) == (None, None)

    @both
    @pytest.mark.parametrize("odd", ["0", "-0.0", "-20.5"])
    @virtual
    async def test_zero_is_a_place_and_so_is_a_little_outside(self, odd: str, keep_all: bool) -> None:
        it = tracker(keep_all=keep_all)
        hear(it, text(x=odd))
        assert place(it) == (float(odd), 141.0)

    @both
    @virtual
    async def test_numbers_as_texts_are_read(self, keep_all: bool) -> None:
        it = tracker(keep_all=keep_all)
        hear(it, text(x='"212.5"', y='"0"', num_locating_aps='"3"', last_seen=f'"{int(START) - 5}"'))
        client = it.roster.get(MAC)
        assert client is not None
        assert client.position is not None
        assert (client.position.x, client.position.y, client.seen_at) == (212.5, 0.0, START - 5)

    @pytest.mark.parametrize("odd", ["1" * 400, "1" * 5000, "18446744073709551616"], ids=len)
    @virtual
    async def test_a_number_of_hundreds_of_digits_costs_nobody_else_anything(self, odd: str) -> None:
        it = tracker(keep_all=True)
        hear(it, text(mac=f'"{OTHER}"'), inside=False)
        hear(it, text(something_new=odd), inside=False)
        hear(it, text(something_new=odd))
        assert place(it, OTHER) == (212.4, 141.0)
        jsontext.dumps(it.records_on("m1"))


class TestAccessPoints:
    @both
    @pytest.mark.parametrize("odd", ["0", "-3", "null", "NaN", '"many"', "1e9"])
    @virtual
    async def test_none_many_or_nonsense_leaves_an_error_radius(self, odd: str, keep_all: bool) -> None:
        it = tracker(keep_all=keep_all)
        hear(it, text(num_locating_aps=odd, accuracy="null"))
        record = answer(it)
        assert record["x"] == 212.4
        assert 0 < record["variance"] < 10_000


class TestTimes:
    @pytest.mark.parametrize(
        ("odd", "seen"),
        [
            (str((int(START) - 6) * 1000), START - 6),
            (f"{(START - 6) * 1000:.1f}", START - 6),
            (str(int(START) + 100), START),
            (str(int(START) + 86_400), None),
            (str((int(START) + 86_400) * 1000), None),
            ("0", None),
            ("-5", None),
            ("NaN", None),
            ("1e300", None),
            ('"yesterday"', None),
        ],
    )
    @virtual
    async def test_milliseconds_and_what_is_no_time(self, odd: str, seen: float | None) -> None:
        it = tracker()
        hear(it, text(last_seen=odd))
        client = it.roster.get(MAC)
        assert client is not None
        assert client.seen_at == seen
        assert client.located_from == ("source" if seen is not None else "arrival")


class TestMacs:
    @virtual
    async def test_of_two_records_of_one_mac_the_newer_stays(self) -> None:
        it = tracker()
        hear(it, f"[{text(x='1')},{text(x='2')}]", inside=False)
        assert place(it) == (2.0, 141.0)
        assert len(it.roster) == 1

    @both
    @pytest.mark.parametrize(
        "odd", ["00:00:5E:00:53:01", "0000.5e00.5301", " 00-00-5e-00-53-01 ", "00005e\\u202e005301"]
    )
    @virtual
    async def test_however_it_is_written_it_is_answered_as_twelve_digits(self, odd: str, keep_all: bool) -> None:
        it = tracker(keep_all=keep_all)
        hear(it, text(mac=f'"{odd}"'), inside=False)
        assert answer(it)["mac"] == MAC

    @pytest.mark.parametrize("odd", ["null", "5", '""', '"00005e0053"', '"00005e005301ff"', '"zz"', "[]"])
    @virtual
    async def test_without_one_there_is_no_client_and_it_is_counted(self, odd: str) -> None:
        it = tracker()
        hear(it, f"[{text(mac=odd)},{text(mac=json.dumps(OTHER))}]", inside=False)
        assert list(it.roster.clients) == [OTHER]
        assert it.counts["rejected"] == 1


class TestNames:
    @both
    @pytest.mark.parametrize(
        "name", ["x" * 200, "\u202eecila\u202c@example.com", "שלום@example.com", "a\u0000b", "\x1b[31mred", "😀" * 50]
    )
    @virtual
    async def test_long_and_bidirectional_ones_are_kept_as_they_are(self, name: str, keep_all: bool) -> None:
        it = tracker(keep_all=keep_all)
        hear(it, text(username=json.dumps(name)))
        assert place(it) == (212.4, 141.0)
        owned = it.owners.owner_of(MAC)
        assert owned is not None
        assert owned.identity.name in name.lower()

    @virtual
    async def test_one_without_end_is_dropped_and_counted(self) -> None:
        it = tracker()
        hear(it, text(username=json.dumps("x" * 5000)))
        assert place(it) == (212.4, 141.0)
        assert it.owners.owner_of(MAC) is None
        assert it.counts["fields_dropped"] == 1

    @virtual
    async def test_half_a_character(self) -> None:
        it = tracker(keep_all=True)
        hear(it, text(username='"al\\ud800ice"'), inside=False)
        assert place(it) == (212.4, 141.0)


class TestFields:
    @both
    @virtual
    async def test_unknown_fields_and_types_are_no_reason(self, keep_all: bool) -> None:
        it = tracker(keep_all=keep_all)
        hear(it, text(brand_new='{"a":[1]}', os="5", ssid="[1]", manufacture="null", is_guest='"perhaps"', guest="7"))
        assert place(it) == (212.4, 141.0)

    @both
    @virtual
    async def test_depth_that_nobody_can_write_again(self, keep_all: bool) -> None:
        it = tracker(keep_all=keep_all)
        hear(it, text(mac=f'"{OTHER}"'))
        hear(it, text(odd="[" * 400 + "]" * 400), inside=False)
        jsontext.dumps(it.records_on("m1"))
        assert place(it) == place(it, OTHER) == (212.4, 141.0)
        if keep_all:
            client = it.roster.get(MAC)
            assert client is not None
            assert "odd" not in it.record(client)
            assert it.counts["fields_dropped"] == 1

    @pytest.mark.parametrize("odd", ["[" * 100_000, '{"a":' * 100_000, "[" * 5000 + "]" * 5000])
    @virtual
    async def test_depth_without_end(self, odd: str) -> None:
        it = tracker()
        hear(it, odd, inside=False)
        hear(it, text())
        assert place(it) == (212.4, 141.0)
        assert it.counts["rejected"] == 1

    @virtual
    async def test_diagnostics_tell_shapes_and_no_values(self) -> None:
        class Nothing:
            trouble = None
            unreadable = 0

        it = tracker()
        hear(it, text(mac="7", username='"secret-name"'))
        found = str(diagnostics(it, Nothing(), None, it.clock))  # type: ignore[arg-type]
        assert "secret-name" not in found
        assert "text of 11" in found

    @virtual
    async def test_the_same_rows_in_a_list(self) -> None:
        it = tracker(keep_all=True)
        rows: list[Row[ClientStats]] = []
        items = [{**GOOD, "x": None}, {"mac": 5}, None, [], {**GOOD, "mac": OTHER, "n": 10**30}]
        rejected: list[Any] = []
        _sort(ClientStats, items, rows, rejected)
        for row in rows:
            it.row(row, Origin.SNAPSHOT, 0.0)
        assert set(it.roster.clients) == {MAC, OTHER}
        assert len(rejected) == 3
        jsontext.dumps(it.records_on("m1"))


async def test_frames_of_ten_megabytes_are_read_and_larger_ones_than_the_limit_end_the_connection() -> None:
    from websockets.asyncio.server import ServerConnection, serve

    padded = text(padding=json.dumps("x" * 10_000_000))

    async def talk(connection: ServerConnection) -> None:
        await connection.send(f'{{"event":"data","channel":"{Channel("site")}","data":{padded}}}')
        await connection.send("x" * (MAX_FRAME + 1))
        await connection.wait_closed()

    async with serve(talk, "127.0.0.1", 0, max_size=None, compression=None) as server:
        port = next(iter(server.sockets)).getsockname()[1]
        async with open_websocket(f"ws://127.0.0.1:{port}", {}) as link:
            (event,) = decode(await link.receive())
            assert isinstance(event, ClientFrame)
            assert event.stats.mac == MAC
            with pytest.raises(Exception, match="1009"):
                await link.receive()
