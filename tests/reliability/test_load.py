"""What the rows under load hold against the truth: each way to be wrong is found."""

import math
from typing import Any

import pytest

from reliability import load
from reliability.load import Campus, campus, compared_with, divergence

ALICE, BOB = "00005e005301", "00005e005302"
TRUTH = Campus({ALICE: ["map-1", 1.0, 2.0], BOB: ["map-2", 3.0, 4.0]}, frozenset({ALICE, BOB}))
ROSTER: dict[str, list[Any]] = {ALICE: ["map-1", 1.0, 2.0], BOB: ["map-2", 3.0, 4.0]}
LISTS = {ALICE: ["map-1"], BOB: ["map-2"]}
GHOST = "00005e0053ff"


def test_what_is_so_does_not_differ() -> None:
    assert compared_with(TRUTH, TRUTH, ROSTER, LISTS) == (2, set())


@pytest.mark.parametrize(
    ("roster", "lists", "who"),
    [
        ({**ROSTER, BOB: ["map-1", 3.0, 4.0]}, LISTS, BOB),
        ({**ROSTER, BOB: ["map-2", 3.0, 4.1]}, LISTS, BOB),
        ({ALICE: ROSTER[ALICE]}, LISTS, BOB),
        ({**ROSTER, GHOST: [None, None, None]}, LISTS, GHOST),
        (ROSTER, {**LISTS, GHOST: ["map-1"]}, GHOST),
        (ROSTER, {**LISTS, BOB: ["map-1", "map-2"]}, BOB),
        (ROSTER, {**LISTS, BOB: ["map-1"]}, BOB),
        (ROSTER, {ALICE: ["map-1"]}, BOB),
    ],
)
def test_every_difference_is_found(roster: dict[str, list[Any]], lists: dict[str, list[str]], who: str) -> None:
    assert compared_with(TRUTH, TRUTH, roster, lists)[1] == {who}


def test_who_moved_meanwhile_is_not_compared() -> None:
    moved = Campus({**TRUTH.places, BOB: ["map-1", 0.0, 0.0]}, TRUTH.known)
    assert compared_with(TRUTH, moved, {**ROSTER, BOB: ["map-1", 0.0, 0.0]}, LISTS)[1] == set()


def test_who_was_heard_of_long_ago_is_a_ghost_and_who_has_no_place_is_not() -> None:
    def truth(mac: str, seen: float, map_id: str | None) -> dict[str, Any]:
        return {"mac": mac, "last_seen": seen, "reported_map_id": map_id, "reported_x": 1.0, "reported_y": 2.0}

    found = campus([truth(ALICE, 10_000.0, "map-1"), truth(BOB, 10_000.0, None), truth(GHOST, 8_000.0, "map-1")])
    assert found.places.keys() == {ALICE}
    assert found.known == {ALICE, BOB}


class _Told:
    """A cloud and an engine that tell what they are given, the last for ever."""

    def __init__(self, *answers: Any) -> None:
        self.answers = list(answers)

    async def truth(self) -> Campus:
        return TRUTH

    async def ask(self, command: str) -> Any:
        return self.answers.pop(0) if len(self.answers) > 1 else self.answers[0]


async def test_only_what_goes_on_differing_differs(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(load, "BETWEEN_LOOKS", 0.0)
    right, wrong = ({"roster": ROSTER, "lists": lists} for lists in (LISTS, {**LISTS, GHOST: ["map-1"]}))
    for answers, differ in (((wrong, wrong, wrong), 1), ((wrong, right), 0)):
        assert (await divergence(_Told(), _Told(*answers)))[1] == differ  # type: ignore[arg-type]


async def test_a_break_without_a_return_counts(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(load, "RETURNS_WITHIN", 0.2)
    assert await load._returned(_Told([])) == [math.inf]  # type: ignore[arg-type]
    assert await load._returned(_Told([], [1.5])) == [1.5]  # type: ignore[arg-type]
