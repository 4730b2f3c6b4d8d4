import asyncio

import pytest

from mistlocate.engines.embedded.tally import BUCKETS, Tally, result_of
from mistlocate.errors import (
    BadArguments,
    CommandFailed,
    LevelTooLow,
    ModuleUnavailable,
    NotFound,
    StoreError,
    TokenRefused,
)


@pytest.mark.parametrize(
    ("error", "result"),
    [
        (BadArguments("x"), "refused"),
        (LevelTooLow("x"), "refused"),
        (ModuleUnavailable("x"), "unavailable"),
        (NotFound("x"), "trouble"),
        (TokenRefused("x"), "trouble"),
        (StoreError("x"), "trouble"),
        (CommandFailed("x"), "defect"),
        (ZeroDivisionError(), "defect"),
        (asyncio.CancelledError(), "left"),
    ],
)
async def test_each_end_has_its_class(error: BaseException, result: str) -> None:
    async def fail() -> None:
        raise error

    tally = Tally()
    with pytest.raises(type(error)) as raised:
        await tally.command("Probe", "echo", fail())
    assert raised.value is error
    assert result_of(error) == result
    assert {key: sum(each.counts) for key, each in tally.commands.items()} == {("Probe", "echo", result): 1}


async def test_commands_are_counted_by_name_and_end() -> None:
    async def answer() -> int:
        return 42

    tally = Tally()
    for command in ("echo", "echo", "fail"):
        assert await tally.command("Probe", command, answer()) == 42
    assert {key: sum(each.counts) for key, each in tally.commands.items()} == {
        ("Probe", "echo", "ok"): 2,
        ("Probe", "fail", "ok"): 1,
    }


def test_latencies_fall_into_classes() -> None:
    tally = Tally()
    for seconds in (0.0, BUCKETS[0], 0.002, BUCKETS[-1], 99.0):
        tally.count("Probe", "echo", "ok", seconds)
    latency = tally.commands["Probe", "echo", "ok"]
    assert latency.counts[:2] == [2, 1], "an upper bound belongs to its class"
    assert latency.counts[-2:] == [1, 1]
    assert sum(latency.counts) == 5
    assert latency.seconds == pytest.approx(sum((0.0, BUCKETS[0], 0.002, BUCKETS[-1], 99.0)))
