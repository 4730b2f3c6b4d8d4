"""What a record says in words."""

from dataclasses import replace
from typing import Any

import pytest

from mistlocate.drivers.mist_websocket.wording import names_in_record, part, said, told_by_row
from mistlocate.location.observation import Origin, Sighting
from mistlocate.mist.models import ClientStats

GUEST = {"guest": {"email": "typed@example.com", "access_code_email": "mailed@example.com"}}


@pytest.mark.parametrize(
    ("record", "names"),
    [
        ({"username": "alice"}, ("alice", None)),
        ({}, (None, None)),
        ({"username": "Unknown"}, (None, None)),
        (GUEST, (None, "mailed@example.com")),
        ({"guest": {"email": "typed@example.com", "access_code_email": ""}}, (None, "typed@example.com")),
        ({"username": "alice", "is_guest": True}, (None, "alice")),
        ({"username": "alice", "is_guest": True, **GUEST}, (None, "mailed@example.com")),
        ({"username": "alice", "is_guest": True, "key_mgmt": "WPA2-EAP/CCMP"}, ("alice", None)),
        ({"username": "alice", "is_guest": True, "key_mgmt": "WPA2-PSK/CCMP"}, (None, "alice")),
    ],
)
def test_names_that_the_network_vouches_for_and_names_that_were_typed(
    record: dict[str, Any], names: tuple[str | None, str | None]
) -> None:
    assert names_in_record(ClientStats.model_validate({"mac": "00005e005301", **record})) == names


def test_texts_that_say_nothing_and_texts_that_are_kept_once() -> None:
    assert [said(text) for text in (None, "", "Unknown", "unknown", "N/A", "Dell")] == [None] * 5 + ["Dell"]
    one, other = ("".join(parts) for parts in (["Sams", "ung"], ["Sam", "sung"]))
    assert one is not other
    assert said(one) is said(other)


WHOLE = {"is_guest": False, "ssid": "Corp", "key_mgmt": "WPA2-EAP/CCMP"}


@pytest.mark.parametrize(
    ("row", "told"),
    [
        (WHOLE, None),
        ({}, set()),
        ({**WHOLE, "ssid": None}, {"is_guest", "ssid"}),
        ({"ssid": "Corp", "os": None, "manufacture": "Dell"}, {"ssid", "os", "manufacturer"}),
        ({"psk_id": "k1", "ip": "192.0.2.1"}, {"psk_id", "keyed", "ip"}),
        ({"username": "alice"}, set()),
        ({"is_guest": None, "ssid": "Corp"}, {"ssid"}),
        ({"username": "alice", "is_guest": False}, {"is_guest"}),
        ({"username": "alice", "is_guest": False, "key_mgmt": "Open"}, {"is_guest", "username"}),
        ({"username": "alice", "is_guest": True, "key_mgmt": "Open"}, {"is_guest", "username", "guest_email"}),
        ({**GUEST, "is_guest": True, "key_mgmt": "Open"}, {"is_guest", "guest_email"}),
    ],
)
def test_what_a_row_tells(row: dict[str, Any], told: set[str] | None) -> None:
    assert told_by_row(ClientStats.model_validate({"mac": "00005e005301", **row})) == told


def test_of_a_row_only_what_it_tells_is_taken() -> None:
    sighting = Sighting(
        "00005e005301", Origin.SNAPSHOT, 0.0, 0.0, username="alice", psk_id="k1", os="iOS", raw={"username": "alice"}
    )
    told = frozenset({"psk_id", "os"})
    found = part(sighting, told, personal=True)
    assert (found.says, found.username, found.psk_id, found.raw) == (told, None, "k1", None)
    found = part(replace(sighting, username=None), told, personal=False)
    assert (found.says, found.psk_id, found.os, found.raw) == ({"os"}, None, "iOS", None)
    assert part(sighting, frozenset({"username", "psk_id"}), personal=True).raw == sighting.raw
