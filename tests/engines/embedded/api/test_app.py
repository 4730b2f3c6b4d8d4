from collections.abc import Callable
from contextlib import AbstractAsyncContextManager

import pytest

from mistlocate.engines.embedded.api import common
from mistlocate.engines.embedded.engine import Engine
from support.api import client

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
