from typing import Any

from mistlocate.cli.locating import Found, describe, find
from mistlocate.cli.output import duration
from mistlocate.errors import EngineError

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

    def __init__(self, owner: str | None) -> None:
        self.owner = owner

    async def system_of(self, slug: str, system: str | None) -> str:
        return "sys"

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


def test_durations() -> None:
    assert [duration(seconds) for seconds in (-3, 0, 12.4, 89, 90, 600, 5400, 9000)] == [
        "0 s", "0 s", "12 s", "89 s", "2 min", "10 min", "1.5 h", "2.5 h",
    ]  # fmt: skip
