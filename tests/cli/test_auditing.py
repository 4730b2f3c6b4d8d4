"""`mistlocate audit`: how far back, and what it prints."""

import asyncio
import json
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import UTC, datetime
from pathlib import Path

import pytest
import typer
from click.testing import Result
from structlog.testing import capture_logs
from typer.testing import CliRunner

from mistlocate.cli.app import app
from mistlocate.cli.auditing import AT_MOST, moment, not_shown
from mistlocate.cli.output import Exit
from mistlocate.driver.context import AuditRecord
from mistlocate.engines.embedded.config import load
from mistlocate.engines.embedded.engine import Engine
from mistlocate.engines.embedded.server import serving

NOW = 1_767_261_600.0
CLOUD = {
    "api_token": "sesame",
    "site_id": "ea57dcee-516a-5fde-abca-aa9b6f371622",
    "rest_host": "127.0.0.1:9",
    "proxy": "",
}


@asynccontextmanager
async def recorded(tmp_path: Path, count: int) -> AsyncIterator[str]:
    """The address of an engine that holds so many records, a second apart, the newest (for `p0`) a minute old."""
    modules = [{"driver": "MistWebsocket", "settings": CLOUD}, {"driver": "MistLocations", "id": "locations"}]
    engine = Engine(load({"systems": [{"id": "sys", "modules": modules}]}, tmp_path))
    newest = time.time() - 60
    records = [AuditRecord(newest - n, "local", "search", f"p{n}", "nothing") for n in reversed(range(count))]
    with capture_logs():  # they would be written where the command writes
        async with engine, serving(engine, "127.0.0.1", 0) as url:
            await engine.store.append_audit("locations", records)
            yield url


async def audit(url: str, *more: str) -> Result:
    return await asyncio.to_thread(CliRunner().invoke, app, ["audit", "--url", url, *more], env={"COLUMNS": "300"})


async def test_records_that_are_not_shown_are_said(tmp_path: Path) -> None:
    async with recorded(tmp_path, 6) as url:
        found = await audit(url, "--json", "--limit", "4")
        assert found.exit_code == Exit.DONE, found.output
        assert [each["about"] for each in json.loads(found.stdout)] == ["p0", "p1", "p2", "p3"]
        said = " ".join(found.stderr.split())
        assert "there are more: these are the newest 4" in said
        assert "--limit 10000" in said
        found = await audit(url, "--limit", "4")
        # The first question has left a record, too.
        assert ("p2" in found.stdout, "p3" in found.stdout, "there are more" in found.stderr) == (True, False, True)


async def test_where_all_are_shown_nothing_is_said(tmp_path: Path) -> None:
    async with recorded(tmp_path, 6) as url:
        found = await audit(url, "--json", "--limit", "6", "--since", "10m")
        assert len(json.loads(found.stdout)) == 6
        assert found.stderr == ""


def test_the_most_that_can_be_asked_for_may_not_be_all() -> None:
    assert not_shown(AT_MOST - 1, AT_MOST) is None
    told = str(not_shown(AT_MOST, AT_MOST))
    assert "there may be more: these are the newest 10000" in told
    assert "mistlocate backup" in told


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("30m", NOW - 1800),
        ("24h", NOW - 86_400),
        ("1.5 d", NOW - 129_600),
        ("2w", NOW - 1_209_600),
        ("2026-01-01T08:00+01:00", datetime(2026, 1, 1, 7, tzinfo=UTC).timestamp()),
    ],
)
def test_how_far_back(text: str, expected: float) -> None:
    assert moment(text, NOW) == expected


@pytest.mark.parametrize("text", ["", "yesterday", "5", "-3h", "2026-13-01"])
def test_what_is_no_time(text: str) -> None:
    with pytest.raises(typer.BadParameter, match="a span"):
        moment(text, NOW)
