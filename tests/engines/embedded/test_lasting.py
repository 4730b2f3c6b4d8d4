"""Objections are not left behind by a change of the settings file, whatever changes places in it."""

import sqlite3
from collections.abc import Mapping
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest

from mistlocate.engines.embedded import saved
from mistlocate.engines.embedded.config import Loaded, load
from mistlocate.engines.embedded.engine import Engine
from mistlocate.errors import SettingsError, StoreError
from mistlocate.simulator import Campus
from support.site import settings, site

ONE, TWO, THREE = (f"ea57dcee-516a-5fde-abca-aa9b6f37162{number}" for number in range(1, 4))
A, B = "mod-a-MistWebsocket-1", "mod-b-MistWebsocket-1"
EMPTY = Campus(seed=1, people=0, floors=2, passers=0)
ALICE = "alice@example.com"


def register(who: int = 1) -> dict[str, Any]:
    """Objections of so many people."""
    return {"key": "0" * 64, "revision": who, "opted_out": [{"who": [f"{each:032x}"]} for each in range(who)]}


def module(site_id: str, **more: Any) -> dict[str, Any]:
    here = {"api_token": "sesame", "site_id": site_id, "rest_host": "127.0.0.1:9", "proxy": ""}
    return {"driver": "MistWebsocket", "settings": here, **more}


class File:
    """A settings file: modules by system; and what an engine makes of it."""

    def __init__(self, tmp_path: Path, **systems: list[dict[str, Any]]) -> None:
        listed = [{"id": name, "modules": modules} for name, modules in systems.items()]
        self.loaded: Loaded = load({"systems": listed}, tmp_path)

    async def run(self, *objections: Mapping[str, Any], of: str = A) -> None:
        """Run an engine with it; the module saves its objections."""
        async with Engine(self.loaded) as engine:
            for each in objections:
                await engine.save_settings(of, {"objections": each}, by_module=True)

    async def refused(self) -> str:
        """Why it is refused, at a start."""
        with pytest.raises(SettingsError) as raised:
            await self.run()
        return str(raised.value)


class TestAtTheStart:
    async def test_another_name_of_the_system(self, tmp_path: Path) -> None:
        await File(tmp_path, a=[module(ONE)]).run(register(2))
        text = await File(tmp_path, b=[module(ONE)]).refused()
        assert "systems[0].modules[0].id: objections of this site (2) are kept for the module" in text
        assert f"write `id: {A}` here" in text
        assert f"mistlocate saved --drop {A} objections" in text
        await File(tmp_path, b=[module(ONE, id=A)]).run()

    async def test_two_modules_that_change_places(self, tmp_path: Path) -> None:
        await File(tmp_path, a=[module(ONE), module(TWO)]).run(register())
        text = await File(tmp_path, a=[module(TWO), module(ONE)]).refused()
        assert "systems[0].modules[1].id: objections of this site (1)" in text
        assert "has another site now" in text
        await File(tmp_path, a=[module(TWO, id="other"), module(ONE, id=A)]).run()

    async def test_a_site_that_moves_to_another_module(self, tmp_path: Path) -> None:
        await File(tmp_path, a=[module(ONE)], b=[module(TWO)]).run(register())
        assert "systems[1].modules[0].id" in await File(tmp_path, a=[module(THREE)], b=[module(ONE)]).refused()

    async def test_a_module_that_gets_another_site_takes_them_along_and_they_are_of_both_then(
        self, tmp_path: Path
    ) -> None:
        await File(tmp_path, a=[module(ONE)]).run(register())
        await File(tmp_path, a=[module(TWO)]).run()
        assert await File(tmp_path, b=[module(ONE)]).refused()
        assert await File(tmp_path, b=[module(TWO)]).refused()
        assert await File(tmp_path, a=[module(TWO)], b=[module(ONE)]).refused()

    async def test_a_site_that_is_given_up_stands_in_nobodys_way_until_it_comes_back(self, tmp_path: Path) -> None:
        await File(tmp_path, a=[module(ONE)], b=[module(TWO)]).run(register())
        await File(tmp_path, b=[module(TWO)]).run()
        await File(tmp_path, b=[module(TWO)], c=[module(THREE)]).run()
        assert await File(tmp_path, b=[module(TWO)], c=[module(ONE)]).refused()

    async def test_a_second_module_of_the_same_site_has_its_own(self, tmp_path: Path) -> None:
        both = File(tmp_path, a=[module(ONE)], b=[module(ONE)])
        await both.run(register())
        await both.run(register(3), of=B)
        await both.run()
        assert await File(tmp_path, b=[module(ONE)]).refused()

    async def test_where_nobody_objects_any_more_nothing_is_lost(self, tmp_path: Path) -> None:
        await File(tmp_path, a=[module(ONE)]).run(register(), {**register(0), "revision": 9})
        await File(tmp_path, b=[module(ONE)]).run()

    async def test_those_of_an_earlier_version_may_be_of_any_site(self, tmp_path: Path) -> None:
        await File(tmp_path, a=[module(ONE)]).run(register())
        with closing(sqlite3.connect(tmp_path / "mistlocate.db")) as store:
            store.execute("DROP TABLE saved_about")
            store.execute("PRAGMA user_version = 2")
        assert await File(tmp_path, b=[module(TWO)]).refused()
        await File(tmp_path, a=[module(ONE)]).run()
        await File(tmp_path, b=[module(TWO)]).run()
        assert await File(tmp_path, b=[module(ONE)]).refused()

    async def test_other_settings_that_were_saved_may_rest(self, tmp_path: Path) -> None:
        async with Engine(File(tmp_path, a=[module(ONE)]).loaded) as engine:
            await engine.save_settings(A, {"forget_after": 20})
        await File(tmp_path, b=[module(ONE)]).run()

    async def test_an_id_that_another_driver_has_now_is_no_home(self, tmp_path: Path) -> None:
        await File(tmp_path, a=[module(ONE)]).run(register())
        locations = {"driver": "MistLocations", "id": A, "settings": {}}
        assert "is no module of this kind" in await File(tmp_path, b=[module(ONE), locations]).refused()

    async def test_what_was_saved_and_is_damaged_is_told_with_what_to_do(self, tmp_path: Path) -> None:
        file = File(tmp_path, a=[module(ONE)])
        await file.run(register())
        with closing(sqlite3.connect(tmp_path / "mistlocate.db", isolation_level=None)) as store:
            store.execute("UPDATE saved_settings SET value = '{broken'")
        with pytest.raises(StoreError, match=f"the setting objections that was saved for {A} .* is damaged") as raised:
            await file.run()
        assert raised.value.hint == (
            f"restore a backup of the store; or give it up for good: mistlocate saved --drop {A} objections"
        )
        assert await File(tmp_path, b=[module(ONE)]).refused(), "who knows what it says"
        saved.drop(tmp_path / "mistlocate.db", A, "objections")
        await file.run()


class TestWhileItRuns:
    async def test_a_file_that_would_leave_them_behind_is_not_taken(self, tmp_path: Path) -> None:
        async with Engine(File(tmp_path, a=[module(ONE)], b=[module(TWO)]).loaded) as engine:
            await engine.save_settings(A, {"objections": register()}, by_module=True)
            before = dict(engine.hosts), engine.loaded
            for wrong in (
                File(tmp_path, c=[module(ONE)], b=[module(TWO)]),
                File(tmp_path, a=[module(TWO)], b=[module(ONE)]),
            ):
                with pytest.raises(SettingsError, match="they would be lifted"):
                    await engine.reload(wrong.loaded)
                assert (engine.hosts, engine.loaded) == before
            await engine.reload(File(tmp_path, c=[module(ONE, id=A)], b=[module(TWO)]).loaded)
            assert engine.find("c", "MistWebsocket_1").settings["objections"] == register()

    async def test_a_file_that_only_changes_settings_needs_no_store(self, tmp_path: Path) -> None:
        async with Engine(File(tmp_path, a=[module(ONE)]).loaded) as engine:
            await engine.store.close()
            await engine.reload(File(tmp_path, a=[module(ONE, uri="wss://api-ws.mist.com/api-ws/v1/stream")]).loaded)
            with pytest.raises(StoreError):
                await engine.reload(File(tmp_path, a=[module(TWO)]).loaded)

    async def test_a_site_that_is_saved_over_the_api_is_one_as_well(self, tmp_path: Path) -> None:
        await File(tmp_path, a=[module(ONE)]).run(register())
        async with Engine(File(tmp_path, b=[module(TWO)]).loaded) as engine:
            with pytest.raises(SettingsError, match="they would be lifted"):
                await engine.save_settings(B, {"site_id": ONE})
            assert engine.host(B).settings["site_id"] == TWO
            await engine.save_settings(B, {"site_id": THREE})
            await engine.save_settings(B, {"objections": register(5)}, by_module=True)
        assert "(5)" in await File(tmp_path, c=[module(THREE)]).refused()
        async with Engine(File(tmp_path, b=[module(TWO)]).loaded) as engine:
            await engine.save_settings(B, {}, ("site_id",))
        assert "(5)" in await File(tmp_path, c=[module(TWO)]).refused()

    async def test_only_the_module_itself_saves_them_or_takes_them_away(self, tmp_path: Path) -> None:
        async with Engine(File(tmp_path, a=[module(ONE)]).loaded) as engine:
            await engine.save_settings(A, {"objections": register()}, by_module=True)
            for changes, removed in (({"objections": register(0)}, ()), ({}, ("objections",))):
                with pytest.raises(SettingsError, match=r"objections: is kept by the module itself.*commands"):
                    await engine.save_settings(A, {"forget_after": 9, **changes}, removed)
            assert engine.host(A).saved == {"objections": register()}


async def test_who_objected_is_not_seen_again_through_another_name_of_the_system(tmp_path: Path) -> None:
    async with site(tmp_path, EMPTY) as it:
        await it.live()
        it.cloud.stage.add_device(username=ALICE, map_id=it.maps[0], x=1.0, y=2.0)
        assert (await it.locations("opt_out", ALICE))["saved"]
        raw = settings(it.cloud)
        raw["systems"][0]["id"] = "renamed"
        with pytest.raises(SettingsError, match=r"write `id: mod-sys-1-MistWebsocket-1` here"):
            await it.engine.reload(load(raw, tmp_path))
        assert await it.locations("locate_user", ALICE) == []
