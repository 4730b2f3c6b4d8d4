"""Tokens that change while an engine runs, each in its way: a file, the settings read again, an update of PlaceOS."""

import asyncio
import signal
from pathlib import Path

import pytest

from mistlocate.client import EngineClient
from mistlocate.simulator import Campus, SimulatedCloud
from support.placeos_site import MIST, placeos_site
from support.processes import command
from support.waiting import until

EMPTY = Campus(seed=1, people=0, floors=2, passers=0)

SETTINGS = """
listen: 127.0.0.1:0
systems:
  - id: sys
    modules:
      - driver: MistWebsocket
        settings: {{ {token}, site_id: {site}, rest_host: "{url}", proxy: "" }}
"""


@pytest.mark.parametrize(
    ("setting", "hangs_up"), [("api_token_file: token", False), ('api_token: "${file:token}"', True)]
)
async def test_a_served_engine_takes_a_new_token_without_a_restart(
    tmp_path: Path, setting: str, hangs_up: bool
) -> None:
    async with SimulatedCloud(EMPTY, autorun=False) as cloud:
        path, settings = tmp_path / "token", tmp_path / "settings.yaml"
        path.write_text(cloud.token)
        settings.write_text(SETTINGS.format(token=setting, site=cloud.site_id, url=cloud.url))
        with command("serve", str(settings)) as engine:
            url = (await asyncio.to_thread(engine.wait_for, r"answers at (http://\S+)")).group(1)
            async with EngineClient(url) as client:

                async def accepted() -> bool:
                    known = await client.status("sys", "MistWebsocket_1", "stream_state") == "live"
                    return known and bool(cloud.sessions)

                await until(accepted)
                path.write_text(cloud.rotate() + "\n")
                before = list(cloud.sessions)
                if hangs_up:
                    engine.popen.send_signal(signal.SIGHUP)
                await until(lambda: cloud.sessions and not set(cloud.sessions) & set(before), 30)
                await until(accepted)
                assert len(await client.execute("sys", "MistWebsocket_1", "maps")) == len(
                    cloud.world.maps_of(cloud.site_id)
                )
            assert engine.popen.poll() is None
            assert cloud.token not in engine.output


@pytest.mark.needs("redis-server")
async def test_placeos_gives_a_running_module_another_token(tmp_path: Path) -> None:
    async with placeos_site(tmp_path, EMPTY) as site:
        await site.live()
        before = list(site.cloud.sessions)
        token = site.cloud.rotate()
        model = site.websocket.modules[MIST]
        await site.websocket.update(MIST, {**model, "settings": {**model["settings"], "api_token": token}})
        await until(lambda: site.cloud.sessions and not set(site.cloud.sessions) & set(before))
        await site.live()
        assert len(await site.mist("maps")) == len(site.maps)
