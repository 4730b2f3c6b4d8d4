"""Whom a key was made for."""

import pytest

from mistlocate.location.evidence import PskKey, psk_owner


class TestKeys:
    @pytest.mark.parametrize(
        ("key", "expected"),
        [
            (PskKey("bob@example.com", None, "multi", 0), "bob@example.com"),
            (PskKey("bob@example.com", "it@example.com", "multi", 5), "bob@example.com"),
            (PskKey("Bob's phone", "bob@example.com", "single", 0), "bob@example.com"),
            (PskKey("Bob's things", "bob@example.com", "multi", 5), "bob@example.com"),
            (PskKey("displays", "it@example.com", "multi", 0), None),
            (PskKey("displays", "it@example.com", "multi", 500), None),
            (PskKey("meeting-kit", None, "macs", 0), None),
            (PskKey("Bob's phone", "not an address", "single", 0), None),
        ],
        ids=[
            "name",
            "name before e-mail",
            "e-mail of a single key",
            "e-mail of a small key",
            "shared",
            "shared by many",
            "things",
            "no address",
        ],
    )
    def test_whose_a_key_is(self, key: PskKey, expected: str | None) -> None:
        assert psk_owner(key) == expected
