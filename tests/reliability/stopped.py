"""A machine that sleeps: the engine's process is really stopped, while the cloud goes on."""

import asyncio
import os
import signal
import time
from typing import Any

from reliability.load import CLIENTS, LEAST, MAPS, RATE, Cloud, Worker, divergence, running
from reliability.rows import Measured, Row, Trial

#: Longer than a dead connection may stay unnoticed (seconds).
LONG = 45.0

#: In full: the cloud ends the connection meanwhile, or keeps it, with everything that it sent waiting in it.
FULL = (("cut", LONG), ("kept", 10.0))
SHORT = (("cut", 1.5),)

#: That the connection is lost has to be noticed so soon after waking up (seconds).
NOTICED = 1.0


async def _calls(worker: Worker) -> int:
    return int((await worker.ask("diagnostics"))["rest_budget"]["used"])


async def _sleep(kind: str, seconds: float, cloud: Cloud, worker: Worker) -> dict[str, Any]:
    """Stop the process for so long; what it did afterwards."""
    before = await _calls(worker)
    os.kill(worker.process.pid, signal.SIGSTOP)
    try:
        await asyncio.sleep(seconds)
        if kind == "cut":
            await cloud.control("stream/abort_all")
        woke = time.monotonic()
    finally:
        os.kill(worker.process.pid, signal.SIGCONT)
    states: list[Any] = []
    answers: list[Any] = []
    while "live" not in [state for _, state in states]:
        assert time.monotonic() < woke + 60, "it did not come back"
        await asyncio.sleep(0.2)
        log = await worker.ask("log")
        states = [(at - woke, state) for at, state in log["states"] if at > woke]
        answers = [(at - woke, records, stale) for at, records, stale in log["answers"] if at > woke]
    noticed, back = states[0][0], next(at for at, state in states if state == "live")
    unmarked = [at for at, records, stale in answers if records > stale and at < back]
    compared, differ = await divergence(cloud, worker)
    return {
        "noticed_s": round(noticed, 3), "back_s": round(back, 1), "calls": await _calls(worker) - before,
        "unmarked": sum(at > noticed for at in unmarked), "unmarked_before": sum(at <= noticed for at in unmarked),
        "compared": compared, "differ": differ,
    }  # fmt: skip


async def stopped(trial: Trial) -> Measured:
    """SIGSTOP, and SIGCONT after a while."""
    whole = trial.scale >= 0.1
    size = (CLIENTS, MAPS, RATE) if whole else LEAST
    figures: dict[str, Any] = {}
    async with running(trial.folder, *size) as (cloud, worker):
        normal = await _calls(worker)  # what the first connection took
        for kind, seconds in FULL if whole else SHORT:
            figures[f"{kind}, {seconds:g} s"] = await _sleep(kind, seconds, cloud, worker)
        errors = (await worker.ask("watch"))["errors"]
        ended = await worker.ask("end")
    found = list(figures.values())
    noticed = max(each["noticed_s"] for each in found)
    unmarked, before = sum(each["unmarked"] for each in found), sum(each["unmarked_before"] for each in found)
    compared, differ = sum(each["compared"] for each in found), sum(each["differ"] for each in found)
    calls = max(each["calls"] for each in found)
    wrong = [*errors, *ended["errors"]]
    value = (
        f"stopped {' / '.join(figures)}: noticed {noticed:.2f} s after waking up, {unmarked} answers unmarked from then on "
        f"and {before} before, {differ} of {compared:,} differ, {calls} calls (first connection: {normal})"
    )
    holds = not (unmarked or differ or wrong) and compared > 0 and noticed <= NOTICED and calls <= normal
    return Measured(holds, value, {**figures, "errors": wrong[:5]})


ROWS = [
    Row(
        "stopped", "Faults", f"the engine's process is stopped for {LONG:.0f} s (SIGSTOP) and goes on, with 10,000 clients moving meanwhile",
        f"noticed within {NOTICED:.0f} s, answers from then on marked stale; then everything equals the cloud's truth; "
        "no more calls than for a first connection", stopped, quick=0.01, alone=True,
    ),
]  # fmt: skip
