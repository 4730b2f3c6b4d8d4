"""Editions of the cloud whose lists of a map's clients tell no more than places."""

import asyncio
import json
from pathlib import Path

from mistlocate.simulator import Campus
from mistlocate.simulator.people import Guest
from support.virtual_site import VirtualSite, in_virtual_time, virtual_site

EMPTY = Campus(seed=1, people=0, floors=2, passers=0)


async def shown(it: VirtualSite, mac: str) -> bool:
    """Whether anybody is told that this device is there, under its own MAC."""
    told = [it.published(mac), *await it.locations("device_locations", "zone-b"), *await it.mist("clients")]
    return any(each.get("mac") == mac and not each.get("is_guest") for each in told)


async def reconnect(it: VirtualSite) -> None:
    """With lists that tell only places, and before the stream tells anything."""
    it.cloud.faults.slim_rows()
    it.cloud.faults.mute()
    it.cloud.abort_all()
    await asyncio.sleep(1.0)
    await it.settle()


async def test_what_was_known_of_somebody_outlives_them(tmp_path: Path) -> None:
    async def work() -> None:
        async with virtual_site(tmp_path) as it:
            await it.settle()
            clients = it.tracker().roster.clients
            guests = [each.mac for each in clients.values() if each.is_guest and each.position is not None]
            before = {mac: (each.username, each.psk_id, each.ip, each.ssid) for mac, each in clients.items()}
            assert guests
            await reconnect(it)
            assert {mac: (each.username, each.psk_id, each.ip, each.ssid) for mac, each in clients.items()} == before
            assert not [mac for mac in guests if await shown(it, mac)]

    await in_virtual_time(work)


async def test_nor_is_a_guest_shown_who_comes_meanwhile(tmp_path: Path) -> None:
    async def work() -> None:
        async with virtual_site(tmp_path, EMPTY) as it:
            await it.settle()
            it.cloud.faults.mute()
            mac = it.cloud.stage.add_device(kind="guest", map_id=it.maps[0], x=1.0, y=2.0)
            it.cloud.world.devices[mac].guest = Guest("Vera Visitor", "vera@example.net", "Example")
            await reconnect(it)
            for _ in range(200):
                assert mac not in [each["mac"] for each in await it.locations("device_locations", "zone-b")]
                await asyncio.sleep(1.0)
            client = it.tracker().roster.get(mac)
            assert client is not None
            assert client.known
            assert client.is_guest

    await in_virtual_time(work)


async def test_a_new_device_of_who_opted_out_is_not_shown_before_it_is_known_whose_it_is(tmp_path: Path) -> None:
    async def work() -> None:
        async with virtual_site(tmp_path, EMPTY) as it:
            await it.settle()
            await it.locations("opt_out", "alice@example.com")
            it.cloud.faults.mute()
            hers = it.cloud.stage.add_device(username="alice@example.com", map_id=it.maps[0], x=1.0, y=2.0)
            other = it.cloud.stage.add_device(username="bob@example.com", map_id=it.maps[0], x=3.0, y=2.0)
            await reconnect(it)
            assert {hers, other} <= it.tracker().roster.clients.keys()
            for _ in range(300):
                assert not await shown(it, hers)
                if await shown(it, other):
                    break
                await asyncio.sleep(1.0)
            else:
                raise AssertionError("the list of the whole site tells whose they are")
            await asyncio.sleep(5.0)
            assert not await shown(it, hers)
            assert [each["mac"] for each in await it.locations("locate_user", "bob@example.com")] == [other]

    await in_virtual_time(work)


async def test_many_unknown_clients_cost_a_list_and_not_a_call_each(tmp_path: Path) -> None:
    async def work() -> None:
        async with virtual_site(tmp_path, EMPTY) as it:
            await it.settle()
            it.cloud.faults.slim_rows()
            it.cloud.faults.mute()
            macs = [it.cloud.stage.add_device(map_id=it.maps[n % 2], x=float(n), y=2.0) for n in range(60)]
            it.cloud.faults.unmute()
            before = len(it.requests())
            for mac in macs:
                it.cloud.stage.emit_position(mac)
            await asyncio.sleep(10.0)
            assert all(it.tracker().roster.clients[mac].known for mac in macs)
            assert len(it.requests()) - before < 20

    await in_virtual_time(work)


async def test_of_whom_only_the_map_is_known_is_there_as_long_as_records_say_so(tmp_path: Path) -> None:
    async def work() -> None:
        async with virtual_site(tmp_path, EMPTY, locations={"max_location_age": 3}) as it:
            await it.settle()
            mac = it.cloud.stage.add_device(username="zoe@example.com", map_id=it.maps[0], x=1.0, y=2.0)
            await asyncio.sleep(5.0)
            site_id = it.cloud.site_id
            for _ in range(40):
                record = {"mac": mac, "map_id": it.maps[0], "is_guest": False, "last_seen": int(it.cloud.now())}
                frame = {"event": "data", "channel": f"/sites/{site_id}/stats/clients", "data": json.dumps(record)}
                it.cloud.send_raw(json.dumps(frame))
                await asyncio.sleep(60.0)
                assert len(await it.locations("locate_user", "zoe@example.com")) == 1

    await in_virtual_time(work)
