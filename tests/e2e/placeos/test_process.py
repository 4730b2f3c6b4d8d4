"""The process itself: how it begins and ends, what it prints, what it keeps to itself."""

import asyncio
import json
import os
import signal
import struct
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import pytest

from mistlocate.simulator import SimulatedCloud
from support.placeos_core import Core
from support.placeos_models import control_system
from support.placeos_site import (
    LOCATIONS,
    LOCATIONS_DRIVER,
    MIST,
    SYSTEM,
    WEBSOCKET_DRIVER,
    locations_model,
    placeos_site,
    websocket_model,
)
from support.placeos_wire import Splitter, packed, understood
from support.redis_server import RedisServer
from support.waiting import until

pytestmark = pytest.mark.needs("redis-server")


@pytest.fixture
async def core(redis: RedisServer) -> AsyncIterator[Core]:
    async with Core(redis.url) as running:
        running.systems[SYSTEM] = control_system(SYSTEM)
        yield running


# -- the ends -------------------------------------------------------------------------------------


@pytest.mark.parametrize("how", ["terminate", "SIGTERM", "SIGINT", "hang up"])
async def test_every_way_to_end_is_quick_quiet_and_tells_the_cloud(core: Core, cloud: SimulatedCloud, how: str) -> None:
    process = await core.launch(WEBSOCKET_DRIVER)
    await process.start(MIST, websocket_model(core, cloud))
    await until(lambda: cloud.sessions)
    if how == "terminate":
        await process.send({"id": "t", "cmd": "terminate", "payload": "{}"})
    elif how == "hang up":
        process.hang_up()
    else:
        process.signal(getattr(signal, how))
    assert await process.exit(5) == 0
    await until(lambda: not cloud.sessions)
    await process.close()
    assert (process.lines, process.errors, process.junk) == ([], [], [])


async def test_a_signal_that_comes_before_anything_else_ends_it_too(core: Core) -> None:
    process = await core.launch(LOCATIONS_DRIVER)
    process.signal(signal.SIGTERM)
    assert await process.exit(5) in (0, -signal.SIGTERM)  # before the handler is there it is the system's
    assert process.errors == []


async def test_a_socket_that_is_not_there_is_told_and_no_crash(tmp_path: Path) -> None:
    process = await asyncio.create_subprocess_exec(
        LOCATIONS_DRIVER,
        "-p",
        "-s",
        str(tmp_path / "none"),
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.PIPE,
    )
    out, err = await process.communicate()
    assert process.returncode == 1
    assert err == b""
    assert json.loads(out)["message"].startswith("cannot connect to core")


# -- standard input and error ---------------------------------------------------------------------


class Standard:
    """A driver process on its standard streams."""

    def __init__(self, process: asyncio.subprocess.Process) -> None:
        self.process = process
        self._splitter = Splitter()

    @property
    def to(self) -> asyncio.StreamWriter:
        assert self.process.stdin is not None
        return self.process.stdin

    async def frames(self, wanted: int) -> list[dict[str, Any]]:
        """The next frames on standard error."""
        assert self.process.stderr is not None
        found: list[dict[str, Any]] = []
        while len(found) < wanted:
            data = await asyncio.wait_for(self.process.stderr.read(4096), 10)
            assert data, "standard error was closed"
            for text in self._splitter.feed(data):
                frame = understood(text)
                assert frame is not None
                found.append(frame)
        assert self._splitter.junk == []
        return found


@asynccontextmanager
async def standard(redis: RedisServer) -> AsyncIterator[Standard]:
    pipe = asyncio.subprocess.PIPE
    environment = {**os.environ, "REDIS_URL": redis.url}
    process = await asyncio.create_subprocess_exec(
        LOCATIONS_DRIVER, "-p", stdin=pipe, stdout=pipe, stderr=pipe, env=environment
    )
    try:
        assert process.stderr is not None
        assert await asyncio.wait_for(process.stderr.readexactly(1), 10) == b"r"
        yield Standard(process)
    finally:
        if process.returncode is None:
            process.kill()
        await process.communicate()


@pytest.mark.parametrize("how", ["terminate", "SIGTERM", "SIGINT", "end of input"])
async def test_without_a_socket_the_standard_streams_serve(
    redis: RedisServer, core: Core, cloud: SimulatedCloud, how: str
) -> None:
    async with standard(redis) as driver:
        model = {**locations_model(core, cloud), "settings": {"persistent_log_level": "debug"}}
        body = json.dumps({"__exec__": "format_mac", "format_mac": ["0A"]})
        for frame in (
            {"id": LOCATIONS, "cmd": "start", "payload": json.dumps(model)},
            {"id": LOCATIONS, "cmd": "exec", "seq": 0, "payload": body},
            {
                "id": LOCATIONS,
                "cmd": "update",
                "payload": json.dumps({**model, "settings": {"max_location_age": "old"}}),
            },
            {"id": "", "cmd": "info", "seq": 1},
        ):
            driver.to.write(packed(frame))
        driver.to.write(struct.pack("<i", 1) + b"{")  # an entry for the log
        frames = await driver.frames(3)
        assert {frame["cmd"] for frame in frames} == {"start", "result"}
        if how == "terminate":
            driver.to.write(packed({"id": "t", "cmd": "terminate"}))
        elif how == "end of input":
            driver.to.close()
        else:
            driver.process.send_signal(getattr(signal, how))
        out = await asyncio.wait_for(driver.process.stdout.read(), 5)  # type: ignore[union-attr]
        assert await asyncio.wait_for(driver.process.wait(), 5) == 0
        assert await driver.process.stderr.read() == b""  # type: ignore[union-attr]
        entries = [json.loads(line) for line in out.splitlines()]
        assert any("cannot be read" in entry["message"] for entry in entries)


# -- the log --------------------------------------------------------------------------------------


async def test_the_level_of_the_log_is_a_setting_of_each_module(core: Core, cloud: SimulatedCloud) -> None:
    process = await core.launch(WEBSOCKET_DRIVER)
    levels = {"mod-quiet": None, "mod-info": "info", "mod-number": 2, "mod-warn": "Warn"}
    for module_id, level in levels.items():
        await process.start(module_id, websocket_model(core, cloud, {"persistent_log_level": level}))
    await until(lambda: len(cloud.sessions) == len(levels))

    async def connected() -> bool:
        return all([await core.status(module_id, "connected") for module_id in levels])

    await until(connected)
    cloud.abort_all()

    def of(module_id: str) -> list[dict[str, Any]]:
        return [entry for entry in process.logs if entry["source"] == module_id]

    for loud in ("mod-info", "mod-number", "mod-warn"):
        await until(lambda loud=loud: any(entry["level"] == "WARN" for entry in of(loud)))  # type: ignore[misc]
    assert of("mod-quiet") == []
    assert {entry["level"] for entry in of("mod-warn")} == {"WARN"}
    assert "INFO" in {entry["level"] for entry in of("mod-number")}
    for entry in process.logs:
        assert list(entry)[:4] == ["level", "time", "source", "message"]
    assert len(process.logs) == len(process.lines)

    quiet = websocket_model(core, cloud, {"persistent_log_level": "info"})
    await process.update("mod-quiet", quiet)
    await process.exec("mod-quiet", "format_mac", "00")
    await until(lambda: len(cloud.sessions) == len(levels))
    cloud.abort_all()
    await until(lambda: of("mod-quiet"))


async def test_a_signal_has_everything_logged_and_another_reports(core: Core, cloud: SimulatedCloud) -> None:
    process = await core.launch(WEBSOCKET_DRIVER)
    await process.start(MIST, websocket_model(core, cloud))
    process.signal(signal.SIGUSR2)
    report = await until(lambda: next((each for each in process.logs if each.get("message") == "report"), None))
    assert report["modules"].keys() == {MIST}
    assert report["redis"] == "ok"
    assert not any(each.get("message") == "stream state" for each in process.logs), "that is no error"
    process.signal(signal.SIGUSR1)
    assert await process.info() == [MIST]
    cloud.abort_all()
    await until(lambda: any(each.get("message") == "stream state" for each in process.logs))


async def test_settings_that_cannot_be_used_are_an_error_in_the_log(core: Core, cloud: SimulatedCloud) -> None:
    process = await core.launch(LOCATIONS_DRIVER)
    model = locations_model(core, cloud)
    await process.start(LOCATIONS, model)
    await process.update(LOCATIONS, {**model, "settings": {"max_location_age": "old"}})
    await until(lambda: [entry for entry in process.logs if entry["level"] == "ERROR"])
    assert "max_location_age" in process.output


async def test_no_token_no_mac_and_no_name_of_a_person_is_in_any_line_of_the_log(tmp_path: Path) -> None:
    level = {"persistent_log_level": "info"}
    async with placeos_site(tmp_path, websocket=level, locations=level) as site:
        await site.complete()
        await site.websocket.debug(MIST)
        await site.locations.debug(LOCATIONS)
        truths = site.cloud.world.truths()
        for truth in truths:
            for email in {str(truth.owner), str(truth.username)}:
                await site.ask("locate_user", email)
                await site.mist("evidence", email)
            await site.ask("check_ownership_of", truth.mac)
            await site.ask("explain", truth.mac)
            await site.mist("client", truth.mac) if truth.mac in site.present else None
        await site.mist("mac_address_mappings", "zoe@example.com", ["00005e0053aa"])
        for body in (
            {"__exec__": "client", "client": ["00005e0053ff"]},
            {"__exec__": "client", "client": ["alice@example.com"]},
            {"__exec__": "mac_address_mappings", "mac_address_mappings": ["zoe", ["00005e0053aa", "no mac"]]},
            {"__exec__": "mac_address_mappings", "mac_address_mappings": {"username": "zoe", "macs": "00005e0053aa"}},
        ):
            await site.websocket.exec_body(MIST, json.dumps(body))
        # Records and frames that cannot be read, a cloud that answers nonsense, a connection that breaks.
        (session,) = site.cloud.sessions
        channel = f"/sites/{site.cloud.site_id}/stats/clients"
        broken = {"mac": "00005e005300", "username": "alice@example.com", "x": "far", "last_seen": "alice"}
        site.cloud.send_raw(json.dumps({"event": "data", "channel": channel, "data": json.dumps(broken)}))
        site.cloud.send_raw("alice@example.com is no frame")
        site.cloud.faults.rest("/stats/", malformed=True, times=3)
        await site.websocket.exec_raw(MIST, "sync_clients")
        site.cloud.faults.clear()
        site.cloud.abort_all()
        await until(lambda: site.cloud.sessions and session not in site.cloud.sessions)
        await site.complete()
        site.cloud.revoke(site.cloud.token)
        site.cloud.abort_all()

        async def refused() -> bool:
            return bool(await site.status("stream_state") == "auth_failed")

        await until(refused, 20)
        assert await site.websocket.terminate() == 0
        assert await site.locations.terminate() == 0
        for process in (site.websocket, site.locations):
            await process.close()

    secrets = {site.cloud.token, "zoe", "00005e0053aa", "00005e0053ff"}
    for truth in truths:
        names = {str(name).lower() for name in (truth.owner, truth.username) if name}
        secrets |= {truth.mac, *names, *(name.partition("@")[0].rpartition("\\")[2] for name in names)}
    for process in (site.websocket, site.locations):
        assert process.errors == []
        assert len(process.logs) == len(process.lines)
        debugged = [text for frames in process.debug_frames.values() for severity, text in frames if severity >= 2]
        for line in [*process.lines, *debugged]:
            for secret in secrets:
                assert secret not in line.lower(), line
    assert any(entry["level"] == "WARN" for entry in site.websocket.logs), "nothing was logged: this shows nothing"


# -- time -----------------------------------------------------------------------------------------


async def test_it_is_ready_before_anything_that_takes_time(redis: RedisServer, cloud: SimulatedCloud) -> None:
    await redis.kill()
    core = Core(redis.url)
    core.systems[SYSTEM] = control_system(SYSTEM)
    loop = asyncio.get_running_loop()
    for executable, module_id, model in (
        (WEBSOCKET_DRIVER, MIST, websocket_model(core, cloud)),
        (LOCATIONS_DRIVER, LOCATIONS, locations_model(core, cloud)),
    ):
        process = await core.launch(executable)
        try:
            begun = loop.time()
            await process.start(module_id, model)
            name = Path(executable).name
            ready, acknowledged = process.ready_after, loop.time() - begun
            print(f"\n{name}: ready after {ready:.2f} s, start acknowledged {acknowledged:.2f} s later")  # noqa: T201
            assert process.ready_byte == b"r"
            assert ready < 5, "a harness of PlaceOS waits no longer"
        finally:
            await process.close()
