"""The people being located, as PlaceOS runs the pair: who asked, opting out while Redis is away, erasing."""

import json
from contextlib import suppress
from pathlib import Path

import pytest
from redis.exceptions import RedisError

from mistlocate.simulator import Campus
from support.placeos_site import LOCATIONS, MIST, placeos_site
from support.redis_server import RedisServer
from support.waiting import until

pytestmark = pytest.mark.needs("redis-server")

EMPTY = Campus(seed=1, people=0, floors=2, passers=0)
ALICE = "alice@example.com"


async def test_the_user_of_a_call_stands_in_the_record(tmp_path: Path, redis: RedisServer) -> None:
    async with placeos_site(tmp_path, EMPTY, redis=redis, locations={"named_searches": 2}) as it:
        await it.live()
        call = json.dumps({"__exec__": "locate_user", "locate_user": [ALICE]})
        answers = [await it.locations.exec_body(LOCATIONS, call, user_id="user-7") for _ in range(3)]
        assert [each.get("error") for each in answers] == [None, None, "TooManySearches"]
        assert "come again in" in answers[2]["payload"]
        for _ in range(5):  # core's own, and those of modules that ask for themselves
            assert await it.ask("locate_user", ALICE) == []
        records = [(each["asker"], each["command"], each["result"]) for each in await it.ask("audit")]
        assert records[:5] == [("core", "locate_user", "nothing")] * 5
        assert records[5:] == [("user-7", "locate_user", "refused")] + [("user-7", "locate_user", "nothing")] * 2
        assert ("user-7", "locate", "nothing") in [
            (each["asker"], each["command"], each["result"]) for each in await it.mist("audit")
        ]
        logged = [json.dumps(line) for line in it.locations.logs]
        assert not [line for line in logged if "alice" in line]


async def test_an_objection_that_core_does_not_save_is_in_force_and_saved_later(
    tmp_path: Path, redis: RedisServer
) -> None:
    async with placeos_site(tmp_path, EMPTY, redis=redis) as it:
        await it.live()
        mac = it.cloud.stage.add_device(username=ALICE, map_id=it.maps[0], x=1.0, y=2.0)

        async def found() -> bool:
            return [each["mac"] for each in await it.ask("locate_user", ALICE)] == [mac]

        await until(found)
        it.core.saves = False
        assert await it.ask("opt_out", ALICE) == {"devices": 1, "saved": False}
        assert await it.ask("locate_user", ALICE) == []
        assert "objections" not in it.websocket.modules[MIST]["settings"]
        it.core.saves = True
        await until(lambda: "objections" in it.websocket.modules[MIST]["settings"])

        async def well() -> bool:
            return "objections" not in (await it.core.status(MIST, "problems") or {})

        await until(well)
        assert (await it.ask("opt_out", "bob@example.com"))["saved"] is True


async def test_opting_out_while_redis_is_away(tmp_path: Path, redis: RedisServer) -> None:
    async with placeos_site(tmp_path, EMPTY, redis=redis) as it:
        await it.live()
        mac = it.cloud.stage.add_device(username=ALICE, map_id=it.maps[0], x=1.0, y=2.0)
        other = it.cloud.stage.add_device(username="bob@example.com", map_id=it.maps[0], x=1.0, y=2.0)

        async def zone() -> set[str]:
            return {each["mac"] for each in await it.ask("device_locations", "zone-0")}

        async def both() -> bool:
            return await zone() == {mac, other}

        await until(both)
        assert await it.ask("locate_user", ALICE)
        await redis.kill()
        assert (await it.ask("opt_out", ALICE))["devices"] == 1
        assert await zone() == {other}, "the status that was read before still lists it"
        assert await it.ask("locate_user", ALICE) == []
        await redis.start()

        async def gone() -> bool:
            with suppress(RedisError):  # of the test's own connection
                return mac not in await it.listed()
            return False

        await until(gone)
        assert await zone() == {other}
        assert "alice" not in json.dumps(it.websocket.modules[MIST]["settings"]["objections"])
