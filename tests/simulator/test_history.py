from mistlocate.simulator.history import History
from mistlocate.simulator.people import Device, Report


def device(report: Report | None = None) -> Device:
    return Device("00005e005300", 0, "s", "dot1x", "phone", report=report)


def report(at: float) -> Report:
    return Report(at, None, -60.0)


def test_without_records_the_last_report_is_all_there_is() -> None:
    one = device(report(5))
    assert History().as_of(one, 0.0) == report(5)


def test_what_was_known_at_the_beginning_counts_as_known_since_ever() -> None:
    history, one = History(), device(report(5))
    history.begin([one])
    history.note(one, report(20))
    assert history.as_of(one, -100) == report(5)
    assert history.as_of(one, 19) == report(5)
    assert history.as_of(one, 20) == report(20)


def test_a_device_that_came_later_was_unknown_before() -> None:
    history = History()
    history.begin([])
    one = device()
    history.note(one, report(20))
    assert history.as_of(one, 10) is None
    assert history.as_of(one, 30) == report(20)


def test_ending_forgets_and_beginning_twice_does_not() -> None:
    history, one = History(), device(report(5))
    history.begin([one])
    history.note(one, report(20))
    history.begin([one])
    assert history.as_of(one, 0) == report(5)
    history.end()
    one.report = report(20)
    assert history.as_of(one, 0) == report(20)
