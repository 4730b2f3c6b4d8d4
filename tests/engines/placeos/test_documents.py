"""What a driver says of itself, as PlaceOS reads it."""

import json
from typing import Any

import pytest

from mistlocate.driver.base import Driver
from mistlocate.drivers.mist_locations.driver import MistLocations
from mistlocate.drivers.mist_websocket.driver import MistWebsocket
from mistlocate.engines.placeos.base_settings import SCHEMA
from mistlocate.engines.placeos.documents import defaults_document, interface_document, metadata_document
from support.drivers import Probe

PAIR = [MistWebsocket, MistLocations]


@pytest.mark.parametrize("driver", PAIR)
def test_defaults_hold_the_settings_as_text_and_their_schema(driver: type[Driver[Any]]) -> None:
    document = defaults_document(driver)
    assert document["generic_name"] == driver.generic_name
    assert json.loads(document["default_settings"]) == driver.default_settings
    assert document["json_schema"]["type"] == "object"


def test_only_a_driver_with_a_device_has_a_uri() -> None:
    assert defaults_document(MistWebsocket)["uri_base"] == "wss://api-ws.mist.com/api-ws/v1/stream"
    assert "uri_base" not in defaults_document(MistLocations)


@pytest.mark.parametrize("driver", PAIR)
def test_settings_of_placeos_are_in_the_schema_and_never_required(driver: type[Driver[Any]]) -> None:
    schema = metadata_document(driver)["json_schema"]
    assert set(SCHEMA) <= set(schema["properties"])
    assert not (set(SCHEMA) - set(driver.Settings.model_fields)) & set(schema["required"])
    assert schema == defaults_document(driver)["json_schema"]


def test_every_optional_argument_has_a_default_be_it_null() -> None:
    arguments = metadata_document(Probe)["interface"]["echo"]
    assert list(arguments) == ["text", "count", "more"]
    assert "default" not in arguments["text"]
    assert (arguments["count"]["default"], arguments["more"]["default"]) == (1, None)


def test_the_interface_carries_the_notes() -> None:
    assert json.loads(interface_document(Probe, "Second floor")) == {
        **metadata_document(Probe),
        "notes": "Second floor",
    }
    assert json.loads(interface_document(Probe, None))["notes"] is None
