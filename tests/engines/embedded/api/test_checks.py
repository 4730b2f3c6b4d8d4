"""What is refused on sight, before the body of a request is read."""

import asyncio
import json
from collections.abc import AsyncIterator, Callable
from contextlib import AbstractAsyncContextManager
from typing import Any, ClassVar

import pytest

from mistlocate.engines.embedded.access import hash_key
from mistlocate.engines.embedded.api.checks import BODY_AT_MOST
from mistlocate.engines.embedded.config import Loaded
from mistlocate.engines.embedded.engine import Engine
from mistlocate.engines.embedded.server import serving
from support.api import BASE, client, root

Running = Callable[..., AbstractAsyncContextManager[Engine]]
Stop = Callable[[Engine], None]

KEY = "key-of-a-user"
WITH_KEY = {"api_keys": [{"name": "panel", "level": "user", "hash": hash_key(KEY)}]}
ECHO = f"{BASE}/systems/sys/Probe_1/echo"


async def begun(engine: Engine, *headers: str, path: str = ECHO, body: str = "") -> tuple[int, dict[str, Any]]:
    """What is answered to a request of which nothing but the head is sent, and perhaps a part of its body."""
    async with serving(engine, "127.0.0.1", 0) as url:
        address = url.removeprefix("http://")
        host, _, port = address.rpartition(":")
        reader, writer = await asyncio.open_connection(host, int(port))
        try:
            writer.write("\r\n".join([f"POST {path} HTTP/1.1", f"Host: {address}", *headers, "", body]).encode())
            async with asyncio.timeout(5):
                head = (await reader.readuntil(b"\r\n\r\n")).decode().lower()
                length = int(head.partition("content-length: ")[2].split()[0])
                return int(head.split()[1]), json.loads(await reader.readexactly(length))
        finally:
            writer.close()


class TestChecks:
    @pytest.mark.parametrize(
        "headers",
        [{"Host": "evil.test"}, {"Origin": "http://evil.test"}, {"X-Forwarded-For": "10.0.0.9"}, {"Origin": "null"}],
    )
    async def test_pages_and_proxies_do_not_pass_for_this_machine(
        self, running: Running, headers: dict[str, str]
    ) -> None:
        async with running() as engine, client(engine) as http:
            found = await http.post("/systems/sys/Probe_1/echo", json=["x"], headers=headers)
            assert found.status_code == 403
            assert found.json()["error"] == "Forbidden"
            assert (await http.get(f"{root(http)}/docs", headers=headers)).status_code == 403

    @pytest.mark.parametrize("content_type", ["text/plain", "application/x-www-form-urlencoded", "multipart/form-data"])
    async def test_nor_do_requests_that_a_page_may_send_without_asking(
        self, running: Running, content_type: str
    ) -> None:
        async with running() as engine, client(engine) as http:
            headers = {"Origin": "http://evil.test", "Content-Type": content_type}
            found = await http.post("/modules/mod-sys-Probe-1/exec/publish", content=b'["k", 1]', headers=headers)
            assert found.status_code == 403
            assert engine.board.get("mod-sys-Probe-1", "k") is None

    async def test_every_answer_carries_the_headers_of_a_careful_server(self, running: Running) -> None:
        async with running() as engine, client(engine) as http:
            for path in (f"{root(http)}/docs", f"{root(http)}/health", "/systems", "/nothing"):
                headers = (await http.get(path)).headers
                (policy,) = headers.get_list("content-security-policy")
                assert policy.startswith("default-src 'none'; ")
                assert "unsafe" not in policy
                assert headers["cross-origin-resource-policy"] == "same-origin"
                assert headers["x-content-type-options"] == "nosniff"
                assert headers["cache-control"] == "no-store"
                assert headers["x-frame-options"] == "DENY"
                assert headers["cross-origin-opener-policy"] == "same-origin"
                assert "server" not in headers


class TestBeforeTheBody:
    @pytest.mark.parametrize(
        ("header", "status"),
        [("X-API-Key: guess", 401), ("X-Nothing: x", 401), (f"X-API-Key: {KEY}\r\nOrigin: http://evil.test", 403)],
    )
    async def test_who_may_not_call_is_told_at_once(self, running: Running, header: str, status: int) -> None:
        async with running(**WITH_KEY) as engine:
            found, body = await begun(engine, header, "Content-Length: 1000")
            assert (found, set(body)) == (status, {"error", "message"})

    async def test_also_where_there_is_nothing(self, running: Running) -> None:
        async with running(**WITH_KEY) as engine, client(engine) as http:
            assert (await http.get("/nothing/at/all")).status_code == 401
            assert (await http.get("/nothing/at/all", headers={"X-API-Key": KEY})).status_code == 404


class TestTooMuch:
    async def test_who_asks_too_much_is_told_to_wait(self, running: Running, stopped: Stop) -> None:
        async with running(**WITH_KEY, rate_limit=1) as engine, client(engine) as http:
            stopped(engine)
            keyed = {"X-API-Key": KEY}
            assert [(await http.get("/self", headers=keyed)).status_code for _ in range(10)] == [200] * 10
            found = await http.get("/self", headers=keyed)
            assert (found.status_code, found.json()["error"], found.headers["retry-after"]) == (
                429,
                "Too Many Requests",
                "1",
            )
            assert "default-src 'none'" in found.headers["content-security-policy"]
            assert (await http.get(f"{root(http)}/health")).status_code == 200, (
                "who has no key has an account of its own"
            )

    async def test_refusals_count_too(self, running: Running, stopped: Stop) -> None:
        async with running(**WITH_KEY, rate_limit=1) as engine, client(engine) as http:
            stopped(engine)
            found = [(await http.get("/self")).status_code for _ in range(11)]
            assert found == [401] * 10 + [429]

    async def test_guesses_at_keys_are_slowed(self, running: Running, stopped: Stop) -> None:
        async with running(**WITH_KEY) as engine, client(engine) as http:
            stopped(engine)
            found = [(await http.get("/self", headers={"X-API-Key": f"guess-{n}"})).status_code for n in range(11)]
            assert found == [401] * 10 + [429]
            assert (await http.get("/self", headers={"X-API-Key": KEY})).status_code == 429

    async def test_a_changed_limit_holds_at_once(
        self, running: Running, stopped: Stop, probes: Callable[..., Loaded]
    ) -> None:
        async with running(rate_limit=1) as engine, client(engine) as http:
            stopped(engine)
            await engine.reload(probes(rate_limit=0))
            assert [(await http.get("/self")).status_code for _ in range(30)] == [200] * 30


class TestBehindProxies:
    BEHIND: ClassVar[dict[str, Any]] = {**WITH_KEY, "trusted_proxies": ["127.0.0.1"], "rate_limit": 1}

    async def test_callers_are_told_apart_by_what_a_trusted_proxy_says(self, running: Running, stopped: Stop) -> None:
        async with running(**self.BEHIND) as engine, client(engine) as http:
            stopped(engine)
            for caller in ("203.0.113.7", "203.0.113.8"):
                headers = {"X-Forwarded-For": f"10.9.9.9, {caller}"}
                found = [(await http.get("/self", headers=headers)).status_code for _ in range(11)]
                assert found == [401] * 10 + [429]

    async def test_and_nobody_elses_word_is_taken(self, running: Running, stopped: Stop) -> None:
        settings = {**self.BEHIND, "trusted_proxies": ["203.0.113.1"]}
        async with running(**settings) as engine, client(engine) as http:
            stopped(engine)
            found = [
                (await http.get("/self", headers={"X-Forwarded-For": f"10.0.0.{n}"})).status_code for n in range(11)
            ]
            assert found == [401] * 10 + [429]

    async def test_https_of_the_proxy_is_insisted_on(self, running: Running, stopped: Stop) -> None:
        async with running(**self.BEHIND) as engine, client(engine) as http:
            stopped(engine)
            headers = (await http.get(f"{root(http)}/health", headers={"X-Forwarded-Proto": "https"})).headers
            assert headers["strict-transport-security"] == "max-age=31536000"

    async def test_without_keys_no_proxy_is_trusted(self, running: Running, stopped: Stop) -> None:
        async with running(trusted_proxies=["127.0.0.1"]) as engine, client(engine) as http:
            stopped(engine)
            found = await http.get("/self", headers={"X-Forwarded-For": "127.0.0.1"})
            assert found.status_code == 403


class TestLargeBodies:
    @pytest.mark.parametrize("path", [ECHO, "/health", f"{BASE}/modules/mod-sys-Probe-1/settings"])
    @pytest.mark.parametrize("length", [BODY_AT_MOST + 1, 10**19])
    async def test_one_that_is_announced_is_not_waited_for(self, running: Running, path: str, length: int) -> None:
        async with running() as engine:
            status, body = await begun(engine, f"Content-Length: {length}", path=path)
            message = "the body has more than 1 MiB; send less at once"
            assert (status, body) == (413, {"error": "Content Too Large", "message": message})

    async def test_who_may_not_call_is_not_told_of_limits(self, running: Running) -> None:
        async with running(**WITH_KEY) as engine:
            assert (await begun(engine, f"Content-Length: {BODY_AT_MOST + 1}"))[0] == 401

    async def test_one_that_is_not_announced_is_read_no_further(self, running: Running) -> None:
        async with running() as engine:
            chunk = f"{BODY_AT_MOST + 1:x}\r\n" + "x" * (BODY_AT_MOST + 1)  # and no end
            status, body = await begun(engine, "Transfer-Encoding: chunked", body=chunk)
            assert (status, body["error"], body["sys_id"]) == (413, "Content Too Large", "sys")

    async def test_the_connection_serves_on(self, running: Running) -> None:
        async def chunks() -> AsyncIterator[bytes]:
            for _ in range(40):
                yield b"x" * 50_000

        async with running() as engine, client(engine) as http:
            assert (await http.post("/systems/sys/Probe_1/echo", content=chunks())).status_code == 413
            assert (await http.post("/systems/sys/Probe_1/echo", json=["x"])).status_code == 200

    async def test_one_of_just_that_size_is_taken(self, running: Running) -> None:
        async with running() as engine, client(engine) as http:
            text = "x" * (BODY_AT_MOST - 4)
            for content in (f'["{text}"]'.encode(), chunked(f'["{text}"]'.encode())):
                found = await http.post("/systems/sys/Probe_1/echo", content=content)
                assert found.json()["text"] == text


async def chunked(body: bytes) -> AsyncIterator[bytes]:
    for start in range(0, len(body), 60_000):
        yield body[start : start + 60_000]
