"""What a record says in words."""

from typing import Any

import pytest

from mistlocate.drivers.mist_websocket.wording import names_in_record, said
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
