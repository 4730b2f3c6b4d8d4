"""Another module of the system: looked up in a real Redis, called through core, which the test is."""

import json
from collections.abc import AsyncIterator
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mistlocate import errors
from mistlocate.clock import SystemClock
from mistlocate.engines.placeos.directory import Directory
from mistlocate.engines.placeos.messages import Message
from mistlocate.engines.placeos.redis_client import RedisClient
from mistlocate.engines.placeos.remote import RemoteModule, caller, split_name
from mistlocate.engines.placeos.subscriptions import Subscriptions
from mistlocate.errors import (
    BadArguments,
    CommandFailed,
    MistlocateError,
    ModuleUnavailable,
    NoSuchModule,
    UnknownCommand,
)
from support.placeos_engine import running
from support.redis_server import RedisServer
from support.waiting import until

INTERFACE = {
    "locate_user": {"email": {"default": None}, "username": {"default": None}},
    "echo": {"text": {"type": "string"}, "count": {"default": 3}, "more": {"default": None}},
    "nothing": {},
    "odd": None,
}


class System:
    """A system with one module `Probe_1`; `calls` are those that were sent, `result` is what answers them."""

    def __init__(self, redis: RedisClient) -> None:
        self.calls: list[tuple[str, Any, str | None]] = []
        self.result = Message("mod-1", "result", 0, code=200, payload="null")
        self.directory = Directory(redis, SystemClock())
        self.subscriptions = Subscriptions(redis, self.directory, SystemClock(), lambda: None)

    async def _request(self, target: str, payload: str, user_id: str | None) -> Message:
        self.calls.append((target, json.loads(payload), user_id))
        return self.result

    def module(self, name: str = "Probe_1", system_id: str | None = "sys") -> RemoteModule:
        return RemoteModule(system_id, name, self.directory, self.subscriptions, self._request)


@pytest.fixture
async def system(redis: RedisClient) -> AsyncIterator[System]:
    await redis.run([("HSET", "system/sys", "Probe/1", "mod-1", "Other/1", "mod-other")])
    await redis.run([("SET", "interface/mod-1", json.dumps({"interface": INTERFACE}))])
    made = System(redis)
    yield made
    await until(lambda: not made.directory._asking)


redis_needed = pytest.mark.needs("redis-server")


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        ("MistWebsocket_1", ("MistWebsocket", 1)),
        ("MistWebsocket_12", ("MistWebsocket", 12)),
        ("Mist_Websocket_2", ("Mist_Websocket", 2)),
        ("MistWebsocket", ("MistWebsocket", 1)),
        ("Mist_Websocket", ("Mist_Websocket", 1)),
        ("Mist_", ("Mist_", 1)),
        ("Mist_-1", ("Mist_-1", 1)),
    ],
)
def test_a_name_ends_with_its_index_or_is_the_first(name: str, expected: tuple[str, int]) -> None:
    assert split_name(name) == expected


@given(st.text(), st.integers(0))
def test_an_index_is_found_whatever_the_name(name: str, index: int) -> None:
    assert split_name(f"{name}_{index}") == (name, index)


@given(st.text())
def test_any_text_is_a_name(text: str) -> None:
    name, index = split_name(text)
    assert index == 1 or text.startswith(f"{name}_")


@redis_needed
@pytest.mark.parametrize(
    ("args", "kwargs", "sent"),
    [
        (["a"], {}, {"text": "a", "count": 3, "more": None}),
        (["a", 1, [2]], {}, {"text": "a", "count": 1, "more": [2]}),
        ([], {"more": 1, "text": "a"}, {"text": "a", "count": 3, "more": 1}),
        ([5], {"text": "a"}, {"text": "a", "count": 5, "more": None}),
    ],
)
async def test_arguments_go_by_name_in_the_order_of_the_metadata_with_its_defaults(
    system: System, args: list[Any], kwargs: dict[str, Any], sent: dict[str, Any]
) -> None:
    await system.module().call("echo", *args, **kwargs)
    ((target, body, _),) = system.calls
    assert (target, body) == ("mod-1", {"__exec__": "echo", "echo": sent})
    assert list(body["echo"]) == list(INTERFACE["echo"] or ())


@redis_needed
async def test_a_default_may_be_null(system: System) -> None:
    await system.module().call("locate_user", "a@example.com")
    assert system.calls[0][1]["locate_user"] == {"email": "a@example.com", "username": None}


@redis_needed
async def test_a_command_without_arguments_is_called_with_none(system: System) -> None:
    await system.module().call("nothing")
    await system.module().call("odd")
    assert [body for _, body, _ in system.calls] == [
        {"__exec__": "nothing", "nothing": {}},
        {"__exec__": "odd", "odd": {}},
    ]


@redis_needed
@pytest.mark.parametrize(
    ("args", "kwargs", "text"),
    [
        ([], {}, "echo: text is missing"),
        ([1, 2, 3, 4], {}, "echo takes 3 arguments, 4 were given"),
        ([1, 2, 3], {"text": 1}, "echo takes 3 arguments, 4 were given"),
        (["a"], {"txt": 1}, "echo has no argument 'txt'"),
    ],
)
async def test_arguments_that_do_not_fit_are_not_sent(
    system: System, args: list[Any], kwargs: dict[str, Any], text: str
) -> None:
    with pytest.raises(BadArguments, match=text):
        await system.module().call("echo", *args, **kwargs)
    assert system.calls == []


@redis_needed
async def test_an_unknown_command_is_not_sent_and_a_similar_one_named(system: System) -> None:
    with pytest.raises(UnknownCommand, match=r"Probe_1 has no command 'ecko'.*did you mean 'echo'"):
        await system.module().call("ecko")
    with pytest.raises(ModuleUnavailable, match="has not been started so far"):
        await system.module("Other_1").call("echo")
    assert system.calls == []


@redis_needed
async def test_a_name_that_stands_for_nothing_is_no_module(system: System) -> None:
    with pytest.raises(NoSuchModule, match="no module Probe_2 in the system sys"):
        await system.module("Probe_2").call("echo")
    with pytest.raises(NoSuchModule, match="Probe_1"):
        await system.module(system_id=None).call("echo")


@redis_needed
@pytest.mark.parametrize(
    ("payload", "value"),
    [('{"a":[1.5,null]}', {"a": [1.5, None]}), ("null", None), ("", None), (None, None), ("false", False)],
)
async def test_an_answer_is_decoded(system: System, payload: str | None, value: Any) -> None:
    system.result = Message("mod-1", "result", 0, code=200, payload=payload)
    assert await system.module().call("nothing") == value


@redis_needed
async def test_an_answer_that_is_no_json_is_a_failure(system: System) -> None:
    system.result = Message("mod-1", "result", 0, code=200, payload="{")
    with pytest.raises(CommandFailed, match="no JSON"):
        await system.module().call("nothing")


@redis_needed
@pytest.mark.parametrize("name", ["NotFound", "BadArguments", "ModuleUnavailable", "StoreError", "TokenRefused"])
async def test_an_error_of_ours_comes_back_as_what_it_was(system: System, name: str) -> None:
    system.result = Message("mod-1", "result", 0, code=500, payload="why", error=name)
    with pytest.raises(getattr(errors, name), match=r"^why$") as raised:
        await system.module().call("nothing")
    assert type(raised.value).__name__ == name


@redis_needed
@pytest.mark.parametrize("name", ["Exception", "KeyError", "Abort", "RateLimited", "HandshakeRefused", "", "Problem"])
async def test_any_other_error_is_a_failed_command(system: System, name: str) -> None:
    system.result = Message("mod-1", "result", 0, code=500, payload="why", error=name)
    with pytest.raises(CommandFailed) as raised:
        await system.module().call("nothing")
    assert str(raised.value) == f"Probe_1.nothing: why ({name})"


@redis_needed
async def test_every_error_of_ours_can_come_back(system: System) -> None:
    for name, each in vars(errors).items():
        if isinstance(each, type) and issubclass(each, MistlocateError):
            system.result = Message("mod-1", "result", 0, payload=None, error=name)
            with pytest.raises(MistlocateError):
                await system.module().call("nothing")


@redis_needed
@pytest.mark.parametrize(
    ("name", "text"),
    [("PgORM::Error::RecordNotFound", "x"), ("IO::Error", "x"), ("Exception", "driver not available")],
)
async def test_what_core_says_of_a_module_that_is_not_there(system: System, name: str, text: str) -> None:
    system.result = Message("mod-1", "result", 0, code=500, payload=text, error=name)
    with pytest.raises(ModuleUnavailable, match=r"Probe_1.nothing: the module is not running"):
        await system.module().call("nothing")


@redis_needed
async def test_no_answer_in_time_is_a_module_that_is_not_available(system: System) -> None:
    system.result = Message("mod-1", "result", 0, error="IO::TimeoutError", payload="request timed out")
    with pytest.raises(ModuleUnavailable, match=r"Probe_1.nothing: no answer in time"):
        await system.module().call("nothing")


@redis_needed
async def test_a_call_is_made_in_the_name_of_whoever_asked(system: System) -> None:
    await system.module().call("nothing")
    caller.set("user-1")
    await system.module().call("nothing")
    assert [user for _, _, user in system.calls] == [None, "user-1"]


@redis_needed
async def test_statuses_are_read_and_what_is_not_there_is_none(system: System, redis: RedisClient) -> None:
    await redis.run([("HSET", "status/mod-1", "map", "[1]")])
    assert await system.module().status("map") == [1]
    assert await system.module().status("other") is None
    assert await system.module("Probe_2").status("map") is None
    assert await system.module(system_id=None).status("map") is None


@redis_needed
async def test_of_statuses_that_are_read_together_each_is_remembered(
    system: System, redis: RedisClient, server: RedisServer
) -> None:
    await redis.run([("HSET", "status/mod-1", "map", "[1]", "other", "[2]")])
    assert await system.module().statuses(["map", "other"]) == [[1], [2]]
    await server.kill()
    assert await system.module().statuses(["other", "new", "map"]) == [[2], None, [1]]


@redis_needed
async def test_without_redis_a_call_says_so_and_a_status_is_none(system: System, server: RedisServer) -> None:
    await server.kill()
    with pytest.raises(ModuleUnavailable, match="Probe_1 cannot be looked up"):
        await system.module().call("echo")
    assert await system.module().status("map") is None


@redis_needed
async def test_a_status_can_be_followed_by_name(system: System, redis: RedisClient) -> None:
    heard: list[Any] = []
    async with running(system.subscriptions.run()):
        unsubscribe = system.module().subscribe("map", heard.append)
        system.module(system_id=None).subscribe("map", heard.append)()
        await redis.run([("HSET", "status/mod-1", "map", "[1]")])
        await until(lambda: heard)
        unsubscribe()
    assert heard == [[1]]
    assert system.subscriptions._bindings == []
