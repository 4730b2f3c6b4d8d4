"""Audit records in a hash of the module."""

import asyncio
from collections.abc import Mapping
from typing import Any

import pytest
import structlog
from structlog.testing import capture_logs

from mistlocate.driver.context import AuditRecord
from mistlocate.engines.placeos import audit
from mistlocate.engines.placeos.audit import AUDIT, HashAudit
from mistlocate.errors import StoreError

RECORD = AuditRecord(1_000.0, "user-1", "search", "alice", "found")


class Hashes:
    """Private storage in memory. Others have their turn while it reads and writes; `unanswered` writes are not told."""

    def __init__(self) -> None:
        self.hashes: dict[str, dict[str, str]] = {}
        self.unanswered = False

    async def read(self, name: str) -> dict[str, str]:
        found = dict(self.hashes.get(name, {}))
        await asyncio.sleep(0)
        return found

    async def write(self, name: str, changes: Mapping[str, str | None]) -> None:
        await asyncio.sleep(0)
        self._change(name, changes)
        await asyncio.sleep(0)
        if self.unanswered:
            raise StoreError("no answer")

    def _change(self, name: str, changes: Mapping[str, str | None]) -> None:
        fields = self.hashes.setdefault(name, {})
        for field, value in changes.items():
            if value is None:
                fields.pop(field, None)
            else:
                fields[field] = value

    async def wipe(self) -> None: ...


def made(hashes: Hashes) -> HashAudit:
    log: Any = structlog.get_logger()
    return HashAudit(hashes, log)


async def test_the_oldest_go_when_there_are_too_many(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(audit, "RECORDS_AT_MOST", 5)
    hashes = Hashes()
    for restart in range(3):
        it = made(hashes)
        await it.append([RECORD._replace(at=1_000.0 + 10 * restart + n) for n in range(3)])
    assert len(hashes.hashes[AUDIT]) == 5
    assert [each.at for each in await it.read(0.0, 100)] == [1_022.0, 1_021.0, 1_020.0, 1_012.0, 1_011.0]


async def test_each_is_a_line_of_the_log_that_names_nobody() -> None:
    with capture_logs() as lines:
        await made(Hashes()).append([RECORD])
    assert [(line["asker"], line["command"], line["result"]) for line in lines] == [("user-1", "search", "found")]
    assert "alice" not in str(lines)


async def test_what_others_wrote_there_is_no_record() -> None:
    hashes = Hashes()
    await made(hashes).append([RECORD])
    hashes.hashes[AUDIT].update({"0000000002.000000-1": "nonsense", "0000000002.000000-2": "[1]"})
    assert await made(hashes).read(0.0, 100) == [RECORD]


async def test_what_is_written_while_others_are_forgotten_is_forgotten_in_its_turn() -> None:
    hashes = Hashes()
    it = made(hashes)
    await it.append([RECORD._replace(at=100.0)])
    await asyncio.gather(it.append([RECORD._replace(at=200.0)]), it.forget(150.0))
    assert [each.at for each in await it.read(0.0, 100)] == [200.0]
    await it.forget(1_000.0)
    assert hashes.hashes[AUDIT] == {}


@pytest.mark.parametrize("order", [1, -1])
async def test_what_is_forgotten_while_names_are_taken_out_does_not_come_back(order: int) -> None:
    hashes = Hashes()
    it = made(hashes)
    await it.append([RECORD])
    both = [it.rename(lambda about: about == "alice", "-"), it.forget(2_000.0)]
    await asyncio.gather(*both[::order])
    assert hashes.hashes[AUDIT] == {}


async def test_a_record_that_was_written_and_not_confirmed_is_forgotten_like_any_other() -> None:
    hashes = Hashes()
    it = made(hashes)
    await it.append([RECORD])
    hashes.unanswered = True
    with pytest.raises(StoreError):
        await it.append([RECORD._replace(at=1_001.0)])
    hashes.unanswered = False
    await it.forget(2_000.0)
    assert hashes.hashes[AUDIT] == {}
