"""The static files of the page."""

import re
from collections.abc import Callable
from contextlib import AbstractAsyncContextManager
from importlib.resources import files

import pytest

from mistlocate.engines.embedded.access import hash_key
from mistlocate.engines.embedded.api import page
from mistlocate.engines.embedded.engine import Engine
from support.api import client, root

Running = Callable[..., AbstractAsyncContextManager[Engine]]

FOLDER = files("mistlocate.engines.embedded").joinpath("page")
NAMES = [each.name for each in FOLDER.iterdir() if each.is_file()]
POLICY = (
    "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data: blob:; connect-src 'self'; "
    "frame-ancestors 'none'; base-uri 'none'; form-action 'none'"
)


async def test_the_start_page_is_for_everybody(running: Running) -> None:
    keys = [{"name": "panel", "level": "user", "hash": hash_key("key")}]
    async with running(api_keys=keys) as engine, client(engine) as http:
        found = await http.get(f"{root(http)}/")
        assert (found.status_code, found.headers["content-type"]) == (200, "text/html; charset=utf-8")
        assert found.content == FOLDER.joinpath("index.html").read_bytes()
        assert found.headers.get_list("content-security-policy") == [POLICY]
        assert found.headers.get_list("cache-control") == ["no-cache"]
        again = await http.get(f"{root(http)}/", headers={"If-None-Match": found.headers["etag"]})
        assert (again.status_code, again.content) == (304, b"")


@pytest.mark.parametrize("name", NAMES)
async def test_every_file_is_served_with_its_type(running: Running, name: str) -> None:
    types = {
        "html": "text/html",
        "js": "text/javascript",
        "css": "text/css",
        "svg": "image/svg+xml",
        "png": "image/png",
    }
    async with running() as engine, client(engine) as http:
        found = await http.get(f"{root(http)}/page/{name}")
        assert (found.status_code, found.content) == (200, FOLDER.joinpath(name).read_bytes())
        assert found.headers["content-type"].split(";")[0] == types[name.rpartition(".")[2]]
        assert found.headers["etag"]


@pytest.mark.parametrize("suffix", page.MEDIA_TYPES)
async def test_types_by_suffix(running: Running, tmp_path, monkeypatch: pytest.MonkeyPatch, suffix: str) -> None:  # type: ignore[no-untyped-def]
    monkeypatch.setattr(page, "_FOLDER", tmp_path)
    (tmp_path / f"file{suffix}").write_text("one")
    async with running() as engine, client(engine) as http:
        path = f"{root(http)}/page/file{suffix}"
        found = await http.get(path)
        assert found.headers["content-type"] == page.MEDIA_TYPES[suffix]
        (tmp_path / f"file{suffix}").write_text("two")
        again = await http.get(path, headers={"If-None-Match": found.headers["etag"]})
        assert (again.status_code, again.text) == (200, "two"), "a changed file is seen at once"


async def test_nothing_else_is(running: Running, tmp_path, monkeypatch: pytest.MonkeyPatch) -> None:  # type: ignore[no-untyped-def]
    folder = tmp_path / "page"
    folder.mkdir()
    for name in ("note.txt", "code.py", ".css", "bare"):
        (folder / name).write_text("secret")
    (folder / "folder.css").mkdir()
    (tmp_path / "outside.css").write_text("secret")
    monkeypatch.setattr(page, "_FOLDER", folder)
    names = [
        "note.txt", "code.py", ".css", "bare", "folder.css", "missing.js", "..%2foutside.css", "..\\outside.css", "",
        "%2e%2e/outside.css", "%00.css",
    ]  # fmt: skip
    async with running() as engine, client(engine) as http:
        for name in [*names, ".."]:
            found = await http.get(f"{root(http)}/page/{name}")
            assert (found.status_code, found.json()["error"]) == (404, "Not Found"), name


def test_what_the_start_page_names_is_there() -> None:
    text = FOLDER.joinpath("index.html").read_text(encoding="utf-8")
    named = re.findall(r"(?:src|href)=[\"']/page/([^\"'?#]+)", text)
    assert named
    assert set(named) <= set(NAMES)
    assert not re.search(r"<script(?![^>]*\bsrc=)|<style|\sstyle=|\son\w+=", text), "nothing inline"
