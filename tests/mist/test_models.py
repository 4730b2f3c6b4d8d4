import json
import re
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mistlocate import jsontext
from mistlocate.mist.models import ClientStats, Map, Psk, TokenInfo, read, read_text, redact, shape

FULL: dict[str, Any] = {
    "mac": "00005e005301",
    "site_id": "site",
    "map_id": "map1",
    "x": 212.4,
    "y": 141.0,
    "num_locating_aps": 5,
    "accuracy": 3,
    "last_seen": 1767261594,
    "username": "alice@example.com",
    "os": "Windows 11",
    "tx_rate": 344.0,
}


def dropped(**changes: Any) -> tuple[str, ...]:
    return read(ClientStats, {**FULL, **changes})[1]


class TestReading:
    def test_unknown_fields_are_welcome(self) -> None:
        record, wrong = read(ClientStats, {**FULL, "something_new": {"deep": [1]}})
        assert (record.mac, record.x, record.username, wrong) == ("00005e005301", 212.4, "alice@example.com", ())

    def test_everything_but_the_mac_may_be_missing_or_null(self) -> None:
        assert read(ClientStats, {"mac": "00005e005301"})[0].x is None
        assert read(ClientStats, dict.fromkeys(FULL) | {"mac": "00005e005301"})[0].last_seen is None

    @pytest.mark.parametrize(
        "changes",
        [
            {"x": "far"},
            {"x": [1]},
            {"accuracy": {}},
            {"last_seen": "yesterday"},
            {"num_locating_aps": 2.5},
            {"num_locating_aps": "9" * 30},
            {"map_id": "../etc"},
            {"x": float("nan")},
            {"y": float("inf")},
            {"username": "x" * 5000},
            {"guest": 7},
        ],
        ids=lambda changes: str(next(iter(changes)))[:20],
    )
    def test_a_field_of_a_wrong_type_costs_only_itself(self, changes: dict[str, Any]) -> None:
        record, wrong = read(ClientStats, {**FULL, **changes})
        assert wrong == tuple(changes)
        assert record.mac == FULL["mac"]
        assert record.os == "Windows 11"
        assert getattr(record, wrong[0]) is None

    def test_a_number_as_a_name_is_a_text(self) -> None:
        record, dropped_fields = read(Map, {"id": "m1", "name": 12})
        assert (record.name, dropped_fields) == ("12", ())

    def test_numbers_written_as_text_are_numbers(self) -> None:
        record, wrong = read(ClientStats, {**FULL, "x": "12.5", "last_seen": "1767261594"})
        assert (record.x, record.last_seen, wrong) == (12.5, 1767261594.0, ())

    @pytest.mark.parametrize("mac", ["00:00:5E:00:53:01", "00-00-5e-00-53-01", "00005E005301"])
    def test_a_mac_in_another_form_is_the_same_mac(self, mac: str) -> None:
        assert read(ClientStats, {**FULL, "mac": mac})[0].mac == "00005e005301"

    @pytest.mark.parametrize(
        "item", [None, "text", 7, [], {}, {"mac": None}, {"mac": "zz"}, {"mac": 5}, {"mac": ["00005e005301"]}]
    )
    def test_what_cannot_be_told_from_others_is_rejected(self, item: Any) -> None:
        with pytest.raises(ValueError, match=r"mac|not an object"):
            read(ClientStats, item)

    def test_errors_name_fields_and_never_values(self) -> None:
        with pytest.raises(ValueError, match="mac") as error:
            read(ClientStats, {"mac": 5, "username": "alice@example.com"})
        assert "alice" not in str(error.value)

    @given(
        st.dictionaries(
            st.sampled_from([*FULL, "guest", "psk_id", "is_guest", "extra"]),
            st.one_of(
                st.none(),
                st.booleans(),
                st.integers(),
                st.floats(),
                st.text(max_size=20),
                st.lists(st.integers(), max_size=2),
                st.dictionaries(st.text(max_size=5), st.integers(), max_size=2),
            ),
        )
    )
    def test_whatever_comes_is_read_or_rejected(self, item: dict[str, Any]) -> None:
        try:
            record, wrong = read(ClientStats, item)
        except ValueError:
            assert not re.fullmatch(r"[0-9a-f]{12}", str(item.get("mac")))
        else:
            assert len(record.mac) == 12
            assert set(wrong) <= set(item)


_odd = st.sampled_from(
    [None, True, "", "1", "1.5", "nan", "1e400", " 7", "9" * 30, "a" * 1025, "00:00:5E:00:53:01", [], {}]
)
_number = st.one_of(_odd, st.integers(), st.floats(), st.just(10**400))
_no_number = st.sampled_from([float("nan"), float("inf"), float("-inf")])
_text = st.one_of(_odd, st.text(max_size=8), st.integers(-(2**63), 2**63 - 1), _no_number)
_numbers = {"x", "y", "x_m", "y_m", "num_locating_aps", "accuracy", "last_seen", "is_guest"}


class TestReadingText:
    def test_of_a_sound_record_every_field_is_read(self) -> None:
        assert read_text(ClientStats, json.dumps(FULL)) == read(ClientStats, FULL)[0]

    @pytest.mark.parametrize("number", [float("nan"), float("inf"), float("-inf")])
    def test_what_is_no_number_is_no_name(self, number: float) -> None:
        assert read_text(ClientStats, json.dumps({**FULL, "username": number})) is None

    @pytest.mark.parametrize("text", ["", "{", "[]", "null", '"text"', "{}", json.dumps({**FULL, "x": "far"})])
    def test_what_is_not_as_it_should_be_is_for_others_to_judge(self, text: str) -> None:
        assert read_text(ClientStats, text) is None

    @given(
        st.fixed_dictionaries(
            {"mac": st.just(FULL["mac"])},
            optional={
                **{name: _number if name in _numbers else _text for name in ClientStats.model_fields if name != "mac"},
                "guest": st.one_of(_odd, st.fixed_dictionaries({}, optional={"email": _text})),
                "other": _number,
            },
        )
    )
    def test_it_is_the_same_record(self, item: dict[str, Any]) -> None:
        text = json.dumps(item)
        record = read_text(ClientStats, text)
        again = None if record is None else read(ClientStats, jsontext.loads(text))
        assert again is None or (again == (record, ()) and again[0].model_fields_set == record.model_fields_set)  # type: ignore[union-attr]


class TestOtherRecords:
    def test_a_map_with_corners_as_text_or_numbers(self) -> None:
        corners = {"latlng_tl": {"lat": "45.76", "lng": 4.84}, "latlng_br": {"lat": 45.75, "lng": "4.85"}}
        record, wrong = read(Map, {"id": "m1", "type": "google", **corners})
        assert (record.latlng_tl.lat, record.latlng_br.lng, wrong) == (45.76, 4.85, ())  # type: ignore[union-attr]

    def test_impossible_corners_are_dropped(self) -> None:
        record, wrong = read(Map, {"id": "m1", "latlng_tl": {"lat": 99, "lng": 4}})
        assert (record.latlng_tl, wrong) == (None, ("latlng_tl",))

    def test_a_number_that_cannot_be_told_as_json_is_none(self) -> None:
        record, wrong = read(Map, {"id": "m1", "width": "9" * 30, "group_idx": "9" * 30})
        assert (record.width, record.group_idx, wrong) == (None, None, ("group_idx", "width"))

    def test_whole_numbers_stay_whole(self) -> None:
        record, _ = read(Map, {"id": "m1", "width": 1600, "width_m": 80.0})
        assert json.dumps([record.width, record.width_m]) == "[1600, 80.0]"

    def test_signed_links_do_not_show(self) -> None:
        record, _ = read(Map, {"id": "m1", "url": "https://x/?jwt=secret"})
        assert "secret" not in repr(record)

    def test_a_key_is_read_without_its_passphrase(self) -> None:
        record, _ = read(Psk, {"id": "k1", "name": "bob@example.com", "passphrase": "correct horse"})
        assert "correct horse" not in repr(record)
        assert not hasattr(record, "passphrase")

    def test_tokens_of_people_and_of_organisations(self) -> None:
        assert read(TokenInfo, {"email": "it@example.com", "privileges": []})[0].kind == "user"
        org, _ = read(TokenInfo, {"name": "finder", "privileges": [{"scope": "org", "role": "read", "org_id": "o1"}]})
        assert (org.kind, org.privileges[0].role) == ("org", "read")  # type: ignore[index]
        assert read(TokenInfo, {"email": "it@example.com", "privileges": None})[0].privileges is None


def test_a_shape_says_nothing_of_what_it_holds() -> None:
    found = shape({"mac": "00005e005301", "x": 1.5, "list": [1, 2], "deep": {"a": {"b": 1}}, "none": None})
    assert found == {"mac": "text of 12", "x": "float", "list": "list of 2", "deep": {"a": "object"}, "none": "null"}


def test_redaction_reaches_everything_secret() -> None:
    value = {
        "name": "bob@example.com",
        "passphrase": "correct horse",
        "psk": "battery",
        "api_key": "k",
        "empty_token": "",
        "auth": {"type": "psk", "keys": ["12345"], "private_key": "k", "eap_reauth": True},
        "snmp": {"community_name": "public", "enabled": True},
        "ssl_key": "k",
        "items": [{"url": "https://x/?jwt=abc", "note": "see ?jwt=abc", "secret": None}],
        "count": 3,
    }
    assert redact(value) == {
        "name": "bob@example.com",
        "passphrase": "***",
        "psk": "***",
        "api_key": "***",
        "empty_token": "",
        "auth": {"type": "psk", "keys": "***", "private_key": "***", "eap_reauth": True},
        "snmp": {"community_name": "***", "enabled": True},
        "ssl_key": "***",
        "items": [{"url": "***", "note": "***", "secret": None}],
        "count": 3,
    }
