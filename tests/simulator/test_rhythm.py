from collections import Counter, defaultdict
from itertools import pairwise

import pytest

from mistlocate.simulator import Campus, World
from mistlocate.simulator.people import Device
from mistlocate.simulator.rhythm import AP, PASSER, POSITION, STATS

STILL = Campus(seed=5, people=30, floors=2, dwell=1e6)


def times(world: World, kind: str, seconds: int) -> dict[object, list[float]]:
    """When each subject reported."""
    found: dict[object, list[float]] = defaultdict(list)
    for _ in range(2 * seconds):
        for update in world.step(0.5):
            if update.kind == kind:
                found[update.subject].append(update.report.at)
    return found


def test_full_records_come_about_once_a_minute_spread_evenly() -> None:
    world = World(STILL)
    found = times(world, STATS, 180)
    present = [device for device in world.devices.values() if device.present]
    assert set(found) >= set(present)
    gaps = [b - a for at in found.values() for a, b in pairwise(at)]
    assert all(55 <= gap <= 65 for gap in gaps)
    first = sorted(at[0] for at in found.values() if at[0] < 60)
    assert max(b - a for a, b in pairwise(first)) < 5


def test_who_sits_is_positioned_every_half_minute() -> None:
    found = times(World(STILL), POSITION, 120)
    gaps = [b - a for at in found.values() for a, b in pairwise(at)]
    assert gaps
    assert all(27 <= gap <= 33 for gap in gaps)


def test_who_walks_is_positioned_every_few_seconds() -> None:
    world = World(Campus(seed=5, people=30, dwell=15.0))
    while_walking: list[float] = []
    last: dict[object, float] = {}
    for _ in range(1200):
        for update in world.step(0.5):
            subject = update.subject
            if update.kind != POSITION or not isinstance(subject, Device):
                continue
            if world.moving(subject) and subject in last and update.report.at - last[subject] < 20:
                while_walking.append(update.report.at - last[subject])
            last[subject] = update.report.at
    assert len(while_walking) > 100
    assert sorted(while_walking)[len(while_walking) // 2] < 5


def test_who_is_not_located_has_full_records_only() -> None:
    world = World(STILL)
    kinds: dict[Device, Counter[str]] = defaultdict(Counter)
    for _ in range(240):
        for update in world.step(0.5):
            if isinstance(update.subject, Device):
                kinds[update.subject][update.kind] += 1
    hidden = [device for device in world.devices.values() if not device.located and device.present]
    assert hidden
    assert all(set(kinds[device]) == {STATS} for device in hidden)


def test_access_points_and_passers_report_too() -> None:
    world = World(STILL)
    aps, passers = times(world, AP, 60), times(World(STILL), PASSER, 70)
    assert all(len(at) >= 2 for at in aps.values())
    assert len(passers) == len(world.street.passers)


@pytest.mark.parametrize("rate", [3.0, 250.0])
def test_a_fixed_rate_is_kept_with_one_full_record_in_ten(rate: float) -> None:
    world = World(Campus(people=30, rate=rate))
    counts: Counter[str] = Counter()
    for _ in range(200):
        counts.update(update.kind for update in world.step(0.5))
    total = counts[STATS] + counts[POSITION]
    assert abs(total - 100 * rate) <= 12
    assert 0.05 * total < counts[STATS] < 0.15 * total


def test_at_a_fixed_rate_everybody_takes_turns_and_gets_a_full_record_now_and_then() -> None:
    world = World(Campus(people=30, rate=100.0, dwell=1e6))
    counts: dict[object, Counter[str]] = defaultdict(Counter)
    for _ in range(40):
        for update in world.step(1.0):
            if isinstance(update.subject, Device):
                counts[update.subject][update.kind] += 1
    located = [device for device in world.devices.values() if device.located and device.present]
    totals = [counts[device].total() for device in located]
    assert max(totals) - min(totals) <= 4
    assert all(counts[device][STATS] for device in located)


def test_a_rate_without_anybody_gives_nothing() -> None:
    world = World(Campus(people=0, passers=0, rate=100.0))
    assert [update for update in world.step(10.0) if update.kind != AP] == []
