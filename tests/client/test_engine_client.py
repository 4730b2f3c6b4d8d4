"""The client of the engine's API, against a real engine behind a port."""

import asyncio
import time
from collections.abc import AsyncIterator
from contextlib import aclosing, asynccontextmanager
from email.utils import formatdate
from pathlib import Path
from typing import Any

import pytest
import trustme

from mistlocate.client import EngineClient
from mistlocate.clock import FastClock
from mistlocate.engines.embedded.access import hash_key
from mistlocate.engines.embedded.config import load
from mistlocate.engines.embedded.drivers import DRIVERS
from mistlocate.engines.embedded.engine import Engine
from mistlocate.engines.embedded.server import serving
from mistlocate.errors import BadArguments, EngineError, EngineUnreachable
from support.drivers import Probe
from support.servers import raw_server
from support.times import morning

KEY = "key-of-a-user"


@asynccontextmanager
async def answering(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, **settings: Any
) -> AsyncIterator[tuple[Engine, str]]:
    """An engine with two systems, of which both have a Probe_1 and one a Probe_2."""
    monkeypatch.setitem(DRIVERS, "Probe", Probe)
    module = {"driver": "Probe"}
    raw = {
        "zones": [{"id": "zone-1", "name": "One"}],
        "systems": [{"id": "one", "modules": [module, module]}, {"id": "two", "modules": [module]}],
    }
    engine = Engine(load({**raw, **settings}, tmp_path), clock=FastClock(50, morning()))
    async with engine, serving(engine, "127.0.0.1", 0) as url:
        yield engine, url


async def test_everything_it_can_ask(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    async with answering(tmp_path, monkeypatch) as (_, url), EngineClient(url + "/") as client:
        assert [each["id"] for each in await client.systems()] == ["one", "two"]
        assert len(await client.modules()) == 3
        assert await client.zones() == {"zone-1": {"id": "zone-1", "name": "One", "parent_id": None}}
        assert "echo" in await client.functions("one", "Probe_1")
        assert (await client.execute("one", "Probe_1", "echo", ["a", 2]))["count"] == 2
        assert (await client.execute("one", "Probe_1", "echo", {"text": "a"}))["text"] == "a"
        assert await client.execute("one", "Probe_1", "for_support") == "support"
        assert (await client.state("one", "Probe_1"))["open"]["value"] == 1
        assert (await client.status("one", "Probe_1", "open"))["value"] == 1
        assert await client.status("one", "Probe_1", "nothing") is None


@pytest.mark.parametrize("ahead", [-7200.0, 0.0, 7200.0])
async def test_how_far_the_engines_clock_is_ahead(ahead: float) -> None:
    async def talk(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.readuntil(b"\r\n\r\n")
        date = formatdate(time.time() + ahead, usegmt=True)
        writer.write(f"HTTP/1.1 200 OK\r\nDate: {date}\r\nContent-Length: 2\r\n\r\n[]".encode())
        await writer.drain()

    async with raw_server(talk) as port, EngineClient(f"http://127.0.0.1:{port}") as client:
        assert client.ahead == 0.0
        await client.systems()
        assert client.ahead == pytest.approx(ahead, abs=2.0)


@pytest.mark.parametrize("url", ["http://127.0.0.1:99999", "ftp://x", "http://", "http://a b", "http://[::1", ""])
def test_what_is_no_address(url: str) -> None:
    with pytest.raises(BadArguments, match="not the address of an engine"):
        EngineClient(url)


@pytest.mark.parametrize("key", ["\u00fc", "a\nb"])
def test_what_can_be_no_key(key: str) -> None:
    with pytest.raises(BadArguments) as raised:
        EngineClient(api_key=key)
    assert key not in str(raised.value)


def test_an_address_needs_no_scheme() -> None:
    assert EngineClient("127.0.0.1:8680").url == "http://127.0.0.1:8680"


async def test_watching_a_status(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    async with answering(tmp_path, monkeypatch) as (engine, url), EngineClient(url) as client:
        engine.board.set("mod-one-Probe-1", "k", 1)
        async with aclosing(client.watch("one", "Probe_1", "k")) as values:
            assert await anext(values) == 1
            engine.board.set("mod-one-Probe-1", "k", [2])
            assert await anext(values) == [2]
        with pytest.raises(EngineError, match="no system"):
            async with aclosing(client.watch("nowhere", "Probe_1", "k")) as values:
                await anext(values)


async def test_an_engine_that_ends_while_it_is_watched(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    async with asyncio.TaskGroup() as tasks:
        async with answering(tmp_path, monkeypatch) as (_, url):
            client = EngineClient(url)
            seen = asyncio.Event()

            async def watch() -> str:
                try:
                    async for _ in client.watch("one", "Probe_1", "open"):
                        seen.set()
                except EngineUnreachable as error:
                    return error.message
                return ""

            watching = tasks.create_task(watch())
            await seen.wait()
        assert "closed" in await watching
        await client.__aexit__(None, None, None)


async def test_which_system_is_meant(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    async with answering(tmp_path, monkeypatch) as (_, url), EngineClient(url) as client:
        assert await client.system_of("Probe_2") == "one"
        assert await client.system_of("Probe_1", "two") == "two"
        with pytest.raises(EngineError, match="several systems have Probe_1") as raised:
            await client.system_of("Probe")
        assert raised.value.hint == "name one with --system: one, two"
        with pytest.raises(EngineError, match="no module 'Nothing_1'") as raised:
            await client.system_of("Nothing_1")
        assert raised.value.status == 404


async def test_what_the_engine_refuses(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    keys = [{"name": "panel", "level": "user", "hash": hash_key(KEY)}]
    async with answering(tmp_path, monkeypatch, api_keys=keys) as (_, url):
        async with EngineClient(url) as client:
            with pytest.raises(EngineError, match="an API key is needed") as raised:
                await client.modules()
            assert raised.value.status == 401
            assert "MISTLOCATE_API_KEY" in (raised.value.hint or "")
            with pytest.raises(EngineError):
                async with aclosing(client.watch("one", "Probe_1", "open")) as values:
                    await anext(values)
        async with EngineClient(url, KEY) as client:
            assert await client.modules()
            with pytest.raises(EngineError, match="needs the level support"):
                await client.execute("one", "Probe_1", "for_support")
            with pytest.raises(EngineError, match="no command 'ecko'"):
                await client.execute("one", "Probe_1", "ecko")
            async with aclosing(client.watch("one", "Probe_1", "open")) as values:
                assert (await anext(values))["value"] == 1


async def test_nobody_answers_there() -> None:
    async with EngineClient("http://127.0.0.1:1") as client:
        with pytest.raises(EngineUnreachable, match=r"no engine answers at http://127\.0\.0\.1:1") as raised:
            await client.modules()
        assert "mistlocate demo" in (raised.value.hint or "")
        with pytest.raises(EngineUnreachable):
            async with aclosing(client.watch("one", "Probe_1", "open")) as values:
                await anext(values)


async def test_somebody_else_answers_there() -> None:
    async def talk(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.readuntil(b"\r\n\r\n")
        writer.write(b"HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nhello")
        await writer.drain()

    async with raw_server(talk) as port, EngineClient(f"http://127.0.0.1:{port}") as client:
        with pytest.raises(EngineError, match="not as an engine"):
            await client.modules()


async def test_a_proxy_of_the_environment_is_not_asked_about_this_machine(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("HTTP_PROXY", "http://127.0.0.1:1")
    monkeypatch.setenv("ALL_PROXY", "http://127.0.0.1:1")
    async with answering(tmp_path, monkeypatch) as (_, url), EngineClient(url) as client:
        assert await client.modules()


async def test_who_speaks_to_an_engine_in_another_way_is_told_so(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    authority = trustme.CA()
    authority.cert_pem.write_to_path(tmp_path / "ca.pem")
    made = authority.issue_cert("127.0.0.1")
    made.cert_chain_pems[0].write_to_path(tmp_path / "cert.pem")
    made.private_key_pem.write_to_path(tmp_path / "key.pem")

    async def hint(url: str) -> str | None:
        async with EngineClient(url) as client:
            with pytest.raises(EngineUnreachable) as raised:
                await client.health()
        return raised.value.hint

    async with answering(tmp_path, monkeypatch) as (_, url):
        assert "say http://" in (await hint(url.replace("http:", "https:")) or "")
    async with answering(tmp_path, monkeypatch, tls_certificate="cert.pem", tls_key="key.pem") as (_, url):
        assert "say https://" in (await hint(url.replace("https:", "http:")) or "")
        assert "SSL_CERT_FILE" in (await hint(url) or "")
        monkeypatch.setenv("SSL_CERT_FILE", str(tmp_path / "ca.pem"))
        async with EngineClient(url) as client:
            assert (await client.health())["status"] == "ok"


async def test_what_is_no_text_is_a_bad_argument_and_no_missing_engine(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    latin = b"M\xfcller".decode("utf-8", "surrogateescape")  # as a command line in another encoding is read
    async with answering(tmp_path, monkeypatch) as (_, url), EngineClient(url) as client:
        for asked in (
            client.execute("one", "Probe_1", "echo", [latin]),
            client.execute("one", "Probe_1", latin),
            client.status("one", "Probe_1", latin),
            anext(client.watch("one", "Probe_1", latin)),
        ):
            with pytest.raises(BadArguments, match="UTF-8"):
                await asked
