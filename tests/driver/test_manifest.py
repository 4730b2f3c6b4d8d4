"""The documents of a driver, as the software that reads them counts on them."""

import json
from typing import Any

import pytest

from mistlocate.driver.manifest import defaults, metadata, settings_schema, type_text
from mistlocate.drivers.mist_locations.driver import MistLocations
from mistlocate.drivers.mist_websocket.driver import MistWebsocket
from support.drivers import Probe


class TestDefaults:
    def test_what_a_new_module_starts_with(self) -> None:
        found = defaults(MistWebsocket)
        assert list(found) == [
            "descriptive_name", "generic_name", "description", "uri_base", "default_settings", "json_schema",
        ]  # fmt: skip
        assert found["descriptive_name"] == "Juniper Mist Websocket"
        assert found["uri_base"] == "wss://api-ws.mist.com/api-ws/v1/stream"
        assert json.loads(found["default_settings"]) == {
            "api_token": "token",
            "site_id": "site_id",
            "ignore_usernames": ["host/"],
            "client_fields": "all",
        }

    def test_a_driver_without_a_device_has_no_address(self) -> None:
        found = defaults(MistLocations)
        assert "uri_base" not in found
        assert json.loads(found["default_settings"])["max_location_age"] == 6

    def test_the_default_settings_are_settings(self) -> None:
        for driver in (MistWebsocket, MistLocations):
            driver.Settings.model_validate(json.loads(defaults(driver)["default_settings"]))


class TestMetadata:
    def test_arguments_keep_their_order_and_every_optional_one_has_its_default(self) -> None:
        interface = metadata(MistLocations)["interface"]
        assert interface["locate_user"] == {
            "email": {"anyOf": [{"type": "string"}, {"type": "null"}], "title": "String|Nil", "default": None},
            "username": {"anyOf": [{"type": "string"}, {"type": "null"}], "title": "String|Nil", "default": None},
        }
        assert list(interface["device_locations"]) == ["zone_id", "location"]
        assert interface["device_locations"]["zone_id"] == {"type": "string", "title": "String"}
        assert list(interface["mac_address_mappings"]) == ["username", "macs", "domain"]
        assert "default" not in interface["mac_address_mappings"]["macs"]
        assert metadata(MistWebsocket)["interface"]["diagnostics"] == {}

    def test_the_older_form_says_the_same(self) -> None:
        functions = metadata(MistLocations)["functions"]
        assert functions["device_locations"] == {"zone_id": ["String"], "location": ["String|Nil", None]}
        assert functions["unmapped_maps"] == {}

    def test_numbers_tell_their_size(self) -> None:
        assert metadata(Probe)["interface"]["echo"]["count"] == {
            "type": "integer",
            "title": "Int64",
            "format": "Int64",
            "default": 1,
        }

    def test_it_is_found_by_either_spelling_of_its_interface(self) -> None:
        assert metadata(MistLocations)["implements"] == [
            "PlaceOS::Driver::Interface::Locatable",
            "Interface::Locatable",
        ]
        assert metadata(MistWebsocket)["implements"] == []

    def test_what_it_needs_and_who_may_do_what(self) -> None:
        found = metadata(MistLocations)
        assert found["requirements"] == {"MistWebsocket_1": []}
        assert found["security"] == {
            "support": ["search", "explain", "diagnostics"],
            "administrator": [
                "mac_address_mappings",
                "ip_username_mappings",
                "opt_out",
                "opt_in",
                "export_user",
                "erase_user",
                "audit",
            ],
        }
        assert found["versions"] == {"driver": "8.1.3"}
        assert metadata(Probe)["security"] == {
            "support": ["for_support"],
            "administrator": ["for_administrators"],
        }

    @pytest.mark.parametrize("driver", [MistWebsocket, MistLocations])
    def test_it_is_json(self, driver: Any) -> None:
        assert json.loads(json.dumps(metadata(driver))) == metadata(driver)


class TestSettings:
    def test_there_are_no_references(self) -> None:
        schema = settings_schema(MistLocations)
        assert "$ref" not in json.dumps(schema)
        mapping = schema["properties"]["floorplan_mappings"]["additionalProperties"]
        assert mapping["properties"]["align"]["anyOf"][0]["prefixItems"][0]["properties"]["pixel"]["maxItems"] == 2

    def test_only_what_the_driver_cannot_do_without_is_required(self) -> None:
        assert settings_schema(MistWebsocket)["required"] == ["site_id"]
        assert settings_schema(MistLocations)["required"] == []

    def test_the_engines_own_settings_come_last_and_hide_none(self) -> None:
        schema = settings_schema(MistWebsocket, {"headers": {"type": "object"}, "proxy": {"type": "object"}})
        assert list(schema["properties"])[-1] == "headers"
        assert schema["properties"]["proxy"] != {"type": "object"}
        assert schema["required"] == ["site_id"]


@pytest.mark.parametrize(
    ("schema", "text"),
    [
        ({"type": "array", "items": {"type": "string"}}, "Array(String)"),
        ({"type": "array"}, "Array(JSON::Any)"),
        ({"type": "number"}, "Float64"),
        ({"type": "boolean"}, "Bool"),
        ({"type": "object"}, "JSON::Any"),
        ({}, "JSON::Any"),
    ],
)
def test_types(schema: dict[str, Any], text: str) -> None:
    assert type_text(schema) == text
