from collections import Counter

import pytest

from mistlocate.simulator import Campus, World
from mistlocate.simulator.people import Device


def main_devices(world: World) -> list[Device]:
    return world.devices_of(world.site.id)


def test_alice_and_bob_come_first() -> None:
    world = World(Campus(people=60))
    assert [person.email for person in world.people[:3]] == [
        "alice@example.com", "bob@example.com", "carol@example.com",
    ]  # fmt: skip
    assert any(person.email == "alice2@example.com" for person in world.people)


def test_every_shape_of_a_username_occurs() -> None:
    names = [device.username for device in World(Campus(people=12)).devices.values() if device.kind == "dot1x"]
    assert "alice@example.com" in names
    assert "EXAMPLE\\alice" in names
    assert "carol" in names


def test_every_kind_of_device_occurs_on_a_campus_of_a_dozen() -> None:
    devices = main_devices(World(Campus(people=12)))
    assert set(Counter(device.kind for device in devices)) == {"dot1x", "psk", "guest", "shared"}
    assert any(not device.located for device in devices)
    assert any(device.random_mac for device in devices)
    assert {len(person.devices) for person in World(Campus(people=12)).people} == {1, 2, 3}


def test_machines_have_accounts_and_no_owner() -> None:
    machines = [device for device in World(Campus(people=60)).devices.values() if device.kind == "machine"]
    assert machines
    assert all(device.owner is None and (device.username or "").startswith("host/") for device in machines)


def test_keys_are_named_by_address_or_carry_it_or_own_nobody() -> None:
    world = World(Campus(people=60))
    names = {psk.name for psk in world.psks.values()}
    assert "bob@example.com" in names
    labelled = [psk for psk in world.psks.values() if psk.name.startswith("Desk handset")]
    assert {psk.email for psk in labelled} >= {"erin@example.com"}
    shared = [device for device in world.devices.values() if device.kind == "shared"]
    assert len({device.psk for device in shared}) == 1
    assert all(device.owner is None for device in shared)


def test_keys_belong_to_the_organisation_or_to_the_site() -> None:
    world = World(Campus(people=24))
    assert {psk.site_id for psk in world.psks.values()} == {None, world.site.id}


def test_guests_typed_an_address_of_another_domain_or_none() -> None:
    guests = [device for device in main_devices(World(Campus(people=24))) if device.guest]
    emails = {device.guest.email for device in guests if device.guest}
    assert None in emails
    assert all(email is None or email.endswith("@example.net") for email in emails)


def test_addresses_are_from_the_documentation_range_first() -> None:
    macs = [device.mac for device in World(Campus(people=12)).devices.values() if not device.random_mac]
    assert all(mac.startswith("00005e0053") for mac in macs)


@pytest.mark.parametrize("clients", [0, 1, 7, 500])
def test_as_many_clients_as_asked_for(clients: int) -> None:
    assert len(main_devices(World(Campus(clients=clients)))) == clients


def test_nobody_means_nothing() -> None:
    world = World(Campus(people=0))
    assert not world.devices
    assert not world.people


def test_the_annex_has_people_of_its_own() -> None:
    world = World(Campus(people=12))
    annex = list(world.sites)[1]
    assert world.devices_of(annex)
    owners = {device.owner for device in world.devices_of(annex)}
    assert owners.isdisjoint({device.owner for device in main_devices(world)})
