import pytest
from starlette.requests import Request

from mistlocate.engines.embedded.api.conditional import conditional, version_of


def asked(*if_none_match: str) -> Request:
    headers = [(b"if-none-match", each.encode()) for each in if_none_match]
    return Request({"type": "http", "headers": headers})


@pytest.mark.parametrize("given", ['"a"', 'W/"a"', '"b", "a"', '"b" , W/"a"', "*", " * "])
def test_who_has_it_gets_no_body(given: str) -> None:
    answer = conditional(asked(given), b"body", "text/plain", "a", cache="no-cache", headers={"X-More": "1"})
    assert (answer.status_code, bytes(answer.body)) == (304, b"")
    assert (answer.headers["etag"], answer.headers["cache-control"], answer.headers["x-more"]) == (
        '"a"',
        "no-cache",
        "1",
    )


@pytest.mark.parametrize("given", [(), ("",), ('"b"',), ("a",), ('"a',), ('"a*"',)])
def test_who_has_not_gets_it(given: tuple[str, ...]) -> None:
    answer = conditional(asked(*given), b"body", "text/css", "a", cache="no-cache")
    assert (answer.status_code, bytes(answer.body), answer.headers["etag"]) == (200, b"body", '"a"')
    assert answer.headers["content-type"].startswith("text/css")


def test_versions() -> None:
    assert version_of(b"a") == version_of(b"a") != version_of(b"b")
