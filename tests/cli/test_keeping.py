"""Health, backup and restore, beside an engine that is a process of its own."""

import asyncio
import json
import re
import signal
import sqlite3
from contextlib import closing
from pathlib import Path

import httpx
import pytest
from click.testing import Result
from typer.testing import CliRunner

from mistlocate.cli.app import app
from mistlocate.cli.output import Exit
from mistlocate.engines.embedded.config import load_file
from mistlocate.engines.embedded.engine import Engine
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


async def _objected(settings: str) -> None:
    async with Engine(load_file(Path(settings))) as engine:
        objections = {"key": "0" * 64, "revision": 1, "opted_out": [{"who": ["0" * 32]}]}
        await engine.save_settings("mod-sys-MistWebsocket-1", {"objections": objections}, by_module=True)
        await engine.save_settings("mod-sys-MistWebsocket-1", {"forget_after": 20})


def test_objections_that_a_file_leaves_behind_are_kept_until_they_are_given_up(settings: str) -> None:
    assert "Nothing is saved." in run("saved", "--settings", settings).stdout
    asyncio.run(_objected(settings))
    Path(settings).write_text(SETTINGS.replace("id: sys", "id: renamed"))
    for name in ("serve", "check"):
        found = run(name, settings)
        assert "write `id: mod-sys-MistWebsocket-1` here" in " ".join(found.stderr.split())
        assert found.exit_code == (Exit.SETTINGS if name == "serve" else Exit.FAILED), found.stderr
    assert "does not take these settings, see above" in " ".join(found.stdout.split())
    (problem,) = json.loads(run("check", settings, "--json").stdout)["not_taken"]
    assert "they would be lifted" in problem
    found = run("saved", "--settings", settings)
    assert "objections, about ea57dcee-516a-5fde-abca-aa9b6f371622  (no module of the settings has it)" in found.stdout
    found = run("saved", "--settings", settings, "--drop", "mod-sys-MistWebsocket-1", "objections")
    assert (found.exit_code, "given up for good" in found.stdout) == (Exit.DONE, True)
    rows = json.loads(run("saved", "--settings", settings, "--json").stdout)
    assert rows == [{"module": "mod-sys-MistWebsocket-1", "setting": "forget_after", "about": [], "in_settings": False}]
    assert "they would be lifted" not in run("check", settings).stderr
    found = run("saved", "--settings", settings, "--drop", "mod-sys-MistWebsocket-1", "objections")
    assert (found.exit_code, "`mistlocate saved` lists" in found.stderr) == (Exit.FAILED, True)


def test_a_store_that_cannot_be_read_is_said_by_check(settings: str) -> None:
    Path(settings).with_name("mistlocate.db").write_bytes(b"no database, but long enough to be looked at" * 50)
    assert "it is not checked whether objections are kept" in " ".join(run("check", settings).stderr.split())


def test_a_saved_setting_that_is_damaged_ends_serve_with_what_to_do(settings: str) -> None:
    asyncio.run(_objected(settings))
    with closing(sqlite3.connect(Path(settings).with_name("mistlocate.db"), isolation_level=None)) as store:
        store.execute("UPDATE saved_settings SET value = '{broken' WHERE name = 'forget_after'")
    found = run("serve", settings)
    assert found.exit_code == Exit.FAILED
    assert "forget_after that was saved for mod-sys-MistWebsocket-1" in " ".join(found.stderr.split())
    assert "mistlocate saved --drop mod-sys-MistWebsocket-1 forget_after" in " ".join(found.stderr.split())
    assert "unexpected" not in found.stderr


def test_answers_for_programs(settings: str, tmp_path: Path) -> None:
    copy, store = tmp_path / "copy.bak", tmp_path / "mistlocate.db"
    with command("serve", settings) as engine:
        engine.wait_for(r"answers at (http://\S+)")
        assert engine.end(signal.SIGTERM) == 0
    made = json.loads(run("backup", str(copy), "--settings", settings, "--json").stdout)
    assert made == {"file": str(copy), "store": str(store), "bytes": copy.stat().st_size}
    found = json.loads(run("restore", str(copy), "--settings", settings, "--json").stdout)
    assert "--replace" in found["message"] + str(found["hint"])
    found = run("restore", str(copy), "--settings", settings, "--replace", "--json")
    assert json.loads(found.stdout) == {"store": str(store), "file": str(copy)}


def test_a_store_that_is_not_where_the_settings_say_is_named(settings: str) -> None:
    found = run("saved", "--settings", settings).stdout
    assert "Nothing is saved. There is no store at" in found
    assert "MISTLOCATE_STORE" in run("backup", "copy.db", "--settings", settings).stderr
