"""The search for secrets finds them: it runs here over tests that leak one in every way, and over some that do not."""

import os
import subprocess
import sys
from pathlib import Path

from support.secret_search import FORMS

LEAKS = """
import logging, sys, threading
import pytest
from mistlocate.simulator.ids import Ids

TOKEN = Ids(7).secret("token", 1, length=64)
LOG = logging.getLogger("some.library")

@pytest.fixture(autouse=True)
def quiet():
    LOG.setLevel(logging.ERROR)  # whatever somebody sets

def test_record(): LOG.debug("asking with %s", TOKEN)
def test_exception():
    try: raise ValueError(f"bad {TOKEN}")
    except ValueError: LOG.debug("trouble", exc_info=True)
def test_thread():
    thread = threading.Thread(target=LOG.debug, args=(f"GET /x {TOKEN}",)); thread.start(); thread.join()
def test_printed(): print("the token is", TOKEN)
def test_printed_and_read(capsys):
    sys.stderr.write(TOKEN); capsys.readouterr()
def test_cookie(): LOG.debug("> Cookie: session=abcdef0123")
def test_link(): LOG.debug("GET /api/v1/forward/download?jwt=eyJh.bGci")
def test_key(): LOG.debug("key ml_abcdefghijklmnopqrstuvw")

def test_clean():
    LOG.debug("nothing to see: %s", "0" * 64)
    LOG.debug("headers {'authorization': '[secure]'}, jwt=***, Authorization: ***")
    print("all is well")
"""


def test_whatever_leaks_is_found_and_not_repeated(tmp_path: Path) -> None:
    (tmp_path / "test_leaks.py").write_text(LEAKS)
    found = subprocess.run(
        [sys.executable, "-m", "pytest", "-q", "-p", "support.secret_search", "-p", "no:cacheprovider",
         "-c", os.devnull, "--rootdir", str(tmp_path), "--show-capture=no", str(tmp_path)],
        env={**os.environ, "SEARCH_SECRETS": "1", "PYTHONPATH": str(Path(__file__).parent)}, cwd=tmp_path,
        capture_output=True, text=True, timeout=50, check=False,
    )  # fmt: skip
    assert "8 failed, 1 passed" in found.stdout, found.stdout + found.stderr
    assert "FAILED" not in "".join(line for line in found.stdout.splitlines() if "test_clean" in line)
    assert "logger some.library: " in found.stdout
    assert "printed: " in found.stdout


def test_what_was_made_unreadable_is_no_secret() -> None:
    for text in (
        "Authorization: ***",
        "jwt=***",
        "'authorization': '[secure]'",
        "Cookie: <none>",
        "ml_***",
        "test_yaml_of_any_name_says_what",
    ):
        assert FORMS.search(text) is None, text
