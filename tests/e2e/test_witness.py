"""Both engines as real processes with every logger at DEBUG, watched from outside: what they print on journeys that
touch secrets, and whom they connect to. The longest journey is a row of the campaign (tests/reliability/hostile.py)."""

import asyncio
import re
import signal
from collections.abc import AsyncIterator
from pathlib import Path

import httpx
import pytest

from mistlocate.simulator import SimulatedCloud
from support.api import BASE
from support.placeos_site import MIST, placeos_site
from support.processes import command
from support.site import SMALL, SYSTEM
from support.waiting import until
from support.witnessing import KEY, PASSWORD, contacts, environment, leaked, ports, secrets_of, written


@pytest.fixture
async def cloud() -> AsyncIterator[SimulatedCloud]:
    async with SimulatedCloud(SMALL, autorun=False) as running:
        yield running


async def test_the_embedded_engine_prints_nothing_of_a_proxy_with_a_password(
    cloud: SimulatedCloud, tmp_path: Path
) -> None:
    path = written(tmp_path, cloud, proxy=f"http://user:{PASSWORD}@127.0.0.1:1")
    with command("serve", str(path), MISTLOCATE_LISTEN="127.0.0.1:0", **environment(tmp_path)) as engine:
        url = (await asyncio.to_thread(engine.wait_for, r"answers at (http://\S+)")).group(1)
        async with httpx.AsyncClient(base_url=url + BASE, headers={"X-API-Key": KEY}, trust_env=False) as http:

            async def reason() -> str:
                found = str((await http.get(f"/systems/{SYSTEM}/MistWebsocket_1/stream_reason")).json())
                return found if "cannot connect" in found else ""

            told = await until(reason)
            told += (await http.get("/modules/mod-sys-1-MistWebsocket-1/settings")).text
            assert "***@127.0.0.1:1" in told
    assert leaked(engine.output + told, {PASSWORD, cloud.token}) == []
    assert ports(tmp_path) == {1}, "nothing goes past the proxy"


@pytest.mark.needs("redis-server")
async def test_the_placeos_engine_prints_no_secret_and_asks_cloud_and_redis_alone(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name, value in environment(tmp_path).items():
        monkeypatch.setenv(name, value)
    async with placeos_site(tmp_path, websocket={"persistent_log_level": "debug"}) as it:
        secrets = await secrets_of(it.cloud)
        for process in (it.websocket, it.locations):
            process.signal(signal.SIGUSR1)
            process.signal(signal.SIGUSR2)
        await it.live()
        await it.websocket.exec(MIST, "maps")
        await it.websocket.exec(MIST, "get_request", f"/sites/{it.cloud.site_id}/maps")
        token = it.cloud.token
        it.cloud.revoke(token)
        it.cloud.abort_all()

        async def refused() -> bool:
            return bool(await it.status("stream_state") == "auth_failed")

        await until(refused)
        printed = "\n".join([*it.websocket.lines, *it.locations.lines])
        allowed = {int(it.cloud.url.rpartition(":")[2]), int(re.search(r":(\d+)", it.core.redis_url).group(1))}  # type: ignore[union-attr]
    assert printed.count("DEBUG") > 5
    assert leaked(printed, {*secrets, token}) == []
    assert ports(tmp_path) == allowed
    assert {each for each in contacts(tmp_path) if not each.startswith(("127.", "localhost", "/"))} == set()
