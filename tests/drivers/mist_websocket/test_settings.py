from pathlib import Path
from typing import Any

import pytest

from mistlocate.driver.base import parse_settings
from mistlocate.drivers.mist_websocket.driver import MistWebsocket
from mistlocate.drivers.mist_websocket.settings import URI_BASE, MistWebsocketSettings
from mistlocate.errors import SettingsError
from mistlocate.mist.clouds import endpoints_of_cloud

SITE = "ea57dcee-516a-5fde-abca-aa9b6f371622"
PORTAL = f"https://manage.eu.mist.com/admin/?org_id=5baa8887-c288-5d1b-95dd-a80cf044a3ab#!site/{SITE}"


def made(**settings: Any) -> MistWebsocketSettings:
    raw = {"api_token": "sesame", "site_id": SITE, **settings}
    return parse_settings(MistWebsocket, raw, unknown_is_error=True).settings  # type: ignore[return-value]


def problem(**settings: Any) -> str:
    with pytest.raises(SettingsError) as raised:
        made(**settings)
    return str(raised.value)


def test_defaults() -> None:
    settings = made()
    assert settings.ignore_usernames == ["host/"]
    assert settings.client_fields == "needed"
    assert settings.publish_interval == 3.0
    assert settings.rest_budget == 5000
    assert settings.verify_tls
    assert settings.endpoints(None) == endpoints_of_cloud("mist.com")


def test_what_a_new_module_starts_from_is_valid_and_has_placeholders() -> None:
    settings = parse_settings(MistWebsocket, MistWebsocket.default_settings, unknown_is_error=True).settings
    assert settings.site == "site_id"
    assert settings.client_fields == "all"
    assert dict(MistWebsocket.placeholders) == {"api_token": "token", "site_id": "site_id"}


def test_the_portals_address_names_site_and_cloud() -> None:
    settings = made(site_id=PORTAL)
    assert settings.site == SITE
    assert settings.endpoints(None) == endpoints_of_cloud("eu.mist.com")


def test_the_order_of_hosts() -> None:
    uri = "wss://api-ws.gc1.mist.com/api-ws/v1/stream"
    assert made().endpoints(uri) == endpoints_of_cloud("gc1.mist.com")
    assert made(cloud="EMEA 01").endpoints(uri) == endpoints_of_cloud("eu.mist.com")
    assert made(rest_host="http://127.0.0.1:1").endpoints(uri).rest == "http://127.0.0.1:1"


@pytest.mark.parametrize(
    "settings",
    [
        {"site_id": PORTAL, "cloud": "Global 01"},
        {"rest_host": "api.eu.mist.com", "cloud": "Global 01"},
        {"rest_host": "api.eu.mist.com", "stream_host": "api-ws.mist.com"},
    ],
)
def test_two_clouds_that_differ(settings: dict[str, str]) -> None:
    assert "two clouds" in problem(**settings)


@pytest.mark.parametrize(
    ("settings", "text"),
    [
        ({"site_id": "a/b"}, "site_id: expected the id of a site"),
        ({"site_id": "https://manage.mist.com/admin/"}, "names no site"),
        ({"cloud": "Mars"}, "no cloud instance"),
        ({"rest_host": "ftp://x"}, "not an address"),
        ({"api_token": "two words"}, "not a token"),
        ({"api_token": "Token abc"}, "not a token"),
        ({"api_token": "line\nbreak"}, "not a token"),
        ({"api_token": None}, "either api_token or api_token_file"),
        ({"api_token_file": "x"}, "either api_token or api_token_file"),
        ({"publish_interval": 0}, "publish_interval"),
        ({"client_fields": "some"}, "'needed' or 'all'"),
        ({"rest_budget": "many"}, "rest_budget"),
    ],
)
def test_what_is_wrong_is_said_with_what_was_expected(settings: dict[str, Any], text: str) -> None:
    assert text in problem(**settings)


def test_no_problem_tells_the_token() -> None:
    assert "very secret" not in problem(api_token="very secret")
    assert "sesame" not in repr(made())


class TestTokenFiles:
    def test_the_word_in_the_file(self, tmp_path: Path) -> None:
        (tmp_path / "token").write_text("  sesame-2\n")
        settings = made(api_token=None, api_token_file=tmp_path / "token")
        assert settings.read_token() == "sesame-2"

    @pytest.mark.parametrize("content", [b"", b"two words", b"\xff\xfe"])
    def test_what_is_no_token(self, tmp_path: Path, content: bytes) -> None:
        (tmp_path / "token").write_bytes(content)
        with pytest.raises(SettingsError, match="api_token_file"):
            made(api_token=None, api_token_file=tmp_path / "token").read_token()

    def test_a_missing_file(self, tmp_path: Path) -> None:
        with pytest.raises(SettingsError, match="No such file"):
            made(api_token=None, api_token_file=tmp_path / "token").read_token()


def test_transport_options_are_handed_on() -> None:
    options = made(proxy="http://p:1", verify_tls=False, ca_file="x.pem", connect_timeout=5, read_timeout=6).transport()
    assert (options.proxy, options.verify, options.ca_file, options.connect_timeout, options.read_timeout) == (
        "http://p:1", False, "x.pem", 5, 6,
    )  # fmt: skip


def test_the_default_uri_is_the_drivers() -> None:
    assert MistWebsocket.uri_base == URI_BASE
