import asyncio

import pytest

from mistlocate.together import together
from support.virtual import virtual


async def after(seconds: float, error: Exception | None = None, ended: list[str] | None = None) -> None:
    try:
        await asyncio.sleep(seconds)
        if error is not None:
            raise error
    finally:
        if ended is not None:
            ended.append("ended")


@virtual
async def test_it_ends_with_the_last() -> None:
    await together(after(1), after(5))
    assert asyncio.get_running_loop().time() == 5


@virtual
async def test_a_failure_ends_all_and_comes_as_it_is() -> None:
    ended: list[str] = []
    with pytest.raises(KeyError, match="first"):
        await together(after(1, KeyError("first")), after(9, ended=ended), after(2, ValueError("later")))
    assert asyncio.get_running_loop().time() == 1
    assert ended == ["ended"]


@virtual
async def test_of_several_failures_the_one_of_the_lowest_rank() -> None:
    with pytest.raises(ValueError, match="worse"):
        await together(
            after(1, KeyError("bad")), after(1, ValueError("worse")), rank=lambda error: isinstance(error, KeyError)
        )


@virtual
async def test_a_cancellation_wins_over_a_failure_of_the_same_moment() -> None:
    survived = []

    async def loop() -> None:
        while True:
            try:
                await together(after(1, KeyError("bad")), after(9))
            except KeyError:
                survived.append(1)

    task = asyncio.create_task(loop())
    await asyncio.sleep(1)
    task.cancel()
    await asyncio.sleep(0.5)
    assert task.cancelled()


@virtual
async def test_cancelled_it_leaves_nobody_behind() -> None:
    ended: list[str] = []
    task = asyncio.create_task(together(after(9, ended=ended), after(9, ended=ended)))
    await asyncio.sleep(1)
    task.cancel()
    await asyncio.gather(task, return_exceptions=True)
    assert task.cancelled()
    assert ended == ["ended", "ended"]
