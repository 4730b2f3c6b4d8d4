"""What operators are given works as it stands: the container's recipe, the unit, the alerts, the page about them."""

import json
import re
import shlex
import signal
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
import yaml
from typer.main import get_command

from mistlocate.cli.app import app
from mistlocate.driver.command import Level
from mistlocate.engines.embedded.api.metrics import FIGURES
from mistlocate.engines.embedded.config import load_file
from mistlocate.engines.embedded.tally import DEFECT, LEFT, OK, REFUSED, TROUBLE, UNAVAILABLE
from mistlocate.mist.health import StreamState
from support.api import client, root
from support.processes import command
from support.site import SMALL, site

ROOT = Path(__file__).parents[1]
CONTAINER = ROOT / "examples" / "container"
UNIT = (ROOT / "examples" / "systemd" / "mistlocate.service").read_text()
ALERTS = yaml.safe_load((ROOT / "examples" / "prometheus" / "alerts.yaml").read_text())["groups"][0]["rules"]
PAGE = (ROOT / "docs" / "operating.md").read_text()

COMMANDS = set(get_command(app).commands)  # type: ignore[attr-defined]


def instructions() -> list[tuple[str, str]]:
    """The instructions of the recipe, with continued lines joined."""
    text = re.sub(r"\\\n", " ", (CONTAINER / "Dockerfile").read_text())
    lines = [line for line in text.splitlines() if line.strip() and not line.startswith("#")]
    return [(word, rest.strip()) for word, _, rest in (line.partition(" ") for line in lines)]


class TestContainer:
    def test_everything_that_is_copied_exists(self) -> None:
        copied = [rest.split() for word, rest in instructions() if word == "COPY" and not rest.startswith("--from")]
        assert copied
        for *sources, _ in copied:
            for source in sources:
                assert (ROOT / source).exists(), source

    def test_it_does_not_run_as_root_and_keeps_its_data_on_a_volume(self) -> None:
        last = dict(instructions())
        assert last["USER"] == "10001:10001"
        assert last["VOLUME"] == "/data"
        assert "install -d -o 10001" in last["RUN"]
        assert "MISTLOCATE_STORE=/data/" in last["ENV"]

    def test_commands_are_those_of_the_program(self) -> None:
        last = dict(instructions())
        check = json.loads(last["HEALTHCHECK"].partition("CMD ")[2])
        assert json.loads(last["ENTRYPOINT"]) == check[:1] == ["mistlocate"]
        assert {check[1], json.loads(last["CMD"])[0]} <= COMMANDS

    def test_its_settings_are_valid_and_its_address_needs_the_keys(self, monkeypatch: pytest.MonkeyPatch) -> None:
        for name, text in re.findall(r"(MISTLOCATE_\w+)=(\S+)", dict(instructions())["ENV"]):
            monkeypatch.setenv(name, text)
        loaded = load_file(CONTAINER / "settings.yaml")
        assert loaded.address == ("0.0.0.0", 8680)
        assert str(loaded.store) == "/data/mistlocate.db"
        assert [each.level for each in loaded.keys] == [Level.USER, Level.METRICS]

    def test_the_health_check_tells_a_running_engine_from_none(self, tmp_path: Path) -> None:
        check = json.loads(dict(instructions())["HEALTHCHECK"].partition("CMD ")[2])[1:]
        with command("serve", str(_settings(tmp_path))) as engine:
            url = engine.wait_for(r"answers at (http://\S+)").group(1)
            with command(*check, MISTLOCATE_URL=url) as asked:
                assert asked.popen.wait(30) == 0, asked.output
            assert engine.end(signal.SIGTERM) == 0
        with command(*check, MISTLOCATE_URL=url) as asked:
            assert asked.popen.wait(30) != 0

    def test_nothing_is_written_but_the_data(self, tmp_path: Path) -> None:
        """Every file that the process opens to write, and every folder that it makes, as Python itself tells it."""
        data, told = tmp_path / "data", tmp_path / "told"
        data.mkdir()
        settings = _settings(tmp_path)
        watched = f"""
import os, runpy, sys
told = os.open({str(told)!r}, os.O_WRONLY | os.O_CREAT | os.O_APPEND)
def hook(event, args):
    if event == "open" and isinstance(args[0], (str, bytes, os.PathLike)):
        mode, flags = args[1] or "", args[2] or 0
        if set("wax+") & set(mode) or flags & (os.O_WRONLY | os.O_RDWR):
            os.write(told, (os.fsdecode(args[0]) + "\\n").encode())
    elif event in ("os.mkdir", "os.rename", "os.remove", "sqlite3.connect"):
        os.write(told, (os.fsdecode(args[0]) + "\\n").encode())
sys.addaudithook(hook)
sys.argv = ["mistlocate", "serve", {str(settings)!r}]
runpy.run_module("mistlocate", run_name="__main__", alter_sys=True)
"""
        environment = {"PYTHONDONTWRITEBYTECODE": "1", "MISTLOCATE_STORE": str(data / "m.db"), "PATH": "/usr/bin:/bin"}
        engine = subprocess.Popen(
            [sys.executable, "-c", watched], env=environment, stderr=subprocess.PIPE, text=True, cwd="/"
        )
        assert engine.stderr is not None
        try:
            lines = iter(engine.stderr.readline, "")
            assert any("answers at" in line for line in lines)
        finally:
            engine.terminate()
            engine.communicate(timeout=30)
        assert engine.returncode == 0
        written = {line for line in told.read_text().splitlines() if line != "/dev/null"}
        assert str(data / "m.db") in written
        assert [each for each in written if not each.startswith(str(data))] == []

    def test_what_the_page_says_to_run_exists(self) -> None:
        said = re.findall(r"(?:docker run --rm mistlocate|docker exec mistlocate mistlocate) (\w+)", _readme())
        assert len(said) == 3
        assert set(said) <= COMMANDS


def _readme() -> str:
    return (CONTAINER / "README.md").read_text()


def _settings(folder: Path) -> Path:
    path = folder / "settings.yaml"
    path.write_text("listen: 127.0.0.1:0\nsystems: [{id: sys}]\n")
    return path


class TestService:
    def test_it_runs_a_command_that_exists_and_reloads_as_the_program_does(self) -> None:
        found = dict(
            line.split("=", 1) for line in UNIT.splitlines() if line.startswith(("Exec", "State", "Environment="))
        )
        assert shlex.split(found["ExecStart"])[1] in COMMANDS
        assert "-HUP" in found["ExecReload"]
        assert f"MISTLOCATE_STORE=/var/lib/{found['StateDirectory']}/" in found["Environment"]

    @pytest.mark.needs("systemd-analyze")
    def test_systemd_understands_all_of_it(self, tmp_path: Path) -> None:
        unit = tmp_path / "mistlocate.service"
        unit.write_text(UNIT.replace("/opt/mistlocate/bin/mistlocate", sys.executable))
        found = subprocess.run(
            ["systemd-analyze", "verify", str(unit)], capture_output=True, text=True, check=False, timeout=50
        )
        complaints = [line for line in (found.stdout + found.stderr).splitlines() if "mistlocate.service" in line]
        assert (found.returncode, complaints) == (0, [])


def names_in(expression: str) -> set[str]:
    """The metrics of ours that an expression names."""
    return set(re.findall(r"\bmistlocate_\w+", expression))


class TestAlerts:
    async def test_every_metric_that_a_rule_or_the_page_names_is_one(self, tmp_path: Path) -> None:
        async with site(tmp_path, SMALL) as it, client(it.engine) as http:
            await it.complete()
            await it.mist("diagnostics")
            text = (await http.get(f"{root(http)}/metrics")).text
        there = set(re.findall(r"^# TYPE (\w+)", text, re.MULTILINE)) | names_in(text)
        named = {name for rule in ALERTS for name in names_in(rule["expr"])}
        assert len(named) > 10
        assert named - there == set()
        assert set(re.findall(r"`(mistlocate_\w+)`", PAGE)) - there == set()
        described = set(re.findall(r"`(mistlocate_\w+)`", PAGE))
        families = set(re.findall(r"^# TYPE (mistlocate_\w+)", text, re.MULTILINE))
        assert families - described == set(), "each metric is described"

    def test_values_of_labels_are_those_that_exist(self) -> None:
        known = {
            "state": {each.value for each in StreamState},
            "result": {OK, REFUSED, UNAVAILABLE, TROUBLE, DEFECT, LEFT},
            "reason": {"not_known", "defect", "too_slow"},
            "kind": set(re.findall(r'"(\w+)":', _problems())) | set(re.findall(r'found\["(\w+)"\]', _problems())),
        }
        for rule in ALERTS:
            for label, values in re.findall(r'\b(state|result|reason|kind)=~?"([^"]+)"', rule["expr"]):
                assert set(values.split("|")) <= known[label], rule["alert"]

    def test_rules_have_what_they_need(self) -> None:
        for rule in ALERTS:
            assert set(rule) <= {"alert", "expr", "for", "labels", "annotations"}
            assert rule["labels"]["severity"] in ("critical", "warning", "info")
            assert rule["annotations"]["summary"]
            for opening, closing in ("()", "{}", "[]"):
                assert rule["expr"].count(opening) == rule["expr"].count(closing)

    def test_the_page_says_what_to_do_about_each(self) -> None:
        rows = dict(re.findall(r"^\| `(\w+)` \| (.+) \|$", PAGE, re.MULTILINE))
        assert {rule["alert"] for rule in ALERTS} <= set(rows)

    def test_the_scrape_configuration_leads_to_the_metrics(self) -> None:
        found: dict[str, Any] = yaml.safe_load((ROOT / "examples" / "prometheus" / "prometheus.yaml").read_text())
        (job,) = found["scrape_configs"]
        assert (job["job_name"], job["metrics_path"], job["authorization"]["type"]) == (
            "mistlocate",
            "/metrics",
            "Bearer",
        )
        assert all((ROOT / "examples" / "prometheus" / name).exists() for name in found["rule_files"])


def _problems() -> str:
    """The source of the drivers, where the statuses `problems` come from."""
    return "\n".join(path.read_text() for path in (ROOT / "src" / "mistlocate" / "drivers").rglob("*.py"))


def test_commands_on_the_page_exist() -> None:
    said = set(re.findall(r"`mistlocate (\w+)", PAGE))
    assert said
    assert said <= COMMANDS


def test_figures_have_names_of_their_own() -> None:
    names = [each.name for each in FIGURES]
    assert len(set(names)) == len(names)
