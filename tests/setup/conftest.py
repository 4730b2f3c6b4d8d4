from collections.abc import AsyncIterator

import pytest

from mistlocate.simulator import Campus, SimulatedCloud


@pytest.fixture
async def cloud() -> AsyncIterator[SimulatedCloud]:
    async with SimulatedCloud(Campus(people=20, floors=2), autorun=False) as made:
        yield made
