"""What survives: an engine that is killed, and one that is restarted, as processes."""

import os
import signal
from collections.abc import Iterator
from pathlib import Path

import httpx
import pytest

from support.processes import command


@pytest.fixture
def cloud() -> Iterator[dict[str, str]]:
    with command("simulate", "--port", "0", "--clients", "12", "--maps", "2") as process:
        process.wait_for("truth")
        yield {
            "url": process.wait_for(r"answers at (\S+)").group(1),
            "site": process.wait_for(r"site_id\s+(\S+)").group(1),
            "token": process.wait_for(r"api_token\s+(\S+)").group(1),
        }


def ask(url: str, module: str, name: str, *args: object) -> object:
    answer = httpx.post(f"{url}/api/engine/v2/systems/sys-location/{module}/{name}", json=list(args), trust_env=False)
    assert answer.status_code == 200, answer.text
    return answer.json()


def control(cloud: dict[str, str], action: str, **body: object) -> None:
    answer = httpx.post(f"{cloud['url']}/simulator/{action}", json=body, trust_env=False)
    assert answer.status_code == 200, answer.text


@pytest.mark.parametrize("how", [signal.SIGKILL, signal.SIGTERM])
def test_owners_and_pins_survive_the_end_of_the_engine(
    cloud: dict[str, str], tmp_path: Path, how: signal.Signals
) -> None:
    settings = tmp_path / "settings.yaml"
    with command(
        "init", "--portal", cloud["url"], "--site", cloud["site"], "--token", cloud["token"], "-o", str(settings)
    ) as made:
        assert made.popen.wait(30) == 0, made.output
    with command("serve", str(settings), MISTLOCATE_LISTEN="127.0.0.1:0") as engine:
        url = engine.wait_for(r"answers at (http://\S+)").group(1)
        engine.wait_for("state=live")
        macs = ask(url, "MistLocations_1", "macs_assigned_to", "alice@example.com")
        assert isinstance(macs, list)
        assert macs
        assert ask(url, "MistLocations_1", "mac_address_mappings", "zoe", ["00005e0053aa"], "example.com")
        # A pin is written before it is answered, and whatever was learned until then with it.
        os.kill(engine.popen.pid, how)
        engine.popen.wait(15)
    control(cloud, "faults/rest", path="/stats/", status=503)  # the cloud cannot tell anybody's name any more
    with command("serve", str(settings), MISTLOCATE_LISTEN="127.0.0.1:0") as engine:
        url = engine.wait_for(r"answers at (http://\S+)").group(1)
        assert ask(url, "MistLocations_1", "macs_assigned_to", "zoe@example.com") == ["00005e0053aa"]
        known = ask(url, "MistLocations_1", "macs_assigned_to", "alice@example.com")
        assert isinstance(known, list)
        assert sorted(known) == sorted(macs)
        assert engine.end() == 0
        assert "Traceback" not in engine.output
