"""The Redis of a deployment: a cluster, behind a password, behind TLS."""

from pathlib import Path

import pytest
import trustme

from mistlocate.simulator import SimulatedCloud
from support.placeos_core import Core
from support.placeos_models import control_system
from support.placeos_site import (
    LOCATIONS,
    LOCATIONS_DRIVER,
    MIST,
    SYSTEM,
    PlaceosSite,
    locations_model,
    placeos_site,
)
from support.redis_server import redis_cluster, redis_server
from support.waiting import until

pytestmark = pytest.mark.needs("redis-server")

PERSON = "alice@example.com"


async def works(site: PlaceosSite) -> None:
    """The way from the stream over both processes and Redis, and back; and what is kept."""
    await site.complete()
    (truth,) = [each for each in site.cloud.world.truths() if each.username == PERSON]
    there = next(map_id for map_id in site.maps if map_id != truth.reported_map_id)
    site.cloud.stage.place(truth.mac, there, 30.0, 40.0)

    async def moved() -> bool:
        return there in {each["mist_map_id"] for each in await site.ask("locate_user", PERSON)}

    await until(moved)
    await site.mist("mac_address_mappings", "zoe", ["00005e0053aa"])
    assert await site.core.redis.execute_command("HGET", f"user_macs/{MIST}", "00005e0053aa") == "zoe"
    site.cloud.stage.rename_map(there, "Renamed")
    await site.mist("sync_clients")

    async def heard() -> bool:
        """A status reached the other process by subscription."""
        await site.locations.update(LOCATIONS, locations_model(site.core, site.cloud, {"floorplan_mappings": {}}))
        return "Renamed" in {each["name"] for each in await site.ask("unmapped_maps")}

    await until(heard)
    for process in (site.websocket, site.locations):
        assert process.errors == []
        assert await process.terminate() == 0


async def test_the_pair_runs_on_a_cluster(tmp_path: Path) -> None:
    async with redis_cluster(tmp_path) as cluster, placeos_site(tmp_path, redis_url=cluster.url) as site:
        await works(site)
        used = [await node.client().dbsize() for node in cluster.nodes]
        assert sum(1 for keys in used if keys) > 1, "all keys are on one node: this shows nothing"


async def test_the_password_stands_in_the_place_of_the_user(tmp_path: Path) -> None:
    protected = redis_server(tmp_path, password="s3cr3t-word")
    async with protected as server, placeos_site(tmp_path, redis=server) as site:
        await works(site)
        assert "s3cr3t-word" not in site.websocket.output + site.locations.output


async def test_a_redis_with_tls_is_used_if_it_can_be_trusted_and_only_then(
    tmp_path: Path, cloud: SimulatedCloud
) -> None:
    ca, stranger = trustme.CA(), trustme.CA()
    ca.cert_pem.write_to_path(tmp_path / "trusted.pem")
    stranger.cert_pem.write_to_path(tmp_path / "stranger.pem")
    async with redis_server(tmp_path, tls=ca) as server, Core(server.url) as core:
        core.systems[SYSTEM] = control_system(SYSTEM)
        cases = {
            "mod-system-trust": "",
            "mod-stranger": f"?ssl_ca_certs={tmp_path / 'stranger.pem'}",
            "mod-trusted": f"?ssl_ca_certs={tmp_path / 'trusted.pem'}",
            "mod-unverified": "?ssl_cert_reqs=none",
        }
        for module_id, query in cases.items():
            process = await core.launch(LOCATIONS_DRIVER, REDIS_URL=server.url + query)
            await process.start(module_id, locations_model(core, cloud))
            assert await process.exec(module_id, "format_mac", "0A") == "0a"
            answer = await process.exec_raw(module_id, "check_ownership_of", "00005e0053aa")
            reaches = module_id in ("mod-trusted", "mod-unverified")
            assert answer["error"] == ("NoSuchModule" if reaches else "ModuleUnavailable")
            assert bool(await core.redis.execute_command("EXISTS", f"interface/{module_id}")) is reaches


@pytest.mark.parametrize("url", ["nonsense://127.0.0.1", "redis://127.0.0.1:port", "redis://127.0.0.1:0"])
async def test_an_address_of_redis_that_is_none_is_told_and_no_reason_to_end(
    tmp_path: Path, cloud: SimulatedCloud, url: str
) -> None:
    async with redis_server(tmp_path) as server, Core(server.url) as core:
        core.systems[SYSTEM] = control_system(SYSTEM)
        process = await core.launch(LOCATIONS_DRIVER, REDIS_URL=url)
        await process.start(LOCATIONS, locations_model(core, cloud))
        assert await process.exec(LOCATIONS, "format_mac", "0A") == "0a"
        assert process.errors == []
        assert len(process.logs) == len(process.lines)
