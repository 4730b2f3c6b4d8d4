import pytest
from hypothesis import given
from hypothesis import strategies as st

from mistlocate.location.identity import (
    Identity,
    NameRules,
    format_mac,
    format_username,
    is_email,
    is_random_mac,
    split_name,
)


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("0x12:34:A6-789B", "1234a6789b"),
        ("00:00:5E:00:53:01", "00005e005301"),
        ("0000.5e00.5301", "00005e005301"),
        ("00005e005301", "00005e005301"),
        (" 00-00-5e-00-53-01 ", "00005e005301"),
        ("", ""),
    ],
)
def test_format_mac(text: str, expected: str) -> None:
    assert format_mac(text) == expected


@pytest.mark.parametrize(
    ("mac", "random"),
    [
        ("da1119c0ffee", True),
        ("00005e005301", False),
        ("020000000000", True),
        ("0f0000000000", True),
        ("5c5b35aa0101", False),
    ],
)
def test_randomised_macs_are_locally_administered(mac: str, random: bool) -> None:
    assert is_random_mac(mac) is random


@pytest.mark.parametrize(
    ("text", "name", "domain"),
    [
        ("alice", "alice", None),
        ("Alice@Example.COM", "alice", "example.com"),
        ("EXAMPLE\\Alice", "alice", "example"),
        ("EXAMPLE\\alice@example.com", "alice", "example.com"),
        (" alice ", "alice", None),
        ("host/lt-1.example.com", "host/lt-1.example.com", None),
        ("a@b@c.example", "a@b", "c.example"),
        ("alice@", "alice", None),
        ("\\alice", "alice", None),
    ],
)
def test_split_name(text: str, name: str, domain: str | None) -> None:
    assert split_name(text) == Identity(name, domain)
    assert format_username(text) == name


@given(st.text(max_size=200))
def test_any_text_can_be_split_and_formatted(text: str) -> None:
    name, domain = split_name(text)
    assert name == name.strip()
    assert domain is None or domain == domain.strip() != ""
    assert set(format_mac(text)) <= set("0123456789abcdef")


@pytest.mark.parametrize(
    ("text", "expected"),
    [("a@b.example", True), ("iot-shared", False), ("a@b", False), ("a b@c.example", False), ("@b.example", False)],
)
def test_is_email(text: str, expected: bool) -> None:
    assert is_email(text) is expected


class TestRules:
    def test_names_that_mean_nobody(self) -> None:
        rules = NameRules()
        for text in (None, "", "anonymous", "anonymous@example.com", "Anonymous", "00-00-5E-00-53-01", "00005e005301"):
            assert rules.identify(text) is None, text

    def test_domains_keep_people_apart(self) -> None:
        rules = NameRules()
        assert rules.identify("alice@a.example") != rules.identify("alice@b.example")

    def test_an_alias_makes_domains_one(self) -> None:
        rules = NameRules.of({"EXAMPLE": "Example.com", "corp.example.com": "EXAMPLE"}, [])
        expected = Identity("alice", "example.com")
        for text in ("EXAMPLE\\alice", "alice@example.com", "alice@CORP.example.com"):
            assert rules.identify(text) == expected

    def test_aliases_in_a_circle_end(self) -> None:
        rules = NameRules.of({"a": "b", "b": "a"}, [])
        assert rules.canonical("a") in ("a", "b")

    @pytest.mark.parametrize(
        "text", ["host/lt-1", "HOST/LT-1.example.com", "svc-print", "EXAMPLE\\svc-print", "svc-x@example.com"]
    )
    def test_prefixes_are_ignored_in_every_spelling(self, text: str) -> None:
        assert NameRules.of({}, ["host/", "SVC-"]).is_ignored(text)

    def test_a_prefix_may_name_a_domain(self) -> None:
        rules = NameRules.of({}, ["EXAMPLE\\svc-"])
        assert rules.is_ignored("example\\svc-print")
        assert not rules.is_ignored("OTHER\\svc-print")

    def test_other_names_are_not(self) -> None:
        assert not NameRules.of({}, ["host/"]).is_ignored("hostess@example.com")
        assert not NameRules.of({}, ["", " "]).is_ignored("alice")
