"""HTTP against real servers on this machine."""

import asyncio
import logging
import ssl
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from pathlib import Path

import pytest
import trustme

from mistlocate.errors import CannotConnect, ConnectionLost, TimedOut, TransportError
from mistlocate.transport import http
from mistlocate.transport.http import HttpTransport
from mistlocate.transport.options import TransportOptions
from support.servers import raw_server
from support.virtual_site import in_virtual_time

Answer = bytes | Callable[[bytes], bytes] | None


def ok(body: bytes = b"{}", *headers: str) -> bytes:
    lines = ["HTTP/1.1 200 OK", f"Content-Length: {len(body)}", *headers]
    return "\r\n".join(lines).encode() + b"\r\n\r\n" + body


@asynccontextmanager
async def server(answer: Answer, context: ssl.SSLContext | None = None) -> AsyncIterator[tuple[str, list[bytes]]]:
    """A server that answers every request with the same bytes (None: never); gives its address and the requests."""
    requests: list[bytes] = []

    async def talk(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        while True:
            request = await reader.readuntil(b"\r\n\r\n")
            requests.append(request)
            if answer is None:
                await asyncio.Event().wait()
            writer.write(answer(request) if callable(answer) else answer or b"")
            await writer.drain()

    async with raw_server(talk, context) as port:
        yield f"{'https' if context else 'http'}://127.0.0.1:{port}", requests


@asynccontextmanager
async def transport(**options: object) -> AsyncIterator[HttpTransport]:
    made = HttpTransport(TransportOptions(**{"proxy": "", **options}))  # type: ignore[arg-type]
    try:
        yield made
    finally:
        await made.aclose()


async def test_status_headers_and_body() -> None:
    async with server(ok(b"[1]", "X-Page-Total: 7")) as (url, requests), transport() as client:
        answer = await client.get(f"{url}/a?b=1", {"Authorization": "Token sesame"})
        assert (answer.status, answer.headers["x-page-total"], answer.body) == (200, "7", b"[1]")
        assert requests[0].startswith(b"GET /a?b=1 HTTP/1.1\r\n")
        assert b"Authorization: Token sesame\r\n" in requests[0]


async def test_connections_are_kept() -> None:
    ports = set()

    def answer(request: bytes) -> bytes:
        return ok()

    async with server(answer) as (url, requests), transport() as client:
        for _ in range(3):
            await client.get(url, {})
        ports.add(len(requests))
    assert ports == {3}


async def test_a_redirect_is_an_answer_and_nobody_is_asked_again() -> None:
    async with server(ok()) as (elsewhere, leaked):
        moved = f"HTTP/1.1 302 Found\r\nLocation: {elsewhere}/x\r\nContent-Length: 0\r\n\r\n".encode()
        async with server(moved) as (url, _), transport() as client:
            answer = await client.get(url, {"Authorization": "Token sesame"})
        assert answer.status == 302
        assert leaked == []


class TestFailures:
    async def test_nobody_listens(self) -> None:
        async with server(ok()) as (url, _):
            pass
        async with transport() as client:
            with pytest.raises(CannotConnect, match=r"127\.0\.0\.1") as raised:
                await client.get(f"{url}/sites/secret-path", {})
            assert "secret-path" not in str(raised.value)

    async def test_nobody_answers(self) -> None:
        async with server(None) as (url, _), transport(read_timeout=0.1) as client:
            with pytest.raises(TimedOut):
                await client.get(url, {})

    @pytest.mark.parametrize("garbage", [b"SSH-2.0-x\r\n\r\n", b"HTTP/1.1 200 OK\r\nContent-Length: 99\r\n\r\nshort"])
    async def test_the_answer_is_garbage_or_breaks_off(self, garbage: bytes) -> None:
        async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
            await reader.readuntil(b"\r\n\r\n")
            writer.write(garbage)
            await writer.drain()
            writer.close()

        async with raw_server(serve) as port, transport() as client:
            with pytest.raises(ConnectionLost):
                await client.get(f"http://127.0.0.1:{port}", {})

    async def test_an_answer_without_end_is_cut_off(self, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr(http, "MAX_BODY", 1000)
        async with server(ok(b"x" * 5000)) as (url, _), transport() as client:
            with pytest.raises(ConnectionLost, match="larger"):
                await client.get(url, {})

    @pytest.mark.parametrize("drips", ["head", "body"])
    async def test_an_answer_that_comes_drop_by_drop_ends(self, drips: str) -> None:
        whole = ok(b"x" * 10_000)
        at_once = 20 if drips == "head" else len(whole) - 10_000

        async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
            await reader.readuntil(b"\r\n\r\n")
            writer.write(whole[:at_once])
            for byte in whole[at_once:]:
                writer.write(bytes([byte]))
                await asyncio.sleep(20.0)

        async def work() -> float:
            began = asyncio.get_running_loop().time()
            async with raw_server(serve) as port, transport(read_timeout=30.0, connect_timeout=10.0) as client:
                with pytest.raises(TimedOut, match=r"127\.0\.0\.1 did not come to an end"):
                    await client.get(f"http://127.0.0.1:{port}", {})
                return asyncio.get_running_loop().time() - began

        assert 120 <= await in_virtual_time(work) <= 131

    async def test_a_slow_answer_that_goes_on_is_waited_for(self) -> None:
        whole = ok(b"x" * 100)

        async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
            await reader.readuntil(b"\r\n\r\n")
            for start in range(0, len(whole), 40):
                writer.write(whole[start : start + 40])
                await asyncio.sleep(25.0)

        async def work() -> int:
            async with raw_server(serve) as port, transport(read_timeout=30.0, connect_timeout=10.0) as client:
                return len((await client.get(f"http://127.0.0.1:{port}", {})).body)

        assert await in_virtual_time(work) == 100

    async def test_what_is_no_url(self) -> None:
        async with transport() as client:
            with pytest.raises(TransportError):
                await client.get("http://[", {})


class TestTls:
    @pytest.fixture
    def authority(self) -> trustme.CA:
        return trustme.CA()

    @pytest.fixture
    def context(self, authority: trustme.CA) -> ssl.SSLContext:
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        authority.issue_cert("127.0.0.1").configure_cert(context)
        return context

    async def test_an_unknown_authority_is_refused_with_a_hint(self, context: ssl.SSLContext) -> None:
        async with server(ok(), context) as (url, requests), transport() as client:
            with pytest.raises(CannotConnect, match="ca_file"):
                await client.get(url, {"Authorization": "Token sesame"})
            assert requests == []

    async def test_a_trusted_one_is_not(self, context: ssl.SSLContext, authority: trustme.CA, tmp_path: Path) -> None:
        pem = tmp_path / "ca.pem"
        authority.cert_pem.write_to_path(pem)
        async with server(ok(), context) as (url, _), transport(ca_file=str(pem)) as client:
            assert (await client.get(url, {})).status == 200

    async def test_verification_can_be_turned_off(self, context: ssl.SSLContext) -> None:
        async with server(ok(), context) as (url, _), transport(verify=False) as client:
            assert (await client.get(url, {})).status == 200


class TestProxies:
    async def test_a_proxy_of_the_settings_is_used(self) -> None:
        async with server(ok(b"via")) as (proxy, requests), transport(proxy=proxy) as client:
            assert (await client.get("http://mist.example/a", {})).body == b"via"
            assert requests[0].startswith(b"GET http://mist.example/a ")

    async def test_a_proxy_of_the_environment_is_used_unless_forbidden(self, monkeypatch: pytest.MonkeyPatch) -> None:
        async with server(ok(b"via")) as (proxy, _), server(ok(b"direct")) as (url, _):
            monkeypatch.setenv("HTTP_PROXY", proxy)
            monkeypatch.delenv("NO_PROXY", raising=False)
            async with transport(proxy=None) as client:
                assert (await client.get("http://mist.example/a", {})).body == b"via"
            async with transport(proxy="") as client:
                assert (await client.get(url, {})).body == b"direct"


async def test_nothing_of_a_request_or_its_answer_is_logged(caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.DEBUG)
    for name in ("httpx", "httpcore.http11", "httpcore.connection"):
        caplog.set_level(logging.DEBUG, logger=name)
    answer = ok(b"{}", "Set-Cookie: session=sesame-close", "Location: /?jwt=sesame-signed")
    async with server(answer) as (url, _), transport() as client:
        await client.get(f"{url}/stats/clients/00005e005301", {"Authorization": "Token sesame-open"})
    assert "00005e005301" not in caplog.text
    assert "sesame" not in caplog.text
