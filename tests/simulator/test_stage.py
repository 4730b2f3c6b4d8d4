import pytest

from mistlocate.simulator import Campus, World
from mistlocate.simulator.rhythm import POSITION, STATS, Update
from mistlocate.simulator.stage import Stage
from mistlocate.simulator.wire import Wire


class Set:
    """A stage on a world of its own, and what it has pushed."""

    def __init__(self, **campus: object) -> None:
        self.world = World(Campus(seed=7, **campus))  # type: ignore[arg-type]
        self.pushed: list[Update] = []
        self.late = 0.0
        self.stage = Stage(self.world, self.pushed.extend, lambda: self.world.epoch + self.world.elapsed + self.late)
        self.floor, self.other = self.world.maps_of(self.world.site.id)[:2]

    def record(self, mac: str) -> dict[str, object]:
        return Wire(self.world).client(self.world.devices[mac])


@pytest.fixture
def empty() -> Set:
    return Set(people=0, floors=2)


@pytest.fixture
def full() -> Set:
    return Set(people=12, floors=2)


def test_a_new_device_associates_where_it_is_put(empty: Set) -> None:
    mac = empty.stage.add_device(map_id=empty.floor.id, x=320.0, y=200.0, username="zoe", owner="zoe@example.com")
    assert [(update.kind, update.subject.mac) for update in empty.pushed] == [(STATS, mac)]  # type: ignore[union-attr]
    record = empty.record(mac)
    assert (record["map_id"], record["x"], record["y"], record["username"]) == (empty.floor.id, 320.0, 200.0, "zoe")
    truth = empty.world.truth(mac)
    assert (truth.owner, truth.x, truth.reported_x) == ("zoe@example.com", 320.0, 320.0)


def test_a_new_device_may_lack_a_place(empty: Set) -> None:
    mac = empty.stage.add_device("AA00005E0001", random=True)
    assert mac == "aa00005e0001"
    assert "x" not in empty.record(mac)
    empty.stage.emit_position(mac)
    assert [update.kind for update in empty.pushed if update.report.map] == []


def test_two_devices_cannot_have_one_address(empty: Set) -> None:
    mac = empty.stage.add_device()
    with pytest.raises(ValueError, match="already"):
        empty.stage.add_device(mac)
    with pytest.raises(ValueError, match="kind"):
        empty.stage.add_device(kind="carrier pigeon")


def test_placing_pushes_one_exact_position_and_it_stays(full: Set) -> None:
    full.stage.place("00005E005300", full.other.id, 500.0, 300.0)
    assert [(update.kind, update.report.map) for update in full.pushed] == [(POSITION, full.other)]
    for _ in range(20):
        full.world.step(30.0)
    truth = full.world.truth("00005e005300")
    assert (truth.map_id, truth.x, truth.y) == (full.other.id, 500.0, 300.0)
    assert (truth.reported_x, truth.reported_y) == (500.0, 300.0)


def test_a_released_device_goes_with_its_person_again(full: Set) -> None:
    mac = "00005e005300"
    device = full.world.devices[mac]
    full.stage.place(mac, full.other.id, 0.0, 0.0)
    full.stage.release(mac)
    assert full.world.place_of(device) == full.world._trips[full.world.people[0]].place(full.world.elapsed)


def test_times_are_those_of_the_clock(empty: Set) -> None:
    empty.late = 30.0
    mac = empty.stage.add_device(map_id=empty.floor.id, x=1, y=1)
    assert empty.world.elapsed == 30.0
    assert empty.world.truth(mac).last_seen == int(empty.world.epoch + 30)


def test_leaving_says_nothing_and_coming_back_does(full: Set) -> None:
    mac = "00005e005300"
    full.stage.leave(mac)
    assert full.pushed == []
    assert not full.world.truth(mac).present
    for _ in range(200):
        assert all(getattr(update.subject, "mac", "") != mac for update in full.world.step(10.0))
    full.stage.emit_stats(mac)
    assert full.pushed == []
    full.stage.come_back(mac)
    assert full.world.truth(mac).present
    assert [update.kind for update in full.pushed] in ([STATS], [])


def test_placing_brings_back(full: Set) -> None:
    full.stage.leave("00005e005300")
    full.stage.place("00005e005300", full.floor.id, 5.0, 5.0)
    assert [update.kind for update in full.pushed] == [STATS, POSITION]


def test_names_and_keys_change_with_the_next_record(full: Set) -> None:
    mac = full.stage.add_device()
    key = full.stage.add_psk("zoe@example.com", email="zoe@example.com")
    full.stage.set_username(mac, "EXAMPLE\\zoe")
    full.stage.set_psk(mac, key)
    assert full.record(mac).items() >= {"username": "EXAMPLE\\zoe", "psk_id": key}.items()
    full.stage.rename_psk(key, "yusuf@example.com")
    assert full.world.devices[mac].psk is full.world.psks[key]
    full.stage.remove_psk(key)
    assert full.record(mac)["psk_id"] == key
    assert key not in full.world.psks
    full.stage.set_username(mac, None)
    full.stage.set_psk(mac, None)
    assert full.record(mac).keys().isdisjoint({"username", "psk_id"})


def test_an_old_record_does_not_change_what_is_known(empty: Set) -> None:
    mac = empty.stage.add_device(map_id=empty.floor.id, x=1, y=1)
    known = empty.world.devices[mac].report
    empty.stage.emit_stats(mac, age=60.0)
    assert known is not None
    assert empty.pushed[-1].report.at == known.at - 60.0
    assert empty.world.devices[mac].report is known


def test_locating_can_be_switched_off(empty: Set) -> None:
    mac = empty.stage.add_device(map_id=empty.floor.id, x=1, y=1)
    empty.stage.locate(mac, False)
    empty.stage.emit_stats(mac)
    assert empty.pushed[-1].report.map is None


def test_a_removed_device_is_gone(full: Set) -> None:
    full.stage.remove("00005e005300")
    assert "00005e005300" not in full.world.devices
    for _ in range(30):
        full.world.step(10.0)
    with pytest.raises(KeyError):
        full.stage.place("00005e005300", full.floor.id, 0, 0)


# -- maps -----------------------------------------------------------------------------------------


def test_a_new_map_takes_devices(empty: Set) -> None:
    plan = empty.stage.add_map("Lab - Roof", width=1000, height=700, ppm=20.0)
    mac = empty.stage.add_device(map_id=plan, x=10, y=10)
    assert empty.record(mac)["x_m"] == 0.5
    assert empty.world.maps[plan].modified == empty.world.now
    with pytest.raises(ValueError, match="already"):
        empty.stage.add_map("Lab - Roof", width=1000, height=700, ppm=20.0)
    garden = empty.stage.add_map("Garden", outdoor=True)
    assert empty.world.maps[garden].type == "google"


def test_a_renamed_map_is_modified(empty: Set) -> None:
    before = empty.floor.modified
    empty.stage.rename_map(empty.floor.id, "Ground floor")
    assert empty.floor.name == "Ground floor"
    assert empty.floor.modified > before


def test_positions_in_pixels_move_with_the_size_of_the_image(empty: Set) -> None:
    mac = empty.stage.add_device(map_id=empty.floor.id, x=400.0, y=100.0)
    metres = empty.record(mac)["x_m"]
    empty.stage.resize_map(empty.floor.id, 3200)
    record = empty.record(mac)
    assert (record["x"], record["y"], record["x_m"]) == (800.0, 200.0, metres)
    assert (empty.floor.width, empty.floor.height, empty.floor.revision) == (3200, 1800, 1)
    with pytest.raises(ValueError, match="at least"):
        empty.stage.resize_map(empty.floor.id, 0)


def test_another_image_is_another_revision(empty: Set) -> None:
    empty.stage.replace_image(empty.floor.id)
    assert empty.floor.revision == 1


def test_a_removed_map_takes_the_positions_on_it_along(empty: Set) -> None:
    mac = empty.stage.add_device(map_id=empty.floor.id, x=400.0, y=100.0)
    empty.stage.remove_map(empty.floor.id)
    assert "map_id" not in empty.record(mac)
    with pytest.raises(KeyError):
        empty.stage.remove_map(empty.floor.id)
