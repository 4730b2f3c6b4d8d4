"""The control socket, as a program written against PlaceOS' own would use it."""

import asyncio
import itertools
import json
from collections.abc import AsyncIterator, Callable
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from typing import Any

import pytest
from websockets.asyncio.client import ClientConnection, connect
from websockets.exceptions import ConnectionClosed, InvalidStatus

from mistlocate.engines.embedded import access, logs
from mistlocate.engines.embedded.api import control
from mistlocate.engines.embedded.config import Loaded
from mistlocate.engines.embedded.engine import Engine
from mistlocate.engines.embedded.server import serving

Running = Callable[..., AbstractAsyncContextManager[Engine]]

PLACE = {"sys": "sys", "mod": "Probe", "index": 1}
USER = "key-of-a-user"
WITH_KEY = {"api_keys": [{"name": "panel", "level": "user", "hash": access.hash_key(USER)}]}


class Socket:
    """One client."""

    def __init__(self, connection: ClientConnection) -> None:
        self.connection = connection
        self._ids = iter(range(1, 10_000))

    async def send(self, cmd: str, name: str = "", **more: Any) -> int:
        message_id = next(self._ids)
        await self.connection.send(json.dumps({"id": message_id, **PLACE, "cmd": cmd, "name": name, **more}))
        return message_id

    async def next(self) -> dict[str, Any]:
        return dict(json.loads(await asyncio.wait_for(self.connection.recv(), 5)))

    async def ask(self, cmd: str, name: str = "", **more: Any) -> dict[str, Any]:
        message_id = await self.send(cmd, name, **more)
        answer = await self.next()
        assert answer["id"] == message_id
        return answer


@asynccontextmanager
async def socket(engine: Engine, query: str = "", headers: dict[str, str] | None = None) -> AsyncIterator[Socket]:
    async with serving(engine, "127.0.0.1", 0) as url:
        address = f"ws{url.removeprefix('http')}/api/engine/v2/systems/control{query}"
        async with connect(address, proxy=None, additional_headers=headers or {}) as connection:
            yield Socket(connection)


class TestBinding:
    async def test_success_then_the_present_value_then_every_change(self, running: Running) -> None:
        async with running() as engine, socket(engine) as it:
            assert (await it.ask("bind", "k"))["type"] == "success"
            for value in (1, [2], None):
                engine.board.set("mod-sys-Probe-1", "k", value)
                note = await it.next()
                assert (note["type"], note["value"], note["meta"]) == ("notify", value, {**PLACE, "name": "k"})

    async def test_a_value_that_is_there_comes_at_once(self, running: Running) -> None:
        async with running() as engine, socket(engine) as it:
            await it.ask("bind", "open")
            assert (await it.next())["value"]["value"] == 1

    async def test_unbinding_ends_it(self, running: Running) -> None:
        async with running() as engine, socket(engine) as it:
            await it.ask("bind", "k")
            await it.ask("unbind", "k")
            engine.board.set("mod-sys-Probe-1", "k", 1)
            assert (await it.ask("exec", "echo", args=["after"]))["value"]["text"] == "after"
            assert (await it.ask("unbind", "never-bound"))["type"] == "success"

    async def test_binding_twice_notifies_once(self, running: Running) -> None:
        async with running() as engine, socket(engine) as it:
            await it.ask("bind", "k")
            await it.ask("bind", "k")
            engine.board.set("mod-sys-Probe-1", "k", 1)
            await it.next()
            assert (await it.ask("exec", "echo", args=["x"]))["type"] == "success"

    async def test_a_module_that_does_not_exist_yet_can_be_bound_to(
        self, running: Running, probes: Callable[..., Loaded]
    ) -> None:
        async with running() as engine, socket(engine) as it:
            await it.ask("bind", "open", index=2)
            await engine.reload(probes({}, {"value": 9}))
            assert (await it.next())["value"]["value"] == 9

    async def test_a_status_is_encoded_once_however_many_follow_it(
        self, running: Running, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        async with running() as engine, serving(engine, "127.0.0.1", 0) as url:
            address = f"ws{url.removeprefix('http')}/api/engine/v2/systems/control"
            followers = [Socket(await connect(address, proxy=None)) for _ in range(10)]
            for each in followers:
                await each.ask("bind", "k")
            encoded = []
            original = control.jsontext.dumps
            monkeypatch.setattr(
                "mistlocate.engines.embedded.status.jsontext.dumps",
                lambda value: encoded.append(value) or original(value),
            )
            engine.board.set("mod-sys-Probe-1", "k", {"marker": 1})
            for each in followers:
                assert (await each.next())["value"] == {"marker": 1}
            assert encoded.count({"marker": 1}) == 1
            for each in followers:
                await each.connection.close()


class TestExecuting:
    async def test_arguments_as_list_or_object(self, running: Running) -> None:
        async with running() as engine, socket(engine) as it:
            assert (await it.ask("exec", "echo", args=["a", 2]))["value"] == {"text": "a", "count": 2, "more": None}
            assert (await it.ask("exec", "echo", args={"text": "a"}))["value"]["text"] == "a"
            assert (await it.ask("exec", "for_support"))["value"] == "support"

    async def test_slow_commands_hold_up_nothing(self, running: Running) -> None:
        async with running() as engine, socket(engine) as it:
            host = engine.find("sys", "Probe_1")
            await host.stop()
            host.life.state = type(host.state).STARTING  # as while it loads: commands wait for it
            slow = await it.send("exec", "echo", args=["slow"])
            await it.connection.send("ping")
            assert await it.connection.recv() == "pong"
            host.start()
            assert (await it.next())["id"] == slow

    @pytest.mark.parametrize(
        ("message", "code"),
        [
            ({"cmd": "exec", "name": "echo", "args": []}, control.REQUEST_FAILED),
            ({"cmd": "exec", "name": "nothing"}, control.REQUEST_FAILED),
            ({"cmd": "exec", "name": "fail", "args": ["defect"]}, control.REQUEST_FAILED),
            ({"cmd": "exec", "name": "echo", "sys": "nowhere"}, control.NO_SYSTEM),
            ({"cmd": "exec", "name": "echo", "mod": "Nothing"}, control.NO_MODULE),
            ({"cmd": "bind", "name": "k", "sys": "nowhere"}, control.NO_SYSTEM),
            ({"cmd": "debug", "mod": "nothing"}, control.NO_MODULE),
            ({"cmd": "explode", "name": "x"}, control.UNKNOWN_COMMAND),
            ({"cmd": "exec", "name": "echo", "surplus": 1}, control.BAD_REQUEST),
            ({"cmd": "exec", "name": "echo", "args": "text"}, control.BAD_REQUEST),
        ],
    )
    async def test_errors_have_the_codes_of_placeos(self, running: Running, message: dict[str, Any], code: int) -> None:
        async with running() as engine, socket(engine) as it:
            await it.connection.send(json.dumps({"id": 7, **PLACE, **message}))
            answer = await it.next()
            assert (answer["type"], answer["id"], answer["error_code"]) == ("error", 7, code)
            assert answer["msg"]

    @pytest.mark.parametrize("text", ["{", "7", "null", "[]", '{"id": "x", "cmd": "bind"}', "\x00"])
    async def test_rubbish_is_answered_and_the_socket_stays(self, running: Running, text: str) -> None:
        async with running() as engine, socket(engine) as it:
            await it.connection.send(text)
            assert (await it.next())["type"] == "error"
            assert (await it.ask("exec", "echo", args=["still"]))["type"] == "success"


class TestAccess:
    async def test_a_key_in_the_header_or_in_the_address(self, running: Running) -> None:
        async with running(**WITH_KEY) as engine:
            async with socket(engine, headers={"X-API-Key": USER}) as it:
                assert (await it.ask("exec", "echo", args=["x"]))["type"] == "success"
            async with socket(engine, f"?api-key={USER}") as it:
                assert (await it.ask("exec", "for_support"))["error_code"] == control.ACCESS_DENIED
                assert (await it.ask("bind", "closed"))["error_code"] == control.ACCESS_DENIED
                assert (await it.ask("debug", mod="mod-sys-Probe-1"))["error_code"] == control.ACCESS_DENIED

    @pytest.mark.parametrize("query", ["", "?api-key=guess"])
    async def test_nobody_gets_in_without_one(self, running: Running, query: str) -> None:
        async with running(**WITH_KEY) as engine:
            with pytest.raises((InvalidStatus, ConnectionClosed)):
                async with socket(engine, query) as it:
                    await it.next()

    async def test_pages_of_other_origins_do_not_either(self, running: Running) -> None:
        async with running() as engine:
            with pytest.raises((InvalidStatus, ConnectionClosed)):
                async with socket(engine, headers={"Origin": "http://evil.test"}) as it:
                    await it.next()


class TestLogs:
    async def test_a_modules_log_can_be_followed_and_left(self, running: Running) -> None:
        logs.configure("error", "text")
        async with running() as engine, socket(engine) as it:
            assert (await it.ask("debug", mod="mod-sys-Probe-1"))["type"] == "success"
            await it.send("exec", "say", args=["something happened", "debug"])
            answers = [await it.next(), await it.next()]
            (line,) = [each for each in answers if each["type"] == "debug"]
            assert (line["mod"], line["level"], line["msg"]) == ("mod-sys-Probe-1", 1, "something happened detail=more")
            await it.ask("ignore", mod="mod-sys-Probe-1")
            assert (await it.ask("exec", "say", args=["again"]))["type"] == "success"


class TestSlowReaders:
    async def test_who_does_not_read_is_dropped_and_nobody_else(
        self, running: Running, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr(control, "WAITING_AT_MOST", 50)
        async with running() as engine, serving(engine, "127.0.0.1", 0) as url:
            address = f"ws{url.removeprefix('http')}/api/engine/v2/systems/control"
            async with connect(address, proxy=None, max_queue=1) as lazy, connect(address, proxy=None) as diligent:
                lazy_one, other = Socket(lazy), Socket(diligent)
                await lazy_one.ask("bind", "k")
                await other.ask("bind", "k")
                lazy.transport.pause_reading()
                following = engine.board._followers[("mod-sys-Probe-1", "k")]
                for number in itertools.count():
                    engine.board.set("mod-sys-Probe-1", "k", "x" * 100_000 + str(number))
                    assert (await other.next())["value"].endswith(str(number))
                    if len(following) == 1:
                        break
                assert number < 500, "bounded by what the network holds and what may wait"
                lazy.transport.resume_reading()
                lazy.transport.abort()
