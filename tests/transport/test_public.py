import pytest

from mistlocate.errors import CannotConnect
from mistlocate.transport.public import as_address, is_public, public_address, refuse_private


@pytest.mark.parametrize("address", ["8.8.8.8", "2606:4700::1111", "::ffff:8.8.8.8", "64:ff9b::808:808"])
def test_addresses_of_the_world(address: str) -> None:
    assert is_public(address)


@pytest.mark.parametrize(
    "address",
    [
        "127.0.0.1", "127.8.8.8", "10.1.2.3", "172.16.0.1", "192.168.1.1", "169.254.169.254", "100.64.0.1", "0.0.0.0",
        "255.255.255.255", "224.0.0.1", "192.0.2.1", "::1", "::", "fe80::1", "fe80::1%eth0", "fd00::1", "ff02::1",
        "::ffff:127.0.0.1", "::ffff:10.0.0.1", "64:ff9b::7f00:1", "2002:7f00:1::", "2001:0:4136:e378::", "x", "",
    ],
)  # fmt: skip
def test_addresses_that_are_not(address: str) -> None:
    assert not is_public(address)


@pytest.mark.parametrize(
    ("host", "address"),
    [
        ("127.0.0.1", "127.0.0.1"), ("2130706433", "127.0.0.1"), ("0x7f.1", "127.0.0.1"), ("127.1", "127.0.0.1"),
        ("017700000001", "127.0.0.1"), ("[::1]", "::1"), ("::1", "::1"), ("api.mist.com", None), ("", None),
    ],
)  # fmt: skip
def test_odd_notations_are_addresses_too(host: str, address: str | None) -> None:
    assert as_address(host) == address


def test_one_private_address_among_several_is_one_too_many() -> None:
    refuse_private("a.example", ["8.8.8.8", "2606:4700::1111"])
    for addresses in (["8.8.8.8", "10.0.0.1"], ["10.0.0.1", "8.8.8.8"], []):
        with pytest.raises(CannotConnect, match="in a private network"):
            refuse_private("a.example", addresses)


async def test_a_name_of_this_machine() -> None:
    with pytest.raises(CannotConnect, match="in a private network"):
        await public_address("localhost", 5)


async def test_a_name_that_nothing_has() -> None:
    with pytest.raises(CannotConnect, match="no such host"):
        await public_address("nothing.invalid", 5)
