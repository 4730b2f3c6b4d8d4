"""What a check found."""

from dataclasses import dataclass, field
from enum import StrEnum

from mistlocate.setup.draft import Draft


class Verdict(StrEnum):
    """How a finding is meant."""

    OK = "ok"
    NOTE = "note"
    PROBLEM = "problem"
    """People would not be found."""


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

    @property
    def problems(self) -> list[Finding]:
        """The findings that would leave people unfindable."""
        return [each for each in self.findings if each.verdict is Verdict.PROBLEM]

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
