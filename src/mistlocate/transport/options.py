"""How connections are made: proxy, TLS, patience."""

import ssl
from dataclasses import dataclass

import truststore


@dataclass(frozen=True, slots=True)
class TransportOptions:
    """What every connection of a module shares.

    `proxy` is a URL; None takes it from the environment (`HTTPS_PROXY`, `NO_PROXY`), an empty text forbids one.
    `verify` false accepts any certificate; `ca_file` trusts the authorities of a PEM file instead of the system's.
    Times are seconds.
    """

    proxy: str | None = None
    verify: bool = True
    ca_file: str | None = None
    connect_timeout: float = 10.0
    read_timeout: float = 30.0


def ssl_context(options: TransportOptions) -> ssl.SSLContext:
    """Certificates are checked against the operating system's trust store unless the options say otherwise."""
    if not options.verify:
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
        context.check_hostname = False
        context.verify_mode = ssl.CERT_NONE
        return context
    if options.ca_file:
        return ssl.create_default_context(cafile=options.ca_file)
    return truststore.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
