import ssl

import truststore

from mistlocate.transport.options import TransportOptions, ssl_context


def test_the_systems_trust_store_is_the_default() -> None:
    assert isinstance(ssl_context(TransportOptions()), truststore.SSLContext)


def test_verification_is_off_only_where_it_is_said() -> None:
    context = ssl_context(TransportOptions(verify=False))
    assert (context.verify_mode, context.check_hostname) == (ssl.CERT_NONE, False)
