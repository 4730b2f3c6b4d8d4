import asyncio
import json
from collections.abc import AsyncIterator
from contextlib import suppress

import pytest
from websockets.asyncio.client import ClientConnection, connect
from websockets.exceptions import ConnectionClosed, ConnectionClosedError

from mistlocate.simulator import Campus, SimulatedCloud
from mistlocate.simulator.stream import MAX_CHANNELS, encode, parse_channel

UUID = "00000000-0000-0000-0000-00000000000"


@pytest.mark.parametrize(
    ("channel", "about"),
    [
        (f"/sites/{UUID}1/stats/clients", (f"{UUID}1", None)),
        (f"/sites/{UUID}1/stats/devices", (f"{UUID}1", None)),
        (f"/sites/{UUID}1/devices", (f"{UUID}1", None)),
        (f"/sites/{UUID}1/stats/maps/{UUID}2/clients", (f"{UUID}1", f"{UUID}2")),
        (f"/sites/{UUID}1/stats/maps/{UUID}2/unconnected_clients", (f"{UUID}1", f"{UUID}2")),
        ("/test", (None, None)),
        (f"/sites/{UUID}1/stats/zones", None),
        (f"/sites/{UUID}1/stats/clients/", None),
        (f"/orgs/{UUID}1/stats/clients", None),
        ("", None),
    ],
)
def test_channels(channel: str, about: object) -> None:
    assert parse_channel(channel) == about


def test_data_is_a_string_of_json_unless_asked_otherwise() -> None:
    record = {"mac": "00005e005300"}
    assert json.loads(json.loads(encode("/x", record))["data"]) == record
    assert json.loads(encode("/x", record, "object"))["data"] == record
    assert json.loads(json.loads(encode("/x", record, "nested"))["data"]) == {"event": "data", "data": record}
    assert json.loads(encode("/test", 1)) == {"event": "data", "channel": "/test", "data": "1"}


# -- subscriptions --------------------------------------------------------------------------------


async def test_answers_name_the_channel_in_varying_order(stream, clients_channel) -> None:
    texts = []
    for _ in range(2):
        await stream.socket.send(json.dumps({"subscribe": clients_channel}))
        texts.append(await stream.socket.recv())
    assert [json.loads(text) for text in texts] == [{"event": "channel_subscribed", "channel": clients_channel}] * 2
    assert texts[0] != texts[1]


async def test_refusals_leave_the_socket_and_the_other_channels_alone(cloud, stream, clients_channel) -> None:
    foreign = clients_channel.replace(cloud.site_id, cloud.foreign_site_id)
    unknown = f"/sites/{cloud.site_id}/stats/maps/{cloud.org_id}/clients"
    answers = await stream.subscribe(foreign, unknown, "/nonsense", clients_channel)
    assert [answer["event"] for answer in answers] == ["subscribe_failed"] * 3 + ["channel_subscribed"]
    assert [answer["channel"] for answer in answers] == [foreign, unknown, "/nonsense", clients_channel]
    assert answers[0]["detail"] == "permission denied"
    assert all(answer["detail"] for answer in answers[:3])


async def test_a_narrow_token_has_narrow_channels(cloud, clients_channel, listening_as) -> None:
    token = cloud.tokens.add(site_ids=[list(cloud.world.sites)[1]])
    async with listening_as(token) as narrow:
        assert (await narrow.subscribe(clients_channel))[0]["event"] == "subscribe_failed"


async def test_unsubscribing_ends_the_data_and_is_acknowledged(cloud, stream, clients_channel) -> None:
    await stream.subscribe(clients_channel)
    await stream.socket.send(json.dumps({"unsubscribe": clients_channel}))
    assert await stream.next() == {"event": "channel_unsubscribed", "channel": clients_channel}
    cloud.stage.emit_stats("00005e005300")
    cloud.send_raw("end")
    assert await stream.until("end") == []
    assert cloud.sessions[0].describe()["channels"] == []


async def test_subscribing_twice_does_not_double_the_data(cloud, stream, clients_channel) -> None:
    await stream.subscribe(clients_channel, clients_channel)
    cloud.stage.emit_stats("00005e005300")
    cloud.send_raw("end")
    assert len(await stream.until("end")) == 1


async def test_there_is_a_limit_to_channels(cloud, stream, clients_channel) -> None:
    await stream.subscribe("/test")
    cloud.sessions[0].channels.update(f"/filler/{number}" for number in range(MAX_CHANNELS - 1))
    refused, again = await stream.subscribe(clients_channel, "/test")
    assert (refused["event"], refused["detail"]) == ("subscribe_failed", "too many channels")
    assert again["event"] == "channel_subscribed"


async def test_nonsense_is_not_answered(cloud, stream) -> None:
    for text in ("", "{", "[]", "7", '{"subscribe": 3}', '{"hello": "there"}'):
        await stream.socket.send(text)
    await stream.socket.send(b'{"subscribe": "/test"}')
    assert (await stream.next())["channel"] == "/test"


# -- acknowledgements that go wrong ---------------------------------------------------------------


async def test_a_missing_acknowledgement(cloud, stream, clients_channel) -> None:
    cloud.faults.drop_acks("/stats/clients", times=1)
    await stream.socket.send(json.dumps({"subscribe": clients_channel}))
    assert (await stream.subscribe("/test"))[0]["channel"] == "/test"
    cloud.stage.emit_stats("00005e005300")
    assert (await stream.record())["mac"] == "00005e005300"


async def test_a_late_acknowledgement(cloud, stream, clock, clients_channel) -> None:
    cloud.faults.delay_acks(20.0, "/stats/clients", times=1)
    assert (await stream.subscribe(clients_channel))[0]["channel"] == clients_channel
    assert clock.slept == [20.0]


async def test_who_goes_does_not_wait_for_a_late_acknowledgement() -> None:
    async with SimulatedCloud(Campus(people=0), autorun=False) as cloud:
        cloud.faults.delay_acks(3600.0)
        async with connect(cloud.stream_url, additional_headers={"Authorization": f"Token {cloud.token}"}) as socket:
            await socket.send(json.dumps({"subscribe": "/test"}))
            await (await socket.ping())
        await asyncio.wait_for(cloud._hub.empty.wait(), 5)
        assert cloud.sessions == []


async def test_a_doubled_acknowledgement(cloud, stream, clients_channel) -> None:
    cloud.faults.duplicate_acks(times=1)
    first = (await stream.subscribe(clients_channel))[0]
    assert await stream.next() == first


async def test_a_channel_that_is_refused_on_purpose(cloud, stream, clients_channel) -> None:
    cloud.faults.refuse_channels("/stats/clients$", detail="not today", times=1)
    assert (await stream.subscribe(clients_channel))[0]["detail"] == "not today"
    assert (await stream.subscribe(clients_channel))[0]["event"] == "channel_subscribed"


# -- data -----------------------------------------------------------------------------------------


async def test_a_mute_stream_answers_pings_and_subscriptions_while_the_world_goes_on(
    cloud, stream, clients_channel
) -> None:
    await stream.subscribe(clients_channel)
    cloud.faults.mute()
    before = cloud.world.elapsed
    await cloud.advance(120)
    assert cloud.world.elapsed == before + 120
    await (await stream.socket.ping())
    assert (await stream.subscribe("/test"))[0]["event"] == "channel_subscribed"
    cloud.faults.unmute()
    cloud.stage.emit_stats("00005e005300")
    assert (await stream.record())["mac"] == "00005e005300"


async def test_doubled_frames_and_other_forms(cloud, stream, clients_channel) -> None:
    await stream.subscribe(clients_channel)
    cloud.faults.duplicate_frames("clients", times=1)
    cloud.stage.emit_stats("00005e005300")
    assert await stream.record() == await stream.record()
    cloud.faults.frame_form("object")
    cloud.stage.emit_stats("00005e005300")
    assert (await stream.next())["data"]["mac"] == "00005e005300"


async def test_raw_text_to_all_or_to_a_channel(cloud, stream, listening_as, clients_channel) -> None:
    async with listening_as(cloud.token) as other:
        await other.subscribe(clients_channel)
        assert cloud.send_raw("not json", clients_channel) == 1
        assert cloud.send_raw("end") == 2
        assert await other.socket.recv() == "not json"
        assert await stream.until("end") == []
    assert cloud.send_raw("x", "/nobody/listens") == 0


async def test_a_frame_goes_to_all_who_listen(cloud, stream, listening_as, clients_channel) -> None:
    async with listening_as(cloud.admin_token) as other:
        await stream.subscribe(clients_channel)
        await other.subscribe(clients_channel)
        cloud.stage.emit_stats("00005e005300")
        assert await stream.record() == await other.record()


# -- endings --------------------------------------------------------------------------------------


async def test_closing_with_a_code(cloud, stream) -> None:
    assert cloud.close_all(4000, "maintenance") == 1
    with pytest.raises(ConnectionClosedError) as closed:
        await stream.socket.recv()
    assert closed.value.rcvd is not None
    assert (closed.value.rcvd.code, closed.value.rcvd.reason) == (4000, "maintenance")


async def test_cutting_without_a_goodbye(cloud, stream) -> None:
    assert cloud.abort_all() == 1
    with pytest.raises(ConnectionClosedError) as closed:
        await stream.socket.recv()
    assert closed.value.rcvd is None


async def test_who_goes_is_forgotten(cloud, listening_as, clients_channel) -> None:
    async with listening_as(cloud.token) as listener:
        await listener.subscribe(clients_channel)
        assert len(cloud.sessions) == 1
    await asyncio.wait_for(cloud._hub.empty.wait(), 5)
    assert cloud.sessions == []
    cloud.stage.emit_stats("00005e005300")
    assert not cloud._hub.wanted(clients_channel)


async def _rest(socket: ClientConnection) -> AsyncIterator[str | bytes]:
    """What a socket still has to give before it ends."""
    with suppress(ConnectionClosed):
        while True:
            yield await socket.recv()


async def test_a_slow_reader_is_cut_off_and_the_others_go_on() -> None:
    async with SimulatedCloud(Campus(people=2), autorun=False, queue_limit=200) as cloud:
        headers = {"Authorization": f"Token {cloud.token}"}
        async with (
            connect(cloud.stream_url, additional_headers=headers, max_queue=1) as slow,
            connect(cloud.stream_url, additional_headers=headers) as quick,
        ):
            for socket in (slow, quick):
                await socket.send(json.dumps({"subscribe": "/test"}))
                await socket.recv()
            text = "x" * 60_000
            for _ in range(2000):
                cloud.send_raw(text)
                assert await quick.recv() == text
                if cloud.slow_readers:
                    break
            assert cloud.slow_readers == 1
            await (await quick.ping())
            assert [text async for text in _rest(slow)]
            assert [session.number for session in cloud.sessions] == [2]
