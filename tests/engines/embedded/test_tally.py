import asyncio

import pytest

from mistlocate.engines.embedded.tally import BUCKETS, Key, Latency, Tally, result_of
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
def test_each_end_has_its_class(error: BaseException, result: str) -> None:
    tally = Tally()
    with pytest.raises(type(error)), tally.command("Probe", "echo"):
        raise error
    assert result_of(error) == result
    assert {key: sum(each.counts) for key, each in tally.commands.items()} == {Key("Probe", "echo", result): 1}


def test_commands_are_counted_by_name_and_end() -> None:
    tally = Tally()
    for command in ("echo", "echo", "fail"):
        with tally.command("Probe", command):
            pass
    assert {key: sum(each.counts) for key, each in tally.commands.items()} == {
        Key("Probe", "echo", "ok"): 2,
        Key("Probe", "fail", "ok"): 1,
    }


def test_latencies_fall_into_classes() -> None:
    latency = Latency()
    for seconds in (0.0, BUCKETS[0], 0.002, BUCKETS[-1], 99.0):
        latency.add(seconds)
    assert latency.counts[:2] == [2, 1], "an upper bound belongs to its class"
    assert latency.counts[-2:] == [1, 1]
    assert sum(latency.counts) == 5
    assert latency.seconds == pytest.approx(sum((0.0, BUCKETS[0], 0.002, BUCKETS[-1], 99.0)))
