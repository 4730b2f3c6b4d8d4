"""`mistlocate audit`: how far back, and what it prints."""

from datetime import UTC, datetime

import pytest
import typer

from mistlocate.cli.auditing import moment

NOW = 1_767_261_600.0


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("30m", NOW - 1800),
        ("24h", NOW - 86_400),
        ("1.5 d", NOW - 129_600),
        ("2w", NOW - 1_209_600),
        ("2026-01-01T08:00+01:00", datetime(2026, 1, 1, 7, tzinfo=UTC).timestamp()),
    ],
)
def test_how_far_back(text: str, expected: float) -> None:
    assert moment(text, NOW) == expected


@pytest.mark.parametrize("text", ["", "yesterday", "5", "-3h", "2026-13-01"])
def test_what_is_no_time(text: str) -> None:
    with pytest.raises(typer.BadParameter, match="a span"):
        moment(text, NOW)
