import json
import logging
from collections.abc import Callable, Iterator

import pytest
import structlog

from mistlocate.engines.embedded import logs
from mistlocate.engines.logs import follow_module

Written = Callable[[], str]


@pytest.fixture
def written(capsys: pytest.CaptureFixture[str]) -> Iterator[Written]:
    """What was written to standard error so far; the logging of the process is as before afterwards."""
    root = logging.getLogger()
    handlers, level = root.handlers[:], root.level
    texts: list[str] = []

    def read() -> str:
        texts.append(capsys.readouterr().err)
        return "".join(texts)

    yield read
    root.handlers[:], root.level = handlers, level
    logging.getLogger("mistlocate").setLevel(logging.NOTSET)
    structlog.reset_defaults()


def test_json_lines(written: Written) -> None:
    logs.configure("info", "json")
    structlog.get_logger("mistlocate.module").bind(module="m").info("stream state", state="live")
    line = json.loads(written())
    assert (line["event"], line["state"], line["module"], line["level"]) == ("stream state", "live", "m", "info")
    assert line["timestamp"].endswith("Z")


def test_levels(written: Written) -> None:
    logs.configure("warning", "text")
    log = structlog.get_logger("mistlocate.module")
    log.info("not this")
    log.warning("but this")
    assert "not this" not in written()
    assert "but this" in written()


def test_credentials_do_not_survive_whoever_logs_them(written: Written) -> None:
    logs.configure("debug", "json")
    text = "Authorization: Token abcdefghijklmnop"
    structlog.get_logger("mistlocate.module").warning(text, more=text)
    logging.getLogger("somebody.else").warning("%s", text)
    assert len(written().splitlines()) == 2
    assert "abcdefghijklmnop" not in written()


def test_exceptions_are_written_and_redacted(written: Written) -> None:
    logs.configure("debug", "json")
    try:
        raise RuntimeError("Token abcdefghijklmnop")
    except RuntimeError as error:
        structlog.get_logger("mistlocate.engine").error("crashed", exc_info=error)
    assert "RuntimeError" in written()
    assert "abcdefghijklmnop" not in written()


def test_a_modules_log_can_be_followed_below_the_level_that_is_written(written: Written) -> None:
    logs.configure("error", "text")
    seen: list[tuple[int, str]] = []
    unsubscribe = follow_module("m", lambda level, text: seen.append((level, text)))
    structlog.get_logger("mistlocate.module").bind(module="m").debug("hello", n=1)
    unsubscribe()
    assert seen == [(1, "hello n=1")]
    assert written() == ""
