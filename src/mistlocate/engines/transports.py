"""What a driver says about connections, for the transports."""

from mistlocate.driver.context import ConnectOptions
from mistlocate.transport.options import TransportOptions


def transport_options(options: ConnectOptions) -> TransportOptions:
    """Options for the transports."""
    return TransportOptions(
        options.proxy,
        options.verify,
        options.ca_file,
        options.ca_certificates,
        options.connect_timeout,
        options.read_timeout,
    )
