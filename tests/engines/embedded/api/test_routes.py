"""The HTTP API, over a real socket."""

import asyncio
import json
from collections.abc import Callable
from contextlib import AbstractAsyncContextManager
from pathlib import Path
from typing import Any

import pytest

from mistlocate import __version__
from mistlocate.driver.supervisor import ModuleState
from mistlocate.engines.embedded.access import hash_key
from mistlocate.engines.embedded.engine import Engine
from mistlocate.errors import NotFound
from support.api import client, root, told
from support.drivers import Probe
from support.site import SYSTEM, site
from support.waiting import until

Running = Callable[..., AbstractAsyncContextManager[Engine]]

KEYS = {"user": "key-of-a-user", "support": "key-of-support", "administrator": "key-of-an-administrator"}
WITH_KEYS = {"api_keys": [{"name": level, "level": level, "hash": hash_key(key)} for level, key in KEYS.items()]}


class TestCommands:
    @pytest.mark.parametrize(
        ("body", "answer"),
        [
            (["hallo"], {"text": "hallo", "count": 1, "more": None}),
            (["hallo", 3, {"a": [1]}], {"text": "hallo", "count": 3, "more": {"a": [1]}}),
            ({"text": "hallo", "count": 3}, {"text": "hallo", "count": 3, "more": None}),
        ],
    )
    async def test_arguments_as_array_or_object(self, running: Running, body: Any, answer: Any) -> None:
        async with running() as engine, client(engine) as http:
            for path in ("/systems/sys/Probe_1/echo", "/systems/sys/Probe/echo", "/modules/mod-sys-Probe-1/exec/echo"):
                response = await http.post(path, json=body)
                assert (response.status_code, response.json()) == (200, answer)
                assert response.headers["content-type"] == "application/json"

    async def test_no_body_is_no_arguments(self, running: Running) -> None:
        async with running() as engine, client(engine) as http:
            assert (await http.post("/systems/sys/Probe_1/for_support")).json() == "support"

    @pytest.mark.parametrize(
        ("path", "body", "status", "message"),
        [
            ("/systems/sys/Probe_1/echo", [], 400, "text: is missing"),
            ("/systems/sys/Probe_1/echo", {"text": "a", "cuont": 1}, 400, "did you mean 'count'"),
            ("/systems/sys/Probe_1/ecko", [], 400, "no command 'ecko'"),
            ("/systems/sys/Probe_1/echo", "text", 400, "body"),
            ("/systems/sys/Probe_9/echo", [], 404, "no module 'Probe_9' in sys"),
            ("/systems/nowhere/Probe_1/echo", [], 404, "no system 'nowhere'"),
            ("/modules/nothing/exec/echo", [], 404, "no module 'nothing'"),
            ("/systems/sys/Probe_1/fail", ["known"], 500, "module raised: no such thing"),
            ("/systems/sys/Probe_1/fail", ["defect"], 500, "module raised: fail failed: KeyError"),
        ],
    )
    async def test_errors(self, running: Running, path: str, body: Any, status: int, message: str) -> None:
        async with running() as engine, client(engine) as http:
            found = await http.post(path, json=body)
            assert found.status_code == status
            assert message in found.json()["message"]
            assert "secret" not in found.text

    @pytest.mark.parametrize("raised", [False, True])
    async def test_an_answer_that_json_cannot_carry(
        self, running: Running, monkeypatch: pytest.MonkeyPatch, raised: bool
    ) -> None:
        async def for_support(_: Probe) -> str:
            if raised:
                raise NotFound("nothing like \ud800")
            return "\ud800"

        monkeypatch.setattr(Probe, "for_support", for_support)
        async with running() as engine, client(engine) as http:
            found = "nothing like ?" if raised else "the answer cannot be written as JSON"
            assert told(await http.post("/systems/sys/Probe_1/for_support")) == (500, f"module raised: {found}")

    async def test_errors_name_their_place_and_what_to_do(self, running: Running) -> None:
        async with running() as engine, client(engine) as http:
            found = (await http.post("/systems/sys/Probe_1/fail", json=["known"])).json()
            assert found == {
                "error": "NotFound",
                "message": "module raised: no such thing",
                "hint": "look elsewhere",
                "sys_id": "sys",
                "module_name": "Probe_1",
            }

    async def test_a_module_that_is_not_running(self, running: Running) -> None:
        async with running() as engine, client(engine) as http:
            assert (await http.post("/modules/mod-sys-Probe-1/stop")).status_code == 200
            assert told(await http.post("/systems/sys/Probe_1/echo", json=["x"]))[0] == 503
            await http.post("/modules/mod-sys-Probe-1/start")
            assert (await http.post("/systems/sys/Probe_1/echo", json=["x"])).status_code == 200
            await http.post("/modules/mod-sys-Probe-1/stop")
            await http.post("/modules/mod-sys-Probe-1/load")
            assert (await http.post("/systems/sys/Probe_1/echo", json=["x"])).status_code == 200
            await http.post("/systems/sys/stop")
            assert engine.find("sys", "Probe_1").state is ModuleState.STOPPED
            await http.post("/systems/sys/start")
            await until(lambda: engine.find("sys", "Probe_1").state is ModuleState.RUNNING)

    @pytest.mark.parametrize(
        ("path", "looked_up_with"), [("/modules/mod-sys-Probe-1", "host"), ("/systems/sys", "in_system")]
    )
    async def test_one_that_is_being_stopped_is_started_after_that(
        self, running: Running, monkeypatch: pytest.MonkeyPatch, path: str, looked_up_with: str
    ) -> None:
        unloading, unload, arrived = asyncio.Event(), asyncio.Event(), asyncio.Event()

        async def on_unload(_: Probe) -> None:
            unloading.set()
            await unload.wait()

        monkeypatch.setattr(Probe, "on_unload", on_unload)
        async with running() as engine, client(engine) as http:
            loads = Probe.loads
            stop = asyncio.create_task(http.post(f"{path}/stop"))
            await unloading.wait()
            look_up = getattr(engine, looked_up_with)
            monkeypatch.setattr(engine, looked_up_with, lambda found: arrived.set() or look_up(found))
            start = asyncio.create_task(http.post(f"{path}/start"))
            await arrived.wait()
            unload.set()
            assert [each.status_code for each in await asyncio.gather(stop, start)] == [200, 200]
            assert (await http.post("/systems/sys/Probe_1/echo", json=["x"])).status_code == 200
            assert Probe.loads == loads + 1

    async def test_whether_it_is_connected_and_what_went_wrong(
        self, running: Running, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr("mistlocate.driver.supervisor.FIRST_RESTART", 3600.0)
        async with running() as engine, client(engine) as http:
            assert (await http.post("/modules/mod-sys-Probe-1/ping")).json() == {"pingable": False}
            await http.post("/systems/sys/Probe_1/connect", json=[True])
            assert (await http.post("/modules/mod-sys-Probe-1/ping")).json() == {"pingable": True}
            assert (await http.get("/modules/mod-sys-Probe-1/error")).json() is None
            await http.post("/systems/sys/Probe_1/crash")
            await until(lambda: engine.find("sys", "Probe_1").state is ModuleState.CRASHED)
            assert (await http.get("/modules/mod-sys-Probe-1/error")).json() == "ZeroDivisionError"


class TestStatuses:
    async def test_one_and_all(self, running: Running) -> None:
        async with running() as engine, client(engine) as http:
            for path in ("/systems/sys/Probe_1", "/modules/mod-sys-Probe-1/state"):
                found = (await http.get(path)).json()
                assert json.loads(found["open"])["value"] == 1
                assert json.loads(found["closed"]) == "secret"
            for path in ("/systems/sys/Probe_1/open", "/modules/mod-sys-Probe-1/state/open"):
                assert (await http.get(path)).json()["value"] == 1
            assert (await http.get("/systems/sys/Probe_1/nothing")).json() is None

    @pytest.mark.parametrize("path", ["/systems/sys/Probe_1/k", "/systems/sys/Probe_1"])
    async def test_that_json_cannot_carry(self, running: Running, path: str) -> None:
        async with running() as engine, client(engine) as http:
            engine.board.set("mod-sys-Probe-1", "k", "\ud800")
            assert told(await http.get(path)) == (500, "module raised: the status 'k' cannot be written as JSON")

    @pytest.mark.parametrize(
        ("path", "error"),
        [
            ("/systems/sys/Probe_9/open", "NoSuchModule"),
            ("/systems/sys/Probe_9", "NoSuchModule"),
            ("/modules/nothing/state/open", "NoSuchModule"),
            ("/systems/nowhere/Probe_1/open", "NoSuchSystem"),
            (f"/systems/sys/Probe_{'9' * 5000}/open", "NoSuchModule"),
        ],
    )
    async def test_of_a_module_that_does_not_exist(self, running: Running, path: str, error: str) -> None:
        async with running() as engine, client(engine) as http:
            found = await http.get(path)
            assert (found.status_code, found.json()["error"]) == (404, error)


class TestLevels:
    @pytest.mark.parametrize(
        ("level", "commands"),
        [("user", [200, 401, 401]), ("support", [200, 200, 401]), ("administrator", [200, 200, 200])],
    )
    async def test_commands(self, running: Running, level: str, commands: list[int]) -> None:
        async with running(**WITH_KEYS) as engine, client(engine, **{"X-API-Key": KEYS[level]}) as http:
            found = [
                (await http.post(f"/systems/sys/Probe_1/{name}", json=args)).status_code
                for name, args in (("echo", ["x"]), ("for_support", []), ("for_administrators", []))
            ]
            assert found == commands
            shown = (await http.get("/systems/sys/functions/Probe_1")).json()
            assert [name in shown for name in ("echo", "for_support", "for_administrators")] == [
                status == 200 for status in commands
            ]

    @pytest.mark.parametrize(("level", "status"), [("user", 401), ("support", 401), ("administrator", 200)])
    async def test_statuses(self, running: Running, level: str, status: int) -> None:
        async with running(**WITH_KEYS) as engine, client(engine, Authorization=f"Bearer {KEYS[level]}") as http:
            assert (await http.get("/systems/sys/Probe_1/open")).status_code == 200
            assert (await http.get("/systems/sys/Probe_1/closed")).status_code == status
            assert ("closed" in (await http.get("/systems/sys/Probe_1")).json()) == (status == 200)
            assert (await http.post("/modules/mod-sys-Probe-1/stop")).status_code == status
            assert (await http.get("/modules/mod-sys-Probe-1/settings")).status_code == status

    @pytest.mark.parametrize(
        "path", ["/systems", "/modules", "/zones", "/systems/sys/Probe_1/open", "/systems/sys/functions/Probe_1"]
    )
    async def test_nobody_gets_in_without_a_key(self, running: Running, path: str) -> None:
        async with running(**WITH_KEYS) as engine, client(engine) as http:
            assert told(await http.get(path)) == (401, "an API key is needed: send it as X-API-Key")
            assert (await http.get(path, headers={"X-API-Key": "guess"})).status_code == 401
            assert (await http.get(f"{root(http)}/health")).status_code == 200

    async def test_what_is_missing_is_said(self, running: Running) -> None:
        async with running(**WITH_KEYS) as engine, client(engine, **{"X-API-Key": KEYS["user"]}) as http:
            found = (await http.post("/systems/sys/Probe_1/for_support")).json()
            assert found["message"] == "for_support needs the level support"
            assert found["hint"] == "the key 'user' has the level user"


class TestWhoAmI:
    @pytest.mark.parametrize("level", KEYS)
    async def test_the_name_and_level_of_the_key(self, running: Running, level: str) -> None:
        async with running(**WITH_KEYS) as engine, client(engine, **{"X-API-Key": KEYS[level]}) as http:
            found = (await http.get("/self")).json()
            assert found == {"name": level, "level": level, "keys": True, "version": __version__}

    async def test_without_keys(self, running: Running) -> None:
        async with running() as engine, client(engine) as http:
            found = (await http.get("/self")).json()
            assert found == {"name": None, "level": "administrator", "keys": False, "version": __version__}

    async def test_nobody(self, running: Running) -> None:
        async with running(**WITH_KEYS) as engine, client(engine) as http:
            assert (await http.get("/self")).status_code == 401


class TestLists:
    async def test_systems_modules_types_and_zones(self, running: Running) -> None:
        async with running({}, {}) as engine, client(engine) as http:
            system = {"id": "sys", "name": "S", "zones": [], "modules": ["Probe_1", "Probe_2"]}
            assert (await http.get("/systems")).json() == [system]
            assert (await http.get("/systems/sys")).json() == system
            assert (await http.get("/systems/sys/types")).json() == {"Probe": 2}
            modules = (await http.get("/modules")).json()
            assert [(each["slug"], each["state"]) for each in modules] == [
                ("Probe_1", "running"),
                ("Probe_2", "running"),
            ]
            assert (await http.get("/modules/mod-sys-Probe-2")).json() == modules[1]
            assert (await http.get("/zones")).json() == [{"id": "zone-1", "name": "One", "parent_id": None}]
            assert (await http.get("/zones/zone-1")).json()["name"] == "One"

    @pytest.mark.parametrize(
        ("path", "error", "hint"),
        [
            ("/zones/zone-9", "NoSuchZone", "zones: zone-1"),
            ("/systems/nowhere", "NoSuchSystem", "systems: sys"),
            ("/systems/nowhere/types", "NoSuchSystem", "systems: sys"),
            ("/modules/nothing", "NoSuchModule", "modules: mod-sys-Probe-1"),
        ],
    )
    async def test_what_does_not_exist_is_named_with_what_does(
        self, running: Running, path: str, error: str, hint: str
    ) -> None:
        async with running() as engine, client(engine) as http:
            found = await http.get(path)
            assert (found.status_code, found.json()["error"], found.json()["hint"]) == (404, error, hint)

    async def test_functions_with_schema_and_order(self, running: Running) -> None:
        async with running() as engine, client(engine) as http:
            echo = (await http.get("/systems/sys/functions/Probe_1")).json()["echo"]
            assert echo["order"] == ["text", "count", "more"]
            assert (echo["arity"], echo["level"], echo["description"]) == (1, "user", "Give back what came.")
            assert echo["params"]["count"] == {"type": "integer", "default": 1}


class TestSettings:
    async def test_saved_ones_take_effect_and_show_as_drift(self, running: Running) -> None:
        async with running({"value": 1, "secret": "sesame"}) as engine, client(engine) as http:
            found = (await http.put("/modules/mod-sys-Probe-1/settings", json={"value": 5})).json()
            assert found["settings"] == {"value": 5, "secret": "***"}
            assert found["drift"] == {"value": {"file": 1, "saved": 5}}
            assert found["schema"]["properties"]["value"]["default"] == 1
            await until(lambda: engine.board.get("mod-sys-Probe-1", "open").value["value"] == 5)  # type: ignore[union-attr]
            found = (await http.put("/modules/mod-sys-Probe-1/settings", json={"value": None})).json()
            assert (found["settings"]["value"], found["drift"]) == (1, {})
            assert "sesame" not in str(found)

    @pytest.mark.parametrize(
        ("changes", "message"),
        [
            ({"value": "many"}, "value"),
            ({"valeu": 1}, "did you mean 'value'"),
            ({"secret": "new"}, "secrets are not saved"),
            ([1], "the body must be a JSON object"),
            (None, "the body must be a JSON object"),
        ],
    )
    async def test_what_does_not_fit_changes_nothing(self, running: Running, changes: Any, message: str) -> None:
        async with running({"value": 1}) as engine, client(engine) as http:
            found = await http.put("/modules/mod-sys-Probe-1/settings", json=changes)
            assert found.status_code == 400
            assert message in found.json()["message"]
            assert (await http.get("/modules/mod-sys-Probe-1/settings")).json()["settings"] == {"value": 1}

    async def test_who_objected_is_changed_by_commands_alone_and_not_shown(self, tmp_path: Path) -> None:
        async with site(tmp_path) as it, client(it.engine) as http:
            await it.live()
            await it.locations("opt_out", "alice@example.com")
            path, kept = f"/modules/{it.host('MistWebsocket_1').spec.id}/settings", it.host("MistWebsocket_1").saved
            lifted = {"key": kept["objections"]["key"], "revision": kept["objections"]["revision"] + 1}
            for value in (lifted, None):
                found = await http.put(path, json={"objections": value})
                assert found.status_code == 400
                assert "is kept by the module itself, and not for changing by hand" in found.json()["message"]
            assert it.host("MistWebsocket_1").saved == kept
            assert await it.locations("locate_user", "alice@example.com") == []
            shown = await http.get(path)
            assert (shown.json()["kept"], shown.json()["settings"]["objections"]) == (["objections"], "***")
            assert lifted["key"] not in shown.text


class TestHealth:
    async def test_ok_and_degraded(self, running: Running) -> None:
        async with running({}, {}) as engine, client(engine) as http:
            found = await http.get(f"{root(http)}/health")
            assert (found.status_code, found.json()["status"], found.json()["running"]) == (200, "ok", 2)
            await engine.find("sys", "Probe_2").stop()
            found = await http.get(f"{root(http)}/health")
            assert (found.status_code, found.json()["status"]) == (503, "degraded")
            ready, live = await http.get(f"{root(http)}/health/ready"), await http.get(f"{root(http)}/health/live")
            assert (ready.status_code, ready.json()) == (503, found.json())
            assert (live.status_code, live.json()["status"]) == (200, "ok")


async def test_searching_too_often_is_answered_with_a_time_to_wait(tmp_path: Path) -> None:
    async with site(tmp_path, locations={"named_searches": 1}) as it, client(it.engine) as http:
        await it.live()
        path = f"/systems/{SYSTEM}/MistLocations_1/locate_user"
        assert (await http.post(path, json=["alice@example.com"])).status_code == 200
        refused = await http.post(path, json=["alice@example.com"])
        assert (refused.status_code, refused.json()["error"]) == (429, "TooManySearches")
        assert 1 <= int(refused.headers["retry-after"]) <= 60
        assert "alice" not in refused.text
        (record, _) = (await http.post(f"/systems/{SYSTEM}/MistLocations_1/audit")).json()  # which is no search
        assert (record["asker"], record["result"]) == ("local", "refused")
