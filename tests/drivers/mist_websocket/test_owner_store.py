import asyncio
import json
from collections.abc import Mapping

from mistlocate.drivers.mist_websocket.owner_store import IDENTITIES, USER_MACS, OwnerStore
from mistlocate.errors import StoreError
from mistlocate.location.evidence import Source
from mistlocate.location.ownership import Owners
from support.virtual import VirtualClock, virtual

A = "00005e005301"
T = 1_767_261_600.0


class Disk:
    """A storage that can be broken."""

    def __init__(self) -> None:
        self.hashes: dict[str, dict[str, str]] = {}
        self.broken = False
        self.writes = 0

    async def read(self, name: str) -> dict[str, str]:
        if self.broken:
            raise StoreError("disk gone")
        return dict(self.hashes.get(name, {}))

    async def write(self, name: str, changes: Mapping[str, str | None]) -> None:
        if self.broken:
            raise StoreError("disk full")
        self.writes += 1
        stored = self.hashes.setdefault(name, {})
        for field, value in changes.items():
            if value is None:
                stored.pop(field, None)
            else:
                stored[field] = value


@virtual
async def test_what_is_learned_is_written_and_loaded() -> None:
    disk, owners = Disk(), Owners()
    store = OwnerStore(owners, disk, VirtualClock())
    owners.learn(A, "alice@example.com", Source.DOT1X, T)
    await store.flush()
    assert disk.hashes[USER_MACS] == {A: "alice", "alice": json.dumps([A])}
    assert json.loads(disk.hashes[IDENTITIES][A])["user"] == "alice@example.com"
    again = Owners()
    await OwnerStore(again, disk, VirtualClock()).flush()
    assert str(again.owner_of(A).identity) == "alice@example.com"  # type: ignore[union-attr]


@virtual
async def test_nothing_new_is_nothing_written() -> None:
    disk = Disk()
    store = OwnerStore(Owners(), disk, VirtualClock())
    await store.flush()
    await store.flush()
    assert disk.writes == 0


@virtual
async def test_a_broken_store_is_said_and_caught_up_with() -> None:
    disk, owners = Disk(), Owners()
    store = OwnerStore(owners, disk, VirtualClock())
    await store.flush()
    disk.broken = True
    owners.learn(A, "alice@example.com", Source.DOT1X, T)
    await store.flush()
    assert store.trouble == "disk full"
    disk.broken = False
    await store.flush()
    assert store.trouble is None
    assert disk.hashes[USER_MACS][A] == "alice"


@virtual
async def test_a_store_that_cannot_be_read_at_first_loses_nothing() -> None:
    disk = Disk()
    disk.hashes = {USER_MACS: {A: "alice", "alice": json.dumps([A])}}
    disk.broken = True
    owners = Owners()
    store = OwnerStore(owners, disk, VirtualClock())
    owners.learn("00005e005302", "bob", Source.DOT1X, T)
    await store.flush()
    assert store.trouble == "disk gone"
    disk.broken = False
    await store.flush()
    assert owners.owner_of(A) is not None
    assert disk.hashes[USER_MACS]["00005e005302"] == "bob"
    assert disk.hashes[USER_MACS][A] == "alice"


@virtual
async def test_unreadable_entries_are_counted() -> None:
    disk = Disk()
    disk.hashes = {USER_MACS: {A: "alice"}, IDENTITIES: {A: "{"}}
    store = OwnerStore(Owners(), disk, VirtualClock())
    await store.flush()
    assert store.unreadable == 1


@virtual
async def test_a_write_that_is_cancelled_is_due_again() -> None:
    class Slow(Disk):
        async def write(self, name: str, changes: Mapping[str, str | None]) -> None:
            await asyncio.sleep(10)
            await super().write(name, changes)

    disk, owners = Slow(), Owners()
    store = OwnerStore(owners, disk, VirtualClock())
    owners.pin("alice@example.com", [A], T)
    task = asyncio.create_task(store.flush())
    await asyncio.sleep(1)
    task.cancel()
    await asyncio.gather(task, return_exceptions=True)
    await store.flush()
    assert disk.hashes[USER_MACS][A] == "alice"


@virtual
async def test_after_trouble_everything_is_written_again() -> None:
    disk, owners = Disk(), Owners()
    store = OwnerStore(owners, disk, VirtualClock())
    owners.learn(A, "alice@example.com", Source.DOT1X, T)
    await store.flush()
    disk.broken = True
    owners.learn("00005e005302", "bob", Source.DOT1X, T)
    await store.flush()
    disk.broken, disk.hashes = False, {}  # another disk
    await store.flush()
    await store.flush()
    assert disk.hashes[USER_MACS].keys() == {A, "alice", "00005e005302", "bob"}


@virtual
async def test_a_change_is_written_within_a_second_and_tried_again_until_it_is() -> None:
    disk, owners = Disk(), Owners()
    disk.broken = True
    store = OwnerStore(owners, disk, VirtualClock())
    await store.flush()
    task = asyncio.create_task(store.run())
    await asyncio.sleep(5)
    disk.broken = False
    await asyncio.sleep(1.5)
    assert store.trouble is None
    await asyncio.sleep(100)
    for number, name in enumerate(("alice", "bob")):
        owners.learn(f"00005e00530{number}", name, Source.DOT1X, T)
        await asyncio.sleep(1.5)
        assert disk.hashes[USER_MACS][f"00005e00530{number}"] == name
    disk.broken = True
    owners.learn("00005e005309", "carol", Source.DOT1X, T)
    await asyncio.sleep(30)
    disk.broken = False
    await asyncio.sleep(1.5)
    assert "carol" in disk.hashes[USER_MACS]
    task.cancel()


@virtual
async def test_what_a_store_lost_without_a_word_is_written_again() -> None:
    disk, owners = Disk(), Owners()
    store = OwnerStore(owners, disk, VirtualClock())
    owners.learn(A, "alice@example.com", Source.DOT1X, T)
    task = asyncio.create_task(store.run())
    await asyncio.sleep(10)
    disk.hashes = {}
    await asyncio.sleep(310)
    assert disk.hashes[USER_MACS] == {A: "alice", "alice": json.dumps([A])}
    task.cancel()


@virtual
async def test_a_device_that_changed_hands_before_the_store_was_read_is_on_one_list_only() -> None:
    disk, owners = Disk(), Owners()
    disk.hashes = {USER_MACS: {A: "alice", "alice": json.dumps([A])}}
    owners.learn(A, "bob", Source.DOT1X, T)
    await OwnerStore(owners, disk, VirtualClock()).flush()
    assert disk.hashes[USER_MACS] == {A: "bob", "bob": json.dumps([A])}
