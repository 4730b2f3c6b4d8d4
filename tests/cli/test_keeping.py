"""Health, backup and restore, beside an engine that is a process of its own."""

import json
import re
import signal
from pathlib import Path

import httpx
import pytest
from click.testing import Result
from typer.testing import CliRunner

from mistlocate.cli.app import app
from mistlocate.cli.output import Exit
from support.processes import command

SETTINGS = """
listen: 127.0.0.1:0
zones: [{id: zone-1, name: One}]
systems:
  - id: sys
    modules:
      - driver: MistWebsocket
        settings: {api_token: sesame, site_id: ea57dcee-516a-5fde-abca-aa9b6f371622, rest_host: "127.0.0.1:9", proxy: ""}
"""


def run(*args: str) -> Result:
    return CliRunner().invoke(app, list(args), env={"COLUMNS": "200"})


@pytest.fixture
def settings(tmp_path: Path) -> str:
    path = tmp_path / "settings.yaml"
    path.write_text(SETTINGS)
    return str(path)


def test_an_engine_is_asked_backed_up_and_restored(settings: str, tmp_path: Path) -> None:
    copy = str(tmp_path / "copy.bak")
    with command("serve", settings) as engine:
        url = engine.wait_for(r"answers at (http://\S+)").group(1)
        found = run("health", "--url", url, "--live")
        assert (found.exit_code, found.stdout.split(",")[0]) == (Exit.DONE, "ok")
        found = run("health", "--url", url, "--json")
        assert json.loads(found.stdout)["modules"] == 1
        found = run("backup", copy, "--settings", settings)
        assert found.exit_code == Exit.DONE, found.stderr
        assert re.search(r"holds a copy of \S+mistlocate.db \(\d+ bytes\)", found.stdout)
        found = run("backup", copy, "--settings", settings)
        assert found.exit_code == Exit.FAILED
        assert "name a new file" in found.stderr
        found = run("restore", copy, "--settings", settings, "--replace")
        assert found.exit_code == Exit.FAILED
        assert "stop the engine" in found.stderr
        assert engine.end(signal.SIGTERM) == 0
    assert run("health", "--url", url).exit_code == Exit.UNREACHABLE
    found = run("restore", copy, "--settings", settings)
    assert found.exit_code == Exit.FAILED
    assert "--replace" in found.stderr
    found = run("restore", copy, "--settings", settings, "--replace")
    assert found.exit_code == Exit.DONE, found.stderr
    assert "erased" in found.stderr
    with command("serve", settings) as engine:
        engine.wait_for(r"answers at (http://\S+)")
        assert engine.end(signal.SIGTERM) == 0


def test_a_settings_file_that_is_not_there(tmp_path: Path) -> None:
    found = run("backup", str(tmp_path / "b"), "--settings", str(tmp_path / "none.yaml"))
    assert found.exit_code == Exit.SETTINGS


def test_an_engine_that_is_not_well(settings: str) -> None:
    with command("serve", settings) as engine:
        url = engine.wait_for(r"answers at (http://\S+)").group(1)
        stopped = httpx.post(f"{url}/api/engine/v2/modules/mod-sys-MistWebsocket-1/stop", trust_env=False)
        assert stopped.status_code == 200
        found = run("health", "--url", url)
        assert (found.exit_code, found.stdout) == (Exit.FAILED, "degraded: 0 of 1 modules run\n")
        assert run("health", "--url", url, "--live").exit_code == Exit.DONE


def test_settings_that_cannot_be_used(settings: str, tmp_path: Path) -> None:
    path = Path(settings)
    path.write_text(path.read_text().replace("site_id: ea57dcee", "unknown: 1, site_id: ea57dcee"))
    found = run("backup", str(tmp_path / "copy.bak"), "--settings", settings)
    assert found.exit_code == Exit.SETTINGS
    assert not (tmp_path / "copy.bak").exists()
