import asyncio
from pathlib import Path
from typing import Any

import pytest
from structlog.testing import capture_logs
from typer.testing import CliRunner

from mistlocate.cli.app import app
from mistlocate.cli.locating import Found, describe, find
from mistlocate.cli.output import duration
from mistlocate.engines.embedded.config import load
from mistlocate.engines.embedded.engine import Engine as RealEngine
from mistlocate.engines.embedded.server import serving
from mistlocate.errors import EngineError, EngineUnreachable
from mistlocate.simulator import Campus, SimulatedCloud
from support.site import SYSTEM, settings
from support.waiting import until

NOW = 1_767_261_600.0
ZONES = {"zone-b": {"name": "Main House"}, "zone-2": {"name": "Second Floor"}}


def lines(**changes: Any) -> str:
    record = {
        "x": 212.44, "y": 141.0, "map_width": 1600.0, "map_height": 900.0, "variance": 3.0, "last_seen": NOW - 12,
        "last_seen_from": "source", "stale": False, "building": "zone-b", "level": "zone-2", "level_name": "B - L2",
        "manufacturer": "Dell", "os": "Windows 11", "ssid": "Corp", "mac": "00005e005301", **changes,
    }  # fmt: skip
    return "\n".join(describe(Found("alice@example.com", [record], zones=ZONES), NOW))


def test_as_a_person_reads_it() -> None:
    assert lines() == (
        "[bold]alice@example.com[/]\n"
        "  [bold green]Main House, Second Floor (B - L2)[/]\n"
        "    x 212.4, y 141.0 on a plan of 1600 by 900, give or take 3 m\n"
        "    seen 12 s ago\n"
        "    [dim]00005e005301, Dell Windows 11, on Corp[/]"
    )


def test_what_is_not_known_is_said_or_left_out() -> None:
    assert "the place on it is not known" in lines(x=None)
    assert "plan" not in lines(map_width=-1.0)
    assert "zone-9" in lines(level="zone-9")
    assert "None" not in lines(level=None, manufacturer=None, os=None, ssid=None, level_name=None)


def test_doubts_are_said() -> None:
    assert "when we heard of it" in lines(last_seen_from="arrival")
    assert "the stream is interrupted" in lines(stale=True)


def test_names_cannot_paint_the_terminal() -> None:
    assert "\\[red]" in lines(level_name="[red]x")


def test_names_cannot_steer_the_terminal() -> None:
    shown = lines(level_name="\x1b[31mred\x9b2J")
    assert "\\x1b" in shown
    assert not {"\x1b", "\x9b"} & set(shown)


class Engine:
    """An engine whose caller is of level user."""

    ahead = 0.0

    def __init__(self, owner: str | None, offset: Any = 0) -> None:
        self.owner = owner
        self.offset = offset

    async def system_of(self, slug: str, system: str | None) -> str:
        return "sys"

    async def status(self, where: str, slug: str, key: str) -> Any:
        assert (slug, key) == ("MistWebsocket_1", "clock_offset")
        if isinstance(self.offset, Exception):
            raise self.offset
        return self.offset

    async def zones(self) -> dict[str, Any]:
        return {}

    async def execute(self, where: str, slug: str, command: str, args: Any) -> Any:
        if command == "explain":
            raise EngineError("level too low", status=401)
        if command == "check_ownership_of":
            return self.owner and {"assigned_to": self.owner, "mac_address": "00005e005301"}
        assert (command, args) == ("locate_user", {"username": self.owner})
        return [{"mac": "00005e005301"}, {"mac": "00005e005302"}]


async def test_a_mac_for_a_caller_of_level_user() -> None:
    found = await find(Engine("alice"), "00:00:5e:00:53:01", None)  # type: ignore[arg-type]
    assert found.locations == [{"mac": "00005e005301"}]
    nobodys = await find(Engine(None), "00:00:5e:00:53:01", None)  # type: ignore[arg-type]
    assert nobodys.locations == []
    assert "level support" in nobodys.because[0]


async def test_the_present_is_that_of_the_cloud() -> None:
    engine = Engine("alice", offset=-7200)
    engine.ahead = 60.0  # the engine's own clock, by this machine's
    found = await find(engine, "alice", None)  # type: ignore[arg-type]
    assert found.ahead == -7140.0


@pytest.mark.parametrize("offset", [None, "soon", True, EngineError("no", status=401), EngineUnreachable("gone")])
async def test_where_the_clouds_clock_is_not_told_the_engines_stands_in(offset: object) -> None:
    engine = Engine("alice", offset=offset)
    engine.ahead = 60.0
    found = await find(engine, "alice", None)  # type: ignore[arg-type]
    assert found.locations
    assert found.ahead == 60.0


async def test_ages_are_told_by_the_clouds_clock(tmp_path: Path) -> None:
    async with SimulatedCloud(Campus(people=2, floors=1), autorun=False) as cloud:
        cloud.faults.skew(-7200)
        first = cloud.world.maps_of(cloud.site_id)[0]
        mac = cloud.stage.add_device(username="wanda@example.com", map_id=first.id, x=50.0, y=60.0)
        engine = RealEngine(load(settings(cloud), tmp_path))
        with capture_logs():  # they would be written where the command writes
            async with engine, serving(engine, "127.0.0.1", 0) as url:
                mist = engine.find(SYSTEM, "MistWebsocket_1").spec.id
                await until(lambda: (told := engine.board.get(mist, "clock_offset")) and told.value < -7000)
                await until(lambda: (told := engine.board.get(mist, "stream_state")) and told.value == "live")
                words = ["locate", "wanda@example.com", "--url", url]
                found = await asyncio.to_thread(CliRunner().invoke, app, words)
        assert mac in found.stdout, found.output
        assert "seen " in found.stdout
        assert "2.0 h ago" not in found.stdout


def test_durations() -> None:
    assert [duration(seconds) for seconds in (-3, 0, 12.4, 89, 90, 600, 5400, 9000)] == [
        "0 s", "0 s", "12 s", "89 s", "2 min", "10 min", "1.5 h", "2.5 h",
    ]  # fmt: skip
