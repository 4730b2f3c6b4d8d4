from uuid import UUID

from hypothesis import given, settings
from hypothesis import strategies as st

from mistlocate.simulator.ids import Ids, ap_mac, device_id, global_mac, is_random, lots


def test_the_same_seed_names_the_same_things() -> None:
    assert Ids(3).uuid("map", 1) == Ids(3).uuid("map", 1)
    assert Ids(3).uuid("map", 1) != Ids(4).uuid("map", 1)
    assert str(UUID(Ids(3).uuid("map", 1))) == Ids(3).uuid("map", 1)


def test_secrets_are_stable_and_as_long_as_asked() -> None:
    assert Ids(1).secret("token", 1, length=64) == Ids(1).secret("token", 1, length=64)
    assert len(Ids(1).secret("token", 1, length=20)) == 20
    assert Ids(1).secret("token", 1) != Ids(1).secret("token", 2)


@settings(deadline=None)
@given(st.integers(0, 200_000))
def test_factory_addresses_are_global_and_start_in_the_documentation_range(number: int) -> None:
    mac = global_mac(number)
    assert len(mac) == 12
    assert not is_random(mac)
    assert mac.startswith("00005e0053") == (number < 256)


@settings(deadline=None)
@given(st.integers(0, 10_000))
def test_made_up_addresses_are_local_and_unicast(number: int) -> None:
    mac = Ids(1).random_mac(number)
    assert is_random(mac)
    assert int(mac[:2], 16) & 1 == 0


def test_addresses_do_not_repeat() -> None:
    macs = [global_mac(n) for n in range(5000)] + [ap_mac(n) for n in range(5000)]
    assert len(set(macs)) == 10_000


def test_access_points_get_the_id_that_the_cloud_would_give() -> None:
    assert device_id(ap_mac(0)) == "00000000-0000-0000-1000-5c5b35000010"


def test_lots_repeat() -> None:
    assert lots("x").random() == lots("x").random()
