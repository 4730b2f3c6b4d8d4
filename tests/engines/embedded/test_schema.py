from typing import Any

from mistlocate.driver.base import Driver
from mistlocate.engines.embedded.drivers import DRIVERS
from mistlocate.engines.embedded.schema import settings_schema


def properties(schema: dict[str, Any], name: str) -> set[str]:
    return set(schema["$defs"][name]["properties"])


def test_it_knows_the_settings_of_every_driver() -> None:
    schema = settings_schema()
    for driver in DRIVERS.values():
        assert set(driver.Settings.model_fields) <= properties(schema, driver.Settings.__name__)


def test_every_reference_leads_somewhere() -> None:
    schema = settings_schema()

    def check(value: Any) -> None:
        if isinstance(value, dict):
            if isinstance(value.get("$ref"), str):
                assert value["$ref"].removeprefix("#/$defs/") in schema["$defs"]
            for each in value.values():
                check(each)
        elif isinstance(value, list):
            for each in value:
                check(each)

    check(schema)


def test_modules_are_told_apart_by_their_driver() -> None:
    kinds = settings_schema()["$defs"]["ModuleConfig"]["oneOf"]
    assert [kind["properties"]["driver"]["const"] for kind in kinds] == list(DRIVERS)


def test_drivers_are_known_by_their_generic_names() -> None:
    for name, driver in DRIVERS.items():
        assert issubclass(driver, Driver)
        assert driver.generic_name == name
        assert driver.description
        assert driver.descriptive_name
