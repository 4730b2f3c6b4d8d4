import itertools
import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mistlocate.location.evidence import MACS_PER_PERSON, YIELDS_AFTER, Source
from mistlocate.location.identity import Identity, NameRules
from mistlocate.location.objections import Subject
from mistlocate.location.ownership import Owners

A, B, C = "00005e005301", "00005e005302", "00005e005303"
T = 1_767_261_600.0


def owner(owners: Owners, mac: str, **options: bool) -> str | None:
    owned = owners.owner_of(mac, **options)
    return None if owned is None else str(owned.identity)


def macs(owners: Owners, query: str, **options: bool) -> list[str]:
    return owners.macs_of(owners.match(query, **options).identities, **options)


class TestPrecedence:
    def test_a_stronger_source_replaces_a_weaker_one_and_never_the_other_way(self) -> None:
        owners = Owners()
        ranked = [Source.GUEST, Source.LOGIN, Source.PSK, Source.DOT1X]
        for number, source in enumerate(ranked):
            owners.learn(A, f"user{number}@example.com", source, T + number)
            for weaker in ranked[:number]:
                owners.learn(A, "somebody@example.com", weaker, T + 100)
            assert owner(owners, A, guests=True) == f"user{number}@example.com"
        owners.pin("boss@example.com", [A], T)
        owners.learn(A, "user9@example.com", Source.DOT1X, T + 1000)
        assert owner(owners, A) == "boss@example.com"

    def test_of_the_same_source_the_newer_evidence_holds(self) -> None:
        owners = Owners()
        owners.learn(A, "alice@example.com", Source.DOT1X, T)
        owners.learn(A, "bob@example.com", Source.DOT1X, T + 1)
        owners.learn(A, "alice@example.com", Source.DOT1X, T - 3600)
        assert owner(owners, A) == "bob@example.com"
        assert macs(owners, "alice@example.com") == []

    def test_older_evidence_loses_however_close_the_times_are(self) -> None:
        owners = Owners()
        for at in (T, T + 290):
            owners.learn(A, "alice@example.com", Source.DOT1X, at)
        owners.learn(A, "bob@example.com", Source.DOT1X, T + 289)
        assert owner(owners, A) == "alice@example.com"

    def test_a_released_mac_can_be_learned_anew(self) -> None:
        owners = Owners()
        owners.pin("boss@example.com", [A], T)
        assert owners.release(A) is not None
        assert owners.release(A) is None
        owners.learn(A, "alice@example.com", Source.DOT1X, T)
        assert owner(owners, A) == "alice@example.com"

    def test_a_guest_who_takes_over_a_device_takes_its_stored_owner_away(self) -> None:
        owners = Owners()
        owners.learn(A, "alice@example.com", Source.DOT1X, T)
        owners.take_changes()
        owners.release(A)
        owners.learn(A, "visitor@example.net", Source.GUEST, T)
        assert owners.take_changes() == ({A: None, "alice": None}, {A: None})

    @pytest.mark.parametrize(
        ("text", "named"), [("alice", True), ("", False), (None, False), ("anonymous", False), (B, False)]
    )
    def test_whether_a_text_is_a_name_at_all(self, text: str | None, named: bool) -> None:
        owners = Owners()
        assert owners.learn(A, text, Source.DOT1X, T) is named
        assert owners.learn(A, text, Source.DOT1X, T) is named
        assert owners.learn(A, text, Source.PSK, T) is named

    def test_a_pin_needs_a_name(self) -> None:
        assert Owners().pin("anonymous", [A], T) is None


class TestYielding:
    @pytest.mark.parametrize(
        ("known", "source", "after", "expected"),
        [
            (Source.DOT1X, Source.PSK, YIELDS_AFTER, "alice@example.com"),
            (Source.DOT1X, Source.PSK, YIELDS_AFTER + 1, "bob@example.com"),
            (Source.PSK, Source.LOGIN, YIELDS_AFTER + 1, "bob@example.com"),
            (Source.DOT1X, Source.GUEST, YIELDS_AFTER + 1, "alice@example.com"),
            (Source.PINNED, Source.DOT1X, YIELDS_AFTER + 1, "alice@example.com"),
        ],
    )
    def test_what_is_not_confirmed_any_more_yields_to_evidence_of_now(
        self, known: Source, source: Source, after: float, expected: str
    ) -> None:
        owners = Owners()
        if known is Source.PINNED:
            owners.pin("alice@example.com", [A], T)
        else:
            owners.learn(A, "alice@example.com", known, T)
        owners.learn(A, "bob@example.com", source, T + after)
        assert owner(owners, A) == expected

    def test_who_is_confirmed_keeps_a_device_that_others_use_too(self) -> None:
        owners = Owners()
        for day in range(30):
            owners.learn(A, "alice@example.com", Source.DOT1X, T + day * 86_400)
            owners.learn(A, "bob@example.com", Source.PSK, T + day * 86_400 + 60)
        assert owner(owners, A) == "alice@example.com"

    def test_who_opted_out_stays_hidden(self) -> None:
        owners = Owners()
        owners.set_objections(owners.objections.opt_out(Subject(None, Identity("alice", "example.com"))))
        owners.learn(A, "alice@example.com", Source.DOT1X, T)
        owners.learn(A, "bob@example.com", Source.PSK, T + 2 * YIELDS_AFTER)
        assert owners.hides(A)

    def test_a_stronger_name_takes_a_device_back_at_once(self) -> None:
        owners = Owners()
        owners.learn(A, "alice@example.com", Source.DOT1X, T)
        owners.learn(A, "bob@example.com", Source.PSK, T + YIELDS_AFTER + 1)
        owners.learn(A, "alice@example.com", Source.DOT1X, T + YIELDS_AFTER + 2)
        assert owner(owners, A) == "alice@example.com"

    @pytest.mark.parametrize(("after", "expected"), [(60, "alice"), (YIELDS_AFTER + 1, "bob@example.com")])
    def test_also_where_the_store_is_read_later(self, after: float, expected: str) -> None:
        owners = Owners()
        owners.learn(A, "bob@example.com", Source.PSK, T + after)
        owners.load({A: "alice"}, {A: json.dumps({"user": "alice", "source": "dot1x", "at": T})})
        assert owner(owners, A) == expected

    def test_what_the_original_drivers_stored_has_no_time_and_stands(self) -> None:
        owners = Owners()
        owners.learn(A, "bob@example.com", Source.PSK, T)
        owners.load({A: "alice"}, {})
        assert owner(owners, A) == "alice"


class TestMatching:
    def test_the_same_name_in_two_domains_is_two_people(self) -> None:
        owners = Owners()
        owners.learn(A, "alice@a.example", Source.DOT1X, T)
        owners.learn(B, "alice@b.example", Source.DOT1X, T)
        assert macs(owners, "alice@a.example") == [A]
        assert macs(owners, "alice@b.example") == [B]

    def test_a_bare_name_that_fits_two_people_finds_nobody(self) -> None:
        owners = Owners()
        owners.learn(A, "alice@a.example", Source.DOT1X, T)
        assert macs(owners, "alice") == [A]
        owners.learn(B, "alice@b.example", Source.DOT1X, T)
        match = owners.match("alice")
        assert match.ambiguous
        assert match.identities == ()

    def test_an_alias_makes_them_one_again(self) -> None:
        owners = Owners(NameRules.of({"B.EXAMPLE": "a.example"}, []))
        owners.learn(A, "alice@a.example", Source.DOT1X, T)
        owners.learn(B, "B.EXAMPLE\\alice", Source.DOT1X, T + 1)
        assert macs(owners, "alice") == [B, A]

    def test_a_query_with_a_domain_also_matches_a_name_whose_domain_is_not_known(self) -> None:
        owners = Owners()
        owners.learn(A, "alice", Source.DOT1X, T)
        assert macs(owners, "Alice@Example.com") == [A]
        owners.learn(B, "alice@a.example", Source.DOT1X, T + 1)
        assert macs(owners, "alice@a.example") == [B, A]
        assert macs(owners, "alice@b.example") == [A]
        assert macs(owners, "alice") == [B, A]

    def test_unknown_and_empty_names(self) -> None:
        owners = Owners()
        for query in ("nobody", "", None, "anonymous"):
            assert owners.match(query).identities == ()

    def test_new_rules_read_old_names_anew(self) -> None:
        owners = Owners()
        owners.learn(A, "EXAMPLE\\alice", Source.DOT1X, T)
        owners.learn(B, "alice@example.com", Source.DOT1X, T)
        assert owners.match("alice").ambiguous
        owners.set_rules(NameRules.of({"example": "example.com"}, []))
        assert sorted(macs(owners, "alice")) == [A, B]


class TestWithholding:
    def test_ignored_names_are_not_learned(self) -> None:
        owners = Owners(NameRules.of({}, ["host/"]))
        assert owners.learn(A, "host/lt-1.example.com", Source.DOT1X, T), "it is a name all the same"
        assert owner(owners, A) is None

    def test_a_machine_account_does_not_take_a_device_from_its_user(self) -> None:
        owners = Owners(NameRules.of({}, ["host/"]))
        owners.learn(A, "alice@example.com", Source.DOT1X, T)
        owners.learn(A, "host/lt-1.example.com", Source.DOT1X, T + 60)
        assert owner(owners, A) == "alice@example.com"

    def test_names_ignored_later_are_withheld_on_every_path_also_pinned_and_loaded_ones(self) -> None:
        owners = Owners()
        owners.load({A: "ceo-anna"}, {})
        owners.pin("ceo-bert@example.com", [B], T)
        owners.set_rules(NameRules.of({}, ["ceo-"]))
        assert owner(owners, A) is None
        assert owner(owners, B) is None
        assert macs(owners, "ceo-anna") == []
        assert macs(owners, "ceo-bert@example.com") == []
        assert list(owners.people()) == []
        owners.set_rules(NameRules())
        assert owner(owners, A) == "ceo-anna"

    def test_guests_answer_only_where_asked_for(self) -> None:
        owners = Owners()
        owners.learn(A, "visitor@example.net", Source.GUEST, T)
        assert owner(owners, A) is None
        assert owner(owners, A, guests=True) == "visitor@example.net"
        assert macs(owners, "visitor@example.net") == []
        assert macs(owners, "visitor@example.net", guests=True) == [A]
        assert list(owners.people()) == []

    def test_a_guest_cannot_pass_for_somebody(self) -> None:
        owners = Owners()
        owners.learn(A, "alice@example.com", Source.DOT1X, T)
        owners.learn(B, "alice@example.com", Source.GUEST, T)
        assert macs(owners, "alice@example.com") == [A]


def stored(owners: Owners, disk: dict[str, dict[str, str]]) -> None:
    """Write what changed, as a store would."""
    for name, changes in zip(("user_macs", "identities"), owners.take_changes(), strict=True):
        for field, value in changes.items():
            if value is None:
                disk[name].pop(field, None)
            else:
                disk[name][field] = value


class TestStoring:
    def test_the_original_layout(self) -> None:
        owners = Owners()
        owners.learn(A, "Alice@Example.com", Source.DOT1X, T)
        owners.learn(B, "alice@example.com", Source.PSK, T + 60)
        user_macs, identities = owners.take_changes()
        assert user_macs == {A: "alice", B: "alice", "alice": json.dumps([B, A])}
        assert json.loads(identities[A] or "") == {"user": "Alice@Example.com", "source": "dot1x", "at": int(T)}

    def test_nothing_is_written_twice(self) -> None:
        owners = Owners()
        owners.learn(A, "alice@example.com", Source.DOT1X, T)
        owners.take_changes()
        owners.learn(A, "alice@example.com", Source.DOT1X, T)
        assert owners.take_changes() == ({}, {})

    def test_a_confirmation_is_written_once_a_day(self) -> None:
        owners = Owners()
        written = []
        for minute in range(3 * 24 * 60):
            owners.learn(A, "alice@example.com", Source.DOT1X, T + 60 * minute)
            if A in (found := owners.take_changes()[1]):
                written.append(json.loads(found[A] or "")["at"])
        assert written[0] == int(T)
        assert len(written) == 4, "when it was learned, and once in each of three days"
        assert [late - early for early, late in itertools.pairwise(written[1:])] == [86_400, 86_400]

    def test_a_change_of_owner_cleans_up_after_the_last_one(self) -> None:
        owners = Owners()
        owners.learn(A, "alice@example.com", Source.DOT1X, T)
        owners.take_changes()
        owners.learn(A, "bob@example.com", Source.DOT1X, T + 1)
        user_macs, _ = owners.take_changes()
        assert user_macs == {A: "bob", "alice": None, "bob": json.dumps([A])}

    def test_guests_are_never_stored(self) -> None:
        owners = Owners()
        owners.learn(A, "visitor@example.net", Source.GUEST, T)
        assert owners.take_changes() == ({}, {})

    def test_full_names_survive(self) -> None:
        disk: dict[str, dict[str, str]] = {"user_macs": {}, "identities": {}}
        owners = Owners()
        owners.learn(A, "alice@a.example", Source.DOT1X, T)
        owners.learn(B, "alice@b.example", Source.PSK, T)
        owners.pin("bob", [C], T)
        stored(owners, disk)
        again = Owners()
        assert again.load(disk["user_macs"], disk["identities"]) == 0
        assert [owner(again, mac) for mac in (A, B, C)] == ["alice@a.example", "alice@b.example", "bob"]
        assert again.take_changes() == ({}, {})

    def test_what_the_original_drivers_wrote_is_taken_over(self) -> None:
        owners = Owners()
        owners.load({A: "alice", B: "alice", "alice": json.dumps([B, A])}, {})
        assert sorted(macs(owners, "alice@example.com")) == [A, B]

    def test_where_the_original_drivers_ran_in_between_their_name_holds(self) -> None:
        owners = Owners()
        identities = {A: json.dumps({"user": "alice@example.com", "source": "dot1x", "at": 1})}
        owners.load({A: "bob", "bob": json.dumps([A])}, identities)
        assert owner(owners, A) == "bob"

    def test_what_cannot_be_read_is_counted_and_costs_nobody_else(self) -> None:
        owners = Owners()
        damaged = {A: "{", B: json.dumps({"user": "bob@example.com", "source": "magic", "at": 1})}
        assert owners.load({A: "alice", B: "bob", C: "anonymous", "bob": "["}, damaged) == 3
        assert [owner(owners, mac) for mac in (A, B, C)] == ["alice", "bob", None]

    def test_what_was_learned_before_the_store_could_be_read_stays_unless_it_is_weaker(self) -> None:
        owners = Owners()
        owners.learn(A, "alice@example.com", Source.DOT1X, T)
        owners.learn(B, "bob@example.com", Source.PSK, T)
        pinned = json.dumps({"user": "boss@example.com", "source": "pinned", "at": 1})
        owners.load({A: "carol", B: "boss"}, {B: pinned})
        assert [owner(owners, mac) for mac in (A, B)] == ["alice@example.com", "boss@example.com"]

    def test_what_could_not_be_written_is_due_again(self) -> None:
        owners = Owners()
        owners.learn(A, "alice@example.com", Source.DOT1X, T)
        first = owners.take_changes()
        owners.give_back(first[0])
        assert owners.take_changes() == first


def test_what_changed_can_be_taken_in_parts_and_all_of_it_comes() -> None:
    owners = Owners()
    for number in range(10):
        owners.learn(f"0000000000{number:02x}", f"user{number}", Source.DOT1X, T)
    owners.release("000000000000")
    disk: dict[str, dict[str, str | None]] = {"user_macs": {}, "identities": {}}
    parts = 0
    while any(taken := owners.take_changes(3)):
        assert len(taken[1]) <= 3
        disk["user_macs"] |= taken[0]
        disk["identities"] |= taken[1]
        parts += 1
    assert parts == 4
    assert disk["user_macs"]["user7"] == '["000000000007"]'
    assert disk["user_macs"]["000000000000"] is disk["user_macs"]["user0"] is None
    assert len(disk["identities"]) == 10


def test_one_person_owns_a_bounded_number_of_macs_and_the_oldest_go_first() -> None:
    owners = Owners()
    everything = [f"00005e0053{number:02x}" for number in range(MACS_PER_PERSON + 3)]
    for number, mac in enumerate(everything):
        owners.learn(mac, "alice@example.com", Source.DOT1X, T + number)
    assert macs(owners, "alice@example.com") == everything[:2:-1]
    assert owner(owners, everything[0]) is None


def test_the_device_that_is_there_outlives_those_that_are_gone_however_well_they_are_known() -> None:
    owners = Owners()
    gone = [f"00005e0054{number:02x}" for number in range(MACS_PER_PERSON)]
    for number, mac in enumerate(gone):
        owners.learn(mac, "alice@example.com", Source.DOT1X, T - 1000 + number)
    owners.take_changes()
    for minute in range(5):
        owners.learn(A, "alice@example.com", Source.PSK, T + minute)
        assert macs(owners, "alice@example.com") == [A, *gone[:0:-1]]
    user_macs, _ = owners.take_changes()
    assert user_macs.keys() == {A, gone[0], "alice"}
    owners.learn(B, "alice@example.com", Source.PSK, T - 5000)
    assert owner(owners, B) is not None, "what was just learned stays, whatever its time"
    assert owner(owners, gone[1]) is None


def test_who_has_only_devices_assigned_by_hand_gives_up_the_oldest_of_them() -> None:
    owners = Owners()
    pinned = [f"00005e0053{number:02x}" for number in range(MACS_PER_PERSON)]
    for number, mac in enumerate(pinned):
        owners.pin("alice@example.com", [mac], T + number)
    owners.learn("00005e0054ff", "alice@example.com", Source.DOT1X, T + 100)
    assert macs(owners, "alice@example.com") == ["00005e0054ff", *pinned[:0:-1]]


def test_nobody_types_away_the_devices_of_others() -> None:
    owners = Owners()
    owners.learn(A, "alice@example.com", Source.DOT1X, T)
    for number in range(MACS_PER_PERSON + 3):
        owners.learn(f"00005e0054{number:02x}", "alice@example.com", Source.GUEST, T + 1 + number)
    assert owner(owners, A) == "alice@example.com"
    for number in range(MACS_PER_PERSON - 1):
        owners.learn(f"00005e0055{number:02x}", "alice@example.com", Source.DOT1X, T + number)
    owners.learn("00005e0054ff", "alice@example.com", Source.GUEST, T + 100)
    assert owner(owners, A) == "alice@example.com"


def test_pinned_macs_outlive_learned_ones() -> None:
    owners = Owners()
    owners.pin("alice@example.com", [A], T)
    for number in range(MACS_PER_PERSON + 3):
        owners.learn(f"00005e0054{number:02x}", "alice@example.com", Source.DOT1X, T + 1 + number)
    assert owner(owners, A) == "alice@example.com"


_names = st.sampled_from(
    ["alice@a.example", "alice@b.example", "alice", "bob", "A\\bob", "host/x", "visitor@c.example"]
)
_macs = st.sampled_from([f"00005e0053{number:02x}" for number in range(14)])
_steps = st.one_of(
    st.tuples(st.just("learn"), _macs, _names, st.sampled_from([Source.GUEST, Source.PSK, Source.DOT1X])),
    st.tuples(st.just("pin"), _macs, _names, st.none()),
    st.tuples(st.just("release"), _macs, st.none(), st.none()),
    st.tuples(st.just("write"), st.none(), st.none(), st.none()),
)


@given(st.lists(_steps, max_size=60))
def test_a_mac_has_one_owner_who_lists_it_in_memory_and_on_disk(steps: list[tuple]) -> None:  # type: ignore[type-arg]
    rules = NameRules.of({}, ["host/"])
    owners = Owners(rules)
    disk: dict[str, dict[str, str]] = {"user_macs": {}, "identities": {}}
    for number, (action, mac, name, source) in enumerate(steps):
        if action == "learn":
            owners.learn(mac, name, source, T + number)
        elif action == "pin":
            owners.pin(name, [mac], T + number)
        elif action == "release":
            owners.release(mac)
        else:
            stored(owners, disk)
    listed: dict[str, Identity] = {}
    for identity, owned in owners.people(guests=True):
        assert len(owned) <= MACS_PER_PERSON
        for mac in owned:
            assert mac not in listed
            listed[mac] = identity
            assert owners.owner_of(mac, guests=True).identity == identity  # type: ignore[union-attr]
    stored(owners, disk)
    lists = {name: json.loads(value) for name, value in disk["user_macs"].items() if not name.startswith("0000")}
    for mac, name in disk["user_macs"].items():
        if mac.startswith("0000"):
            assert mac in lists[name]
            assert mac in disk["identities"]
    assert sum(len(each) for each in lists.values()) == len(disk["identities"])


@pytest.mark.parametrize("keep_for", [0.01, 0.5, 1.0, 30.0])
def test_what_was_assigned_by_hand_holds_while_the_device_is_there(keep_for: float) -> None:
    owners, day = Owners(), 86_400.0
    owners.pin("alice@example.com", [A, B], T)
    step = keep_for * day / 5
    for number in range(1, 30):
        assert owners.expire(T + number * step, keep_for * day, {A}) == (number == 6), "B is not there"
    assert owner(owners, A) == "alice@example.com"
    assert owner(owners, B) is None


def test_a_clock_that_is_set_back_lets_later_evidence_count() -> None:
    owners = Owners()
    owners.learn("00005e005301", "alice@example.com", Source.DOT1X, 5000.0)
    owners.take_changes()
    owners.not_after(1400.0)
    owners.learn("00005e005301", "bob@example.com", Source.DOT1X, 1401.0)
    owned = owners.owner_of("00005e005301")
    assert owned is not None
    assert owned.identity.name == "bob"
