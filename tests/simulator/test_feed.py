import json

import pytest

from mistlocate.simulator import Campus, SimulatedCloud


async def test_full_records_go_to_the_site_and_slim_ones_to_the_map(cloud, stream, clients_channel) -> None:
    plan = cloud.world.maps_of(cloud.site_id)[0]
    await stream.subscribe(clients_channel, plan.client_channel)
    mac = cloud.stage.add_device(map_id=plan.id, x=100, y=50, username="zoe@example.com")
    cloud.stage.emit_position(mac)
    full, slim = await stream.next(), await stream.next()
    assert (full["channel"], slim["channel"]) == (clients_channel, plan.client_channel)
    assert json.loads(full["data"])["username"] == "zoe@example.com"
    record = json.loads(slim["data"])
    assert (record["mac"], record["x"], record["y"]) == (mac, 100.0, 50.0)
    assert record.keys().isdisjoint({"username", "last_seen", "psk_id"})


async def test_a_minute_brings_everybody_who_is_here(cloud, stream, clients_channel) -> None:
    await stream.subscribe(clients_channel)
    await cloud.advance(66)
    cloud.send_raw("end")
    macs = {json.loads(frame["data"])["mac"] for frame in await stream.until("end")}
    here = {device.mac for device in cloud.world.devices_of(cloud.site_id) if device.present}
    assert macs >= here


async def test_records_of_the_stream_and_of_rest_agree(cloud, stream, rest, site, clients_channel) -> None:
    await stream.subscribe(clients_channel)
    cloud.stage.emit_stats("00005e005300")
    pushed = await stream.record()
    listed = (await rest.get(f"{site}/stats/clients?limit=1000")).json()
    assert pushed in listed


async def test_unconnected_clients_access_points_and_the_counter(cloud, stream) -> None:
    plan = cloud.world.maps_of(cloud.site_id)[0]
    unconnected = f"/sites/{cloud.site_id}/stats/maps/{plan.id}/unconnected_clients"
    devices = f"/sites/{cloud.site_id}/stats/devices"
    await stream.subscribe(unconnected, devices, "/test")
    await cloud.advance(60)
    cloud.send_raw("end")
    frames = await stream.until("end")
    by_channel = {name: [json.loads(f["data"]) for f in frames if f["channel"] == name] for name in
                  (unconnected, devices, "/test")}  # fmt: skip
    assert all(record["_ttl"] for record in by_channel[unconnected])
    assert by_channel[unconnected]
    short, full = by_channel[devices][0], by_channel[devices][1]
    assert short["mac"] == full["mac"]
    assert "status" not in short
    assert full["status"] == "connected"
    assert by_channel["/test"] == list(range(1, len(by_channel["/test"]) + 1))


@pytest.mark.parametrize("rate", [200.0])
async def test_a_fixed_rate_is_what_one_socket_gets(rate: float) -> None:
    campus = Campus(people=20, rate=rate, annex=False, passers=0)
    async with SimulatedCloud(campus, autorun=False) as cloud:
        from websockets.asyncio.client import connect

        headers = {"Authorization": f"Token {cloud.token}"}
        async with connect(cloud.stream_url, additional_headers=headers, max_queue=None) as socket:
            channels = [f"/sites/{cloud.site_id}/stats/clients"]
            channels += [plan.client_channel for plan in cloud.world.maps.values()]
            for channel in channels:
                await socket.send(json.dumps({"subscribe": channel}))
                await socket.recv()
            await cloud.advance(5)
            cloud.send_raw("end")
            count = 0
            while await socket.recv() != "end":
                count += 1
        assert 995 <= count <= 1005
