"""Settings that were saved at run time, read from and dropped in the file of the store."""

import sqlite3
from contextlib import closing
from pathlib import Path

import pytest

from mistlocate.engines.embedded import saved
from mistlocate.engines.embedded.store import Store
from mistlocate.engines.embedded.store_file import VERSION
from mistlocate.errors import StoreError

ABOUT = [("m", "objections", "site-1")]


async def opened(path: Path) -> Store:
    """A store in which something was saved."""
    store = Store(path)
    await store.open()
    await store.save_settings("m", {"objections": {"key": "wanda"}, "interval": 5}, (), ABOUT)
    return store


async def test_it_is_read_while_an_engine_has_it_and_dropped_when_none_has(tmp_path: Path) -> None:
    path = tmp_path / "a.db"
    assert saved.read(path) == []
    assert not path.exists()
    store = await opened(path)
    interval = saved.Saved("m", "interval", 5, frozenset())
    everything = [interval, saved.Saved("m", "objections", {"key": "wanda"}, frozenset({"site-1"}))]
    assert saved.read(path) == everything == await store.everything_saved()
    with pytest.raises(StoreError, match="stop the engine"):
        saved.drop(path, "m", "objections")
    await store.close()
    assert saved.read(path) == everything
    with pytest.raises(StoreError, match=r"no setting objections is saved for other \(`mistlocate saved` lists"):
        saved.drop(path, "other", "objections")
    saved.drop(path, "m", "objections")
    assert saved.read(path) == [interval]
    assert b"wanda" not in path.read_bytes()
    assert b"site-1" not in path.read_bytes()


async def test_one_that_was_replaced_gets_it_again_with_what_it_is_about(tmp_path: Path) -> None:
    store = await opened(tmp_path / "a.db")
    await store.save_settings("m", {"gone": 1}, (), [("m", "gone", "site-1")])
    await store.save_settings("m", {}, ("gone",))
    await store.save_settings("m", {}, (), [("m", "objections", "site-2")])
    for each in tmp_path.glob("a.db*"):
        each.unlink()
    with pytest.raises(StoreError, match="a new one was begun"):
        await store.write_hash("m", "h", {"a": "1"})
    await store.close()
    found = {each.name: each.about for each in saved.read(tmp_path / "a.db")}
    assert found == {"interval": set(), "objections": {"site-1", "site-2"}}


async def test_what_is_damaged_is_nothing(tmp_path: Path) -> None:
    store = await opened(tmp_path / "a.db")
    await store.close()
    with closing(sqlite3.connect(tmp_path / "a.db", isolation_level=None)) as connection:
        connection.execute("UPDATE saved_settings SET value = '{broken'")
    assert [each.value for each in saved.read(tmp_path / "a.db")] == [None, None]
    saved.drop(tmp_path / "a.db", "m", "interval")


async def test_what_is_no_store_is_said(tmp_path: Path) -> None:
    path = tmp_path / "a.db"
    path.write_bytes(b"no database at all, but long enough to be looked at" * 50)
    with pytest.raises(StoreError, match="cannot be read"):
        saved.read(path)


async def test_one_of_a_later_version_is_not_read_and_not_changed(tmp_path: Path) -> None:
    path = tmp_path / "a.db"
    await (await opened(path)).close()
    with closing(sqlite3.connect(path, isolation_level=None)) as newer:
        newer.execute(f"PRAGMA user_version = {VERSION + 1}")
    with pytest.raises(StoreError, match="newer mistlocate"):
        saved.read(path)
    with pytest.raises(StoreError, match="newer mistlocate"):
        saved.drop(path, "m", "interval")


async def test_one_of_an_earlier_version_is_read_and_not_changed(tmp_path: Path) -> None:
    path = tmp_path / "a.db"
    store = await opened(path)
    await store.close()
    with closing(sqlite3.connect(path)) as old:
        old.execute("DROP TABLE saved_about")
    before = path.read_bytes()
    assert [(each.name, each.about) for each in saved.read(path)] == [("interval", set()), ("objections", set())]
    assert path.read_bytes() == before
    saved.drop(path, "m", "objections")
    assert [each.name for each in saved.read(path)] == ["interval"]
