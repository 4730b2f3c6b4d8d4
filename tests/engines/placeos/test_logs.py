"""What a driver process writes on standard output, and from which level."""

import errno
import io
import json
import logging
import sys
from collections.abc import Callable, Iterator
from datetime import datetime
from typing import Any

import pytest
import structlog

from mistlocate.engines.logs import follow_module
from mistlocate.engines.placeos import logs

Lines = Callable[[], list[dict[str, Any]]]


@pytest.fixture
def lines(capsys: pytest.CaptureFixture[str]) -> Iterator[Lines]:
    """The lines written since the last look; the logging of the process is as before afterwards."""
    root = logging.getLogger()
    handlers, level = root.handlers[:], root.level
    yield lambda: [json.loads(line) for line in capsys.readouterr().out.splitlines()]
    root.handlers[:], root.level = handlers, level
    structlog.reset_defaults()
    for module_id in ("mod-1", "mod-2"):
        logs.set_level(module_id, None)


def log(module_id: str | None = "mod-1") -> Any:
    """A module's logger, or one of the process; writes to what standard output is now."""
    logs.configure()
    logger = structlog.get_logger("mistlocate.module")
    return logger.bind(module=module_id) if module_id else logger


def said(lines: Lines) -> list[tuple[str, str]]:
    return [(line["level"], line["message"]) for line in lines()]


def say_everything(logger: Any) -> None:
    for name in ("debug", "info", "warning", "error", "critical"):
        getattr(logger, name)(name)


def test_a_line_has_the_members_of_placeos_and_then_the_rest(lines: Lines) -> None:
    log().error("no answer", status=503, path="/maps")
    (line,) = lines()
    assert list(line) == ["level", "time", "source", "message", "status", "path"]
    assert (line["level"], line["source"], line["message"], line["status"]) == ("ERROR", "mod-1", "no answer", 503)
    assert line["time"].endswith("Z")
    assert datetime.fromisoformat(line["time"]).tzinfo is not None


def test_a_line_that_cannot_be_written_is_lost_and_stops_nobody(lines: Lines, monkeypatch: pytest.MonkeyPatch) -> None:
    """A full disk, or a reader that has gone: who logs may be what was about to try again."""

    class Full(io.StringIO):
        def flush(self) -> None:
            raise OSError(errno.ENOSPC, "no space left")

    with monkeypatch.context() as patched:
        patched.setattr(sys, "stdout", Full())
        logger = log()
        logs.set_level("mod-1", logs.LEVELS["debug"])
        say_everything(logger)
        logs.write({"message": "report"})
    log().error("there is space again")
    assert said(lines) == [("ERROR", "there is space again")]


def test_errors_and_worse_are_written_by_default(lines: Lines) -> None:
    say_everything(log())
    assert said(lines) == [("ERROR", "error"), ("FATAL", "critical")]


def test_of_the_process_warnings_are_written_as_well(lines: Lines) -> None:
    logs.set_level("mod-1", logs.read_level("none"))
    say_everything(log(None))
    assert said(lines) == [("WARN", "warning"), ("ERROR", "error"), ("FATAL", "critical")]


@pytest.mark.parametrize(
    ("level", "first"),
    [("trace", 0), ("debug", 0), (1, 0), ("Info", 1), (2, 1), ("notice", 2), (3, 2), (" WARN ", 2), ("warning", 2), (4, 2),
     ("error", 3), (5, 3), ("fatal", 4), (6, 4), ("none", 5), (7, 5), (0, 0),
     (None, 3), ("loud", 3), (99, 3), (-1, 3), (True, 3), (1.0, 3), ([], 3)],
)  # fmt: skip
def test_a_module_has_a_level_by_name_or_number(lines: Lines, level: object, first: int) -> None:
    logs.set_level("mod-1", logs.read_level(level))
    say_everything(log())
    names = ["debug", "info", "warning", "error", "critical"]
    assert [message for _, message in said(lines)] == names[first:]


def test_the_level_of_one_module_is_that_of_no_other(lines: Lines) -> None:
    logs.set_level("mod-1", logs.read_level("debug"))
    log("mod-2").info("not this")
    log("mod-1").info("but this")
    logs.set_level("mod-1", None)
    log("mod-1").info("nor this")
    assert said(lines) == [("INFO", "but this")]


def test_who_follows_is_told_everything_and_no_more_is_written(lines: Lines) -> None:
    told: list[tuple[int, str]] = []
    unsubscribe = follow_module("mod-1", lambda *each: told.append(each))
    log().debug("position", n=1)
    log().warning("odd")
    unsubscribe()
    assert told == [(1, "position n=1"), (4, "odd")]
    assert said(lines) == []


def test_everything_is_written_on_demand_and_then_no_more(lines: Lines) -> None:
    assert logs.toggle_everything() is True
    log().debug("this")
    assert logs.toggle_everything() is False
    log().debug("not this")
    assert said(lines) == [("DEBUG", "this")]


def test_exceptions_are_written_and_credentials_are_not(lines: Lines) -> None:
    try:
        raise RuntimeError("Token abcdefghijklmnop")
    except RuntimeError as error:
        log().error("crashed", exc_info=error, hint="Bearer abcdefghijklmnop")
        log().exception("again")
    first, second = lines()
    assert first["exception"].endswith("RuntimeError: Token ***")
    assert first["hint"] == "Bearer ***"
    assert (second["message"], second["exception"]) == ("again", first["exception"])


def test_other_libraries_are_written_in_the_same_form(lines: Lines) -> None:
    logs.configure()
    library = logging.getLogger("somebody.else")
    library.warning("not this")
    try:
        raise ValueError("Token abcdefghijklmnop")
    except ValueError:
        library.exception("broke: %s", "Bearer abcdefghijklmnop")
    (line,) = lines()
    assert list(line)[:4] == ["level", "time", "source", "message"]
    assert (line["level"], line["source"], line["message"]) == ("ERROR", "mistlocate", "broke: Bearer ***")
    assert line["exception"].endswith("ValueError: Token ***")


@pytest.mark.parametrize("value", [object(), {1}, 2**70, "\ud800", b"x"])
def test_what_is_no_json_is_written_as_text(lines: Lines, value: object) -> None:
    log().error("odd", value=value)
    assert said(lines) == [("ERROR", "odd")]


def test_one_entry_is_one_line(lines: Lines) -> None:
    log().error("two\nlines", more="and\r\nmore")
    assert [line["message"] for line in lines()] == ["two\nlines"]


@pytest.mark.parametrize("wanted", ["TEXT", ""])
def test_lines_of_keys_and_values_where_the_environment_wants_them(
    capsys: pytest.CaptureFixture[str], lines: Lines, monkeypatch: pytest.MonkeyPatch, wanted: str
) -> None:
    monkeypatch.setenv("PLACE_LOG_FORMAT", wanted)
    log().error("two\r\nlines", hint="Bearer abcdefghijklmnop", some={"a": [1]}, half="\ud800", none=None)
    logs.write({"state": "live"})
    line, asked = capsys.readouterr().out.splitlines()
    assert line.startswith("level=ERROR time=20")
    assert "source=mod-1 message=two\\r\\nlines" in line
    assert 'hint="Bearer ***"' in line
    assert asked == "state=live"


@pytest.mark.parametrize("wanted", ["JSON", "json"])
def test_lines_are_json_otherwise(lines: Lines, monkeypatch: pytest.MonkeyPatch, wanted: str) -> None:
    monkeypatch.setenv("PLACE_LOG_FORMAT", wanted)
    log().error("broke")
    assert said(lines) == [("ERROR", "broke")]
