"""The drivers that this engine knows, by their generic names."""

from typing import Any

from mistlocate.driver.base import Driver
from mistlocate.drivers.mist_locations.driver import MistLocations
from mistlocate.drivers.mist_websocket.driver import MistWebsocket

DRIVERS: dict[str, type[Driver[Any]]] = {each.generic_name: each for each in (MistWebsocket, MistLocations)}
