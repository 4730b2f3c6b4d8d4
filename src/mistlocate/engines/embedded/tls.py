"""TLS of the engine's own port, from files of a certificate and its key."""

import ssl
from pathlib import Path
from typing import NamedTuple


class CertificateFiles(NamedTuple):
    """PEM files: the certificate with those that lead to its authority, and its private key without a passphrase."""

    certificate: Path
    key: Path


def server_context(files: CertificateFiles) -> ssl.SSLContext:
    """What the port speaks: TLS 1.2 and later. Raises `ValueError` that says what is wrong with the files."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.minimum_version = ssl.TLSVersion.TLSv1_2
    use(context, files)
    return context


def use(context: ssl.SSLContext, files: CertificateFiles) -> None:
    """Show this certificate from the next connection on. Raises `ValueError`; then the one before stays."""
    try:
        context.load_cert_chain(files.certificate, files.key, password=_no_passphrase)
    except ssl.SSLError as error:
        reason = "the key is not that of the certificate" if "MISMATCH" in (error.reason or "") else "expected PEM"
        raise ValueError(f"certificate and key cannot be used: {reason}") from None
    except OSError as error:
        missing = next((each for each in files if not each.is_file()), files.key)
        raise ValueError(f"{missing} cannot be read: {error.strerror}") from None


def _no_passphrase() -> str:
    """Nobody is there to type one."""
    raise ValueError("the key has a passphrase; take it off, and keep the file readable by its owner only")
