"""Every command as a user would try it, against a demo that runs as a process of its own."""

import asyncio
import json
import re
import signal
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest
from click.testing import Result
from typer.testing import CliRunner

from mistlocate import __version__
from mistlocate.cli import main
from mistlocate.cli.app import app
from mistlocate.cli.output import Exit
from mistlocate.cli.run import _reload
from mistlocate.engines.embedded.access import hash_key
from mistlocate.engines.embedded.config import Loaded, load
from mistlocate.errors import Problem, SettingsError
from support.processes import Process, command
from support.waiting import until


@pytest.fixture(scope="module")
def demo() -> Iterator[tuple[str, Process]]:
    """The address of a running demo."""
    with command("demo", "--port", "0", "--people", "25", "--floors", "2") as process:
        yield process.wait_for(r"engine at (http://\S+)").group(1), process
        assert process.end() == 0, process.output
        assert "Traceback" not in process.output


@pytest.fixture(scope="module")
def cloud() -> Iterator[dict[str, str]]:
    """Address, site and token of a simulated cloud that is a process too."""
    with command("simulate", "--port", "0", "--clients", "40", "--maps", "3") as process:
        process.wait_for("truth")
        yield {
            "url": process.wait_for(r"answers at (\S+)").group(1),
            "site": process.wait_for(r"site_id\s+(\S+)").group(1),
            "token": process.wait_for(r"api_token\s+(\S+)").group(1),
        }
        assert process.end() == 0


def run(*args: str, **options: Any) -> Result:
    return CliRunner().invoke(app, list(args), env={"COLUMNS": "200", **options.pop("env", {})}, **options)


class TestAudit:
    def test_who_asked_for_whom(self, demo: tuple[str, Process]) -> None:
        url, _ = demo
        assert run("exec", "MistLocations_1", "search", "zz-nobody", "--url", url).exit_code == 0
        found = json.loads(run("audit", "--since", "1h", "--json", "--url", url).stdout)
        (record,) = [each for each in found if each["about"] == "zz-nobody"]
        assert (record["asker"], record["command"], record["result"]) == ("local", "search", "nothing")
        assert record.keys() == {"at", "asker", "command", "about", "result"}
        printed = run("audit", "--url", url).stdout
        assert re.search(r"\d{4}-\d\d-\d\d .* local +search +zz-nobody +nothing", printed), printed
        assert run("audit", "--since", "soon", "--url", url).exit_code == Exit.USAGE


class TestDemo:
    def test_it_says_where_to_go_next(self, demo: tuple[str, Process]) -> None:
        url, process = demo
        process.wait_for("Ctrl-C")
        tried = re.findall(r"^ +.*\bmistlocate (.+)$", process.output, re.MULTILINE)
        assert len(tried) == 3
        for line in tried:
            found = run(*line.split())
            assert found.exit_code == 0, found.output
            assert found.stdout
        assert f"{url}/docs" in process.output

    async def test_it_has_a_page_with_levels_to_follow_and_their_images(self, demo: tuple[str, Process]) -> None:
        url, _ = demo
        async with httpx.AsyncClient(base_url=url, trust_env=False) as http:
            assert (await http.get("/")).headers["content-type"].startswith("text/html")
            api = "/api/engine/v2/systems/sys-location"

            async def levels() -> Any:
                found = (await http.get(f"{api}/MistLocations_1/levels")).json()
                return found if found and found[0]["devices"] else None

            listed = await until(levels)
            assert [each["name"] for each in listed] == ["HQ - Floor 1", "HQ - Floor 2", "Example Campus - Yard"]
            assert (await http.get(f"{api}/MistLocations_1/{listed[0]['zone']}")).json()[0]["level"] == listed[0][
                "zone"
            ]
            image = await http.get(f"{api}/MistWebsocket_1/assets/{listed[0]['image']}")
            assert image.headers["content-type"] == "image/png"

    def test_a_port_that_is_taken(self, demo: tuple[str, Process]) -> None:
        url, _ = demo
        with command("demo", "--port", url.rsplit(":", 1)[1]) as second:
            assert second.popen.wait(30) == Exit.FAILED
            second.wait_for("cannot listen on 127.0.0.1")
            assert "Traceback" not in second.output

    def test_a_closed_terminal_ends_it_and_nothing_is_kept(self, tmp_path: Path) -> None:
        store, temporary = tmp_path / "real.db", tmp_path / "tmp"
        temporary.mkdir()
        environment = {"MISTLOCATE_STORE": str(store), "MISTLOCATE_LISTEN": "x", "TMPDIR": str(temporary)}
        with command("demo", "--port", "0", "--people", "5", **environment) as process:
            process.wait_for("Ctrl-C")
            assert list(temporary.iterdir())
            assert process.end(signal.SIGHUP) == 0
        assert list(temporary.iterdir()) == []
        assert not store.exists()

    def test_it_needs_no_proxy(self) -> None:
        proxies = dict.fromkeys(("HTTP_PROXY", "HTTPS_PROXY", "http_proxy", "https_proxy"), "http://127.0.0.1:1")
        with command("demo", "--port", "0", "--people", "5", **proxies) as process:
            url = process.wait_for(r"engine at (http://\S+)").group(1)
            assert "live" in run("status", "MistWebsocket_1", "stream_state", "--url", url).stdout


class TestLocating:
    def test_by_name_as_a_person_reads_it(self, demo: tuple[str, Process]) -> None:
        found = run("locate", "alice@example.com", "--url", demo[0])
        assert found.exit_code == 0
        assert re.search(r"HQ, Floor \d \(HQ - Floor \d\)", found.stdout)
        assert re.search(r"x [\d.]+, y [\d.]+ on a plan of 1600 by 900, give or take \d+ m", found.stdout)
        assert re.search(r"seen \d+ s ago", found.stdout)

    def test_as_json_and_by_mac(self, demo: tuple[str, Process]) -> None:
        (first, *_) = json.loads(run("locate", "alice@example.com", "--json", "--url", demo[0]).stdout)
        assert first["location"] == "wireless"
        dashed = "-".join(first["mac"][n : n + 2] for n in range(0, 12, 2))
        (same,) = json.loads(run("locate", dashed, "--json", "--url", demo[0]).stdout)
        assert same["mac"] == first["mac"]

    def test_nobody(self, demo: tuple[str, Process]) -> None:
        found = run("locate", "nobody@example.com", "--url", demo[0])
        assert found.exit_code == Exit.NOT_FOUND
        assert "no device is known" in found.stderr
        assert json.loads(run("locate", "nobody@example.com", "--json", "--url", demo[0]).stdout) == []


class TestExecuting:
    def test_maps_as_the_guide_shows_them(self, demo: tuple[str, Process]) -> None:
        maps = json.loads(run("exec", "MistWebsocket_1", "maps", "--url", demo[0]).stdout)
        assert [(each["name"], each["type"]) for each in maps] == [
            ("HQ - Floor 1", "image"),
            ("HQ - Floor 2", "image"),
            ("Yard", "google"),
        ]
        assert list(maps[0])[:3] == ["id", "name", "type"]

    def test_arguments(self, demo: tuple[str, Process]) -> None:
        for words in (["0x12:34:A6-789B"], ["mac=0x12:34:A6-789B"]):
            found = run("exec", "MistWebsocket", "format_mac", *words, "--url", demo[0])
            assert json.loads(found.stdout) == "1234a6789b"

    def test_the_commands_of_a_module(self, demo: tuple[str, Process]) -> None:
        found = run("exec", "MistLocations_1", "--url", demo[0])
        assert "locate_user [email] [username]" in found.stdout
        assert "explain" in json.loads(run("exec", "MistLocations_1", "--json", "--url", demo[0]).stdout)

    @pytest.mark.parametrize(
        ("args", "code", "text"),
        [
            (["MistWebsocket_1", "mapps"], Exit.USAGE, "did you mean 'maps'"),
            (["MistWebsocket_1", "client"], Exit.USAGE, "missing: mac"),
            (["MistWebsocket_1", "client", "12345"], Exit.USAGE, "12 hex digits"),
            (["Nothing_1", "maps"], Exit.NOT_FOUND, "modules: MistLocations_1, MistWebsocket_1"),
            (["MistWebsocket_1", "maps", "--system", "sys-x"], Exit.NOT_FOUND, "no system 'sys-x'"),
            (["MistWebsocket_1", "client", "da1119c0ffee"], Exit.NOT_FOUND, "no client with this MAC"),
        ],
    )
    def test_errors_say_what_to_do(self, demo: tuple[str, Process], args: list[str], code: Exit, text: str) -> None:
        found = run("exec", *args, "--url", demo[0])
        assert found.exit_code == code
        assert text in found.stderr
        assert "module raised" not in found.stderr
        assert found.stdout == ""


class TestLooking:
    def test_modules(self, demo: tuple[str, Process]) -> None:
        assert re.search(r"MistWebsocket_1\s+sys-location\s+running\s+yes", run("modules", "--url", demo[0]).stdout)
        assert len(json.loads(run("modules", "--json", "--url", demo[0]).stdout)) == 2

    def test_status(self, demo: tuple[str, Process]) -> None:
        assert json.loads(run("status", "MistWebsocket_1", "stream_state", "--url", demo[0]).stdout) == "live"
        everything = run("status", "MistWebsocket_1", "--url", demo[0]).stdout
        assert max(map(len, everything.splitlines())) > 200, "nothing is folded in a pipe"
        assert not re.search(" $", everything, re.MULTILINE)
        assert "stream_reason" in everything
        assert "stream_state" in json.loads(run("status", "MistWebsocket_1", "--json", "--url", demo[0]).stdout)
        assert json.loads(run("status", "MistWebsocket_1", "nothing", "--url", demo[0]).stdout) is None

    def test_watch(self, demo: tuple[str, Process]) -> None:
        with command("watch", "MistWebsocket_1", "last_frame", "--url", demo[0]) as watching:
            watching.wait_for(r"\d\d:\d\d:\d\d  \d{10}[\s\S]*\d\d:\d\d:\d\d  \d{10}")
            assert watching.end() in (Exit.INTERRUPTED, -2)
            assert "Traceback" not in watching.output
        with command("watch", "MistWebsocket", "stream_state", "--json", "--url", demo[0]) as watching:
            watching.wait_for('^"live"$')


class TestWrongValues:
    @pytest.mark.parametrize(
        "args",
        [
            ["modules", "--url", "http://127.0.0.1:99999"],
            ["watch", "A_1", "k", "--url", "http://127.0.0.1:99999"],
            ["modules", "--api-key", "\u00fc"],
            ["modules", "--api-key", "a\nb"],
            ["init", "--portal", "http://127.0.0.1:99999", "--token", "x"],
            ["init", "-o", "/proc/x/s.yaml"],
            ["demo", "--port", "70000"],
            ["simulate", "--port", "-1"],
            ["simulate", "--rate", "inf"],
            ["simulate", "--rate", "nan"],
            ["simulate", "--speed", "nan"],
            ["simulate", "--clients", "1000000"],
            ["key", "--name", ""],
        ],
    )
    def test_they_are_wrong_usage(self, args: list[str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.chdir(tmp_path)
        found = run(*args, input="")
        assert found.exit_code == Exit.USAGE, found.output
        assert "Traceback" not in found.output
        assert "API token" not in found.output, "nothing is asked for in vain"
        assert list(tmp_path.iterdir()) == []

    def test_an_address_without_scheme(self, demo: tuple[str, Process]) -> None:
        assert run("modules", "--url", demo[0].removeprefix("http://")).exit_code == 0


class TestWithoutAnEngine:
    @pytest.mark.parametrize(
        "args",
        [["modules"], ["locate", "x"], ["exec", "A_1", "b"], ["status", "A_1"], ["watch", "A_1", "k"]],
    )
    def test_it_says_how_to_get_one(self, args: list[str]) -> None:
        found = run(*args, "--url", "http://127.0.0.1:1")
        assert found.exit_code == Exit.UNREACHABLE
        assert "mistlocate demo" in found.stderr

    def test_the_address_may_come_from_the_environment(self, demo: tuple[str, Process]) -> None:
        assert run("modules", env={"MISTLOCATE_URL": demo[0]}).exit_code == 0

    def test_version_and_help(self) -> None:
        assert run("--version").stdout == f"mistlocate {__version__}\n"
        text = run("--help").stdout
        for name in (
            "demo",
            "serve",
            "init",
            "check",
            "exec",
            "locate",
            "modules",
            "status",
            "watch",
            "key",
            "schema",
            "simulate",
        ):
            assert name in text
        assert run("exec").exit_code == Exit.USAGE
        assert run("nonsense").exit_code == Exit.USAGE


class TestKeys:
    def test_a_key_and_what_goes_into_the_settings(self) -> None:
        made = json.loads(run("key", "--name", "panel", "--level", "support", "--json").stdout)
        assert made["entry"] == {"name": "panel", "level": "support", "hash": hash_key(made["key"])}
        text = run("key").stdout
        assert "shown this once" in text
        assert "hash: sha256:" in text

    def test_a_level_that_does_not_exist(self) -> None:
        found = run("key", "--level", "root")
        assert found.exit_code == Exit.USAGE
        assert "user, support, administrator or metrics" in found.stderr


@pytest.mark.parametrize("options", [[], ["--json"]])
def test_the_schema_is_printed(options: list[str]) -> None:
    assert json.loads(run("schema", *options).stdout)["$schema"].startswith("https://json-schema.org/")


def test_a_simulated_cloud_tells_a_program_where_it_is() -> None:
    with command("simulate", "--port", "0", "--clients", "5", "--maps", "1", "--json") as process:
        told = json.loads(process.wait_for(r"^\{.*\}$").group(0))
        assert process.end() == 0
    assert told["stream_url"] == f"ws{told['url'].removeprefix('http')}/api-ws/v1/stream"
    assert set(told) == {"url", "stream_url", "site_id", "api_token"}


def test_a_cloud_that_cannot_keep_up_can_be_ended() -> None:
    with command("simulate", "--port", "0", "--clients", "3000", "--speed", "10000") as process:
        process.wait_for("truth")
        assert process.end() == 0


@pytest.mark.parametrize(
    ("error", "code"), [(KeyboardInterrupt(), Exit.INTERRUPTED), (ZeroDivisionError(), Exit.FAILED)]
)
def test_the_command_always_ends_in_an_exit_code(
    error: BaseException, code: Exit, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    def fail() -> None:
        raise error

    monkeypatch.setattr("mistlocate.cli.app.app", fail)
    with pytest.raises(SystemExit) as raised:
        main()
    assert raised.value.code == code
    assert "Traceback" not in capsys.readouterr().err


async def test_no_mistake_ends_reloading_for_good(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    answers = iter([ZeroDivisionError("odd"), SettingsError([Problem("a", "b")]), load({}, tmp_path)])
    wanted, taken = asyncio.Event(), asyncio.Event()

    def read(path: Path) -> Loaded:
        wanted.set()  # once more, until all answers are used up
        answer = next(answers)
        if isinstance(answer, Exception):
            raise answer
        return answer

    class Taking:
        async def reload(self, loaded: Loaded) -> None:
            wanted.clear()
            taken.set()

    monkeypatch.setattr("mistlocate.cli.run.load_file", read)
    wanted.set()
    task = asyncio.create_task(_reload(Taking(), tmp_path, wanted))  # type: ignore[arg-type]
    async with asyncio.timeout(10):
        await taken.wait()
    task.cancel()


class TestSettingsFiles:
    """init, check and serve."""

    def init(self, cloud: dict[str, str], path: Path, *more: str) -> Result:
        return run("init", "--portal", cloud["url"], "--token", cloud["token"], "-o", str(path), *more)

    def test_from_token_to_found(self, cloud: dict[str, str], tmp_path: Path) -> None:
        path = tmp_path / "settings.yaml"
        made = self.init(cloud, path, "--site", cloud["site"])
        assert made.exit_code == 0, made.output
        assert f"mistlocate serve {path}" in made.stdout.replace("\n", "")
        checked = run("check", str(path))
        assert checked.exit_code == 0, checked.output
        assert "People can be found." in checked.stdout
        with command("serve", str(path), MISTLOCATE_LISTEN="127.0.0.1:0") as engine:
            url = engine.wait_for(r"answers at (http://\S+)").group(1)
            engine.wait_for("state=live")
            assert run("locate", "alice@example.com", "--url", url).exit_code == 0
            assert engine.end() == 0
            assert "Traceback" not in engine.output
            assert cloud["token"] not in engine.output
            assert "alice" not in engine.output

    def test_questions_are_asked_where_options_are_missing(self, cloud: dict[str, str], tmp_path: Path) -> None:
        path = tmp_path / "settings.yaml"
        found = run("init", "-o", str(path), "--site", cloud["site"], input=f"{cloud['url']}\n{cloud['token']}\n")
        assert found.exit_code == 0, found.output
        assert cloud["token"] not in found.output, "it is not shown while it is typed"
        again = self.init(cloud, path, "--site", cloud["site"])
        assert again.exit_code == Exit.USAGE
        assert "exists already" in again.stderr

    def test_init_says_what_is_wrong(self, cloud: dict[str, str], tmp_path: Path) -> None:
        several = self.init(cloud, tmp_path / "a.yaml")
        assert several.exit_code == Exit.FAILED
        assert "the token sees several sites" in several.stderr
        refused = run("init", "--portal", cloud["url"], "--token", "guess", "-o", str(tmp_path / "b.yaml"))
        assert refused.exit_code == Exit.CLOUD
        assert "the cloud refused the API token" in refused.stderr
        assert list(tmp_path.iterdir()) == []

    def test_check_prints_a_draft_for_what_is_missing(self, cloud: dict[str, str], tmp_path: Path) -> None:
        path = tmp_path / "settings.yaml"
        self.init(cloud, path, "--site", cloud["site"])
        text = path.read_text()
        path.write_text(text[: text.index("floorplan_mappings:")] + "floorplan_mappings: {}\n")
        found = run("check", str(path))
        assert found.exit_code == Exit.FAILED
        assert "would leave people unfindable" in found.stderr
        draft = found.stdout[found.stdout.index("floorplan_mappings:") :]
        path.write_text(
            path.read_text().replace(
                "floorplan_mappings: {}", "\n".join("          " + line for line in draft.splitlines()).lstrip()
            )
        )
        checked = run("check", str(path))
        assert checked.exit_code == 0, checked.output + path.read_text()
        report = json.loads(run("check", str(path), "--json").stdout)
        assert report["modules"][0]["problems"] == 0

    def test_settings_that_cannot_be_used(self, tmp_path: Path) -> None:
        path = tmp_path / "settings.yaml"
        path.write_text("zonez: []\nsystems: [{id: a, zones: [x]}]\n")
        for name in ("check", "serve"):
            found = run(name, str(path))
            assert found.exit_code == Exit.SETTINGS
            assert "zonez: no such key (did you mean 'zones'?)" in found.stderr
            assert "systems[0].zones[0]: no zone 'x'" in found.stderr
        missing = run("check", str(tmp_path / "missing.yaml"))
        assert missing.exit_code == Exit.SETTINGS
        assert str(tmp_path / "missing.yaml") in missing.stderr
        path.write_text("systems: []\n")
        assert "nothing to check" in run("check", str(path)).stderr

    def test_a_token_that_is_not_there(self, cloud: dict[str, str], tmp_path: Path) -> None:
        path, token = tmp_path / "other.yaml", tmp_path / "other.mist_api_token"
        assert self.init(cloud, path, "--site", cloud["site"]).exit_code == 0
        setting = "systems[0].modules[0].settings.api_token_file"
        token.write_text("two words")
        found = run("check", str(path))
        assert (found.exit_code, setting in found.stderr, str(token) in found.stderr) == (Exit.SETTINGS, True, True)
        token.unlink()
        found = run("check", str(path))
        assert found.exit_code == Exit.SETTINGS
        assert f"{setting}: the file {token} cannot be read" in found.stderr
        with command("serve", str(path), MISTLOCATE_LISTEN="127.0.0.1:0") as engine:
            engine.wait_for(f"the file {re.escape(str(token))} cannot be read")

    def test_files_that_others_can_read_are_said(self, cloud: dict[str, str], tmp_path: Path) -> None:
        path, token = tmp_path / "settings.yaml", tmp_path / "mist_api_token"
        assert self.init(cloud, path, "--site", cloud["site"]).exit_code == 0
        assert "others on this machine" not in run("check", str(path)).stderr
        token.chmod(0o644)
        assert f"chmod 600 {token}" in run("check", str(path)).stderr.replace("\n", "")
        with command("serve", str(path), MISTLOCATE_LISTEN="127.0.0.1:0") as engine:
            engine.wait_for(f"others on this machine can read {re.escape(str(token))}")

    def test_one_problem_is_singular(self, cloud: dict[str, str], tmp_path: Path) -> None:
        path = tmp_path / "settings.yaml"
        self.init(cloud, path, "--site", cloud["site"])
        (tmp_path / "mist_api_token").write_text("guess")
        assert "1 problem would leave people unfindable." in run("check", str(path)).stderr

    def test_sighup_reads_the_settings_again(self, cloud: dict[str, str], tmp_path: Path) -> None:
        path = tmp_path / "settings.yaml"
        self.init(cloud, path, "--site", cloud["site"])
        with command("serve", str(path), MISTLOCATE_LISTEN="127.0.0.1:0") as engine:
            engine.wait_for("state=live")
            good = path.read_text()
            path.write_text("zonez: []\n")
            engine.popen.send_signal(signal.SIGHUP)
            engine.wait_for("the settings are not taken")
            path.write_text(good.replace("listen:", "log_level: debug\nlisten:"))
            engine.popen.send_signal(signal.SIGHUP)
            engine.wait_for("settings read again")
            assert engine.end(signal.SIGTERM) == 0
            assert "Traceback" not in engine.output
