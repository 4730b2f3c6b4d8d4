import pytest

from mistlocate.mist.clouds import (
    CLOUDS,
    Endpoints,
    choose_endpoints,
    endpoints_of_cloud,
    endpoints_of_uri,
    is_id,
    read_cloud,
    read_portal,
)

ORG, SITE = "5baa8887-c288-5d1b-95dd-a80cf044a3ab", "ea57dcee-516a-5fde-abca-aa9b6f371622"
GLOBAL_01 = "wss://api-ws.mist.com/api-ws/v1/stream"


@pytest.mark.parametrize(("name", "suffix"), CLOUDS.items())
def test_every_instance_by_name_and_by_each_of_its_hosts(name: str, suffix: str) -> None:
    for text in (
        name,
        name.lower(),
        f"https://manage.{suffix}/admin/",
        f"manage.{suffix}",
        f"api.{suffix}",
        f"api-ws.{suffix}",
    ):
        assert read_cloud(text) == suffix
    assert endpoints_of_cloud(suffix) == (f"https://api.{suffix}", f"wss://api-ws.{suffix}/api-ws/v1/stream")


def test_short_names() -> None:
    assert read_cloud("eu") == "eu.mist.com"
    assert read_cloud("EMEA01") == "eu.mist.com"
    assert read_cloud("gc4") == "gc4.mist.com"


def test_an_instance_that_is_newer_than_the_list_is_taken_by_its_host() -> None:
    assert read_cloud("https://manage.gc99.mist.com/admin") == "gc99.mist.com"


@pytest.mark.parametrize("text", ["", "Mars 01", "https://example.com", "mist", "manage.:bad"])
def test_what_is_no_instance_names_those_that_are(text: str) -> None:
    with pytest.raises(ValueError, match=r"EMEA 01|port|Port"):
        read_cloud(text)


class TestPortal:
    @pytest.mark.parametrize(
        "address",
        [
            f"https://manage.eu.mist.com/admin/?org_id={ORG}#!dashboard/insights/site/{SITE}",
            f"https://manage.eu.mist.com/admin/?org_id={ORG}#!floorplan/{SITE}",
            f"  https://manage.eu.mist.com/admin/?org_id={ORG.upper()}&site_id={SITE.upper()} ",
            f"https://api.eu.mist.com/api/v1/orgs/{ORG}/sites/{SITE}",
        ],
    )
    def test_cloud_organisation_and_site(self, address: str) -> None:
        assert read_portal(address) == ("eu.mist.com", ORG, SITE)

    def test_without_a_site(self) -> None:
        assert read_portal(f"https://manage.mist.com/admin/?org_id={ORG}") == ("mist.com", ORG, None)

    def test_several_ids_are_not_guessed_from(self) -> None:
        other = "1613931f-eeb1-5a32-ab9f-c4278fc31f43"
        with pytest.raises(ValueError, match=other):
            read_portal(f"https://manage.mist.com/admin/?org_id={ORG}#!client/{SITE}/{other}")


class TestUris:
    @pytest.mark.parametrize(
        ("uri", "rest", "stream"),
        [
            (GLOBAL_01, "https://api.mist.com", GLOBAL_01),
            ("https://api.eu.mist.com", "https://api.eu.mist.com", "wss://api-ws.eu.mist.com/api-ws/v1/stream"),
            ("api.eu.mist.com", "https://api.eu.mist.com", "wss://api-ws.eu.mist.com/api-ws/v1/stream"),
            ("http://127.0.0.1:8690", "http://127.0.0.1:8690", "ws://127.0.0.1:8690/api-ws/v1/stream"),
            ("ws://proxy.example:99/mist", "http://proxy.example:99", "ws://proxy.example:99/mist"),
            ("http://[::1]:8690", "http://[::1]:8690", "ws://[::1]:8690/api-ws/v1/stream"),
        ],
    )
    def test_one_implies_the_other(self, uri: str, rest: str, stream: str) -> None:
        assert endpoints_of_uri(uri) == Endpoints(rest, stream)

    @pytest.mark.parametrize("uri", ["", "ftp://example.com", "https://", "https://exa mple.com", "http://host:port"])
    def test_what_is_no_address(self, uri: str) -> None:
        with pytest.raises(ValueError, match=r"address|host|port|Port"):
            endpoints_of_uri(uri)


class TestChoice:
    def test_explicit_hosts_outrank_the_cloud_and_that_the_uri(self) -> None:
        eu = endpoints_of_cloud("eu.mist.com")
        assert choose_endpoints(uri=GLOBAL_01) == endpoints_of_cloud("mist.com")
        assert choose_endpoints(cloud="eu.mist.com", uri=GLOBAL_01) == eu
        assert (
            choose_endpoints(rest_host="http://127.0.0.1:1", cloud="eu.mist.com", uri=GLOBAL_01).rest
            == "http://127.0.0.1:1"
        )

    def test_one_explicit_host_implies_the_other(self) -> None:
        assert choose_endpoints(stream_host="api-ws.eu.mist.com", uri=GLOBAL_01) == endpoints_of_cloud("eu.mist.com")

    def test_both_explicit_hosts(self) -> None:
        found = choose_endpoints(rest_host="http://a.example", stream_host="ws://b.example/s", uri=GLOBAL_01)
        assert found == ("http://a.example", "ws://b.example/s")

    @pytest.mark.parametrize(
        "hosts",
        [
            {"rest_host": "api.eu.mist.com", "cloud": "gc1.mist.com"},
            {"stream_host": "api-ws.eu.mist.com", "cloud": "mist.com"},
            {"rest_host": "api.eu.mist.com", "stream_host": "api-ws.mist.com"},
            {"rest_host": "api.eu.mist.com", "stream_host": "relay.example.com", "cloud": "mist.com"},
        ],
    )
    def test_two_clouds_are_an_error_with_a_name(self, hosts: dict[str, str]) -> None:
        with pytest.raises(ValueError, match="two clouds"):
            choose_endpoints(uri=GLOBAL_01, **hosts)

    def test_one_cloud_said_twice_is_none(self) -> None:
        assert choose_endpoints(rest_host="api.eu.mist.com", cloud="eu.mist.com", uri=GLOBAL_01) == endpoints_of_cloud(
            "eu.mist.com"
        )


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        (SITE, True),
        ("site_id", True),
        ("a" * 64, True),
        ("a" * 65, False),
        ("", False),
        ("a/b", False),
        ("..", False),
        ("ä", False),
    ],
)
def test_ids(text: str, expected: bool) -> None:
    assert is_id(text) is expected
