"""Wire records in, roster and owners, published records out."""

import asyncio
from email.utils import formatdate
from typing import Any

import pytest

from mistlocate.drivers.mist_websocket.tracker import SAMPLES, Tracker
from mistlocate.location.evidence import PskKey
from mistlocate.location.observation import Origin
from mistlocate.location.roster import Outcome
from mistlocate.mist.frames import Channel, Ignored, Refused, Rejected
from mistlocate.mist.models import ClientStats, Map, read
from mistlocate.mist.rest import Reject, Row
from support.sightings import FULL, MAC, SLIM, hear, tracker
from support.virtual import START, virtual


def listed(it: Tracker, record: dict[str, Any], origin: Origin = Origin.SNAPSHOT) -> Outcome:
    stats, dropped = read(ClientStats, record)
    return it.row(Row(stats, record, dropped), origin, it.clock.monotonic())


def published(it: Tracker, mac: str = MAC) -> dict[str, Any]:
    client = it.roster.get(mac)
    assert client is not None
    return it.record(client)


class TestPublishing:
    @virtual
    async def test_the_needed_fields_by_the_clouds_names(self) -> None:
        it = tracker()
        hear(it, FULL)
        assert published(it) == {
            "mac": MAC, "map_id": "m1", "x": 212.4, "y": 141.0, "num_locating_aps": 5, "accuracy": 3.0,
            "last_seen": int(START) - 6, "last_seen_from": "source", "is_guest": False,
            "manufacture": "Dell", "os": "Windows 11", "ssid": "Corp",
        }  # fmt: skip

    @virtual
    async def test_whole_records_as_the_cloud_sent_them(self) -> None:
        it = tracker(keep_all=True)
        record = {**FULL, "something_new": [1, {"deep": None}]}
        hear(it, record)
        assert published(it) == record
        del record["accuracy"], record["ssid"]
        hear(it, {**record, "last_seen": int(START)})
        assert published(it) == {**record, "last_seen": int(START)}

    @virtual
    async def test_what_is_read_of_whole_records_is_as_it_was_understood(self) -> None:
        plain, whole = tracker(), tracker(keep_all=True)
        odd = {
            "x": "212.4", "accuracy": "3", "last_seen": str(int(START) - 6), "is_guest": 1, "os": "", "ssid": 7,
            "manufacture": "Unknown", "anonymous": True, "rssi": "-61",
        }  # fmt: skip
        for it in (plain, whole):
            hear(it, {**FULL, **odd})
        expected = {**FULL, "rssi": "-61", **published(plain)}
        assert expected.pop("last_seen_from") == "source"
        assert expected["is_guest"] is True
        assert expected["last_seen"] == int(START) - 6
        assert published(whole) == expected

    @virtual
    async def test_times_ahead_of_ours_are_now_in_whole_records_too(self) -> None:
        it = tracker(keep_all=True)
        hear(it, {**FULL, "last_seen": int(START) + 200})
        assert published(it)["last_seen"] == int(START)

    @virtual
    async def test_a_bare_frame_moves_a_whole_record_and_says_whose_time_it_shows(self) -> None:
        it = tracker(keep_all=True)
        hear(it, FULL)
        hear(it, SLIM, Channel("site", "m1"))
        found = published(it)
        assert (found["x"], found["y"], found["last_seen"], found["last_seen_from"]) == (
            238.5,
            153.0,
            int(START),
            "arrival",
        )
        assert found["tx_rate"] == 344.0
        assert found["accuracy"] is None, "the old accuracy is not that of the new place"

    @virtual
    async def test_a_frame_with_a_time_of_its_own_shows_it(self) -> None:
        it = tracker(keep_all=True)
        hear(it, {**SLIM, "last_seen": int(START) - 1}, Channel("site", "m1"))
        assert published(it) == {**SLIM, "last_seen": int(START) - 1, "is_guest": None}

    @virtual
    async def test_a_record_without_place_keeps_the_place_and_its_time(self) -> None:
        it = tracker(keep_all=True)
        hear(it, FULL)
        unlocated = {key: value for key, value in FULL.items() if key not in ("map_id", "x", "y", "x_m", "y_m")}
        hear(it, {**unlocated, "last_seen": int(START)})
        found = published(it)
        assert (found["map_id"], found["x"], found["last_seen"]) == ("m1", 212.4, int(START) - 6)

    @virtual
    async def test_ignored_names_are_withheld_from_whole_records_too(self) -> None:
        it = tracker(keep_all=True)
        hear(it, {**FULL, "username": "host/lt-1.example.com"})
        assert "username" not in published(it)
        assert published(it)["mac"] == MAC

    @virtual
    async def test_turning_whole_records_off_forgets_them(self) -> None:
        it = tracker(keep_all=True)
        hear(it, FULL)
        it.roster.dirty.clear()
        it.set_keep_all(False)
        assert "tx_rate" not in published(it)
        assert it.roster.dirty == {"m1": False}

    @virtual
    async def test_an_unlocated_client_shows_when_it_was_seen(self) -> None:
        it = tracker()
        hear(it, {"mac": MAC, "last_seen": int(START) - 60})
        assert (published(it)["last_seen"], published(it)["last_seen_from"]) == (int(START) - 60, "source")
        hear(it, {"mac": "00005e005302"})
        assert published(it, "00005e005302")["last_seen_from"] == "arrival"

    @virtual
    async def test_a_place_that_was_withdrawn_is_gone_from_whole_records_too(self) -> None:
        it = tracker(keep_all=True)
        hear(it, FULL)
        it.roster.drop_map("m1", START)
        found = published(it)
        assert not {"map_id", "x", "y", "x_m", "y_m"} & found.keys()
        assert found["tx_rate"] == 344.0

    @virtual
    async def test_ignored_names_are_withheld_from_fuller_position_frames_too(self) -> None:
        it = tracker(keep_all=True)
        hear(it, {**SLIM, "username": "host/pc-of-alice"}, Channel("site", "m1"))
        assert "username" not in published(it)

    @virtual
    async def test_a_whole_record_shows_the_place_in_the_fields_that_are_read(self) -> None:
        it = tracker(keep_all=True)
        metres = {key: value for key, value in FULL.items() if key not in ("x", "y")}
        hear(it, metres)
        assert (published(it)["x"], published(it)["y"]) == (10.62 * 20, 7.05 * 20)
        mapless = {key: value for key, value in SLIM.items() if key != "map_id"}
        hear(it, {**mapless, "last_seen": START}, Channel("site", "m1"))
        found = published(it)
        assert (found["map_id"], found["x"], found["last_seen"]) == ("m1", 238.5, int(START))
        assert "x_m" not in found, "these metres were of another place"

    @virtual
    async def test_nobody_comes_back_to_a_deleted_map(self) -> None:
        it = tracker()
        hear(it, FULL)
        it.roster.drop_map("m1", START)
        it.set_maps({"m2": Map(id="m2")})
        hear(it, SLIM, Channel("site", "m1"))
        assert published(it).get("map_id") is None
        assert it.unknown_maps == {"m1"}, "unless the next list of maps has it again"
        it.set_maps({"m1": Map(id="m1"), "m2": Map(id="m2")})
        hear(it, SLIM, Channel("site", "m1"))
        assert published(it)["map_id"] == "m1"

    @virtual
    async def test_a_clock_that_is_ahead_holds_up_nothing(self) -> None:
        it = tracker()
        hear(it, {**FULL, "last_seen": START + 290})
        await asyncio.sleep(1)
        hear(it, SLIM, Channel("site", "m1"))
        assert published(it)["x"] == 238.5

    @virtual
    async def test_an_answer_whose_time_is_ahead_is_as_old_as_the_question(self) -> None:
        it = tracker()
        asked, ahead = it.clock.monotonic(), START + 60
        await asyncio.sleep(2)
        hear(it, {**FULL, "x": 2.0, "last_seen": ahead + 2, "username": "bob@example.com"})
        await asyncio.sleep(2)
        stats, dropped = read(ClientStats, {**FULL, "x": 1.0, "last_seen": ahead})
        for origin in (Origin.SNAPSHOT, Origin.FETCH):
            assert it.row(Row(stats, {}, dropped), origin, asked) is Outcome.SUPERSEDED
        assert published(it)["x"] == 2.0
        assert str(it.owners.owner_of(MAC).identity) == "bob@example.com"  # type: ignore[union-attr]


class TestReading:
    @virtual
    async def test_metres_stand_in_for_missing_pixels(self) -> None:
        it = tracker()
        hear(it, {"mac": MAC, "map_id": "m1", "x_m": 10.0, "y_m": 5.0})
        assert (published(it)["x"], published(it)["y"]) == (200.0, 100.0)

    @virtual
    async def test_half_a_position_is_none(self) -> None:
        it = tracker()
        hear(it, {"mac": MAC, "map_id": "m1", "y": 5.0})
        assert (published(it)["map_id"], published(it)["x"], published(it)["y"]) == ("m1", None, None)

    @virtual
    async def test_metres_on_a_map_without_scale_are_no_place(self) -> None:
        it = tracker()
        hear(it, {"mac": MAC, "map_id": "m9", "x_m": 10.0, "y_m": 5.0})
        assert (published(it)["map_id"], published(it)["x"]) == ("m9", None)

    @virtual
    async def test_a_records_own_map_outranks_its_channels(self) -> None:
        it = tracker()
        hear(it, {**SLIM, "map_id": "m2"}, Channel("site", "m1"))
        assert published(it)["map_id"] == "m2"
        hear(it, {"mac": "00005e005302", "x": 1.0, "y": 2.0}, Channel("site", "m1"))
        assert published(it, "00005e005302")["map_id"] == "m1"

    @pytest.mark.parametrize("text", ["", "Unknown", "unknown", "N/A"])
    @virtual
    async def test_what_says_nothing_is_nothing(self, text: str) -> None:
        it = tracker()
        hear(it, {**FULL, "manufacture": text, "os": text, "ssid": text, "username": text})
        assert (published(it)["manufacture"], published(it)["os"], published(it)["ssid"]) == (None, None, None)
        assert it.owners.owner_of(MAC) is None

    @pytest.mark.parametrize(
        ("last_seen", "shown"),
        [(START * 1000 - 5000, int(START) - 5), (START + 100_000, int(START)), (0, int(START)), (-1, int(START))],
        ids=["milliseconds", "future", "zero", "negative"],
    )
    @virtual
    async def test_odd_times(self, last_seen: float, shown: int) -> None:
        it = tracker()
        hear(it, {**FULL, "last_seen": last_seen})
        assert published(it)["last_seen"] == shown
        assert it.counts["implausible_times"] == (shown == int(START))

    @virtual
    async def test_records_of_another_site_are_rejected(self) -> None:
        it = tracker()
        hear(it, FULL, Channel("elsewhere"))
        assert len(it.roster) == 0
        assert it.counts["rejected"] == 1

    @virtual
    async def test_rejects_are_counted_and_sampled_without_values(self) -> None:
        it = tracker()
        for number in range(SAMPLES + 5):
            hear(it, {"username": f"alice{number}@example.com"})
        it.rejects([Reject("ClientStats record: mac", {"x": "text of 3"})])
        assert it.counts["rejected"] == SAMPLES + 6
        assert len(it.samples) == SAMPLES
        assert "alice" not in str(it.samples)

    @virtual
    async def test_dropped_fields_are_counted(self) -> None:
        it = tracker()
        hear(it, {**FULL, "x": "far", "accuracy": []})
        assert it.counts["fields_dropped"] == 2

    @virtual
    async def test_unknown_events_are_counted(self) -> None:
        it = tracker()
        it.rejected(Ignored("something_new"))
        it.rejected(Refused("/a", "denied"))
        assert it.counts["ignored"] == 1


class TestOwners:
    @virtual
    async def test_names_of_the_network_are_learned_from_lists_and_frames(self) -> None:
        it = tracker()
        listed(it, FULL)
        hear(it, {**FULL, "mac": "00005e005302", "username": "EXAMPLE\\bob"})
        assert str(it.owners.owner_of(MAC).identity) == "alice@example.com"  # type: ignore[union-attr]
        assert str(it.owners.owner_of("00005e005302").identity) == "bob@example"  # type: ignore[union-attr]

    @virtual
    async def test_a_client_that_left_is_not_admitted_and_its_owner_is_learned_all_the_same(self) -> None:
        it = tracker()
        assert listed(it, {**FULL, "last_seen": int(START) - 7200}) is Outcome.NOT_ADMITTED
        assert it.owners.owner_of(MAC) is not None
        assert len(it.roster) == 0

    @pytest.mark.parametrize("username", [None, "00-00-5E-00-53-01", "anonymous"])
    @virtual
    async def test_a_key_names_the_owner_where_no_name_does(self, username: str | None) -> None:
        it = tracker()
        it.set_keys({"k1": PskKey("bob@example.com", None, "multi", 0)})
        hear(it, {**FULL, "username": username, "psk_id": "k1"})
        assert str(it.owners.owner_of(MAC).identity) == "bob@example.com"  # type: ignore[union-attr]

    @virtual
    async def test_an_unknown_key_is_asked_for_and_its_clients_are_learned_when_it_comes(self) -> None:
        it = tracker()
        hear(it, {**FULL, "username": None, "psk_id": "k1"})
        assert it.keys.unknown == {"k1"}
        it.set_keys({"k1": PskKey("bob@example.com", None, "multi", 0)})
        assert str(it.owners.owner_of(MAC).identity) == "bob@example.com"  # type: ignore[union-attr]
        assert it.keys.unknown == set()

    @pytest.mark.parametrize(
        ("guest", "owner"),
        [
            ({"email": "typed@example.net", "access_code_email": "mailed@example.net"}, "mailed@example.net"),
            ({"email": "typed@example.net"}, "typed@example.net"),
            ({"name": "Somebody"}, None),
        ],
    )
    @virtual
    async def test_guests_are_guests(self, guest: dict[str, str], owner: str | None) -> None:
        it = tracker()
        hear(it, {**FULL, "username": None, "is_guest": True, "guest": guest})
        owned = it.owners.owner_of(MAC, guests=True)
        assert (None if owned is None else str(owned.identity)) == owner
        assert it.owners.owner_of(MAC) is None
        assert published(it)["is_guest"] is True

    @virtual
    async def test_what_a_guest_typed_counts_only_for_guests(self) -> None:
        it = tracker()
        hear(it, {**FULL, "username": None, "is_guest": False, "guest": {"email": "typed@example.net"}})
        assert it.owners.owner_of(MAC, guests=True) is None

    @virtual
    async def test_a_guest_who_left_is_forgotten_by_name_and_the_staff_is_not(self) -> None:
        it = tracker()
        hear(it, {**FULL, "username": None, "is_guest": True, "guest": {"email": "typed@example.net"}})
        hear(it, {**FULL, "mac": "00005e005302"})
        await asyncio.sleep(3600)
        it.forget()
        assert len(it.roster) == 0
        assert it.owners.owner_of(MAC, guests=True) is None
        assert it.owners.owner_of("00005e005302") is not None

    @virtual
    @pytest.mark.parametrize(
        ("record", "owner", "guest"),
        [
            ({"username": "ceo@example.com", "guest": {"email": "ceo@example.com"}}, None, "ceo@example.com"),
            ({"username": "ceo@example.com"}, None, "ceo@example.com"),
            ({"username": "ceo@example.com", "key_mgmt": "WPA2-PSK/CCMP"}, None, "ceo@example.com"),
            ({"username": "ceo@example.com", "guest": {"email": "a@example.net"}}, None, "a@example.net"),
            ({"username": "ceo@example.com", "key_mgmt": "WPA2-EAP/CCMP"}, "ceo@example.com", "ceo@example.com"),
        ],
    )
    async def test_a_name_from_a_portal_is_what_a_guest_typed(
        self, record: dict[str, Any], owner: str | None, guest: str
    ) -> None:
        it = tracker()
        hear(it, {**FULL, "is_guest": True, "key_mgmt": None, **record})
        known, typed = it.owners.owner_of(MAC), it.owners.owner_of(MAC, guests=True)
        assert (None if known is None else str(known.identity)) == owner
        assert typed is not None
        assert str(typed.identity) == guest
        user_macs, identities = it.owners.take_changes()
        assert bool(user_macs or identities) is (owner is not None), "guests are never stored"

    @virtual
    @pytest.mark.parametrize("keep_all", [False, True])
    async def test_a_name_on_a_map_that_nobody_vouches_for_is_none(self, keep_all: bool) -> None:
        it = tracker(keep_all=keep_all)
        guest = {**FULL, "is_guest": True, "key_mgmt": "Open", "username": "ceo@example.com"}
        hear(it, {**SLIM, "username": "ceo@example.com"}, Channel("site", "m1"))
        assert it.owners.owner_of(MAC, guests=True) is None
        assert "username" not in published(it)
        hear(it, guest)
        assert it.owners.owner_of(MAC) is None
        assert it.owners.owner_of(MAC, guests=True) is not None
        hear(it, {**FULL, "mac": "00005e005302"}, Channel("site", "m1"))
        assert it.owners.owner_of("00005e005302") is not None, "a whole record says who vouches, on any channel"

    @virtual
    async def test_guests_of_yesterday_leave_no_name(self) -> None:
        it = tracker()
        guest = {"username": None, "is_guest": True, "guest": {"email": "typed@example.net"}}
        listed(it, {**FULL, **guest, "last_seen": START - 80_000})
        assert len(it.roster) == 0
        assert len(it.owners) == 0
        hear(it, {**FULL, **guest})
        assert len(it.owners) == 1
        it.clear()
        assert len(it.owners) == 0, "nor does one of another site"

    @virtual
    async def test_a_record_that_only_knows_the_newer_place_teaches_no_owner(self) -> None:
        it = tracker()
        unlocated = {key: value for key, value in FULL.items() if key not in ("map_id", "x", "y", "x_m", "y_m")}
        hear(it, {**unlocated, "last_seen": START - 10})
        assert listed(it, {**FULL, "username": "bob@example.com", "last_seen": START - 100}) is Outcome.PLACED
        owned = it.owners.owner_of(MAC)
        assert owned is not None
        assert str(owned.identity) == "alice@example.com"

    @virtual
    async def test_what_is_known_better_by_now_teaches_no_owner(self) -> None:
        it = tracker()
        hear(it, {**FULL, "username": None})
        assert listed(it, {**FULL, "username": "bob@example.com", "last_seen": START - 100}) is Outcome.SUPERSEDED
        assert it.owners.owner_of(MAC) is None


class TestWanted:
    @virtual
    async def test_a_client_known_by_position_only_is_wanted_once(self) -> None:
        it = tracker()
        for _ in range(20):
            hear(it, SLIM, Channel("site", "m1"))
        assert it.wanted == {MAC: "m1"}
        listed(it, FULL, Origin.FETCH)
        assert it.wanted == {}

    @virtual
    async def test_a_full_record_makes_fetching_needless(self) -> None:
        it = tracker()
        hear(it, SLIM, Channel("site", "m1"))
        hear(it, FULL)
        assert it.wanted == {}

    @virtual
    async def test_a_full_frame_of_a_maps_channel_is_still_only_a_position(self) -> None:
        it = tracker()
        hear(it, FULL, Channel("site", "m1"))
        assert it.wanted == {MAC: "m1"}

    @virtual
    async def test_maps_that_no_list_names_are_noticed_once_a_list(self) -> None:
        it = tracker()
        hear(it, {**FULL, "map_id": "m7"})
        assert it.unknown_maps == {"m7"}
        it.set_maps({"m1": Map(id="m1")})
        hear(it, {**FULL, "map_id": "m7", "last_seen": int(START) - 1})
        assert it.unknown_maps == set()
        it.set_maps({"m1": Map(id="m1"), "m7": Map(id="m7")})
        it.set_maps({"m1": Map(id="m1")})
        hear(it, {**FULL, "map_id": "m7", "last_seen": int(START)})
        assert it.unknown_maps == {"m7"}


@virtual
async def test_another_site_clears_all_but_the_owners() -> None:
    it = tracker()
    hear(it, FULL)
    hear(it, {**SLIM, "mac": "00005e005302", "map_id": "m9"}, Channel("site", "m1"))
    it.clear()
    assert (len(it.roster), it.maps, it.wanted, it.unknown_maps) == (0, {}, {}, set())
    assert it.owners.owner_of(MAC) is not None


class TestAccounts:
    @virtual
    async def test_every_event_is_accounted_for(self) -> None:
        it = tracker()
        hear(it, FULL)
        hear(it, FULL, Channel("elsewhere"))
        it.rejected(Rejected("no JSON"))
        it.rejected(Ignored("unknown"))
        it.rejected(Refused("channel", "denied"))
        assert it.heard == {"records": 1, "rejected": 2, "ignored": 1, "refused": 1}
        listed(it, FULL)
        assert sum(it.roster.counts.values()) == it.counts["received"] == 2


class TestMapsThatDoNotExist:
    @virtual
    async def test_nobody_is_on_a_map_that_a_complete_list_does_not_name(self) -> None:
        it = tracker()
        hear(it, {**SLIM, "map_id": "m9"}, Channel("site", "m9"))
        assert it.unknown_maps == {"m9"}
        it.set_maps(it.maps, complete=False)
        assert it.no_maps == frozenset()
        it.set_maps(it.maps)
        assert it.no_maps == {"m9"}
        it.roster.drop_map("m9", START)
        hear(it, {**SLIM, "map_id": "m9"}, Channel("site", "m9"))
        assert it.roster.clients[MAC].position is None
        assert it.counts["on_unknown_maps"] == 1
        it.set_maps({**it.maps, "m9": Map(id="m9")})
        hear(it, {**SLIM, "map_id": "m9"}, Channel("site", "m9"))
        assert it.roster.clients[MAC].map_id == "m9"


class TestClockSteps:
    @virtual
    async def test_the_time_of_a_whole_record_moves_along(self) -> None:
        it = tracker(keep_all=True)
        hear(it, FULL)
        before, now = published(it)["last_seen"], it.clock.monotonic()
        it.cloud_clock.observe(formatdate(START - 3600, usegmt=True), now, now)
        assert published(it)["last_seen"] == pytest.approx(before - 3600, abs=2)

    @virtual
    async def test_a_cloud_that_is_set_back_is_still_believed(self) -> None:
        it = tracker()
        told: list[float] = []
        it.on_step = lambda: told.append(it.cloud_clock.now())
        hear(it, FULL)
        now = it.clock.monotonic()
        it.cloud_clock.observe(formatdate(START - 3600, usegmt=True), now, now)
        assert len(told) == 1
        hear(it, {**FULL, "x": 1.0, "last_seen": int(START) - 3600})
        assert published(it)["x"] == 1.0
