"""An engine in a process of its own that watches itself while it works: loop, memory, tasks.

`python -m reliability.engine_worker SETTINGS` runs the engine of a settings file. It reads commands from its standard
input, one a line, and answers each with a line of JSON: `clients` (`roster`: every client, MAC → map, x, y; `lists`: MAC →
the maps whose published lists have it), `returns` (the
seconds of each reconnect since the last time), `watch` (what was measured since the last time), `find NAME` (the records
of somebody, what is wrong with the store, who owns what, crashes), `log` (answers and states, with their times), `end`.
"""

import asyncio
import gc
import json
import logging
import os
import sys
import time
from collections import deque
from pathlib import Path
from typing import Any

import structlog

from mistlocate.engines.embedded.config import load_file
from mistlocate.engines.embedded.engine import Engine
from mistlocate.engines.embedded.host import SystemModule

#: How often the loop is asked how late it is (seconds).
TICK = 0.01


def memory() -> float:
    """The resident memory of this process (MB)."""
    return int(Path("/proc/self/statm").read_text().split()[1]) * os.sysconf("SC_PAGE_SIZE") / 1e6


class Watch:
    """How late the loop is, how large the process, what went wrong unseen; and how long reconnects take."""

    def __init__(self, engine: Engine) -> None:
        self.errors: list[str] = []
        self.returns: list[float] = []
        self.unmarked = 0
        """Answers that were given without a connection, and did not say that they are stale."""
        self._engine = engine
        self._system = next(iter(engine.systems))
        self._lags: list[float] = []
        self._memory: list[float] = []
        self._gone: float | None = None
        self.answers: deque[tuple[float, int, int]] = deque(maxlen=4_000)
        """Of each answer: when (monotonic time), how many records, how many of them marked stale."""
        self.states: deque[tuple[float, str | None]] = deque(maxlen=4_000)
        """Each state of the stream, and since when."""
        asyncio.get_running_loop().set_exception_handler(lambda _, context: self.errors.append(str(context["message"])))
        engine.follow(self._system, "MistWebsocket_1", "stream_state", lambda news: self._state(news.value))

    def _state(self, state: str | None) -> None:
        self.states.append((time.monotonic(), state))
        if state == "connecting" and self._gone is None:
            self._gone = time.perf_counter()
        elif state == "live" and self._gone is not None:
            self.returns.append(time.perf_counter() - self._gone)
            self._gone = None

    async def run(self) -> None:
        """Measure for ever."""
        looked = 0.0
        while True:
            began = time.perf_counter()
            await asyncio.sleep(TICK)
            now = time.perf_counter()
            self._lags.append(now - began - TICK)
            if now - looked > 1.0:
                looked = now
                self._memory.append(memory())

    async def ask(self) -> None:
        """Ask where people are on one level after the other, for ever."""
        zones = [zone.id for zone in self._engine.loaded.config.zones if zone.parent == "zone-b"]
        while True:
            for zone in zones:
                away = self._gone is not None
                records = await SystemModule(self._engine, self._system, "MistLocations_1").call(
                    "device_locations", zone
                )
                stale = sum(record["stale"] for record in records)
                self.answers.append((time.monotonic(), len(records), stale))
                if away and self._gone is not None:
                    self.unmarked += sum(not record["stale"] for record in records)
                await asyncio.sleep(0.25)

    async def find(self, name: str) -> dict[str, Any]:
        """Where somebody is, and how the store is doing; `owners` is MAC → name as memory has it."""
        records = await SystemModule(self._engine, self._system, "MistLocations_1").call("locate_user", name)
        host = self._engine.find(self._system, "MistWebsocket_1")
        problems = self._engine.board.get(host.spec.id, "problems")
        owners = host.life.module._driver._site.tracker.owners  # type: ignore[union-attr]
        macs = [mac for _, macs in owners.people() for mac in macs]
        return {
            "records": records, "trouble": None if problems is None else problems.value.get("store"),
            "owners": {mac: owned.identity.name for mac in macs if (owned := owners.owner_of(mac)) is not None},
            "restarts": sum(each.restarts for each in self._engine.hosts.values()),
        }  # fmt: skip

    def lists(self) -> dict[str, list[str]]:
        """Of each MAC, the maps whose published list has it (once for each time)."""
        found: dict[str, list[str]] = {}
        module = self._engine.find(self._system, "MistWebsocket_1").spec.id
        for key, status in self._engine.board.all(module).items():
            if key.count("-") == 4:  # else it is no map's
                for record in status.value or ():
                    found.setdefault(record["mac"], []).append(key)
        return found

    def report(self) -> dict[str, Any]:
        """Everything since the last report."""
        lags, self._lags = self._lags, []
        sizes, self._memory = self._memory, []
        return {
            "lags_ms": [round(each * 1000, 1) for each in lags], "memory_mb": sizes, "errors": self.errors, "tasks": len(asyncio.all_tasks()), "unmarked": self.unmarked,
        }  # fmt: skip


async def run(settings: Path) -> None:
    """Serve until told to end."""
    loop = asyncio.get_running_loop()
    lines = asyncio.StreamReader()
    await loop.connect_read_pipe(lambda: asyncio.StreamReaderProtocol(lines), sys.stdin)
    async with Engine(load_file(settings)) as engine:
        watch = Watch(engine)
        others = [asyncio.create_task(watch.run()), asyncio.create_task(watch.ask())]
        websocket = SystemModule(engine, next(iter(engine.systems)), "MistWebsocket_1")
        while (command := (await lines.readline()).strip().decode()) not in ("", "end"):
            match command:
                case "clients":
                    answer: Any = {"roster": _places(await websocket.call("clients")), "lists": watch.lists()}
                case "returns":
                    answer, watch.returns = watch.returns, []
                case "diagnostics":
                    answer = await websocket.call("diagnostics")
                case "log":
                    answer = {"answers": list(watch.answers), "states": list(watch.states)}
                case _ if command.startswith("find "):
                    answer = await watch.find(command.removeprefix("find "))
                case _:
                    answer = watch.report()
            _say(await asyncio.to_thread(json.dumps, answer))
        for task in others:
            task.cancel()
        began = time.perf_counter()
    await asyncio.sleep(0)
    left = [task.get_name() for task in asyncio.all_tasks() if task not in (asyncio.current_task(), *others)]
    gc.collect()
    _say(json.dumps({"stopped_in": time.perf_counter() - began, "left": left, "errors": watch.errors}))


def _places(clients: list[dict[str, Any]]) -> dict[str, list[Any]]:
    return {each["mac"]: [each.get("map_id"), each.get("x"), each.get("y")] for each in clients}


def _say(text: str) -> None:
    sys.stdout.write(text + "\n")
    sys.stdout.flush()


if __name__ == "__main__":
    structlog.configure(wrapper_class=structlog.make_filtering_bound_logger(logging.CRITICAL))
    asyncio.run(run(Path(sys.argv[1])))
