"""HTTP: the only file that imports httpx.

Redirects are never followed: a credential must not travel to a host that nobody configured.
"""

import asyncio
import logging
import ssl
from collections.abc import Mapping
from typing import Any, NamedTuple
from urllib.request import getproxies, proxy_bypass

import httpx

from mistlocate.errors import CannotConnect, ConnectionLost, TimedOut, TransportError
from mistlocate.transport.options import TransportOptions, ssl_context
from mistlocate.transport.public import as_address, public_address, refuse_private
from mistlocate.transport.unpacking import ACCEPTED, Unpacker

#: A list page of the cloud has a few megabytes at most; whatever is larger is no answer to a question of ours.
MAX_BODY = 64 * 1024 * 1024

#: An answer may take so many times as long as its next part may: a page of a thousand clients is up to 2 MB, which a
#: line of 128 kbit/s brings in two minutes. Without this bound one that comes byte by byte would never end.
WHOLE = 4

# httpx writes whole URLs at INFO, and URLs hold MACs and signatures; httpcore writes headers of answers at DEBUG. A
# filter holds for a logger alone and whatever level somebody gives it; a level holds also for those below it.
_CORE = ("connection", "http11", "http2", "proxy", "socks")
for _name in ("httpx", "httpcore", *(f"httpcore.{each}" for each in _CORE)):
    logging.getLogger(_name).addFilter(lambda record: record.levelno >= logging.WARNING)
    logging.getLogger(_name).setLevel(logging.WARNING)


class HttpResponse(NamedTuple):
    """An answer, whatever its status; header names are in lower case."""

    status: int
    headers: Mapping[str, str]
    body: bytes


class HttpTransport:
    """A pool of kept connections. Raises `CannotConnect`, `TimedOut`, `ConnectionLost`."""

    def __init__(self, options: TransportOptions | None = None) -> None:
        self._options = options or TransportOptions()
        self._client: httpx.AsyncClient | None = None
        self._closed = False

    def _open(self) -> httpx.AsyncClient:
        """The client, made with the first request: what is wrong with the options is that request's trouble."""
        if self._closed:
            raise ConnectionLost("the connection was closed")
        if self._client is None:
            options = self._options
            try:
                self._client = httpx.AsyncClient(
                    verify=ssl_context(options),
                    proxy=options.proxy or None,
                    trust_env=options.proxy is None,
                    timeout=httpx.Timeout(options.read_timeout, connect=options.connect_timeout),
                    follow_redirects=False,
                    limits=httpx.Limits(max_connections=8, max_keepalive_connections=4, keepalive_expiry=30.0),
                    headers={"User-Agent": "mistlocate", "Accept-Encoding": ACCEPTED},
                )
            except (ValueError, ImportError) as error:
                raise CannotConnect(f"the proxy cannot be used: {error}", hint="expected http://HOST:PORT") from None
        return self._client

    async def get(
        self, url: str, headers: Mapping[str, str], *, at_most: int | None = None, public: bool = False
    ) -> HttpResponse:
        """Send a GET; an answer of more than `at_most` bytes is read no further.

        With `public` only hosts of the world are asked, none of this machine or of a private network
        (`CannotConnect`). Behind a proxy, which finds the host itself, that holds for addresses and not for names.
        """
        return await self.request("GET", url, headers, at_most=at_most, public=public)

    async def request(
        self,
        method: str,
        url: str,
        headers: Mapping[str, str] | None = None,
        *,
        json: Any = None,
        at_most: int | None = None,
        public: bool = False,
    ) -> HttpResponse:
        """Send any request; `json` becomes its body. No answer may have more than `MAX_BODY` bytes, or `at_most`.

        All of it takes `connect_timeout` and four times `read_timeout` at most.
        """
        client = self._open()
        sent, more = dict(headers or {}), dict[str, str]()
        try:
            to = httpx.URL(url)
            async with asyncio.timeout(self._options.connect_timeout + WHOLE * self._options.read_timeout):
                if public:
                    to, sent, more = await self._pinned(to, sent)
                async with client.stream(method, to, headers=sent, json=json, extensions=more) as response:
                    body = await _body(response, MAX_BODY if at_most is None else at_most)
        except TimeoutError:
            raise TimedOut(f"the answer of {_host(url)} did not come to an end in time") from None
        except httpx.TimeoutException as error:
            raise TimedOut(f"no answer from {_host(url)} in time ({type(error).__name__})") from None
        except httpx.ConnectError as error:
            raise CannotConnect(f"cannot connect to {_host(url)}: {_reason(error)}", hint=_hint(error)) from None
        except (httpx.InvalidURL, ValueError, OverflowError):
            raise TransportError("not an address or a header that can be sent") from None
        except httpx.HTTPError as error:
            raise ConnectionLost(f"the connection to {_host(url)} broke: {_reason(error)}") from None
        except RuntimeError:
            if not self._closed:
                raise
            raise ConnectionLost("the connection was closed") from None
        return HttpResponse(response.status_code, {k.lower(): v for k, v in response.headers.items()}, body)

    async def _pinned(
        self, url: httpx.URL, headers: dict[str, str]
    ) -> tuple[httpx.URL, dict[str, str], dict[str, str]]:
        """The same request to an address that was looked at, under the name of its host. Raises `CannotConnect`.

        Its connection is not kept: hosts that share an address must not share what was proved of one of them.
        """
        address = as_address(url.host)
        if address is not None:
            refuse_private(url.host, [address])
        if _proxy_to(url, self._options.proxy):
            return url, headers, {}
        address = await public_address(url.host, self._options.connect_timeout)
        own = {"Host": url.netloc.decode(), "Connection": "close"}
        return url.copy_with(host=address), {**headers, **own}, {"sni_hostname": url.host}

    async def aclose(self) -> None:
        """Close all connections."""
        self._closed = True
        if self._client is not None:
            await self._client.aclose()


async def _body(response: httpx.Response, at_most: int) -> bytes:
    body = Unpacker(response.headers.get("content-encoding"), at_most)
    async for chunk in response.aiter_raw():
        body.feed(chunk)
    return body.whole()


def _proxy_to(url: httpx.URL, proxy: str | None) -> bool:
    """Whether a request goes through a proxy: the one of the options, else the environment's."""
    if proxy is not None:
        return bool(proxy)
    known = getproxies()
    return bool(known.get(url.scheme) or known.get("all")) and not proxy_bypass(url.host)


def _host(url: str) -> str:
    """The host alone: paths and queries hold ids, MACs and signatures."""
    return httpx.URL(url).host


def _reason(error: httpx.HTTPError) -> str:
    return str(error) or type(error).__name__


def _hint(error: BaseException) -> str:
    cause: BaseException | None = error
    while cause is not None:
        if isinstance(cause, ssl.SSLCertVerificationError):
            return "the server's certificate is not trusted; set ca_file to the authority that signed it"
        cause = cause.__cause__ or cause.__context__
    return "check the host name, the network, and whether a proxy is needed"
