"""The roster against its naive model: 500 runs of it are the short version of a row of the campaign
(`tests/reliability/fuzzing.py`). Here it is seen to notice."""

import pytest
from hypothesis import Phase, settings
from hypothesis.stateful import run_state_machine_as_test

from location.roster_machine import RosterMachine
from mistlocate.location.roster import Roster

SOME = settings(
    max_examples=200, stateful_step_count=20, deadline=None, database=None, derandomize=True, phases=[Phase.generate],
    report_multiple_bugs=False,
)  # fmt: skip


@pytest.mark.parametrize(
    ("rule", "wrong"),
    [
        ("_may_place", staticmethod(lambda client, s, first: True)),
        ("_is_older", staticmethod(lambda client, s: False)),
        ("_unplace", lambda self, client, at: None),
    ],
)
def test_a_roster_that_is_wrong_is_found_out(monkeypatch: pytest.MonkeyPatch, rule: str, wrong: object) -> None:
    monkeypatch.setattr(Roster, rule, wrong)
    with pytest.raises(AssertionError):
        run_state_machine_as_test(RosterMachine, settings=SOME)
