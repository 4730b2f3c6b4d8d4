"""The command as scripts and terminals call it: other encodings, pipes, Ctrl-C, errors as JSON, signals at the start."""

import asyncio
import io
import json
import os
import pty
import signal
import socket
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import pytest
from click.testing import Result
from typer.testing import CliRunner

from mistlocate import cli, yamltext
from mistlocate.cli.app import app
from mistlocate.cli.output import Exit, shown_json
from mistlocate.cli.setup import _as_json, draft_text
from mistlocate.drivers.mist_websocket.driver import MistWebsocket
from mistlocate.engines.embedded.config import ModuleSpec
from mistlocate.engines.embedded.store import Store
from mistlocate.errors import Problem
from mistlocate.setup.draft import Draft
from mistlocate.setup.report import Report

NOWHERE = "http://127.0.0.1:1"
COMMAND = [sys.executable, "-m", "mistlocate"]

#: The command with the terminal of its standard input as its own, from which Ctrl-C then reaches it.
_AT_A_TERMINAL = (
    "import fcntl, runpy, signal, termios; fcntl.ioctl(0, termios.TIOCSCTTY, 0);"
    "signal.signal(signal.SIGINT, signal.default_int_handler);"
    "runpy.run_module('mistlocate', run_name='__main__', alter_sys=True)"
)


def called(*args: str, given: str = "", **environment: str) -> "subprocess.CompletedProcess[str]":
    env = {**os.environ, "COLUMNS": "200", **environment}
    return subprocess.run(
        [*COMMAND, *args], input=given, capture_output=True, env=env, timeout=60, check=False, encoding="utf-8"
    )


def run(*args: str) -> Result:
    return CliRunner().invoke(app, list(args), env={"COLUMNS": "200"})


class TestEncodings:
    def test_what_a_terminal_cannot_show_is_shown_as_its_code(self) -> None:
        found = called("check", "\U0001f3e2.yaml", "--json", PYTHONIOENCODING="cp1252", PYTHONUTF8="1")
        assert found.returncode == Exit.SETTINGS
        assert "\\U0001f3e2.yaml: these settings cannot be used" in found.stderr
        assert "unexpected" not in found.stderr
        assert "\U0001f3e2.yaml" in json.loads(found.stdout)["message"], "JSON stays JSON"

    def test_what_is_to_be_pasted(self) -> None:
        found = called("key", "--name", "東京", PYTHONIOENCODING="cp1252", PYTHONUTF8="1")
        assert (found.returncode, found.stderr) == (0, "")
        pasted = found.stdout[found.stdout.index("api_keys:") :]
        assert yamltext.loads(pasted)["api_keys"][0]["name"] == "東京"

    def test_results_in_words(self, tmp_path: Path) -> None:
        async def make_store() -> None:
            store = Store(tmp_path / "mistlocate.db")
            await store.open()
            await store.close()

        asyncio.run(make_store())
        path = tmp_path / "settings.yaml"
        path.write_text("systems: []\n")
        copy = tmp_path / "\U0001f3e2"
        found = called("backup", str(copy), "-s", str(path), PYTHONIOENCODING="cp1252", PYTHONUTF8="1")
        assert (found.returncode, found.stderr) == (0, "")
        assert "\\U0001f3e2 holds a copy of" in found.stdout
        assert copy.exists()

    @pytest.mark.parametrize("encoding", ["cp1252", "ascii", "utf-8"])
    def test_json_means_the_same_in_every_encoding(self, encoding: str, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr(sys, "stdout", io.TextIOWrapper(io.BytesIO(), encoding=encoding))
        text = '{"a": "\U0001f3e2 Ö €"}'
        shown = shown_json(text)
        assert json.loads(shown.encode(encoding).decode(encoding)) == json.loads(text)
        assert (shown == text) is (encoding == "utf-8"), "readable where it can be"


class TestErrorsAsJson:
    @pytest.mark.parametrize(
        ("args", "kind", "code"),
        [
            (["check", "none.yaml"], "SettingsError", Exit.SETTINGS),
            (["backup", "copy", "--settings", "none.yaml"], "SettingsError", Exit.SETTINGS),
            (["restore", "copy", "--settings", "none.yaml"], "SettingsError", Exit.SETTINGS),
            (["modules", "--url", NOWHERE], "EngineUnreachable", Exit.UNREACHABLE),
            (["exec", "A_1", "b", "--url", NOWHERE], "EngineUnreachable", Exit.UNREACHABLE),
            (["init", "--portal", "Mars", "--token", "x"], "BadArguments", Exit.USAGE),
        ],
    )
    def test_they_are_where_the_result_would_be_and_in_words_beside(
        self, args: list[str], kind: str, code: Exit, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.chdir(tmp_path)
        found = run(*args, "--json")
        told = json.loads(found.stdout)
        assert (found.exit_code, told["error"]) == (code, kind)
        assert told["message"] in found.stderr
        assert "hint" in told
        assert (kind == "SettingsError") is ("problems" in told)
        found = run(*args)
        assert (found.exit_code, found.stdout) == (code, "")

    def test_a_command_without_the_option_is_not_asked_for_json(self, tmp_path: Path) -> None:
        assert run("modules", "--url", NOWHERE, "--json").stdout
        found = run("serve", str(tmp_path / "none.yaml"))
        assert (found.exit_code, found.stdout) == (Exit.SETTINGS, "")


@pytest.mark.parametrize("args", [["check"], ["serve"], ["backup", "copy", "--settings"], ["restore", "x", "-s"]])
def test_settings_that_may_not_be_read_are_as_those_that_are_missing(
    args: list[str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / "settings.yaml"
    path.write_text("systems: []\n")

    def denied(*_: Any, **__: Any) -> str:
        raise PermissionError(13, "Permission denied")

    monkeypatch.setattr(os, "access", lambda *_, **__: False)
    monkeypatch.setattr(Path, "read_text", denied)
    found = run(*args, str(path))
    assert found.exit_code == Exit.SETTINGS, found.output
    assert "Permission denied" in found.stderr


class TestInit:
    def test_ctrl_c_at_a_question_is_an_interruption(self, tmp_path: Path) -> None:
        leader, follower = pty.openpty()
        with subprocess.Popen(
            [sys.executable, "-c", _AT_A_TERMINAL, "init"],
            cwd=tmp_path, stdin=follower, stdout=follower, stderr=follower, start_new_session=True,
        ) as popen:  # fmt: skip
            os.close(follower)
            printed = b""
            while b"portal" not in printed:
                printed += os.read(leader, 1000)
            os.write(leader, b"\x03")
            assert popen.wait(30) == Exit.INTERRUPTED
        os.close(leader)

    def test_answers_may_come_by_a_pipe(self, tmp_path: Path) -> None:
        out = str(tmp_path / "settings.yaml")
        found = called("init", "--portal", NOWHERE, "-o", out, given="sesame\n")
        assert found.returncode == Exit.CLOUD
        assert "Warning" not in found.stderr
        assert "sesame" not in found.stdout + found.stderr
        assert "cannot connect" in found.stderr
        found = called("init", "--portal", NOWHERE, "-o", out)
        assert found.returncode == Exit.USAGE
        assert "nothing is given for --token" in found.stderr

    def test_a_refusal_leaves_no_folder(self, tmp_path: Path) -> None:
        path = tmp_path / "made" / "here" / "settings.yaml"
        assert run("init", "--portal", NOWHERE, "--token", "x", "-o", str(path)).exit_code == Exit.CLOUD
        assert list(tmp_path.iterdir()) == []


def test_a_draft_to_paste_reaches_for_nothing() -> None:
    drafted = Draft([{"id": "z", "name": "${HOME}"}], {"m": {"level": "z", "level_name": "${file:x}"}})
    report = Report(draft=drafted)
    spec = ModuleSpec("m", "s", "MistWebsocket", 1, MistWebsocket, None, {}, "")
    for pasted in (yamltext.loads(draft_text(drafted)), _as_json(spec, report)["draft"]):
        problems: list[Problem] = []
        resolved = yamltext.resolve(pasted, Path(), problems)
        assert resolved == {"zones": drafted.zones, "floorplan_mappings": drafted.mappings}
        assert problems == []


class TestServe:
    def test_a_port_that_is_taken_is_found_before_the_engine_begins(
        self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        begun: list[object] = []
        monkeypatch.setattr("mistlocate.cli.run.Engine", begun.append)
        with socket.create_server(("127.0.0.1", 0)) as taken:
            path = tmp_path / "settings.yaml"
            path.write_text(f"listen: 127.0.0.1:{taken.getsockname()[1]}\nsystems: []\n")
            found = run("serve", str(path))
        assert found.exit_code == Exit.FAILED
        assert "cannot listen on" in found.stderr
        assert begun == []

    def test_a_hangup_before_the_settings_are_read_ends_nothing(self, monkeypatch: pytest.MonkeyPatch) -> None:
        before = signal.getsignal(signal.SIGHUP)
        try:
            for args, ignored in ((["serve", "x.yaml"], True), (["demo"], False)):
                signal.signal(signal.SIGHUP, signal.SIG_DFL)
                monkeypatch.setattr(sys, "argv", ["mistlocate", *args])
                cli._prepare()
                assert (signal.getsignal(signal.SIGHUP) == signal.SIG_IGN) is ignored
        finally:
            signal.signal(signal.SIGHUP, before)

    def test_a_hangup_while_the_settings_are_read_is_not_lost(
        self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        path = tmp_path / "settings.yaml"
        path.write_text("listen: 127.0.0.1:0\nsystems: []\n")
        from mistlocate.cli import run as module

        real, reads = module.load_file, []

        def load_file(given: Path) -> object:
            reads.append(given)
            os.kill(os.getpid(), signal.SIGHUP if len(reads) == 1 else signal.SIGTERM)
            return real(given)

        monkeypatch.setattr(module, "load_file", load_file)
        found = run("serve", str(path))
        assert (found.exit_code, len(reads)) == (0, 2), found.output


@pytest.mark.parametrize("streams", [">&-", ">&- 2>&-", "2>/dev/full"])
def test_an_engine_runs_whatever_becomes_of_what_it_says(tmp_path: Path, streams: str) -> None:
    if "full" in streams and not Path("/dev/full").exists():
        pytest.skip("there is no /dev/full here")
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = free.getsockname()[1]
    path = tmp_path / "settings.yaml"
    path.write_text(f"listen: 127.0.0.1:{port}\nsystems: [{{id: sys}}]\n")
    with subprocess.Popen(["sh", "-c", f'exec "$@" {streams}', "sh", *COMMAND, "serve", str(path)]) as popen:
        answered = 1
        while answered != 0 and popen.poll() is None:
            with socket.socket() as asking:
                answered = asking.connect_ex(("127.0.0.1", port))
            time.sleep(0.1)
        assert answered == 0, f"it ended with {popen.returncode}"
        popen.terminate()
        assert popen.wait(30) == Exit.DONE
