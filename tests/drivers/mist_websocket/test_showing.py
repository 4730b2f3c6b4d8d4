"""Who is shown, anonymous or hidden."""

import json
from typing import Any

import pytest

from mistlocate.drivers.mist_websocket.answers import Answers
from mistlocate.drivers.mist_websocket.tracker import Tracker
from mistlocate.location.evidence import PskKey
from mistlocate.location.identity import Identity
from mistlocate.location.objections import Subject
from mistlocate.location.observation import Origin
from mistlocate.mist.frames import Channel
from mistlocate.mist.models import ClientStats, read
from mistlocate.mist.rest import Row
from support.sightings import FULL, MAC, SLIM, hear, tracker
from support.virtual import START, virtual


def listed(it: Tracker, record: dict[str, Any], origin: Origin = Origin.SNAPSHOT) -> None:
    stats, dropped = read(ClientStats, record)
    it.row(Row(stats, record, dropped), origin, it.clock.monotonic() + 1)


#: A row of a list that tells no more than a place.
ROW = {**SLIM, "last_seen": int(START) - 1}


class TestRowsThatTellOnlyAPlace:
    @virtual
    async def test_leave_everything_else(self) -> None:
        it = tracker()
        hear(it, {**FULL, "username": None, "psk_id": "k1", "ip": "192.0.2.5"})
        before = it.records_on("m1")[0]
        listed(it, ROW)
        client = it.roster.get(MAC)
        assert client is not None
        assert (client.psk_id, client.ip, client.known) == ("k1", "192.0.2.5", True)
        moved = {**before, "x": 238.5, "y": 153.0, "num_locating_aps": 4, "accuracy": None, "last_seen": int(START) - 1}
        assert it.records_on("m1") == [moved]

    @virtual
    @pytest.mark.parametrize("keep_all", [False, True])
    async def test_make_a_guest_no_employee(self, keep_all: bool) -> None:
        it = tracker(keep_all=keep_all)
        hear(it, {**FULL, "username": None, "is_guest": True, "guest": {"email": "g@example.net"}})
        listed(it, ROW)
        assert [(each["x"], each["is_guest"]) for each in it.records_on("m1")] == [(238.5, True)]
        owned = it.owners.owner_of(MAC, guests=True)
        assert owned is not None
        assert str(owned.identity) == "g@example.net"

    @virtual
    async def test_make_a_guest_no_employee_when_whole_records_are_kept_from_now_on(self) -> None:
        it = tracker()
        hear(it, {**FULL, "is_guest": True, "key_mgmt": "Open"})
        it.set_keep_all(True)
        hear(it, SLIM, Channel("site", "m1"))
        assert it.records_on("m1")[0]["is_guest"] is True
        listed(it, ROW)
        assert it.records_on("m1")[0]["is_guest"] is True
        listed(it, {**FULL, "is_guest": 1, "key_mgmt": "Open", "last_seen": int(START) + 5}, Origin.FETCH)
        assert it.records_on("m1")[0]["is_guest"] is True, "as it is read here, not as it is written"

    @virtual
    async def test_do_not_tell_that_it_is_nobodys_who_opted_out(self) -> None:
        it = tracker()
        it.set_objections(it.owners.objections.opt_out(Subject(None, Identity("alice", "example.com"))))
        listed(it, ROW)
        assert [each.get("anonymous") for each in it.records_on("m1")] == [True]
        listed(it, {**ROW, "username": "alice@example.com", "last_seen": int(START)})
        assert [each.get("anonymous") for each in it.records_on("m1")] == [True], "nobody says who vouches for it"
        listed(it, {**FULL, "last_seen": int(START) - 1})
        assert it.records_on("m1") == []

    @virtual
    @pytest.mark.parametrize("keep_all", [False, True])
    async def test_do_not_tell_whether_it_is_a_guests(self, keep_all: bool) -> None:
        it = tracker(keep_all=keep_all)
        listed(it, ROW)
        assert it.records_on("m1")[0]["is_guest"] is None
        hear(it, FULL)
        assert it.records_on("m1")[0]["is_guest"] is False

    @virtual
    async def test_leave_a_device_hidden(self) -> None:
        it = tracker(keep_all=True)
        it.set_objections(it.owners.objections.opt_out(Subject(None, Identity("alice", "example.com"))))
        hear(it, FULL)
        listed(it, ROW)
        assert it.records_on("m1") == []

    @virtual
    async def test_bring_nothing_personal_of_who_is_not_to_be_learned(self) -> None:
        it = tracker(keep_all=True)
        it.set_objections(it.owners.objections.learn_no_more(Subject(None, Identity("alice", "example.com"))))
        hear(it, FULL)
        listed(it, {**ROW, "ip": "192.0.2.5", "psk_id": "k1", "hostname": "alices-phone", "os": "iOS"})
        client = it.roster.get(MAC)
        assert client is not None
        assert (client.ip, client.psk_id, client.raw, client.os) == (None, None, None, "iOS")

    @virtual
    async def test_leave_a_client_wanted_until_a_record_tells_whose_it_is(self) -> None:
        it = tracker()
        hear(it, SLIM, Channel("site", "m1"))
        listed(it, ROW)
        assert it.wanted == {MAC: "m1"}
        listed(it, {**FULL, "last_seen": int(START) - 1})
        assert it.wanted == {}
        assert it.owners.owner_of(MAC) is not None

    @virtual
    async def test_hold_up_no_whole_record_of_the_same_time(self) -> None:
        it = tracker()
        hear(it, FULL)
        listed(it, ROW)
        listed(it, {**FULL, "username": "bob@example.com", "last_seen": int(START) - 1})
        owned = it.owners.owner_of(MAC)
        assert owned is not None
        assert str(owned.identity) == "bob@example.com"


class TestGuests:
    @virtual
    async def test_nobody_knows_of_a_bare_position_whether_it_is_a_guests(self) -> None:
        for keep_all in (False, True):
            it = tracker(keep_all=keep_all)
            hear(it, SLIM, Channel("site", "m1"))
            assert [(each["mac"], each["is_guest"]) for each in it.records_on("m1")] == [(MAC, None)]
            hear(it, {**FULL, "last_seen": int(it.clock.wall())})
            assert [each["is_guest"] for each in it.records_on("m1")] == [False]

    @virtual
    async def test_a_record_that_does_not_say_so_is_not_a_guests(self) -> None:
        it = tracker()
        hear(it, {**FULL, "is_guest": None})
        assert [each["is_guest"] for each in it.records_on("m1")] == [False]

    @virtual
    async def test_what_a_record_said_holds_while_it_is_asked_again_whose_the_device_is(self) -> None:
        for said in (False, True):
            it = tracker()
            hear(it, {**FULL, "is_guest": said})
            it.release(MAC)
            assert [each["is_guest"] for each in it.records_on("m1")] == [said]

    @virtual
    async def test_who_may_have_opted_out_may_be_a_guest_too(self) -> None:
        it = tracker()
        it.set_objections(it.owners.objections.opt_out(Subject(None, Identity("alice", "example.com"))))
        hear(it, SLIM, Channel("site", "m1"))
        assert [(each["anonymous"], each["is_guest"]) for each in it.records_on("m1")] == [(True, None)]
        it.set_occupancy_only(True)
        assert [each["is_guest"] for each in it.records_on("m1")] == [False], "everybody is counted, guests as well"

    @virtual
    async def test_where_a_device_was_that_may_be_a_guests_is_not_told(self) -> None:
        it = tracker()
        hear(it, SLIM, Channel("site", "m1"))
        answers = Answers(it)
        assert answers.evidence(MAC, guests=False)["devices"][0]["moves"] == []
        assert len(answers.evidence(MAC, guests=True)["devices"][0]["moves"]) == 1
        hear(it, {**FULL, "last_seen": int(it.clock.wall())})
        assert len(answers.evidence(MAC, guests=False)["devices"][0]["moves"]) == 1


class TestObjections:
    @virtual
    async def test_who_turns_out_to_have_opted_out_goes_without_waiting(self) -> None:
        it = tracker()
        it.set_objections(it.owners.objections.opt_out(Subject(None, Identity("alice", "example.com"))))
        hear(it, {**FULL, "username": None})
        it.roster.urgent, it.roster.dirty = False, {}
        assert [each["mac"] for each in it.records_on("m1")] == [MAC]
        hear(it, FULL)
        assert it.records_on("m1") == []
        assert (it.roster.urgent, it.roster.dirty) == (True, {"m1": True})

    @virtual
    async def test_whose_key_has_not_been_looked_up_yet_is_anonymous(self) -> None:
        it = tracker()
        it.set_objections(it.owners.objections.opt_out(Subject(None, Identity("alice", "example.com"))))
        hear(it, {**FULL, "username": None, "psk_id": "k1"})
        assert [each["anonymous"] for each in it.records_on("m1")] == [True]
        it.set_keys({"k1": PskKey("alice@example.com", None, "single", 0)})
        assert it.records_on("m1") == []
        hear(it, {**FULL, "mac": "00005e005302", "username": None, "psk_id": "k2"})
        in_doubt = it.keys.in_doubt()
        hear(it, {**FULL, "mac": "00005e005303", "username": None, "psk_id": "k3"})
        it.set_keys({}, in_doubt)
        shown = {each["mac"]: each.get("anonymous") for each in it.records_on("m1")}
        assert shown.pop("00005e005302") is None, "no list names its key, so nobody will say whose it is"
        assert list(shown.values()) == [True], "the lists may be older than the third key"
        it.set_keys({}, ())
        assert len([each for each in it.records_on("m1") if each.get("anonymous")]) == 1, "not all could be read"

    @virtual
    async def test_a_record_that_names_them_at_somebody_elses_device_is_not_published_whole(self) -> None:
        it = tracker(keep_all=True)
        it.owners.pin("bob", [MAC], it.clock.wall())
        it.set_objections(it.owners.objections.opt_out(Subject(None, Identity("alice", "example.com"))))
        hear(it, {**FULL, "hostname": "alices-phone"})
        assert it.owners.owner_of(MAC) is not None
        assert "alice" not in json.dumps(it.records_on("m1"))
        assert it.records_on("m1")[0]["mac"] == MAC

    @virtual
    async def test_nor_is_one_in_which_a_guest_gave_their_address(self) -> None:
        it = tracker(keep_all=True)
        it.owners.pin("bob", [MAC], it.clock.wall())
        it.set_objections(it.owners.objections.opt_out(Subject(None, Identity("alice", "example.com"))))
        hear(it, {**FULL, "username": None, "is_guest": True, "guest": {"email": "alice@example.com"}})
        (record,) = it.records_on("m1")
        assert record["mac"] == MAC
        assert "alice" not in json.dumps(record)

    @virtual
    @pytest.mark.parametrize("first", [True, False])
    @pytest.mark.parametrize("erased", [True, False])
    async def test_nor_is_one_in_which_a_guest_gave_two_names(self, erased: bool, first: bool) -> None:
        it = tracker(keep_all=True)
        guest = {
            "is_guest": True,
            "key_mgmt": "Open",
            "username": "alice@example.com",
            "guest": {"email": "g@example.net"},
        }
        if first:
            hear(it, {**FULL, **guest})
        alice = Subject(None, Identity("alice", "example.com"))
        now = it.owners.objections
        it.set_objections(now.learn_no_more(alice) if erased else now.opt_out(alice))
        if not first:
            hear(it, {**FULL, **guest})
        assert "alice" not in json.dumps(it.records_on("m1"))
        client = it.roster.get(MAC)
        assert client is not None
        assert not erased or client.raw is None

    @virtual
    async def test_a_name_that_is_to_be_ignored_can_opt_out_too(self) -> None:
        it = tracker()
        it.set_objections(it.owners.objections.opt_out(Subject(None, Identity("host/pc", "example.com"))))
        hear(it, {**FULL, "username": "host/pc@example.com"})
        assert it.records_on("m1") == []

    @virtual
    async def test_keys_of_somebody_who_is_not_to_be_learned_are_nobodys(self) -> None:
        it = tracker()
        it.set_objections(it.owners.objections.learn_no_more(Subject(None, Identity("alice", "example.com"))))
        it.set_keys(
            {"k1": PskKey("alice@example.com", None, "single", 0), "k2": PskKey("bob@example.com", None, "single", 0)}
        )
        hear(it, {**FULL, "username": None, "psk_id": "k1"})
        assert (it.keys.owner("k1"), it.keys.owner("k2")) == (None, "bob@example.com")
        assert not it.owners.is_owned(MAC)
        assert not it.keys.unknown, "it is not asked for again and again"
        it.forget_keys(Identity("bob"))
        assert it.keys.owner("k2") is None
        assert not it.keys.is_settled("k2"), "the next lists say it anew"

    @virtual
    async def test_who_was_erased_and_opted_out_is_known_by_their_key(self) -> None:
        it, alice = tracker(), Subject(None, Identity("alice", "example.com"))
        it.set_objections(it.owners.objections.learn_no_more(alice).opt_out(alice))
        it.set_keys({"k1": PskKey("alice@example.com", None, "single", 0)})
        hear(it, {**FULL, "username": None, "psk_id": "k1"})
        assert it.records_on("m1") == []

    @virtual
    async def test_whose_owner_was_forgotten_is_anonymous_until_the_next_record(self) -> None:
        it = tracker()
        it.set_objections(it.owners.objections.opt_out(Subject(None, Identity("alice", "example.com"))))
        hear(it, FULL)
        it.release(MAC)
        assert [each.get("anonymous") for each in it.records_on("m1")] == [True]
        assert it.wanted == {MAC: "m1"}, "its record is asked for"
        hear(it, {**FULL, "last_seen": FULL["last_seen"] + 1})
        assert it.records_on("m1") == []

    @virtual
    async def test_whose_name_was_not_kept_is_anonymous_until_the_next_record(self) -> None:
        it = tracker()
        it.set_occupancy_only(True)
        it.set_objections(it.owners.objections.opt_out(Subject(None, Identity("alice", "example.com"))))
        hear(it, FULL)
        it.set_occupancy_only(False)
        assert [each.get("anonymous") for each in it.records_on("m1")] == [True]
        hear(it, {**FULL, "last_seen": FULL["last_seen"] + 1})
        assert it.records_on("m1") == []

    @virtual
    async def test_records_of_devices_that_were_not_heard_of(self) -> None:
        it = tracker()
        alices, bobs = (PskKey(f"{name}@example.com", None, "single", 0) for name in ("alice", "bob"))
        assert not it.refuses(MAC, "alice@example.com")
        it.set_objections(it.owners.objections.opt_out(Subject(None, Identity("alice", "example.com"))))
        it.set_keys({"k1": alices, "k2": bobs})
        refused = [
            it.refuses(MAC, *names, psk_id=key)
            for names, key in (
                (("alice@example.com", None), None), ((None, "alice@example.com"), None), ((None, None), "k1"),
                ((None, None), "k9"), (("bob@example.com", None), None), ((None, None), "k2"),
            )
        ]  # fmt: skip
        assert refused == [True, True, True, True, False, False]

    @virtual
    async def test_a_new_day_brings_new_stand_ins_in_another_order(self) -> None:
        it = tracker()
        it.set_occupancy_only(True)
        macs = [f"00005e0053{number:02x}" for number in range(20)]

        def order() -> list[str]:
            for mac in macs:
                hear(it, {**FULL, "mac": mac, "last_seen": int(it.clock.wall())})
            stand_ins = {it.pseudonyms.of(mac, it.cloud_clock.now()): mac for mac in macs}
            return [stand_ins[each["mac"]] for each in it.records_on("m1")]

        today = order()
        assert today == order()
        await it.clock.sleep(86_400)
        assert sorted(tomorrow := order()) == sorted(today)
        assert tomorrow != today
