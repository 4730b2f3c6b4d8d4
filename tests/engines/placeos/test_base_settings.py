"""Settings of PlaceOS' own names, and what becomes of them for drivers that have settings of their own."""

from typing import Any
from urllib.parse import unquote, urlsplit

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mistlocate.driver.base import parse_settings
from mistlocate.drivers.mist_websocket.driver import MistWebsocket
from mistlocate.drivers.mist_websocket.settings import MistWebsocketSettings as Settings
from mistlocate.engines.placeos import base_settings as module
from mistlocate.engines.placeos.base_settings import SCHEMA, split
from mistlocate.errors import SettingsError
from mistlocate.transport.options import check_proxy

KNOWN = ("proxy", "verify_tls", "ca_certificates", "connect_timeout", "read_timeout", "site_id")


def translated(**settings: Any) -> dict[str, Any]:
    """What a driver is given of these settings."""
    return split(settings, KNOWN).driver


def test_the_drivers_own_settings_pass_as_they_are() -> None:
    own = {"site_id": "s", "floorplan_mappings": {"m": {"level": "l", "campus": None}}, "unheard_of": 0}
    assert split(own, KNOWN) == (own, {})


def test_a_setting_that_is_null_is_not_given() -> None:
    assert translated(site_id=None, ca_certificates=None, unheard_of=None) == {}
    assert translated(verify_tls=None, https_verify="none") == {"verify_tls": False}
    with pytest.raises(SettingsError, match="site_id: Field required"):
        parse_settings(MistWebsocket, translated(site_id=None, api_token="token"), unknown_is_error=False)


@pytest.mark.parametrize(
    ("settings", "expected"),
    [
        ({"proxy": {"host": "proxy.example", "port": 3128}}, {"proxy": "http://proxy.example:3128"}),
        ({"proxy": {"host": "proxy.example"}}, {"proxy": "http://proxy.example:8080"}),
        ({"proxy": {"host": " https://proxy.example/ ", "port": 1}}, {"proxy": "https://proxy.example:1"}),
        ({"proxy": {"host": "2001:db8::1", "port": 3128}}, {"proxy": "http://[2001:db8::1]:3128"}),
        ({"proxy": {"host": "[2001:db8::1]", "port": 3128}}, {"proxy": "http://[2001:db8::1]:3128"}),
        ({"proxy": {"host": "p", "port": 1, "auth": None}}, {"proxy": "http://p:1"}),
        ({"proxy": {"host": "p", "port": 1, "auth": {"username": "u"}}}, {"proxy": "http://u:@p:1"}),
        ({"proxy": {"host": "p", "port": 1, "auth": {"username": "", "password": "x"}}}, {"proxy": "http://p:1"}),
        ({"proxy": {"host": "", "port": 3128}}, {"proxy": ""}),
        ({"proxy": {"host": None}}, {"proxy": ""}),
        ({"proxy": "http://ours:1"}, {"proxy": "http://ours:1"}),
        ({"proxy": ""}, {"proxy": ""}),
        ({"proxy": None}, {}),
        ({"https_verify": "none"}, {"verify_tls": False}),
        ({"https_verify": " None "}, {"verify_tls": False}),
        ({"https_verify": 0}, {"verify_tls": False}),
        ({"https_verify": "0"}, {"verify_tls": False}),
        ({"https_verify": False}, {"verify_tls": False}),
        ({"https_verify": "peer"}, {"verify_tls": True}),
        ({"https_verify": "fail_if_no_peer_cert"}, {"verify_tls": True}),
        ({"https_verify": 1}, {"verify_tls": True}),
        ({"https_verify": True}, {"verify_tls": True}),
        ({"https_verify": None}, {}),
        ({"https_insecure": True}, {"verify_tls": False}),
        ({"https_insecure": False}, {}),
        ({"https_insecure": True, "https_verify": "peer"}, {"verify_tls": False}),
        ({"https_ca_certificates": "-----BEGIN"}, {"ca_certificates": "-----BEGIN"}),
        ({"https_ca_certificates": "  "}, {}),
        ({"https_ca_certificates": None}, {}),
        ({"http_connect_timeout": 7, "http_comms_timeout": 8.5}, {"connect_timeout": 7, "read_timeout": 8.5}),
        ({"http_connect_timeout": 0, "http_comms_timeout": -1}, {"connect_timeout": 1, "read_timeout": 1}),
        ({"http_connect_timeout": 9e9, "http_comms_timeout": 9e9}, {"connect_timeout": 120, "read_timeout": 300}),
        ({"http_connect_timeout": "7", "http_comms_timeout": True}, {}),
        ({"http_connect_timeout": None}, {}),
    ],
    ids=repr,
)
def test_what_placeos_calls_something_is_given_by_the_drivers_name(
    settings: dict[str, Any], expected: dict[str, Any]
) -> None:
    assert translated(**settings) == expected
    Settings.model_validate({"api_token": "t", "site_id": "s", **expected})


def test_the_drivers_own_settings_outrank_those_of_placeos() -> None:
    own = {"verify_tls": True, "connect_timeout": 3, "ca_certificates": ""}
    others = {"https_verify": "none", "http_connect_timeout": 7, "https_ca_certificates": "-----BEGIN"}
    assert translated(**own, **others) == own


def test_what_a_driver_has_no_setting_for_is_left_out() -> None:
    settings = {"https_verify": "none", "proxy": {"host": "p"}, "http_connect_timeout": 7, "headers": {"a": "b"}}
    assert split(settings, ("site_id",)).driver == {}


def test_headers_are_texts_and_lists_become_one_line() -> None:
    headers = {"X-One": "1", "X-Number": 5, "X-List": ["a", "b", 3], "X-Nothing": None}
    found = split({"headers": headers}, KNOWN)
    assert found.headers == {"X-One": "1", "X-Number": "5", "X-List": "a, b, 3"}
    assert found.driver == {}


def test_headers_have_no_space_around_them() -> None:
    headers = {" X-Key\n": "a key\r\n", "X-List": [" a\t", "b\n"]}
    assert split({"headers": headers}, KNOWN).headers == {"X-Key": "a key", "X-List": "a, b"}


@pytest.mark.parametrize("value", [None, "X: y", ["X: y"], 5])
def test_headers_that_are_no_object_are_none(value: object) -> None:
    assert split({"headers": value}, KNOWN).headers == {}


def test_what_python_cannot_go_through_is_said(monkeypatch: pytest.MonkeyPatch) -> None:
    def too_deep(_: object) -> dict[str, str]:
        raise RecursionError

    monkeypatch.setattr(module, "_headers", too_deep)
    with pytest.raises(SettingsError, match="nested too deeply"):
        split({"headers": {"X": "1"}}, KNOWN)


@given(st.text(min_size=1), st.text())
def test_names_and_passwords_of_a_proxy_are_quoted(username: str, password: str) -> None:
    auth = {"username": username, "password": password}
    url = translated(proxy={"host": "proxy.example", "port": 3128, "auth": auth})["proxy"]
    parts = urlsplit(check_proxy(url))
    assert (parts.hostname, parts.port, parts.path) == ("proxy.example", 3128, "")
    assert (unquote(parts.username or ""), unquote(parts.password or "")) == (username, password)


anything = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text(),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner, max_size=3),
    max_leaves=5,
)
proxies = st.fixed_dictionaries({}, optional=dict.fromkeys(("host", "port", "auth"), anything))


@given(st.fixed_dictionaries({}, optional=dict.fromkeys(SCHEMA, anything | proxies)))
def test_whatever_stands_there_nothing_is_raised(settings: dict[str, Any]) -> None:
    found = split(settings, KNOWN)
    assert set(found.driver) <= set(KNOWN)
    assert all(isinstance(text, str) for text in found.headers.values())
