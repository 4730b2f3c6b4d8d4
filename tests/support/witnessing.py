"""Journeys of a real process that touch every secret, with every logger at DEBUG: what it prints, whom it connects to."""

import asyncio
import re
import signal
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import httpx
import pytest
from websockets.asyncio.client import connect
from websockets.exceptions import ConnectionClosed

from mistlocate import yamltext
from mistlocate.engines.embedded.access import hash_key
from mistlocate.simulator import SimulatedCloud
from support.api import BASE
from support.processes import command
from support.site import SYSTEM, settings
from support.waiting import until

WITNESS = Path(__file__).parent / "witness"

KEY, WRONG, COOKIE, PASSWORD, SIGNATURE = (
    "ml_right-key-of-an-administrator",
    "ml_wrong-key",
    "cookie-value",
    "proxy-pass",
    "s3-signature",
)
DOWNLOAD = "/api/v1/forward/download"


def written(folder: Path, cloud: SimulatedCloud, **websocket: Any) -> Path:
    made = settings(cloud, {"client_fields": "all", **websocket}, {"publish_levels": True})
    made |= {"log_level": "debug", "api_keys": [{"name": "ops", "level": "administrator", "hash": hash_key(KEY)}]}
    path = folder / "settings.yaml"
    path.write_text(yamltext.dumps(made))
    path.chmod(0o600)
    return path


def environment(folder: Path) -> dict[str, str]:
    return {"PYTHONPATH": str(WITNESS), "WITNESS": str(folder / "witness"), "PYTHONASYNCIODEBUG": "1"}


async def secrets_of(cloud: SimulatedCloud) -> set[str]:
    headers = {"Authorization": f"Token {cloud.token}"}
    async with httpx.AsyncClient(base_url=cloud.url, headers=headers, trust_env=False) as http:
        maps = (await http.get(f"/api/v1/sites/{cloud.site_id}/maps")).json()
    links = {each["url"].partition("jwt=")[2] for each in maps if each.get("url")}
    assert links
    return {cloud.token, KEY, WRONG, COOKIE, PASSWORD, SIGNATURE, *links}


def contacts(folder: Path) -> set[str]:
    """Addresses that were connected to, and names that were looked up."""
    text = (folder / "witness").read_text()
    found = set(re.findall(r"^connect \('([^']+)', \d+", text, re.MULTILINE))
    found |= set(re.findall(r"^look-up b?'([^']+)'", text, re.MULTILINE))
    return found | set(re.findall(r"^connect '([^']+)'", text, re.MULTILINE))


def ports(folder: Path) -> set[int]:
    return {
        int(port) for port in re.findall(r"^connect \('[^']+', (\d+)", (folder / "witness").read_text(), re.MULTILINE)
    }


async def calls_with_every_kind_of_key(url: str) -> None:
    async with httpx.AsyncClient(base_url=url + BASE, trust_env=False) as http:
        for headers in ({"X-API-Key": KEY}, {"Authorization": f"Bearer {KEY}"}):
            assert (await http.get("/self", headers={**headers, "Cookie": f"a={COOKIE}"})).status_code == 200
        assert (await http.get("/self", headers={"X-API-Key": WRONG})).status_code == 401
        assert (await http.get(f"/systems/{SYSTEM}?api-key={KEY}")).status_code == 401
    address = f"ws{url.removeprefix('http')}{BASE}/systems/control"
    for path, first in ((f"?api-key={KEY}", "ping"), ("", f'{{"api_key":"{KEY}"}}')):
        async with connect(address + path, proxy=None) as socket:
            await socket.send(first)
            await socket.recv()
            await socket.send('{"id":1,"mod":"mod-sys-1-MistWebsocket-1","cmd":"debug"}')
            await socket.recv()
    async with connect(address, proxy=None) as socket:
        await socket.send(f'{{"api_key":"{WRONG}"}}')
        with pytest.raises(ConnectionClosed):
            await socket.recv()


async def journey(url: str, cloud: SimulatedCloud) -> list[str]:
    """Everything that has to do with a secret; gives what was answered."""
    told: list[str] = []
    await calls_with_every_kind_of_key(url)
    headers = {"X-API-Key": KEY}
    async with httpx.AsyncClient(base_url=url + BASE, headers=headers, trust_env=False, timeout=30) as http:

        async def ask(method: str, path: str, **more: Any) -> httpx.Response:
            answer = await http.request(method, path, **more)
            told.append(answer.text)
            return answer

        async def state(wanted: str) -> None:
            async def is_so() -> bool:
                return bool((await ask("GET", f"/systems/{SYSTEM}/MistWebsocket_1/stream_state")).json() == wanted)

            await until(is_so)

        await state("live")
        maps = (await ask("POST", f"/systems/{SYSTEM}/MistWebsocket_1/maps", json=[])).json()
        first, second = (each["id"] for each in maps if each["has_image"])
        assets = f"/systems/{SYSTEM}/MistWebsocket_1/assets/map"
        assert (await http.get(f"{assets}/{first}")).status_code == 200
        target = f"http://127.0.0.1:1/x?X-Amz-Signature={SIGNATURE}"
        cloud.faults.rest(DOWNLOAD, status=302, headers={"Location": target}, times=1)
        assert (await ask("GET", f"{assets}/{second}")).status_code == 500
        for path in (f"/sites/{cloud.site_id}/maps", "/self", "//127.0.0.1:1/x"):
            await ask("POST", f"/systems/{SYSTEM}/MistWebsocket_1/get_request", json=[path])
        for command_ in ("diagnostics", "sync_clients"):
            await ask("POST", f"/systems/{SYSTEM}/MistWebsocket_1/{command_}", json=[])
        for module in ("mod-sys-1-MistWebsocket-1", "mod-sys-1-MistLocations-1"):
            await ask("GET", f"/modules/{module}/settings")
            await ask("GET", f"/modules/{module}/state")
        await ask("PUT", "/modules/mod-sys-1-MistWebsocket-1/settings", json={"api_token": "x", "proxy": PASSWORD})
        cloud.faults.rest("/stats/", malformed=True, times=2, headers={"Set-Cookie": f"csrftoken={COOKIE}"})
        cloud.abort_all()
        await state("live")
        cloud.revoke(cloud.token)
        cloud.close_all(1011)
        await state("auth_failed")
    return told


def leaked(text: str, secrets: set[str]) -> list[str]:
    """The secrets that a text holds; links that were signed meanwhile are known by their form."""
    return [secret for secret in secrets if secret in text] + re.findall(r"jwt=(?!\*\*\*)\S+", text)


@dataclass
class Seen:
    """What a journey left behind: everything printed, everything answered, the exit code, ports connected to."""

    printed: str
    told: str
    code: int
    ports: set[int]
    contacts: set[str]


async def watch_embedded(folder: Path, cloud: SimulatedCloud) -> Seen:
    """The journey with a `mistlocate serve` of its own."""
    path = written(folder, cloud)
    with command("serve", str(path), MISTLOCATE_LISTEN="127.0.0.1:0", **environment(folder)) as engine:
        url = (await asyncio.to_thread(engine.wait_for, r"answers at (http://\S+)")).group(1)
        told = await journey(url, cloud)
        code = await asyncio.to_thread(engine.end, signal.SIGTERM)
    return Seen(engine.output, "\n".join(told), code, ports(folder), contacts(folder))
