import pytest
from hypothesis import given
from hypothesis import strategies as st

from mistlocate.location.client import MOVES_KEPT
from mistlocate.location.observation import Origin, Position, Sighting
from mistlocate.location.roster import COORDINATES_KEPT, Outcome, Roster

NOW = 1_767_261_600.0
A, B = "00005e005301", "00005e005302"


def full(
    mac: str = A, *, at: float = 0.0, seen: float | None = 0.0, where: Position | None = None, **more: object
) -> Sighting:
    """A full record of the stream, heard `at` seconds from the start, with its own time `seen` (or none)."""
    seen_at = None if seen is None else NOW + seen
    return Sighting(mac, Origin.STREAM, at, NOW + at, seen_at=seen_at, position=where, **more)  # type: ignore[arg-type]


def slim(mac: str = A, *, at: float, where: Position, seen: float | None = None) -> Sighting:
    """A frame of a map's channel; without `seen` it has no time of its own."""
    seen_at = None if seen is None else NOW + seen
    return Sighting(mac, Origin.POSITION, at, NOW + at, seen_at=seen_at, position=where)


def row(
    mac: str = A,
    *,
    at: float,
    asked: float,
    seen: float | None,
    where: Position | None = None,
    origin: Origin = Origin.SNAPSHOT,
    **more: object,
) -> Sighting:
    """A row of a REST answer, asked for at `asked`, received `at`."""
    seen_at = None if seen is None else NOW + seen
    return Sighting(mac, origin, at, NOW + at, asked=asked, seen_at=seen_at, position=where, **more)  # type: ignore[arg-type]


def macs_on(roster: Roster, map_id: str) -> list[str]:
    return [client.mac for client in roster.on_map(map_id)]


HERE, THERE = Position("map1", 10.0, 20.0), Position("map1", 30.0, 40.0)
UPSTAIRS = Position("map2", 1.0, 2.0)


class TestMerging:
    def test_a_record_places_its_client_by_its_own_time(self) -> None:
        roster = Roster()
        assert roster.apply(full(at=30, seen=0, where=HERE)) is Outcome.APPLIED
        client = roster.clients[A]
        assert (client.position, client.located_at, client.located_from) == (HERE, NOW, "source")

    def test_a_corner_is_a_position(self) -> None:
        roster = Roster()
        roster.apply(full(where=HERE))
        roster.apply(slim(at=1, where=Position("map1", 0.0, 0.0)))
        assert roster.clients[A].position == Position("map1", 0.0, 0.0)

    def test_a_position_does_not_replace_what_is_known_of_a_client(self) -> None:
        roster = Roster()
        roster.apply(full(where=HERE, raw={"mac": A, "os": "Windows 11"}))
        roster.apply(Sighting(A, Origin.POSITION, 1, NOW + 1, position=THERE, raw={"mac": A}))
        assert roster.clients[A].raw == {"mac": A, "os": "Windows 11"}
        assert roster.clients[A].position == THERE

    def test_every_sighting_is_counted_by_what_became_of_it(self) -> None:
        roster = Roster()
        roster.apply(slim(at=0, where=HERE))
        roster.apply(full(at=5, seen=5, where=THERE))
        roster.apply(full(at=6, seen=1, where=HERE))
        roster.apply(row(B, at=7, asked=7, seen=-9000))
        assert roster.counts == {
            Outcome.UNKNOWN: 1,
            Outcome.APPLIED: 1,
            Outcome.SUPERSEDED: 1,
            Outcome.NOT_ADMITTED: 1,
        }

    def test_a_bare_frame_has_only_its_arrival_and_says_so(self) -> None:
        roster = Roster()
        assert roster.apply(slim(at=5, where=HERE)) is Outcome.UNKNOWN
        client = roster.clients[A]
        assert (client.position, client.located_at, client.located_from) == (HERE, NOW + 5, "arrival")
        assert not client.known

    def test_an_older_record_changes_nothing(self) -> None:
        roster = Roster()
        roster.apply(full(at=10, seen=10, where=THERE, username="alice"))
        assert roster.apply(full(at=11, seen=5, where=HERE, username="bob")) is Outcome.SUPERSEDED
        assert roster.clients[A].position == THERE
        assert roster.clients[A].username == "alice"

    def test_of_two_stream_records_of_one_time_the_later_frame_wins(self) -> None:
        roster = Roster()
        roster.apply(full(at=10, seen=10, where=HERE))
        roster.apply(full(at=11, seen=10, where=THERE))
        assert roster.clients[A].position == THERE

    def test_a_record_that_is_older_than_a_bare_frame_brings_everything_but_its_position(self) -> None:
        roster = Roster()
        roster.apply(slim(at=20, where=THERE))
        roster.apply(full(at=21, seen=10, where=HERE, username="alice"))
        client = roster.clients[A]
        assert client.known
        assert client.username == "alice"
        assert (client.position, client.located_from) == (THERE, "arrival")

    @pytest.mark.parametrize(("seen", "replaced"), [(19.0, True), (17.0, True), (16.9, False)])
    def test_what_comes_after_a_bare_frame_is_newer_though_its_own_time_is_a_little_older(
        self, seen: float, replaced: bool
    ) -> None:
        roster = Roster()
        roster.apply(full(at=1, seen=0, where=UPSTAIRS))
        roster.apply(slim(at=20, where=HERE))
        roster.apply(full(at=20.5, seen=seen, where=THERE))
        assert roster.clients[A].position == (THERE if replaced else HERE)

    def test_of_a_list_no_row_is(self) -> None:
        roster = Roster()
        roster.apply(slim(at=20, where=HERE))
        roster.apply(row(at=22, asked=21, seen=19, where=THERE))
        assert roster.clients[A].position == HERE

    def test_a_newer_record_replaces_a_bare_frame(self) -> None:
        roster = Roster()
        roster.apply(slim(at=20, where=HERE))
        roster.apply(full(at=30, seen=29, where=THERE))
        client = roster.clients[A]
        assert (client.position, client.located_at, client.located_from) == (THERE, NOW + 29, "source")

    def test_a_record_without_position_does_not_make_an_old_position_look_fresh(self) -> None:
        roster = Roster()
        roster.apply(full(at=0, seen=0, where=HERE))
        roster.apply(full(at=60, seen=60))
        client = roster.clients[A]
        assert client.seen_at == NOW + 60
        assert (client.position, client.located_at) == (HERE, NOW)

    def test_a_record_that_knows_only_the_map_keeps_older_coordinates_on_it(self) -> None:
        roster = Roster()
        roster.apply(full(at=0, seen=0, where=HERE))
        roster.apply(full(at=60, seen=60, where=Position("map1", None, None)))
        assert (roster.clients[A].position, roster.clients[A].located_at) == (HERE, NOW)

    def test_coordinates_outlast_records_that_know_only_the_map_for_a_while(self) -> None:
        somewhere = Position("map1", None, None)
        for seen, where, at in ((COORDINATES_KEPT, HERE, 0.0), (COORDINATES_KEPT + 1, somewhere, COORDINATES_KEPT + 1)):
            roster = Roster()
            roster.apply(full(at=0, seen=0, where=HERE))
            roster.dirty.clear()
            roster.apply(full(at=seen, seen=seen, where=somewhere))
            assert (roster.clients[A].position, roster.clients[A].located_at) == (where, NOW + at)
            assert "map1" in roster.dirty

    def test_of_whom_only_the_map_is_known_is_there_as_long_as_records_say_so(self) -> None:
        roster = Roster(forget_after=100)
        for at in range(0, 600, 60):
            roster.apply(full(at=at, seen=at, where=Position("map1", None, None)))
            assert (roster.clients[A].located_at, roster.clients[A].located_heard) == (NOW + at, at)
            assert roster.forget(at, NOW + at) == []
            assert macs_on(roster, "map1") == [A]
        assert len(roster.clients[A].moves) == 1

    def test_a_record_that_knows_only_another_map_moves_the_client_there(self) -> None:
        roster = Roster()
        roster.apply(full(at=0, seen=0, where=HERE))
        roster.apply(full(at=60, seen=60, where=Position("map2", None, None)))
        assert macs_on(roster, "map1") == []
        assert macs_on(roster, "map2") == [A]

    def test_a_record_without_any_time_takes_its_arrival(self) -> None:
        roster = Roster()
        roster.apply(full(at=7, seen=None, where=HERE))
        assert (roster.clients[A].located_at, roster.clients[A].located_from) == (NOW + 7, "arrival")

    def test_identity_follows_the_newest_full_record(self) -> None:
        roster = Roster()
        roster.apply(full(at=0, seen=0, username="alice", psk_id="k1", is_guest=True, os="iOS", ssid="Corp"))
        roster.apply(full(at=60, seen=60, ssid="Guest"))
        client = roster.clients[A]
        assert (client.username, client.psk_id, client.is_guest, client.os, client.ssid) == (
            None,
            None,
            False,
            None,
            "Guest",
        )

    def test_an_older_record_may_still_know_the_newer_place(self) -> None:
        """In whichever order the two come: what the network knew last of each holds."""
        located, unlocated = full(at=1, seen=10, where=HERE, ssid="Old"), full(at=2, seen=20, ssid="New")
        for order in ((located, unlocated), (unlocated, located)):
            roster = Roster()
            for sighting in order:
                roster.apply(sighting)
            client = roster.clients[A]
            assert (client.position, client.located_at, client.ssid) == (HERE, NOW + 10, "New")

    def test_zero_is_a_position(self) -> None:
        roster = Roster()
        roster.apply(full(where=Position("map1", 0.0, 0.0)))
        assert roster.clients[A].position == Position("map1", 0.0, 0.0)


class TestSnapshots:
    def test_rows_older_than_the_forgetting_time_are_not_admitted(self) -> None:
        roster = Roster(forget_after=1800)
        assert roster.apply(row(at=0, asked=0, seen=-1801, where=HERE)) is Outcome.NOT_ADMITTED
        assert len(roster) == 0
        assert roster.apply(row(at=0, asked=0, seen=-1799, where=HERE)) is Outcome.APPLIED

    def test_a_fetched_record_is_admitted_however_old(self) -> None:
        roster = Roster(forget_after=1800)
        old = row(at=0, asked=0, seen=-86_400, where=HERE, origin=Origin.FETCH)
        assert roster.apply(old) is Outcome.APPLIED
        assert roster.clients[A].located_at == NOW - 86_400

    def test_a_row_does_not_prolong_the_life_of_a_client_that_left(self) -> None:
        roster = Roster(forget_after=1800)
        roster.apply(full(at=0, seen=0, where=HERE))
        roster.apply(row(at=1700, asked=1699, seen=0, where=HERE))
        assert roster.forget(1801, NOW + 1801) == [A]

    def test_a_row_that_raced_with_a_newer_frame_does_not_overwrite_it(self) -> None:
        roster = Roster()
        roster.apply(full(at=0, seen=0, where=HERE))
        roster.apply(full(at=12, seen=12, where=THERE))
        assert roster.apply(row(at=15, asked=10, seen=11, where=HERE)) is Outcome.SUPERSEDED
        assert roster.clients[A].position == THERE

    def test_a_row_never_overwrites_a_bare_frame_that_came_after_the_question_whatever_the_clocks_say(self) -> None:
        roster = Roster()
        roster.apply(full(at=0, seen=0, where=HERE))
        roster.apply(slim(at=12, where=THERE))
        roster.apply(row(at=15, asked=10, seen=14, where=HERE, username="alice"))
        assert roster.clients[A].position == THERE
        assert roster.clients[A].username == "alice"

    def test_a_row_that_is_newer_than_what_is_known_is_applied(self) -> None:
        roster = Roster()
        roster.apply(full(at=0, seen=0, where=HERE))
        roster.apply(row(at=100, asked=99, seen=95, where=UPSTAIRS))
        assert macs_on(roster, "map2") == [A]

    def test_of_one_time_the_stream_wins_over_rest(self) -> None:
        roster = Roster()
        roster.apply(full(at=10, seen=10, where=THERE))
        assert roster.apply(row(at=12, asked=11, seen=10, where=HERE)) is Outcome.SUPERSEDED

    def test_unless_rest_brings_the_whole_record_and_less_is_known(self) -> None:
        roster = Roster()
        roster.apply(full(at=10, seen=10, where=THERE))
        assert roster.apply(row(at=12, asked=11, seen=10, where=HERE, raw={"mac": A})) is Outcome.APPLIED
        assert roster.clients[A].raw == {"mac": A}
        assert roster.clients[A].position == THERE

    def test_a_row_without_time_loses_against_what_was_heard_since_it_was_asked_for(self) -> None:
        roster = Roster()
        roster.apply(full(at=10, seen=None, where=THERE))
        assert roster.apply(row(at=12, asked=9, seen=None, where=HERE)) is Outcome.SUPERSEDED
        assert roster.apply(row(at=22, asked=20, seen=None, where=HERE)) is Outcome.APPLIED
        assert roster.clients[A].heard == 10, "and it does not prolong the client's life"

    def test_a_row_that_tells_only_a_place_changes_only_that(self) -> None:
        roster = Roster()
        roster.apply(full(at=0, seen=0, where=HERE, username="alice", psk_id="k1", is_guest=True, ssid="Corp"))
        assert roster.apply(row(at=9, asked=8, seen=5, where=THERE, says=frozenset())) is Outcome.APPLIED
        client = roster.clients[A]
        assert (client.position, client.located_at) == (THERE, NOW + 5)
        assert (client.username, client.psk_id, client.is_guest, client.ssid) == ("alice", "k1", True, "Corp")
        assert roster.apply(row(at=12, asked=11, seen=5, username="bob")) is Outcome.APPLIED, "it tells more"
        assert client.username == "bob"

    def test_nor_does_it_make_anybody_known(self) -> None:
        roster = Roster()
        assert roster.apply(row(at=9, asked=8, seen=5, where=HERE, says=frozenset())) is Outcome.UNKNOWN
        assert roster.apply(row(at=19, asked=18, seen=15, where=THERE, says=frozenset())) is Outcome.UNKNOWN
        client = roster.clients[A]
        assert (client.known, client.position, client.seen_at) == (False, THERE, None)
        assert roster.apply(row(at=20, asked=19, seen=15, where=THERE, username="bob")) is Outcome.APPLIED
        assert (client.known, client.username) == (True, "bob")

    def test_what_a_row_tells_is_taken_and_the_rest_stays(self) -> None:
        roster = Roster()
        roster.apply(full(at=0, seen=0, where=HERE, username="alice", os="iOS", ssid="Corp"))
        roster.apply(row(at=9, asked=8, seen=5, says=frozenset({"ssid", "is_guest"}), ssid="Guest", is_guest=True))
        roster.apply(row(at=9, asked=8, seen=-5, says=frozenset({"ssid"}), ssid="Older"))
        client = roster.clients[A]
        assert (client.username, client.os, client.ssid, client.is_guest) == ("alice", "iOS", "Guest", True)

    def test_after_its_map_was_dropped_a_client_is_placed_by_the_same_record_again(self) -> None:
        roster = Roster()
        roster.apply(full(at=0, seen=0, where=HERE))
        roster.drop_map("map1", NOW + 1)
        assert roster.apply(row(at=2, asked=1, seen=0, where=THERE)) is Outcome.PLACED
        assert roster.clients[A].position == THERE

    def test_a_row_does_not_bring_back_a_position_that_was_given_up_for_its_age(self) -> None:
        roster = Roster(forget_after=100)
        roster.apply(full(at=200, seen=200))
        roster.apply(row(at=200, asked=199, seen=50, where=HERE))
        assert roster.clients[A].position is None

    def test_a_fetched_record_of_the_same_time_completes_a_frame(self) -> None:
        roster = Roster()
        roster.apply(slim(at=5, where=HERE, seen=1))
        roster.apply(row(at=6, asked=5.5, seen=1, where=UPSTAIRS, origin=Origin.FETCH))
        assert macs_on(roster, "map2") == [A]
        assert roster.clients[A].known

    def test_a_fetched_record_that_is_older_than_the_frame_leaves_its_position(self) -> None:
        roster = Roster()
        roster.apply(slim(at=5, where=HERE))
        roster.apply(row(at=6, asked=5.5, seen=-600, where=UPSTAIRS, origin=Origin.FETCH))
        assert macs_on(roster, "map1") == [A]
        assert roster.clients[A].known

    @pytest.mark.parametrize("known", [True, False])
    def test_a_row_without_time_places_nobody(self, known: bool) -> None:
        roster = Roster()
        if known:
            roster.apply(full(at=0, seen=0, where=HERE))
            roster.apply(full(at=5, seen=5, where=THERE))
        roster.apply(row(at=6, asked=4, seen=None, where=HERE))
        assert roster.clients[A].position == (THERE if known else None)
        assert roster.clients[A].known

    def test_a_fetched_record_without_time_places_only_who_has_no_place(self) -> None:
        roster = Roster()
        roster.apply(row(at=6, asked=5, seen=None, where=HERE, origin=Origin.FETCH))
        assert roster.clients[A].position == HERE
        roster.apply(row(at=8, asked=7, seen=None, where=THERE, origin=Origin.FETCH))
        assert roster.clients[A].position == HERE


class TestForgetting:
    def test_by_the_time_since_it_was_heard_of(self) -> None:
        roster = Roster(forget_after=100)
        roster.apply(full(A, at=0, seen=0, where=HERE))
        roster.apply(full(B, at=50, seen=-5000, where=HERE))
        assert roster.forget(101, NOW + 101) == [A]
        assert list(roster.clients) == [B]
        assert macs_on(roster, "map1") == [B]
        assert roster.forgotten == 1

    def test_a_client_that_is_heard_of_without_position_leaves_its_map(self) -> None:
        roster = Roster(forget_after=100)
        roster.apply(full(at=0, seen=0, where=HERE))
        roster.apply(full(at=90, seen=90))
        assert roster.forget(150, NOW + 150) == []
        assert macs_on(roster, "map1") == []
        assert roster.clients[A].position is None

    def test_dropping_a_map_keeps_its_clients_unlocated(self) -> None:
        roster = Roster()
        roster.apply(full(A, where=HERE))
        roster.apply(full(B, where=UPSTAIRS))
        assert roster.drop_map("map1", NOW) == 1
        assert roster.clients[A].position is None
        assert macs_on(roster, "map2") == [B]


class TestNews:
    def test_only_maps_that_changed_are_dirty(self) -> None:
        roster = Roster()
        roster.apply(full(A, where=HERE))
        roster.apply(full(B, where=UPSTAIRS))
        roster.dirty.clear()
        roster.apply(full(A, at=1, seen=1, where=THERE))
        assert roster.dirty == {"map1": False}

    def test_a_change_of_map_is_urgent_on_both(self) -> None:
        roster = Roster()
        roster.apply(full(A, where=HERE))
        roster.dirty.clear()
        assert not roster.urgent
        roster.apply(full(A, at=1, seen=1, where=UPSTAIRS))
        assert roster.dirty == {"map1": True, "map2": True}
        assert roster.urgent

    def test_superseded_news_is_no_news(self) -> None:
        roster = Roster()
        roster.apply(full(at=10, seen=10, where=HERE))
        roster.dirty.clear()
        roster.apply(full(at=11, seen=1, where=THERE))
        assert roster.dirty == {}

    def test_forgetting_is_urgent(self) -> None:
        roster = Roster(forget_after=10)
        roster.apply(full(where=HERE))
        roster.dirty.clear()
        roster.forget(11, NOW + 11)
        assert roster.dirty == {"map1": True}

    def test_the_last_changes_of_map_are_remembered(self) -> None:
        roster = Roster()
        for second in range(50):
            roster.apply(full(at=second, seen=second, where=HERE if second % 2 else UPSTAIRS))
        moves = roster.clients[A].moves
        assert moves is not None
        assert len(moves) == MOVES_KEPT
        assert (moves[-1].from_map, moves[-1].to_map) == ("map2", "map1")


_positions = st.one_of(
    st.none(), st.builds(Position, st.sampled_from(["m1", "m2", "m3"]), st.floats(0, 9), st.floats(0, 9))
)
_sightings = st.builds(
    lambda mac, origin, delay, seen, where, asked: (mac, origin, delay, seen, where, asked),
    st.sampled_from([A, B, "00005e005303"]),
    st.sampled_from(list(Origin)),
    st.floats(0, 400),
    st.one_of(st.none(), st.floats(-3000, 300)),
    _positions,
    st.floats(0, 30),
)


@given(st.lists(_sightings, max_size=40), st.data())
def test_the_indices_agree_whatever_comes(events: list[tuple], data: st.DataObject) -> None:  # type: ignore[type-arg]
    """Every client with a position is on exactly its map's list, and nobody else is on any."""
    roster = Roster(forget_after=600)
    now = 1000.0
    for mac, origin, delay, seen, where, asked in events:
        now += delay
        sent = None if origin in (Origin.STREAM, Origin.POSITION) else now - asked
        seen_at = None if seen is None else NOW + now + seen
        roster.apply(Sighting(mac, origin, now, NOW + now, asked=sent, seen_at=seen_at, position=where))
        if data.draw(st.booleans()):
            roster.forget(now, NOW + now)
        if data.draw(st.integers(0, 9)) == 0:
            roster.drop_map("m1", NOW + now)
        listed = {map_id: set(macs_on(roster, map_id)) for map_id in ("m1", "m2", "m3")}
        for map_id, macs in listed.items():
            assert macs == {each.mac for each in roster.clients.values() if each.map_id == map_id}
        assert all(client.heard >= now - 600 or client.heard <= now for client in roster.clients.values())


@given(st.permutations(range(6)))
def test_records_of_the_stream_end_the_same_in_any_order(order: list[int]) -> None:
    """Of records with times of their own the newest decides, however they are shuffled on the way."""
    roster = Roster()
    for arrival, number in enumerate(order):
        where = Position(f"m{number}", float(number), 0.0)
        roster.apply(full(at=arrival, seen=number, where=where, username=f"user{number}"))
    client = roster.clients[A]
    assert (client.map_id, client.username) == ("m5", "user5")


def test_maps_that_everybody_has_left_take_no_memory() -> None:
    roster = Roster(forget_after=100)
    for number in range(50):
        roster.apply(full(at=number, seen=number, where=Position(f"map{number}", 1.0, 2.0)))
    roster.apply(full(B, at=50, seen=50, where=HERE))
    assert roster._by_map.keys() == {"map49", "map1"}
    roster.drop_map("map1", NOW)
    roster.forget(500, NOW + 500)
    assert roster._by_map == {}
    assert list(roster.maps()) == []


def test_everyone_can_be_forgotten_at_once() -> None:
    roster = Roster()
    roster.apply(full(where=HERE))
    roster.clear()
    assert (len(roster), macs_on(roster, "map1"), roster.dirty) == (0, [], {})


def test_marking_all_makes_every_list_due() -> None:
    roster = Roster()
    roster.apply(full(where=HERE))
    roster.dirty.clear()
    roster.mark_all()
    assert roster.dirty == {"map1": False}


def test_a_client_is_nobody_until_seen() -> None:
    assert Roster().get(A) is None


@pytest.mark.parametrize("origin", [Origin.SNAPSHOT, Origin.FETCH])
def test_a_row_of_a_list_is_as_old_as_it_says(origin: Origin) -> None:
    roster = Roster()
    roster.apply(row(at=10, asked=9, seen=4, where=HERE, origin=origin))
    assert roster.clients[A].heard == (4 if origin is Origin.SNAPSHOT else 10)


class TestClocks:
    def test_times_move_along_with_a_clock_that_is_set_back(self) -> None:
        roster = Roster()
        roster.apply(full(seen=0, where=HERE))
        roster.shift(-3600)
        client = roster.clients[A]
        assert (client.seen_at, client.located_at) == (NOW - 3600, NOW - 3600)
        assert roster.apply(full(at=5, seen=-3595, where=THERE)) is Outcome.APPLIED
        assert client.position == THERE
        assert "map1" in roster.dirty

    def test_who_has_no_place_and_no_time_gets_none(self) -> None:
        roster = Roster()
        roster.apply(full(seen=None))
        roster.shift(60)
        assert roster.clients[A].seen_at is None
        assert roster.clients[A].located_at == 0.0
