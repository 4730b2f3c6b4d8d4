"""The example for PlaceOS as it stands: names of the files, one process with the name of its file, rows and settings."""

import json
import os
import platform
import subprocess
import sys
from pathlib import Path

import pytest
import yaml

from mistlocate.driver.base import parse_settings
from mistlocate.drivers.mist_locations.driver import MistLocations
from mistlocate.drivers.mist_websocket.driver import MistWebsocket
from support.placeos_core import Core
from support.redis_server import redis_server

EXAMPLE = Path(__file__).parents[3] / "examples" / "placeos"
ARCH = {"x86_64": "amd64", "aarch64": "arm64"}[platform.machine()]

#: The interpreter behind the virtual environment, as an image has it, and where the packages are.
PYTHON = {
    "MISTLOCATE_PYTHON": f"{sys.base_prefix}/bin/python3",
    "MISTLOCATE_PYTHONHOME": sys.base_prefix,
    "PYTHONPATH": os.pathsep.join(path for path in sys.path if path),
}


def installed(folder: Path, **variables: str) -> list[Path]:
    """The files that the entry point puts into the folder of drivers."""
    script = (EXAMPLE / "entrypoint").read_text().replace("/opt/mistlocate", str(EXAMPLE))
    environment = {**os.environ, "PLACEOS_DRIVER_BINARIES": str(folder), **variables}
    done = subprocess.run(
        ["bash", "-c", script, "entrypoint", "echo", "core"],
        env=environment, capture_output=True, text=True, check=True,
    )  # fmt: skip
    assert done.stdout == "core\n"
    return sorted(folder.iterdir())


def test_the_files_have_the_names_that_core_looks_for(tmp_path: Path) -> None:
    assert installed(tmp_path) == []
    files = installed(
        tmp_path, MIST_WEBSOCKET_COMMIT="1A2B3C4D5E6F"[:7].lower() + "d5e6f", MIST_LOCATIONS_COMMIT="abcdef0"
    )
    assert [file.name for file in files] == [
        f"drivers_juniper_mist_location_service_abcdef0_{ARCH}",
        f"drivers_juniper_mist_websocket_1a2b3c4_{ARCH}",
    ]
    assert all(os.access(file, os.X_OK) for file in files)


@pytest.mark.parametrize(("number", "name"), [(0, "MistLocations"), (1, "MistWebsocket")])
def test_they_pass_cores_probe_and_describe_themselves(tmp_path: Path, number: int, name: str) -> None:
    file = installed(tmp_path, MIST_WEBSOCKET_COMMIT="1a2b3c4", MIST_LOCATIONS_COMMIT="1a2b3c4")[number]
    environment = {**os.environ, **PYTHON}
    subprocess.run([file, "-h"], env=environment, stdin=subprocess.DEVNULL, capture_output=True, check=True)
    told = subprocess.run([file, "-d"], env=environment, capture_output=True, text=True, check=True)
    assert json.loads(told.stdout)["generic_name"] == name


def test_a_file_of_another_name_says_so(tmp_path: Path) -> None:
    other = tmp_path / "drivers_other_1a2b3c4_amd64"
    other.write_bytes((EXAMPLE / "launcher").read_bytes())
    other.chmod(0o755)
    done = subprocess.run([other, "-h"], capture_output=True, text=True, check=False)
    assert done.returncode == 1
    assert "not named after a driver" in done.stderr


@pytest.mark.needs("redis-server")
async def test_the_process_keeps_the_name_of_its_file(tmp_path: Path) -> None:
    files = installed(tmp_path, MIST_WEBSOCKET_COMMIT="1a2b3c4", MIST_LOCATIONS_COMMIT="1a2b3c4")
    async with redis_server(tmp_path) as redis, Core(redis.url) as core:
        process = await core.launch(str(files[0]), **PYTHON)
        assert await process.info() == []
        arguments = Path(f"/proc/{process.pid}/cmdline").read_bytes().split(b"\0")
        assert Path(arguments[0].decode()).name == files[0].name
        assert await process.terminate() == 0


def test_the_rows_are_those_of_the_drivers() -> None:
    rows = json.loads((EXAMPLE / "rows.json").read_text())
    websocket, locations = rows["drivers"]
    assert (websocket["module_name"], websocket["role"]) == (MistWebsocket.generic_name, 3)
    assert websocket["default_uri"] == MistWebsocket.uri_base
    assert (locations["module_name"], locations["role"]) == (MistLocations.generic_name, 99)


@pytest.mark.parametrize(("file", "driver"), [("mist-websocket", MistWebsocket), ("mist-locations", MistLocations)])
def test_the_settings_are_valid(file: str, driver: type[MistWebsocket | MistLocations]) -> None:
    raw = yaml.safe_load((EXAMPLE / f"{file}.settings.yaml").read_text())
    parse_settings(driver, raw, unknown_is_error=True)
