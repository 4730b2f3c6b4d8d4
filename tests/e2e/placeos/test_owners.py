"""Who owns what, as it stands in Redis: in the layout of the original drivers, and over every kind of end."""

import asyncio
import json
from pathlib import Path
from typing import Any

import pytest

from mistlocate.simulator import SimulatedCloud
from support.placeos_core import Core, DriverProcess
from support.placeos_site import MIST, WEBSOCKET_DRIVER, placeos_site, websocket_model
from support.placeos_wire import DriverGone
from support.waiting import until

pytestmark = pytest.mark.needs("redis-server")

USER_MACS, IDENTITIES = f"user_macs/{MIST}", f"identities/{MIST}"


async def hash_of(core: Core, key: str) -> dict[str, str]:
    found: dict[str, str] = await core.redis.execute_command("HGETALL", key)
    return found


def check_layout(user_macs: dict[str, str]) -> None:
    """Each MAC has one owner who lists it, and nobody lists a MAC of somebody else."""
    owners = {field: value for field, value in user_macs.items() if not value.startswith("[")}
    lists = {field: json.loads(value) for field, value in user_macs.items() if value.startswith("[")}
    for mac, owner in owners.items():
        assert mac in lists[owner], f"{owner} does not list {mac}"
    for owner, macs in lists.items():
        assert [owners.get(mac) for mac in macs] == [owner] * len(macs)


async def test_owners_stand_in_redis_as_the_original_drivers_wrote_them(core: Core, cloud: SimulatedCloud) -> None:
    process = await core.launch(WEBSOCKET_DRIVER)
    await process.start(MIST, websocket_model(core, cloud))
    async with core.following("user_macs/*") as heard:
        await process.exec(MIST, "mac_address_mappings", "Zoë@Example.com", ["00:00:5E:00:53:AA", "00005e0053ab"])
        await until(lambda: (f"{USER_MACS}/00005e0053aa", "zoë") in heard)
    user_macs = await hash_of(core, USER_MACS)
    listed = json.loads(user_macs.pop("zoë"))
    assert sorted(listed) == ["00005e0053aa", "00005e0053ab"]
    assert user_macs == {"00005e0053aa": "zoë", "00005e0053ab": "zoë"}
    identities = {mac: json.loads(text) for mac, text in (await hash_of(core, IDENTITIES)).items()}
    assert identities.keys() == {"00005e0053aa", "00005e0053ab"}
    for identity in identities.values():
        assert identity.keys() == {"user", "source", "at"}
        assert (identity["user"].lower(), identity["source"]) == ("zoë@example.com", "pinned")

    async with core.following("user_macs/*") as heard:
        await process.exec(MIST, "remove_mac_address_mappings", ["00005e0053aa"])
        await until(lambda: (f"{USER_MACS}/00005e0053aa", "null") in heard)
    assert await hash_of(core, USER_MACS) == {"00005e0053ab": "zoë", "zoë": '["00005e0053ab"]'}


async def test_owners_of_the_original_drivers_are_taken_over_and_can_be_taken_back(
    core: Core, cloud: SimulatedCloud
) -> None:
    theirs = {
        "00005e0053a1": "alice",
        "00005e0053a2": "alice",
        "alice": '["00005e0053a2","00005e0053a1"]',
        "00005e0053b1": "bob",
        "bob": '["00005e0053b1"]',
    }
    await core.redis.execute_command("HSET", USER_MACS, *[text for pair in theirs.items() for text in pair])
    process = await core.launch(WEBSOCKET_DRIVER)
    await process.start(MIST, websocket_model(core, cloud))
    assert sorted(await process.exec(MIST, "macs_assigned_to", "alice@example.com")) == ["00005e0053a1", "00005e0053a2"]
    assert await process.exec(MIST, "ownership_of", "00005e0053b1") == "bob"
    await process.exec(MIST, "mac_address_mappings", "bob", ["00005e0053b2"])
    assert await process.terminate() == 0

    ours = await hash_of(core, USER_MACS)
    check_layout(ours)
    assert {field: ours[field] for field in theirs if field != "bob"} == {
        field: value for field, value in theirs.items() if field != "bob"
    }
    assert json.loads(ours["bob"])[0] == "00005e0053b2"

    # The original driver runs for a while and learns: what it wrote outranks what we remember beside it.
    await core.redis.execute_command("HSET", USER_MACS, "00005e0053b2", "carol", "carol", '["00005e0053b2"]')
    await core.redis.execute_command("HSET", USER_MACS, "bob", '["00005e0053b1"]')
    again = await core.launch(WEBSOCKET_DRIVER)
    await again.start(MIST, websocket_model(core, cloud))
    assert await again.exec(MIST, "ownership_of", "00005e0053b2") == "carol"
    assert await again.exec(MIST, "macs_assigned_to", "bob") == ["00005e0053b1"]


async def test_owners_that_the_network_named_survive_a_kill_while_the_cloud_is_dumb(tmp_path: Path) -> None:
    async with placeos_site(tmp_path) as site:
        await site.complete()
        macs = sorted(await site.ask("macs_assigned_to", "alice@example.com"))
        assert macs

        async def stored() -> bool:
            known = await hash_of(site.core, USER_MACS)
            return set(macs) <= known.keys()

        await until(stored)
        check_layout(await hash_of(site.core, USER_MACS))
        site.cloud.faults.rest("/stats/", status=503)
        site.cloud.faults.refuse_handshakes(503)
        await site.websocket.kill()
        site.websocket = await site.core.relaunch(site.websocket)
        assert sorted(await site.mist("macs_assigned_to", "alice@example.com")) == macs
        assert sorted(await site.ask("macs_assigned_to", "alice@example.com")) == macs


async def write_until_it_is_gone(process: DriverProcess, round_: int) -> None:
    """Assign the same few devices to ever other people, as fast as it goes."""
    number = 0
    while True:
        number += 1
        macs = [f"00005e0053{(number * 3 + each) % 8:02x}" for each in range(3)]
        body = {"__exec__": "mac_address_mappings", "mac_address_mappings": [f"u{round_}x{number % 5}", macs]}
        try:
            await process.exec_body(MIST, json.dumps(body))
        except DriverGone:
            return


async def kill_after(published: int, heard: list[Any], process: DriverProcess) -> None:
    await until(lambda: len(heard) >= published)
    await process.kill()


async def test_a_kill_in_the_middle_of_writing_never_leaves_owners_that_contradict_each_other(
    core: Core, cloud: SimulatedCloud
) -> None:
    process = await core.launch(WEBSOCKET_DRIVER)
    model = websocket_model(core, cloud)
    await process.start(MIST, model)
    for round_ in range(5):
        async with core.following(f"{USER_MACS}/*") as heard:
            writers = [write_until_it_is_gone(process, round_) for _ in range(3)]

            async with asyncio.TaskGroup() as tasks:
                for each in (*writers, kill_after(20 + 7 * round_, heard, process)):
                    tasks.create_task(each)
        user_macs = await hash_of(core, USER_MACS)
        assert any(owner.startswith(f"u{round_}") for owner in user_macs.values())
        check_layout(user_macs)
        process = await core.relaunch(process)
        for mac, owner in user_macs.items():
            if not owner.startswith("["):
                assert await process.exec(MIST, "ownership_of", mac) == owner
                assert mac in await process.exec(MIST, "macs_assigned_to", owner)
