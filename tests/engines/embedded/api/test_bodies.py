import asyncio
import json
import logging
from collections.abc import Callable
from contextlib import AbstractAsyncContextManager
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mistlocate import jsontext
from mistlocate.engines.embedded.api.bodies import parse
from mistlocate.engines.embedded.engine import Engine
from support.api import BASE, client, told
from support.waiting import until

Running = Callable[..., AbstractAsyncContextManager[Engine]]

EXPECTED = "the body must be a JSON array (arguments in order) or object (arguments by name)"


@pytest.mark.parametrize(
    "text",
    [
        "",
        "{",
        b"\xff",
        "[" * 2000 + "]" * 2000,
        "[" * 300 + "]" * 300,
        "[1e999, Infinity, 99999999999999999999]",
        "x=1",
    ],
)
def test_what_cannot_be_read_or_not_be_written_again(text: str | bytes) -> None:
    with pytest.raises(ValueError, match=r"no JSON|nested too deeply"):
        parse(text)


@given(
    st.recursive(st.none() | st.integers(-(2**63), 2**64 - 1) | st.floats(allow_infinity=False) | st.text(), st.lists)
)
def test_whatever_is_read_can_be_written(value: Any) -> None:
    jsontext.dumps(parse(json.dumps(value, ensure_ascii=False)))


class TestArguments:
    @pytest.mark.parametrize(
        "content_type", ["application/x-www-form-urlencoded", "text/plain", "application/json", "x", None]
    )
    async def test_are_json_whatever_the_content_type_says(self, running: Running, content_type: str | None) -> None:
        headers = {} if content_type is None else {"Content-Type": content_type}
        async with running() as engine, client(engine) as http:
            for path in ("/systems/sys/Probe_1/echo", "/modules/mod-sys-Probe-1/exec/echo"):
                found = await http.post(path, content=b'{"text": "hallo"}', headers=headers)
                assert (found.status_code, found.json()["text"]) == (200, "hallo")

    @pytest.mark.parametrize("body", [b"", b"null", b"[]", b"{}"])
    async def test_may_be_missing(self, running: Running, body: bytes) -> None:
        async with running() as engine, client(engine) as http:
            assert (await http.post("/systems/sys/Probe_1/for_support", content=body)).json() == "support"

    @pytest.mark.parametrize(
        ("body", "message"),
        [
            (b"email=alice", f"{EXPECTED}: it is no JSON"),
            (b"{", f"{EXPECTED}: it is no JSON"),
            (b"\xff", f"{EXPECTED}: it is no JSON"),
            (b'"text"', EXPECTED),
            (b"7", EXPECTED),
            (b"false", EXPECTED),
        ],
    )
    async def test_are_an_array_or_an_object(self, running: Running, body: bytes, message: str) -> None:
        async with running() as engine, client(engine) as http:
            assert told(await http.post("/systems/sys/Probe_1/echo", content=body)) == (400, message)


class TestChanges:
    @pytest.mark.parametrize("body", [b"", b"null", b"[]", b"x"])
    async def test_are_an_object(self, running: Running, body: bytes) -> None:
        async with running() as engine, client(engine) as http:
            status, message = told(await http.put("/modules/mod-sys-Probe-1/settings", content=body))
            assert status == 400
            assert message.startswith("the body must be a JSON object (settings by name)")


async def test_a_body_that_breaks_off_is_no_defect(running: Running, caplog: pytest.LogCaptureFixture) -> None:
    async with running() as engine, client(engine) as http:
        before = len(asyncio.all_tasks())
        url = http.base_url
        _, writer = await asyncio.open_connection(url.host, url.port)
        head = f"POST {BASE}/systems/sys/Probe_1/echo HTTP/1.1\r\nHost: {url.host}\r\nContent-Length: 100\r\n\r\n["
        writer.write(head.encode())
        await until(lambda: len(asyncio.all_tasks()) > before)
        writer.close()
        await until(lambda: len(asyncio.all_tasks()) == before)
    assert [line.message for line in caplog.records if line.levelno >= logging.ERROR] == []
