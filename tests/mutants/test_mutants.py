"""What `make mutants` needs: that every break still fits, and that its tests exist. The trial itself takes longer."""

from pathlib import Path

import pytest

from mutants.__main__ import misfits
from mutants.bench import Copy
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
    assert (hung.kind, hung.good) == ("hung", True)
    assert "text.strip().lower()" in (tmp_path / "copy/src/mistlocate" / MAC.file).read_text("utf-8")
