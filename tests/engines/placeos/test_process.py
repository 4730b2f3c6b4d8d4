"""A driver process against core's end of its socket: messages and commands."""

import json
import logging
import struct
from collections.abc import Iterator
from typing import Any

import pytest
import structlog
from structlog.testing import capture_logs

from mistlocate.driver.supervisor import ModuleState
from mistlocate.engines.placeos import logs
from mistlocate.engines.placeos import process as module
from mistlocate.engines.placeos.documents import metadata_document
from support.drivers import Probe
from support.placeos_engine import CoreSide
from support.placeos_models import control_system
from support.redis_server import RedisServer
from support.waiting import until

pytestmark = pytest.mark.needs("redis-server")


async def test_commands_take_arguments_by_position_by_name_or_none(core: CoreSide) -> None:
    await core.start()
    assert await core.exec("echo", "a", 2) == {"text": "a", "count": 2, "more": None}
    named = await core.ask("echo", {"more": [1], "text": "a", "unheard_of": 5})
    assert json.loads(named["payload"]) == {"text": "a", "count": 1, "more": [1]}
    for args in (None, [], {}, "", 5, [1], {"unheard_of": 5}):
        assert json.loads((await core.ask("for_support", args))["payload"]) == "support"


async def test_an_answer_is_addressed_as_the_call_was(core: CoreSide) -> None:
    await core.start()
    answer = await core.ask("for_support", seq=0, reply="to_me", user_id="user-1")
    assert answer == {
        "id": "mod-1", "cmd": "result", "seq": 0, "reply": "to_me", "user_id": "user-1", "code": 200,
        "payload": '"support"',
    }  # fmt: skip


@pytest.mark.parametrize(
    ("name", "args", "error", "text"),
    [
        ("echo", ["a", 1, None, 4], "BadArguments", "echo takes 3 arguments, 4 were given"),
        ("echo", [], "BadArguments", "echo: text: is missing"),
        ("echo", [5], "BadArguments", "text"),
        ("echo", "a", "BadArguments", "neither a list nor an object"),
        ("ecko", [], "UnknownCommand", "did you mean 'echo'"),
        ("on_load", [], "UnknownCommand", "no command 'on_load'"),
        ("fail", ["known"], "NotFound", "no such thing (look elsewhere)"),
        ("fail", ["defect"], "CommandFailed", "fail failed: KeyError"),
    ],
)
async def test_a_failure_names_its_kind_and_says_why(
    core: CoreSide, name: str, args: list[Any], error: str, text: str
) -> None:
    await core.start()
    answer = await core.ask(name, args, user_id="user-1")
    assert (answer["code"], answer["error"], answer["user_id"]) == (500, error, "user-1")
    assert text in answer["payload"]
    assert "secret" not in answer["payload"]


async def test_what_is_no_call_is_a_failure(core: CoreSide) -> None:
    await core.start()
    assert (await core.ask("echo", payload="{"))["error"] == "BadArguments"


async def test_an_answer_that_is_no_json_is_null(core: CoreSide) -> None:
    await core.start()
    assert (await core.ask("odd"))["payload"] == "null"


async def test_an_unknown_module_is_not_available(core: CoreSide) -> None:
    answer = await core.ask("echo", ["a"], module_id="mod-9")
    assert (answer["code"], answer["error"], answer["payload"]) == (500, "Exception", "driver not available")


async def test_messages_that_cannot_be_read_are_left_out_and_the_next_one_counts(core: CoreSide) -> None:
    await core.start()
    for text in (b"", b"{", b"[]", b"\xff", b'{"id":5,"cmd":"stop"}', b'{"id":"mod-1"}', b'{"id":"","cmd":"sys"}'):
        await core.send_bytes(struct.pack("<i", len(text)) + text)
    await core.send({"id": "mod-1", "cmd": "result", "seq": 77}, {"id": "mod-1", "cmd": "result"})
    assert await core.info() == ["mod-1"]


@pytest.mark.parametrize("settings", [{"headers": {"a": "@"}}, {"proxy": {"host": "@"}}, {"https_verify": "@"}])
async def test_settings_nested_as_deep_as_json_may_be_harm_no_other_module(
    core: CoreSide, settings: dict[str, Any]
) -> None:
    await core.start("mod-1")
    frame = core.start_frame("mod-2", settings=settings)
    deep = frame["payload"].replace('"@"', "[" * 1000 + "]" * 1000)
    with capture_logs():  # tracebacks with all of that in them
        await core.send({**frame, "payload": deep}, {**frame, "cmd": "update", "payload": deep})
        await core.next(id="mod-2", cmd="start")
        assert await core.exec("for_support") == "support"
        await core.update("mod-2")
        await until(lambda: core.process.hosts["mod-2"].life.state is ModuleState.RUNNING)


@pytest.mark.parametrize("where", ["__init__", "start"])
async def test_what_goes_wrong_in_a_start_stays_with_that_module(
    core: CoreSide, monkeypatch: pytest.MonkeyPatch, where: str
) -> None:
    def broken(*_: object) -> None:
        raise ZeroDivisionError

    await core.start("mod-1")
    with monkeypatch.context() as patch, capture_logs() as entries:
        patch.setattr(module.ModuleHost, where, broken)
        await core.start("mod-2")
    assert [each["module"] for each in entries if each["log_level"] == "error"] == ["mod-2"]
    assert (await core.ask("for_support", module_id="mod-2"))["error"] in ("Exception", "ModuleUnavailable")
    assert await core.exec("for_support") == "support"


async def test_a_setting_is_saved_as_plain_utf_8(core: CoreSide) -> None:
    await core.start()
    call = core.exec_frame("save", ["name", {"ü€😀": [1, None]}])
    await core.send(call)
    frame = await core.next(cmd="setting")
    assert frame == {"id": "mod-1", "cmd": "setting", "payload": '["name",{"ü€😀":[1,null]}]'}
    await core.update(settings={"value": 2})
    assert await core.info() == ["mod-1"]
    assert core.said(cmd="result", seq=call["seq"]) == [], "it came with another change"
    await core.update(settings={"name": {"ü€😀": [1, None]}})
    assert (await core.next(cmd="result", seq=call["seq"])).get("error") is None


@pytest.fixture
def as_before() -> Iterator[None]:
    """The logging of the test's process is as before afterwards."""
    root = logging.getLogger()
    handlers, level = root.handlers[:], root.level
    yield
    root.handlers[:], root.level = handlers, level
    structlog.reset_defaults()


@pytest.mark.usefixtures("as_before")
async def test_the_log_of_a_module_is_sent_while_core_wants_it(core: CoreSide) -> None:
    logs.configure()
    await core.start()
    await core.start("mod-2")
    await core.exec("say", "before")
    await core.send({"id": "mod-1", "cmd": "debug"}, {"id": "mod-1", "cmd": "debug"})
    await core.exec("say", "token=abcdefghijklmnop", "warning")
    structlog.get_logger().bind(module="mod-1").debug("half \ud800")
    await core.exec("say", "not asked for", module_id="mod-2")
    await core.send({"id": "mod-1", "cmd": "ignore"}, {"id": "mod-1", "cmd": "ignore"})
    await core.exec("say", "after")
    told = [(frame["id"], json.loads(frame["payload"])) for frame in core.said(cmd="debug")]
    assert told == [("mod-1", [4, "token=*** detail=more"]), ("mod-1", [1, "half ?"])]


class TestCalls:
    """Calls of a module to another one."""

    @pytest.fixture(autouse=True)
    async def system(self, core: CoreSide, server: RedisServer) -> None:
        await server.client().hset("system/sys", "Probe/2", "mod-2")
        await server.client().set("interface/mod-2", json.dumps(metadata_document(Probe)))
        await core.start(system=control_system("sys"))

    async def test_they_go_through_core_in_the_name_of_whoever_asked(self, core: CoreSide) -> None:
        core.answers["mod-2"] = {"payload": '{"a":1}'}
        first = await core.ask("ask", ["Probe_2", "echo", ["x"]], user_id="user-1")
        assert json.loads(first["payload"]) == {"a": 1}
        await core.ask("ask", ["Probe_2", "for_support", []])
        sent = core.said(cmd="exec")
        body = '{"__exec__":"echo","echo":{"text":"x","count":1,"more":null}}'
        assert sent[0] == {
            "id": "mod-2", "cmd": "exec", "seq": 0, "reply": "mod-1", "user_id": "user-1", "payload": body,
        }  # fmt: skip
        assert (sent[1]["seq"], sent[1].get("user_id")) == (1, None)

    async def test_their_failures_are_those_of_the_caller(self, core: CoreSide) -> None:
        core.answers["mod-2"] = {"payload": "no such thing", "error": "NotFound", "code": 500}
        answer = await core.ask("ask", ["Probe_2", "echo", ["x"]])
        assert (answer["error"], answer["payload"]) == ("NotFound", "no such thing")

    async def test_an_answer_that_does_not_come_is_waited_for_only_so_long(
        self, core: CoreSide, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr(module, "ANSWER_WITHIN", 0.05)
        answer = await core.ask("ask", ["Probe_2", "echo", ["x"]])
        assert (answer["error"], answer["payload"]) == ("ModuleUnavailable", "Probe_2.echo: no answer in time")
        await core.send({"id": "mod-2", "cmd": "result", "seq": 0, "payload": "1"})  # too late
        assert await core.info() == ["mod-1"]
        assert core.process._waiting == {}
