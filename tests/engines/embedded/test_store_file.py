"""The file of a store, and two engines that want it."""

import signal
import subprocess
import sys
from pathlib import Path

import pytest

from mistlocate.engines.embedded.store import Store
from mistlocate.engines.embedded.store_file import StoreLock, create_private, identity_of
from mistlocate.errors import StoreError

_HOLDS = """
import sys, time
from pathlib import Path
from mistlocate.engines.embedded.store_file import StoreLock, create_private, identity_of
lock = StoreLock(Path(sys.argv[1]))
lock.take()
print("held", flush=True)
time.sleep(600)
"""


async def test_a_store_is_opened_by_one_engine(tmp_path: Path) -> None:
    path = tmp_path / "folder" / "mistlocate.db"
    first, second = Store(path), Store(path)
    await first.open()
    await first.write_hash("m", "h", {"a": "1"})
    with pytest.raises(StoreError, match="another engine has the store") as refused:
        await second.open()
    assert "name another" in str(refused.value.hint)
    await first.write_hash("m", "h", {"a": "2"})
    await first.close()
    await second.open()
    assert await second.read_hash("m", "h") == {"a": "2"}
    await second.close()


def test_a_process_that_is_killed_holds_nothing(tmp_path: Path) -> None:
    path = tmp_path / "mistlocate.db"
    holder = subprocess.Popen([sys.executable, "-c", _HOLDS, str(path)], stdout=subprocess.PIPE, text=True)
    try:
        assert holder.stdout is not None
        assert holder.stdout.readline() == "held\n"
        with pytest.raises(StoreError, match="another engine"):
            StoreLock(path).take()
    finally:
        holder.send_signal(signal.SIGKILL)
        holder.communicate()
    lock = StoreLock(path)
    lock.take()
    lock.give_back()
    lock.give_back()


def test_the_file_beside_is_the_owners_alone(tmp_path: Path) -> None:
    lock = StoreLock(tmp_path / "mistlocate.db")
    lock.take()
    assert (tmp_path / "mistlocate.db.lock").stat().st_mode & 0o077 == 0
    lock.give_back()


def test_a_folder_that_cannot_be_made(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(StoreError, match="cannot be opened"):
        StoreLock(tmp_path / "file" / "mistlocate.db").take()


def test_which_file_it_is(tmp_path: Path) -> None:
    path = tmp_path / "folder" / "mistlocate.db"
    assert identity_of(path) is None
    create_private(path)
    first = identity_of(path)
    assert path.stat().st_mode & 0o077 == 0
    create_private(path)
    assert identity_of(path) == first
    path.rename(tmp_path / "aside")
    create_private(path)
    assert identity_of(path) not in (first, None)
