"""Who objected, and whom that covers."""

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mistlocate.location.identity import Identity, NameRules
from mistlocate.location.objections import Register, Subject, names_in, subject

PLAIN = NameRules()
ALIASED = NameRules.of({"EXAMPLE": "example.com"}, ())


def who(text: str, rules: NameRules = PLAIN) -> Subject:
    found = subject(text, rules)
    assert found is not None
    return found


def hides(register: Register, text: str) -> bool:
    found = who(text, register.rules)
    assert found.identity is not None
    return register.hides_person(found.identity)


@pytest.mark.parametrize(
    ("objects", "covered", "others"),
    [
        ("alice@example.com", ["alice@example.com", "Alice@EXAMPLE.com", "alice"], ["alice@b.example", "bob", "bob@example.com"]),
        ("alice", ["alice", "alice@a.example", "alice@b.example", "X\\alice"], ["bob", "alicia"]),
        ("EXAMPLE\\alice", ["alice@example", "alice"], ["alice@example.com"]),
    ],
)  # fmt: skip
def test_whom_a_name_covers(objects: str, covered: list[str], others: list[str]) -> None:
    register = Register().opt_out(who(objects))
    assert [hides(register, text) for text in covered] == [True] * len(covered)
    assert [hides(register, text) for text in others] == [False] * len(others)


def test_domains_that_mean_the_same_people_then_and_now() -> None:
    before = Register(ALIASED).opt_out(who("EXAMPLE\\alice", ALIASED))
    assert hides(before, "alice@example.com")
    assert hides(before.under(PLAIN), "EXAMPLE\\alice"), "the alias was taken away"
    assert hides(before.under(PLAIN), "alice@example.com")
    after = Register(PLAIN).opt_out(who("alice@example"))
    assert not hides(after, "alice@example.com")
    assert hides(after.under(ALIASED), "alice@example.com"), "the alias came later"


def test_objecting_again_lifts_nothing_where_the_domains_are_two_by_now() -> None:
    both = NameRules.of({"CORP": "a.example"}, ())
    before = Register(both).opt_out(Subject(None, both.identify(r"CORP\alice")))
    before = before.learn_no_more(Subject(None, both.identify("alice@a.example"))).under(PLAIN)
    again = before.opt_out(who(r"CORP\alice")).learn_no_more(who(r"CORP\alice"))
    for name in ("alice@a.example", r"CORP\alice"):
        identity = PLAIN.identify(name)
        assert identity is not None
        assert again.hides_person(identity)
        assert not again.may_learn("", identity)
    assert (len(again.opted_out), len(again.not_learned)) == (1, 1)


def test_a_device_is_hidden_whoever_owns_it_and_a_remembered_one_while_nobody_is_known_to() -> None:
    register = Register().opt_out(who("00:00:5e:00:53:01"))
    assert register.hides_device("00005e005301", owned=True)
    assert not register.hides_device("00005e005302", owned=False)
    register = Register().opt_out(who("alice@example.com"), ["00005e005303"], ["00005e005304"])
    assert register.hides_device("00005e005303", owned=False)
    assert not register.hides_device("00005e005303", owned=True), "it is somebody else's now"
    assert register.hides_device("00005e005304", owned=True), "by hand: nobody says so again"


def test_opting_in_lifts_it_under_every_spelling_and_nothing_else() -> None:
    register = Register(ALIASED).opt_out(who("alice@example.com", ALIASED)).opt_out(who("bob"))
    assert register.opt_in(who("carol")) is None
    lifted = register.opt_in(who("EXAMPLE\\alice", ALIASED))
    assert lifted is not None
    assert not hides(lifted, "alice@example.com")
    assert not hides(lifted, "alice")
    assert hides(lifted, "bob")
    assert lifted.revision > register.revision


def test_what_is_not_to_be_learned() -> None:
    register = Register().learn_no_more(who("alice@example.com")).learn_no_more(who("00005e005301"))
    assert not register.may_learn("00005e005309", Identity("alice", "example.com"))
    assert not register.may_learn("00005e005301", Identity("bob"))
    assert register.may_learn("00005e005309", Identity("bob"))
    assert not register.hides_anyone, "not to be known is not to be hidden"
    assert register.opt_in(who("alice@example.com")).may_learn("00005e005309", Identity("alice"))  # type: ignore[union-attr]


def test_the_document_brings_everything_back_and_names_nobody() -> None:
    register = Register().opt_out(who("alice@example.com"), ["00005e005303"]).learn_no_more(who("bob"))
    text = json.dumps(register.document())
    assert not any(each in text for each in ("alice", "example", "bob", "5e0053"))
    again = Register.of(json.loads(text), PLAIN)
    assert again.document() == register.document()
    assert hides(again, "alice")
    assert not again.may_learn("00005e005309", Identity("bob"))
    assert Register.of(None, PLAIN).revision == 0


def test_another_site_has_other_hashes() -> None:
    one, two = (Register().opt_out(who("alice@example.com")).document() for _ in range(2))
    assert one["key"] != two["key"]
    assert not set(one["opted_out"][0]["who"]) & set(two["opted_out"][0]["who"])


@pytest.mark.parametrize(("text", "covered"), [
    ("alice@example.com", True), ("ALICE", True), ("00-00-5E-00-53-01", True), ("Floor 1", False), ("", False), ("bob", False),
])  # fmt: skip
def test_texts_of_others(text: str, covered: bool) -> None:
    register = Register().opt_out(who("alice@example.com")).learn_no_more(who("00005e005301"))
    assert register.covers_text(text) is covered


@pytest.mark.parametrize(("text", "named"), [
    ("alice", True), ("Alice@Example.com or alice", True), ("x\\alice", True), ("00:00:5e:00:53:01", True),
    ("/stats/clients/00005e005301", True), ("malice", False), ("ali", False), ("bob", False),
])  # fmt: skip
def test_where_somebody_was_asked_for(text: str, named: bool) -> None:
    assert names_in(who("alice@example.com"), ["00005e005301"])(text) is named


@pytest.mark.parametrize(("text", "named"), [
    ("Zoë O\u2019Brien", True), ("O'BRIEN, ZOE\u0308", True), ("zoe\u0308.o'brien@example.com", True), ("x\\zoë_o'brien", True),
    ("zoë", False), ("brien", False), ("zoë.o'brienä", False), ("zoe.o'brien", False),
])  # fmt: skip
def test_where_somebody_was_asked_for_in_words_of_their_own(text: str, named: bool) -> None:
    assert names_in(who("zoë.o'brien@example.com"), ())(text) is named


@pytest.mark.parametrize(
    ("name", "text", "named"),
    [
        ("li.an", "an, li", True), ("li.an", "An Li", True), ("li.an", "an.li@example.com", False),
        ("li.an", "li_an", True), ("c++", "c", False), ("c++", "c++@example.com", True),
    ],
)  # fmt: skip
def test_accounts_of_others_are_not_taken_for_words_in_another_order(name: str, text: str, named: bool) -> None:
    assert names_in(who(f"{name}@example.com"), ())(text) is named


def test_where_a_name_without_a_letter_was_asked_for() -> None:
    assert [names_in(who("+"), ())(text) for text in ("+@example.com", "example.com")] == [True, False]


names = st.text("abc", min_size=1, max_size=3)
domains = st.sampled_from([None, "a.example", "b.example"])
people = st.builds(Identity, names, domains)


@given(st.lists(people, max_size=5), people)
def test_it_covers_exactly_whom_its_rules_say(objectors: list[Identity], somebody: Identity) -> None:
    register = Register()
    for each in objectors:
        register = register.opt_out(Subject(None, each))
    expected = any(
        each.name == somebody.name and (each.domain is None or somebody.domain in (each.domain, None))
        for each in objectors
    )
    assert register.hides_person(somebody) is expected
    for each in objectors:
        register = register.opt_in(Subject(None, each)) or register
    assert not register.hides_person(somebody)
