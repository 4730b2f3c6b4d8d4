import pytest

from mistlocate.engines.embedded.settings import Environment, is_address, split_address


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("127.0.0.1:80", ("127.0.0.1", 80)),
        ("[::1]:80", ("::1", 80)),
        (":80", ("127.0.0.1", 80)),
        ("80", ("127.0.0.1", 80)),
        ("host.example:0", ("host.example", 0)),
    ],
)
def test_splitting_addresses(text: str, expected: tuple[str, int]) -> None:
    assert split_address(text) == expected


@pytest.mark.parametrize("text", ["127.0.0.1:\u00b2", "a..b:80", "a b:80", "h:" + "9" * 5000, "h:-1"])
def test_what_is_no_address_to_listen_on(text: str) -> None:
    with pytest.raises(ValueError, match="HOST:PORT"):
        split_address(text)


@pytest.mark.parametrize(
    ("text", "good"),
    [
        ("wss://api-ws.mist.com/api-ws/v1/stream", True),
        ("127.0.0.1:18610", True),
        ("http://127.0.0.1:99999", False),
        ("http://", False),
        ("http://[::1", False),
        ("http://h:port", False),
    ],
)
def test_addresses_of_clouds(text: str, good: bool) -> None:
    assert is_address(text) is good


def test_only_the_documented_variables_are_read(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("LISTEN", "STORE", "LOG_LEVEL", "LOG_FORMAT", "ZONES", "API_KEYS"):
        monkeypatch.setenv(f"MISTLOCATE_{name}", "x")
    assert Environment().model_dump() == {"listen": "x", "store": "x", "log_level": "x", "log_format": "x"}
