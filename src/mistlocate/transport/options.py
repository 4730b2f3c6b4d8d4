"""How connections are made: proxy, TLS, patience."""

import ssl
from dataclasses import dataclass
from urllib.parse import urlsplit

import truststore

from mistlocate.errors import CannotConnect


@dataclass(frozen=True, slots=True)
class TransportOptions:
    """What every connection of a module shares.

    `proxy` is a URL; None takes it from the environment (`HTTPS_PROXY`, `NO_PROXY`), an empty text forbids one.
    `verify` false accepts any certificate; `ca_file` trusts the authorities of a PEM file instead of the system's,
    `ca_certificates` those of a PEM text. Times are seconds.
    """

    proxy: str | None = None
    verify: bool = True
    ca_file: str | None = None
    ca_certificates: str | None = None
    connect_timeout: float = 10.0
    read_timeout: float = 30.0


def check_proxy(url: str) -> str:
    """The URL of a proxy, as given; an empty one means none. Raises `ValueError` for what cannot be one."""
    if url:
        try:
            parts = urlsplit(url)
            fits = parts.scheme in ("http", "https") and bool(parts.hostname) and parts.port != 0
        except ValueError:  # whose text quotes what it takes for host or port, often a piece of the password
            fits = False
        if not fits:
            raise ValueError(
                "not the address of a proxy: expected http://HOST:PORT, or http://USER:PASSWORD@HOST:PORT with special "
                "characters as %XX"
            )
    return url


def ssl_context(options: TransportOptions) -> ssl.SSLContext:
    """Certificates are checked against the operating system's trust store unless the options say otherwise.

    Raises `CannotConnect` if the file of authorities cannot be used.
    """
    if not options.verify:
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
        context.check_hostname = False
        context.verify_mode = ssl.CERT_NONE
        return context
    if options.ca_file or options.ca_certificates:
        try:
            return ssl.create_default_context(cafile=options.ca_file, cadata=options.ca_certificates)
        except (OSError, ValueError) as error:  # ssl.SSLError is an OSError
            reason = (
                error.strerror if isinstance(error, FileNotFoundError | PermissionError) else "holds no certificate"
            )
            raise CannotConnect(
                f"{'ca_file' if options.ca_file else 'ca_certificates'} cannot be used: {reason}",
                hint="expected certificates in PEM form that this process can read",
            ) from None
    return truststore.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
