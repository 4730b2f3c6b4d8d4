from collections.abc import Callable
from contextlib import AbstractAsyncContextManager

import pytest

from mistlocate.engines.embedded.api import common
from mistlocate.engines.embedded.api.common import BASE
from mistlocate.engines.embedded.engine import Engine
from support.api import client, root

Running = Callable[..., AbstractAsyncContextManager[Engine]]


async def test_a_defect_is_answered_without_its_details(running: Running, monkeypatch: pytest.MonkeyPatch) -> None:
    def broken(*_: object) -> None:
        raise RuntimeError("the secret is sesame")

    monkeypatch.setattr(common, "state", broken)
    async with running() as engine, client(engine) as http:
        found = await http.get("/systems/sys/Probe_1")
        assert found.status_code == 500
        assert found.json()["message"] == "unexpected error; the engine's log says more"
        assert "sesame" not in found.text
        assert "default-src 'none'" in found.headers["content-security-policy"]


async def test_unknown_paths_are_answered_in_the_same_form(running: Running) -> None:
    async with running() as engine, client(engine) as http:
        found = await http.get("/nothing/at/all/here")
        assert (found.status_code, found.json()["error"]) == (404, "Not Found")
        found = await http.delete("/systems")
        assert (found.status_code, found.json()["error"]) == (405, "Method Not Allowed")


@pytest.mark.parametrize(
    ("path", "methods"),
    [
        ("/", "GET, HEAD"),
        ("/health/live", "GET, HEAD"),
        (f"{BASE}/modules/mod-sys-Probe-1/exec/echo", "POST"),
        (f"{BASE}/modules/mod-sys-Probe-1/settings", "GET, HEAD, PUT"),
    ],
)
async def test_what_a_path_does_not_allow_is_answered_with_what_it_does(
    running: Running, path: str, methods: str
) -> None:
    async with running() as engine, client(engine) as http:
        found = await http.delete(root(http) + path)
        assert (found.status_code, found.headers["allow"]) == (405, methods)


@pytest.mark.parametrize("path", ["/", "/health/live", "/health/ready", "/metrics", f"{BASE}/systems", "/nothing"])
async def test_head_is_answered_as_get_without_the_body(running: Running, path: str) -> None:
    async with running() as engine, client(engine) as http:
        whole, head = await http.get(root(http) + path), await http.head(root(http) + path)
        assert head.status_code == whole.status_code
        assert head.headers["content-type"] == whole.headers["content-type"]
        assert head.headers["content-security-policy"] == whole.headers["content-security-policy"]
        assert int(head.headers["content-length"]) > 0
        # A body would be taken for the next answer on the same connection.
        assert (await http.get(root(http) + path)).status_code == whole.status_code


async def test_head_is_none_of_a_command(running: Running) -> None:
    async with running() as engine, client(engine) as http:
        found = await http.head("/modules/mod-sys-Probe-1/exec/echo")
        assert (found.status_code, found.headers["allow"]) == (405, "POST")
