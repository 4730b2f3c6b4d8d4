"""REDIS_URL as PlaceOS' services read it, quirks included."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mistlocate.engines.placeos.redis_url import RedisAddress, read_redis_url


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        (None, RedisAddress()),
        ("", RedisAddress()),
        ("  ", RedisAddress()),
        ("redis://localhost:6379", RedisAddress()),
        ("redis://redis", RedisAddress(host="redis")),
        ("redis", RedisAddress(host="redis")),
        ("redis:7000", RedisAddress(host="redis", port=7000)),
        (" redis://redis:7000/ \n", RedisAddress(host="redis", port=7000)),
        ("redis://:7000", RedisAddress(port=7000)),
        ("redis://redis:7000/3?db=4", RedisAddress(host="redis", port=7000)),
        ("redis://[::1]:7000", RedisAddress(host="::1", port=7000)),
        ("redis://SECRET@redis:7000", RedisAddress(host="redis", port=7000, password="SECRET")),
        ("SECRET@redis:7000", RedisAddress(host="redis", port=7000, password="SECRET")),
        ("redis://SE%40CR%2FET@redis", RedisAddress(host="redis", password="SE@CR/ET")),
        ("redis://:ignored@redis", RedisAddress(host="redis")),
        ("redis://SECRET:ignored@redis", RedisAddress(host="redis", password="SECRET")),
        ("rediss://redis", RedisAddress(host="redis", tls=True)),
        ("rediss://redis?ssl_cert_reqs=none", RedisAddress(host="redis", tls=True, verify=False)),
        ("rediss://redis?ssl_cert_reqs=CERT_NONE", RedisAddress(host="redis", tls=True, verify=False)),
        ("rediss://redis/0?ssl_ca_certs=/etc/ca.pem", RedisAddress(host="redis", tls=True, ca_file="/etc/ca.pem")),
        ("redis:///run/redis.sock", RedisAddress(path="/run/redis.sock")),
        ("unix:///run/my%20redis.sock", RedisAddress(path="/run/my redis.sock")),
        ("redis://SECRET@/run/redis.sock", RedisAddress(path="/run/redis.sock", password="SECRET")),
    ],
)
def test_an_address_is_read_as_core_reads_it(text: str | None, expected: RedisAddress) -> None:
    assert read_redis_url(text) == expected


@pytest.mark.parametrize("text", ["http://redis", "redis-sentinel://redis", "://"])
def test_another_scheme_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match="expected redis://HOST:PORT"):
        read_redis_url(text)


@pytest.mark.parametrize("text", ["redis://redis:port", "redis://redis:70000", "redis:-1"])
def test_a_port_that_is_none_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match="the port is no number from 1 to 65535"):
        read_redis_url(text)


@pytest.mark.parametrize("text", ["redis://SEC[RET@redis", "redis://SECRET℀@redis", "redis://SECRET@[redis"])
def test_what_cannot_be_read_is_refused_without_repeating_it(text: str) -> None:
    with pytest.raises(ValueError, match=r"^REDIS_URL: ") as raised:
        read_redis_url(text)
    assert "RET" not in str(raised.value)


@given(st.text())
def test_whatever_stands_there_it_is_an_address_or_a_named_error(text: str) -> None:
    outcome = "REDIS_URL: read"
    try:
        read_redis_url(text)
    except ValueError as error:
        outcome = str(error)
    assert outcome.startswith("REDIS_URL: ")


def test_people_are_told_the_address_and_never_the_password() -> None:
    address = read_redis_url("redis://SECRET@redis:7000")
    assert str(address) == "redis:7000"
    assert "SECRET" not in repr(address)
    assert str(read_redis_url("redis:///run/redis.sock")) == "/run/redis.sock"
