"""Which lists are read for clients of which only a position is known, and who is asked for alone."""

from mistlocate.drivers.mist_websocket.unknown import ONE_BY_ONE, UNKNOWN_FOR, UnknownClients

MAPS = ["m1", "m2", "m3"]


def macs(count: int, first: int = 0) -> dict[str, str | None]:
    """So many, on the first two maps in turn."""
    return {f"{number:012x}": MAPS[number % 2] for number in range(first, first + count)}


def test_a_few_are_asked_for_alone() -> None:
    unknown, few = UnknownClients(), macs(ONE_BY_ONE)
    assert unknown.maps_to_list(few, MAPS) == []
    assert unknown.to_ask(few) == list(few)


def test_many_are_asked_for_as_the_lists_of_their_maps() -> None:
    assert UnknownClients().maps_to_list(macs(ONE_BY_ONE + 1), MAPS) == ["m1", "m2"]


def test_lists_that_cost_more_than_single_calls_are_not_read() -> None:
    maps = [f"m{number}" for number in range(10)]
    wanted: dict[str, str | None] = {f"{number:012x}": maps[number] for number in range(10)}
    assert UnknownClients().maps_to_list(wanted, maps) == []


def test_a_map_is_listed_once_for_all_who_waited_for_it() -> None:
    unknown, wanted = UnknownClients(), macs(20)
    unknown.listed([mac for mac, map_id in wanted.items() if map_id == "m1"], wanted)
    assert unknown.maps_to_list(wanted, MAPS) == ["m2"]
    unknown.listed(wanted, wanted)
    assert unknown.maps_to_list(wanted, MAPS) == []
    assert len(unknown.to_ask(wanted)) == ONE_BY_ONE


def test_who_came_after_a_list_was_asked_for_is_worth_another() -> None:
    unknown, before, after = UnknownClients(), macs(20), macs(20, first=20)
    unknown.listed(before, before)
    assert unknown.maps_to_list({**before, **after}, MAPS) == ["m1", "m2"]
    assert unknown.to_ask({**before, **after}) == list(after)[:ONE_BY_ONE], "these may still be known"


def test_who_is_wanted_again_later_is_looked_for_again() -> None:
    unknown, wanted = UnknownClients(), macs(20)
    unknown.listed(wanted, wanted)
    unknown.maps_to_list({}, MAPS)
    assert unknown.maps_to_list(wanted, MAPS) == ["m1", "m2"]


def test_whom_the_cloud_does_not_know_is_left_alone_and_then_asked_for_alone() -> None:
    unknown, wanted = UnknownClients(), macs(20)
    for mac in wanted:
        unknown.nobody(mac, 100.0)
    assert unknown.known_as_nobody(wanted, 100.0 + UNKNOWN_FOR - 1) == list(wanted)
    assert unknown.known_as_nobody(wanted, 100.0 + UNKNOWN_FOR) == []
    assert unknown.maps_to_list(wanted, MAPS) == [], "no list is worth it that did not help before"
    assert len(unknown.to_ask(wanted)) == ONE_BY_ONE
    assert unknown.known_as_nobody(wanted, 100.0 + 2 * UNKNOWN_FOR) == []
    assert unknown.maps_to_list(wanted, MAPS) == ["m1", "m2"], "forgotten in the end"


def test_many_whom_no_list_of_a_map_made_known_are_looked_for_in_that_of_the_site_now_and_then() -> None:
    unknown, wanted = UnknownClients(), macs(20)
    assert not unknown.site_is_cheaper(wanted, 100.0), "the lists of their maps come first"
    unknown.listed(wanted, wanted)
    assert not unknown.site_is_cheaper(dict(list(wanted.items())[:ONE_BY_ONE]), 100.0)
    assert unknown.site_is_cheaper(wanted, 100.0)
    unknown.site_listed(100.0)
    assert not unknown.site_is_cheaper(wanted, 100.0 + UNKNOWN_FOR - 1)
    assert unknown.site_is_cheaper(wanted, 100.0 + UNKNOWN_FOR)
