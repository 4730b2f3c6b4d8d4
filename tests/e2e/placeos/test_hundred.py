"""A hundred modules in one process, as core holds them: one process for each executable."""

import asyncio
import signal
from collections.abc import AsyncIterator
from pathlib import Path
from typing import NamedTuple

import pytest

from mistlocate.simulator import SimulatedCloud
from support.placeos_core import Core, DriverProcess, RemoteError
from support.placeos_site import EMPTY, WEBSOCKET_DRIVER, websocket_model
from support.redis_server import redis_server
from support.waiting import until

pytestmark = pytest.mark.needs("redis-server")

IDS = [f"mod-{number}" for number in range(100)]
WRONG = "mod-wrong"


class Hundred(NamedTuple):
    core: Core
    cloud: SimulatedCloud
    process: DriverProcess


@pytest.fixture
async def hundred(tmp_path: Path) -> AsyncIterator[Hundred]:
    async with (
        redis_server(tmp_path) as server,
        Core(server.url) as core,
        SimulatedCloud(EMPTY, autorun=False) as cloud,
    ):
        process = await core.launch(WEBSOCKET_DRIVER)
        wrong = websocket_model(core, cloud, {"site_id": "not a site", "api_token": "not one word"})
        models = {module_id: websocket_model(core, cloud) for module_id in IDS}
        await asyncio.gather(*(process.start(name, model) for name, model in ({WRONG: wrong} | models).items()))
        yield Hundred(core, cloud, process)


async def all_live(core: Core) -> None:
    async def live() -> bool:
        states = await asyncio.gather(*(core.status(module_id, "stream_state") for module_id in IDS))
        return set(states) == {"live"}

    await until(live, 30)


async def test_all_start_all_answer_and_all_end(hundred: Hundred) -> None:
    core, cloud, process = hundred
    assert sorted(await process.info()) == sorted([*IDS, WRONG])
    await all_live(core)
    assert len(cloud.sessions) == len(IDS)
    answers = await asyncio.gather(*(process.exec(module_id, "maps") for module_id in IDS))
    assert [len(maps) for maps in answers] == [1] * len(IDS)

    with pytest.raises(RemoteError, match="site_id") as failure:
        await process.exec(WRONG, "maps")
    assert "api_token" in failure.value.payload
    assert "not one word" not in failure.value.payload
    assert "site_id" in await core.status(WRONG, "settings_problem")
    assert await core.status(WRONG, "connected") is False

    loop = asyncio.get_running_loop()
    begun = loop.time()
    process.signal(signal.SIGTERM)
    assert await process.exit(5) == 0
    print(f"\n100 modules ended {loop.time() - begun:.2f} s after SIGTERM")  # noqa: T201 - measured, not demanded
    assert "never" not in process.output  # "Task exception was never retrieved", "was never awaited"
    assert "destroyed" not in process.output
    assert process.errors == []
    await until(lambda: not cloud.sessions)
    states = await asyncio.gather(*(core.status(module_id, "stream_reason") for module_id in IDS))
    assert set(states) == {"the module was stopped"}
    assert {await core.status(module_id, "connected") for module_id in IDS} == {True}


async def test_a_module_with_wrong_settings_is_mended_by_an_update_while_the_others_go_on(hundred: Hundred) -> None:
    core, cloud, process = hundred
    await all_live(core)
    sessions = set(map(id, cloud.sessions))
    await process.update(WRONG, websocket_model(core, cloud))

    async def live() -> bool:
        return await core.status(WRONG, "stream_state") == "live"

    await until(live)
    assert await core.status(WRONG, "settings_problem") is None
    assert sessions < set(map(id, cloud.sessions))
    for module_id in IDS[::2]:
        await process.stop(module_id)
    await until(lambda: len(cloud.sessions) == 51)
    assert sorted(await process.info()) == sorted([*IDS[1::2], WRONG])
    assert len(await process.exec(IDS[1], "maps")) == 1
