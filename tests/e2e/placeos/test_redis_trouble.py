"""Redis away, frozen, empty, taken over: the processes stay, answer meanwhile, and write everything again afterwards."""

import asyncio
import json
import signal
from collections.abc import AsyncIterator
from contextlib import suppress
from pathlib import Path
from typing import Any

import pytest
from redis.exceptions import RedisError

from mistlocate.simulator import SimulatedCloud
from support.placeos_core import Core
from support.placeos_models import control_system
from support.placeos_site import (
    EMPTY,
    LOCATIONS,
    LOCATIONS_DRIVER,
    MIST,
    SYSTEM,
    WEBSOCKET_DRIVER,
    PlaceosSite,
    locations_model,
    placeos_site,
    websocket_model,
)
from support.redis_server import RedisServer, redis_server
from support.waiting import PATIENCE, until

pytestmark = pytest.mark.needs("redis-server")

PERSON = "alice@example.com"


@pytest.fixture
async def site(tmp_path: Path, redis: RedisServer) -> AsyncIterator[PlaceosSite]:
    async with placeos_site(tmp_path, redis=redis) as running:
        await running.complete()
        yield running
        assert running.websocket.exit_code is None, running.websocket.output
        assert running.locations.exit_code is None, running.locations.output
        assert running.websocket.errors == running.locations.errors == []


async def snapshot(redis: RedisServer) -> dict[str, Any]:
    """All that the pair has written for others, but for what time changes."""
    client, found = redis.client(), {}
    for module_id in (MIST, LOCATIONS):
        found[f"interface/{module_id}"] = await client.get(f"interface/{module_id}")
        for field, text in (await client.hgetall(f"status/{module_id}")).items():
            if field not in ("last_frame", "clock_offset"):
                found[f"{module_id}/{field}"] = json.loads(text)
    return found


async def written_as(redis: RedisServer, before: dict[str, Any], within: float = PATIENCE) -> None:
    """Wait until Redis has again what it had before, or tell which fields differ."""

    async def differing() -> dict[str, Any]:
        present = await snapshot(redis)
        keys = sorted(before.keys() | present.keys())
        return {key: (before.get(key), present.get(key)) for key in keys if before.get(key) != present.get(key)}

    async def same() -> bool:
        return not await differing()

    try:
        await until(same, within)
    except AssertionError:
        assert await differing() == {}, "what there was before, and what there is now"
        raise


async def still_answers(site: PlaceosSite) -> None:
    """Both processes answer, and the locations from what is remembered."""
    assert len(await site.mist("locate", PERSON)) > 0
    assert len(await site.ask("locate_user", PERSON)) > 0
    assert len(await site.ask("device_locations", "zone-b")) == len(site.present)
    assert await site.websocket.info() == [MIST]
    assert await site.locations.info() == [LOCATIONS]


async def index_again(site: PlaceosSite) -> None:
    """What core does when Redis has lost its keys."""
    with suppress(RedisError):
        await site.core.redis.execute_command("PING")  # the connection of before
    await site.core.system(SYSTEM, {"MistWebsocket/1": MIST, "MistLocations/1": LOCATIONS})


async def test_a_redis_that_comes_back_empty_is_filled_again(site: PlaceosSite, redis: RedisServer) -> None:
    before = await snapshot(redis)
    assert before[f"interface/{LOCATIONS}"]
    await redis.kill()
    await still_answers(site)
    assert await site.mist("mac_address_mappings", "zoe@example.com", ["00005e0053aa"]) == ["00005e0053aa"]
    await redis.start()
    await index_again(site)
    await written_as(redis, before)

    async def owner_written() -> bool:
        return bool(await redis.client().hget(f"user_macs/{MIST}", "00005e0053aa") == "zoe")

    await until(owner_written)
    await site.complete()


async def test_what_changed_while_redis_was_away_is_there_afterwards(site: PlaceosSite, redis: RedisServer) -> None:
    gone = min(site.present)
    map_id = site.cloud.world.truth(gone).reported_map_id
    assert map_id is not None
    there = next(each for each in site.maps if each != map_id)
    await redis.kill()
    site.cloud.stage.place(gone, there, 11.0, 22.0)

    async def noticed() -> bool:
        return gone in {record["mac"] for record in await site.mist("clients", there)}

    await until(noticed)
    await redis.start()
    await index_again(site)

    async def written() -> bool:
        return gone in {each["mac"] for each in await site.status(there) or ()} and gone not in {
            each["mac"] for each in await site.status(map_id) or ({"mac": gone},)
        }

    await until(written)
    await site.complete()


async def test_a_frozen_redis_holds_up_nobody_for_long(site: PlaceosSite, redis: RedisServer) -> None:
    loop = asyncio.get_running_loop()
    before = await snapshot(redis)
    redis.pause()
    begun = loop.time()
    await still_answers(site)
    first = loop.time() - begun
    await still_answers(site)
    assert first < 5, f"the first answers took {first:.1f} s"
    redis.resume()
    await site.complete()
    await written_as(redis, before)


@pytest.mark.parametrize("how", ["terminate", "SIGTERM", "hang up"])
async def test_a_frozen_redis_does_not_hold_up_the_end(site: PlaceosSite, redis: RedisServer, how: str) -> None:
    extra = await site.core.launch(WEBSOCKET_DRIVER)
    await extra.start("mod-extra", websocket_model(site.core, site.cloud))
    redis.pause()
    await extra.exec("mod-extra", "format_mac", "00")
    if how == "SIGTERM":
        extra.signal(signal.SIGTERM)
    elif how == "hang up":
        extra.hang_up()
    else:
        await extra.send({"id": "t", "cmd": "terminate"})
    assert await extra.exit(5) == 0
    redis.resume()


async def test_a_redis_that_only_reads_is_waited_for_and_written_to_again(
    site: PlaceosSite, redis: RedisServer, tmp_path: Path
) -> None:
    before = await snapshot(redis)
    client = redis.client()
    async with redis_server(tmp_path) as other:
        taking_over = other.client()
        await taking_over.execute_command("REPLICAOF", "127.0.0.1", redis.port)

        async def copied() -> bool:
            return bool(await taking_over.exists(f"interface/{LOCATIONS}"))

        await until(copied)
        await taking_over.execute_command("REPLICAOF", "NO", "ONE")
        await client.execute_command("REPLICAOF", "127.0.0.1", other.port)
        await taking_over.delete(f"status/{LOCATIONS}", f"interface/{LOCATIONS}")

        async def follows() -> bool:
            return not await client.exists(f"interface/{LOCATIONS}")

        await until(follows)  # and what was lost in between is lost
        await site.mist("mac_address_mappings", "zoe@example.com", ["00005e0053aa"])
        await still_answers(site)

        async def complains() -> bool:
            return "ReadOnlyError" in (await site.mist("diagnostics"))["problems"].get("store", "")

        await until(complains)
        await client.execute_command("REPLICAOF", "NO", "ONE")
    await written_as(redis, before, 20)

    async def owner_written() -> bool:
        return bool(await client.hget(f"user_macs/{MIST}", "00005e0053aa") == "zoe")

    await until(owner_written)
    await site.complete()


async def test_keys_that_somebody_deletes_are_written_again_by_a_quiet_process(
    site: PlaceosSite, redis: RedisServer
) -> None:
    before = await snapshot(redis)
    await redis.client().delete(f"interface/{LOCATIONS}", f"status/{LOCATIONS}")
    await written_as(redis, before, 20)


async def test_without_a_redis_at_the_start_everything_appears_when_it_comes(tmp_path: Path) -> None:
    async with redis_server(tmp_path) as redis, SimulatedCloud(EMPTY, autorun=False) as cloud:
        core = Core(redis.url)
        core.systems[SYSTEM] = control_system(SYSTEM)
        await redis.kill()
        websocket, locations = await core.launch(WEBSOCKET_DRIVER), await core.launch(LOCATIONS_DRIVER)
        try:
            loop = asyncio.get_running_loop()
            begun = loop.time()
            await websocket.start(MIST, websocket_model(core, cloud))
            await locations.start(LOCATIONS, locations_model(core, cloud))
            assert loop.time() - begun < 15  # nobody waits for Redis for longer than a few seconds
            assert len(await websocket.exec(MIST, "maps")) == 1
            answer = await locations.exec_raw(LOCATIONS, "locate_user", PERSON)
            assert answer["error"] == "ModuleUnavailable"
            assert "cannot be looked up" in answer["payload"]
            assert await locations.exec(LOCATIONS, "format_mac", "0A") == "0a"

            await redis.start()
            async with Core(redis.url) as known:
                await known.system(SYSTEM, {"MistWebsocket/1": MIST, "MistLocations/1": LOCATIONS})

                async def written() -> bool:
                    return bool(
                        await known.status(MIST, "stream_state") == "live"
                        and await known.status(LOCATIONS, "connected")
                        and (await known.status(LOCATIONS, "problems")) == {}
                    )

                await until(written)
                for module_id in (MIST, LOCATIONS):
                    assert (await known.interface(module_id))["interface"]

                async def answers() -> bool:
                    return (await locations.exec_raw(LOCATIONS, "locate_user", PERSON)).get("payload") == "[]"

                await until(answers)
        finally:
            await websocket.close()
            await locations.close()
