"""The way to the cloud follows core's model of the module, whatever the driver declares."""

from pathlib import Path

import pytest

from mistlocate.simulator import SimulatedCloud
from support.placeos_core import Core
from support.placeos_models import DEVICE, LOGIC, SERVICE, SSH
from support.placeos_site import EMPTY, MIST, WEBSOCKET_DRIVER, websocket_settings
from support.redis_server import redis_server
from support.waiting import until

pytestmark = pytest.mark.needs("redis-server")


async def test_an_http_service_streams_from_the_host_of_its_uri(tmp_path: Path) -> None:
    async with redis_server(tmp_path) as redis, Core(redis.url) as core, SimulatedCloud(EMPTY, autorun=False) as cloud:
        process = await core.launch(WEBSOCKET_DRIVER)
        model = core.model(role=SERVICE, uri=cloud.url, settings=websocket_settings(cloud))
        await process.start(MIST, model)

        async def live() -> bool:
            return bool(await core.status(MIST, "stream_state") == "live")

        await until(live)
        assert [each["name"] for each in await process.exec(MIST, "maps")]


@pytest.mark.parametrize(("role", "told"), [(SSH, "0 is no way to this device"), (LOGIC, "")])
async def test_a_role_that_leads_nowhere_is_told_and_ends_nothing(tmp_path: Path, role: int, told: str) -> None:
    async with redis_server(tmp_path) as redis, Core(redis.url) as core:
        process = await core.launch(WEBSOCKET_DRIVER)
        settings = {"api_token": "token", "site_id": "site_id", "rest_host": "http://127.0.0.1:1"}
        await process.start(MIST, core.model(role=role, settings=settings))

        async def problem() -> bool:
            return told in str(await core.status(MIST, "settings_problem"))

        await until(problem)
        assert await process.info() == [MIST]


async def test_a_device_without_an_address_is_waited_for(tmp_path: Path) -> None:
    async with redis_server(tmp_path) as redis, Core(redis.url) as core:
        process = await core.launch(WEBSOCKET_DRIVER)
        settings = {"api_token": "token", "site_id": "site_id"}
        await process.start(MIST, core.model(role=DEVICE, ip="", port=0, uri="http://127.0.0.1:1", settings=settings))

        async def connecting() -> bool:
            return "cannot connect" in str(await core.status(MIST, "stream_reason"))

        await until(connecting)
        assert await core.status(MIST, "connected") in (None, False)
