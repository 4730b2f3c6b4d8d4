"""One module's view of its process."""

import json
from collections.abc import AsyncIterator
from typing import Any

import pytest
from structlog.testing import capture_logs

from mistlocate.clock import SystemClock
from mistlocate.engines.placeos.context import PlaceosContext, Services
from mistlocate.engines.placeos.directory import Directory
from mistlocate.engines.placeos.messages import ROLE_LOGIC, Message, Model
from mistlocate.engines.placeos.redis_client import RedisClient
from mistlocate.engines.placeos.remote import Request
from mistlocate.engines.placeos.status import ModuleStatus, StatusWriter
from mistlocate.engines.placeos.subscriptions import Subscriptions
from mistlocate.errors import NoSuchModule
from support.redis_server import RedisServer
from support.waiting import until

pytestmark = pytest.mark.needs("redis-server")


class Process:
    """Services as a driver process gives them; what is sent to core is kept."""

    def __init__(self, redis: RedisClient) -> None:
        clock = SystemClock()
        self.saved: list[tuple[Any, ...]] = []
        self.requests: list[tuple[str, str, str, str | None]] = []
        self.connections: list[bool] = []
        writer, directory = StatusWriter(redis, clock), Directory(redis, clock)
        self.services = Services(
            redis=redis,
            writer=writer,
            directory=directory,
            subscriptions=Subscriptions(redis, directory, clock, lambda: None),
            clock=clock,
            request=self._request_from,
            save_setting=self._save,
            interface=lambda _: b"{}",
        )

    async def _save(self, *each: Any) -> None:
        self.saved.append(each)

    def _request_from(self, module_id: str) -> Request:
        async def request(target: str, payload: str, user_id: str | None) -> Message:
            self.requests.append((module_id, target, payload, user_id))
            return Message(target, "result", 0, code=200, payload='"done"')

        return request

    def context(
        self, module_id: str = "mod-1", system_id: str | None = "sys", uri: str | None = None
    ) -> PlaceosContext:
        status = ModuleStatus(module_id, b"{}", self.services.writer)
        model = Model(ROLE_LOGIC, uri=uri, system_id=system_id)
        return PlaceosContext(self.services, module_id, model, status, dict, self.connections.append)


@pytest.fixture
async def process(redis: RedisClient) -> AsyncIterator[Process]:
    made = Process(redis)
    yield made
    await until(lambda: not made.services.directory._asking)


async def test_a_module_has_an_id_a_clock_an_address_and_a_log(process: Process) -> None:
    context = process.context(uri="wss://a")
    assert (context.module_id, context.clock, context.links.uri) == ("mod-1", process.services.clock, "wss://a")
    with capture_logs() as entries:
        context.log.info("hello", n=1)
    assert entries == [{"event": "hello", "module": "mod-1", "n": 1, "log_level": "info"}]


async def test_a_connection_is_told_when_it_changes_and_not_again(process: Process) -> None:
    context = process.context()
    for connected in (False, False, True, True, False):
        context.set_connected(connected)
    assert process.connections == [False, True, False]
    assert context.status.get("connected") is False


async def test_private_storage_is_the_modules_own(process: Process, server: RedisServer) -> None:
    await process.context("mod-1").storage.write("notes", {"a": "1"})
    assert await process.context("mod-2").storage.read("notes") == {}
    assert await server.client().hgetall("notes/mod-1") == {"a": "1"}


async def test_what_is_shared_is_made_once_for_all_modules(process: Process) -> None:
    made = []

    def make() -> list[int]:
        made.append(1)
        return []

    first = process.context("mod-1").shared("key", make)
    assert process.context("mod-2").shared("key", make) is first
    assert process.context("mod-1").shared("other", make) is not first
    assert len(made) == 2


async def test_a_setting_is_saved_by_core(process: Process) -> None:
    await process.context().save_setting("name", [1])
    assert process.saved == [("mod-1", "name", [1])]


async def test_other_modules_of_the_system_are_called_in_the_modules_name(
    process: Process, server: RedisServer
) -> None:
    await server.client().hset("system/sys", "Probe/1", "mod-2")
    await server.client().set("interface/mod-2", json.dumps({"interface": {"echo": {"text": {}}}}))
    assert await process.context().module("Probe_1").call("echo", "a") == "done"
    assert process.requests == [("mod-1", "mod-2", '{"__exec__":"echo","echo":{"text":"a"}}', None)]


async def test_without_a_system_there_are_no_other_modules(process: Process) -> None:
    with pytest.raises(NoSuchModule):
        await process.context(system_id=None).module("Probe_1").call("echo")
