"""What a driver says about connections arrives at the transports."""

from mistlocate.drivers.mist_websocket.settings import MistWebsocketSettings
from mistlocate.engines.transports import transport_options
from mistlocate.transport.options import TransportOptions


class Options:
    """What a driver asks for, each value another than the default."""

    proxy = "http://proxy:3128"
    verify = False
    ca_file = "/etc/ca.pem"
    ca_certificates = "-----BEGIN"
    connect_timeout = 3.0
    read_timeout = 4.0


def test_every_option_arrives() -> None:
    assert transport_options(Options()) == TransportOptions(
        proxy="http://proxy:3128",
        verify=False,
        ca_file="/etc/ca.pem",
        ca_certificates="-----BEGIN",
        connect_timeout=3.0,
        read_timeout=4.0,
    )


def test_the_defaults_of_the_driver_are_those_of_the_transports() -> None:
    settings = MistWebsocketSettings.model_validate({"api_token": "t", "site_id": "s"})
    found = TransportOptions(
        settings.proxy, settings.verify_tls, settings.ca_file, settings.ca_certificates,
        settings.connect_timeout, settings.read_timeout,
    )  # fmt: skip
    assert found == TransportOptions()
