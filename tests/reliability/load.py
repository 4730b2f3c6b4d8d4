"""Many people: a long day, a line that breaks with ten thousand on it, and the end."""

import asyncio
import json
import math
import statistics
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any, NamedTuple

import httpx
import yaml

from reliability.rows import Measured, Row, Trial

CLIENTS, MAPS, RATE = 10_000, 20, 2_500

#: Who was not heard of for longer may be forgotten (seconds).
LATELY = 1_500.0

#: … and has to be, who was not heard of for longer than this: half an hour, and a look at who that is once a minute.
FORGOTTEN = 1_900.0

#: Who differs is looked at so many times again, after longer than lists of maps wait to be published (seconds).
LOOKS, BETWEEN_LOOKS = 2, 4.0

#: A break from which nobody has come back for so long counts as one for ever (seconds).
RETURNS_WITHIN = 60.0

#: What the small version has of each.
LEAST = (200, 4, 100)

_HERE = Path(__file__).parents[1]


class Cloud:
    """A simulated cloud in a process of its own."""

    def __init__(self, told: dict[str, str], http: httpx.AsyncClient) -> None:
        self.told = told
        self._http = http

    async def truth(self) -> "Campus":
        """What was last reported of everybody on the main site."""
        answer = await self._http.get(f"{self.told['url']}/simulator/truth")
        return campus([each for each in answer.json() if each["site_id"] == self.told["site_id"] and each["last_seen"]])

    async def maps(self) -> list[str]:
        headers = {"Authorization": f"Token {self.told['api_token']}"}
        answer = await self._http.get(f"{self.told['url']}/api/v1/sites/{self.told['site_id']}/maps", headers=headers)
        return [each["id"] for each in answer.json()]

    async def control(self, action: str, **arguments: Any) -> Any:
        answer = await self._http.post(f"{self.told['url']}/simulator/{action}", json=arguments)
        answer.raise_for_status()
        return answer.json().get("result")


class Campus(NamedTuple):
    """Who was where: `places` of those who were on a map lately (MAC → map, x, y), and all who may be known still."""

    places: dict[str, list[Any]]
    known: frozenset[str]


def campus(truths: list[dict[str, Any]]) -> Campus:
    """The same from the words of the simulator."""
    newest = max(each["last_seen"] for each in truths)
    places = {
        each["mac"]: [each["reported_map_id"], each["reported_x"], each["reported_y"]]
        for each in truths
        if each["reported_map_id"] and each["last_seen"] > newest - LATELY
    }
    return Campus(places, frozenset(each["mac"] for each in truths if each["last_seen"] > newest - FORGOTTEN))


class Worker:
    """An engine in a process of its own."""

    def __init__(self, process: asyncio.subprocess.Process) -> None:
        self.process = process

    async def ask(self, command: str) -> Any:
        assert self.process.stdin is not None
        assert self.process.stdout is not None
        self.process.stdin.write(f"{command}\n".encode())
        return json.loads(await self.process.stdout.readline())

    async def complete(self, least: int, within: float = 120.0) -> None:
        """Wait until so many clients are on maps."""
        end = asyncio.get_running_loop().time() + within
        while sum(place[0] is not None for place in (await self.ask("clients"))["roster"].values()) < least:
            assert asyncio.get_running_loop().time() < end, "the clients did not come"
            await asyncio.sleep(0.5)


@asynccontextmanager
async def running(
    folder: Path, clients: int, maps: int, rate: int, *, store: str | None = None, **websocket: Any
) -> AsyncIterator[tuple[Cloud, Worker]]:
    """A cloud and an engine, each a process, with everybody on the roster. `store` is where the engine's file is."""
    simulator = await asyncio.create_subprocess_exec(
        sys.executable, "-m", "mistlocate", "simulate", "--port", "0", "--clients", str(clients), "--maps", str(maps),
        "--rate", str(rate), "--json", stdout=asyncio.subprocess.PIPE, limit=1 << 20,
    )  # fmt: skip
    try:
        assert simulator.stdout is not None
        told = json.loads(await simulator.stdout.readline())
        async with httpx.AsyncClient(timeout=60, trust_env=False) as http:
            cloud = Cloud(told, http)
            path = folder / "settings.yaml"
            elsewhere = {} if store is None else {"store": store}
            path.write_text(yaml.safe_dump({**_settings(told, await cloud.maps(), websocket), **elsewhere}))
            process = await asyncio.create_subprocess_exec(
                sys.executable, "-m", "reliability.engine_worker", str(path), cwd=_HERE, limit=1 << 26,
                stdin=asyncio.subprocess.PIPE, stdout=asyncio.subprocess.PIPE,
            )  # fmt: skip
            try:
                worker = Worker(process)
                await worker.complete(len((await cloud.truth()).places) * 9 // 10)
                yield cloud, worker
            finally:
                if process.returncode is None:
                    process.kill()
                await process.wait()
    finally:
        if simulator.returncode is None:
            simulator.kill()
        await simulator.wait()


def _settings(told: dict[str, str], maps: list[str], more: dict[str, Any]) -> dict[str, Any]:
    zones = [{"id": "zone-b", "name": "Building"}]
    zones += [{"id": f"zone-{number}", "name": f"Level {number}", "parent": "zone-b"} for number, _ in enumerate(maps)]
    mappings = {map_id: {"building": "zone-b", "level": f"zone-{number}"} for number, map_id in enumerate(maps)}
    token = {"api_token": told["api_token"], "site_id": told["site_id"], "rest_host": told["url"], "proxy": "", **more}
    modules = [
        {"driver": "MistWebsocket", "settings": token},
        {"driver": "MistLocations", "settings": {"floorplan_mappings": mappings}},
    ]
    return {"listen": "127.0.0.1:0", "zones": zones, "systems": [{"id": "sys-1", "modules": modules}]}


async def divergence(cloud: Cloud, worker: Worker) -> tuple[int, int]:
    """How many clients were compared, and how many differ: of those of whom nothing was reported meanwhile, their
    place; of all that the roster or a map's list has, whether they are anybody, and on one list only.

    Whoever differs is looked at again a little later: what was on its way is no difference.
    """
    compared, differ = await _look(cloud, worker, 0.3)
    for _ in range(LOOKS):
        if differ:
            await asyncio.sleep(BETWEEN_LOOKS)
            differ &= (await _look(cloud, worker, 0.3))[1]
    return compared, len(differ)


async def _look(cloud: Cloud, worker: Worker, pause: float) -> tuple[int, set[str]]:
    before = await cloud.truth()
    await asyncio.sleep(pause)
    found = await worker.ask("clients")
    return compared_with(before, await cloud.truth(), found["roster"], found["lists"])


def compared_with(
    before: Campus, after: Campus, roster: dict[str, list[Any]], lists: dict[str, list[str]]
) -> tuple[int, set[str]]:
    """How many were compared, and who differs, between what was so before and what was so after one look."""
    still = [mac for mac, place in before.places.items() if after.places.get(mac) == place]
    differ = {mac for mac in still if not _same(roster.get(mac), before.places[mac])}
    # Lists are written a moment later than the roster: they are held against the map, which changes rarely.
    stayed = [mac for mac, place in before.places.items() if after.places.get(mac, [None])[0] == place[0]]
    differ |= {mac for mac in stayed if lists.get(mac) != [before.places[mac][0]]}
    told = roster.keys() | lists.keys()
    differ |= told - before.known - after.known
    differ |= {mac for mac, maps in lists.items() if len(maps) > 1}
    return len(told | {*still, *stayed}), differ


def _same(found: list[Any] | None, truth: list[Any]) -> bool:
    if found is None or found[0] != truth[0]:
        return False
    return all(a is not None and abs(a - b) < 0.01 for a, b in zip(found[1:], truth[1:], strict=True))


def _size(trial: Trial) -> tuple[int, int, int]:
    """At a tenth of the scale and above it is the whole campus, for a shorter time."""
    return (CLIENTS, MAPS, RATE) if trial.scale >= 0.05 else LEAST


async def soak(trial: Trial) -> Measured:
    """A day's work in twenty minutes."""
    clients, maps, rate = _size(trial)
    seconds = max(4.0, 1200 * trial.scale)
    compared = differ = 0
    reports: list[dict[str, Any]] = []
    async with running(trial.folder, clients, maps, rate) as (cloud, worker):
        await asyncio.sleep(min(30.0, seconds / 4))
        await worker.ask("watch")
        end = asyncio.get_running_loop().time() + seconds
        while asyncio.get_running_loop().time() < end:
            await asyncio.sleep(min(30.0, seconds / 4))
            reports.append(await worker.ask("watch"))  # before the comparison, which is no part of the load
            same, other = await divergence(cloud, worker)
            compared, differ = compared + same, differ + other
            await worker.ask("watch")
        diagnostics = await worker.ask("diagnostics")
        stopped = await worker.ask("end")
    errors = [*reports[-1]["errors"], *stopped["errors"]]
    lags = sorted(lag for each in reports for lag in each["lags_ms"])
    lag = lags[int(len(lags) * 0.99)]
    drift = _drift([size for each in reports for size in each["memory_mb"]])
    frames = diagnostics["stream"]["frames"]
    # How fast it is says something of the whole campus only, and how it grows of a long run only.
    quick = lag < 20 or clients < CLIENTS
    steady = abs(drift) < 2 or trial.scale < 0.5
    holds = not differ and not errors and compared > 0 and quick and steady and stopped["stopped_in"] <= 5
    value = (
        f"{clients:,} clients, {seconds / 60:.1f} min, {frames:,} frames: {differ} of {compared:,} differ, "
        f"memory {drift:+.2f} %, loop lag p99 {lag:.1f} ms, {len(errors)} task errors"
    )
    figures = {
        "lag_p50_ms": statistics.median(lags), "lag_p999_ms": lags[int(len(lags) * 0.999)], "lag_max_ms": lags[-1],
        "memory_mb": [reports[0]["memory_mb"][0], reports[-1]["memory_mb"][-1]], "tasks": sorted({each["tasks"] for each in reports}),
        "records": diagnostics["records"], "errors": errors[:5], "stopped_in": stopped["stopped_in"],
    }  # fmt: skip
    return Measured(holds, value, figures)


def _drift(sizes: list[float]) -> float:
    """How much larger the last sixth is than that after the first third, in per cent (medians)."""
    third, sixth = len(sizes) // 3, max(1, len(sizes) // 6)
    first, last = sizes[third : third + sixth], sizes[-sixth:]
    return 100 * (statistics.median(last) / statistics.median(first) - 1)


async def resync(trial: Trial) -> Measured:
    """The stream breaks with everybody on it; answers meanwhile are marked, and everybody is back soon."""
    clients, maps, _ = _size(trial)
    returns: list[float] = []
    compared = differ = 0
    times = trial.count(40, 3)
    async with running(trial.folder, clients, maps, 100, rest_budget=100_000) as (cloud, worker):
        for _ in range(times):
            await cloud.control("stream/abort_all")
            returns += await _returned(worker)
            same, other = await divergence(cloud, worker)
            compared, differ = compared + same, differ + other
        unmarked = (await worker.ask("watch"))["unmarked"]
    returns.sort()
    p95 = returns[min(len(returns) - 1, int(len(returns) * 0.95))]
    value = (
        f"{len(returns)} resyncs of {clients:,} clients after {times} breaks: p50 {statistics.median(returns):.1f} s, "
        f"p95 {p95:.1f} s; {differ} of {compared:,} differ; {unmarked} answers without their mark"
    )
    back = len(returns) == times and returns[-1] < math.inf  # each time, and once
    holds = back and not differ and not unmarked and (clients < CLIENTS or p95 <= 5)
    return Measured(holds, value, {"longest_s": round(returns[-1], 2)})


async def _returned(worker: Worker) -> list[float]:
    """How long the return from a break took (seconds); for ever, if there was none within a minute."""
    end = asyncio.get_running_loop().time() + RETURNS_WITHIN
    while asyncio.get_running_loop().time() < end:
        await asyncio.sleep(0.05)
        if found := await worker.ask("returns"):
            return [float(each) for each in found]
    return [math.inf]


async def stop(trial: Trial) -> Measured:
    """The engine is told to end in the middle of everything: live, resyncing, with a cloud that does not answer."""
    clients, maps, rate = _size(trial)
    longest = 0.0
    wrong: list[str] = []
    times = trial.count(12, 3)
    for number in range(times):
        async with running(trial.folder, min(clients, 2_000), maps, min(rate, 500)) as (cloud, worker):
            match number % 3:
                case 1:
                    await cloud.control("stream/abort_all")
                case 2:
                    await cloud.control("faults/mute")
                    await cloud.control("stream/close_all")
                    await asyncio.sleep(0.5)
            stopped = await worker.ask("end")
            longest = max(longest, stopped["stopped_in"])
            wrong += [*stopped["left"], *stopped["errors"]]
            if await worker.process.wait():
                wrong.append(f"exit code {worker.process.returncode}")
    value = f"stopped {times} times, within {longest:.2f} s; {len(wrong)} things left over"
    return Measured(longest <= 5 and not wrong, value, {"left": wrong[:5]})


ROWS = [
    Row(
        "resync", "Faults", "reconnect and resync of 10,000 clients on 20 maps",
        "p95 ≤ 5 s, answers meanwhile marked stale, then everything equals the cloud's truth", resync, quick=0.02, alone=True,
    ),
    Row(
        "soak", "Faults", "10,000 clients on 20 maps with 2,500 updates a second, for 20 minutes (SCALE=3: an hour)",
        "no divergence, memory drift < 2 %, loop lag p99 < 20 ms, no task error", soak, quick=0.002, alone=True,
    ),
    Row(
        "stop", "Faults", "a graceful stop in the middle of everything",
        "≤ 5 s, nothing pending", stop, quick=0.01, alone=True,
    ),
]  # fmt: skip
