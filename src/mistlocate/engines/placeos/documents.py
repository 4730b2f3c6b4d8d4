"""The documents of a driver as PlaceOS reads them: on the command line, and in Redis."""

from typing import Any

from mistlocate import jsontext
from mistlocate.driver.base import Driver
from mistlocate.driver.manifest import defaults, metadata
from mistlocate.engines.placeos.base_settings import SCHEMA


def defaults_document(driver_class: type[Driver[Any]]) -> dict[str, Any]:
    """What `-d` prints."""
    return defaults(driver_class, SCHEMA)


def metadata_document(driver_class: type[Driver[Any]]) -> dict[str, Any]:
    """What `-m` prints."""
    return metadata(driver_class, SCHEMA)


def interface_document(driver_class: type[Driver[Any]], notes: str | None) -> bytes:
    """What stands in Redis for every module: the metadata, and the notes of its row."""
    return jsontext.dumps({**metadata_document(driver_class), "notes": notes})
