"""The connection loop in virtual time, against a cloud that is a script."""

import asyncio
import json
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from typing import Any

import pytest

from mistlocate.errors import (
    AccessDenied,
    BudgetSpent,
    CannotConnect,
    CloudTrouble,
    ConnectionLost,
    HandshakeRefused,
    RateLimited,
    TokenRefused,
)
from mistlocate.mist.frames import ClientFrame, Event
from mistlocate.mist.health import StreamState
from mistlocate.mist.policy import Policy
from mistlocate.mist.stream import Stream
from support.virtual import VirtualClock, virtual

SITE, MAP = "/sites/s/stats/clients", "/sites/s/stats/maps/m/clients"
RECORD = json.dumps({"mac": "00005e005301"})


class Link:
    """One connection, and what came over it."""

    def __init__(self, cloud: "Cloud") -> None:
        self.cloud = cloud
        self.sent: list[dict[str, str]] = []
        self.frames: asyncio.Queue[str | Exception] = asyncio.Queue()

    async def send(self, text: str) -> None:
        message = json.loads(text)
        self.sent.append(message)
        channel = message.get("subscribe")
        if channel and channel not in self.cloud.unanswered:
            event = "subscribe_failed" if channel in self.cloud.refused else "channel_subscribed"
            self.push({"event": event, "channel": channel, "detail": "denied"})

    async def receive(self) -> str:
        frame = await self.frames.get()
        if isinstance(frame, Exception):
            raise frame
        return frame

    def push(self, frame: dict[str, Any]) -> None:
        self.frames.put_nowait(json.dumps(frame))

    def data(self, channel: str = SITE) -> None:
        self.push({"event": "data", "channel": channel, "data": RECORD})

    def drop(self, code: int = 1006) -> None:
        self.frames.put_nowait(ConnectionLost("broke off", code=code))


class SlowLink(Link):
    """One that takes a while to send anything."""

    async def send(self, text: str) -> None:
        await asyncio.sleep(0.01)
        await super().send(text)


class Cloud:
    """Opens links, or refuses to."""

    link: type[Link] = Link

    def __init__(self) -> None:
        self.links: list[Link] = []
        self.attempts: list[float] = []
        self.unanswered: set[str] = set()
        self.refused: set[str] = set()
        self.refuse: Callable[[], Exception | None] = lambda: None

    @asynccontextmanager
    async def open(self) -> AsyncIterator[Link]:
        self.attempts.append(asyncio.get_running_loop().time())
        error = self.refuse()
        if error is not None:
            raise error
        link = self.link(self)
        self.links.append(link)
        yield link


class Owner:
    """The other side of the contract: records what the stream asks of it."""

    def __init__(self) -> None:
        self.stream: Stream
        self.calls: list[str] = []
        self.events: list[Event] = []
        self.states: list[str] = []
        self.fail: dict[str, list[Exception]] = {}
        self.better = False
        self.silences: list[float] = []

    def _call(self, name: str) -> None:
        self.calls.append(name)
        errors = self.fail.get(name)
        if errors:
            raise errors.pop(0)

    async def channels(self) -> list[str]:
        self._call("channels")
        return [SITE, MAP]

    async def snapshot(self) -> None:
        self.sent_before = list(self.stream.ledger)
        self._call("snapshot")

    def received(self, event: Event) -> None:
        self.events.append(event)

    async def knows_better(self, silent_for: float) -> bool:
        self.silences.append(silent_for)
        self._call("knows_better")
        return self.better

    def changed(self) -> None:
        state = self.stream.health.state()[0].value
        if not self.states or self.states[-1] != state:
            self.states.append(state)


class Case:
    """A running stream and everything around it."""

    def __init__(self, cloud: Cloud, owner: Owner, stream: Stream) -> None:
        self.cloud, self.owner, self.stream = cloud, owner, stream

    @property
    def state(self) -> StreamState:
        return self.stream.health.state()[0]

    @property
    def reason(self) -> str:
        return self.stream.health.state()[1]

    @property
    def link(self) -> Link:
        return self.cloud.links[-1]

    async def after(self, seconds: float) -> StreamState:
        await asyncio.sleep(seconds)
        return self.state


@asynccontextmanager
async def case(cloud: Cloud | None = None, owner: Owner | None = None, **options: Any) -> AsyncIterator[Case]:
    cloud, owner = cloud or Cloud(), owner or Owner()
    options = {"clock": VirtualClock(), "policy": Policy(), "rng": lambda: 0.5, **options}
    stream = owner.stream = Stream(cloud.open, owner, **options)
    task = asyncio.create_task(stream.run())
    try:
        yield Case(cloud, owner, stream)
    finally:
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)


class TestSeveralEnds:
    @virtual
    async def test_of_several_at_once_a_refused_token_says_most(self) -> None:
        gate = asyncio.Event()

        class Waiting(Owner):
            async def snapshot(self) -> None:
                await gate.wait()
                raise TokenRefused("the token is refused", status=401)

        async with case(owner=Waiting()) as it:
            await it.after(0.5)
            gate.set()
            it.link.drop()
            await it.after(0.1)
            assert it.stream.health.last_failure == "the token is refused"


class TestEstablishing:
    @virtual
    async def test_connect_subscribe_snapshot_live(self) -> None:
        async with case() as it:
            assert await it.after(0.5) is StreamState.LIVE
            assert it.owner.calls == ["channels", "snapshot"]
            assert it.link.sent == [{"subscribe": SITE}, {"subscribe": MAP}]
            assert [channel for channel, _ in it.owner.sent_before] == [SITE, MAP], "subscribed before the snapshot"
            assert it.stream.frames == 2
            assert it.owner.states == ["subscribing", "live"]

    @virtual
    async def test_the_snapshot_does_not_wait_for_acknowledgements_and_live_waits_for_both(self) -> None:
        cloud = Cloud()
        cloud.unanswered = {MAP}
        async with case(cloud) as it:
            assert await it.after(0.5) is StreamState.SUBSCRIBING
            assert "snapshot" in it.owner.calls
            it.link.push({"event": "channel_subscribed", "channel": MAP})
            assert await it.after(0.1) is StreamState.LIVE

    @virtual
    async def test_a_missing_acknowledgement_is_asked_for_again_alone(self) -> None:
        cloud = Cloud()
        cloud.unanswered = {MAP}
        async with case(cloud) as it:
            assert await it.after(12) is StreamState.DEGRADED
            assert "1 of 2 channels not acknowledged" in it.reason
            assert it.link.sent[2:] == [{"subscribe": MAP}]
            cloud.unanswered.clear()
            assert await it.after(30) is StreamState.LIVE
            assert len(cloud.links) == 1

    @virtual
    async def test_data_on_a_channel_acknowledges_it(self) -> None:
        cloud = Cloud()
        cloud.unanswered = {MAP}
        async with case(cloud) as it:
            await it.after(0.5)
            it.link.data(MAP)
            assert await it.after(0.1) is StreamState.LIVE

    @virtual
    async def test_data_also_overrules_a_refusal_that_came_after_other_data(self) -> None:
        async with case(Cloud()) as it:
            await it.after(0.5)
            it.link.data(MAP)
            assert await it.after(0.1) is StreamState.LIVE
            it.link.push({"event": "subscribe_failed", "channel": MAP, "detail": "denied"})
            assert await it.after(0.1) is StreamState.DEGRADED
            it.link.data(MAP)
            assert await it.after(0.1) is StreamState.LIVE

    @virtual
    async def test_a_refused_channel_costs_no_other(self) -> None:
        cloud = Cloud()
        cloud.refused = {MAP}
        async with case(cloud) as it:
            assert await it.after(1) is StreamState.DEGRADED
            assert "1 of 2 channels refused" in it.reason
            it.link.data(SITE)
            await it.after(0.1)
            assert any(isinstance(event, ClientFrame) for event in it.owner.events)
            assert await it.after(600) is StreamState.DEGRADED
            assert len(it.link.sent) == 2, "it is left alone for a while"
            cloud.refused.clear()
            it.owner.silences.clear()
            assert await it.after(400) in (StreamState.LIVE, StreamState.QUIET)
            assert it.link.sent[2:] == [{"subscribe": MAP}]

    @virtual
    async def test_other_channels_can_be_wanted_later(self) -> None:
        async with case() as it:
            await it.after(0.5)
            await it.stream.subscribe([SITE, "/sites/s/stats/maps/n/clients"])
            assert it.link.sent[2:] == [{"unsubscribe": MAP}, {"subscribe": "/sites/s/stats/maps/n/clients"}]
            it.link.drop()
            await it.after(5)
            assert {"subscribe": SITE} in it.link.sent, "on the next connection all are sent again"
            assert len(it.cloud.links) == 2

    @virtual
    async def test_the_snapshot_retries_by_itself(self) -> None:
        owner = Owner()
        owner.fail["snapshot"] = [
            CloudTrouble("HTTP 500"),
            CannotConnect("no route"),
            BudgetSpent("used up", retry_after=20),
        ]
        async with case(owner=owner) as it:
            assert await it.after(0.5) is StreamState.DEGRADED
            assert "HTTP 500" in it.reason
            assert await it.after(5) is StreamState.DEGRADED
            assert "used up" in it.reason
            assert await it.after(25) is StreamState.LIVE
            assert len(it.cloud.links) == 1

    @virtual
    async def test_what_somebody_has_to_mend_first_is_asked_for_slowly(self) -> None:
        owner = Owner()
        owner.fail["channels"] = [AccessDenied("no role", status=403) for _ in range(100)]
        async with case(owner=owner) as it:
            assert await it.after(3600) is StreamState.DEGRADED
            assert "no role" in it.reason
            assert owner.calls.count("channels") == 3 + 3  # a few, and then one every 15 minutes

    @virtual
    async def test_three_tries_and_no_more_for_a_quarter_of_an_hour(self) -> None:
        owner = Owner()
        owner.fail["channels"] = [AccessDenied("no role", status=403) for _ in range(100)]
        async with case(owner=owner) as it:
            await it.after(880)
            assert owner.calls.count("channels") == 3

    @virtual
    async def test_a_token_that_is_taken_for_one_call_and_refused_for_the_next_is_refused(self) -> None:
        owner = Owner()
        owner.fail["snapshot"] = [TokenRefused("no", status=401) for _ in range(100)]
        async with case(owner=owner) as it:
            assert await it.after(800) is StreamState.AUTH_FAILED
            assert owner.calls.count("snapshot") == 3

    @virtual
    async def test_a_pause_that_was_asked_for_is_stretched_by_chance(self) -> None:
        chances = iter([0.0, 1.0] * 50)
        cloud = Cloud()
        cloud.refuse = lambda: HandshakeRefused(429, retry_after=20)
        async with case(cloud, rng=lambda: next(chances)):
            await asyncio.sleep(100)
            assert cloud.attempts[1] - cloud.attempts[0] == 0.5 + 20 + 10


class TestOtherChannels:
    @virtual
    @pytest.mark.parametrize("fault", ["refused", "unanswered"])
    async def test_what_is_not_wanted_any_more_degrades_nothing(self, fault: str) -> None:
        cloud = Cloud()
        getattr(cloud, fault).add(MAP)
        async with case(cloud) as it:
            assert await it.after(15) is StreamState.DEGRADED
            await it.stream.subscribe([SITE])
            assert it.state is StreamState.LIVE

    @virtual
    async def test_a_slow_line_is_asked_once_for_each_channel(self) -> None:
        many = [f"/sites/s/stats/maps/m{number}/clients" for number in range(300)]

        class Large(Owner):
            async def channels(self) -> list[str]:
                return many

        cloud = Cloud()
        cloud.link = SlowLink
        async with case(cloud, Large()) as it:
            assert await it.after(10) is StreamState.LIVE
            assert [message["subscribe"] for message in it.link.sent] == many
            assert "degraded" not in it.owner.states

    @virtual
    async def test_a_channel_that_is_given_up_before_its_turn_is_not_asked_for(self) -> None:
        cloud = Cloud()
        cloud.link = SlowLink
        async with case(cloud) as it:
            await it.after(1)
            more = asyncio.create_task(it.stream.subscribe([SITE, MAP, "/sites/s/stats/clients2", "late"]))
            await asyncio.sleep(0.005)
            await it.stream.subscribe([SITE, MAP])
            await more
            assert {"subscribe": "late"} not in it.link.sent

    @virtual
    async def test_the_line_may_break_while_channels_are_asked_for(self) -> None:
        cloud = Cloud()
        cloud.link = SlowLink
        async with case(cloud) as it:
            await it.after(1)
            before = it.link
            wanted = [SITE, *(f"/sites/s/stats/maps/n{number}/clients" for number in range(300))]
            more = asyncio.create_task(it.stream.subscribe(wanted))
            await asyncio.sleep(0.05)
            before.drop()
            await more
            sent = len(before.sent)
            await it.after(10)
            assert len(before.sent) == sent
            assert await it.after(1) is StreamState.LIVE
            assert it.stream.connections == 2

    @virtual
    async def test_what_is_sent_late_over_an_old_line_counts_for_no_other(self) -> None:
        class Stuck(Link):
            async def send(self, text: str) -> None:
                if "stuck" in text and self is cloud.links[0]:
                    await asyncio.sleep(20)
                await super().send(text)

        class Slow(Owner):
            async def channels(self) -> list[str]:
                await asyncio.sleep(5 * len(self.calls))
                return await super().channels()

        cloud = Cloud()
        cloud.link = Stuck
        async with case(cloud, Slow(), pace=iter([0.0, 19.0]).__next__) as it:
            await it.after(1)
            more = asyncio.create_task(it.stream.subscribe([SITE, MAP, "stuck", "late"]))
            await asyncio.sleep(0.05)
            it.link.drop()
            await more
            assert len(cloud.links) == 2
            assert cloud.links[0].sent[2:] == [{"subscribe": "stuck"}]
            await it.after(1)
            assert {"subscribe": "late"} in cloud.links[1].sent

    @virtual
    async def test_the_line_may_break_while_channels_are_given_back(self) -> None:
        cloud = Cloud()
        cloud.link = SlowLink
        async with case(cloud) as it:
            await it.after(1)
            await it.stream.subscribe([SITE, MAP, *(f"n{number}" for number in range(20))])
            fewer = asyncio.create_task(it.stream.subscribe([SITE, MAP]))
            await asyncio.sleep(0.05)
            it.link.drop()
            await fewer
            assert await it.after(10) is StreamState.LIVE


class TestRest:
    """A connection that has everything is looked at rarely, and at once where there is something."""

    @virtual
    async def test_an_idle_connection_is_not_looked_at_every_second(self) -> None:
        sleeps: list[float] = []

        class Counted(VirtualClock):
            async def sleep(self, seconds: float) -> None:
                sleeps.append(seconds)
                await super().sleep(seconds)

        async with case(clock=Counted()) as it:
            await it.after(10)
            sleeps.clear()
            await it.after(1000)
            assert 0 < len(sleeps) < 150

    @virtual
    async def test_a_channel_that_is_wanted_later_is_waited_for_as_long_as_any(self) -> None:
        async with case() as it:
            await it.after(35)
            it.cloud.unanswered = {"late"}
            await it.stream.subscribe([SITE, MAP, "late"])
            assert await it.after(9) is not StreamState.LIVE
            assert it.link.sent.count({"subscribe": "late"}) == 1
            await it.after(3)
            assert it.link.sent.count({"subscribe": "late"}) == 2

    @virtual
    async def test_what_ends_it_ends_it_at_once(self) -> None:
        async with case() as it:
            await it.after(35)
            it.stream.fail(TokenRefused("HTTP 401", status=401))
            await it.after(1.5)
            assert it.link is not it.cloud.links[0] or it.state is StreamState.CONNECTING


class TestReconnecting:
    @virtual
    async def test_everything_is_done_anew(self) -> None:
        async with case() as it:
            await it.after(0.5)
            it.link.drop()
            assert await it.after(0.01) is StreamState.CONNECTING
            assert "broke off" in it.reason
            assert await it.after(3) is StreamState.LIVE
            assert it.owner.calls == ["channels", "snapshot"] * 2
            assert it.link.sent == [{"subscribe": SITE}, {"subscribe": MAP}]
            assert it.stream.connections == 2

    @virtual
    async def test_delays_grow_and_are_reset_by_success(self) -> None:
        cloud = Cloud()
        cloud.refuse = lambda: CannotConnect("no route")
        async with case(cloud, rng=lambda: 1.0) as it:
            await it.after(300)
            gaps = [round(b - a, 3) for a, b in zip(cloud.attempts, cloud.attempts[1:], strict=False)]
            assert gaps[:8] == [1, 2, 4, 8, 16, 32, 60, 60]
            cloud.refuse = lambda: None
            assert await it.after(61) is StreamState.LIVE
            it.link.drop()
            await it.after(1.1)
            assert len(cloud.links) == 2

    @virtual
    async def test_delays_are_spread_so_that_many_do_not_come_back_in_step(self) -> None:
        chances = iter([0.0, 0.25, 1.0] * 50)
        cloud = Cloud()
        cloud.refuse = lambda: CannotConnect("no route")
        async with case(cloud, rng=lambda: next(chances)):
            await asyncio.sleep(5)
            assert cloud.attempts[1] == 0.5
            assert cloud.attempts[2] - cloud.attempts[1] == 2 * 0.625

    @virtual
    async def test_pacing_holds_a_flapping_line_back(self) -> None:
        waits = iter([0.0, 0.0, 100.0, 0.0])
        async with case(pace=lambda: next(waits, 0.0)) as it:
            await it.after(0.5)
            it.link.drop()
            await it.after(3)
            it.link.drop()
            assert await it.after(50) is StreamState.CONNECTING
            assert await it.after(60) is StreamState.LIVE

    @virtual
    @pytest.mark.parametrize(("retry_after", "least", "most"), [(120.0, 120, 152), (None, 30, 42)])
    async def test_a_429_of_the_handshake_sets_a_floor(
        self, retry_after: float | None, least: float, most: float
    ) -> None:
        cloud = Cloud()
        cloud.refuse = lambda: HandshakeRefused(429, retry_after=retry_after)
        async with case(cloud):
            await asyncio.sleep(400)
            assert least <= cloud.attempts[1] - cloud.attempts[0] <= most

    @virtual
    async def test_a_budget_of_rest_calls_delays_nothing_but_rest(self) -> None:
        owner = Owner()
        owner.fail["channels"] = [RateLimited("pause", retry_after=40)]
        async with case(owner=owner) as it:
            assert await it.after(39) is StreamState.DEGRADED
            assert await it.after(13) is StreamState.LIVE
            assert len(it.cloud.attempts) == 1

    @virtual
    async def test_waiting_can_be_cut_short(self) -> None:
        cloud = Cloud()
        cloud.refuse = lambda: CannotConnect("no route")
        async with case(cloud) as it:
            await it.after(200)
            attempts = len(cloud.attempts)
            cloud.refuse = lambda: None
            it.stream.wake()
            assert await it.after(0.5) is StreamState.LIVE
            assert len(cloud.attempts) == attempts + 1

    @virtual
    async def test_a_defect_is_not_mistaken_for_the_network(self) -> None:
        owner = Owner()
        owner.fail["snapshot"] = [ZeroDivisionError()]
        stream = owner.stream = Stream(Cloud().open, owner, clock=VirtualClock())
        with pytest.raises(ZeroDivisionError):
            await stream.run()

    @virtual
    async def test_it_ends_even_if_the_line_breaks_in_the_same_moment(self) -> None:
        """asyncio's task groups forget a cancellation that comes together with an error."""
        for what in ("link", "snapshot"):
            cloud, owner = Cloud(), Owner()
            stream = owner.stream = Stream(cloud.open, owner, clock=VirtualClock())
            if what == "snapshot":
                owner.fail["snapshot"] = [CloudTrouble("HTTP 500")]
            task = asyncio.create_task(stream.run())
            await asyncio.sleep(0.5)
            cloud.links[-1].drop()
            await asyncio.sleep(0)
            await asyncio.sleep(0)
            task.cancel()
            await asyncio.sleep(3)
            assert task.cancelled(), what


class TestRefusedTokens:
    @virtual
    @pytest.mark.parametrize("status", [401, 403])
    async def test_three_tries_then_one_probe_every_quarter_of_an_hour(self, status: int) -> None:
        cloud = Cloud()
        cloud.refuse = lambda: HandshakeRefused(status)
        async with case(cloud) as it:
            assert await it.after(60) is StreamState.AUTH_FAILED
            assert len(cloud.attempts) == 3
            await it.after(3600)
            assert len(cloud.attempts) == 7

    @virtual
    async def test_refused_by_rest_counts_the_same(self) -> None:
        owner = Owner()
        owner.fail["channels"] = [TokenRefused("HTTP 401", status=401) for _ in range(50)]
        async with case(owner=owner) as it:
            assert await it.after(60) is StreamState.AUTH_FAILED
            assert "HTTP 401" in it.reason
            assert len(it.cloud.attempts) == 3

    @virtual
    async def test_a_probe_that_succeeds_ends_it(self) -> None:
        cloud = Cloud()
        cloud.refuse = lambda: HandshakeRefused(401)
        async with case(cloud) as it:
            assert await it.after(60) is StreamState.AUTH_FAILED
            cloud.refuse = lambda: None
            it.stream.wake()
            assert await it.after(1) is StreamState.LIVE
            cloud.refuse = lambda: HandshakeRefused(401)
            it.link.drop()
            await it.after(1)
            assert it.state is StreamState.CONNECTING, "one refusal after a success is not the end yet"

    @virtual
    async def test_a_refusal_met_elsewhere_ends_the_connection(self) -> None:
        async with case() as it:
            await it.after(0.5)
            it.cloud.refuse = lambda: HandshakeRefused(401)
            it.stream.fail(TokenRefused("HTTP 401", status=401))
            assert await it.after(10) is StreamState.AUTH_FAILED
            assert len(it.cloud.attempts) == 3, "the connection itself counts as the first try"

    @virtual
    async def test_refusals_met_elsewhere_while_waiting_count_at_once(self) -> None:
        async with case() as it:
            await it.after(0.5)
            it.cloud.refuse = lambda: HandshakeRefused(401)
            it.link.drop()
            await it.after(1.5)
            tried = len(it.cloud.attempts)
            for _ in range(3):
                it.stream.fail(TokenRefused("HTTP 401", status=401))
            assert await it.after(100) is StreamState.AUTH_FAILED
            assert len(it.cloud.attempts) == tried
            await it.after(900)
            assert len(it.cloud.attempts) == tried + 1, "one probe every 15 minutes"


class TestSilence:
    @virtual
    async def test_a_quiet_night_is_quiet_and_costs_few_questions(self) -> None:
        async with case() as it:
            assert await it.after(89) is StreamState.LIVE
            assert await it.after(3) is StreamState.QUIET
            assert await it.after(8 * 3600) is StreamState.QUIET
            assert len(it.cloud.attempts) == 1, "no false alarm"
            assert len(it.owner.silences) <= 40
            it.link.data()
            assert await it.after(0.1) is StreamState.LIVE

    @virtual
    async def test_a_new_limit_holds_at_once(self) -> None:
        async with case(policy=Policy(silence=600)) as it:
            await it.after(105)
            it.stream.set_silence(60)
            assert await it.after(2) is StreamState.QUIET, "silent for longer than that already"
            it.link.data()
            await it.after(1)
            it.stream.set_silence(300)
            await it.after(290)
            assert len(it.owner.silences) == 1
            assert await it.after(20) is StreamState.QUIET

    @virtual
    async def test_the_same_limit_again_asks_nothing_anew(self) -> None:
        async with case() as it:
            await it.after(100)
            it.stream.set_silence(90)
            await it.after(30)
            assert len(it.owner.silences) == 1

    @virtual
    async def test_silence_that_rest_contradicts_ends_the_connection(self) -> None:
        async with case() as it:
            await it.after(0.5)
            it.owner.better = True
            await it.after(95)
            assert "degraded" in it.owner.states
            it.owner.better = False
            assert await it.after(5) is StreamState.LIVE
            assert it.stream.connections == 2
            assert "silent" in (it.stream.health.last_failure or "")

    @virtual
    async def test_silence_that_rest_cannot_judge_is_doubted_until_the_next_frame(self) -> None:
        async with case() as it:
            await it.after(0.5)
            it.owner.fail["knows_better"] = [CloudTrouble("HTTP 502")]
            assert await it.after(95) is StreamState.DEGRADED
            assert "HTTP 502" in it.reason
            it.link.data()
            assert await it.after(0.1) is StreamState.LIVE

    @virtual
    async def test_a_doubt_is_settled_by_the_next_question(self) -> None:
        async with case() as it:
            await it.after(0.5)
            it.owner.fail["knows_better"] = [CloudTrouble("HTTP 502")]
            assert await it.after(95) is StreamState.DEGRADED
            assert await it.after(95) is StreamState.QUIET

    @virtual
    async def test_a_question_that_may_not_be_asked_is_left_alone_after_three_tries(self) -> None:
        async with case() as it:
            it.owner.fail["knows_better"] = [AccessDenied("HTTP 403", status=403) for _ in range(4)]
            assert await it.after(600) is StreamState.DEGRADED
            assert "HTTP 403" in it.reason
            assert len(it.owner.silences) == 3
            it.link.data()
            assert await it.after(1) is StreamState.LIVE, "the others go on"
            assert await it.after(120) is StreamState.DEGRADED, "another silence, and it may still not be asked"
            assert len(it.owner.silences) == 3
            await it.after(600)
            assert len(it.owner.silences) == 4, "once in a quarter of an hour"
            assert it.stream.connections == 1
            assert await it.after(1000) is StreamState.QUIET
            it.link.data()
            it.owner.fail["knows_better"] = [AccessDenied("HTTP 403", status=403) for _ in range(2)]
            assert await it.after(300) is StreamState.QUIET, "one that was answered begins the count anew"

    @virtual
    async def test_a_token_that_is_refused_for_the_question_alone_is_refused(self) -> None:
        async with case() as it:
            it.owner.fail["knows_better"] = [TokenRefused("HTTP 401", status=401) for _ in range(5)]
            assert await it.after(300) is StreamState.AUTH_FAILED
            assert "HTTP 401" in it.reason
            assert len(it.owner.silences) == 3
            assert await it.after(800) is StreamState.AUTH_FAILED
            assert len(it.owner.silences) == 3
            await it.after(300)
            assert len(it.owner.silences) == 4, "one probe every 15 minutes"
            assert it.state is StreamState.AUTH_FAILED
            await it.after(1900)
            assert len(it.owner.silences) == 6, "taken again"
            assert it.state is StreamState.QUIET
            it.owner.fail["knows_better"] = [TokenRefused("HTTP 401", status=401)]
            it.link.data()
            await it.after(120)
            assert it.state is StreamState.LIVE, "one refusal after a success is not the end yet"
            assert it.owner.fail["knows_better"] == []

    @virtual
    async def test_a_refused_question_counts_as_one_of_the_three_tries(self) -> None:
        async with case() as it:
            await it.after(1)
            it.owner.fail["knows_better"] = [TokenRefused("HTTP 401", status=401)]
            it.cloud.refuse = lambda: HandshakeRefused(401)
            assert await it.after(120) is StreamState.AUTH_FAILED
            assert len(it.owner.silences) + len(it.cloud.attempts) - 1 == 3

    @virtual
    async def test_a_frame_that_comes_while_rest_is_asked_settles_it(self) -> None:
        class Slow(Owner):
            async def knows_better(self, silent_for: float) -> bool:
                await asyncio.sleep(2)
                return True

        async with case(owner=Slow()) as it:
            await it.after(91)
            it.link.data()
            assert await it.after(5) is StreamState.LIVE
            assert it.stream.connections == 1

    @virtual
    async def test_frames_keep_it_from_asking(self) -> None:
        async with case() as it:
            for _ in range(20):
                await it.after(60)
                it.link.data()
            assert it.owner.silences == []


@virtual
async def test_ten_thousand_broken_connections_leave_no_task_behind() -> None:
    """Whatever ends a connection, the next one is live, and nothing piles up."""
    async with case(policy=Policy(first_delay=0.1, longest_delay=0.2)) as it:
        tasks = None
        for number in range(10_000):
            await it.after(0.5)
            assert it.state is StreamState.LIVE
            if tasks is None:
                tasks = len(asyncio.all_tasks())
            it.link.drop((1000, 1001, 1006, 1008, 1011, 1012, 1013)[number % 7])
        await it.after(1)
        assert len(asyncio.all_tasks()) == tasks
        assert it.stream.connections == 10_001
