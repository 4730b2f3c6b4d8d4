"""A client of the embedded engine's API."""

from mistlocate.client.engine_client import EngineClient

__all__ = ["EngineClient"]
