"""Who may change settings over the API may see no secret, so may not have it sent elsewhere either."""

import asyncio
from pathlib import Path
from typing import Any

import pytest

from mistlocate.drivers.mist_websocket.driver import MistWebsocket
from mistlocate.engines.embedded.server import serving
from mistlocate.errors import SettingsError
from support.api import client
from support.servers import raw_server
from support.site import SYSTEM, site

HOST = "mod-sys-1-MistWebsocket-1"


def test_those_that_decide_where_the_token_goes() -> None:
    assert MistWebsocket.fixed_settings() == {
        "api_token_file", "ca_certificates", "ca_file", "cloud", "proxy", "rest_host", "stream_host", "verify_tls",
    }  # fmt: skip


@pytest.mark.parametrize(
    "change",
    [
        {"rest_host": "http://127.0.0.1:1"},
        {"stream_host": "ws://127.0.0.1:1"},
        {"proxy": "http://127.0.0.1:1"},
        {"verify_tls": False},
        {"api_token_file": "/etc/hostname"},
        {"cloud": "manage.evil.example"},
        {"site_id": "https://manage.evil.example/admin/?org_id=x#!site/67970e46-4e12-11e6-9188-0242ac110007"},
        {"site_id": "manage.evil.example/67970e46-4e12-11e6-9188-0242ac110007"},
    ],
    ids=lambda change: next(iter(change)),
)
async def test_they_are_not_changed_at_run_time(tmp_path: Path, change: dict[str, Any]) -> None:
    async with site(tmp_path) as it, client(it.engine) as http:
        found = await http.put(f"/modules/{HOST}/settings", json=change)
        assert found.status_code == 400
        assert "decides where secrets are sent" in found.json()["message"]
        assert (await http.get(f"/modules/{HOST}/settings")).json()["drift"] == {}


async def test_the_token_is_never_sent_to_a_host_that_a_caller_names(tmp_path: Path) -> None:
    asked: list[bytes] = []

    async def evil(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        asked.append(await reader.readuntil(b"\r\n\r\n"))

    async with raw_server(evil) as port, site(tmp_path) as it:
        await it.live()
        for name in ("rest_host", "stream_host", "proxy"):
            with pytest.raises(SettingsError):
                await it.engine.save_settings(HOST, {name: f"http://127.0.0.1:{port}"})
        for location in (f"//127.0.0.1:{port}/x", f"http://127.0.0.1:{port}/x", f"@127.0.0.1:{port}/x", "/../../x"):
            with pytest.raises(Exception, match=r"path of the API|knows no such object"):
                await it.mist("get_request", location)
        await it.mist("sync_clients")
    assert asked == []


async def test_the_id_of_another_site_may_be_saved_and_the_page_knows_what_may_not(tmp_path: Path) -> None:
    async with site(tmp_path) as it, serving(it.engine, "127.0.0.1", 0), client(it.engine) as http:
        await it.engine.save_settings(HOST, {"site_id": it.cloud.site_id, "forget_after": 20})
        found = (await http.get(f"/modules/{HOST}/settings")).json()
        assert found["fixed"] == sorted(MistWebsocket.fixed_settings())
        assert set(found["drift"]) == {"site_id", "forget_after"}


async def test_a_proxy_is_shown_without_its_password(tmp_path: Path) -> None:
    async with site(tmp_path, websocket={"proxy": "http://user:sesame@127.0.0.1:1"}) as it, client(it.engine) as http:
        found = await http.get(f"/modules/{HOST}/settings")
        assert found.json()["settings"]["proxy"] == "http://***@127.0.0.1:1"
        assert "sesame" not in found.text
        assert it.host("MistWebsocket_1").spec.system_id == SYSTEM
