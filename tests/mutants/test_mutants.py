"""What `make mutants` needs: that every break still fits, and that its tests exist. The trial itself takes longer."""

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import pytest
from rich.console import Console

from mutants.__main__ import misfits, summary, trial
from mutants.bench import _OUT_OF_TIME, Copy, Verdict
from mutants.catalogue import missing_tests, mutated, topics
from mutants.mutant import Mutant

MAC = Mutant(
    rule="a MAC is written in lower case",
    file="location/identity.py",
    old="    text = text.strip().lower()\n    return _NOT_HEX",
    new="    text = text.strip()\n    return _NOT_HEX",
    tests=("tests/location/test_identity.py",),
)


@pytest.mark.parametrize("topic", sorted(topics()))
def test_every_mutant_fits(topic: str) -> None:
    assert misfits(topics()[topic]) == []


def test_rules_are_told_apart() -> None:
    told = [(each.rule, each.file, each.old, each.new) for listed in topics().values() for each in listed]
    assert len(set(told)) == len(told)


@pytest.mark.parametrize(
    ("old", "new"), [("not there", "x"), ("text", "x"), ("is_random_mac", "is_random_mac"), ("-> str:", "->")]
)
def test_a_break_that_does_not_fit_is_an_error(old: str, new: str) -> None:
    mutant = Mutant("", MAC.file, old, new, MAC.tests)
    text = "def is_random_mac(text: str) -> str:\n    return text\n"
    with pytest.raises((ValueError, SyntaxError)):
        mutated(mutant, text)


@pytest.mark.parametrize(
    "tests",
    [(), ("tests/nowhere.py",), ("tests/location/test_identity.py::test_nothing",), ("tests/location::test_x",)],
)
def test_a_test_that_does_not_exist_is_named(tests: tuple[str, ...]) -> None:
    assert missing_tests(Mutant("", MAC.file, "x", "y", tests))


@pytest.mark.timeout(180)
async def test_a_break_is_caught_or_survives(tmp_path: Path) -> None:
    copy = Copy(tmp_path / "copy")
    await copy.check()
    caught = await copy.verdict(MAC, 120)
    assert (caught.kind, caught.good) == ("caught", True), caught
    assert "test_identity.py::" in caught.by
    survived = await copy.verdict(Mutant("", MAC.file, MAC.old, MAC.new, ("tests/location/test_search.py",)), 120)
    assert (survived.kind, survived.good) == ("SURVIVED", False), survived
    broken = await copy.verdict(Mutant("", MAC.file, "import re\n", "import nothing\n", MAC.tests), 120)
    assert (broken.kind, broken.good) == ("BROKEN", False), broken
    hung = await copy.verdict(MAC, 0.05)
    assert (hung.kind, hung.good) == ("hung", False), "whether it is the break or the machine is not known yet"
    assert replace(hung, alone=True).good
    assert summary([(MAC, caught), (MAC, survived), (MAC, hung), (MAC, replace(hung, alone=True))]).startswith(
        "2 of 4 mutants caught, 1 of them by tests that hung"
    )
    assert "text.strip().lower()" in (tmp_path / "copy/src/mistlocate" / MAC.file).read_text("utf-8")


class _Slow(Copy):
    """A copy on a machine that is too busy at first: it has time for a verdict once nothing else runs."""

    async def check(self) -> None:
        self.asked = 0

    async def tests(self, tests: Sequence[str], limit: float) -> tuple[int | None, str]:
        return 0, "1 passed in 0.1s"

    async def verdict(self, mutant: Mutant, limit: float) -> Verdict:
        self.asked += 1
        if mutant.rule == "hangs" or self.asked <= 2:
            return Verdict("hung", "nothing more", limit)
        return Verdict("SURVIVED", "no test", 1.0)


async def test_what_hangs_on_a_busy_machine_is_not_caught(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("mutants.__main__.Copy", _Slow)
    hanging, surviving = (Mutant(rule, MAC.file, MAC.old, MAC.new, MAC.tests) for rule in ("hangs", "does not"))
    found = await trial([hanging, surviving], 1, Console(quiet=True))
    assert found is not None
    assert [(verdict.kind, verdict.alone, verdict.good) for _, verdict in found] == [
        ("hung", True, True),
        ("SURVIVED", True, False),
    ]


def test_a_test_that_ran_out_of_its_own_time_has_hung() -> None:
    assert _OUT_OF_TIME.search("E   Failed: Timeout (>30.0s) from pytest-timeout.")
    assert not _OUT_OF_TIME.search("E   TimeoutError")
