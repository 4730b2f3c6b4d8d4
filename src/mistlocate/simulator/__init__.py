"""A Juniper Mist cloud to develop and demonstrate against: a campus with people in it, behind the cloud's own API.

It shares nothing with the rest of the house, so that a mistake made there is not made here too. Importing this package
is cheap; the server and what it needs load with the first use of a name.
"""

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from mistlocate.simulator.campus import Campus
    from mistlocate.simulator.clock import SimClock
    from mistlocate.simulator.server import CannotListen, SimulatedCloud, SimulatorError, run
    from mistlocate.simulator.world import Truth, World

_HOMES = {
    "Campus": "campus",
    "CannotListen": "server",
    "SimClock": "clock",
    "SimulatedCloud": "server",
    "SimulatorError": "server",
    "Truth": "world",
    "World": "world",
    "run": "server",
}

__all__ = ["Campus", "CannotListen", "SimClock", "SimulatedCloud", "SimulatorError", "Truth", "World", "run"]


def __getattr__(name: str) -> Any:
    home = _HOMES.get(name)
    if home is None:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(import_module(f"{__name__}.{home}"), name)
