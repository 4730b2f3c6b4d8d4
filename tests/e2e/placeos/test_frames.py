"""The socket as it may be: cut anywhere, glued together, with rubbish in between."""

import json
import struct
from typing import Any

import pytest

from mistlocate.simulator import SimulatedCloud
from support.placeos_core import Core, DriverProcess
from support.placeos_models import Model
from support.placeos_site import (
    LOCATIONS,
    LOCATIONS_DRIVER,
    MIST,
    WEBSOCKET_DRIVER,
    locations_model,
    websocket_model,
)
from support.placeos_wire import packed
from support.waiting import until

pytestmark = pytest.mark.needs("redis-server")


@pytest.fixture
async def process(core: Core) -> DriverProcess:
    return await core.launch(LOCATIONS_DRIVER)


@pytest.fixture
def model(core: Core, cloud: SimulatedCloud) -> Model:
    return locations_model(core, cloud)


def call(number: int, mac: str) -> dict[str, Any]:
    body = json.dumps({"__exec__": "format_mac", "format_mac": [mac]})
    return {"id": LOCATIONS, "cmd": "exec", "seq": number, "payload": body}


def results(process: DriverProcess) -> dict[int, Any]:
    return {frame["seq"]: frame for frame in process.frames if frame["cmd"] == "result"}


async def test_frames_may_be_cut_at_every_byte(process: DriverProcess, model: Model) -> None:
    process.chunk = 1
    await process.start(LOCATIONS, model)
    assert await process.exec(LOCATIONS, "format_mac", "00:00:5E:00:53:Aé") == "00005e0053a"
    await process.update(LOCATIONS, {**model, "settings": {"floorplan_mappings": {}}})
    assert await process.info() == [LOCATIONS]
    assert await process.terminate() == 0


@pytest.mark.parametrize("chunk", [3, 4, 5, 7])
async def test_frames_may_be_cut_where_a_length_is_cut_too(process: DriverProcess, model: Model, chunk: int) -> None:
    process.chunk = chunk
    await process.start(LOCATIONS, model)
    assert await process.exec(LOCATIONS, "format_mac", "00-00-5e-00-53-ab") == "00005e0053ab"


async def test_many_frames_may_come_in_one_write_and_calls_wait_for_the_start_before_them(
    process: DriverProcess, model: Model
) -> None:
    start = {"id": LOCATIONS, "cmd": "start", "payload": json.dumps(model)}
    calls = [call(number, f"00:00:5e:00:53:{number:02x}") for number in range(200)]
    await process.send_bytes(b"".join(map(packed, [start, *calls, {"id": "", "cmd": "info", "seq": 200}])))
    await until(lambda: len(results(process)) == 201)
    answers = results(process)
    assert [answers[number].get("payload") for number in range(200)] == [
        f'"00005e0053{each:02x}"' for each in range(200)
    ]
    assert json.loads(answers[200]["payload"]) == [LOCATIONS]


async def test_a_call_right_after_a_stop_and_a_start_is_answered(process: DriverProcess, model: Model) -> None:
    await process.start(LOCATIONS, model)
    stop, start = {"id": LOCATIONS, "cmd": "stop"}, {"id": LOCATIONS, "cmd": "start", "payload": json.dumps(model)}
    await process.send_bytes(b"".join(map(packed, [stop, call(0, "01"), start, call(1, "02")])))
    await until(lambda: len(results(process)) == 2)
    answers = results(process)
    assert answers[0]["payload"] == "driver not available"
    assert answers[1]["payload"] == '"02"'


async def test_a_call_during_a_new_start_for_a_changed_address_is_answered(core: Core, cloud: SimulatedCloud) -> None:
    process = await core.launch(WEBSOCKET_DRIVER)
    model = websocket_model(core, cloud)
    await process.start(MIST, model)
    await until(lambda: cloud.sessions)
    moved = {**model, "uri": cloud.stream_url + "?"}
    body = json.dumps({"__exec__": "format_mac", "format_mac": ["0A"]})
    update = {"id": MIST, "cmd": "update", "payload": json.dumps(moved)}
    calls = [{"id": MIST, "cmd": "exec", "seq": number, "payload": body} for number in range(5)]
    await process.send_bytes(b"".join(map(packed, [update, *calls])))
    await until(lambda: len(results(process)) == 5)
    assert {frame["payload"] for frame in results(process).values()} == {'"0a"'}


RUBBISH = [
    b"",
    b"{",
    b"[]",
    b"null",
    b'"text"',
    b"\xff\xfe\x00",
    b"{}",
    b'{"id": "x"}',
    b'{"id": "x", "cmd": 7}',
    b'{"id": 7, "cmd": "exec", "seq": "one"}',
    b'{"id": "x", "cmd": "unheard-of"}',
    b'{"id": "x", "cmd": "result", "seq": 99}',
    b'{"id": "x", "cmd": "result"}',
    b'{"id": "mod-locations", "cmd": "update", "payload": "no json"}',
    b'{"id": "mod-locations", "cmd": "update"}',
    b'{"id": "mod-locations", "cmd": "exec"}',
    b'{"cmd": "stop"}',
    b"[" * 100_000,
]


async def test_rubbish_never_stops_the_good_frames(process: DriverProcess, model: Model) -> None:
    await process.start(LOCATIONS, model)
    for number, text in enumerate(RUBBISH):
        await process.send_bytes(struct.pack("<i", len(text)) + text)
        assert await process.exec(LOCATIONS, "format_mac", f"0{number % 10}") == f"0{number % 10}"
    assert process.errors == []
    assert process.junk == []


async def test_a_start_that_says_nothing_is_answered_with_an_error_and_a_better_one_works(
    process: DriverProcess, model: Model
) -> None:
    for payload in ("no json", "[]", '{"settings": []}', '{"settings": {}}'):
        await process.send({"id": LOCATIONS, "cmd": "start", "payload": payload})
    failures = await until(lambda: len(process.frames) == 4 and process.frames)
    assert {(frame["id"], frame["cmd"], frame["code"]) for frame in failures} == {(LOCATIONS, "result", 500)}
    assert all(frame["error"] for frame in failures)
    assert await process.info() == []
    await process.start(LOCATIONS, model)
    assert await process.exec(LOCATIONS, "format_mac", "0A") == "0a"


async def test_a_length_that_cannot_be_one_ends_the_process_and_core_starts_another(
    process: DriverProcess, model: Model, core: Core
) -> None:
    await process.start(LOCATIONS, model)
    await process.send_bytes(struct.pack("<i", -5))
    await process.exit(10)
    again = await core.relaunch(process)
    assert await again.exec(LOCATIONS, "format_mac", "0A") == "0a"


async def test_payloads_may_be_huge_in_both_directions(process: DriverProcess, model: Model) -> None:
    await process.start(LOCATIONS, model)
    digits = "0123456789abcdef" * (512 * 1024)
    assert await process.exec(LOCATIONS, "format_mac", digits.upper()) == digits
    many = {f"map-{number}": {"building": "zone-b", "level": f"zone-{number}"} for number in range(20_000)}
    await process.update(LOCATIONS, {**model, "settings": {"floorplan_mappings": many}})
    assert await process.exec(LOCATIONS, "device_locations", "zone-19999") == []


async def test_members_may_be_null_missing_or_unheard_of(process: DriverProcess, model: Model) -> None:
    bare = {
        "control_system": {**model["control_system"], "email": None, "unheard_of": {}},
        "udp": False, "tls": False, "makebreak": False, "role": 99, "settings": model["settings"],
    }  # fmt: skip
    nulls = dict.fromkeys(["user_id", "seq", "reply", "code", "error", "backtrace"])
    for changed in ({}, {"ip": None, "port": None, "uri": None, "notes": None, "unheard_of": [1]}):
        payload = json.dumps({**bare, **changed})
        process.frames.clear()
        await process.send({"id": LOCATIONS, "cmd": "start", "payload": payload, **nulls, "unheard_of": 1})
        await until(lambda: process.frames == [{"id": LOCATIONS, "cmd": "start"}])
        body = {"__exec__": "locate_user", "locate_user": None}
        answer = await process.exec_body(LOCATIONS, json.dumps(body))
        assert answer["payload"] == "[]"
        await process.send({"id": LOCATIONS, "cmd": "stop", **nulls, "payload": None})


async def test_answers_to_calls_of_ours_are_taken_from_number_0_on(core: Core, cloud: SimulatedCloud) -> None:
    from support.placeos_site import SYSTEM

    websocket, locations = await core.launch(WEBSOCKET_DRIVER), await core.launch(LOCATIONS_DRIVER)
    await core.system(SYSTEM, {"MistWebsocket/1": MIST})
    await websocket.start(MIST, websocket_model(core, cloud))
    await locations.start(LOCATIONS, locations_model(core, cloud))

    def asked() -> list[tuple[int, str, str, str]]:
        execs = [frame for frame in locations.frames if frame["cmd"] == "exec"]
        what = [json.loads(frame["payload"])["__exec__"] for frame in execs]
        return [(each["seq"], each["id"], each["reply"], name) for each, name in zip(execs, what, strict=True)]

    await until(asked)
    assert asked() == [(0, MIST, LOCATIONS, "cloud_time")], "of its own accord"
    for number in (1, 2):
        assert await locations.exec(LOCATIONS, "check_ownership_of", "00005e0053aa") is None
        assert asked()[number:] == [(number, MIST, LOCATIONS, "ownership_of")]
    assert [name for _, _, _, name in asked()].count("cloud_time") == 1, "it was answered, so it is not asked again"
