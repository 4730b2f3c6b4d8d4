from collections import Counter

from mistlocate.simulator import Campus, World
from mistlocate.simulator.motion import AWAY, LIFT, SIT, WALK
from mistlocate.simulator.people import Person

BUSY = Campus(seed=3, people=40, floors=3, dwell=20.0)


def legs(world: World) -> Counter[str]:
    return Counter(world._trips[person].leg.kind for person in world.people)


def walk_for(world: World, seconds: int) -> Counter[str]:
    """Step second by second and count what everybody does."""
    seen: Counter[str] = Counter()
    for _ in range(seconds):
        world.step(1.0)
        seen += legs(world)
    return seen


def test_people_sit_and_walk_and_take_the_lift_and_leave() -> None:
    seen = walk_for(World(BUSY), 600)
    assert set(seen) == {SIT, WALK, LIFT, AWAY}
    assert seen[SIT] > seen[LIFT]


def test_alice_and_bob_never_leave() -> None:
    world = World(BUSY)
    for _ in range(900):
        world.step(1.0)
        assert [world._trips[person].leg.kind for person in world.people[:2]].count(AWAY) == 0


def test_nobody_jumps_within_a_floor() -> None:
    world = World(BUSY)
    before = {person: world._trips[person].place(world.elapsed) for person in world.people}
    for _ in range(300):
        world.step(1.0)
        for person in world.people:
            now, then = world._trips[person].place(world.elapsed), before[person]
            if now is not None and then is not None and now.map is then.map:
                assert abs(now.point.x - then.point.x) <= 1.6
                assert abs(now.point.y - then.point.y) <= 1.6
            before[person] = now


def test_who_changes_floors_is_nowhere_for_some_seconds_and_then_on_another_map() -> None:
    world = World(BUSY)
    rides = 0
    last: dict[Person, object] = {}
    for _ in range(600):
        world.step(1.0)
        for person in world.people:
            trip = world._trips[person]
            if trip.leg.kind == LIFT:
                assert trip.place(world.elapsed) is None
                rides += 1
            elif trip.leg.kind in (SIT, WALK) and trip.leg.place is not None:
                last[person] = trip.leg.place.map
    assert rides > 0
    assert len(set(map(id, last.values()))) > 1


def test_who_leaves_comes_back_to_the_own_desk() -> None:
    world = World(BUSY)
    gone: set[Person] = set()
    back: set[Person] = set()
    for _ in range(3000):
        world.step(1.0)
        for person in world.people:
            trip = world._trips[person]
            if trip.leg.kind == AWAY:
                gone.add(person)
            elif person in gone and trip.leg.kind == SIT and trip.leg.place == person.desk:
                back.add(person)
    assert back


def test_phones_go_with_their_person_and_laptops_may_stay_on_the_desk() -> None:
    world = World(BUSY)
    together = apart = 0
    for _ in range(300):
        world.step(2.0)
        for person in world.people:
            here = world._trips[person].place(world.elapsed)
            for device in person.devices:
                if here is None or not device.present:
                    continue
                if device.form == "phone":
                    assert world.place_of(device) == here
                elif device.form == "laptop":
                    together += device.carried
                    apart += not device.carried and here != person.desk
    assert together > 0
    assert apart > 0
