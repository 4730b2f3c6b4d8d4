import ssl

import pytest
import truststore

from mistlocate.transport.options import TransportOptions, check_proxy, ssl_context


def test_the_systems_trust_store_is_the_default() -> None:
    assert isinstance(ssl_context(TransportOptions()), truststore.SSLContext)


def test_verification_is_off_only_where_it_is_said() -> None:
    context = ssl_context(TransportOptions(verify=False))
    assert (context.verify_mode, context.check_hostname) == (ssl.CERT_NONE, False)


@pytest.mark.parametrize("url", ["", "http://proxy.example:3128", "https://user:pa%2Fss@[2001:db8::1]:3128/"])
def test_the_address_of_a_proxy_is_taken_as_it_is(url: str) -> None:
    assert check_proxy(url) == url


@pytest.mark.parametrize(
    "url",
    [
        "proxy.example:3128",
        "http://proxy.example:0",
        "http://user:secret/word@proxy.example:3128",
        "http://user:secret#word@proxy.example:3128",
        "http://user:[secret]@proxy.example:3128",
        "http://[user:secret@proxy.example]:3128",
        "http://user:word@proxy.example:secret",
    ],
)
def test_what_is_no_address_of_a_proxy_is_said_without_any_part_of_it(url: str) -> None:
    with pytest.raises(ValueError, match="not the address of a proxy") as refused:
        check_proxy(url)
    assert "secret" not in str(refused.value)
