"""Where Redis is, as PlaceOS' services read `REDIS_URL`. Pure.

What stands in the place of the user is the password (`redis://SECRET@host`); what stands in the place of the password,
and the number of a database, are not looked at; a host may stand alone; a cluster is found out by asking. Core reads
the same variable in the same way, so whatever works for core works here.
"""

from dataclasses import dataclass, field
from urllib.parse import parse_qs, unquote, urlsplit

DEFAULT = "redis://localhost:6379"


@dataclass(frozen=True, slots=True)
class RedisAddress:
    """How to reach Redis: by `host` and `port`, or by the `path` of a unix socket."""

    host: str = "localhost"
    port: int = 6379
    path: str | None = None
    password: str | None = field(default=None, repr=False)
    tls: bool = False
    verify: bool = True
    ca_file: str | None = None

    def __str__(self) -> str:
        """The address for people: no secret in it."""
        return self.path or f"{self.host}:{self.port}"


def read_redis_url(text: str | None) -> RedisAddress:
    """The address in `REDIS_URL`. Certificates are verified unless it says `?ssl_cert_reqs=none`.

    Raises `ValueError`.
    """
    text = (text or "").strip() or DEFAULT
    try:
        parts = urlsplit(text if "://" in text else f"redis://{text}")
    except ValueError:  # whose text may quote the password
        raise ValueError("REDIS_URL: no address; write special characters of the password as %XX") from None
    if parts.scheme not in ("redis", "rediss", "unix"):
        raise ValueError("REDIS_URL: expected redis://HOST:PORT, rediss://HOST:PORT or redis:///SOCKET")
    query = {name: values[-1] for name, values in parse_qs(parts.query).items()}
    try:
        port = parts.port or 6379
    except ValueError:
        raise ValueError("REDIS_URL: the port is no number from 1 to 65535") from None
    path = unquote(parts.path) if not parts.hostname and parts.path not in ("", "/") else None
    return RedisAddress(
        host=parts.hostname or "localhost",
        port=port,
        path=path,
        password=unquote(parts.username) if parts.username else None,
        tls=parts.scheme == "rediss",
        verify=query.get("ssl_cert_reqs", "").lower() not in ("none", "cert_none"),
        ca_file=query.get("ssl_ca_certs") or None,
    )
