import pytest

from mistlocate.setup.report import Report, Verdict, counted


def test_problems_are_what_leaves_people_unfindable() -> None:
    report = Report()
    report.ok("a", "fine")
    report.note("b", "look", "here")
    report.problem("c", "wrong")
    assert [each.verdict for each in report.findings] == [Verdict.OK, Verdict.NOTE, Verdict.PROBLEM]
    assert [each.what for each in report.problems] == ["c"]


@pytest.mark.parametrize(("count", "text"), [(0, "0 maps"), (1, "1 map"), (2, "2 maps")])
def test_one_is_singular(count: int, text: str) -> None:
    assert counted(count, "map") == text
    assert counted(count, "map", "maps") == text
