"""The control socket, as a program written against PlaceOS' own would use it."""

import asyncio
import itertools
import json
import logging
from collections.abc import AsyncIterator, Callable
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from typing import Any

import pytest
from websockets.asyncio.client import ClientConnection, connect
from websockets.exceptions import ConnectionClosed, InvalidStatus

from mistlocate import __version__
from mistlocate.engines.embedded import access, logs
from mistlocate.engines.embedded.api import control
from mistlocate.engines.embedded.config import Loaded
from mistlocate.engines.embedded.engine import Engine
from mistlocate.engines.embedded.server import serving
from mistlocate.errors import NotFound
from support.drivers import Probe
from support.waiting import until

Running = Callable[..., AbstractAsyncContextManager[Engine]]

PLACE = {"sys": "sys", "mod": "Probe", "index": 1}
USER = "key-of-a-user"


def keys(key: str = USER, **levels: str) -> dict[str, Any]:
    """Settings with one key: its name and level."""
    return {"api_keys": [{"name": n, "level": level, "hash": access.hash_key(key)} for n, level in levels.items()]}


WITH_KEY = keys(panel="user")


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

    @pytest.mark.parametrize("name", ["\ud800", "x\udfffx", "\udfff\ud800"])
    async def test_half_a_character_is_read_as_none(self, running: Running, name: str) -> None:
        async with running() as engine, socket(engine) as it:
            await it.send("bind", name)
            answer = await it.next()
            assert (answer["type"], "\ufffd" in answer["meta"]["name"]) == ("success", True)
            assert (await it.ask("exec", "echo", args=["still"]))["type"] == "success"

    @pytest.mark.parametrize("wrong", [{"id": 2**63}, {"id": True}, {"id": 1e300}, {"index": 2**31}, {"index": 0}])
    async def test_numbers_have_their_bounds(self, running: Running, wrong: dict[str, Any]) -> None:
        async with running() as engine, socket(engine) as it:
            await it.connection.send(json.dumps({"id": 7, **PLACE, "cmd": "bind", "name": "k", **wrong}))
            answer = await it.next()
            assert (answer["type"], type(answer["id"])) == (("success" if wrong == {"id": True} else "error"), int)

    async def test_bytes_are_read_as_text(self, running: Running) -> None:
        async with running() as engine, socket(engine) as it:
            message = {"id": 7, **PLACE, "cmd": "exec", "name": "echo", "args": ["ü"]}
            await it.connection.send(json.dumps(message, ensure_ascii=False).encode())
            assert (await it.next())["value"]["text"] == "ü"
            await it.connection.send(b"ping")
            assert await it.connection.recv() == "pong"
            for rubbish in (b"", b"\x00\xff", b"{"):
                await it.connection.send(rubbish)
                assert (await it.next())["error_code"] == control.PARSE_ERROR

    async def test_what_json_cannot_carry_is_said_so(self, running: Running, monkeypatch: pytest.MonkeyPatch) -> None:
        async def echo(_: Probe, text: str, count: int = 1, more: Any = None) -> Any:
            if more:
                raise NotFound("nothing like \ud800")
            return "\ud800"

        monkeypatch.setattr(Probe, "echo", echo)
        async with running() as engine, socket(engine) as it:
            for args in (["x"], ["x", 1, True]):
                answer = await it.ask("exec", "echo", args=args)
                assert (answer["error_code"], answer["meta"]["name"]) == (control.UNEXPECTED, "echo")
            await it.ask("bind", "k")
            engine.board.set("mod-sys-Probe-1", "k", "\ud800")
            assert (await it.next())["error_code"] == control.UNEXPECTED
            engine.board.set("mod-sys-Probe-1", "k", "whole")
            assert (await it.next())["value"] == "whole"

    async def test_a_defect_of_the_session_ends_it_with_a_reason(
        self, running: Running, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        async with running() as engine, socket(engine) as it:
            monkeypatch.setattr(control, "parse", None)
            await it.connection.send("{}")
            with pytest.raises(ConnectionClosed) as closed:
                await it.next()
            assert closed.value.rcvd is not None
            assert closed.value.rcvd.code == control.DEFECT


class TestAccess:
    async def test_a_key_in_the_header_or_in_the_address(self, running: Running) -> None:
        async with running(**WITH_KEY) as engine:
            async with socket(engine, headers={"X-API-Key": USER}) as it:
                assert (await it.ask("exec", "echo", args=["x"]))["type"] == "success"
            async with socket(engine, f"?api-key={USER}") as it:
                assert (await it.ask("exec", "for_support"))["error_code"] == control.ACCESS_DENIED
                assert (await it.ask("bind", "closed"))["error_code"] == control.ACCESS_DENIED
                assert (await it.ask("debug", mod="mod-sys-Probe-1"))["error_code"] == control.ACCESS_DENIED

    async def test_a_key_in_the_first_message(self, running: Running) -> None:
        async with running(**WITH_KEY) as engine, socket(engine) as it:
            await it.connection.send(json.dumps({"api_key": USER}))
            who = {"name": "panel", "level": "user", "keys": True, "version": __version__}
            assert await it.next() == {"id": 0, "type": "success", "value": who}
            assert (await it.ask("exec", "echo", args=["x"]))["type"] == "success"
            assert (await it.ask("exec", "for_support"))["error_code"] == control.ACCESS_DENIED

    @pytest.mark.parametrize(
        "message",
        [
            '{"api_key": "guess"}', '{"api_key": ""}', '{"api_key": null}', '{"api_key": ["a"]}', "{}", "[]", "ping",
            "{", b'{"api_key": "key-of-a-user"}', '{"id": 1, "sys": "sys", "mod": "Probe", "cmd": "bind", "name": "open"}',
            '{"api_key": "key-of-a-user", "cmd": "bind"}', '{"api_key": "\\ud800"}',
        ],
    )  # fmt: skip
    async def test_nothing_but_a_key_is_taken_from_who_has_shown_none(
        self, running: Running, message: str | bytes
    ) -> None:
        async with running(**WITH_KEY) as engine, socket(engine) as it:
            await it.connection.send(message)
            with pytest.raises(ConnectionClosed) as closed:
                await it.next()
            assert closed.value.rcvd is not None
            assert closed.value.rcvd.code == control.POLICY
            assert "API key" in closed.value.rcvd.reason

    async def test_who_signed_in_is_asked_again_when_the_rules_change(
        self, running: Running, probes: Callable[..., Loaded]
    ) -> None:
        async with running(**WITH_KEY) as engine, socket(engine) as it:
            await it.connection.send(json.dumps({"api_key": USER}))
            await it.next()
            await engine.reload(probes(**keys(panel="support")))
            assert (await it.ask("exec", "for_support"))["type"] == "success"
            await engine.reload(probes(**keys(key="another", panel="support")))
            await it.send("exec", "for_support")
            await TestChangedAccess.assert_closed(it)

    async def test_without_keys_there_is_nothing_to_sign_in_to(self, running: Running) -> None:
        async with running() as engine, socket(engine) as it:
            await it.connection.send(json.dumps({"api_key": USER}))
            answer = await it.next()
            assert (answer["type"], USER in str(answer)) == ("error", False)
            assert (await it.ask("exec", "echo", args=["x"]))["type"] == "success"

    async def test_who_leaves_before_signing_in_leaves_nothing(
        self, running: Running, caplog: pytest.LogCaptureFixture
    ) -> None:
        async with running(**WITH_KEY) as engine, serving(engine, "127.0.0.1", 0) as url:
            address = f"ws{url.removeprefix('http')}/api/engine/v2/systems/control"
            for _ in range(2):
                connection = await connect(address, proxy=None)
                connection.transport.abort()
        assert not [each for each in caplog.records if each.levelno >= logging.WARNING]

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


class TestChangedAccess:
    """The rules of access change while a socket is open."""

    @staticmethod
    async def assert_closed(it: Socket) -> None:
        with pytest.raises(ConnectionClosed) as closed:
            await it.next()
        assert closed.value.rcvd is not None
        assert closed.value.rcvd.code == control.POLICY

    @pytest.mark.parametrize("key", [USER, None])
    async def test_whoever_is_not_known_any_more_runs_nothing(
        self, running: Running, probes: Callable[..., Loaded], key: str | None
    ) -> None:
        before = {} if key is None else keys(panel="administrator")
        headers = {} if key is None else {"X-API-Key": key}
        async with running(**before) as engine, socket(engine, headers=headers) as it:
            assert (await it.ask("exec", "publish", args=["k", "mine"]))["type"] == "success"
            await engine.reload(probes(**keys(key="another", other="administrator")))
            await it.send("exec", "publish", args=["k", "not mine"])
            await self.assert_closed(it)
            assert engine.board.get("mod-sys-Probe-1", "k").value == "mine"  # type: ignore[union-attr]

    async def test_nor_hears_anything(self, running: Running, probes: Callable[..., Loaded]) -> None:
        logs.configure("error", "text")
        async with running(**keys(panel="support")) as engine, serving(engine, "127.0.0.1", 0) as url:
            address = f"ws{url.removeprefix('http')}/api/engine/v2/systems/control?api-key={USER}"
            async with connect(address, proxy=None) as one, connect(address, proxy=None) as two:
                bound, debugging = Socket(one), Socket(two)
                await bound.ask("bind", "k")
                await debugging.ask("debug", mod="mod-sys-Probe-1")
                await engine.reload(probes(**keys(key="another", panel="support")))
                engine.board.set("mod-sys-Probe-1", "k", "secret")
                await self.assert_closed(bound)
                await engine.find("sys", "Probe_1").execute("say", ["secret"])
                await self.assert_closed(debugging)

    async def test_a_lower_level_counts_at_once(self, running: Running, probes: Callable[..., Loaded]) -> None:
        logs.configure("error", "text")
        async with running(**keys(panel="administrator")) as engine, socket(engine, f"?api-key={USER}") as it:
            assert (await it.ask("exec", "for_administrators"))["type"] == "success"
            await it.ask("debug", mod="mod-sys-Probe-1")
            await it.ask("bind", "closed")
            assert (await it.next())["value"] == "secret"
            await engine.reload(probes(**keys(panel="user")))
            assert (await it.ask("exec", "for_administrators"))["error_code"] == control.ACCESS_DENIED
            engine.board.set("mod-sys-Probe-1", "closed", "another secret")
            assert (await it.ask("exec", "say", args=["something"]))["type"] == "success"
            assert (await it.ask("exec", "echo", args=["x"]))["type"] == "success"

    async def test_whoever_came_through_a_proxy_does_not_pass_for_this_machine_without_keys(
        self, running: Running, probes: Callable[..., Loaded]
    ) -> None:
        headers = {"X-API-Key": USER, "X-Forwarded-For": "10.0.0.9"}
        async with running(**WITH_KEY) as engine, socket(engine, headers=headers) as it:
            await engine.reload(probes())
            await it.send("exec", "for_administrators")
            await self.assert_closed(it)


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

    async def test_so_is_who_lets_long_messages_wait(self, running: Running, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr(control, "LENGTH_AT_MOST", 1_000_000)
        async with running() as engine, socket(engine) as it:
            await it.ask("bind", "k")
            engine.board.set("mod-sys-Probe-1", "k", "x" * 900_000)
            assert len((await it.next())["value"]) == 900_000
            engine.board.set("mod-sys-Probe-1", "k", "y" * 1_048_000)
            engine.board.set("mod-sys-Probe-1", "k", None)
            assert (await it.next())["value"][0] == "y", "one that is too long alone, with nothing else waiting"
            with pytest.raises(ConnectionClosed) as closed:
                await it.next()
            assert closed.value.rcvd is not None
            assert closed.value.rcvd.code == control.TOO_SLOW


class TestTooMuch:
    async def test_a_client_that_sends_too_much_is_read_no_faster_than_it_may_ask(self, running: Running) -> None:
        async with running(rate_limit=1) as engine, socket(engine) as it:
            began = engine.clock.monotonic()
            for _ in range(15):
                await it.send("exec", "echo", args=["x"])
            for _ in range(15):
                assert (await it.next())["type"] == "success"
            assert engine.clock.monotonic() - began >= 4

    async def test_so_many_commands_run_side_by_side(self, running: Running, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr(control, "RUNNING_AT_MOST", 3)
        release, most, now = asyncio.Event(), 0, 0

        async def slow(*_: object) -> str:
            nonlocal most, now
            now += 1
            most = max(most, now)
            await release.wait()
            now -= 1
            return "late"

        async with running() as engine, socket(engine) as it:
            monkeypatch.setattr(engine.hosts["mod-sys-Probe-1"], "execute", slow)
            for _ in range(20):
                await it.send("exec", "echo", args=["x"])
            await until(lambda: now == 3)
            release.set()
            for _ in range(20):
                assert (await it.next())["value"] == "late"
        assert most == 3

    async def test_so_many_statuses_may_be_followed(self, running: Running, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr(control, "BOUND_AT_MOST", 2)
        async with running() as engine, socket(engine) as it:
            for name in ("a", "b", "a"):
                assert (await it.ask("bind", name))["type"] == "success"
            refused = await it.ask("bind", "c")
            assert (refused["type"], refused["msg"]) == ("error", "a socket follows at most 2 statuses; unbind some")
            await it.ask("unbind", "a")
            assert (await it.ask("bind", "c"))["type"] == "success"

    async def test_guesses_at_keys_are_slowed_here_too(
        self, running: Running, stopped: Callable[[Engine], None]
    ) -> None:
        async with running(**WITH_KEY) as engine, serving(engine, "127.0.0.1", 0) as url:
            stopped(engine)
            address = f"ws{url.removeprefix('http')}/api/engine/v2/systems/control"
            for number in range(11):
                async with connect(address, proxy=None) as connection:
                    await connection.send(json.dumps({"api_key": f"guess-{number}"}))
                    with pytest.raises(ConnectionClosed) as closed:
                        await connection.recv()
            assert closed.value.rcvd is not None
            assert "too many keys" in closed.value.rcvd.reason
