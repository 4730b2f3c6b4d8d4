"""The ways out that core's model of a module allows: its role says which, whatever the driver declares.

A harness of PlaceOS runs every driver with role 1: the stream's texts then go over a bare TCP connection, without a
handshake, and REST goes to the model's `uri`.
"""

from collections.abc import Callable, Mapping
from contextlib import AbstractAsyncContextManager

from mistlocate.driver.context import ConnectOptions, Http, Link
from mistlocate.engines.placeos.messages import ROLE_TCP, Model
from mistlocate.engines.transports import transport_options
from mistlocate.transport.http import HttpTransport
from mistlocate.transport.tcp import open_tcp
from mistlocate.transport.websocket import open_websocket


class ModelLinks:
    """The ways out of one module (`driver.context.Links`). `headers` are those of its settings, as they are now."""

    def __init__(self, model: Model, headers: Callable[[], Mapping[str, str]]) -> None:
        self.uri = model.uri
        self._model = model
        self._headers = headers

    def open_stream(
        self, url: str, headers: Mapping[str, str], options: ConnectOptions
    ) -> AbstractAsyncContextManager[Link]:
        """A WebSocket; the module's own headers outrank the driver's. With role 1 a TCP connection instead."""
        if self._model.role == ROLE_TCP:
            return self.open_tcp(options)
        own = self._headers()
        outranked = {name.lower() for name in own}
        others = {name: text for name, text in headers.items() if name.lower() not in outranked}
        return open_websocket(url, {**others, **own}, transport_options(options))

    def open_tcp(self, options: ConnectOptions) -> AbstractAsyncContextManager[Link]:
        """The TCP connection of the model."""
        model = self._model
        return open_tcp(model.ip or "", model.port or 0, transport_options(options), secure=model.tls)

    def http(self, options: ConnectOptions) -> Http:
        """A pool of HTTP connections."""
        return HttpTransport(transport_options(options))
