"""The comparison with the truth finds what is wrong: each break here is of the running pair, and put right again."""

import asyncio
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from mistlocate.drivers.mist_locations.driver import MistLocations
from mistlocate.drivers.mist_locations.levels import Levels
from mistlocate.drivers.mist_websocket.showing import Showing
from support.truth import agreed, compare
from support.virtual_site import VirtualSite, in_virtual_time, virtual_site

Break = Callable[[Any], Any]


def _then(change: Callable[[Any], Any]) -> Callable[[Any], Any]:
    """Breaks a method: what it gives is changed."""

    def broken(method: Any) -> Any:
        return lambda *args, **kwargs: change(method(*args, **kwargs))

    return broken


def _older(seen: tuple[int, str]) -> tuple[int, str]:
    return seen[0] - 3600, seen[1]


def _a_second_older(records: list[dict[str, Any]]) -> list[dict[str, Any]]:
    return [{**each, "last_seen": each["last_seen"] - 1} for each in records]


def _of_itself(seen: tuple[int, str]) -> tuple[int, str]:
    return seen[0], "source"


def _nameless_twice(records: list[dict[str, Any]]) -> list[dict[str, Any]]:
    return records + [each for each in records if each["ssid"] is None]


def _named_only(records: list[dict[str, Any]]) -> list[dict[str, Any]]:
    return [each for each in records if each["ssid"] is not None]


def _another_device(records: list[dict[str, Any]]) -> list[dict[str, Any]]:
    return records + [{**each, "mac": "00005e0053fe"} for each in records[:1]]


#: What is broken, how, and a piece of what has to be found.
BREAKS: list[tuple[type, str, Break, str]] = [
    (Showing, "_seen", _then(_older), "was seen"),
    (Showing, "_seen", _then(_of_itself), "'source'), and was [Seen(told_from='arrival'"),
    (MistLocations, "_devices", _then(_a_second_older), "on zone-0 was seen"),
    (MistLocations, "_locations", _then(_a_second_older), "@example.com's"),
    (MistLocations, "_locations", _then(_another_device), "['00005e0053fe'] are too many"),
    (MistLocations, "_max_age", _then(lambda seconds: 10 * seconds), "are too many"),
    (MistLocations, "_max_age", _then(lambda seconds: seconds / 1000), "are missing"),
    (Levels, "of_map", _then(_nameless_twice), "guests on zone-"),
    (Levels, "of_map", _then(_named_only), "guests on zone-"),
]


async def test_every_break_is_found(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    async def work() -> None:
        async with virtual_site(tmp_path, moving=True) as site:
            await site.settle()
            leaving = next(each for each in site.cloud.world.truths() if each.mac in site.present and each.owner)
            site.cloud.stage.leave(leaving.mac)
            await asyncio.sleep(700)  # known still, and too old to be answered
            assert not (await agreed(site)).differences
            for where, name, broken, words in BREAKS:
                with monkeypatch.context() as changed:
                    changed.setattr(where, name, broken(getattr(where, name)))
                    found = await _told(site)
                assert any(words in each for each in found), (where, name, words, found)
            await _told(site)
            right = await agreed(site)
            assert not right.differences
            assert right.times > 20

    await in_virtual_time(work)


async def _told(site: VirtualSite) -> list[str]:
    """The differences, once everything was published anew."""
    site.tracker().roster.mark_all()
    await asyncio.sleep(1.0)
    return (await compare(site)).differences


async def test_what_is_sent_while_the_line_still_holds_back_something_is_late_as_well(tmp_path: Path) -> None:
    async def work() -> list[str]:
        async with virtual_site(tmp_path) as site:
            await site.settle()
            mac = next(each.mac for each in site.cloud.world.truths() if each.kind == "dot1x" and each.map_id)
            site.proxy.latency = 3.0
            site.cloud.stage.emit_position(mac)
            await asyncio.sleep(0.5)
            site.proxy.heal()
            site.cloud.stage.emit_position(mac)
            await asyncio.sleep(5.0)
            told = await agreed(site, within=1.0)
            assert told.times > 0
            return told.differences

    assert await in_virtual_time(work) == []
