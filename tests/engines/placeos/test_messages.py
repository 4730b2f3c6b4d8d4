"""What core says and is told, in the shapes of its own library."""

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mistlocate.engines.placeos.messages import (
    Message,
    MessageError,
    Model,
    call_body,
    decode,
    encode,
    read_call,
    read_model,
)
from mistlocate.errors import BadArguments
from support.placeos_models import LOGIC, WEBSOCKET, control_system, module_row


def test_nulls_and_members_that_nobody_knows_are_passed_over() -> None:
    text = b"""{"id":"mod-1","cmd":"stop","user_id":null,"seq":null,"reply":null,"code":null,"payload":null,
        "error":null,"backtrace":null,"mutable":{"a":[1]},"exited":false}"""
    assert decode(text) == decode(b'{"cmd":"stop","id":"mod-1"}') == Message("mod-1", "stop")


def test_every_member_is_read() -> None:
    text = b"""{"id":"mod-2","cmd":"result","user_id":"user-1","seq":3,"reply":"mod-1","code":500,
        "payload":"{}","error":"Abort","backtrace":["file:1"]}"""
    assert decode(text) == Message("mod-2", "result", 3, "mod-1", "user-1", 500, "{}", "Abort")


def test_a_sequence_number_may_be_zero() -> None:
    assert decode(b'{"id":"m","cmd":"exec","seq":0}').seq == 0
    assert json.loads(encode(Message("m", "result", 0)))["seq"] == 0


def test_an_id_may_be_missing() -> None:
    assert decode(b'{"cmd":"info","seq":1}').id == ""


@pytest.mark.parametrize(
    "text",
    [
        b"",
        b"{",
        b"null",
        b"[]",
        b'"start"',
        b"\xff\xfe",
        b"{}",
        b'{"id":"m"}',
        b'{"id":"m","cmd":null}',
        b'{"id":5,"cmd":"stop"}',
        b'{"id":"m","cmd":"exec","seq":"1"}',
        b'{"id":"m","cmd":"exec","seq":1.5}',
        b'{"id":"m","cmd":"exec","seq":true}',
        b'{"id":"m","cmd":"exec","seq":18446744073709551616,"x":NaN}',
        b'{"id":"m","cmd":"exec","payload":{"__exec__":"x"}}',
        b'{"a":' * 100_000,
    ],
    ids=lambda text: text[:60].decode(errors="replace"),
)
def test_what_is_no_message_is_a_named_error(text: bytes) -> None:
    with pytest.raises(MessageError):
        decode(text)


members = st.none() | st.booleans() | st.integers() | st.floats() | st.text() | st.lists(st.text(), max_size=2)
names = st.sampled_from(["id", "cmd", "seq", "reply", "user_id", "code", "payload", "error", "backtrace", "more"])


@given(
    st.binary()
    | st.text().map(str.encode)
    | st.dictionaries(names, members).map(lambda each: json.dumps(each).encode())
)
def test_whatever_comes_is_a_message_that_can_be_answered_or_a_named_error(data: bytes) -> None:
    try:
        message = decode(data)
    except MessageError:
        return
    assert json.loads(encode(message.answer("null")))["seq" if message.seq is not None else "id"] is not None


@given(
    st.builds(Message, st.text(), st.text(), *([st.none() | st.integers(0, 2**64 - 1), *[st.none() | st.text()] * 2]))
)
def test_what_is_written_can_be_read(message: Message) -> None:
    assert decode(encode(message)) == message


def test_what_is_nothing_is_not_written() -> None:
    assert encode(Message("mod-1", "start")) == b'{"id":"mod-1","cmd":"start"}'


def test_texts_are_written_as_they_are_and_control_characters_escaped() -> None:
    assert encode(Message("m", "setting", payload="ü€\x00\x03")) == (
        '{"id":"m","cmd":"setting","payload":"ü€\\u0000\\u0003"}'.encode()
    )


def test_an_answer_is_addressed_as_the_call_was() -> None:
    call = Message("mod-1", "exec", 7, "mod-2", "user-1", payload="{}")
    assert json.loads(encode(call.answer("5"))) == {
        "id": "mod-1", "cmd": "result", "user_id": "user-1", "seq": 7, "reply": "mod-2", "code": 200, "payload": "5",
    }  # fmt: skip
    assert json.loads(encode(call.failure("Abort", "no"))) == {
        "id": "mod-1", "cmd": "result", "user_id": "user-1", "seq": 7, "reply": "mod-2", "code": 500, "payload": "no",
        "error": "Abort", "backtrace": [],
    }  # fmt: skip


class TestModel:
    def test_a_row_as_core_sends_it(self) -> None:
        system = control_system("sys-1")
        row = module_row(role=LOGIC, settings={"a": {"b": [1]}}, system=system, notes="Second floor")
        assert read_model(json.dumps(row)) == Model(99, {"a": {"b": [1]}}, system_id="sys-1", notes="Second floor")

    def test_an_empty_text_and_port_zero_mean_none(self) -> None:
        model = read_model(json.dumps(module_row(role=WEBSOCKET, ip="", port=0, uri="")))
        assert (model.ip, model.port, model.uri, model.system_id) == (None, None, None, None)

    def test_a_device(self) -> None:
        row = {"role": 1, "ip": "10.0.0.1", "port": 23, "tls": True, "udp": True, "makebreak": True, "uri": "http://x"}
        assert read_model(json.dumps(row)) == Model(1, {}, "10.0.0.1", 23, "http://x", True, True, True)

    def test_nulls_and_missing_members_mean_none(self) -> None:
        nulls = dict.fromkeys(["ip", "port", "uri", "tls", "udp", "makebreak", "settings", "notes", "control_system"])
        assert read_model(json.dumps({"role": 3, **nulls})) == read_model('{"role":3}') == Model(3)

    @pytest.mark.parametrize(
        "payload",
        [None, "", "null", "[]", "{}", '{"role":null}', '{"role":"3"}', '{"role":3,"settings":[]}', '{"role":3,"ip":5}',
         '{"role":3,"port":"80"}', '{"role":3,"control_system":{"id":5}}'],
    )  # fmt: skip
    def test_what_is_no_model_is_a_named_error(self, payload: str | None) -> None:
        with pytest.raises(MessageError):
            read_model(payload)

    @pytest.mark.parametrize("change", ["ip", "port", "uri", "tls", "udp", "makebreak", "role"])
    def test_what_leads_to_the_device_cannot_change_without_a_new_start(self, change: str) -> None:
        row: dict[str, Any] = {"role": 3, "ip": "a", "port": 1, "uri": "b"}
        different: dict[str, Any] = {
            "ip": "c",
            "port": 2,
            "uri": "d",
            "tls": True,
            "udp": True,
            "makebreak": True,
            "role": 1,
        }
        before, after = read_model(json.dumps(row)), read_model(json.dumps({**row, change: different[change]}))
        assert before.connection != after.connection

    def test_settings_and_notes_may_change_while_it_runs(self) -> None:
        after = read_model('{"role":3,"settings":{"a":1},"notes":"n","control_system":{"id":"s"}}')
        assert after.connection == read_model('{"role":3}').connection


class TestCall:
    @pytest.mark.parametrize(
        ("payload", "expected"),
        [
            ('{"__exec__":"locate","locate":["a",null]}', ("locate", ["a", None])),
            ('{"__exec__":"locate","locate":{"user":"a"}}', ("locate", {"user": "a"})),
            ('{"__exec__":"locate","locate":null}', ("locate", None)),
            ('{"__exec__":"locate"}', ("locate", None)),
            ('{"__exec__":"maps","maps":""}', ("maps", "")),
        ],
    )
    def test_arguments_come_as_a_list_by_name_or_not_at_all_and_stay_as_they_are(
        self, payload: str, expected: tuple[str, Any]
    ) -> None:
        assert read_call(payload) == expected

    @pytest.mark.parametrize("payload", [None, "", "5", "[]", "{}", '{"__exec__":5}'])
    def test_what_is_no_call_is_a_named_error(self, payload: str | None) -> None:
        with pytest.raises(BadArguments):
            read_call(payload)

    @given(
        st.text(min_size=1).filter(lambda name: name != "__exec__"), st.dictionaries(st.text(), st.none() | st.text())
    )
    def test_a_call_of_ours_can_be_read(self, name: str, args: dict[str, Any]) -> None:
        assert read_call(call_body(name, args)) == (name, args)

    def test_arguments_stay_in_their_order(self) -> None:
        assert call_body("f", {"b": 1, "a": None}) == '{"__exec__":"f","f":{"b":1,"a":null}}'
