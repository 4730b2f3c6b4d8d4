"""Questions asked by the clock: none is forgotten, and none fails unnoticed."""

import asyncio

import pytest

from benchmarks.asking import asking


async def test_an_answer_that_comes_after_the_block_is_waited_for_and_counts() -> None:
    answer = asyncio.Event()
    asked = asyncio.Event()

    async def ask() -> None:
        asked.set()
        await answer.wait()

    async with asking(ask, every=60) as waits:
        await asked.wait()
        assert not waits.seconds
        asyncio.get_running_loop().call_soon(answer.set)
    assert waits.asked == len(waits.seconds) == 1


async def test_a_question_that_waits_keeps_no_other_from_being_asked() -> None:
    third = asyncio.Event()
    count = 0

    async def ask() -> None:
        nonlocal count
        count += 1
        if count == 3:
            third.set()
        await third.wait()

    async with asking(ask, every=0.001) as waits:
        await third.wait()
    assert waits.asked == len(waits.seconds) >= 3


async def test_a_question_that_fails_ends_the_block_with_its_error() -> None:
    async def ask() -> None:
        raise LookupError("nobody")

    with pytest.raises(LookupError, match="nobody"):
        async with asking(ask, every=60):
            await asyncio.Event().wait()


async def test_one_that_fails_after_the_block_is_no_less_an_error() -> None:
    asked = asyncio.Event()

    async def ask() -> None:
        asked.set()
        await asyncio.sleep(0)
        raise LookupError("nobody")

    with pytest.raises(LookupError, match="nobody"):
        async with asking(ask, every=60):
            await asked.wait()
