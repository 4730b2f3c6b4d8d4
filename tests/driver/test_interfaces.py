import inspect

import pytest

from mistlocate.driver.command import Level, command_of
from mistlocate.driver.interfaces import Locatable
from mistlocate.drivers.mist_locations.driver import MistLocations

CALLS = ["locate_user", "macs_assigned_to", "check_ownership_of", "device_locations"]


@pytest.mark.parametrize("name", CALLS)
def test_mist_locations_keeps_names_order_and_optionality(name: str) -> None:
    wanted = inspect.signature(getattr(Locatable, name))
    assert inspect.signature(getattr(MistLocations, name)) == wanted


@pytest.mark.parametrize("name", CALLS)
def test_the_location_calls_need_no_more_than_a_user(name: str) -> None:
    assert command_of(MistLocations, name).level is Level.USER


def test_it_says_so() -> None:
    assert Locatable.INTERFACE in MistLocations.interfaces
