import asyncio
import json
import ssl
from pathlib import Path

import pytest
import trustme

from mistlocate.errors import CannotConnect, ConnectionLost, TimedOut
from mistlocate.transport.options import TransportOptions
from mistlocate.transport.tcp import open_tcp
from support.servers import raw_server

FRAME = json.dumps({"event": "data", "data": '{"mac": "x"}'}, indent=2).encode()


async def test_texts_out_and_json_in_byte_by_byte() -> None:
    got = asyncio.get_running_loop().create_future()

    async def talk(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        got.set_result(await reader.read(1000))
        for byte in FRAME + FRAME:
            writer.write(bytes([byte]))
            await writer.drain()
        await reader.read()

    async with raw_server(talk) as port, open_tcp("127.0.0.1", port) as link:
        await link.send('{"subscribe":"ä"}')
        assert [await link.receive(), await link.receive()] == [FRAME, FRAME]
        assert await got == '{"subscribe":"ä"}'.encode()


async def test_the_end_of_the_connection_is_told() -> None:
    async def talk(_: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.write(FRAME + b'{"half":')
        await writer.drain()

    async with raw_server(talk) as port, open_tcp("127.0.0.1", port) as link:
        assert await link.receive() == FRAME
        with pytest.raises(ConnectionLost, match="closed"):
            await link.receive()


async def test_a_reset_is_told() -> None:
    async def talk(_: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.transport.abort()

    async with raw_server(talk) as port, open_tcp("127.0.0.1", port) as link:
        with pytest.raises(ConnectionLost):
            await link.receive()


async def test_nobody_there() -> None:
    async def talk(_: asyncio.StreamReader, __: asyncio.StreamWriter) -> None:
        pass

    async with raw_server(talk) as port:
        pass
    with pytest.raises(CannotConnect, match=f"127.0.0.1:{port}"):
        async with open_tcp("127.0.0.1", port):
            pass


async def test_certificates_are_checked_and_patience_ends(tmp_path: Path) -> None:
    authority = trustme.CA()
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    authority.issue_cert("127.0.0.1").configure_cert(context)
    file = tmp_path / "ca.pem"
    authority.cert_pem.write_to_path(str(file))

    async def talk(_: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.write(FRAME)
        await writer.drain()

    async with raw_server(talk, context) as port:
        with pytest.raises(CannotConnect):
            async with open_tcp("127.0.0.1", port, secure=True):
                pass
        async with open_tcp("127.0.0.1", port, TransportOptions(ca_file=str(file)), secure=True) as link:
            assert await link.receive() == FRAME

    async def silent(reader: asyncio.StreamReader, _: asyncio.StreamWriter) -> None:
        await reader.read()

    async with raw_server(silent) as port:
        with pytest.raises(TimedOut):
            async with open_tcp("127.0.0.1", port, TransportOptions(connect_timeout=0.1), secure=True):
                pass
