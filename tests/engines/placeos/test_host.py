"""One module from start to stop: settings, roles, crashes, and what its statuses say of all that."""

import asyncio
import json
from typing import Any, ClassVar

import pytest

from mistlocate.engines.placeos import base_settings, logs
from mistlocate.engines.placeos import host as module
from support.drivers import Patient, Probe, ProbeSettings
from support.placeos_engine import CoreSide, driver_process
from support.placeos_models import DEVICE, LOGIC, SERVICE, SSH, WEBSOCKET
from support.redis_server import RedisServer
from support.servers import raw_server
from support.waiting import until

pytestmark = pytest.mark.needs("redis-server")


async def status(server: RedisServer, key: str) -> Any:
    return json.loads(await server.client().hget("status/mod-1", key) or "null")


async def becomes(server: RedisServer, key: str, expected: Any) -> None:
    """Wait until a status is what is expected."""
    await until(lambda: _is(server, key, expected))


async def _is(server: RedisServer, key: str, expected: Any) -> bool:
    return bool(await status(server, key) == expected)


async def _says(server: RedisServer, key: str, text: str) -> bool:
    return text in (await status(server, key) or "")


@pytest.mark.parametrize("role", [SERVICE, WEBSOCKET, LOGIC])
async def test_a_module_runs_whatever_its_role(core: CoreSide, role: int) -> None:
    await core.start(role=role)
    assert await core.exec("for_support") == "support"


async def test_a_role_that_is_no_way_to_this_device_is_said(core: CoreSide, server: RedisServer) -> None:
    await core.start(role=SSH)
    answer = await core.ask("for_support")
    assert answer["error"] == "ModuleUnavailable"
    assert "0 is no way to this device" in answer["payload"]
    await until(lambda: _says(server, "settings_problem", "no way to this device"))
    await core.update(role=LOGIC)
    await becomes(server, "settings_problem", None)
    assert await core.exec("for_support") == "support"


async def test_a_module_with_invalid_settings_waits_for_better_ones(core: CoreSide, server: RedisServer) -> None:
    await core.start(settings={"value": "many", "secret": "sesame"})
    answer = await core.ask("for_support")
    assert answer["error"] == "ModuleUnavailable"
    await until(lambda: _says(server, "settings_problem", "value"))
    await becomes(server, "connected", False)
    await core.update(settings={"value": 5})
    await becomes(server, "settings_problem", None)
    await becomes(server, "open", {"loads": 1, "value": 5})
    assert "sesame" not in json.dumps(core.frames)


async def test_while_it_runs_the_last_good_settings_stay_in_force(core: CoreSide, server: RedisServer) -> None:
    await core.start(settings={"value": 5})
    await becomes(server, "open", {"loads": 1, "value": 5})
    await core.update(settings={"value": "many"})
    await until(lambda: _says(server, "settings_problem", "value"))
    assert await core.exec("for_support") == "support"
    assert await status(server, "open") == {"loads": 1, "value": 5}
    await core.update(settings={"value": 6})
    await becomes(server, "settings_problem", None)
    await becomes(server, "open", {"loads": 1, "value": 6})


@pytest.mark.parametrize("way", ["a crash", "another address"])
async def test_the_last_good_settings_stay_in_force_over_a_new_start(
    core: CoreSide, server: RedisServer, monkeypatch: pytest.MonkeyPatch, way: str
) -> None:
    monkeypatch.setattr("mistlocate.driver.supervisor.FIRST_RESTART", 0.01)
    await core.start(role=WEBSOCKET, uri="ws://a", settings={"value": 5})
    await becomes(server, "open", {"loads": 1, "value": 5})
    await core.update(role=WEBSOCKET, uri="ws://a" if way == "a crash" else "ws://b", settings={"value": "many"})
    if way == "a crash":
        await core.exec("crash")
    await becomes(server, "open", {"loads": 2, "value": 5})
    await until(lambda: _says(server, "settings_problem", "value"))
    assert await core.exec("for_support") == "support"
    await core.update(role=WEBSOCKET, uri="ws://c", settings={"value": 6})
    await becomes(server, "open", {"loads": 3, "value": 6})
    await becomes(server, "settings_problem", None)


async def test_a_command_right_behind_an_update_runs_with_it(core: CoreSide) -> None:
    await core.start(settings={"value": 1})
    await core.exec("given")
    call = core.exec_frame("given")
    await core.send(core.start_frame(cmd="update", settings={"value": 2}), call)
    assert (await core.next(cmd="result", seq=call["seq"]))["payload"] == "2"


async def test_settings_that_were_not_taken_say_nothing_of_the_way_out(core: CoreSide, server: RedisServer) -> None:
    good, bad = ({"proxy": {"host": f"{name}.example"}, "headers": {"X-Name": name}} for name in ("good", "bad"))
    await core.start(settings=good)
    await core.update(settings={**bad, "value": "many"})
    await until(lambda: _says(server, "settings_problem", "value"))
    await core.exec("connect", True)
    await becomes(server, "proxy_in_use", "good.example")
    running: Any = core.process.hosts["mod-1"].life.module
    assert running.context.links._headers() == {"X-Name": "good"}


class KeeperSettings(ProbeSettings):
    kept: str = "nothing"


class Keeper(Probe):
    """A probe that saves a setting itself."""

    Settings = KeeperSettings
    lasting_settings: ClassVar[frozenset[str]] = frozenset({"kept"})

    async def on_load(self) -> None:
        await super().on_load()
        self.context.status.set("kept", self.settings.kept)


async def test_what_a_module_saved_itself_holds_although_the_rest_was_not_taken(
    server: RedisServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("mistlocate.driver.supervisor.FIRST_RESTART", 0.01)
    Probe.loads = 0
    async with driver_process(server.url, Keeper) as core:
        await core.start(settings={"value": 5, "kept": "one"})
        await becomes(server, "kept", "one")
        for kept, expected in (("two", "two"), (None, "one")):
            await core.update(settings={"value": "many", "kept": kept})
            await until(lambda: _says(server, "settings_problem", "value"))
            await core.exec("crash")
            await becomes(server, "kept", expected)


async def test_settings_that_cannot_be_gone_through_are_said_and_waited_out(
    core: CoreSide, server: RedisServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    def too_deep(_: object) -> dict[str, str]:
        raise RecursionError

    with monkeypatch.context() as patch:
        patch.setattr(base_settings, "_headers", too_deep)
        await core.start(settings={"value": 5})
        await until(lambda: _says(server, "settings_problem", "nested too deeply"))
        await becomes(server, "connected", False)
        assert (await core.ask("for_support"))["error"] == "ModuleUnavailable"
    await core.update(settings={"value": 6})
    await becomes(server, "open", {"loads": 1, "value": 6})
    with monkeypatch.context() as patch:
        patch.setattr(base_settings, "_headers", too_deep)
        await core.update(settings={"value": 7})
        await until(lambda: _says(server, "settings_problem", "nested too deeply"))
    assert await core.exec("for_support") == "support"


async def test_settings_of_zones_and_of_placeos_do_no_harm(core: CoreSide, server: RedisServer) -> None:
    settings = {"value": 5, "someone_elses": {"a": 1}, "proxy": {"host": "p"}, "headers": {"X": "1"}}
    await core.start(settings=settings)
    await becomes(server, "open", {"loads": 1, "value": 5})
    assert await status(server, "settings_problem") is None


async def test_settings_that_are_null_are_not_given(core: CoreSide, server: RedisServer) -> None:
    await core.start(settings={"value": None, "secret": None, "proxy": None, "headers": None})
    await becomes(server, "open", {"loads": 1, "value": 1})
    assert await status(server, "settings_problem") is None


async def test_a_crashed_module_takes_back_what_it_told_and_starts_again(
    core: CoreSide, server: RedisServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("mistlocate.driver.supervisor.FIRST_RESTART", 0.2)
    await core.start()
    await core.exec("publish", "told", 1)
    await core.exec("connect", True)
    await becomes(server, "connected", True)
    Patient.gate.clear()
    await core.exec("crash")
    await becomes(server, "connected", False)
    await becomes(server, "told", None)
    Patient.gate.set()
    await becomes(server, "open", {"loads": 2, "value": 1})
    assert await core.exec("for_support") == "support"


async def test_a_change_of_the_way_to_the_device_clears_what_was_told(core: CoreSide, server: RedisServer) -> None:
    await core.start(role=WEBSOCKET, uri="ws://a")
    await core.exec("publish", "told", 1)
    await becomes(server, "told", 1)
    await core.update(role=WEBSOCKET, uri="ws://b")
    await becomes(server, "told", None)
    await becomes(server, "open", {"loads": 2, "value": 1})


async def test_changed_notes_are_told_without_a_new_start(core: CoreSide, server: RedisServer) -> None:
    async def notes() -> Any:
        return json.loads(await server.client().get("interface/mod-1") or "")["notes"]

    async def are(text: str) -> bool:
        return bool(await notes() == text)

    await core.start(notes="one")
    assert await notes() == "one"
    await core.update(notes="two")
    await until(lambda: are("two"))
    assert Probe.loads == 1


async def test_the_proxy_in_use_is_told_while_connected_and_taken_back_with_new_settings(
    core: CoreSide, server: RedisServer
) -> None:
    proxy = {"host": "proxy.example", "port": 3128, "auth": {"username": "user", "password": "sesame"}}
    await core.start(settings={"proxy": proxy})
    for connected, expected in ((True, "proxy.example"), (False, None), (True, "proxy.example")):
        await core.exec("connect", connected)
        await becomes(server, "connected", connected)
        await becomes(server, "proxy_in_use", expected)
    await core.update(settings={"proxy": {"host": ""}})
    await becomes(server, "proxy_in_use", None)


async def test_a_proxy_that_is_no_address_harms_nothing(core: CoreSide, server: RedisServer) -> None:
    await core.start(settings={"proxy": "http://[proxy"})
    await core.exec("connect", True)
    await becomes(server, "connected", True)


async def test_the_level_of_the_log_is_the_settings_as_long_as_the_module_lives(core: CoreSide) -> None:
    await core.start(settings={"persistent_log_level": "debug"})
    assert logs._levels["mod-1"] == logs.LEVELS["debug"]
    await core.update(settings={"persistent_log_level": 4})
    await until(lambda: logs._levels["mod-1"] == logs.LEVELS["warn"])
    await core.send({"id": "mod-1", "cmd": "stop"})
    await until(lambda: "mod-1" not in logs._levels)


async def test_with_role_one_a_driver_without_a_device_keeps_a_connection_open_and_reconnects(
    core: CoreSide, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(module, "FIRST_PAUSE", 0.01)
    connections: list[asyncio.StreamWriter] = []
    ended = asyncio.Event()

    async def talk(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        connections.append(writer)
        writer.write(b"hello")
        if len(connections) > 1:
            assert await reader.read() == b""
            ended.set()

    async with raw_server(talk) as port:
        await core.start(role=DEVICE, ip="127.0.0.1", port=port)
        await until(lambda: len(connections) == 2)
        assert await core.exec("for_support") == "support"
        await core.send({"id": "mod-1", "cmd": "stop"})
        await asyncio.wait_for(ended.wait(), 5)
    assert len(connections) == 2


async def test_with_role_one_and_nobody_there_the_module_runs_all_the_same(core: CoreSide) -> None:
    await core.start(role=DEVICE)
    assert await core.exec("for_support") == "support"
