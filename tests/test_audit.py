"""The audit of dependencies, and that "nobody could be asked" never passes for "nothing is known"."""

import json
from typing import Any

import pytest

from tools.audit import Outcome, judge

KNOWN = {"name": "a", "version": "1", "vulns": []}
SKIPPED = {"name": "b", "skip_reason": "Dependency not found on PyPI and could not be audited: b (1)"}
FLAWED = {"name": "c", "version": "2", "vulns": [{"id": "PYSEC-1", "fix_versions": ["3"], "aliases": []}]}


def report(*packages: dict[str, Any]) -> str:
    return json.dumps({"dependencies": packages, "fixes": []})


@pytest.mark.parametrize(
    ("code", "text", "outcome"),
    [
        (0, report(KNOWN), Outcome.CLEAN),
        (1, report(KNOWN, FLAWED), Outcome.VULNERABLE),
        (1, report(SKIPPED, FLAWED), Outcome.VULNERABLE),
        (0, report(KNOWN, SKIPPED), Outcome.NOT_AUDITED),
        (0, report(), Outcome.NOT_AUDITED),
        (1, report(KNOWN), Outcome.NOT_AUDITED),
        (1, "", Outcome.NOT_AUDITED),
        (2, "null", Outcome.NOT_AUDITED),
    ],
)
def test_outcomes(code: int, text: str, outcome: Outcome) -> None:
    assert judge(code, text, "").outcome is outcome


def test_what_is_known_and_why_nobody_could_be_asked_is_said() -> None:
    assert judge(1, report(FLAWED), "").lines == ["c 2: PYSEC-1, fixed in 3"]
    assert judge(1, "", "Traceback …\nConnectionError: no route").lines == ["ConnectionError: no route"]
