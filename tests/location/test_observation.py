import pytest

from mistlocate.location.observation import FUTURE_TOLERANCE, source_time

NOW = 1_767_261_600.0


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        (NOW - 10, NOW - 10),
        (NOW + FUTURE_TOLERANCE, NOW + FUTURE_TOLERANCE),
        ((NOW - 10) * 1000, NOW - 10),
        (None, None),
        (0.0, None),
        (-5.0, None),
        (NOW + FUTURE_TOLERANCE + 1, None),
        ((NOW + 3600) * 1000, None),
    ],
    ids=["seconds", "a little ahead", "milliseconds", "absent", "zero", "negative", "future", "future milliseconds"],
)
def test_source_time(value: float | None, expected: float | None) -> None:
    assert source_time(value, NOW) == expected
