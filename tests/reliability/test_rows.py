"""The short version of every row of the reliability table."""

from pathlib import Path

import pytest

from reliability.campaigns import ROWS
from reliability.rows import Row, Trial


@pytest.mark.parametrize(
    "row",
    [pytest.param(row, id=row.id, marks=[pytest.mark.needs(row.needs)] if row.needs else []) for row in ROWS],
)
async def test_short_version_holds(row: Row, tmp_path: Path) -> None:
    found = await row.run(Trial(row.quick, tmp_path))
    assert found.holds, f"{row.claim}: {row.limit}; found {found.value}: {found.figures}"


def test_ids_of_rows_are_unique() -> None:
    ids = [row.id for row in ROWS]
    assert len(set(ids)) == len(ids)
