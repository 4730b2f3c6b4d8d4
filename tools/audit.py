"""Audit of what the lock files pin, by pip-audit, so that three outcomes are told apart: nothing known, something
known, and nobody to ask.

python -m tools.audit [requirements.lock …] [--strict] [--osv-url URL]

Exit codes: 0 nothing known is wrong, 1 a vulnerability is known, 3 not audited (with --strict; without it that is said
on standard error and is no failure, because it says nothing about the code). pip-audit alone calls a package that its
service does not know "skipped", and exits with 0 although nothing was looked at.
"""

import argparse
import json
import subprocess
import sys
from collections.abc import Sequence
from enum import IntEnum
from pathlib import Path
from typing import Any, NamedTuple

#: The services that are asked, the first that knows every package counts.
SERVICES = ("pypi", "osv")


class Outcome(IntEnum):
    """What came of an audit, as an exit code."""

    CLEAN = 0
    VULNERABLE = 1
    NOT_AUDITED = 3


class Verdict(NamedTuple):
    """The outcome for one lock file, and what to say about it."""

    outcome: Outcome
    lines: list[str]


def judge(code: int, report: str, errors: str) -> Verdict:
    """What a run of pip-audit says: its exit code, its JSON, and what it wrote besides."""
    try:
        packages: list[dict[str, Any]] = json.loads(report)["dependencies"]
    except (ValueError, KeyError, TypeError):
        last = (errors.strip().splitlines() or ["no output"])[-1]
        return Verdict(Outcome.NOT_AUDITED, [last[:300]])
    found = [
        f"{each['name']} {each['version']}: {flaw['id']}, fixed in {', '.join(flaw['fix_versions']) or 'no version'}"
        for each in packages
        for flaw in each.get("vulns") or ()
    ]
    if found:
        return Verdict(Outcome.VULNERABLE, found)
    skipped = [each["name"] for each in packages if "skip_reason" in each]
    if skipped or not packages or code:
        unknown = f"{len(skipped)} of {len(packages)} packages are not known to the service"
        return Verdict(Outcome.NOT_AUDITED, [unknown])
    return Verdict(Outcome.CLEAN, [f"{len(packages)} packages, no known vulnerability"])


def ask(lock: Path, service: str, osv_url: str | None) -> Verdict:
    """Ask one service about the packages of a lock file."""
    command = [
        sys.executable, "-m", "pip_audit", "--requirement", str(lock), "--require-hashes", "--disable-pip",
        "--vulnerability-service", service, "--format", "json", "--progress-spinner", "off", "--timeout", "30",
        *(["--osv-url", osv_url] if osv_url else []),
    ]  # fmt: skip
    done = subprocess.run(command, capture_output=True, text=True, check=False)  # noqa: S603 - our own arguments
    return judge(done.returncode, done.stdout, done.stderr)


def audit(lock: Path, services: Sequence[str], osv_url: str | None) -> Verdict:
    """Ask one service after the other until one can tell."""
    verdict = Verdict(Outcome.NOT_AUDITED, ["no service was asked"])
    for service in services:
        verdict = ask(lock, service, osv_url)
        if verdict.outcome is not Outcome.NOT_AUDITED:
            break
    return verdict


def main(arguments: Sequence[str] | None = None) -> int:
    """Returns the exit code."""
    parser = argparse.ArgumentParser(prog="tools.audit")
    parser.add_argument("locks", nargs="*", type=Path, default=sorted(Path().glob("requirements*.lock")))
    parser.add_argument("--strict", action="store_true", help="not to be able to audit is a failure")
    parser.add_argument("--service", action="append", choices=SERVICES, help="ask this one alone")
    parser.add_argument("--osv-url", help="another address of the service osv")
    options = parser.parse_args(arguments)
    verdicts = {lock: audit(lock, options.service or SERVICES, options.osv_url) for lock in options.locks}
    for lock, verdict in verdicts.items():
        out = sys.stdout if verdict.outcome is Outcome.CLEAN else sys.stderr
        for line in verdict.lines:
            print(f"{lock}: {verdict.outcome.name.replace('_', ' ').lower()}: {line}", file=out)
    outcomes = {verdict.outcome for verdict in verdicts.values()}
    if Outcome.VULNERABLE in outcomes:
        return Outcome.VULNERABLE
    if Outcome.NOT_AUDITED in outcomes or not outcomes:
        print("*** DEPENDENCIES WERE NOT AUDITED: no service that knows them can be reached ***", file=sys.stderr)
        return Outcome.NOT_AUDITED if options.strict else Outcome.CLEAN
    return Outcome.CLEAN


if __name__ == "__main__":
    sys.exit(main())
