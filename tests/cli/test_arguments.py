from typing import Any

import pytest

from mistlocate.cli.arguments import arguments, value
from mistlocate.driver.command import commands_of
from mistlocate.drivers.mist_websocket.driver import MistWebsocket
from mistlocate.errors import BadArguments


def function(name: str) -> dict[str, Any]:
    described = commands_of(MistWebsocket)[name]
    return {
        "order": [each.name for each in described.parameters],
        "params": {each.name: each.schema for each in described.parameters},
    }


@pytest.mark.parametrize(
    ("command", "words", "expected"),
    [
        ("maps", [], {}),
        ("client", ["563412345678"], {"mac": "563412345678"}),
        ("client", ["mac=563412345678"], {"mac": "563412345678"}),
        ("clients", ["null"], {"map_id": None}),
        ("clients", [""], {"map_id": None}),
        ("locate", ["alice@example.com", "true"], {"username": "alice@example.com", "guests": True}),
        ("find_people", ["al", "limit=5"], {"text": "al", "limit": 5}),
        ("find_people", ["limit=5", "al"], {"limit": 5, "text": "al"}),
        ("find_people", ["text=a=b"], {"text": "a=b"}),
        ("find_people", ["a b=c"], {"text": "a b=c"}),
        ("find_people", ["=b"], {"text": "=b"}),
        ("mac_address_mappings", ["zoe", '["aa", "bb"]'], {"username": "zoe", "macs": ["aa", "bb"]}),
        ("remove_mac_address_mappings", ["112233445566"], {"macs": ["112233445566"]}),
        ("remove_mac_address_mappings", ["112233445566,aa"], {"macs": ["112233445566", "aa"]}),
        (
            "mac_address_mappings",
            ["zoe", "aa, bb", "domain=x"],
            {"username": "zoe", "macs": ["aa", "bb"], "domain": "x"},
        ),
    ],
)
def test_words_become_what_the_schema_asks_for(command: str, words: list[str], expected: dict[str, Any]) -> None:
    assert arguments(words, function(command)) == expected


@pytest.mark.parametrize(
    ("command", "words", "message"),
    [
        ("maps", ["x"], "too many arguments: it takes none"),
        ("client", [], "missing: mac; it takes mac"),
        ("find_people", ["al", "limit=many"], "limit: expected integer, got 'many'"),
        ("find_people", ["a", "true", "3", "4"], "too many arguments: it takes text [guests] [limit]"),
        ("client", ["mac=a", "mac=b"], "mac is given twice"),
        ("locate", ["a", "perhaps"], "guests: expected boolean"),
        ("locate", ["foo=1"], "no parameter 'foo': it takes username [guests]; a text like this is given by name: "),
        ("find_people", ["a=b"], "is given by name: text=a=b"),
        ("locate", ["usrname=zoe"], "did you mean 'username'?"),
        ("maps", ["foo=1"], "too many arguments: it takes none"),
    ],
)
def test_what_does_not_fit_says_what_would(command: str, words: list[str], message: str) -> None:
    with pytest.raises(BadArguments) as raised:
        arguments(words, function(command))
    assert message in str(raised.value)


def test_anything_goes_where_the_schema_says_nothing() -> None:
    assert value('{"a": 1}', {}, "x") == {"a": 1}
    assert value("null", {"anyOf": [{"type": "integer"}, {"type": "null"}]}, "x") is None
