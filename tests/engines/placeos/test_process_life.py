"""The lives of modules in a driver process, in the order that core says, and the end of the process."""

import json
import struct
from typing import Any

import pytest

from mistlocate.engines.placeos import process as module
from mistlocate.engines.placeos.documents import metadata_document
from support.drivers import Patient, Probe
from support.placeos_engine import CoreSide
from support.placeos_models import WEBSOCKET
from support.placeos_wire import packed
from support.redis_server import RedisServer
from support.waiting import until

pytestmark = pytest.mark.needs("redis-server")


async def test_a_start_is_acknowledged_when_redis_has_the_interface_and_nothing_old(
    core: CoreSide, server: RedisServer
) -> None:
    await server.client().hset("status/mod-1", "old", "1")
    Patient.gate.clear()
    await core.start(notes="Second floor")
    assert core.frames == [{"id": "mod-1", "cmd": "start"}]
    told = json.loads(await server.client().get("interface/mod-1") or "")
    assert told == {**json.loads(json.dumps(metadata_document(Patient))), "notes": "Second floor"}
    assert await server.client().hkeys("status/mod-1") == []
    Patient.gate.set()


async def test_a_second_start_is_acknowledged_and_changes_nothing(core: CoreSide) -> None:
    await core.start()
    await core.exec("echo", "up")
    await core.start(settings={"value": 9})
    assert await core.exec("echo", "up")
    assert Probe.loads == 1


async def test_a_model_that_cannot_be_read_is_a_failure_and_nothing_starts(core: CoreSide) -> None:
    await core.send({"id": "mod-1", "cmd": "start", "payload": "[]"})
    failure = await core.next(id="mod-1", cmd="result")
    assert (failure["code"], failure["error"]) == (500, "MessageError")
    assert await core.info() == []


async def test_a_command_waits_while_the_module_loads_and_others_do_not(core: CoreSide) -> None:
    Patient.gate.clear()
    await core.start()
    await core.send(core.exec_frame("echo", ["a"], seq=100))
    assert await core.info() == ["mod-1"]
    assert core.said(seq=100) == []
    Patient.gate.set()
    answer = await core.next(seq=100)
    assert answer["code"] == 200


async def test_a_command_may_come_together_with_the_start_though_redis_is_away(
    core: CoreSide, server: RedisServer
) -> None:
    await server.kill()
    await core.send(core.start_frame(), core.exec_frame("echo", ["a"], seq=100))
    answer = await core.next(seq=100)
    assert answer["code"] == 200
    await server.start()


async def test_settings_change_in_place_and_a_way_to_the_device_by_a_new_start(
    core: CoreSide, server: RedisServer
) -> None:
    async def opened() -> Any:
        return json.loads(await server.client().hget("status/mod-1", "open") or "null")

    async def is_open(loads: int, value: int) -> None:
        await until(lambda: _same(opened, {"loads": loads, "value": value}))

    await core.start(role=WEBSOCKET, uri="ws://a", settings={"value": 1})
    await is_open(1, 1)
    await core.update(role=WEBSOCKET, uri="ws://a", settings={"value": 2})
    await is_open(1, 2)
    await core.update(role=WEBSOCKET, uri="ws://b", settings={"value": 3})
    await is_open(2, 3)
    assert Patient.unloads == 1
    assert len(core.said(cmd="start")) == 1
    assert await core.exec("echo", "a")


async def _same(get: Any, expected: Any) -> bool:
    return bool(await get() == expected)


async def test_a_command_during_a_new_start_waits_for_it(core: CoreSide) -> None:
    await core.start(role=WEBSOCKET, uri="ws://a")
    await core.exec("echo", "a")
    Patient.exit.clear()
    await core.update(role=WEBSOCKET, uri="ws://b")
    await core.send(core.exec_frame("echo", ["b"], seq=100))
    assert await core.info() == ["mod-1"]
    Patient.exit.set()
    answer = await core.next(seq=100)
    assert answer["code"] == 200
    assert Probe.loads == 2


async def test_updates_that_mean_nothing_are_passed_over(core: CoreSide) -> None:
    await core.update("mod-9", settings={"value": 5})
    await core.start()
    await core.send({"id": "mod-1", "cmd": "update", "payload": "{"}, {"id": "mod-1", "cmd": "update"})
    assert await core.exec("echo", "a")
    assert await core.info() == ["mod-1"]
    assert len(core.said(cmd="start")) == 1


async def test_a_stopped_module_is_gone_and_looks_connected(core: CoreSide, server: RedisServer) -> None:
    await core.start()
    await core.start("mod-2")
    await core.exec("connect", False)
    await core.exec("publish", "kept", 1)
    await core.send({"id": "mod-1", "cmd": "stop"}, {"id": "mod-9", "cmd": "stop"})
    assert (await core.ask("echo", ["a"]))["payload"] == "driver not available"
    assert await core.info() == ["mod-2"]
    await until(lambda: not core.process._ending)
    assert Patient.unloads == 1
    found = await server.client().hgetall("status/mod-1")
    assert (found["connected"], found["kept"]) == ("true", "1")


async def test_a_module_may_be_started_again_while_it_still_stops(core: CoreSide) -> None:
    await core.start()
    await core.exec("echo", "a")
    Patient.exit.clear()
    stop, call = {"id": "mod-1", "cmd": "stop"}, core.exec_frame("echo", ["a"], seq=100)
    await core.send(stop, core.start_frame(settings={"value": 2}), call)
    assert await core.info() == ["mod-1"]
    assert Probe.loads == 1
    assert core.said(seq=100) == []
    Patient.exit.set()
    assert (await core.next(seq=100))["code"] == 200
    await until(lambda: len(core.said(cmd="start")) == 2)
    assert await core.exec("echo", "a")
    assert (Probe.loads, Patient.unloads) == (2, 1)


async def test_stopped_started_and_stopped_again_nothing_is_left_running(core: CoreSide) -> None:
    await core.start()
    await core.exec("echo", "a")
    Patient.exit.clear()
    stop = {"id": "mod-1", "cmd": "stop"}
    await core.send(stop, core.start_frame(), stop)
    assert await core.info() == []
    Patient.exit.set()
    await until(lambda: not core.process._ending)
    await until(lambda: not core.process._serving)
    assert core.process._services.writer._modules == {}
    assert Patient.unloads == Probe.loads


@pytest.mark.parametrize("how", ["terminate", "hang up", "framing", "asked"])
async def test_however_it_ends_modules_unload_and_all_is_well(core: CoreSide, server: RedisServer, how: str) -> None:
    for module_id in ("mod-1", "mod-2"):
        await core.start(module_id)
        await core.exec("publish", "last", 1, module_id=module_id)
    if how == "terminate":
        await core.send({"id": "t", "cmd": "terminate", "payload": "{}"})
    elif how == "hang up":
        core.hang_up()
    elif how == "framing":
        await core.send_bytes(struct.pack("<i", -4) + packed({"id": "", "cmd": "info", "seq": 1}))
    else:
        core.process.stop()
    assert await core.ended() == 0
    assert Patient.unloads == 2
    assert await server.client().hmget("status/mod-2", "last", "connected") == ["1", "true"]


async def test_the_end_comes_in_time_whatever_modules_and_redis_do(
    core: CoreSide, server: RedisServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(module, "END_WITHIN", 0.5)
    await core.start()
    await core.exec("echo", "a")
    Patient.exit.clear()
    server.pause()
    await core.send({"id": "t", "cmd": "terminate"})
    assert await core.ended(3) == 0
    server.resume()


async def test_what_breaks_inside_ends_the_process_with_a_code(core: CoreSide, monkeypatch: pytest.MonkeyPatch) -> None:
    async def broken() -> None:
        raise ZeroDivisionError

    monkeypatch.setattr(core.process._services.writer, "flush", broken)
    await core.send(core.start_frame())
    assert await core.ended() == 1
