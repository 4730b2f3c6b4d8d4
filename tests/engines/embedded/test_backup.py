"""Copies of the store, taken and given back beside a real one."""

import asyncio
import os
import sqlite3
import stat
from contextlib import closing
from pathlib import Path

import pytest

from mistlocate.engines.embedded.backup import back_up, restore
from mistlocate.engines.embedded.store import Store
from mistlocate.engines.embedded.store_file import VERSION
from mistlocate.errors import StoreError


async def filled(path: Path, value: str = "alice") -> Store:
    store = Store(path)
    await store.open()
    await store.write_hash("mod", "user_macs", {"00005e005301": value})
    await store.save_settings("mod", {"guests": "hidden"})
    return store


async def owner(path: Path) -> str | None:
    store = Store(path)
    await store.open()
    found = await store.read_hash("mod", "user_macs")
    await store.close()
    return found.get("00005e005301")


async def test_a_store_is_copied_while_it_is_written(tmp_path: Path) -> None:
    store = await filled(tmp_path / "s.db")

    async def write() -> None:
        for number in range(200):
            await store.write_hash("mod", "both", {"one": str(number), "other": str(number)})

    writing = asyncio.create_task(write())
    for number in range(5):
        await asyncio.to_thread(back_up, store.path, tmp_path / f"{number}.bak")
    await writing
    await store.close()
    for number in range(5):
        copy = Store(tmp_path / f"{number}.bak")
        await copy.open()
        both = await copy.read_hash("mod", "both")
        assert both.get("one") == both.get("other"), "of one moment"
        assert await copy.saved_settings("mod") == {"guests": "hidden"}
        await copy.close()


async def test_a_backup_is_one_file_that_only_its_owner_can_read(tmp_path: Path) -> None:
    store = await filled(tmp_path / "s.db")
    target = tmp_path / "copies"
    target.mkdir()
    assert back_up(store.path, target / "b") == (target / "b").stat().st_size
    assert [each.name for each in target.iterdir()] == ["b"]
    assert stat.S_IMODE((target / "b").stat().st_mode) == 0o600
    await store.close()


async def test_nothing_is_overwritten(tmp_path: Path) -> None:
    store = await filled(tmp_path / "s.db")
    await store.close()
    taken = tmp_path / "taken"
    taken.write_text("something of value")
    with pytest.raises(StoreError, match="exists"):
        back_up(store.path, taken)
    assert taken.read_text() == "something of value"
    back_up(store.path, tmp_path / "b")
    with pytest.raises(StoreError, match="--replace"):
        restore(tmp_path / "b", store.path)


@pytest.mark.parametrize("replace", [False, True])
async def test_what_was_backed_up_comes_back(tmp_path: Path, replace: bool) -> None:
    store = await filled(tmp_path / "s.db")
    back_up(store.path, tmp_path / "b")
    await store.write_hash("mod", "user_macs", {"00005e005301": "bob"})
    await store.close()
    target = store.path if replace else tmp_path / "new" / "s.db"
    restore(tmp_path / "b", target, replace=replace)
    assert stat.S_IMODE(target.stat().st_mode) == 0o600
    assert await owner(target) == "alice"
    assert {each.name for each in target.parent.iterdir()} <= {"s.db", "s.db-wal", "s.db-shm", "s.db.lock", "b"}


async def test_a_store_that_is_in_use_is_not_replaced(tmp_path: Path) -> None:
    store = await filled(tmp_path / "s.db")
    back_up(store.path, tmp_path / "b")
    await store.write_hash("mod", "user_macs", {"00005e005301": "bob"})
    with pytest.raises(StoreError, match=r"in use.*stop the engine"):
        restore(tmp_path / "b", store.path, replace=True)
    await store.write_hash("mod", "more", {"still": "written"})
    await store.close()
    assert await owner(store.path) == "bob"


async def test_a_broken_store_can_be_replaced(tmp_path: Path) -> None:
    store = await filled(tmp_path / "s.db")
    back_up(store.path, tmp_path / "b")
    await store.close()
    store.path.write_bytes(b"rubbish" * 5000)
    restore(tmp_path / "b", store.path, replace=True)
    assert await owner(store.path) == "alice"


@pytest.mark.parametrize("content", [b"", b"no database at all" * 100])
async def test_what_is_no_store_is_not_restored(tmp_path: Path, content: bytes) -> None:
    store = await filled(tmp_path / "s.db")
    await store.close()
    (tmp_path / "b").write_bytes(content)
    with pytest.raises(StoreError, match="no store"):
        restore(tmp_path / "b", store.path, replace=True)
    assert await owner(store.path) == "alice"


async def test_nor_one_that_is_damaged_of_another_program_or_newer(tmp_path: Path) -> None:
    store = await filled(tmp_path / "s.db")
    for number in range(400):
        await store.write_hash("mod", "many", {str(number): "x" * 50})
    back_up(store.path, tmp_path / "b")
    back_up(store.path, tmp_path / "newer")
    await store.close()
    damaged = bytearray((tmp_path / "b").read_bytes())
    damaged[len(damaged) // 2 : len(damaged) // 2 + 3000] = b"\xff" * 3000
    (tmp_path / "damaged").write_bytes(damaged)
    with closing(sqlite3.connect(tmp_path / "other")) as other:
        other.execute("CREATE TABLE notes (text)")
        other.commit()
    with closing(sqlite3.connect(tmp_path / "newer")) as newer:
        newer.execute(f"PRAGMA user_version = {VERSION + 1}")
    for name, says in (
        ("damaged", "no store"),
        ("other", "no store"),
        ("newer", "newer mistlocate"),
        ("none", "no backup"),
    ):
        with pytest.raises(StoreError, match=says):
            restore(tmp_path / name, store.path, replace=True)
    assert await owner(store.path) == "alice"


def test_a_store_that_is_not_there(tmp_path: Path) -> None:
    with pytest.raises(StoreError, match="no store at"):
        back_up(tmp_path / "nowhere.db", tmp_path / "b")
    assert not (tmp_path / "b").exists()


async def test_a_store_of_an_earlier_version_is_brought_up_to_date(tmp_path: Path) -> None:
    store = await filled(tmp_path / "s.db")
    await store.close()
    with closing(sqlite3.connect(store.path)) as connection:
        connection.execute("DROP TABLE saved_settings")
        connection.execute("PRAGMA user_version = 1")
    assert await owner(store.path) == "alice"
    with closing(sqlite3.connect(store.path)) as connection:
        assert connection.execute("PRAGMA user_version").fetchone() == (VERSION,)
        assert connection.execute("SELECT count(*) FROM saved_settings").fetchone() == (0,)


async def killed(store: Store) -> None:
    """Leave beside a store what a process leaves that is killed: its last changes are in the write-ahead log alone."""
    beside = {path: path.read_bytes() for path in store.path.parent.glob(f"{store.path.name}*")}
    await store.close()
    for path, content in beside.items():
        path.write_bytes(content)


@pytest.mark.parametrize("gone", [True, False])
async def test_what_a_killed_engine_left_beside_its_store_is_not_written_over_the_backup(
    tmp_path: Path, gone: bool
) -> None:
    store = await filled(tmp_path / "s.db")
    back_up(store.path, tmp_path / "b")
    await store.write_hash("mod", "user_macs", {"00005e005301": "bob"})
    await killed(store)
    assert (tmp_path / "s.db-wal").stat().st_size > 0
    if gone:
        store.path.rename(tmp_path / "broken.db")
    restore(tmp_path / "b", store.path, replace=not gone)
    assert await owner(store.path) == "alice"


async def test_nor_what_it_left_beside_one_that_is_broken(tmp_path: Path) -> None:
    store = await filled(tmp_path / "s.db")
    back_up(store.path, tmp_path / "b")
    with closing(sqlite3.connect(store.path)) as connection:
        connection.execute("PRAGMA wal_checkpoint(TRUNCATE)")  # from here on the log has no first page
    await store.write_hash("mod", "user_macs", {"00005e005301": "bob"})
    await killed(store)
    store.path.write_bytes(b"rubbish" + store.path.read_bytes()[7:])
    restore(tmp_path / "b", store.path, replace=True)
    assert await owner(store.path) == "alice"


async def test_a_store_that_an_engine_goes_on_without_is_in_use(tmp_path: Path) -> None:
    store = await filled(tmp_path / "s.db")
    back_up(store.path, tmp_path / "b")
    store.path.unlink()
    with pytest.raises(StoreError, match=r"another engine has the store.*stop the engine"):
        restore(tmp_path / "b", store.path)
    assert not store.path.exists()
    await store.close()


@pytest.mark.parametrize("gone", [True, False])
async def test_root_restores_for_whoever_the_store_belongs_to(
    tmp_path: Path, gone: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    root = os.geteuid() == 0
    user, group = (4711, 4712) if root else (os.getuid(), os.getgid())
    given: list[tuple[int, int]] = []

    def chown(path: object, uid: int, gid: int) -> None:
        given.append((uid, gid))
        if root:
            real(path, uid, gid)  # type: ignore[arg-type]

    real = os.chown
    monkeypatch.setattr(os, "chown", chown)
    monkeypatch.setattr(os, "geteuid", lambda: 0)
    folder = tmp_path / "data"
    folder.mkdir()
    store = await filled(folder / "s.db")
    await store.close()
    back_up(store.path, tmp_path / "b")
    os.chown(folder, user, group)
    os.chown(store.path, user, group)
    if gone:
        store.path.unlink()
    given.clear()
    restore(tmp_path / "b", store.path, replace=not gone)
    found = store.path.stat()
    assert given[-1] == (user, group)
    assert (found.st_uid, found.st_gid, stat.S_IMODE(found.st_mode)) == (user, group, 0o600)


async def test_a_full_disk_is_no_matter_of_rights(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    store = await filled(tmp_path / "s.db")
    await store.close()

    def full(*_: object) -> None:
        raise sqlite3.OperationalError("database or disk is full")

    monkeypatch.setattr("mistlocate.engines.embedded.backup._copy", full)
    with pytest.raises(StoreError, match=r"disk is full.*make room"):
        back_up(store.path, tmp_path / "b")
    assert not (tmp_path / "b").exists()
