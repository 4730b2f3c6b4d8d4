"""How MistLocations finds its MistWebsocket: missing, late, gone, replaced, and one of several."""

import asyncio
from pathlib import Path

import pytest

from mistlocate.simulator import SimulatedCloud
from support.placeos_core import Core, RemoteError
from support.placeos_site import (
    EMPTY,
    LOCATIONS,
    LOCATIONS_DRIVER,
    MIST,
    SYSTEM,
    WEBSOCKET_DRIVER,
    locations_model,
    placeos_site,
    websocket_model,
)
from support.waiting import until

pytestmark = pytest.mark.needs("redis-server")


async def test_a_missing_module_a_late_one_and_a_stopped_one_are_told_apart(core: Core, cloud: SimulatedCloud) -> None:
    websocket, locations = await core.launch(WEBSOCKET_DRIVER), await core.launch(LOCATIONS_DRIVER)
    await core.system(SYSTEM, {"MistLocations/1": LOCATIONS})
    await locations.start(LOCATIONS, locations_model(core, cloud))

    with pytest.raises(RemoteError, match="no module MistWebsocket_1 in the system sys-1") as missing:
        await locations.exec(LOCATIONS, "check_ownership_of", "00005e0053aa")
    assert missing.value.error == "NoSuchModule"
    assert await locations.exec(LOCATIONS, "device_locations", "zone-b") == []

    await core.system(SYSTEM, {"MistLocations/1": LOCATIONS, "MistWebsocket/1": MIST})

    async def not_started() -> bool:
        answer = await locations.exec_raw(LOCATIONS, "check_ownership_of", "00005e0053aa")
        return bool(answer["error"] == "ModuleUnavailable" and "has not been started" in answer["payload"])

    await until(not_started, 2)

    await websocket.start(MIST, websocket_model(core, cloud))
    assert await locations.exec(LOCATIONS, "check_ownership_of", "00005e0053aa") is None

    await websocket.stop(MIST)
    with pytest.raises(RemoteError, match="the module is not running"):
        await locations.exec(LOCATIONS, "check_ownership_of", "00005e0053aa")
    await websocket.start(MIST, websocket_model(core, cloud))
    assert await locations.exec(LOCATIONS, "check_ownership_of", "00005e0053aa") is None


async def test_the_name_may_stand_for_another_module_from_one_moment_to_the_next(
    core: Core, cloud: SimulatedCloud
) -> None:
    websocket, locations = await core.launch(WEBSOCKET_DRIVER), await core.launch(LOCATIONS_DRIVER)
    await core.system(SYSTEM, {"MistWebsocket/1": "mod-old"})
    await locations.start(LOCATIONS, locations_model(core, cloud, {"floorplan_mappings": {}}))
    async with SimulatedCloud(EMPTY, autorun=False) as other:
        attic = other.stage.add_map("Attic")
        for module_id, its in (("mod-old", cloud), ("mod-new", other)):
            await websocket.start(module_id, websocket_model(core, its))
            await websocket.exec(module_id, "mac_address_mappings", module_id, ["00005e0053aa"])

        async def unmapped() -> set[str]:
            return {each["id"] for each in await locations.exec(LOCATIONS, "unmapped_maps")}

        async def old_maps() -> bool:
            return bool(found := await unmapped()) and attic not in found

        async def new_maps() -> bool:
            return attic in await unmapped()

        await until(old_maps)
        owner = await locations.exec(LOCATIONS, "check_ownership_of", "00005e0053aa")
        assert owner["assigned_to"] == "mod-old"
        await core.system(SYSTEM, {"MistWebsocket/1": "mod-new"})
        await until(new_maps)
        owner = await locations.exec(LOCATIONS, "check_ownership_of", "00005e0053aa")
        assert owner["assigned_to"] == "mod-new"
        await core.system(SYSTEM, {})

        async def nobody() -> bool:
            answer = await locations.exec_raw(LOCATIONS, "check_ownership_of", "00005e0053aa")
            return answer.get("error") == "NoSuchModule" and not await unmapped()

        await until(nobody)


async def test_two_systems_with_two_modules_each_do_not_hear_of_each_other(core: Core) -> None:
    websocket, locations = await core.launch(WEBSOCKET_DRIVER), await core.launch(LOCATIONS_DRIVER)
    async with SimulatedCloud(EMPTY, autorun=False) as one, SimulatedCloud(EMPTY, autorun=False) as two:
        attics = {"sys-a": one.stage.add_map("Attic of A"), "sys-b": two.stage.add_map("Attic of B")}
        for system, cloud in (("sys-a", one), ("sys-b", two)):
            await core.system(
                system,
                {
                    "MistWebsocket/1": f"{system}-w1",
                    "MistWebsocket/2": f"{system}-w2",
                    "MistLocations/1": f"{system}-l",
                },
            )
            for module_id in (f"{system}-w1", f"{system}-w2"):
                await websocket.start(module_id, websocket_model(core, cloud))
                await websocket.exec(module_id, "mac_address_mappings", module_id, ["00005e0053aa"])
            level = {attics[system]: {"building": f"building-{system}", "level": "zone-attic"}}
            await locations.start(f"{system}-l", locations_model(core, cloud, {"floorplan_mappings": level}, system))

        async def owner(system: str) -> str:
            answer = await locations.exec(f"{system}-l", "check_ownership_of", "00005e0053aa")
            return str(answer["assigned_to"])

        asked = [owner(system) for _ in range(20) for system in ("sys-a", "sys-b")]
        assert await asyncio.gather(*asked) == ["sys-a-w1", "sys-b-w1"] * 20

        # Both clouds number their devices alike: who stands in the one must not be seen in the other.
        one.stage.add_device("00005e0053bb", username="anna", map_id=attics["sys-a"], x=1.0, y=2.0)
        two.stage.add_device("00005e0053bc", username="bert", map_id=attics["sys-b"], x=3.0, y=4.0)

        async def seen() -> bool:
            found = [
                {record["mac"] for record in await locations.exec(f"{system}-l", "device_locations", "zone-attic")}
                for system in ("sys-a", "sys-b")
            ]
            return found == [{"00005e0053bb"}, {"00005e0053bc"}]

        await until(seen)
        assert await locations.exec("sys-a-l", "locate_user", "bert") == []
        assert len(await locations.exec("sys-b-l", "locate_user", "bert")) == 1

        await core.system("sys-a", {"MistLocations/1": "sys-a-l"})
        assert await owner("sys-b") == "sys-b-w1"


async def test_a_logic_module_without_a_system_says_so(core: Core, cloud: SimulatedCloud) -> None:
    locations = await core.launch(LOCATIONS_DRIVER)
    await locations.start(LOCATIONS, {**locations_model(core, cloud), "control_system": None})
    with pytest.raises(RemoteError, match="no module MistWebsocket_1"):
        await locations.exec(LOCATIONS, "locate_user", "alice")
    assert await locations.exec(LOCATIONS, "device_locations", "zone-b") == []


@pytest.mark.parametrize("which", ["websocket", "locations"])
async def test_either_process_may_be_killed_and_answers_come_back(tmp_path: Path, which: str) -> None:
    async with placeos_site(tmp_path) as site:
        await site.complete()
        before = await site.ask("macs_assigned_to", "alice@example.com")
        process = getattr(site, which)
        calls = [asyncio.create_task(site.ask("locate_user", "alice@example.com")) for _ in range(20)]
        await process.kill()
        await asyncio.gather(*calls, return_exceptions=True)  # an error or an answer, but not nothing
        setattr(site, which, await site.core.relaunch(process))
        await site.complete()
        assert await site.ask("macs_assigned_to", "alice@example.com") == before
        assert len(await site.ask("locate_user", "alice@example.com")) > 0
