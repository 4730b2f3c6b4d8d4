"""Who is shown, anonymous or hidden."""

import json

from mistlocate.location.evidence import PskKey
from mistlocate.location.identity import Identity
from mistlocate.location.objections import Subject
from support.sightings import FULL, MAC, hear, tracker
from support.virtual import virtual


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
        it.set_keys({})
        hear(it, {**FULL, "mac": "00005e005302", "username": None, "psk_id": "k2"})
        assert len(it.records_on("m1")) == 1, "no list names its key, so nobody will say whose it is"

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
        assert (it.keys["k1"].name, it.keys["k2"].name) == ("", "bob@example.com")
        assert not it.owners.is_owned(MAC)
        assert not it.unknown_keys, "it is not asked for again and again"
        it.forget_keys(Identity("bob"))
        assert it.keys["k2"].name == ""

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
