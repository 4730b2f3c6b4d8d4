from dataclasses import asdict

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from mistlocate.simulator import Campus, World
from mistlocate.simulator.motion import AWAY
from mistlocate.simulator.radio import OUTSIDE
from mistlocate.simulator.rhythm import STATS, Update

SMALL = Campus(seed=9, people=15, floors=2, dwell=20.0)


def told(updates: list[Update]) -> list[tuple[object, ...]]:
    return [
        (update.kind, getattr(update.subject, "mac", None), update.report.at, update.report.point) for update in updates
    ]


@settings(max_examples=10, deadline=None)
@given(st.integers(0, 50), st.lists(st.floats(0.1, 30.0), max_size=12))
def test_the_same_seed_and_steps_give_the_same_campus(seed: int, steps: list[float]) -> None:
    campus = Campus(seed=seed, people=10, floors=2, dwell=15.0)
    one, other = World(campus), World(campus)
    for seconds in steps:
        assert told(one.step(seconds)) == told(other.step(seconds))
    assert [asdict(truth) for truth in one.truths()] == [asdict(truth) for truth in other.truths()]
    assert list(one.psks) == list(other.psks)
    assert list(one.maps) == list(other.maps)


def test_without_a_rate_it_does_not_matter_how_time_is_cut() -> None:
    one, other = World(SMALL), World(SMALL)
    whole = one.step(64.0)
    parts = [update for _ in range(128) for update in other.step(0.5)]
    assert told(whole) == told(parts)


def test_other_seeds_make_other_campuses() -> None:
    one, other = World(Campus(seed=1)), World(Campus(seed=2))
    assert set(one.maps).isdisjoint(other.maps)
    assert one.org_id != other.org_id


@settings(max_examples=8, deadline=None)
@given(st.integers(0, 30), st.integers(10, 400))
def test_devices_stay_on_their_maps(seed: int, seconds: int) -> None:
    world = World(Campus(seed=seed, people=15, floors=2, dwell=10.0))
    for _ in range(10):
        world.step(seconds / 10)
        for device in world.devices.values():
            place, report = world.place_of(device), device.report
            if place is not None:
                assert place.map.layout.shell.contains(place.point)
                assert place.map.site_id == device.site_id
            if report is not None and report.map is not None and report.point is not None:
                assert -OUTSIDE <= report.point.x <= report.map.width_m + OUTSIDE
                assert -OUTSIDE <= report.point.y <= report.map.height_m + OUTSIDE


def test_everybody_has_been_seen_and_some_have_left_before() -> None:
    world = World(Campus(seed=2, people=60))
    assert all(device.report is not None for device in world.devices.values())
    gone = [device for device in world.devices.values() if not device.present]
    assert gone
    assert all(device.report and device.report.at < -100 for device in gone)


def test_truth_holds_what_is_so_and_what_was_reported() -> None:
    world = World(SMALL)
    world.step(40.0)
    phone = next(device for device in world.devices.values() if device.owner == "alice@example.com")
    truth = world.truth(phone.mac)
    assert (truth.owner, truth.kind, truth.present) == ("alice@example.com", "dot1x", True)
    assert truth.map_id in world.maps
    assert truth.reported_map_id in world.maps
    assert truth.x is not None
    assert truth.reported_x is not None
    assert truth.last_seen is not None
    assert world.epoch - 60 <= truth.last_seen <= world.now


def test_truth_of_somebody_unknown_is_an_error() -> None:
    with pytest.raises(KeyError):
        World(SMALL).truth("ffffffffffff")


def test_who_leaves_keeps_the_last_report_and_who_returns_is_announced() -> None:
    world = World(Campus(seed=4, people=30, dwell=10.0))
    returned = 0
    for _ in range(1500):
        before = {device: device.report for device in world.devices.values() if not device.present}
        updates = world.step(1.0)
        announced = {update.subject for update in updates if update.kind == STATS}
        for device, report in before.items():
            if device.present:
                assert device in announced
                returned += 1
            else:
                assert device.report is report
    assert returned > 0


def test_some_times_are_whole_seconds_and_some_are_not() -> None:
    world = World(SMALL)
    stamps = {device.number % 4: world.stamp(device, 1.25) for device in world.devices.values()}
    assert isinstance(stamps[0], int)
    assert stamps[3] == world.epoch + 1.25


def test_time_may_pass_without_anything_moving() -> None:
    world = World(SMALL)
    world.pass_time(12.0)
    assert world.elapsed == 12.0
    world.pass_time(3.0)
    assert world.elapsed == 12.0
    assert all(update.report.at >= 12.0 for update in world.step(1.0))


def test_a_demolished_map_has_nobody_on_it_any_more() -> None:
    world = World(Campus(seed=6, people=30, floors=2))
    plan = max(world.maps_of(world.site.id), key=lambda one: sum(p.desk.map is one for p in world.people))
    world.demolish(plan)
    for _ in range(400):
        updates = world.step(5.0)
        assert all(update.report.map is not plan for update in updates)
    assert plan.id not in world.maps
    assert all(device.report is None or device.report.map is not plan for device in world.devices.values())
    assert any(device.present for device in world.devices.values())


def test_without_a_last_map_everybody_is_gone_for_good() -> None:
    world = World(Campus(people=6, floors=1, outdoor=False, annex=False))
    world.demolish(world.maps_of(world.site.id)[0])
    world.step(5000.0)
    assert {world._trips[person].leg.kind for person in world.people} == {AWAY}


def test_ten_thousand_clients_on_twenty_maps() -> None:
    world = World(Campus(clients=10_000, maps=20))
    assert len(world.devices_of(world.site.id)) == 10_000
    assert len(world.maps_of(world.site.id)) == 20
    assert len({device.mac for device in world.devices.values()}) == len(world.devices)
    assert len(world.step(2.0)) > 500
