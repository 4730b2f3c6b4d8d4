"""Which pre-shared keys are known, nobody's, or still to be looked up."""

from mistlocate.location.evidence import PskKey
from mistlocate.location.keyring import KeyRing

ALICES = PskKey("alice@example.com", None, "single", 0)
SHARED = PskKey("sensors", None, "multi", 0)


def test_a_key_is_looked_up_until_lists_name_it_or_do_not() -> None:
    it = KeyRing()
    for psk_id in ("k1", "k2", "k3"):
        it.look_up(psk_id)
    assert it.unknown == it.in_doubt() == {"k1", "k2", "k3"}
    it.take({"k1": ALICES, "k4": SHARED}, {"k2"})
    assert [it.is_settled(psk_id) for psk_id in ("k1", "k2", "k3", "k4")] == [True, True, False, True]
    assert it.unknown == {"k3"}
    assert [it.owner(psk_id) for psk_id in ("k1", "k2", "k4", None)] == ["alice@example.com", None, None, None]
    it.look_up("k2")
    assert it.unknown == {"k3"}, "it is settled"


def test_a_key_that_a_list_names_no_longer_is_looked_up_again() -> None:
    it = KeyRing()
    it.take({"k1": ALICES})
    assert "k1" in it
    it.take({})
    assert not it.is_settled("k1")
    it.look_up("k1")
    assert it.unknown == {"k1"}


def test_nobodys_keys_may_be_somebodys_after_all() -> None:
    it = KeyRing()
    it.take({"k1": ALICES}, {"k2"})
    it.doubt()
    assert it.unknown == {"k2"}
    assert not it.is_settled("k2")
    assert it.is_settled("k1")
    it.take({"k2": SHARED})
    assert (it.unknown, it.is_settled("k2"), it.is_settled("k1")) == (set(), True, False)


def test_a_complete_list_settles_what_was_nobodys_anew() -> None:
    it = KeyRing()
    it.take({}, {"k1"})
    it.take({"k1": ALICES}, it.in_doubt())
    assert it.owner("k1") == "alice@example.com"


def test_forgetting() -> None:
    it = KeyRing()
    it.take({"k1": ALICES}, {"k2"})
    it.forget(["k1", "k2", "k9"])
    assert [it.is_settled(psk_id) for psk_id in ("k1", "k2")] == [False, False]
    it.take({"k1": ALICES}, {"k2"})
    it.look_up("k3")
    it.clear()
    assert [bool(it), it.unknown, it.is_settled("k1"), it.is_settled("k2")] == [False, set(), False, False]
