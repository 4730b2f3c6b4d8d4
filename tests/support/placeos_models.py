"""Rows of PlaceOS' database as core sends them to drivers: more members than a driver needs, and nulls among them."""

from collections.abc import Mapping
from typing import Any

Model = dict[str, Any]

#: Roles of a module: what transport it gets.
SSH, DEVICE, SERVICE, WEBSOCKET, LOGIC = 0, 1, 2, 3, 99


def module_row(
    *,
    role: int,
    uri: str = "",
    settings: Mapping[str, Any] | None = None,
    system: Model | None = None,
    ip: str = "",
    port: int = 0,
    **changes: Any,
) -> Model:
    """What `start` says of a module: its row, its settings, and for a logic module its system."""
    return {
        "created_at": 1_700_000_000,
        "updated_at": 1_700_000_600,
        "ip": ip,
        "port": port,
        "tls": False,
        "udp": False,
        "makebreak": False,
        "uri": uri,
        "name": "Module",
        "custom_name": None,
        "notes": "",
        "role": role,
        "connected": True,
        "running": True,
        "ignore_connected": False,
        "ignore_startstop": False,
        "launch_on_execute": False,
        "has_runtime_error": False,
        "error_timestamp": None,
        "driver_id": "driver-invented",
        "control_system_id": system["id"] if system else None,
        "edge_id": None,
        "control_system": system,
        "settings": dict(settings or {}),
        **changes,
    }


def control_system(system_id: str, **changes: Any) -> Model:
    """A control system."""
    return {
        "id": system_id,
        "created_at": 1_700_000_000,
        "updated_at": 1_700_000_600,
        "name": f"System {system_id}",
        "description": "",
        "features": ["locations"],
        "email": None,
        "bookable": False,
        "public": False,
        "display_name": None,
        "code": None,
        "type": None,
        "capacity": 0,
        "map_id": None,
        "approval": False,
        "images": [],
        "timezone": None,
        "support_url": None,
        "version": 3,
        "installed_ui_devices": 0,
        "zones": ["zone-org", "zone-building"],
        "modules": [],
        "security_groups": None,
        **changes,
    }
