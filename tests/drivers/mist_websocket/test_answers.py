"""What is answered about people, and what a directory tells of them."""

import asyncio

from mistlocate.drivers.mist_websocket.answers import ADDRESS_HELD, Answers
from support.sightings import FULL, hear, tracker
from support.virtual import START, virtual

A, B = "00005e005301", "00005e005302"
LOGIN = ["192.0.2.5", "bob", "example.com", None]
RECORD = {**FULL, "username": None}


class TestLogins:
    @virtual
    async def test_are_of_the_device_that_had_the_address_last(self) -> None:
        for first, last in ((A, B), (B, A)):
            it = tracker()
            hear(it, {**RECORD, "mac": last, "ip": "192.0.2.9", "last_seen": int(START)})
            hear(it, {**RECORD, "mac": first, "ip": "192.0.2.5", "last_seen": int(START)})
            await asyncio.sleep(60)
            hear(it, {**RECORD, "mac": last, "ip": "192.0.2.5", "last_seen": int(START) + 60})
            assert Answers(it).learn_logins([LOGIN]) == [last]
            assert {mac: str(owned.identity) for mac, owned in it.owners.everyone()} == {last: "bob@example.com"}

    @virtual
    async def test_are_told_by_when_the_network_saw_them_not_by_when_that_was_heard(self) -> None:
        it = tracker()
        hear(it, {**RECORD, "mac": B, "ip": "192.0.2.5", "last_seen": int(START) - 2})
        hear(it, {**RECORD, "mac": A, "ip": "192.0.2.5", "last_seen": int(START) - 200})
        assert Answers(it).learn_logins([LOGIN]) == [B]

    @virtual
    async def test_without_such_a_time_by_when_it_was_heard(self) -> None:
        it = tracker()
        for mac in (B, A):
            hear(it, {**RECORD, "mac": mac, "ip": "192.0.2.5", "last_seen": None})
            await asyncio.sleep(10)
        assert Answers(it).learn_logins([LOGIN]) == [A]

    @virtual
    async def test_are_of_nobody_who_may_have_given_the_address_back(self) -> None:
        it = tracker()
        hear(it, {**RECORD, "ip": "192.0.2.5", "last_seen": int(START)})
        await asyncio.sleep(ADDRESS_HELD)
        assert Answers(it).learn_logins([LOGIN]) == [A]
        it.owners.release(A)
        await asyncio.sleep(1)
        assert Answers(it).learn_logins([LOGIN]) == []
        assert not it.owners.is_owned(A)
