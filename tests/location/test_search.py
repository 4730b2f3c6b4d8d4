import pytest
from hypothesis import given
from hypothesis import strategies as st

from mistlocate.location.identity import Identity
from mistlocate.location.search import Person, search

PEOPLE = [
    Person(Identity("alice.moreau", "example.com"), ("00005e005301",)),
    Person(Identity("al", "example.com"), ("00005e005302",)),
    Person(Identity("alan", "example.com"), ("00005e0053aa", "da1119c0ffee")),
    Person(Identity("moritz.alt"), ("00005e005304",)),
    Person(Identity("bob", "alpine.example"), ("00005e005305",)),
]


def names(text: str, limit: int = 20) -> list[str]:
    return [hit.person.identity.name for hit in search(PEOPLE, text, limit)]


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("al", ["al", "alan", "alice.moreau", "moritz.alt", "bob"]),
        ("alan", ["alan"]),
        ("ALAN@example.com", ["alan"]),
        ("moreau", ["alice.moreau"]),
        ("al mor", ["moritz.alt", "alice.moreau"]),
        ("c0ff", ["alan"]),
        ("DA:11:19", ["alan"]),
        ("53:01", ["alice.moreau"]),
        ("example.com", ["al", "alan", "alice.moreau"]),
        ("nobody", []),
        ("", []),
        ("   ", []),
    ],
)
def test_the_best_comes_first(text: str, expected: list[str]) -> None:
    assert names(text) == expected


def test_few_hex_digits_are_no_mac() -> None:
    assert names("53") == []


def test_the_number_of_hits_is_bounded() -> None:
    assert names("al", limit=2) == ["al", "alan"]


@given(st.text(max_size=60))
def test_any_text_can_be_searched_for(text: str) -> None:
    hits = search(PEOPLE, text)
    assert [hit.rank for hit in hits] == sorted(hit.rank for hit in hits)


@given(st.sampled_from(PEOPLE), st.data())
def test_whoever_contains_the_text_is_found(person: Person, data: st.DataObject) -> None:
    whole = str(person.identity)
    start = data.draw(st.integers(0, len(whole) - 1))
    part = whole[start : data.draw(st.integers(start + 1, len(whole)))]
    if part.strip():
        assert person in [hit.person for hit in search(PEOPLE, part)]
