import asyncio
import json
import logging
import math
import signal
import socket
import time

import httpx
import pytest
from websockets.asyncio.client import connect
from websockets.exceptions import ConnectionClosed

from mistlocate.simulator import Campus, CannotListen, SimClock, SimulatedCloud, SimulatorError, World, run

NOBODY = Campus(people=0)


async def test_it_says_where_it_is() -> None:
    async with SimulatedCloud(NOBODY, autorun=False) as cloud:
        assert cloud.url == f"http://127.0.0.1:{cloud.port}"
        assert cloud.stream_url == f"ws://127.0.0.1:{cloud.port}/api-ws/v1/stream"
        assert cloud.port > 0
        assert cloud.token != cloud.admin_token


async def test_a_port_in_use_is_said_so() -> None:
    async with SimulatedCloud(NOBODY, autorun=False) as cloud:
        with pytest.raises(CannotListen, match=str(cloud.port)) as caught:
            await SimulatedCloud(NOBODY, port=cloud.port).__aenter__()
        assert isinstance(caught.value, SimulatorError)
        assert caught.value.port == cloud.port


async def test_the_port_is_free_again_afterwards() -> None:
    async with SimulatedCloud(NOBODY, autorun=False) as cloud:
        port = cloud.port
    async with SimulatedCloud(NOBODY, autorun=False, port=port) as again:
        assert again.port == port


class Sleeper(SimClock):
    """Tells when somebody begins a long sleep."""

    def __init__(self) -> None:
        super().__init__()
        self.asleep = asyncio.Event()

    async def sleep(self, seconds: float) -> None:
        if seconds > 1000:
            self.asleep.set()
        await super().sleep(seconds)


async def test_it_stops_at_once_with_open_streams_and_calls(caplog: pytest.LogCaptureFixture) -> None:
    clock = Sleeper()
    cloud = SimulatedCloud(Campus(people=5), clock=clock)
    async with httpx.AsyncClient() as client:
        async with cloud:
            headers = {"Authorization": f"Token {cloud.token}"}
            cloud.faults.rest("/usage$", delay=3600.0)
            sockets = [await connect(cloud.stream_url, additional_headers=headers) for _ in range(3)]
            await client.get(f"{cloud.url}/api/v1/self", headers=headers)
            hanging = asyncio.create_task(client.get(f"{cloud.url}/api/v1/self/usage", headers=headers))
            await clock.asleep.wait()
            begun = time.monotonic()
        assert time.monotonic() - begun < 2.0
        for opened in sockets:
            with pytest.raises(ConnectionClosed) as closed:
                await opened.recv()
            assert closed.value.rcvd is not None
            assert closed.value.rcvd.code == 1001
        with pytest.raises(httpx.TransportError):
            await hanging
    assert [record for record in caplog.records if record.levelno >= logging.ERROR] == []


async def test_it_stops_at_once_with_a_reader_that_does_not_read() -> None:
    async with SimulatedCloud(NOBODY, autorun=False) as cloud:
        headers = {"Authorization": f"Token {cloud.token}"}
        deaf = await connect(cloud.stream_url, additional_headers=headers, max_queue=1, close_timeout=0.1)
        for _ in range(500):
            cloud.send_raw("x" * 60_000)
        await asyncio.sleep(0)
        begun = time.monotonic()
    assert time.monotonic() - begun < 2.0
    await deaf.close()


async def test_signals_stay_with_the_program() -> None:
    before = signal.getsignal(signal.SIGINT), signal.getsignal(signal.SIGTERM)
    async with SimulatedCloud(NOBODY, autorun=False):
        assert (signal.getsignal(signal.SIGINT), signal.getsignal(signal.SIGTERM)) == before


# -- time -----------------------------------------------------------------------------------------


async def test_by_itself_nothing_moves_without_autorun(cloud: SimulatedCloud, clock) -> None:
    clock.time += 500.0
    assert cloud.world.elapsed == 0.0
    assert cloud.now() == clock.time
    await cloud.advance(600.0)
    assert cloud.world.elapsed == 600.0
    assert cloud.now() == clock.time + 100.0


async def test_with_autorun_the_world_follows_the_clock_and_pushes() -> None:
    async with SimulatedCloud(Campus(people=10), clock=SimClock(speed=200.0)) as cloud:
        headers = {"Authorization": f"Token {cloud.token}"}
        async with connect(cloud.stream_url, additional_headers=headers) as listener:
            await listener.send(json.dumps({"subscribe": f"/sites/{cloud.site_id}/stats/clients"}))
            frames = [json.loads(await listener.recv()) for _ in range(6)]
        records = [json.loads(frame["data"]) for frame in frames[1:]]
        assert all(abs(record["last_seen"] - cloud.now()) < 3600 for record in records)
        assert cloud.world.elapsed > 0


async def test_advance_runs_ahead_of_the_clock_with_autorun() -> None:
    async with SimulatedCloud(NOBODY) as cloud:
        before = cloud.now()
        await cloud.advance(3600.0)
        assert 3600.0 <= cloud.now() - before < 3700.0
        assert cloud.world.elapsed >= 3600.0


async def test_a_world_of_ones_own_begins_now(clock) -> None:
    world = World(Campus(people=3))
    world.step(100.0)
    async with SimulatedCloud(world, clock=clock, autorun=False) as cloud:
        assert cloud.world is world
        assert world.now == clock.wall()


async def test_what_goes_wrong_in_the_world_is_not_lost(monkeypatch: pytest.MonkeyPatch) -> None:
    cloud = SimulatedCloud(NOBODY, clock=SimClock(speed=1000.0))

    def broken(seconds: float) -> list[object]:
        raise ZeroDivisionError(str(seconds))

    async def scene() -> None:
        async with cloud:
            monkeypatch.setattr(cloud.world, "step", broken)
            assert cloud._runner is not None
            await asyncio.wait([cloud._runner])

    with pytest.raises(ZeroDivisionError):
        await scene()
    with socket.socket() as probe:
        assert probe.connect_ex(("127.0.0.1", cloud.port)) != 0


async def test_run_serves_until_it_is_cancelled() -> None:
    started: asyncio.Future[SimulatedCloud] = asyncio.get_running_loop().create_future()
    task = asyncio.create_task(run(NOBODY, started=started.set_result))
    cloud = await started
    async with httpx.AsyncClient() as client:
        assert (await client.get(f"{cloud.url}/")).status_code == 200
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    with socket.socket() as probe:
        assert probe.connect_ex(("127.0.0.1", cloud.port)) != 0


async def test_others_have_their_turn_while_it_catches_up() -> None:
    turns = 0

    async def count() -> None:
        nonlocal turns
        while True:
            turns += 1
            await asyncio.sleep(0)

    async with SimulatedCloud(Campus(people=5, floors=1), autorun=False) as cloud:
        counting = asyncio.create_task(count())
        await cloud.advance(3600.0)
        counting.cancel()
    assert turns >= 40


async def test_a_step_is_never_more_than_can_be_waited_for() -> None:
    steps = []
    world = World(Campus(people=5, floors=1, rate=1000.0))
    step = world.step
    world.step = lambda seconds: steps.append(seconds) or step(seconds)  # type: ignore[func-returns-value,method-assign]
    async with SimulatedCloud(world, autorun=False) as cloud:
        await cloud.advance(90.0)
    assert max(steps) * 1000.0 <= 20_000


@pytest.mark.parametrize("number", [math.inf, math.nan, 0.0])
def test_numbers_that_no_campus_can_run_at(number: float) -> None:
    with pytest.raises(ValueError, match="above 0"):
        Campus(rate=number)
    with pytest.raises(ValueError, match="above 0"):
        SimClock(number)
