"""What the PlaceOS rows measure is what the image has: the extra `placeos`, and nothing beside it."""

import re
import subprocess
import sys
from pathlib import Path

import pytest

from benchmarks.placeos_rig import NOT_INSTALLED

ROOT = Path(__file__).parents[2]

#: Every module that a driver process may load; prints the distributions that they come from.
LOADED = f"""
import sys; sys.modules.update(dict.fromkeys({NOT_INSTALLED!r}))
import importlib, importlib.metadata, pkgutil, mistlocate
for name in ("driver", "drivers", "engines.placeos", "location", "mist", "transport"):
    package = importlib.import_module("mistlocate." + name)
    for each in pkgutil.walk_packages(package.__path__, package.__name__ + "."):
        importlib.import_module(each.name)
there = importlib.metadata.packages_distributions()
tops = {{name.partition(".")[0] for name, module in sys.modules.items() if module is not None}}
print(*{{dist for top in tops for dist in there.get(top, ())}})
"""


def pins(lock: str) -> dict[str, str]:
    """Versions by the name of the package."""
    return dict(re.findall(r"^([a-z0-9-]+)==([^ ;]+)", (ROOT / lock).read_text(encoding="utf-8"), re.MULTILINE))


def normal(name: str) -> str:
    return re.sub(r"[-_.]+", "-", name).lower()


def test_the_lock_of_the_image_pins_what_the_whole_lock_pins() -> None:
    lean, whole = pins("requirements-placeos.lock"), pins("requirements.lock")
    assert "redis" in lean
    assert lean.items() < whole.items()


def test_the_image_installs_that_lock() -> None:
    text = (ROOT / "examples" / "placeos" / "Dockerfile").read_text(encoding="utf-8")
    assert re.findall(r"requirements[\w-]*\.lock(?= /tmp)", text) == ["requirements-placeos.lock"]


@pytest.mark.parametrize("name", NOT_INSTALLED)
def test_what_is_hidden_from_the_executable_is_not_in_the_image(name: str) -> None:
    assert name not in pins("requirements-placeos.lock")


def test_what_a_driver_process_loads_is_in_the_image() -> None:
    done = subprocess.run([sys.executable, "-c", LOADED], check=True, capture_output=True, text=True)
    loaded = {normal(each) for each in done.stdout.split()} - {"mistlocate", "setuptools"}  # a .pth loads the latter
    assert {"redis", "httpx", "websockets"} <= loaded
    assert loaded <= pins("requirements-placeos.lock").keys()
