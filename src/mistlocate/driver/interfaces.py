"""Interfaces: sets of commands that other software looks for by name."""

from typing import Any, ClassVar, Protocol


class Locatable(Protocol):
    """Answers where people and devices are; PlaceOS' LocationServices asks every module that implements it.

    Names, order and optionality are fixed by that software (`placeos-driver/interface/locatable.cr`), and so is that
    lists are never null. All of these are commands of level user.
    """

    INTERFACE: ClassVar[str] = "PlaceOS::Driver::Interface::Locatable"

    async def locate_user(self, email: str | None = None, username: str | None = None) -> list[dict[str, Any]]:
        """Where somebody's devices are: a list of location records, the newest first."""

    async def macs_assigned_to(self, email: str | None = None, username: str | None = None) -> list[str]:
        """Somebody's MACs, 12 lower-case hex digits each."""

    async def check_ownership_of(self, mac_address: str) -> dict[str, Any] | None:
        """`{location, assigned_to, mac_address}` of a device whose owner is known, else None."""

    async def device_locations(self, zone_id: str, location: str | None = None) -> list[dict[str, Any]]:
        """Every device in a zone as a location record; only those of kind `location` if one is named."""
