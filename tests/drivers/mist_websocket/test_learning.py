"""Whose a device is where it got in by a pre-shared key; other evidence is in `test_tracker`."""

import pytest

from mistlocate.drivers.mist_websocket.tracker import Tracker
from mistlocate.location.evidence import PskKey, Source
from mistlocate.location.identity import Identity
from mistlocate.location.objections import Subject
from support.sightings import FULL, MAC, hear, tracker
from support.virtual import START, virtual


def owners_of(it: Tracker) -> dict[str, str]:
    return {mac: str(owned.identity) for mac, owned in it.owners.everyone()}


class TestKeys:
    @virtual
    @pytest.mark.parametrize(
        ("label", "key_mgmt", "owner"),
        [
            ("Bob's phone", "WPA2-PSK/CCMP", "bob@example.com"),
            ("carol@example.com", "WPA2-PSK/CCMP", "bob@example.com"),
            ("carol@example.com", None, "bob@example.com"),
            ("carol@example.com", "WPA2-EAP/CCMP", "carol@example.com"),
        ],
    )
    async def test_of_a_key_its_lists_say_whose_it_is_whatever_it_is_called(
        self, label: str, key_mgmt: str | None, owner: str
    ) -> None:
        record = {**FULL, "username": label, "psk_id": "k1", "key_mgmt": key_mgmt}
        keys = {"k1": PskKey("Bob's phone", "bob@example.com", "single", 0)}
        for keys_first in (True, False):
            it = tracker()
            if keys_first:
                it.set_keys(keys)
            hear(it, record)
            it.set_keys(keys)
            assert owners_of(it) == {MAC: owner}

    @virtual
    async def test_a_keys_name_counts_where_no_list_tells(self) -> None:
        record = {**FULL, "username": "carol@example.com", "psk_id": "k1", "key_mgmt": "WPA2-PSK/CCMP"}
        it = tracker()
        hear(it, {**record, "username": "Carol's phone"})
        assert owners_of(it) == {}
        hear(it, {**record, "last_seen": int(START)})
        assert owners_of(it) == {MAC: "carol@example.com"}
        assert it.keys.unknown == {"k1"}
        it.set_keys({"k1": PskKey("Meeting room", None, "single", 0)})
        assert owners_of(it) == {}

    @virtual
    @pytest.mark.parametrize("opted_out", ["bob", "carol"])
    async def test_who_opted_out_by_either_name_stays_hidden(self, opted_out: str) -> None:
        record = {**FULL, "username": "carol@example.com", "psk_id": "k1", "key_mgmt": "WPA2-PSK/CCMP"}
        it = tracker()
        it.set_objections(it.owners.objections.opt_out(Subject(None, Identity(opted_out, "example.com"))))
        hear(it, record)
        assert not [each for each in it.records_on("m1") if not each.get("anonymous")], "the key may be theirs"
        it.set_keys({"k1": PskKey("bob@example.com", None, "single", 0)})
        assert it.records_on("m1") == []
        hear(it, {**record, "last_seen": int(START)})
        assert it.records_on("m1") == []
        it.set_keys({"k1": PskKey("Meeting room", None, "single", 0)})
        hear(it, {**record, "last_seen": int(START)})
        assert it.records_on("m1") == []

    @virtual
    async def test_who_opts_out_by_either_name_is_hidden_at_once(self) -> None:
        it = tracker()
        it.set_keys({"k1": PskKey("bob@example.com", None, "single", 0)})
        hear(it, {**FULL, "username": "carol@example.com", "psk_id": "k1", "key_mgmt": "WPA2-PSK/CCMP"})
        carol = Subject(None, Identity("carol", "example.com"))
        it.set_objections(it.owners.objections.opt_out(carol))
        assert it.records_on("m1") == []
        register = it.owners.objections.opt_in(carol)
        assert register is not None
        it.set_objections(register)
        assert [each["mac"] for each in it.records_on("m1")] == [MAC]
        assert owners_of(it) == {MAC: "bob@example.com"}

    @virtual
    async def test_what_was_once_taken_for_a_name_of_the_network_is_mended(self) -> None:
        it = tracker()
        it.owners.learn(MAC, "Bob's phone", Source.DOT1X, START - 60)
        it.set_keys({"k1": PskKey("Bob's phone", "bob@example.com", "single", 0)})
        hear(it, {**FULL, "username": "Bob's phone", "psk_id": "k1", "key_mgmt": "WPA2-PSK/CCMP"})
        assert owners_of(it) == {MAC: "bob@example.com"}

    @virtual
    async def test_a_key_that_is_nobodys_any_more_takes_its_owner_along(self) -> None:
        it = tracker()
        record = {**FULL, "username": None, "psk_id": "k1", "key_mgmt": "WPA2-PSK/CCMP"}
        it.set_keys({"k1": PskKey("bob@example.com", None, "single", 0)})
        hear(it, record)
        it.set_keys({}, ())
        hear(it, {**record, "last_seen": int(START) - 2})
        assert owners_of(it) == {MAC: "bob@example.com"}, "no list has said anything about it"
        it.set_keys({"k1": PskKey("Meeting room", None, "single", 0)})
        assert owners_of(it) == {}
        it.owners.pin("alice@example.com", [MAC], START)
        hear(it, {**record, "last_seen": int(START) - 1})
        assert owners_of(it) == {MAC: "alice@example.com"}, "the key says nothing about it"
