from hypothesis import given, settings
from hypothesis import strategies as st

from mistlocate.simulator.agenda import Agenda


@settings(deadline=None)
@given(st.lists(st.floats(0, 100)))
def test_entries_come_in_the_order_of_time_and_then_of_arrival(times: list[float]) -> None:
    agenda = Agenda()
    for number, at in enumerate(times):
        agenda.note(at, "x", number)
    taken = [entry for _ in times if (entry := agenda.take(100)) is not None]
    assert [(at, whom) for at, _, whom in taken] == sorted((at, number) for number, at in enumerate(times))
    assert len(agenda) == 0


def test_what_is_not_due_stays() -> None:
    agenda = Agenda()
    agenda.note(5.0, "x", "late")
    assert agenda.take(4.9) is None
    assert agenda.take(5.0) == (5.0, "x", "late")
