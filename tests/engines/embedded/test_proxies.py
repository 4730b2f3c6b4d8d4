import pytest

from mistlocate.engines.embedded.proxies import TrustedProxies, network

PROXIES = TrustedProxies([network("10.0.0.5"), network("192.168.0.0/16"), network("::1")])


@pytest.mark.parametrize("text", ["", "proxy.example.com", "10.0.0.1/8", "10.0.0.0/33", "300.1.1.1"])
def test_what_is_no_network(text: str) -> None:
    with pytest.raises(ValueError, match="not an address or a network"):
        network(text)


@pytest.mark.parametrize(
    ("peer", "forwarded", "caller"),
    [
        ("10.0.0.5", ["203.0.113.7"], "203.0.113.7"),
        ("10.0.0.5", ["198.51.100.1, 203.0.113.7"], "203.0.113.7"),
        ("10.0.0.5", ["127.0.0.1, 203.0.113.7", "192.168.1.1"], "203.0.113.7"),
        ("10.0.0.5", ["203.0.113.7:4711"], "203.0.113.7"),
        ("10.0.0.5", ["[2001:db8::1]:4711"], "2001:db8::1"),
        ("::1", ["::ffff:203.0.113.7"], "203.0.113.7"),
        ("10.0.0.5", [], "10.0.0.5"),
        ("10.0.0.5", ["unknown"], "10.0.0.5"),
        ("10.0.0.5", ["203.0.113.7, unknown"], "10.0.0.5"),
        ("203.0.113.9", ["127.0.0.1"], "203.0.113.9"),
        (None, ["127.0.0.1"], None),
    ],
    ids=str,
)
def test_who_calls_is_the_last_that_no_trusted_proxy_has(
    peer: str | None, forwarded: list[str], caller: str | None
) -> None:
    assert PROXIES.caller(peer, forwarded) == caller


def test_the_scheme_is_that_of_the_proxy() -> None:
    assert PROXIES.scheme("10.0.0.5", {"x-forwarded-proto": "https"}, "http") == "https"
    assert PROXIES.scheme("10.0.0.6", {"x-forwarded-proto": "https"}, "http") == "http"
    assert PROXIES.scheme("10.0.0.5", {"x-forwarded-proto": "javascript"}, "http") == "http"
    assert PROXIES.scheme("10.0.0.5", {}, "http") == "http"
