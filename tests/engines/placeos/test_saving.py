"""Settings that are saved through core, which says so only by sending them back."""

import asyncio
import json
from typing import Any

import pytest

from mistlocate.engines.placeos.saving import SAVED_WITHIN, Saving
from mistlocate.errors import StoreError
from support.virtual import VirtualClock, virtual


class Core:
    """Keeps settings, and sends them back when a test says so."""

    def __init__(self) -> None:
        self.saving = Saving(self._take, VirtualClock())
        self.sent: list[Any] = []

    async def _take(self, frame: bytes) -> None:
        self.sent.append(json.loads(json.loads(frame)["payload"]))

    async def begun(self, *args: Any) -> "asyncio.Task[None]":
        task = asyncio.create_task(self.saving.save(*args))
        await asyncio.sleep(0.1)
        return task


@virtual
async def test_it_is_saved_when_core_sends_it_back() -> None:
    core = Core()
    core.saving.told("m", {"a": 1})
    task = await core.begun("m", "a", {"b": (2, None)})
    assert core.sent == [["a", {"b": [2, None]}]]
    for settings in ({"a": 1}, {"a": {"b": [2]}}, {}):
        core.saving.told("m", settings)
        core.saving.told("other", {"a": {"b": [2, None]}})
        await asyncio.sleep(0.1)
        assert not task.done(), settings
    core.saving.told("m", {"a": {"b": [2, None]}, "more": 1})
    await task


@virtual
async def test_what_core_does_not_send_back_is_not_saved() -> None:
    core = Core()
    task = await core.begun("m", "a", 2)
    with pytest.raises(StoreError, match=r"has not said within 5 s that it saved the setting a \(see whether core"):
        await task
    assert asyncio.get_running_loop().time() == pytest.approx(SAVED_WITHIN)
    again = await core.begun("m", "a", 2)
    core.saving.told("m", {"a": 2})
    await again
    assert len(core.sent) == 2


@virtual
async def test_what_core_has_already_is_not_sent_for_nothing_would_follow() -> None:
    core = Core()
    core.saving.told("m", {"a": [1]})
    await core.saving.save("m", "a", [1])
    assert core.sent == []
    core.saving.forget("m")
    with pytest.raises(StoreError):
        await core.saving.save("m", "a", [1])


@virtual
async def test_two_at_once_wait_for_their_own() -> None:
    core = Core()
    one, other = await core.begun("m", "a", 1), await core.begun("m", "b", 2)
    core.saving.told("m", {"b": 2})
    await other
    assert not one.done()
    core.saving.told("m", {"a": 1, "b": 2})
    await one
    assert core.saving._news == {}
