import math
from urllib.parse import parse_qs, urlsplit

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from mistlocate.simulator.answers import Page, Refusal, Window, forbidden, not_found, read_json, search

NOW = 1_800_000_000.0


def test_by_default_the_first_hundred() -> None:
    assert Page.asked({}, {}) == Page(100, 1)


def test_the_query_wins_over_the_headers() -> None:
    headers = {"x-page-limit": "20", "x-page-page": "3"}
    assert Page.asked({}, headers) == Page(20, 3)
    assert Page.asked({"limit": "5"}, headers) == Page(5, 3)


def test_a_limit_has_a_limit_and_zero_means_the_default() -> None:
    assert Page.asked({"limit": "5000"}, {}).limit == 1000
    assert Page.asked({"limit": "0"}, {}).limit == 100


@pytest.mark.parametrize("query", [{"limit": "many"}, {"limit": "-1"}, {"page": "0"}, {"page": "1.5"}])
def test_other_numbers_are_rejected(query: dict[str, str]) -> None:
    with pytest.raises(Refusal) as refused:
        Page.asked(query, {})
    assert refused.value.status == 400


@settings(deadline=None)
@given(st.integers(0, 250), st.integers(1, 60))
def test_pages_cover_everything_exactly_once(total: int, limit: int) -> None:
    items = list(range(total))
    seen: list[int] = []
    page = 1
    while True:
        answer = Page(limit, page).cut(items, lambda item: item)
        headers = answer.headers or {}
        seen += answer.data
        assert headers["X-Page-Total"] == str(total)
        if limit * page >= total:
            break
        page += 1
    assert seen == items
    assert page == max(1, math.ceil(total / limit))


def test_beyond_the_last_page_there_is_nothing() -> None:
    assert Page(10, 9).cut([1, 2, 3], lambda item: item).data == []


@pytest.mark.parametrize(
    ("query", "start", "end"),
    [
        ({}, NOW - 86_400, NOW),
        ({"duration": "10m"}, NOW - 600, NOW),
        ({"duration": "2w"}, NOW - 1_209_600, NOW),
        ({"duration": "90"}, NOW - 90, NOW),
        ({"start": "-2h"}, NOW - 7200, NOW),
        ({"start": "-2h", "end": "-1h"}, NOW - 7200, NOW - 3600),
        ({"end": "1799990000", "duration": "1h"}, 1_799_986_400.0, 1_799_990_000.0),
        ({"start": "1799990000", "end": "now"}, 1_799_990_000.0, NOW),
    ],
)
def test_windows_of_time(query: dict[str, str], start: float, end: float) -> None:
    assert Window.asked(query, NOW) == Window(start, end)


@pytest.mark.parametrize("query", [{"duration": "soon"}, {"start": "yesterday"}, {"end": "-x"}, {"duration": "d"}])
def test_times_that_are_none_are_rejected(query: dict[str, str]) -> None:
    with pytest.raises(Refusal):
        Window.asked(query, NOW)


@settings(deadline=None)
@given(st.lists(st.tuples(st.integers(0, 5), st.integers(0, 1000)), unique=True, max_size=40), st.integers(1, 9))
def test_following_next_finds_everything_exactly_once(rows: list[tuple[int, int]], limit: int) -> None:
    results = [{"timestamp": at, "mac": f"{number:012x}"} for at, number in rows]
    for sort in ("timestamp", "-timestamp"):
        query = {"limit": str(limit), "sort": sort}
        found: list[dict[str, object]] = []
        while True:
            answer = search("/api/v1/x", query, Window(0, NOW), results, "mac")
            found += answer["results"]
            assert answer["total"] == len(results)
            if "next" not in answer:
                break
            following = urlsplit(answer["next"])
            assert following.netloc == ""
            assert following.path == "/api/v1/x"
            query = {name: values[0] for name, values in parse_qs(following.query).items()}
        key = [(row["timestamp"], row["mac"]) for row in found]
        assert sorted(key) == sorted((row["timestamp"], row["mac"]) for row in results)
        assert key == sorted(key, reverse=sort.startswith("-"))


def test_a_cursor_of_ones_own_making_is_rejected() -> None:
    with pytest.raises(Refusal):
        search("/x", {"search_after": "?"}, Window(0, NOW), [], "mac")
    with pytest.raises(Refusal):
        search("/x", {"search_after": '["a", 1]'}, Window(0, NOW), [{"timestamp": 1, "mac": "a"}], "mac")


def test_refusals_have_the_bodies_that_the_cloud_gives() -> None:
    assert (forbidden().status, not_found().status, not_found().body) == (403, 404, None)
    with pytest.raises(Refusal) as refused:
        read_json(b"{")
    assert refused.value.status == 400
    assert refused.value.body["detail"].startswith("JSON parse error")
