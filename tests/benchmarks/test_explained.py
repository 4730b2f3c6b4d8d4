"""Why a row is not reached is said only where it is not, and where the machine is why."""

import pytest

from benchmarks import answers, ingest
from benchmarks.rows import Measured


@pytest.mark.parametrize(
    ("rate", "floor", "said"),
    [
        ([24_000, 20_000, 30_000], [15.0, 20.0, 21.0], "20,000 a second"),
        ([26_000, 20_000, 30_000], [15.0, 20.0, 21.0], None),  # it was reached all the same
        ([24_000, 20_000, 30_000], [15.0, 15.9, 21.0], None),  # the floor left room for more
    ],
)
def test_too_few_records_are_the_machines_where_the_floor_is_slow(
    rate: list[float], floor: list[float], said: str | None
) -> None:
    found = Measured(samples={"rate": rate, "floor": floor})
    ingest.explain(found)
    assert len(found.notes) == (said is not None)
    assert all(said in note for note in found.notes if said)


@pytest.mark.parametrize(
    ("p99", "loop", "said"),
    [([90, 120, 130], [99, 101, 250], 1), ([90, 99, 130], [99, 101, 250], 0), ([90, 120, 130], [99, 99, 250], 0)],
)
def test_slow_answers_are_the_machines_where_a_loop_is_slow(p99: list[float], loop: list[float], said: int) -> None:
    found = Measured(samples={"p99": p99, "loop": loop})
    answers.explain(found)
    assert len(found.notes) == said
