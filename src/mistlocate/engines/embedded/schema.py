"""The JSON Schema of the settings file, with the settings of every driver in it: what an editor checks against."""

from typing import Any

from mistlocate.engines.embedded.config import EngineConfig
from mistlocate.engines.embedded.drivers import DRIVERS


def settings_schema() -> dict[str, Any]:
    """The whole schema (JSON Schema 2020-12)."""
    schema = EngineConfig.model_json_schema()
    definitions = schema["$defs"]
    plain = definitions.pop("ModuleConfig")
    kinds = []
    for name, driver in DRIVERS.items():
        settings = driver.Settings.model_json_schema()
        definitions.update(settings.pop("$defs", {}))
        settings["additionalProperties"] = False
        definitions[driver.Settings.__name__] = settings
        properties = {
            **plain["properties"],
            "driver": {"const": name, "description": driver.description},
            "settings": {"$ref": f"#/$defs/{driver.Settings.__name__}"},
        }
        kinds.append({**plain, "title": name, "properties": properties})
    definitions["ModuleConfig"] = {"oneOf": kinds}
    return {"$schema": "https://json-schema.org/draft/2020-12/schema", **schema}
