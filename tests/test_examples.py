"""The examples run as they stand, against a demo."""

import json
import os
import subprocess
import sys
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest

from mistlocate.engines.embedded.config import load_file
from support.processes import command

EXAMPLES = Path(__file__).parents[1] / "examples"


@pytest.fixture(scope="module")
def demo() -> Iterator[str]:
    with command("demo", "--port", "0", "--people", "25", "--floors", "2") as process:
        yield process.wait_for(r"engine at (http://\S+)").group(1)


def run(demo: str, *line: str) -> str:
    environment = {**os.environ, "MISTLOCATE_URL": demo}
    done = subprocess.run(line, env=environment, capture_output=True, text=True, check=False, timeout=50)
    assert done.returncode == 0, done.stderr
    return done.stdout


def test_finding_somebody(demo: str) -> None:
    assert "alice@example.com: HQ, Floor" in run(demo, sys.executable, str(EXAMPLES / "find_person.py"))
    assert "cannot be located" in run(demo, sys.executable, str(EXAMPLES / "find_person.py"), "nobody@example.com")


class _Answers(BaseHTTPRequestHandler):
    """An engine whose mapping names no building."""

    def do_GET(self) -> None:
        if self.path.endswith("/systems"):
            self.answer([{"id": "s", "name": "s", "zones": [], "modules": ["MistLocations_1"]}])
        else:
            self.answer([{"id": "zone-1", "name": "Floor 1", "parent_id": None}])

    def do_POST(self) -> None:
        self.answer([{"building": None, "level": "zone-1", "last_seen": 0, "variance": 5.0}])

    def answer(self, value: object) -> None:
        body = json.dumps(value).encode()
        self.send_response(200)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_: object) -> None:
        """Say nothing."""


def test_finding_somebody_on_a_level_without_a_building() -> None:
    with ThreadingHTTPServer(("127.0.0.1", 0), _Answers) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        found = run(f"http://127.0.0.1:{server.server_port}", sys.executable, str(EXAMPLES / "find_person.py"), "zoe")
        server.shutdown()
    assert found.startswith("zoe: Floor 1, within 5 m")


def test_counting_levels(demo: str) -> None:
    printed = run(demo, sys.executable, str(EXAMPLES / "watch_levels.py"), "1.5")
    assert "HQ - Floor 1: " in printed
    assert "Yard: " in printed


@pytest.mark.needs("curl")
def test_without_python(demo: str) -> None:
    printed = run(demo, "sh", str(EXAMPLES / "curl.sh"))
    assert '"live"' in printed
    assert '"location":"wireless"' in printed


def test_settings_are_valid(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("MIST_API_TOKEN", "sesame")
    monkeypatch.setenv("MIST_SITE_ID", "ea57dcee-516a-5fde-abca-aa9b6f371622")
    for path in EXAMPLES.glob("*.yaml"):
        assert load_file(path).modules


def test_every_example_is_in_the_list() -> None:
    listed = (EXAMPLES / "README.md").read_text()
    for path in EXAMPLES.iterdir():
        assert path.name == "README.md" or f"`{path.name}`" in listed
