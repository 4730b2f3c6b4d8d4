import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mistlocate.mist.frames import (
    CHANNELS_PER_CONNECTION,
    Acknowledged,
    Channel,
    ClientFrame,
    Ignored,
    Ledger,
    Refused,
    Rejected,
    Subscription,
    decode,
    parse_channel,
    subscribe,
    unsubscribe,
)

SITE, MAP = Channel("site"), Channel("site", "map1")
RECORD = {"mac": "00005e005301", "map_id": "map1", "x": 1.0, "y": 2.0}


def data(record: Any, channel: str = str(SITE)) -> str:
    return json.dumps({"event": "data", "channel": channel, "data": record})


class TestChannels:
    def test_names(self) -> None:
        assert str(SITE) == "/sites/site/stats/clients"
        assert str(MAP) == "/sites/site/stats/maps/map1/clients"

    @pytest.mark.parametrize("channel", [SITE, MAP])
    def test_back_and_forth(self, channel: Channel) -> None:
        assert parse_channel(str(channel)) == channel

    @pytest.mark.parametrize(
        "text",
        ["", "/test", "/sites/site/stats/devices", "/sites/site/stats/maps/m/assets", "sites/site/stats/clients"],
    )
    def test_other_channels(self, text: str) -> None:
        assert parse_channel(text) is None

    def test_messages(self) -> None:
        assert json.loads(subscribe("/a")) == {"subscribe": "/a"}
        assert json.loads(unsubscribe("/a")) == {"unsubscribe": "/a"}


class TestDecoding:
    @pytest.mark.parametrize(
        "wrapped",
        [
            json.dumps(RECORD),
            RECORD,
            json.dumps({"event": "data", "data": RECORD}),
            {"event": "data", "data": json.dumps(RECORD)},
        ],
        ids=["text", "object", "wrapped in text", "wrapped in an object"],
    )
    def test_a_record_in_every_form_it_comes_in(self, wrapped: Any) -> None:
        (event,) = decode(data(wrapped))
        assert isinstance(event, ClientFrame)
        assert (event.channel, event.stats.mac, event.stats.x) == (SITE, "00005e005301", 1.0)
        assert event.raw == RECORD

    @pytest.mark.parametrize("odd", ["NaN", "1e400", "[" * 190 + "]" * 190, '{"a": [null]}', '"\\ud800"', '"\\u0000"'])
    def test_all_that_a_record_says_can_be_asked_for(self, odd: str) -> None:
        (event,) = decode(data('{"mac": "00005e005301", "x": 1, "x": 2, "other": ODD}'.replace("ODD", odd)))
        assert isinstance(event, ClientFrame)
        assert (event.stats.x, event.raw["x"], event.raw.keys()) == (2.0, 2, {"mac", "x", "other"})

    def test_bytes_are_read_as_text_is(self) -> None:
        assert decode(data(RECORD).encode()) == decode(data(RECORD))

    def test_a_list_is_several_records_and_a_bad_one_costs_no_other(self) -> None:
        events = decode(data(json.dumps([RECORD, None, {"x": 1}, {**RECORD, "mac": "00005e005302"}])))
        assert [type(event) for event in events] == [ClientFrame, Rejected, Rejected, ClientFrame]

    def test_a_map_channel_is_told_from_the_sites(self) -> None:
        (event,) = decode(data(RECORD, str(MAP)))
        assert isinstance(event, ClientFrame)
        assert event.channel.map_id == "map1"

    def test_acknowledgements_in_any_order_of_keys(self) -> None:
        assert decode('{"channel":"/a","event":"channel_subscribed"}') == [Acknowledged("/a")]
        assert decode('{"event":"channel_subscribed","channel":"/a"}') == [Acknowledged("/a")]

    def test_refusals_with_and_without_reason(self) -> None:
        assert decode('{"event":"subscribe_failed","channel":"/a","detail":"permission denied"}') == [
            Refused("/a", "permission denied")
        ]
        assert decode('{"event":"subscribe_failed","channel":"/a"}') == [Refused("/a", "no reason given")]

    @pytest.mark.parametrize(
        "text",
        [
            '{"event":"something_new","channel":"/a"}',
            '{"event":"channel_unsubscribed","channel":"/a"}',
            '{"event":"data","channel":"/test","data":"1"}',
            '{"event":"data","data":{}}',
            '{"event":"channel_subscribed"}',
        ],
    )
    def test_what_is_not_for_us(self, text: str) -> None:
        (event,) = decode(text)
        assert isinstance(event, Ignored)

    @pytest.mark.parametrize(
        "text",
        [
            "",
            "not json",
            "[]",
            "null",
            "7",
            '{"channel":"/a"}',
            '{"event":7}',
            data("not json"),
            data("[]x"),
            data(7),
            data(None),
            data({"x": 1}),
            data({"mac": "nonsense"}),
            data({"event": "data", "data": {"event": "data", "data": RECORD}}),
            '{"event":"data","channel":"/sites/s/stats/clients","data":' + "[" * 900 + "]" * 900 + "}",
            data(json.loads("[" * 5 + "{}" + "]" * 5)),
            "[" * 100_000,
        ],
    )
    def test_what_cannot_be_read_is_rejected_without_saying_what_it_was(self, text: str) -> None:
        events = decode(text)
        assert all(isinstance(event, Rejected) for event in events)
        assert len(events) == 1

    def test_not_a_number_costs_only_its_field(self) -> None:
        text = data("PLACE").replace('"PLACE"', '{"mac": "00005e005301", "x": NaN, "y": 2, "os": "iOS"}')
        (event,) = decode(text)
        assert isinstance(event, ClientFrame)
        assert (event.stats.x, event.stats.os) == (None, "iOS")

    def test_samples_hold_no_values(self) -> None:
        (event,) = decode(data({"username": "alice@example.com", "mac": "bad"}))
        assert "alice" not in str(event)

    @given(
        st.recursive(
            st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text(max_size=10),
            lambda inner: (
                st.lists(inner, max_size=3)
                | st.dictionaries(st.sampled_from(["event", "channel", "data", "mac", "x"]), inner, max_size=4)
            ),
            max_leaves=12,
        )
    )
    def test_no_frame_raises(self, value: Any) -> None:
        for event in decode(json.dumps(value)):
            assert isinstance(event, Acknowledged | Refused | ClientFrame | Ignored | Rejected)

    @given(st.binary(max_size=60))
    def test_no_bytes_raise(self, value: bytes) -> None:
        assert decode(value)


class TestLedger:
    def test_everything_wanted_is_due_once(self) -> None:
        ledger = Ledger(ack_timeout=10)
        assert ledger.want(["/a", "/b", "/a"]) == []
        assert ledger.due(0) == ["/a", "/b"]
        for channel in ledger.due(0):
            ledger.sent(channel, 0)
        assert ledger.due(9.9) == []

    def test_only_the_missing_acknowledgement_is_retried_and_ever_later(self) -> None:
        ledger = Ledger(ack_timeout=10)
        ledger.want(["/a", "/b"])
        for channel in ledger.due(0):
            ledger.sent(channel, 0)
        assert ledger.granted("/a")
        assert ledger.due(10) == ["/b"]
        assert ledger.overdue() == []
        ledger.sent("/b", 10)
        assert ledger.overdue() == ["/b"]
        assert ledger.due(29) == []
        assert ledger.due(30) == ["/b"]

    def test_a_refused_channel_latches_itself_only(self) -> None:
        ledger = Ledger(ack_timeout=10, retry_refused=900)
        ledger.want(["/a", "/b"])
        for channel in ledger.due(0):
            ledger.sent(channel, 0)
        assert ledger.refused("/a", "denied", 1)
        ledger.granted("/b")
        assert ledger.in_state(Subscription.REFUSED) == ["/a"]
        assert ledger.due(900) == []
        assert ledger.due(901) == ["/a"]
        ledger.sent("/a", 901)
        assert ledger.in_state(Subscription.REFUSED) == ["/a"], "until an answer says otherwise"
        assert ledger.granted("/a")

    def test_a_new_connection_forgets_every_answer(self) -> None:
        ledger = Ledger()
        ledger.want(["/a", "/b"])
        ledger.granted("/a")
        ledger.refused("/b", "denied", 0)
        ledger.opened()
        assert ledger.due(0) == ["/a", "/b"]

    def test_what_is_no_longer_wanted_is_given_back_and_the_rest_keeps_its_state(self) -> None:
        ledger = Ledger()
        ledger.want(["/a", "/b"])
        ledger.granted("/a")
        ledger.granted("/b")
        assert ledger.want(["/b", "/c"]) == ["/a"]
        assert ledger.due(0) == ["/c"]

    def test_answers_for_channels_that_nobody_wants(self) -> None:
        ledger = Ledger()
        assert not ledger.granted("/x")
        assert not ledger.refused("/x", "denied", 0)
        ledger.sent("/x", 0)
        assert list(ledger) == []

    def test_a_second_acknowledgement_is_no_news(self) -> None:
        ledger = Ledger()
        ledger.want(["/a"])
        assert ledger.granted("/a")
        assert not ledger.granted("/a")

    def test_more_channels_than_a_connection_carries_are_counted(self) -> None:
        ledger = Ledger()
        ledger.want(f"/{number}" for number in range(CHANNELS_PER_CONNECTION + 5))
        assert len(ledger.due(0)) == CHANNELS_PER_CONNECTION
        assert ledger.left_out == 5

    def test_counts(self) -> None:
        ledger = Ledger()
        ledger.want(["/a", "/b", "/c", "/d"])
        ledger.sent("/b", 0)
        ledger.granted("/c")
        ledger.refused("/d", "denied", 0)
        assert ledger.counts() == {"unsent": 1, "sent": 1, "live": 1, "refused": 1}
