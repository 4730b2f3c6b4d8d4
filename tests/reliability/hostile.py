"""Attackers: what they can hold, guess, blow up, and read."""

import asyncio
import gzip
import io
import time
import tracemalloc
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any
from unittest import mock

import httpx

from mistlocate.driver.command import Level
from mistlocate.engines.embedded import connections
from mistlocate.engines.embedded.access import Access, ApiKey, Caller, Credentials, Refusal, hash_key
from mistlocate.engines.embedded.api import checks
from mistlocate.engines.embedded.config import load
from mistlocate.engines.embedded.engine import Engine
from mistlocate.engines.embedded.limits import Limits
from mistlocate.engines.embedded.server import serving
from mistlocate.errors import ConnectionLost
from mistlocate.simulator import SimulatedCloud
from mistlocate.transport.http import HttpTransport
from mistlocate.transport.options import TransportOptions
from reliability.rows import Measured, Row, Trial
from support.servers import raw_server
from support.site import SMALL
from support.witnessing import leaked, secrets_of, watch_embedded

#: The three ways to take one's time: a head, a body, and a body that nobody asked for.
SLOW = (
    b"GET /health HTTP/1.1\r\nHost: 127.0.0.1\r\nX: ",
    b"POST /api/engine/v2/systems/sys/x/y HTTP/1.1\r\nHost: 127.0.0.1\r\nContent-Length: 900000\r\n\r\n[",
    b"GET /health HTTP/1.1\r\nHost: 127.0.0.1\r\nContent-Length: 900000\r\n\r\n",
)


#: Others are answered within so many seconds: who had to wait for a slow client would wait ten and more.
ANSWERED_WITHIN = 1.0


@asynccontextmanager
async def _engine(folder: Path, **settings: Any) -> AsyncIterator[str]:
    systems = [{"id": "sys", "modules": []}]
    async with Engine(load({"systems": systems, **settings}, folder)) as engine, serving(engine, "127.0.0.1", 0) as url:
        yield url


async def slow_clients(trial: Trial) -> Measured:
    """As many as one address may have, each sending a byte now and then; others, each on a connection of its own, ask
    for the health of the engine."""
    count = trial.count(240, least=6)
    loop = asyncio.get_running_loop()
    # Short versions are about the same with less patience, and say nothing of times.
    short = trial.scale < 0.5
    with (
        mock.patch.object(connections, "HEAD_WITHIN", 1.0 if short else connections.HEAD_WITHIN),
        mock.patch.object(checks, "BODY_WITHIN", 1.0 if short else checks.BODY_WITHIN),
    ):
        each_anew = httpx.Limits(max_keepalive_connections=0)
        async with _engine(trial.folder) as url, httpx.AsyncClient(trust_env=False, limits=each_anew) as http:
            host, _, port = url.removeprefix("http://").rpartition(":")
            usual, _ = await _health(http, url)
            tasks = [asyncio.create_task(_hold(host, int(port), SLOW[each % len(SLOW)])) for each in range(count)]
            others: list[tuple[float, float, str]] = []
            async with asyncio.timeout(120):
                while not all(task.done() for task in tasks):
                    answer, took = await _health(http, url)
                    others.append((loop.time(), took, answer))
                    await asyncio.wait(tasks, timeout=0.1)
            held = [task.result() for task in tasks]
    first = min(until for _, until in held)
    meanwhile = sum(at < first for at, _, _ in others)
    wrong = [answer for _, _, answer in others if answer != usual]
    worst = max(took for _, took, _ in others)
    longest = max(until - since for since, until in held)
    return Measured(
        meanwhile > 0 and not wrong and len(held) == count and (short or worst <= ANSWERED_WITHIN),
        f"{count} slow clients, the last let go after {longest:.0f} s; {len(others)} requests of others, {len(wrong)} not "
        f"answered as usual, {meanwhile} answered before the first was let go, the slowest within {worst:.2f} s",
        {"slow_clients": count, "longest_held_s": round(longest, 1), "requests": len(others), "wrong": wrong[:5],
         "worst_answer_s": round(worst, 3)},
    )  # fmt: skip


async def _hold(host: str, port: int, begun: bytes) -> tuple[float, float]:
    """Be slow until let go: from when to when that was."""
    loop = asyncio.get_running_loop()
    since = loop.time()
    reader, writer = await asyncio.open_connection(host, port)
    writer.write(begun)
    gone = asyncio.create_task(reader.read())
    while not gone.done():
        writer.write(b"x")
        await asyncio.wait({gone}, timeout=0.25)
    gone.exception()
    writer.transport.abort()
    return since, loop.time()


async def _health(http: httpx.AsyncClient, url: str) -> tuple[str, float]:
    """What somebody is answered, and how long that took."""
    began = time.perf_counter()
    try:
        answer = await http.get(f"{url}/health")
        told = f"{answer.status_code} {answer.text}"
    except httpx.HTTPError as error:
        told = type(error).__name__
    return told, time.perf_counter() - began


async def guessing(trial: Trial) -> Measured:
    """A hundred guesses a second from one address, while somebody there with a key goes on working."""
    seconds = trial.count(3600, least=60)
    limits = Limits(0)
    good = hash_key("right")
    access = Access([ApiKey("panel", Level.USER, good)])
    limits.identify(access, Credentials(good, "203.0.113.7"), 0.0)
    compared = refused = worked = 0
    for tick in range(seconds * 100):
        now = tick / 100
        found = limits.identify(access, Credentials(hash_key(f"guess {tick % 50}"), "203.0.113.7"), now)
        compared += isinstance(found, Refusal) and found.status == 401
        refused += isinstance(found, Refusal) and found.status == 429
        if tick % 100 == 0:
            worked += isinstance(limits.identify(access, Credentials(good, "203.0.113.7"), now), Caller)
    most = 10 + seconds / 6 + 1
    return Measured(
        compared <= most and worked == seconds,
        f"{compared} of {seconds * 100:,} guesses compared in {seconds} s; {worked} of {seconds} requests with a key answered",
        {"compared": compared, "refused": refused, "seconds": seconds, "answered_with_key": worked},
    )  # fmt: skip


async def bombs(trial: Trial) -> Measured:
    """An answer of the cloud that unpacks to a gigabyte, packed once and twice."""
    size = trial.count(1_000_000_000, least=20_000_000)
    packed = io.BytesIO()
    with gzip.GzipFile(fileobj=packed, mode="wb", compresslevel=1) as file:
        for _ in range(size // 1_000_000):
            file.write(b"\0" * 1_000_000)
    once = packed.getvalue()
    at_most = 5_000_000
    peak, refused = 0, 0
    for body, encoding in ((once, "gzip"), (gzip.compress(once), "gzip, gzip")):
        head = f"HTTP/1.1 200 OK\r\nContent-Encoding: {encoding}\r\nContent-Length: {len(body)}\r\n\r\n".encode()

        async def talk(reader: asyncio.StreamReader, writer: asyncio.StreamWriter, answer: bytes = head + body) -> None:
            await reader.readuntil(b"\r\n\r\n")
            writer.write(answer)
            await writer.drain()
            await reader.read()

        async with raw_server(talk) as port:
            client = HttpTransport(TransportOptions(proxy=""))
            tracemalloc.start()
            try:
                await client.get(f"http://127.0.0.1:{port}/", {}, at_most=at_most)
            except ConnectionLost:
                refused += 1
            peak = max(peak, tracemalloc.get_traced_memory()[1])
            tracemalloc.stop()
            await client.aclose()
    return Measured(
        refused == 2 and peak < 6 * at_most,
        f"{size / 1e6:,.0f} MB refused, memory never more than {peak / 1e6:.0f} MB over before",
        {"unpacked_mb": size / 1e6, "wanted_at_most_mb": at_most / 1e6, "peak_mb": round(peak / 1e6, 1)},
    )  # fmt: skip


async def too_much(trial: Trial) -> Measured:
    """One caller asks as fast as it can, where 5 requests a second are allowed."""
    count = trial.count(1000, least=100)
    key, other = "key-of-one", "key-of-another"
    keys = [{"name": name, "level": "user", "hash": hash_key(each)} for name, each in (("one", key), ("other", other))]
    async with (
        _engine(trial.folder, rate_limit=5, api_keys=keys) as url,
        httpx.AsyncClient(base_url=f"{url}/api/engine/v2", trust_env=False) as http,
    ):
        began = time.perf_counter()
        found = [(await http.get("/self", headers={"X-API-Key": key})).status_code for _ in range(count)]
        took = time.perf_counter() - began
        others = [(await http.get("/self", headers={"X-API-Key": other})).status_code for _ in range(20)]
    answered = found.count(200)
    return Measured(
        answered <= 50 + 5 * took + 1 and set(found) <= {200, 429} and set(others) == {200},
        f"{answered} of {count} answered in {took:.1f} s, the others told to wait; another caller: {others.count(200)} of 20",
        {"asked": count, "answered": answered, "seconds": round(took, 1), "of_another": others.count(200)},
    )  # fmt: skip


async def secrets_printed(trial: Trial) -> Measured:
    """A real process, every logger of every library at DEBUG, on a journey that touches every secret."""
    async with SimulatedCloud(SMALL, autorun=False) as cloud:
        secrets = await secrets_of(cloud)
        seen = await watch_embedded(trial.folder, cloud)
    found = leaked(seen.printed, secrets) + leaked(seen.told, secrets)
    elsewhere = seen.ports - {int(cloud.url.rpartition(":")[2])}
    return Measured(
        not found and not elsewhere and seen.contacts == {"127.0.0.1"} and seen.code == cloud.leaked_tokens == 0
        and "[debug" in seen.printed and "httpcore" not in seen.printed,
        f"{len(found)} of {len(secrets)} secrets in {len(seen.printed.splitlines()):,} lines; {len(elsewhere)} other addresses asked",
        {"secrets": len(secrets), "found": len(found), "lines": len(seen.printed.splitlines()), "elsewhere": len(elsewhere)},
    )  # fmt: skip


ROWS: list[Row] = [
    Row(
        "slow-clients", "attackers", "Clients that take their time hold up nobody and are let go",
        f"240 at once: each let go; others all answered as usual, within {ANSWERED_WITHIN:.0f} s", slow_clients, quick=0.05, alone=True,
    ),
    Row(
        "guessing", "attackers", "Guesses at keys are slowed, and hold up nobody who has one",
        "10 at once and one in 6 s are compared, whatever is sent", guessing, quick=0.02,
    ),
    Row(
        "bombs", "attackers", "What unpacks to a gigabyte is not unpacked",
        "refused, with less than 30 MB for a limit of 5 MB", bombs, quick=0.05, alone=True,
    ),
    Row(
        "too-much", "attackers", "Who asks too much is told to wait, and nobody else",
        "no more answered than allowed; another caller's requests all answered", too_much, quick=0.1, alone=True,
    ),
    Row(
        "secrets", "attackers", "No token, key, signed link, cookie or password is printed, and only the cloud is asked",
        "0 secrets, 0 other addresses, every logger at DEBUG", secrets_printed, quick=0.01,
    ),
]  # fmt: skip
