"""What stands on the socket and in Redis, member by member: the shapes that PlaceOS reads."""

import json
import subprocess
from typing import Any

import pytest

from mistlocate.simulator import SimulatedCloud
from support.placeos_core import Core, DriverProcess
from support.placeos_site import (
    LOCATIONS,
    LOCATIONS_DRIVER,
    MIST,
    SYSTEM,
    WEBSOCKET_DRIVER,
    locations_model,
    websocket_model,
)
from support.waiting import until

pytestmark = pytest.mark.needs("redis-server")


@pytest.fixture
async def process(core: Core, cloud: SimulatedCloud) -> DriverProcess:
    """A MistLocations that is alone in its system."""
    running = await core.launch(LOCATIONS_DRIVER)
    await running.start(LOCATIONS, locations_model(core, cloud))
    return running


def no_complaints(process: DriverProcess) -> None:
    assert (process.junk, process.unexpected, process.errors) == ([], [], [])


# -- the command line -----------------------------------------------------------------------------


@pytest.mark.parametrize("executable", [WEBSOCKET_DRIVER, LOCATIONS_DRIVER], ids=["websocket", "locations"])
def test_the_documents_are_clean_json_without_a_redis(executable: str) -> None:
    def printed(*options: str) -> Any:
        environment = {"REDIS_URL": "redis://127.0.0.1:1", "PATH": "/usr/bin:/bin"}
        done = subprocess.run([executable, *options], capture_output=True, check=True, env=environment, timeout=20)
        assert done.stderr == b""
        return json.loads(done.stdout)

    defaults, metadata, both = printed("-d"), printed("-m"), printed("-d", "-m")
    assert both == {**defaults, **metadata}
    assert {"descriptive_name", "generic_name", "description", "default_settings", "json_schema"} <= defaults.keys()
    assert isinstance(json.loads(defaults["default_settings"]), dict)
    assert list(metadata) == [
        "interface", "functions", "implements", "requirements", "security", "versions", "json_schema"
    ]  # fmt: skip
    assert set(metadata["security"]) <= {"support", "administrator"}
    for name, arguments in metadata["interface"].items():
        older = metadata["functions"][name]
        assert list(older) == list(arguments)
        for argument, schema in arguments.items():
            assert "title" in schema
            assert ("default" in schema) == (len(older[argument]) == 2)
            assert older[argument][0] == schema["title"]


@pytest.mark.parametrize("executable", [WEBSOCKET_DRIVER, LOCATIONS_DRIVER], ids=["websocket", "locations"])
def test_help_is_an_answer_an_edge_is_refused_and_nothing_at_all_is_nothing(executable: str) -> None:
    def run(*options: str) -> subprocess.CompletedProcess[str]:
        return subprocess.run([executable, *options], capture_output=True, text=True, check=False, timeout=20)

    assert (run("-h").returncode, run().returncode, run().stdout) == (0, 0, "")
    edge = run("-p", "-e", "-s", "/nowhere")
    assert edge.returncode != 0
    assert "not supported" in edge.stderr
    assert run("--unheard-of").returncode != 0


# -- frames ---------------------------------------------------------------------------------------


async def test_a_start_is_acknowledged_once_and_again_if_it_is_asked_for_again(
    core: Core, cloud: SimulatedCloud
) -> None:
    process = await core.launch(LOCATIONS_DRIVER)
    await process.start(LOCATIONS, locations_model(core, cloud))
    assert process.frames == [{"id": LOCATIONS, "cmd": "start"}]
    await process.start(LOCATIONS, locations_model(core, cloud))
    assert process.frames == [{"id": LOCATIONS, "cmd": "start"}] * 2
    assert await process.info() == [LOCATIONS]
    no_complaints(process)


async def test_an_answer_has_the_members_of_its_call_and_its_own(process: DriverProcess) -> None:
    body = json.dumps({"__exec__": "format_mac", "format_mac": ["00:00:5E-00.53AB"]})
    await process.send(
        {"id": LOCATIONS, "cmd": "exec", "seq": 0, "reply": "to_me", "user_id": "user-7", "payload": body}
    )
    answer = await until(lambda: [frame for frame in process.frames if frame["cmd"] == "result"])
    assert answer == [
        {
            "id": LOCATIONS,
            "cmd": "result",
            "seq": 0,
            "reply": "to_me",
            "user_id": "user-7",
            "code": 200,
            "payload": '"00005e0053ab"',
        }
    ]


async def test_what_is_null_in_a_call_is_absent_in_its_answer(process: DriverProcess) -> None:
    answer = await process.exec_raw(LOCATIONS, "locate_user")
    assert answer == {"id": LOCATIONS, "cmd": "result", "seq": answer["seq"], "code": 200, "payload": "[]"}


@pytest.mark.parametrize(
    ("body", "says"),
    [
        ({"__exec__": "no_such_thing", "no_such_thing": []}, "no_such_thing"),
        ({"__exec__": "format_mac", "format_mac": []}, "mac"),
        ({"__exec__": "format_mac", "format_mac": ["00", "01"]}, "argument"),
        ({"__exec__": "format_mac", "format_mac": {"mac": None}}, "mac"),
        ({"__exec__": "format_mac", "format_mac": 7}, "neither"),
        ({"format_mac": []}, "no command"),
    ],
    ids=["unknown", "missing", "too many", "null", "no list", "unnamed"],
)
async def test_a_failure_is_a_text_with_the_name_of_an_error(process: DriverProcess, body: Any, says: str) -> None:
    answer = await process.exec_body(LOCATIONS, json.dumps(body), "user-7")
    assert answer.keys() == {"id", "cmd", "seq", "user_id", "code", "payload", "error", "backtrace"}
    assert (answer["id"], answer["cmd"], answer["user_id"], answer["code"]) == (LOCATIONS, "result", "user-7", 500)
    assert says in answer["payload"]
    assert answer["error"]


async def test_a_module_that_nobody_started_is_not_available(process: DriverProcess) -> None:
    answer = await process.exec_raw("mod-unheard-of", "locate_user")
    assert (answer["code"], answer["error"]) == (500, "Exception")
    assert answer["payload"] == "driver not available"
    assert answer["id"] == "mod-unheard-of"
    for command in ("stop", "update", "debug", "ignore"):
        await process.send({"id": "mod-unheard-of", "cmd": command, "payload": "{}"})
    assert await process.info() == [LOCATIONS]
    no_complaints(process)


async def test_info_lists_the_modules_under_the_same_number(process: DriverProcess) -> None:
    await process.send({"id": "", "cmd": "info", "seq": 0})
    answer = await until(lambda: [frame for frame in process.frames if frame["cmd"] == "result"])
    assert answer == [{"id": "", "cmd": "result", "seq": 0, "code": 200, "payload": f'["{LOCATIONS}"]'}]


async def test_debug_frames_come_between_debug_and_ignore_only(core: Core, cloud: SimulatedCloud) -> None:
    process = await core.launch(WEBSOCKET_DRIVER)
    await process.start(MIST, websocket_model(core, cloud))
    await process.debug(MIST)
    await until(lambda: cloud.sessions)

    async def connected() -> bool:
        return await core.status(MIST, "connected") is True

    await until(connected)
    cloud.abort_all()
    told = await until(lambda: [each for each in process.debug_frames[MIST] if "disconnected" in each[1]])
    assert all(isinstance(severity, int) and 0 <= severity <= 6 for severity, _ in process.debug_frames[MIST])
    assert told[0][0] == 4
    frame = next(frame for frame in process.frames if frame["cmd"] == "debug")
    assert frame.keys() == {"id", "cmd", "payload"}

    await process.ignore(MIST)
    await process.info()
    heard = len(process.debug_frames[MIST])
    await until(lambda: cloud.sessions)
    cloud.abort_all()

    async def noticed() -> bool:
        return bool((await process.exec(MIST, "diagnostics"))["stream"]["connections"] >= 3)

    await until(noticed)
    assert len(process.debug_frames[MIST]) == heard
    no_complaints(process)


# -- Redis ----------------------------------------------------------------------------------------


async def test_what_a_module_was_before_is_cleared_before_its_start_is_acknowledged(
    core: Core, cloud: SimulatedCloud
) -> None:
    await core.redis.execute_command("HSET", f"status/{LOCATIONS}", "left", '"over"', "driver", '"another"')
    await core.redis.execute_command("HSET", f"user_macs/{LOCATIONS}", "00005e005301", "alice")
    await core.redis.execute_command("SET", f"interface/{LOCATIONS}", "{}")
    async with core.following("status/*") as heard:
        process = await core.launch(LOCATIONS_DRIVER)
        model = locations_model(core, cloud, notes="the yard is closed")
        acknowledged_with: list[Any] = []
        await process.start(LOCATIONS, model)
        acknowledged_with.append(await core.redis.execute_command("HGET", f"status/{LOCATIONS}", "left"))
        interface = await core.interface(LOCATIONS)
        await until(lambda: (f"status/{LOCATIONS}/left", "null") in heard)
    assert acknowledged_with == [None]
    assert interface["notes"] == "the yard is closed"
    assert list(interface)[-1] == "notes"

    async def written() -> bool:
        return isinstance(await core.status(LOCATIONS, "driver"), dict)

    await until(written)
    assert await core.redis.execute_command("HGET", f"user_macs/{LOCATIONS}", "00005e005301") == "alice"


async def test_a_status_is_told_when_it_changes_and_only_then(core: Core, cloud: SimulatedCloud) -> None:
    key = f"status/{LOCATIONS}/problems"
    (real,) = (each.id for each in cloud.world.maps_of(cloud.site_id))
    one, other = ({"building": "zone-b", "level": level} for level in ("zone-1", "zone-2"))
    async with core.following(key) as heard:
        process = await core.launch(LOCATIONS_DRIVER)
        model = locations_model(core, cloud)

        async def update(**mappings: Any) -> None:
            await process.update(LOCATIONS, {**model, "settings": {"floorplan_mappings": mappings}})

        await process.start(LOCATIONS, model)
        await until(lambda: heard == [(key, "{}")])
        await update(a=one, b=one)
        shared = '{"levels_with_several_maps":{"zone-1":["a","b"]}}'
        await until(lambda: heard[1:] == [(key, shared)])
        await update(a=one, b=one, c=other)  # another answer to nobody's question: the status is what it was
        await update(**{real: one})
        await until(lambda: heard[2:])
    assert heard == [(key, "{}"), (key, shared), (key, "{}")]
    assert await core.redis.execute_command("HGET", f"status/{LOCATIONS}", "problems") == "{}"


async def test_a_status_that_is_withdrawn_is_deleted_and_told_as_null(core: Core, cloud: SimulatedCloud) -> None:
    process = await core.launch(WEBSOCKET_DRIVER)
    await process.start(MIST, websocket_model(core, cloud))
    added = cloud.stage.add_map("Attic")
    async with core.following(f"status/{MIST}/{added}") as heard:

        async def resynced() -> bool:
            return bool(cloud.sessions and await core.status(MIST, "stream_state") == "live")

        await until(resynced)
        await process.exec(MIST, "sync_clients")
        await until(lambda: [text for _, text in heard] == ["[]"])
        cloud.stage.remove_map(added)
        await process.exec(MIST, "sync_clients")
        await until(lambda: [text for _, text in heard] == ["[]", "null"])
    fields = await core.redis.execute_command("HKEYS", f"status/{MIST}")
    assert added not in fields


async def test_statuses_and_interface_stay_after_a_stop_and_nobody_looks_offline(
    core: Core, cloud: SimulatedCloud
) -> None:
    process = await core.launch(WEBSOCKET_DRIVER)
    await process.start(MIST, websocket_model(core, cloud, {"api_token": "wrong"}))

    async def offline() -> bool:
        return await core.status(MIST, "connected") is False

    await until(offline)
    await process.stop(MIST)
    assert await process.info() == []

    async def online() -> bool:
        return await core.status(MIST, "connected") is True

    await until(online)
    assert (await core.statuses(MIST))["driver"]["name"] == "mistlocate"
    assert (await core.interface(MIST))["interface"]
    assert (await process.exec_raw(MIST, "format_mac", "00"))["payload"] == "driver not available"
    assert SYSTEM not in core.systems
