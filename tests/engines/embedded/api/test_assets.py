"""Assets over the API: level, version, and what is not there."""

import json
from collections.abc import Callable
from contextlib import AbstractAsyncContextManager
from pathlib import Path

import pytest

from mistlocate.driver.command import Level
from mistlocate.engines.embedded.access import hash_key
from mistlocate.engines.embedded.engine import Engine
from support.api import BASE, client, root, told
from support.drivers import Probe
from support.site import SYSTEM, site

Running = Callable[..., AbstractAsyncContextManager[Engine]]

PLACES = ["/systems/sys/Probe_1/assets", "/modules/mod-sys-Probe-1/assets"]
KEY = "key-of-a-user"
WITH_KEY = {"api_keys": [{"name": "panel", "level": "user", "hash": hash_key(KEY)}]}


@pytest.mark.parametrize("place", PLACES)
class TestAssets:
    async def test_body_type_and_version(self, running: Running, place: str) -> None:
        async with running() as engine, client(engine) as http:
            found = await http.get(f"{place}/some/picture")
            assert (found.status_code, found.content) == (200, b"\x89PNG")
            assert found.headers["content-type"] == "image/png"
            assert found.headers["etag"] == '"v1"'
            assert found.headers["cache-control"] == "private, no-cache"
            assert found.headers.get_list("content-security-policy") == [
                "default-src 'none'; frame-ancestors 'none'; sandbox"
            ]
            assert found.headers["cross-origin-resource-policy"] == "same-origin"
            assert found.headers["x-content-type-options"] == "nosniff"

    async def test_who_has_this_version_gets_no_body(self, running: Running, place: str) -> None:
        async with running() as engine, client(engine) as http:
            found = await http.get(f"{place}/some/picture", headers={"If-None-Match": '"v1"'})
            assert (found.status_code, found.content, found.headers["etag"]) == (304, b"", '"v1"')
            assert found.headers["cache-control"] == "private, no-cache"
            assert (await http.get(f"{place}/some/picture", headers={"If-None-Match": '"v0"'})).status_code == 200

    async def test_what_is_not_there(self, running: Running, place: str) -> None:
        async with running() as engine, client(engine) as http:
            for name in ("other", "", "some/picture/more", "%2e%2e/x"):
                found = await http.get(f"{place}/{name}")
                assert told(found) == (404, "no such picture")
                assert found.json()["error"] == "NotFound"
                assert found.json()["hint"] == "there is some/picture"

    async def test_what_goes_wrong(self, running: Running, place: str) -> None:
        async with running() as engine, client(engine) as http:
            assert told(await http.get(f"{place}/broken")) == (500, "module raised: asset failed: KeyError")
            await engine.find("sys", "Probe_1").stop()
            assert (await http.get(f"{place}/some/picture")).status_code == 503

    async def test_the_level_is_asked_for(self, running: Running, place: str, monkeypatch: pytest.MonkeyPatch) -> None:
        async with running(**WITH_KEY) as engine, client(engine) as http:
            key = {"X-API-Key": KEY}
            assert (await http.get(f"{place}/some/picture")).status_code == 401
            assert (await http.get(f"{place}/some/picture", headers=key)).status_code == 200
            monkeypatch.setattr(Probe, "asset_level", Level.SUPPORT)
            found = await http.get(f"{place}/some/picture", headers={**key, "If-None-Match": '"v1"'})
            assert told(found) == (401, "an asset of this module needs the level support")


async def test_modules_that_do_not_exist(running: Running) -> None:
    async with running() as engine, client(engine) as http:
        for path in ("/systems/sys/Probe_9/assets/x", "/modules/nothing/assets/x"):
            found = await http.get(path)
            assert (found.status_code, found.json()["error"]) == (404, "NoSuchModule")
        assert (await http.get("/systems/nowhere/Probe_1/assets/x")).json()["error"] == "NoSuchSystem"
        engine.board.set("mod-sys-Probe-1", "assets", "a status")
        assert json.loads((await http.get("/systems/sys/Probe_1/assets")).text) == "a status"


async def test_the_openapi_document_has_them(running: Running) -> None:
    async with running() as engine, client(engine) as http:
        paths = (await http.get(f"{root(http)}/openapi.json")).json()["paths"]
        for path in ("/systems/{system_id}/{slug}/assets/{name}", "/modules/{module_id}/assets/{name}"):
            responses = paths[BASE + path]["get"]["responses"]
            assert set(responses) == {"200", "304", "401", "403", "404", "429", "500", "503", "default"}
            assert set(responses["200"]["content"]) == {"*/*"}


async def test_the_image_of_a_map(tmp_path: Path) -> None:
    async with site(tmp_path) as it, client(it.engine) as http:
        await it.live()
        path = f"/systems/{SYSTEM}/MistWebsocket/assets/map/{it.maps[0]}"
        full = await http.get(path)
        assert (full.status_code, full.headers["content-type"]) == (200, "image/png")
        assert full.content.startswith(b"\x89PNG")
        assert len((await http.get(f"{path}/thumbnail")).content) < len(full.content)
        again = await http.get(path, headers={"If-None-Match": full.headers["etag"]})
        assert (again.status_code, again.content) == (304, b"")
        assert (await http.get(f"/systems/{SYSTEM}/MistWebsocket/assets/map/{it.maps[2]}")).status_code == 404
