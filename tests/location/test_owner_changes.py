"""What of the owners is due to be written."""

import json

import pytest

from mistlocate.location.evidence import Ownership, Source
from mistlocate.location.identity import Identity
from mistlocate.location.owner_changes import DAY, Changes, confirmed_anew, is_stored

A, B = "00005e005301", "00005e005302"


def owned(name: str, source: Source = Source.DOT1X, **more: bool) -> Ownership:
    return Ownership(Identity(name, "example.com"), source, 1000.0, f"{name}@example.com", **more)


def test_a_device_is_written_with_its_owner_and_the_owners_list() -> None:
    changes, alice = Changes(), owned("alice")
    changes.mark(A, alice)
    user_macs, identities = changes.take(None, {A: alice}, lambda name: [A, B])
    assert user_macs == {A: "alice", "alice": json.dumps([A, B])}
    assert json.loads(identities[A] or "") == {"user": "alice@example.com", "source": "dot1x", "at": 1000}
    assert changes.take(None, {A: alice}, lambda name: [A, B]) == ({}, {})


def test_who_is_gone_is_deleted_and_so_is_an_empty_list() -> None:
    changes = Changes()
    changes.mark(A, owned("alice"))
    assert changes.take(None, {}, lambda name: []) == ({A: None, "alice": None}, {A: None})


def test_confirmations_are_stored_once_a_day_and_not_all_at_the_same_hour() -> None:
    midnight = 20_000 * DAY
    hours = {
        mac: [hour for hour in range(24) if confirmed_anew(mac, midnight + hour * 3600 - 1, midnight + hour * 3600)]
        for mac in (f"00005e0053{number:02x}" for number in range(100))
    }
    assert all(len(each) == 1 for each in hours.values())
    assert len({each[0] for each in hours.values()}) == 24
    assert confirmed_anew(A, midnight, midnight + DAY)
    assert confirmed_anew(A, 0.0, midnight), "what was stored without a time"
    assert not confirmed_anew(A, midnight + 1, midnight + 3599)


def test_what_could_not_be_written_is_due_again() -> None:
    changes, alice = Changes(), owned("alice")
    changes.mark(A, alice)
    first = changes.take(None, {A: alice}, lambda name: [A])
    changes.give_back(first[0])
    assert changes.take(None, {A: alice}, lambda name: [A]) == first


@pytest.mark.parametrize(
    ("known", "expected"),
    [(owned("a"), True), (owned("a", Source.GUEST), False), (owned("a", hidden=True), False)],
    ids=["known", "guest", "opted out"],
)
def test_guests_and_who_opted_out_are_not_stored(known: Ownership, expected: bool) -> None:
    assert is_stored(known) is expected
    changes = Changes()
    changes.mark(A, known)
    changes.mark(A, owned("b"))  # whose it was before
    user_macs, identities = changes.take(None, {A: known}, lambda name: [])
    assert (user_macs[A], identities[A] is not None) == ("a" if expected else None, expected)


def test_a_guest_makes_nothing_due() -> None:
    changes = Changes()
    changes.mark(A, owned("alice", Source.GUEST))
    assert (changes.macs, changes.names) == (set(), set())
