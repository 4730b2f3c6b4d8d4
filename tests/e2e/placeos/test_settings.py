"""Settings as integrators change them, and the settings that PlaceOS has for every module."""

import asyncio
import base64
from collections.abc import AsyncIterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import trustme

from mistlocate.simulator import SimulatedCloud
from support.placeos_core import Core, DriverProcess, RemoteError
from support.placeos_models import Model
from support.placeos_site import EMPTY, MIST, WEBSOCKET_DRIVER, PlaceosSite, placeos_site, websocket_model
from support.servers import raw_server
from support.site import SMALL
from support.waiting import until

pytestmark = pytest.mark.needs("redis-server")


@pytest.fixture
async def site(tmp_path: Path) -> AsyncIterator[PlaceosSite]:
    async with placeos_site(tmp_path, SMALL) as running:
        await running.complete()
        yield running


def changed(site: PlaceosSite, members: Model | None = None, **settings: Any) -> Model:
    model = site.websocket.modules[MIST]
    return {**model, **(members or {}), "settings": {**model["settings"], **settings}}


async def connections(site: PlaceosSite) -> int:
    found: int = (await site.mist("diagnostics"))["stream"]["connections"]
    return found


async def test_an_update_in_place_keeps_what_is_known_and_the_connection(site: PlaceosSite) -> None:
    (session,) = site.cloud.sessions
    await site.websocket.update(MIST, changed(site, client_fields="all", forget_after=20, unknown_to_all={"a": 1}))

    async def applied() -> bool:
        return "unknown_to_all" in (await site.mist("diagnostics"))["ignored_settings"]

    await until(applied)
    assert await site.listed() == site.present
    assert site.cloud.sessions == [session]
    assert await connections(site) == 1

    async def whole() -> bool:
        records = [record for map_id in site.maps for record in await site.status(map_id)]
        return all("ip" in record for record in records)

    await site.mist("sync_clients")  # the next list of clients brings what was not kept so far
    await until(whole)
    assert site.cloud.sessions == [session]
    assert await site.status("settings_problem") is None


async def test_a_changed_address_is_connected_to_anew_and_the_notes_go_with_it(site: PlaceosSite) -> None:
    async with SimulatedCloud(replace(EMPTY, seed=8), autorun=False) as other:
        site.websocket.frames.clear()
        model = changed(site, {"uri": other.stream_url, "notes": "moved"}, api_token=other.token, site_id=other.site_id)
        await site.websocket.update(MIST, model)
        await until(lambda: other.sessions)
        await until(lambda: not site.cloud.sessions)
        (new_map,) = (each.id for each in other.world.maps_of(other.site_id))

        async def moved() -> bool:
            return await site.status(new_map) == [] and await site.status("stream_state") == "live"

        await until(moved)
        for map_id in site.maps:
            assert await site.status(map_id) is None
        assert await site.mist("clients") == []
        assert [frame for frame in site.websocket.frames if frame["cmd"] == "start"] == []

        async def noted() -> bool:
            return (await site.core.interface(MIST))["notes"] == "moved"

        await until(noted)


async def test_invalid_settings_leave_the_last_good_ones_in_force(site: PlaceosSite) -> None:
    (session,) = site.cloud.sessions
    await site.websocket.update(MIST, changed(site, publish_interval="often", site_id="no site", api_token="s3cr3t x"))

    async def refused() -> bool:
        return bool(await site.status("settings_problem"))

    await until(refused)
    problem = await site.status("settings_problem")
    assert "publish_interval" in problem
    assert "site_id" in problem
    assert "s3cr3t" not in problem
    assert "s3cr3t" not in site.websocket.output
    assert site.cloud.sessions == [session]
    assert len(await site.mist("maps")) == len(site.maps)

    await site.websocket.update(
        MIST, changed(site, publish_interval=0.2, site_id=site.cloud.site_id, api_token=site.cloud.token)
    )

    async def taken() -> bool:
        return await site.status("settings_problem") is None

    await until(taken)
    assert site.cloud.sessions == [session]


async def test_settings_of_zones_are_ignored_and_told(tmp_path: Path) -> None:
    async with placeos_site(
        tmp_path, EMPTY, websocket={"signage": True, "desks": ["a"], "headers": {"X-A": "1"}}
    ) as site:
        assert (await site.mist("diagnostics"))["ignored_settings"] == ["signage", "desks"]
        await site.live()


async def test_placeholders_and_refused_tokens_are_told_and_mended_by_an_update(core: Core) -> None:
    async with SimulatedCloud(EMPTY, autorun=False) as cloud:
        process = await core.launch(WEBSOCKET_DRIVER)
        await process.start(MIST, websocket_model(core, cloud, {"api_token": "token"}))

        async def state(wanted: str) -> None:
            async def is_so() -> bool:
                return await core.status(MIST, "stream_state") == wanted

            await until(is_so, 30)

        await state("auth_failed")
        with pytest.raises(RemoteError, match="refuses the API token"):
            await process.exec(MIST, "maps")
        await process.update(MIST, websocket_model(core, cloud))
        await state("live")
        assert len(await process.exec(MIST, "maps")) == 1


# -- settings that every module has ---------------------------------------------------------------


class Handshakes:
    """A server that writes down what it is asked, and is never ready."""

    def __init__(self) -> None:
        self.heads: list[str] = []

    async def talk(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.heads.append((await reader.readuntil(b"\r\n\r\n")).decode())
        writer.write(b"HTTP/1.1 503 Busy\r\nContent-Length: 0\r\n\r\n")
        await writer.drain()


async def test_headers_go_on_every_handshake_as_they_are_then(core: Core) -> None:
    seen = Handshakes()
    async with raw_server(seen.talk) as port, SimulatedCloud(EMPTY, autorun=False) as cloud:
        process = await core.launch(WEBSOCKET_DRIVER)
        hosts = {"rest_host": cloud.url, "stream_host": f"ws://127.0.0.1:{port}"}
        many = {"X-Site": "north", "X-Many": ["a", "b"]}
        model = websocket_model(core, cloud, {**hosts, "headers": many})
        await process.start(MIST, model)
        await until(lambda: seen.heads)
        head = seen.heads[0].lower()
        assert "x-site: north" in head
        assert "x-many: a, b" in head
        assert f"authorization: token {cloud.token}".lower() in head
        await process.update(MIST, {**model, "settings": {**model["settings"], "headers": {"Authorization": "Mine"}}})
        await until(lambda: "authorization: mine" in seen.heads[-1].lower())
        assert "x-site" not in seen.heads[-1].lower()
        assert cloud.token not in seen.heads[-1]


class TlsCloud:
    """What a simulated cloud with a certificate of an authority that nobody knows needs."""

    def __init__(self, folder: Path) -> None:
        self.ca = trustme.CA()
        issued = self.ca.issue_cert("localhost", "127.0.0.1")
        self.key, self.certificate = folder / "cloud-key.pem", folder / "cloud-cert.pem"
        issued.private_key_pem.write_to_path(self.key)
        issued.cert_chain_pems[0].write_to_path(self.certificate)

    def cloud(self) -> SimulatedCloud:
        return SimulatedCloud(
            EMPTY, autorun=False, ssl_certfile=str(self.certificate), ssl_keyfile=str(self.key)
        )  # fmt: skip

    @property
    def authority(self) -> str:
        return self.ca.cert_pem.bytes().decode()


async def goes_live(core: Core) -> None:
    async def live() -> bool:
        return await core.status(MIST, "stream_state") == "live"

    await until(live)


async def test_certificates_are_checked_unless_the_settings_say_otherwise(core: Core, tmp_path: Path) -> None:
    tls = TlsCloud(tmp_path)
    async with tls.cloud() as cloud:
        process = await core.launch(WEBSOCKET_DRIVER)
        model = websocket_model(core, cloud)
        assert model["uri"].startswith("wss:")
        await process.start(MIST, model)

        async def refused() -> bool:
            return "certificate" in str(await core.status(MIST, "stream_reason")).lower()

        await until(refused)
        assert not cloud.sessions
        assert len(cloud.requests) == 0

        async def told(value: bool | None) -> None:
            async def is_so() -> bool:
                return (await core.status(MIST, "problems")).get("tls_not_verified") is value

            await until(is_so)

        for setting, not_verified in (
            ({"https_verify": "none"}, True),
            ({"https_verify": "peer", "https_ca_certificates": tls.authority}, None),
            ({"https_insecure": True}, True),
            ({"https_verify": 0}, True),
        ):
            await process.update(MIST, {**model, "settings": {**model["settings"], **setting}})
            await told(not_verified)
            await goes_live(core)
            await process.update(MIST, model)
            await until(refused)


class Tunnel:
    """A proxy that knows CONNECT only."""

    def __init__(self) -> None:
        self.heads: list[str] = []

    async def talk(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        head = (await reader.readuntil(b"\r\n\r\n")).decode()
        self.heads.append(head)
        method, target, _ = head.split(" ", 2)
        assert method == "CONNECT"
        host, _, port = target.rpartition(":")
        there, back = await asyncio.open_connection(host, int(port))
        writer.write(b"HTTP/1.1 200 OK\r\n\r\n")
        try:
            await asyncio.gather(pump(reader, back), pump(there, writer))
        finally:
            back.transport.abort()


async def pump(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    while data := await reader.read(65536):
        writer.write(data)
        await writer.drain()
    writer.transport.abort()


async def test_a_proxy_carries_stream_and_rest_and_is_told(core: Core, tmp_path: Path) -> None:
    tls, tunnel = TlsCloud(tmp_path), Tunnel()
    async with tls.cloud() as cloud, raw_server(tunnel.talk) as port:
        process: DriverProcess = await core.launch(WEBSOCKET_DRIVER)
        auth = {"username": "us@er", "password": "p@ss/word"}
        proxy = {"host": "127.0.0.1", "port": port, "auth": auth}
        model = websocket_model(core, cloud, {"proxy": proxy, "https_verify": "none"})
        await process.start(MIST, model)
        await goes_live(core)
        assert await core.status(MIST, "proxy_in_use") == "127.0.0.1"
        assert {head.split(" ")[1] for head in tunnel.heads} == {cloud.url.removeprefix("https://")}
        assert len(tunnel.heads) >= 2
        word = base64.b64encode(b"us@er:p@ss/word").decode()
        for head in tunnel.heads:
            assert f"proxy-authorization: basic {word}".lower() in head.lower()

        await process.update(MIST, {**model, "settings": {**model["settings"], "proxy": {"host": ""}}})

        async def direct() -> bool:
            return await core.status(MIST, "proxy_in_use") is None and bool(cloud.sessions)

        await until(direct)
        await goes_live(core)
        used = len(tunnel.heads)
        assert len(await process.exec(MIST, "maps")) == 1
        assert len(tunnel.heads) == used
