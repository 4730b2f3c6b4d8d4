"""What a check found."""

from dataclasses import dataclass, field
from enum import StrEnum

from mistlocate.setup.draft import Draft


class Verdict(StrEnum):
    """How a finding is meant."""

    OK = "ok"
    NOTE = "note"
    PROBLEM = "problem"
    """People would not be found, or levels not be counted."""


@dataclass(frozen=True, slots=True)
class Finding:
    """One thing that was looked at."""

    verdict: Verdict
    what: str
    result: str
    hint: str | None = None


@dataclass(slots=True)
class Report:
    """What a check found. `draft` holds the zones and mappings that are missing."""

    findings: list[Finding] = field(default_factory=list)
    draft: Draft = field(default_factory=lambda: Draft([], {}))
    counts_only: bool = False
    """Whether nobody is to be found by name anyway (`occupancy_only`)."""

    @property
    def problems(self) -> list[Finding]:
        """The findings that are in the way."""
        return [each for each in self.findings if each.verdict is Verdict.PROBLEM]

    @property
    def verdict(self) -> str:
        """What all of it comes to."""
        if self.problems:
            harm = "keep levels from being counted" if self.counts_only else "leave people unfindable"
            return f"{counted(len(self.problems), 'problem')} would {harm}."
        return "Levels can be counted; nobody can be found by name." if self.counts_only else "People can be found."

    def ok(self, what: str, result: str) -> None:
        """As it should be."""
        self.findings.append(Finding(Verdict.OK, what, result))

    def note(self, what: str, result: str, hint: str | None = None) -> None:
        """Worth knowing."""
        self.findings.append(Finding(Verdict.NOTE, what, result, hint))

    def problem(self, what: str, result: str, hint: str | None = None) -> None:
        """In the way."""
        self.findings.append(Finding(Verdict.PROBLEM, what, result, hint))


def counted(count: int, one: str, many: str | None = None) -> str:
    """A number and what it counts: "1 problem", "2 problems"."""
    return f"{count} {one if count == 1 else many or f'{one}s'}"
