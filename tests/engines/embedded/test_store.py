import asyncio
import json
import logging
import os
import signal
import sqlite3
import stat
import subprocess
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from pathlib import Path

import pytest

from mistlocate.engines.embedded.store import ModuleStorage, Store
from mistlocate.engines.embedded.store_file import VERSION
from mistlocate.errors import StoreError


@asynccontextmanager
async def opened(path: Path) -> AsyncIterator[Store]:
    store = Store(path)
    await store.open()
    try:
        yield store
    finally:
        await store.close()


async def test_hashes_survive(tmp_path: Path) -> None:
    async with opened(tmp_path / "a.db") as store:
        storage = ModuleStorage(store, "m")
        await storage.write("user_macs", {"a": "1", "b": "2"})
        await storage.write("user_macs", {"a": None, "c": "3", "gone": None})
        await storage.write("other", {"a": "x"})
    async with opened(tmp_path / "a.db") as store:
        assert await ModuleStorage(store, "m").read("user_macs") == {"b": "2", "c": "3"}
        assert await ModuleStorage(store, "m").read("other") == {"a": "x"}
        assert await ModuleStorage(store, "n").read("user_macs") == {}


async def test_no_library_logs_what_is_stored(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.DEBUG)
    async with opened(tmp_path / "a.db") as store:
        await store.save_settings("m", {"api_token": "sesame"})
        await ModuleStorage(store, "m").write("user_macs", {"563412e45678": "alice"})
    assert not [word for word in ("sesame", "alice", "563412e45678") if word in caplog.text]


async def test_settings_survive(tmp_path: Path) -> None:
    async with opened(tmp_path / "a.db") as store:
        await store.save_settings("m", {"interval": 5, "names": {"a": [1, None]}})
        await store.save_settings("m", {"interval": 6}, ("names",))
    async with opened(tmp_path / "a.db") as store:
        assert await store.saved_settings("m") == {"interval": 6}
        assert await store.saved_settings("n") == {}


async def test_only_the_owner_can_read_it(tmp_path: Path) -> None:
    async with opened(tmp_path / "deep" / "a.db") as store:
        await ModuleStorage(store, "m").write("h", {"a": "1"})
        for path in (tmp_path / "deep").iterdir():
            assert stat.S_IMODE(path.stat().st_mode) & 0o077 == 0, path


async def test_what_is_written_is_on_the_disk(tmp_path: Path) -> None:
    """SQLite waits for the disk with each transaction (2 is FULL): what was answered survives a loss of power."""
    async with opened(tmp_path / "a.db") as store:
        assert await store._rows("PRAGMA synchronous", ()) == [(2,)]


async def test_writes_side_by_side_all_arrive(tmp_path: Path) -> None:
    async with opened(tmp_path / "a.db") as store:
        storage = ModuleStorage(store, "m")
        await asyncio.gather(*(storage.write("h", {f"field{n}": str(n)}) for n in range(100)))
        assert len(await storage.read("h")) == 100


async def test_a_write_that_fails_changes_nothing(tmp_path: Path) -> None:
    async with opened(tmp_path / "a.db") as store:
        storage = ModuleStorage(store, "m")
        await storage.write("h", {"a": "1"})
        with pytest.raises(StoreError):
            await storage.write("h", {"a": None, "b": object()})  # type: ignore[dict-item]
        assert await storage.read("h") == {"a": "1"}


async def test_a_closed_store_says_so(tmp_path: Path) -> None:
    store = Store(tmp_path / "a.db")
    with pytest.raises(StoreError, match="closed"):
        await store.read_hash("m", "h")


@pytest.mark.parametrize("content", [b"this is no database, and long enough to be sure of it" * 50])
async def test_what_is_no_store_is_not_touched(tmp_path: Path, content: bytes) -> None:
    path = tmp_path / "a.db"
    path.write_bytes(content)
    with pytest.raises(StoreError, match="cannot be opened"):
        await Store(path).open()
    assert path.read_bytes() == content


async def test_a_store_of_a_later_version_is_not_touched(tmp_path: Path) -> None:
    path = tmp_path / "a.db"
    connection = sqlite3.connect(path)
    connection.execute(f"PRAGMA user_version = {VERSION + 1}")
    connection.close()
    with pytest.raises(StoreError, match="newer mistlocate"):
        await Store(path).open()


async def test_a_folder_that_cannot_be_made(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("x")
    with pytest.raises(StoreError, match="check `store`"):
        await Store(tmp_path / "file" / "a.db").open()


_WRITER = """
import asyncio, itertools, json, sys
from pathlib import Path
from mistlocate.engines.embedded.store import ModuleStorage, Store

async def main():
    store = Store(Path(sys.argv[1]))
    await store.open()
    storage = ModuleStorage(store, "m")
    for number in itertools.count():
        macs = [f"mac{number % 7}", f"mac{number % 5}"]
        await storage.write("h", {"number": str(number), "again": str(number), macs[0]: None, macs[1]: str(number)})
        print(number, flush=True)

asyncio.run(main())
"""


@pytest.mark.parametrize("after", [1, 20, 150])
async def test_a_process_that_is_killed_leaves_whole_writes(tmp_path: Path, after: int) -> None:
    path = tmp_path / "a.db"
    process = subprocess.Popen([sys.executable, "-c", _WRITER, str(path)], stdout=subprocess.PIPE, text=True)  # noqa: ASYNC220
    assert process.stdout is not None
    last = -1
    for line in process.stdout:
        last = int(line)
        if last >= after:
            os.kill(process.pid, signal.SIGKILL)
            break
    process.communicate()
    async with opened(path) as store:
        stored = await ModuleStorage(store, "m").read("h")
    assert stored["number"] == stored["again"]
    assert int(stored["number"]) >= last, "what was confirmed is there"
    json.dumps(stored)


async def test_a_write_that_nobody_waits_for_any_more_is_finished_and_stands_in_nobodys_way(tmp_path: Path) -> None:
    async with opened(tmp_path / "a.db") as store:
        for turns in range(12):
            task = asyncio.create_task(store.write_hash("m", "h", {f"{turns}": "1", f"{turns}'": "2"}))
            for _ in range(turns):
                await asyncio.sleep(0)
            task.cancel()
            with suppress(asyncio.CancelledError):
                await task
            await store.write_hash("other", "h", {"a": str(turns)})
        stored = await store.read_hash("m", "h")
        assert all((f"{turns}" in stored) == (f"{turns}'" in stored) for turns in range(12)), "all of it or none"
        assert all(f"{turns}" in stored for turns in range(2, 12)), "what was begun is finished"
        assert await store.read_hash("other", "h") == {"a": "11"}
    async with opened(tmp_path / "a.db") as store:
        last = asyncio.create_task(store.write_hash("m", "h", {"last": "1"}))
        await asyncio.sleep(0)
        last.cancel()
        await store.close()
        with pytest.raises(StoreError, match="closed"):
            await store.write_hash("m", "h", {"late": "1"})


async def test_a_deleted_file_is_said_and_begun_anew(tmp_path: Path) -> None:
    path = tmp_path / "a.db"
    async with opened(path) as store:
        storage = ModuleStorage(store, "m")
        await storage.write("h", {"a": "1"})
        await store.save_settings("m", {"interval": 9})
        await store.save_settings("m", {"kept": [1], "gone": 2})
        await store.save_settings("m", {}, ("gone",))
        for each in tmp_path.glob("a.db*"):
            each.unlink()
        with pytest.raises(StoreError, match="deleted or replaced"):
            await storage.write("h", {"b": "2"})
        await storage.write("h", {"b": "2"})
        assert stat.S_IMODE(path.stat().st_mode) & 0o077 == 0
    async with opened(path) as store:
        assert await ModuleStorage(store, "m").read("h") == {"b": "2"}
        assert await store.saved_settings("m") == {"interval": 9, "kept": [1]}, "objections are among them"


async def test_a_folder_that_goes_and_comes_back_is_used_again(tmp_path: Path) -> None:
    folder = tmp_path / "data"
    async with opened(folder / "a.db") as store:
        storage = ModuleStorage(store, "m")
        await storage.write("h", {"a": "1"})
        folder.rename(tmp_path / "elsewhere")
        folder.touch()
        for _ in range(3):
            with pytest.raises(StoreError, match="cannot be opened"):
                await storage.write("h", {"b": "2"})
        folder.unlink()
        (tmp_path / "elsewhere").rename(folder)
        await storage.write("h", {"b": "2"})
        assert await storage.read("h") == {"a": "1", "b": "2"}


def _bytes_of(path: Path) -> bytes:
    return b"".join(each.read_bytes() for each in path.parent.iterdir() if each.name.startswith(path.name))


async def test_what_is_deleted_cannot_be_read_from_the_files_any_more(tmp_path: Path) -> None:
    path = tmp_path / "a.db"
    async with opened(path) as store:
        storage = ModuleStorage(store, "m")
        await storage.write("h", {f"mac-{n}": f"wanda.leaver-{n}" for n in range(500)})
        assert b"wanda.leaver" in _bytes_of(path)
        await storage.write("h", {f"mac-{n}": None for n in range(500)})
        await storage.wipe()
        assert b"wanda.leaver" not in _bytes_of(path)
        assert await storage.read("h") == {}


async def test_what_was_deleted_before_goes_with_the_first_start(tmp_path: Path) -> None:
    path = tmp_path / "a.db"
    async with opened(path) as store:
        await ModuleStorage(store, "m").write("h", {"kept": "1"})
    with sqlite3.connect(path) as old:
        old.execute("PRAGMA secure_delete = OFF")
        old.executemany("INSERT INTO hashes VALUES ('m', 'h', ?, ?)", [(f"f{n}", "wanda.leaver") for n in range(500)])
        old.commit()
        old.execute("DELETE FROM hashes WHERE field LIKE 'f%'")
        old.execute("PRAGMA user_version = 1")
        old.commit()
    old.close()
    assert b"wanda.leaver" in _bytes_of(path)
    async with opened(path) as store:
        assert await ModuleStorage(store, "m").read("h") == {"kept": "1"}
    assert b"wanda.leaver" not in _bytes_of(path)


async def test_a_reader_that_keeps_what_was_deleted_is_told(tmp_path: Path) -> None:
    path = tmp_path / "a.db"
    async with opened(path) as store:
        storage = ModuleStorage(store, "m")
        await storage.write("h", {"a": "1"})
        reader = sqlite3.connect(path, isolation_level=None)
        reader.execute("BEGIN")
        reader.execute("SELECT * FROM hashes").fetchall()
        await storage.write("h", {"a": None})
        with pytest.raises(StoreError, match="read by another program"):
            await storage.wipe()
        reader.close()
        await storage.wipe()
