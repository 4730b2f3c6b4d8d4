"""The executables as core and a build service run them: options, output, exit codes; nothing needs Redis."""

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from mistlocate.drivers.mist_locations.driver import MistLocations
from mistlocate.drivers.mist_websocket.driver import MistWebsocket
from mistlocate.engines.placeos.documents import defaults_document, metadata_document
from mistlocate.engines.placeos.executable import main
from support.drivers import Probe
from support.placeos_wire import Splitter, packed
from support.redis_server import free_port

BIN = Path(sys.executable).parent
PAIR = [("mist-websocket-driver", MistWebsocket), ("mist-locations-driver", MistLocations)]
NAMES = [name for name, _ in PAIR]


def run(name: str, *args: str, stdin: bytes = b"", **environment: str) -> "subprocess.CompletedProcess[bytes]":
    """Run an executable to its end; there is no Redis."""
    nowhere = {"REDIS_URL": f"redis://127.0.0.1:{free_port()}"}
    env = {**os.environ, **nowhere, **environment}
    return subprocess.run([BIN / name, *args], input=stdin, capture_output=True, env=env, timeout=30, check=False)


def document(result: "subprocess.CompletedProcess[bytes]") -> Any:
    """The one JSON document that was printed."""
    assert (result.returncode, result.stderr) == (0, b"")
    assert result.stdout.endswith(b"}\n")
    return json.loads(result.stdout)


def plain(value: Any) -> Any:
    return json.loads(json.dumps(value))


@pytest.mark.parametrize(("name", "driver"), PAIR, ids=NAMES)
def test_defaults_and_metadata_are_one_document_each_and_one_together(name: str, driver: Any) -> None:
    defaults, metadata = plain(defaults_document(driver)), plain(metadata_document(driver))
    assert document(run(name, "-d")) == defaults
    assert document(run(name, "--metadata")) == metadata
    assert document(run(name, "-m", "-d")) == {**defaults, **metadata}


@pytest.mark.parametrize("name", NAMES)
def test_the_question_whether_the_file_works_is_answered(name: str) -> None:
    result = run(name, "-h")
    assert (result.returncode, result.stderr) == (0, b"")
    for option in (b"--process", b"--socket", b"--defaults", b"--metadata", b"--edge", b"--help"):
        assert option in result.stdout


def test_that_answer_imports_nothing_that_takes_time() -> None:
    code = (
        "import sys; from mistlocate.engines.placeos.executable import main\n"
        "try: main('x', None, ['-h'])\n"
        "except SystemExit: pass\n"
        "sys.exit(' '.join({'asyncio', 'redis', 'pydantic', 'httpx', 'structlog', 'websockets'} & set(sys.modules)) or 0)"
    )
    result = subprocess.run([sys.executable, "-c", code], capture_output=True, timeout=30, check=False)
    assert (result.returncode, result.stderr) == (0, b"")


def test_documents_need_neither_redis_nor_the_network_client_nor_an_event_loop() -> None:
    code = (
        "import sys; from mistlocate.engines.placeos import executable\n"
        "sys.argv = ['x', '-d', '-m']\n"
        "try: executable.mist_websocket()\n"
        "except SystemExit: pass\n"
        "sys.exit(' '.join({'asyncio', 'redis', 'httpx', 'websockets'} & set(sys.modules)) or 0)"
    )
    result = subprocess.run([sys.executable, "-c", code], capture_output=True, timeout=30, check=False)
    assert (result.returncode, result.stderr) == (0, b"")


@pytest.mark.parametrize("name", NAMES)
def test_without_options_nothing_happens(name: str) -> None:
    result = run(name)
    assert (result.returncode, result.stdout, result.stderr) == (0, b"", b"")


def never() -> type[Probe]:
    raise AssertionError("nobody asked for the driver")


@pytest.mark.parametrize("option", ["--unknown", "-x", "--proc", "positional"])
def test_what_is_no_option_is_refused(option: str, capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as raised:
        main("probe", never, [option])
    assert raised.value.code == 2
    assert capsys.readouterr().out == ""


@pytest.mark.parametrize("args", [["-e"], ["-p", "-e", "-s", "/nowhere"]])
def test_an_edge_is_refused(args: list[str], capsys: pytest.CaptureFixture[str]) -> None:
    assert main("probe", never, args) == 2
    written = capsys.readouterr()
    assert written.out == ""
    assert "not supported" in written.err


def test_documents_go_to_standard_output_only(capsys: pytest.CaptureFixture[str]) -> None:
    assert main("probe", lambda: Probe, ["-d"]) == 0
    written = capsys.readouterr()
    assert (json.loads(written.out), written.err) == (plain(defaults_document(Probe)), "")


def test_a_socket_that_nobody_listens_on_is_said_and_is_no_success() -> None:
    result = run("mist-locations-driver", "-p", "-s", "/nowhere/pos.driver")
    assert (result.returncode, result.stderr) == (1, b"")
    assert json.loads(result.stdout)["level"] == "FATAL"


def test_the_streams_of_the_process_will_do_instead_of_a_socket() -> None:
    stdin = packed({"id": "", "cmd": "info", "seq": 0}) + packed({"id": "t", "cmd": "terminate"})
    result = run("mist-locations-driver", "-p", stdin=stdin)
    assert result.returncode == 0
    assert result.stderr[:1] == b"r"
    (text,) = Splitter().feed(result.stderr[1:])
    assert json.loads(text) == {"id": "", "cmd": "result", "seq": 0, "code": 200, "payload": "[]"}
    assert result.stdout == b""
