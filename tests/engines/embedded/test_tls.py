"""HTTPS of the engine's own port, with certificates of an authority that exists for a test."""

import ssl
from collections.abc import Callable
from contextlib import AbstractAsyncContextManager
from pathlib import Path

import httpx
import pytest
import trustme
from websockets.asyncio.client import connect

from mistlocate import jsontext
from mistlocate.engines.embedded.access import hash_key
from mistlocate.engines.embedded.config import Loaded, load
from mistlocate.engines.embedded.engine import Engine
from mistlocate.engines.embedded.server import serving
from mistlocate.engines.embedded.tls import CertificateFiles, server_context
from mistlocate.errors import EngineError, SettingsError

Running = Callable[..., AbstractAsyncContextManager[Engine]]

NAMES = {"tls_certificate": "cert.pem", "tls_key": "key.pem"}


@pytest.fixture(scope="module")
def authority() -> trustme.CA:
    return trustme.CA()


def issue(authority: trustme.CA, folder: Path) -> CertificateFiles:
    made = authority.issue_cert("127.0.0.1", "localhost")
    made.cert_chain_pems[0].write_to_path(folder / "cert.pem")
    made.private_key_pem.write_to_path(folder / "key.pem")
    return CertificateFiles(folder / "cert.pem", folder / "key.pem")


def trusting(authority: trustme.CA) -> ssl.SSLContext:
    context = ssl.create_default_context()
    authority.configure_trust(context)
    return context


async def serial_of(url: str, context: ssl.SSLContext) -> str:
    """The serial number of the certificate that is shown."""
    async with (
        httpx.AsyncClient(verify=context, trust_env=False) as http,
        http.stream("GET", f"{url}/health") as answer,
    ):
        return str(answer.extensions["network_stream"].get_extra_info("ssl_object").getpeercert()["serialNumber"])


async def test_everything_is_spoken_over_tls(running: Running, tmp_path: Path, authority: trustme.CA) -> None:
    issue(authority, tmp_path)
    trusted = trusting(authority)
    async with running(**NAMES) as engine, serving(engine, "127.0.0.1", 0) as url:
        assert url.startswith("https://")
        async with httpx.AsyncClient(verify=trusted, trust_env=False) as http:
            found = await http.get(f"{url}/api/engine/v2/self")
            assert found.json()["level"] == "administrator"
            assert found.headers["strict-transport-security"] == "max-age=31536000"
            with pytest.raises(httpx.HTTPError):
                await http.get(url.replace("https:", "http:"))
        address = f"wss{url.removeprefix('https')}/api/engine/v2/systems/control"
        async with connect(address, proxy=None, ssl=trusted) as socket:
            await socket.send("ping")
            assert await socket.recv() == "pong"
            engine.board.set("mod-sys-Probe-1", "k", "x" * 900_000)
            await socket.send('{"id": 1, "sys": "sys", "mod": "Probe", "cmd": "bind", "name": "k"}')
            answer, news = [jsontext.loads(await socket.recv()) for _ in range(2)]
            assert (answer["type"], news["type"], news["value"]) == ("success", "notify", "x" * 900_000)


async def test_without_tls_nobody_is_told_to_insist_on_it(running: Running) -> None:
    async with running() as engine, serving(engine, "127.0.0.1", 0) as url, httpx.AsyncClient(trust_env=False) as http:
        assert "strict-transport-security" not in (await http.get(f"{url}/health")).headers


async def test_old_versions_are_not_spoken(tmp_path: Path, authority: trustme.CA) -> None:
    context = server_context(issue(authority, tmp_path))
    assert context.minimum_version is ssl.TLSVersion.TLSv1_2


async def test_a_renewed_certificate_is_taken_with_the_settings(
    running: Running, probes: Callable[..., Loaded], tmp_path: Path, authority: trustme.CA
) -> None:
    issue(authority, tmp_path)
    trusted = trusting(authority)
    async with running(**NAMES) as engine, serving(engine, "127.0.0.1", 0) as url:
        before = await serial_of(url, trusted)
        issue(authority, tmp_path)
        assert await serial_of(url, trusted) == before
        await engine.reload(probes(**NAMES))
        renewed = await serial_of(url, trusted)
        assert renewed != before
        loaded = probes(**NAMES)
        (tmp_path / "cert.pem").write_text("nonsense")
        await engine.reload(loaded)
        assert await serial_of(url, trusted) == renewed, "the one before stays"


async def test_files_that_went_wrong_since_they_were_checked(
    running: Running, tmp_path: Path, authority: trustme.CA
) -> None:
    issue(authority, tmp_path)
    async with running(**NAMES) as engine:
        (tmp_path / "key.pem").unlink()
        with pytest.raises(EngineError, match=r"key\.pem cannot be read"):
            async with serving(engine, "127.0.0.1", 0):
                pass


class TestSettings:
    def problem(self, folder: Path, **settings: str) -> str:
        with pytest.raises(SettingsError) as raised:
            load(settings, folder)
        return str(raised.value.problems[0])

    def test_one_of_the_two_is_not_enough(self, tmp_path: Path) -> None:
        assert "give both" in self.problem(tmp_path, tls_key="key.pem")

    def test_what_is_wrong_with_the_files_is_said_at_once(self, tmp_path: Path, authority: trustme.CA) -> None:
        assert "cert.pem cannot be read" in self.problem(tmp_path, **NAMES)
        issue(authority, tmp_path)
        assert load(NAMES, tmp_path).tls == CertificateFiles(tmp_path / "cert.pem", tmp_path / "key.pem")
        other = authority.issue_cert("127.0.0.1").private_key_pem.bytes()
        (tmp_path / "key.pem").write_bytes(other)
        assert "the key is not that of the certificate" in self.problem(tmp_path, **NAMES)
        (tmp_path / "key.pem").write_text("nonsense")
        assert "expected PEM" in self.problem(tmp_path, **NAMES)

    def test_a_key_with_a_passphrase_is_not_asked_for(self, tmp_path: Path, authority: trustme.CA) -> None:
        from cryptography.hazmat.primitives import serialization

        issue(authority, tmp_path)
        key = serialization.load_pem_private_key((tmp_path / "key.pem").read_bytes(), None)
        locked = key.private_bytes(
            serialization.Encoding.PEM,
            serialization.PrivateFormat.PKCS8,
            serialization.BestAvailableEncryption(b"sesame"),
        )
        (tmp_path / "key.pem").write_bytes(locked)
        assert "has a passphrase" in self.problem(tmp_path, **NAMES)

    def test_tls_alone_opens_nothing_wider(self, tmp_path: Path, authority: trustme.CA) -> None:
        issue(authority, tmp_path)
        assert "without a key" in self.problem(tmp_path, listen="0.0.0.0:8680", **NAMES)
        keys = [{"name": "panel", "level": "user", "hash": hash_key("x")}]
        load({"listen": "0.0.0.0:8680", "api_keys": keys, **NAMES}, tmp_path)
