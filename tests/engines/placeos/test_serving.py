"""A driver's process while it serves core: its first byte, its end, and what it says when it cannot run."""

import asyncio
import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest

from mistlocate.engines.placeos import serving
from support.drivers import Probe
from support.placeos_engine import CoreSide
from support.placeos_wire import DriverLink, Frame
from support.redis_server import free_port, redis_server
from support.waiting import until

BIN = Path(sys.executable).parent
NAMES = ["mist-websocket-driver", "mist-locations-driver"]


class Link(DriverLink):
    """A process of which a test takes the frames as they come."""

    def handle(self, frame: Frame) -> None:
        """Keep it only."""


@pytest.mark.parametrize("name", NAMES)
@pytest.mark.parametrize("how", ["terminate", "hang up", "SIGTERM", "SIGINT"])
async def test_a_process_says_that_it_is_there_and_ends_when_it_is_told(name: str, how: str) -> None:
    link = Link(str(BIN / name), {"REDIS_URL": f"redis://127.0.0.1:{free_port()}"})
    await link.open()
    try:
        assert link.ready_byte == b"r"
        await link.send({"id": "", "cmd": "info", "seq": 0})
        await until(lambda: link.frames)
        begun = time.monotonic()
        if how == "terminate":
            await link.send({"id": "t", "cmd": "terminate", "payload": "{}"})
        elif how == "hang up":
            link.hang_up()
        else:
            os.kill(link.pid, getattr(signal, how))
        assert await link.exit(5) == 0
        assert time.monotonic() - begun < 5
    finally:
        await link.close()
    assert (link.errors, link.junk) == ([], [])


async def test_a_redis_url_that_is_none_is_said_and_its_secret_is_not() -> None:
    link = Link(str(BIN / "mist-locations-driver"), {"REDIS_URL": 'redis://SEC"RET[@redis:1'})
    await link.open()
    await link.send({"id": "t", "cmd": "terminate"})
    assert await link.exit(8) == 0
    await link.close()
    (said, *_) = link.lines
    assert json.loads(said)["level"] == "ERROR"
    assert "REDIS_URL" in said
    assert "RET" not in link.output.replace("REDIS_URL", "")


#: MistWebsocket, on a machine whose name servers do not answer for a minute.
NAMELESS = """
import socket, sys, time
from mistlocate.engines.placeos.executable import mist_websocket
look_up = socket.getaddrinfo
def hang(host, *args, **options):
    if "mist" not in str(host):
        return look_up(host, *args, **options)
    sys.stderr.write("looking up\\n")
    sys.stderr.flush()
    time.sleep(60)
socket.getaddrinfo = hang
mist_websocket()
"""


async def test_a_process_ends_while_a_name_is_being_looked_up() -> None:
    link = Link([sys.executable, "-c", NAMELESS], {"REDIS_URL": f"redis://127.0.0.1:{free_port()}"})
    await link.open()
    try:
        settings = {"api_token": "token", "site_id": "site_id"}
        uri = "wss://api-ws.mist.com/api-ws/v1/stream"
        await link.send(CoreSide.start_frame(role=3, uri=uri, settings=settings))
        await until(lambda: "looking up" in link.errors)
        await link.send({"id": "", "cmd": "info", "seq": 0})
        await link.send({"id": "t", "cmd": "terminate"})
        assert await link.exit(8) == 0
    finally:
        await link.close()
    assert any(frame["cmd"] == "result" for frame in link.frames)


def test_what_was_written_last_is_out_before_a_process_ends() -> None:
    code = (
        "import sys; from mistlocate.engines.placeos import executable, serving\n"
        "async def run(load, socket):\n"
        "    sys.stdout.write('last words')\n"
        "    return 3\n"
        "serving._run = run\n"
        "executable.mist_locations()"
    )
    env = {name: value for name, value in os.environ.items() if name != "PYTHONUNBUFFERED"}
    result = subprocess.run([sys.executable, "-c", code, "-p"], capture_output=True, env=env, timeout=30, check=False)
    assert (result.returncode, result.stdout, result.stderr) == (3, b"last words", b"")


@pytest.mark.needs("redis-server")
async def test_an_operator_sees_that_redis_is_away_and_that_it_is_back(tmp_path: Path) -> None:
    async with redis_server(tmp_path) as server:
        await server.kill()
        link = Link(str(BIN / "mist-locations-driver"), {"REDIS_URL": server.url})
        await link.open()
        await link.send(CoreSide.start_frame())
        await until(lambda: len(link.lines) == 1)
        await server.start()
        await until(lambda: len(link.lines) == 2)
        await link.send({"id": "t", "cmd": "terminate"})
        assert await link.exit(8) == 0
        await link.close()
    assert [(json.loads(line)["level"], json.loads(line)["message"]) for line in link.lines] == [
        ("WARN", "Redis cannot be used; everything is written again afterwards"),
        ("WARN", "Redis can be used again"),
    ]


@pytest.fixture
async def slept(monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[list[float]]:
    """How long a process that connects to nobody in particular slept; it does not really."""
    times: list[float] = []

    async def sleep(seconds: float) -> None:
        times.append(seconds)

    class Nowhere:
        def ready(self) -> None:
            """Nobody listens."""

    async def to_socket(_: str) -> Nowhere:
        return Nowhere()

    monkeypatch.setattr("mistlocate.engines.placeos.wire.Wire.to_socket", to_socket)
    monkeypatch.setattr("mistlocate.engines.placeos.logs.configure", lambda: None)
    monkeypatch.setattr(asyncio, "sleep", sleep)
    yield times
    for number in (signal.SIGTERM, signal.SIGINT, signal.SIGUSR1):
        asyncio.get_running_loop().remove_signal_handler(number)


async def test_a_process_that_ends_in_trouble_waits_a_little_and_says_so(
    slept: list[float], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Core starts it again at once: without a pause, several times a second."""

    class Process:
        def __init__(self, *_: Any) -> None:
            """Nothing is needed of it."""

        async def run(self) -> int:
            return 1

        def stop(self) -> None:
            """Nothing runs."""

    monkeypatch.setattr("mistlocate.engines.placeos.process.DriverProcess", Process)
    assert await serving._run(lambda: Probe, "path") == 1
    assert slept == [serving.TROUBLE_PAUSE]


async def test_so_does_one_that_cannot_be_loaded(slept: list[float], capsys: pytest.CaptureFixture[str]) -> None:
    def load() -> type[Probe]:
        raise ModuleNotFoundError("No module named 'httpx'")

    assert await serving._run(load, "path") == 1
    assert slept == [serving.TROUBLE_PAUSE]
    said = capsys.readouterr()
    (line,) = said.out.splitlines()
    assert json.loads(line)["level"] == "FATAL"
    assert "No module named 'httpx'" in json.loads(line)["exception"]
    assert said.err == ""


@pytest.mark.parametrize("name", NAMES)
def test_streams_that_cannot_be_core_are_said_at_once(name: str, tmp_path: Path) -> None:
    with (tmp_path / "log").open("wb") as file:
        for stdin, stderr, said in (
            (subprocess.DEVNULL, subprocess.PIPE, "standard input is no pipe and no socket"),
            (subprocess.PIPE, file, "standard error is a file"),
        ):
            result = subprocess.run(
                [BIN / name, "-p"], stdin=stdin, stdout=subprocess.PIPE, stderr=stderr, timeout=30, check=False
            )
            told = json.loads(result.stdout)
            assert (result.returncode, told["level"]) == (1, "FATAL")
            assert said in told["message"]
            assert not result.stderr
    assert (tmp_path / "log").read_bytes() == b""
