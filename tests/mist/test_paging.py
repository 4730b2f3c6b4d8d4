"""Whether there is more of a list than what an answer holds."""

import pytest

from mistlocate.mist.paging import DEFAULT_PAGE, has_more, items_of, may_be_cut

PAGE = [{"mac": "00005e005301"}] * DEFAULT_PAGE


def headers(limit: str, total: str) -> dict[str, str]:
    return {"x-page-limit": limit, "x-page-total": total}


@pytest.mark.parametrize(("page", "more"), [(1, True), (2, True), (3, False)])
def test_more_as_the_headers_say(page: int, more: bool) -> None:
    assert has_more(headers("100", "250"), page) is more


@pytest.mark.parametrize("odd", [{}, {"x-page-limit": "100"}, headers("many", "250")])
def test_headers_that_say_nothing(odd: dict[str, str]) -> None:
    assert not has_more(odd, 1)


def test_items_may_come_wrapped() -> None:
    assert items_of({"results": [1], "total": 1}) == items_of([1]) == [1]


@pytest.mark.parametrize("answer", [PAGE, {"results": PAGE}])
def test_a_full_page_of_which_no_header_tells_may_be_cut(answer: object) -> None:
    assert may_be_cut({}, answer)
    assert not may_be_cut(headers("1000", "100"), answer)


@pytest.mark.parametrize("answer", [PAGE[1:], [*PAGE, {}], {"detail": "x" * DEFAULT_PAGE}, "x" * DEFAULT_PAGE, None])
def test_whatever_is_no_full_page_is_whole(answer: object) -> None:
    assert not may_be_cut({}, answer)
