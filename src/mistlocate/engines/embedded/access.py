"""Who may do what: API keys, and callers on this machine.

A key is 32 random bytes; only its hash is kept. A fast hash is enough for that: nobody guesses 256 bits. While no
key is configured the engine listens on loopback only, and whoever calls from this machine is its administrator;
then a page in a browser must not be able to call, which is what the checks of `Host` and `Origin` are for.
"""

import hashlib
import hmac
import ipaddress
import secrets
from collections.abc import Iterable, Mapping
from typing import NamedTuple
from urllib.parse import urlsplit

from mistlocate.driver.command import Level

_PREFIX = "sha256:"

#: Headers by which a reverse proxy gives itself away.
_FORWARDED = (
    "forwarded", "via", "x-forwarded-for", "x-forwarded-host", "x-forwarded-port", "x-forwarded-proto",
    "x-forwarded-server", "x-real-ip", "x-client-ip", "true-client-ip", "cf-connecting-ip",
)  # fmt: skip


class Caller(NamedTuple):
    """Who calls: the name of a key, or `local`."""

    id: str
    level: Level


class ApiKey(NamedTuple):
    """A configured key: its hash as `sha256:<hex>`."""

    name: str
    level: Level
    hash: str


class Credentials(NamedTuple):
    """What a caller shows of itself: the hash of its key, if it gave one, and the address it calls from."""

    key_hash: str | None
    client: str | None


class Refusal(NamedTuple):
    """Why a request is not answered: HTTP status and what to do, and in how many seconds, if time helps."""

    status: int
    message: str
    retry_after: int | None = None


def new_key() -> str:
    """A fresh API key, to be shown once."""
    return "ml_" + secrets.token_urlsafe(32)


def hash_key(key: str) -> str:
    """What of a key may be kept in settings."""
    return _PREFIX + hashlib.sha256(key.encode()).hexdigest()


def is_hash(text: str) -> bool:
    """Whether a text is the hash of a key."""
    digest = text.removeprefix(_PREFIX)
    return text.startswith(_PREFIX) and len(digest) == 64 and not set(digest) - set("0123456789abcdef")


def is_loopback(host: str | None) -> bool:
    """Whether an address or host name is this machine's own."""
    if host is None:
        return False
    if host.lower() == "localhost":
        return True
    try:
        return ipaddress.ip_address(host.strip("[]").partition("%")[0]).is_loopback
    except ValueError:
        return False


def credentials(headers: Mapping[str, str], client: str | None, key: str | None = None) -> Credentials:
    """What a request shows: `key`, else the key in its headers, whose names are in lower case."""
    scheme, _, bearer = headers.get("authorization", "").partition(" ")
    given = key or headers.get("x-api-key") or (bearer.strip() if scheme.lower() == "bearer" else "")
    return Credentials(hash_key(given) if given else None, client)


class Access:
    """Decides about requests. `hosts` are further names under which the engine may be called."""

    def __init__(self, keys: Iterable[ApiKey] = (), hosts: Iterable[str] = ()) -> None:
        self._keys = tuple(keys)
        self._hosts = frozenset(host.lower() for host in hosts)

    @property
    def has_keys(self) -> bool:
        """Whether there are keys, so that callers need one."""
        return bool(self._keys)

    def check(self, headers: Mapping[str, str], http_version: str = "1.1") -> Refusal | None:
        """Whether a request may be looked at at all; header names are in lower case.

        Programs and browsers of this machine speak HTTP/1.1; proxies that tell nobody who called speak HTTP/1.0.
        """
        host = _hostname(headers.get("host", ""))
        if not self._keys and not (is_loopback(host) or host in self._hosts):
            return Refusal(403, "this host name is not one of this engine's; add it to allowed_hosts")
        if not self._keys and (http_version != "1.1" or any(name in headers for name in _FORWARDED)):
            return Refusal(403, "calls through a proxy need an API key: configure api_keys")
        origin = headers.get("origin")
        if origin is not None and _netloc(origin) not in {headers.get("host", "").lower(), *self._hosts}:
            return Refusal(403, "calls from pages of another origin are not answered")
        return None

    def identify(self, shown: Credentials) -> Caller | Refusal:
        """Who calls: by the key, else, where no keys exist, a caller on this machine."""
        if not self._keys:
            return Caller("local", Level.ADMINISTRATOR) if is_loopback(shown.client) else Refusal(401, _NO_KEYS)
        if shown.key_hash is None:
            return Refusal(401, "an API key is needed: send it as X-API-Key")
        found = None
        for each in self._keys:  # all of them, so that time tells nothing
            if hmac.compare_digest(each.hash, shown.key_hash):
                found = each
        return Refusal(401, "this API key is not known") if found is None else Caller(found.name, found.level)


_NO_KEYS = "only callers on this machine are answered while no API keys are configured"


def _hostname(host: str) -> str:
    """The name in a Host header, without the port."""
    try:
        return (urlsplit(f"//{host}").hostname or "").lower()
    except ValueError:
        return ""


def _netloc(origin: str) -> str | None:
    """Host and port of an Origin header, or None for an opaque one."""
    try:
        return urlsplit(origin).netloc.lower() or None
    except ValueError:
        return None
