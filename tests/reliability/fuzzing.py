"""Bad input: whatever arrives, it is taken or refused, and nothing stops."""

import asyncio
import random
import sys
import warnings
from collections import Counter
from collections.abc import Callable
from pathlib import Path
from typing import Any

from hypothesis import HealthCheck, Phase, given, seed, settings
from hypothesis.stateful import run_state_machine_as_test
from structlog.typing import EventDict

from fuzz import harness, http_cases
from fuzz.targets import TARGETS
from location.roster_machine import RosterMachine
from mistlocate.engines.embedded.server import serving
from reliability.rows import Measured, Row, Trial
from support.logged import errors_logged
from support.site import SYSTEM, Site, site

#: How the million cases are shared out: most for what the cloud and core send, and less for what is slow to read.
SHARES = {
    "stream": 300_000, "rest": 200_000, "core": 150_000, "json-stream": 60_000, "request": 100_000, "settings": 20_000,
    "address": 40_000, "picture": 30_000, "packed": 20_000, "name": 50_000, "headers": 30_000,
}  # fmt: skip

#: From this scale on atheris has to be there: short versions of the campaign do without it.
GUIDED_FROM = 0.05

#: `error` of an answer that nobody meant to give: the API's own, and that of a command which raised what it should not.
DEFECTS = frozenset({"Internal Server Error", "CommandFailed"})

_TESTS = Path(__file__).parents[1]


async def decoders(trial: Trial) -> Measured:
    """Every decoder, led by coverage; two at once."""
    guided = trial.scale >= GUIDED_FROM
    places, runs, reached = asyncio.Semaphore(2), 0, 0
    findings: dict[str, str] = {}

    async def one(names: list[str], count: int, *options: str) -> None:
        nonlocal runs, reached
        async with places:
            code, text = await _harness(trial.folder, *names, "--runs", str(count), *options)
        done, code_places = harness.figures(text)
        runs, reached = runs + done, reached + code_places
        if code or done < count * len(names):
            findings[f"{' '.join(names)} ended with code {code} after {done:,} cases"] = text[-300:]

    async with asyncio.TaskGroup() as tasks:
        if guided:
            for name, share in SHARES.items():
                tasks.create_task(one([name], trial.count(share)))
        else:
            tasks.create_task(one(list(SHARES), trial.count(1_000_000) // len(SHARES), "--plain"))
    return Measured(
        not findings and set(SHARES) == set(TARGETS),
        "; ".join([f"{runs:,} cases, {len(findings)} findings", *findings]),
        {"cases": runs, "guided_by_coverage": guided, "places_reached": reached, "findings": findings},
    )  # fmt: skip


async def _harness(folder: Path, *arguments: str) -> tuple[int, str]:
    process = await asyncio.create_subprocess_exec(
        sys.executable, "-m", "fuzz.harness", *arguments,
        cwd=folder, env={"PYTHONPATH": str(_TESTS), "PATH": "", "HOME": str(folder), "TMPDIR": str(folder)},
        stdout=asyncio.subprocess.DEVNULL, stderr=asyncio.subprocess.PIPE,
    )  # fmt: skip
    _, text = await process.communicate()
    return process.returncode or 0, text.decode(errors="replace")


async def roster(trial: Trial) -> Measured:
    """Any sequence of sightings, on the roster and on its naive model."""
    runs = trial.count(10_000)
    chosen = settings(
        max_examples=runs, stateful_step_count=20, deadline=None, database=None, phases=[Phase.generate],
        suppress_health_check=list(HealthCheck), report_multiple_bugs=False,
    )  # fmt: skip
    try:
        await asyncio.to_thread(run_state_machine_as_test, RosterMachine, settings=chosen)
    except Exception as error:
        return Measured(False, f"they differ: {error}"[:300], {"runs": runs})
    return Measured(True, f"{runs:,} runs, no difference", {"runs": runs})


async def http_by_its_document(trial: Trial) -> Measured:
    """Requests that the engine's own OpenAPI document allows, half of them about what there is."""
    each = trial.count(100, least=3)
    with errors_logged() as errors:
        async with site(trial.folder) as it, serving(it.engine, "127.0.0.1", 0) as url:
            await it.live()
            statuses, wrong = await asyncio.to_thread(_by_document, url, _parts_of(it), each)
    cases, commands = statuses.total(), statuses["200 of a command"]
    wrong += _defects(errors)
    return Measured(
        not wrong and commands > 0,
        f"{cases:,} requests ({commands:,} commands carried out), {len(wrong)} answers that the document does not have or defects",
        {"requests": cases, "statuses": dict(statuses), "wrong": wrong[:5]},
    )  # fmt: skip


def _defects(errors: list[EventDict]) -> list[str]:
    """What a log says of errors that are nobody's but our own."""
    return [f"logged: {each['event']}: {each.get('exc_info')!r}" for each in errors if each.get("exc_info")]


def _parts_of(it: Site) -> dict[str, list[str]]:
    """What parameters of paths stand for: names that exist, each with the commands that change nothing for long."""
    return {
        "system_id": [SYSTEM], "slug": ["MistWebsocket_1", "MistLocations"], "module_id": [*it.engine.hosts],
        "zone_id": [*it.engine.zones], "key": ["maps", "stream_state", it.maps[0]],
        "method": list(COMMANDS),
        "name": [f"map/{it.maps[0]}", "map/../.."],
    }  # fmt: skip


#: The commands that are asked for by name, each with arguments that it takes. The document, which is the same for all
#: commands, says nothing of arguments: by itself it makes hardly any that reach one.
COMMANDS: dict[str, list[list[Any]]] = {
    "maps": [[]], "search": [["alice"], ["\u202e%_", 1]], "locate_user": [["alice@example.com"], [None, "bob"], [""]],
    "explain": [["alice@example.com"], ["00005e005300"], ["nobody"]], "clients": [[], [None]],
    "format_mac": [["0x00-00-5E"], [""]], "get_request": [["/self"], ["//"]], "device_locations": [["zone-b"], ["zone-0", "wireless"]],
    "macs_assigned_to": [["alice"]], "check_ownership_of": [["00005e005300"], ["no mac"]], "ownership_of": [["00:00:5e:00:53:00"]],
    "diagnostics": [[]], "unmapped_maps": [[]],
}  # fmt: skip


def _by_document(url: str, parts: dict[str, list[str]], each: int) -> tuple[Counter[str], list[str]]:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        import requests
        import schemathesis
        from schemathesis.checks import load_all_checks
        from schemathesis.openapi.checks import JsonSchemaError  # noqa: F401 - registers the checks

        load_all_checks()
        session = requests.Session()
        session.trust_env = False
        schema = schemathesis.openapi.from_dict(_without_default(session.get(f"{url}/openapi.json").json()))
        statuses: Counter[str] = Counter()
        wrong = []
        chance = random.Random(1)
        operations = [result.ok() for result in schema.get_all_operations()]
        for operation in sorted(operations, key=lambda each: each.label.endswith("/stop")):  # after that little works

            def one(case: Any) -> None:
                _say_what_there_is(case, parts, chance)
                answer = case.call(base_url=url, session=session)
                of_command = " of a command" if "method" in (case.path_parameters or {}) else ""
                statuses[f"{answer.status_code}{of_command}"] += 1
                # What is wrong is noted, not raised: a case is not the same when it is tried again.
                asked = f"{case.method} {answer.request.path_url} {case.body!r}"[:300]
                if answer.status_code >= 500 and answer.json()["error"] in DEFECTS:
                    wrong.append(f"{asked}: a defect: {answer.content!r}")
                try:
                    case.validate_response(answer, checks=_checks())
                except (Exception, BaseExceptionGroup) as error:
                    wrong.append(f"{asked}: {error}"[:600])

            # Of commands there are many behind one path.
            many = each * len(COMMANDS) if "{method}" in operation.path else each
            failure = _failure_of(one, operation.as_strategy(), many)
            if failure:
                wrong.append(f"{operation.label}: {failure}")
    return statuses, wrong


def _without_default(document: dict[str, Any]) -> dict[str, Any]:
    """The document without what it says of any other answer: then one that it does not name is a finding."""
    for operations in document["paths"].values():
        for operation in operations.values():
            operation["responses"].pop("default", None)
    return document


def _say_what_there_is(case: Any, parts: dict[str, list[str]], chance: random.Random) -> None:
    """Have most requests be about what exists, and many of a command's with arguments that it takes."""
    names = list(case.path_parameters or {})
    if chance.random() < 0.3:
        names = [name for name in names if chance.random() < 0.5]
    for name in names:
        case.path_parameters[name] = chance.choice(parts[name])
    known = COMMANDS.get(case.path_parameters.get("method", "")) if names else None
    if known is not None and chance.random() < 0.7:
        case.body = chance.choice(known)


def _checks() -> list[Any]:
    from schemathesis.specs.openapi import checks

    return [checks.status_code_conformance, checks.content_type_conformance, checks.response_schema_conformance]


def _failure_of(check: Callable[[Any], None], cases: Any, count: int) -> str | None:
    chosen = settings(
        max_examples=count, deadline=None, database=None, phases=[Phase.generate], report_multiple_bugs=False,
        suppress_health_check=list(HealthCheck),
    )  # fmt: skip
    try:
        seed(1)(chosen(given(cases)(check)))()
    except (Exception, BaseExceptionGroup) as error:
        return str(error)[:600]
    return None


async def broken_requests(trial: Trial) -> Measured:
    """Broken requests and broken messages, at an engine with nobody's patience."""
    with errors_logged() as errors:
        requests, messages, right = await _broken(trial)
    defects = requests.defects + messages.defects + _defects(errors)
    return Measured(
        not defects and right,
        f"{requests.cases:,} requests, {messages.cases:,} messages, {len(defects)} defects",
        {"requests": requests.statuses, "messages": messages.statuses, "defects": defects[:5]},
    )  # fmt: skip


async def _broken(trial: Trial) -> tuple[http_cases.Thrown, http_cases.Thrown, bool]:
    """What came of them, and whether everything works as before."""
    async with site(trial.folder) as it, serving(it.engine, "127.0.0.1", 0) as url:
        await it.live()
        host, _, port = url.removeprefix("http://").rpartition(":")
        requests = await http_cases.throw_requests(host, int(port), trial.count(20_000), seed=1)
        messages = await http_cases.throw_messages(url, trial.count(50_000), seed=1)
        alive = await http_cases._status(host, int(port), http_cases.REQUESTS[0].replace(b"HOST", b"127.0.0.1"))
        running = all(module.state.value == "running" for module in it.engine.hosts.values())
        restarts = sum(module.restarts for module in it.engine.hosts.values())
    return requests, messages, alive == "200" and running and restarts == 0


ROWS: list[Row] = [
    Row(
        "fuzz-decoders", "bad input", "What reads others' bytes takes or refuses whatever comes",
        "1,000,000 cases led by coverage (atheris): no crash, nothing stuck", decoders, quick=0.01,
    ),
    Row(
        "fuzz-roster", "bad input", "The roster does what its naive model does", "10,000 random runs without a difference",
        roster, quick=0.05,
    ),
    Row(
        "fuzz-http", "bad input", "The API answers as its own OpenAPI document says", "no other answer, no defect",
        http_by_its_document, quick=0.05,
    ),
    Row(
        "fuzz-sockets", "bad input", "Broken requests and broken messages of the control socket end nothing",
        "20,000 requests and 50,000 messages: no defect, no restart, the next request is answered", broken_requests,
        quick=0.01,
    ),
]  # fmt: skip
