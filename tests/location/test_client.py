from mistlocate.location.client import MOVES_KEPT, Client
from mistlocate.location.observation import Origin, Position, Sighting

NOW = 1_767_261_600.0
MAC = "00005e005301"


def record(**more: object) -> Sighting:
    return Sighting(MAC, Origin.STREAM, 0.0, NOW, seen_at=NOW, **more)  # type: ignore[arg-type]


class TestMoves:
    def test_the_last_ones_are_kept_the_oldest_first(self) -> None:
        client = Client(MAC)
        for number in range(MOVES_KEPT + 5):
            client.moved(NOW + number, None if number == 0 else f"map{number - 1}", f"map{number}")
        assert len(client.moves) == MOVES_KEPT
        assert client.moves[0] == (NOW + 5, "map4", "map5")
        client.forget_moves()
        assert client.moves == []

    def test_where_a_client_came_first_is_told_before_and_after_it_goes_on(self) -> None:
        client = Client(MAC)
        client.position = Position("map1", 1.0, 2.0)
        client.moved(NOW, None, "map1")
        assert client.moves == [(NOW, None, "map1")]
        client.position = None
        client.moved(NOW + 1, "map1", None)
        client.moved(NOW + 2, None, "map2")
        assert client.moves == [(NOW, None, "map1"), (NOW + 1, "map1", None), (NOW + 2, None, "map2")]
        client.forget_moves()
        client.moved(NOW + 3, "map2", "map3")
        assert client.moves == [(NOW + 3, "map2", "map3")]


class TestRecords:
    def test_a_whole_record_replaces_all_that_was_known(self) -> None:
        client = Client(MAC)
        client.take(record(username="alice", psk_id="k1", ip="192.0.2.1", is_guest=True, guest_email="g@example.net"))
        client.take(record(os="iOS", raw={"mac": MAC}, position=Position("map1", 1.0, 2.0)))
        assert client.known
        assert (client.username, client.psk_id, client.ip, client.is_guest, client.guest_email) == (
            None, None, None, False, None,
        )  # fmt: skip
        assert (client.os, client.raw, client.raw_position) == ("iOS", {"mac": MAC}, Position("map1", 1.0, 2.0))
        assert client.position is None, "its place is the roster's to decide"

    def test_of_a_whole_record_stays_what_a_row_does_not_tell(self) -> None:
        client = Client(MAC)
        client.take(record(username="alice", is_guest=True, raw={"mac": MAC, "os": "iOS", "username": "alice"}))
        client.take_part(record(says=frozenset({"os"}), os="iOS 18", raw={"mac": MAC, "os": "iOS 18"}))
        assert (client.username, client.is_guest, client.os) == ("alice", True, "iOS 18")
        assert client.raw == {"mac": MAC, "os": "iOS 18", "username": "alice"}
        client.take_part(record(says=frozenset({"username"}), username="bob"))
        assert client.raw is None, "it names alice still"

    def test_a_row_that_tells_only_a_place_is_no_whole_record(self) -> None:
        client = Client(MAC)
        client.take(record(is_guest=True))
        client.take_part(record(says=frozenset(), raw={"mac": MAC}))
        assert client.raw is None
