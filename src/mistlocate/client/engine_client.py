"""Calls an engine as any other program would: over its API, with a key or as a caller on the same machine."""

from collections.abc import AsyncGenerator, Mapping
from types import TracebackType
from typing import Any, Self
from urllib.parse import quote, urlsplit

from mistlocate import jsontext
from mistlocate.clock import SystemClock
from mistlocate.errors import (
    BadArguments,
    ConnectionLost,
    EngineError,
    EngineUnreachable,
    HandshakeRefused,
    TransportError,
)
from mistlocate.mist.cloud_clock import CloudClock
from mistlocate.transport.http import HttpTransport
from mistlocate.transport.options import TransportOptions
from mistlocate.transport.websocket import open_websocket

#: Where an engine on this machine answers unless told otherwise.
DEFAULT_URL = "http://127.0.0.1:8680"

_BASE = "/api/engine/v2"
_LOCAL = ("localhost", "127.0.0.1", "::1")


class EngineClient:
    """One engine. Use it in `async with`. Raises `EngineUnreachable`, and `EngineError` for what the engine refuses.

    `url` may be a bare host and port. Raises `BadArguments` for what is no address, and for what can be no key.
    """

    def __init__(self, url: str = DEFAULT_URL, api_key: str | None = None) -> None:
        self.url = _address(url)
        self._headers = {"X-API-Key": _key(api_key)} if api_key else {}
        # A proxy of the environment is for the world outside, not for this machine.
        self._options = TransportOptions(proxy="" if urlsplit(self.url).hostname in _LOCAL else None)
        self._http = HttpTransport(self._options)
        self._clock = SystemClock()
        # The engine's time as its answers tell it, in the same header as the cloud's.
        self._engines = CloudClock(self._clock)

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self._http.aclose()

    async def health(self, *, live: bool = False) -> dict[str, Any]:
        """Whether every module runs: `{status, version, modules, running}`, `status` is `ok` or `degraded`. It needs
        no key. With `live` only whether the engine answers: `{status, version}`."""
        try:
            response = await self._http.request("GET", f"{self.url}/health/{'live' if live else 'ready'}")
        except TransportError as error:
            raise self._unreachable(error) from None
        answer = self._json(response.body, response.status)
        if response.status in (200, 503) and isinstance(answer, dict) and "status" in answer:
            return answer
        raise _refusal(response.status, answer if isinstance(answer, dict) else {})

    @property
    def ahead(self) -> float:
        """Seconds that the engine's clock is ahead of this machine's, by its answers so far; 0 up to 5."""
        return self._engines.offset()

    async def systems(self) -> list[dict[str, Any]]:
        """All systems: `{id, name, zones, modules}`."""
        return list(await self._call("GET", "/systems"))

    async def modules(self) -> list[dict[str, Any]]:
        """All modules: `{id, system_id, slug, driver, state, connected, problem, …}`."""
        return list(await self._call("GET", "/modules"))

    async def zones(self) -> dict[str, dict[str, Any]]:
        """All zones by id: `{id, name, parent_id}`."""
        return {zone["id"]: zone for zone in await self._call("GET", "/zones")}

    async def functions(self, system_id: str, slug: str) -> dict[str, dict[str, Any]]:
        """The commands of a module that this caller may run: name → `{arity, params, order, …}`."""
        return dict(await self._call("GET", f"/systems/{_part(system_id)}/functions/{_part(slug)}"))

    async def execute(
        self, system_id: str, slug: str, command: str, args: list[Any] | Mapping[str, Any] | None = None
    ) -> Any:
        """Run a command; arguments by position or by name."""
        path = f"/systems/{_part(system_id)}/{_part(slug)}/{_part(command)}"
        return await self._call("POST", path, [] if args is None else args)

    async def state(self, system_id: str, slug: str) -> dict[str, Any]:
        """Every status of a module that this caller may read."""
        found = await self._call("GET", f"/systems/{_part(system_id)}/{_part(slug)}")
        return {key: jsontext.loads(text) for key, text in found.items()}

    async def status(self, system_id: str, slug: str, key: str) -> Any:
        """One status, None if it has no value."""
        return await self._call("GET", f"/systems/{_part(system_id)}/{_part(slug)}/{_part(key)}")

    async def watch(self, system_id: str, slug: str, key: str) -> AsyncGenerator[Any, None]:
        """The present value of a status, and every later one, until the engine goes."""
        name, _, index = slug.rpartition("_") if slug.rpartition("_")[2].isdecimal() else (slug, "", "1")
        url = f"ws{self.url.removeprefix('http')}{_BASE}/systems/control"
        message = {"id": 1, "sys": system_id, "mod": name, "index": int(index), "cmd": "bind", "name": key}
        _sendable(message)
        try:
            async with open_websocket(url, self._headers, self._options) as link:
                await link.send(jsontext.dumps(message).decode())
                while True:
                    answer = jsontext.loads(await link.receive())
                    if answer.get("type") == "error":
                        raise EngineError(str(answer.get("msg")), status=401 if answer.get("error_code") == 2 else 400)
                    if answer.get("type") == "notify":
                        yield answer.get("value")
        except HandshakeRefused as error:
            raise EngineError("the engine refused the connection", status=error.status) from None
        except ConnectionLost as error:
            if error.code == 1008:
                raise EngineError("the engine refused the connection", status=401, hint=_KEY_HINT) from None
            raise EngineUnreachable("the engine has closed the connection") from None
        except TransportError as error:
            raise self._unreachable(error) from None

    async def system_of(self, slug: str, system_id: str | None = None) -> str:
        """The system in which a module of this name is; named if several have one. Raises `EngineError`."""
        if system_id is not None:
            return system_id
        wanted = slug if slug.rpartition("_")[2].isdecimal() else f"{slug}_1"
        systems = await self.systems()
        found = [system["id"] for system in systems if wanted in system["modules"]]
        if len(found) == 1:
            return str(found[0])
        if found:
            raise EngineError(f"several systems have {wanted}", hint="name one with --system: " + ", ".join(found))
        there = sorted({module for system in systems for module in system["modules"]})
        raise EngineError(f"no module {slug!r}", status=404, hint="modules: " + (", ".join(there) or "none"))

    async def _call(self, method: str, path: str, body: Any = None) -> Any:
        _sendable(body)
        sent = self._clock.monotonic()
        try:
            response = await self._http.request(method, self.url + _BASE + path, self._headers, json=body)
        except TransportError as error:
            raise self._unreachable(error) from None
        self._engines.observe(response.headers.get("date"), sent, self._clock.monotonic())
        answer = self._json(response.body, response.status)
        if response.status == 200:
            return answer
        raise _refusal(response.status, answer if isinstance(answer, dict) else {})

    def _json(self, body: bytes, status: int) -> Any:
        try:
            return jsontext.loads(body)
        except ValueError:
            raise EngineError(f"{self.url} answers, but not as an engine (HTTP {status})", hint="check --url") from None

    def _unreachable(self, error: TransportError) -> EngineUnreachable:
        return EngineUnreachable(
            f"no engine answers at {self.url}: {error.message}",
            hint=_hint(self.url, error),
        )


_KEY_HINT = "give an API key with --api-key or MISTLOCATE_API_KEY"


def _hint(url: str, error: TransportError) -> str:
    """What to do where no engine answers; one that is there and speaks another way is not to be started."""
    if "CERTIFICATE_VERIFY_FAILED" in error.message:
        return (
            "its certificate is for another name, or of an authority that is not trusted here: call it by a name that "
            "the certificate has; SSL_CERT_FILE names a file of authorities"
        )
    if "WRONG_VERSION_NUMBER" in error.message:
        return "this port speaks no HTTPS: say http:// in --url"
    if isinstance(error, ConnectionLost) and url.startswith("http:"):
        return "if this port speaks HTTPS (`tls_certificate` in the settings), say https:// in --url"
    return "start one with `mistlocate demo` or `mistlocate serve`, or name another with --url"


def _refusal(status: int, known: Mapping[str, Any]) -> EngineError:
    """The error of an engine. What the cloud does not know is not found, although a module had to raise to say so."""
    message = str(known.get("message") or f"HTTP {status}")
    if known.get("error") == "NotFound":
        status, message = 404, message.removeprefix("module raised: ")
    return EngineError(message, status=status, hint=known.get("hint") or (_KEY_HINT if status == 401 else None))


def _address(text: str) -> str:
    url = text.strip()
    url = url if "://" in url else f"http://{url}"
    try:
        parts = urlsplit(url)
        good = parts.scheme in ("http", "https") and parts.hostname and parts.port != 0
        (parts.hostname or "").encode("idna")
    except ValueError:
        good = False
    if not good or not url.isprintable() or " " in url:
        raise BadArguments(f"not the address of an engine: {text!r}; expected for example {DEFAULT_URL}")
    return url.rstrip("/")


def _key(text: str) -> str:
    key = text.strip()
    if not (key.isascii() and key.isprintable()):
        raise BadArguments("not an API key: expected one word of ASCII characters, as `mistlocate key` printed it")
    return key


def _sendable(value: Any) -> None:
    """A word of a command line in another encoding holds what is no text. Raises `BadArguments`."""
    if not jsontext.can_be_written(value):
        raise BadArguments("an argument cannot be sent: expected text in UTF-8, or a value that JSON can carry")


def _part(text: str) -> str:
    _sendable(text)
    return quote(text, safe="")
