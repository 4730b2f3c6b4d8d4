"""What the benchmarks expect of an answer: a record that lacks anything is wrong."""

from typing import Any

import pytest
from s2cell import lat_lon_to_token

from benchmarks import expected
from benchmarks.records import Site

SITE, SEEN = Site(12, 3), 1_800_000_000.5


def answer() -> list[dict[str, Any]]:
    return [expected.record(SITE, client, SEEN) for client in range(SITE.clients)]


def test_everybody_as_the_load_has_it() -> None:
    assert expected.faults(answer(), SITE, SEEN, {}) == ""


def test_who_moved_is_expected_elsewhere() -> None:
    found = answer()
    found[4]["x"] = 7.0
    assert expected.faults(found, SITE, SEEN, {SITE.mac(4): 7.0}) == ""
    assert expected.faults(found, SITE, SEEN, {}) == "1 of 12 records are wrong"


@pytest.mark.parametrize("key", sorted(expected.record(SITE, 0, SEEN)))
def test_no_part_of_a_record_may_be_missing_or_different(key: str) -> None:
    found = answer()
    found[3] = {name: value for name, value in found[3].items() if name != key} | {"mac": found[3]["mac"]}
    if key == "mac":
        found[3]["mac"] = "5c5c5c5c5c5c"
    assert expected.faults(found, SITE, SEEN, {}) == "1 of 12 records are wrong"


def test_nobody_may_be_missing_or_there_twice() -> None:
    found = answer()
    assert expected.faults(found[1:], SITE, SEEN, {}) == "11 records of 11 devices instead of 12"
    assert expected.faults([*found[1:], found[1]], SITE, SEEN, {}) == "12 records of 11 devices instead of 12"


def test_a_place_on_the_globe_is_looked_at_where_there_has_to_be_one() -> None:
    known = expected.record(SITE, 0, SEEN, 1000.0) | {"y": 600.0}
    globe = {"lat": 52.52075, "lon": 13.4047, "s2_cell_id": lat_lon_to_token(52.52075, 13.4047, 21)}
    assert expected.is_right(known | globe, known, google=True)
    assert not expected.is_right(known | globe, known, google=False)
    assert not expected.is_right(known, known, google=True)
    assert not expected.is_right(known | globe | {"lat": 52.5208}, known, google=True)
    assert not expected.is_right(known | globe | {"s2_cell_id": "47a851dfdafc"}, known, google=True)
