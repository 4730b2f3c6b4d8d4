"""No room on the disk: it is the system that refuses to write, in a process of the engine's own.

A process has a limit on the size of its files (`RLIMIT_FSIZE`). Beyond it the system ends a write in the middle or
refuses it, as it does on a disk that is full, and only this process is concerned.
"""

import asyncio
import resource
from pathlib import Path
from typing import Any

from reliability.load import LEAST, Cloud, Worker, running
from reliability.rows import Measured, Row, Trial
from reliability.store import GONE, stored
from support.waiting import until

#: Somebody who is there all the time.
RESIDENT = "resident@example.com"

KINDS = ("no file may grow", "nothing may be written")


def _limit(worker: Worker, size: int) -> None:
    """What of its files the engine may write, from now on."""
    _, hard = resource.prlimit(worker.process.pid, resource.RLIMIT_FSIZE)
    resource.prlimit(worker.process.pid, resource.RLIMIT_FSIZE, (size, hard))


async def _add(cloud: Cloud, name: str, map_id: str) -> None:
    await cloud.control("devices", username=name, map_id=map_id, x=5.0, y=5.0)


async def _no_room(kind: str, number: int, cloud: Cloud, worker: Worker, path: Path, seconds: float) -> dict[str, Any]:
    """Let the disk be full for so long, with new people all the time; what was wrong meanwhile and afterwards."""
    wrong: list[str] = []
    map_id = (await cloud.maps())[0]
    before = stored(path)
    _limit(worker, Path(f"{path}-wal").stat().st_size if kind == KINDS[0] else 0)
    end = asyncio.get_running_loop().time() + seconds
    people = 0
    trouble = None
    while asyncio.get_running_loop().time() < end or (not trouble and people < 300):
        people += 1
        await _add(cloud, f"visitor-{number}-{people:04d}@example.com", map_id)
        await asyncio.sleep(0.1)
        found = await worker.ask(f"find {RESIDENT}")
        trouble = found["trouble"] or trouble
        if not found["records"]:
            wrong.append(f"{kind}: nobody answered")
    if not trouble:
        wrong.append(f"{kind}: the problem was not told")
    written = stored(path).keys() - before.keys()
    _limit(worker, resource.RLIM_INFINITY)

    async def caught_up() -> bool:
        now = await worker.ask(f"find {RESIDENT}")
        return now["trouble"] is None and len(now["owners"]) >= people and now["owners"] == stored(path)

    await until(caught_up, 60)
    restarts = (await worker.ask(f"find {RESIDENT}"))["restarts"]
    if restarts or worker.process.returncode is not None:
        wrong.append(f"{kind}: {restarts} crashes, exit code {worker.process.returncode}")
    return {"people": people, "trouble": trouble, "written_meanwhile": len(written), "wrong": wrong[:5]}


async def no_room(trial: Trial) -> Measured:
    """In both ways (the short version: in one), one after the other, with the same engine."""
    figures: dict[str, Any] = {}
    path = trial.folder / "mistlocate.db"
    async with running(trial.folder, *LEAST, store=str(path), publish_interval=0.5) as (cloud, worker):
        await _add(cloud, RESIDENT, (await cloud.maps())[0])

        async def settled() -> bool:
            found = await worker.ask(f"find {RESIDENT}")
            return bool(found["records"]) and found["owners"] == stored(path)

        await until(settled, 60)
        for number, kind in enumerate(KINDS if trial.scale >= 0.05 else KINDS[:1]):
            figures[kind] = await _no_room(kind, number, cloud, worker, path, GONE * trial.scale)
        stopped = await worker.ask("end")
    wrong = [*(text for each in figures.values() for text in each["wrong"]), *stopped["errors"]]
    people = sum(each["people"] for each in figures.values())
    value = f"{', '.join(figures)}: {people:,} owners learned meanwhile and all written afterwards, {len(wrong)} things wrong"
    return Measured(not wrong, value, figures)


ROWS = [
    Row(
        "disk-refuses", "Faults", "the system refuses to write to the disk for 60 s (`RLIMIT_FSIZE`, the engine a process of its own)",
        "answers go on, no crash, shown in `problems`, everything written once there is room", no_room, quick=0.01,
    ),
]  # fmt: skip
