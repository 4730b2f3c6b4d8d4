from mistlocate.simulator import Campus, World
from mistlocate.simulator.ids import is_random


def test_passers_have_made_up_addresses_that_change() -> None:
    world = World(Campus(people=0, passers=3))
    passer = world.street.passers[0]
    macs = set()
    for _ in range(100):
        world.street.walk_on(passer, 0.0)
        macs.add(passer.mac)
    assert len(macs) > 3
    assert all(is_random(mac) for mac in macs)


def test_some_are_heard_but_not_located() -> None:
    world = World(Campus(people=0, passers=6))
    located = [passer.report.map is not None for passer in world.street.passers]
    assert True in located
    assert False in located


def test_they_stay_within_the_walls() -> None:
    world = World(Campus(people=0, passers=6))
    for _ in range(50):
        for passer in world.street.passers:
            world.street.walk_on(passer, 1.0)
            assert passer.map.layout.shell.contains(passer.point)


def test_a_campus_may_be_free_of_them() -> None:
    assert World(Campus(passers=0)).street.passers == []
