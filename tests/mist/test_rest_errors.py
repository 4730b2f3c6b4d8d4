"""Answers other than 200 as errors: the pause that is asked for, and what of a body is kept."""

from collections.abc import Mapping
from typing import NamedTuple

import pytest

from mistlocate.errors import CloudTrouble, RateLimited
from mistlocate.mist.rest_errors import RETRY_AFTER, error_of


class Answer(NamedTuple):
    status: int
    headers: Mapping[str, str] = {}
    body: bytes = b""


@pytest.mark.parametrize(
    ("given", "seconds"),
    [
        ({"retry-after": "640"}, 640),
        ({"retry-after": "0"}, 1),
        ({"retry-after": "-5"}, 1),
        ({"retry-after": "999999"}, 3600),
        ({"retry-after": "Wed, 21 Oct 2026 07:28:00 GMT"}, RETRY_AFTER),
        ({"retry-after": "Wed, 21 Oct 2026 07:28:00 GMT", "date": "Wed, 21 Oct 2026 07:26:30 GMT"}, 90),
        ({"retry-after": "Wed, 21 Oct 2026 07:28:00 GMT", "date": "Wed, 21 Oct 2026 07:29:00 GMT"}, 1),
        ({"retry-after": "Wed, 21 Oct 2026 07:28:00 GMT", "date": "yesterday"}, RETRY_AFTER),
        ({"retry-after": "soon", "date": "Wed, 21 Oct 2026 07:26:30 GMT"}, RETRY_AFTER),
        ({"retry-after": "nan"}, RETRY_AFTER),
        ({"retry-after": "inf"}, 3600),
        ({}, RETRY_AFTER),
    ],
)
def test_how_long_to_pause(given: dict[str, str], seconds: float) -> None:
    error = error_of(Answer(429, given))
    assert isinstance(error, RateLimited)
    assert error.retry_after == seconds


@pytest.mark.parametrize(
    ("body", "told"),
    [
        (b'{"detail": "Invalid token."}', "HTTP 500: Invalid token."),
        (b'{"detail": ["a", "b"], "mac": "00005e005301"}', "HTTP 500)"),
        (b'"text"', "HTTP 500)"),
        (b"<html>00005e005301</html>", "HTTP 500)"),
        (b"", "HTTP 500)"),
    ],
)
def test_of_a_body_only_its_detail_is_kept(body: bytes, told: str) -> None:
    error = error_of(Answer(500, body=body))
    assert isinstance(error, CloudTrouble)
    assert told in str(error)
    assert "00005e005301" not in str(error)


def test_a_long_detail_is_cut_short() -> None:
    assert len(str(error_of(Answer(500, body=b'{"detail": "' + b"x" * 5000 + b'"}')))) < 300
