"""The connection loop: connect → subscribe → snapshot → live → (quiet) → … and again.

How to open a link, what to do with records and when to ask REST are handed in; this file decides the order of things
and how long to wait. One connection is three tasks that live and die together: one reads, one establishes
(channels, subscriptions, snapshot), one watches for what does not come.
"""

import asyncio
import random
from collections.abc import Awaitable, Callable, Iterable
from contextlib import AbstractAsyncContextManager, suppress
from dataclasses import replace
from typing import TypeVar

from mistlocate.clock import Clock
from mistlocate.errors import (
    AccessDenied,
    BudgetSpent,
    CloudError,
    ConnectionLost,
    HandshakeRefused,
    MistlocateError,
    NotFound,
    RateLimited,
    TokenRefused,
    TransportError,
)
from mistlocate.mist import frames
from mistlocate.mist.ends import Link, Session
from mistlocate.mist.frames import Acknowledged, Channel, ClientFrame, Event, Ledger, Refused, Subscription
from mistlocate.mist.health import Health
from mistlocate.mist.policy import Policy
from mistlocate.mist.silence import SilenceQuestion, SilentStreamError
from mistlocate.together import together

Answer = TypeVar("Answer")


class Stream:
    """Keeps a stream going for as long as `run` runs.

    `open_link` opens one connection. `pace` tells how many seconds the next connection has to wait so that snapshots
    stay within their share of the REST budget. `health` and `ledger` may be read at any time.
    """

    def __init__(
        self,
        open_link: Callable[[], AbstractAsyncContextManager[Link]],
        session: Session,
        *,
        clock: Clock,
        policy: Policy | None = None,
        pace: Callable[[], float] = lambda: 0.0,
        rng: Callable[[], float] = random.random,
    ) -> None:
        self.policy = policy or Policy()
        self.ledger = Ledger(self.policy.ack_timeout, self.policy.refused_delay)
        self.health = Health()
        self.last_frame: float | None = None
        """Monotonic time of the last frame, or of the connection if none has come yet."""
        self.frames = self.connections = 0
        self._open_link = open_link
        self._session = session
        self._clock = clock
        self._pace = pace
        self._rng = rng
        self._wake = asyncio.Event()
        self._look = asyncio.Event()
        """There is something to look at: another limit of silence, or what ends the present connection."""
        self._link: Link | None = None
        self._failures = self._refusals = 0
        self._delivering: set[Channel] = set()
        """Channels that have delivered since the ledger changed: it need not be told with every record."""
        self._question = SilenceQuestion(self.policy.silence)
        self._injected: MistlocateError | None = None

    async def run(self) -> None:
        """Connect, serve, wait, for ever. Only a defect of this program ends it."""
        while True:
            await self._wait(self._pace())
            failure = await self._connect_once()
            self._link = None
            if self._injected is not None:  # told while the connection ended anyway: it says more
                failure, self._injected = self._injected, None
            delay = self._delay_after(failure)
            self.health.closed(str(failure))
            self._session.changed()
            await self._wait(delay)
            if self.health.auth_failed and delay < self.policy.auth_probe and not self._wake.is_set():
                await self._wait(self.policy.auth_probe)  # a refusal met elsewhere was one too many

    def wake(self) -> None:
        """Stop waiting for the next connection: something may have changed."""
        self._wake.set()

    def fail(self, error: MistlocateError) -> None:
        """End the present connection: something else met an error (a refused token) that concerns it too."""
        if self._link is not None:
            self._injected = error
            self._look.set()
        elif isinstance(error, TokenRefused):
            self._give_up()

    async def subscribe(self, channels: Iterable[str]) -> None:
        """Make these the wanted channels, on this connection and on all to come."""
        released = self.ledger.want(channels)
        self._account()  # a channel that is not wanted any more is nobody's trouble
        link = self._link
        if link is not None:
            with suppress(ConnectionLost):  # the reader finds out, and acts on it
                for channel in released:
                    await link.send(frames.unsubscribe(channel))
        await self._send_due()

    def set_silence(self, limit: float) -> None:
        """How long the stream may say nothing, from now on; a silence that is longer already is asked about at once."""
        if limit != self.policy.silence:
            self.policy = replace(self.policy, silence=limit)
            self._question.heard(self.policy)
            self._look.set()

    # -- between connections ----------------------------------------------------------------------

    async def _connect_once(self) -> MistlocateError:
        """Open a link and serve it until it ends; return why it did."""
        try:
            async with self._open_link() as link:
                await self._serve(link)
            return ConnectionLost("the stream ended")
        except MistlocateError as error:
            return error

    def _delay_after(self, failure: MistlocateError) -> float:
        """How long to wait before the next connection; decides also whether the token is given up."""
        refused = isinstance(failure, HandshakeRefused) and failure.status in (401, 403)
        if (refused or isinstance(failure, TokenRefused)) and self._give_up():
            return self.policy.auth_probe
        self._failures += 1
        delay = self.policy.backoff(self._failures, self._rng())
        if isinstance(failure, HandshakeRefused) and failure.status == 429:
            delay += self.policy.stretched(failure.retry_after or self.policy.rate_limited_delay, self._rng())
        if isinstance(failure, RateLimited | BudgetSpent):
            delay += self.policy.stretched(failure.retry_after, self._rng())
        return delay

    def _give_up(self) -> bool:
        """The token was refused once more; return whether that was one too many."""
        self._refusals += 1
        self.health.auth_failed = self.health.auth_failed or self._refusals >= self.policy.auth_tries
        return self.health.auth_failed

    async def _wait(self, seconds: float) -> None:
        """Wait, or until `wake` is called."""
        self._wake.clear()
        if seconds > 0:
            with suppress(TimeoutError):
                async with self._clock.timeout(seconds):
                    await self._wake.wait()

    # -- one connection ---------------------------------------------------------------------------

    async def _serve(self, link: Link) -> None:
        self._link = link
        self._injected = None
        self.connections += 1
        self.last_frame = self._clock.monotonic()
        self._question.heard(self.policy)
        self.ledger.opened()
        self.health.opened()
        self._account()
        # If several end at once, a refused token says most, and that the line broke says least.
        await together(
            self._read(link),
            self._watch(),
            self._establish(),
            rank=lambda error: (not isinstance(error, TokenRefused), isinstance(error, ConnectionLost)),
        )

    async def _read(self, link: Link) -> None:
        """Frames are applied as they are read and read as they are applied: a slow reader slows the sender down."""
        while True:
            text = await link.receive()
            self.frames += 1
            self.last_frame = self._clock.monotonic()
            if self.health.silent or self.health.doubtful:
                self._heard_again()
            for event in frames.decode(text):
                self._take(event)

    def _take(self, event: Event) -> None:
        match event:
            case ClientFrame():
                # Data on a channel proves the subscription, whatever became of its acknowledgement.
                if event.channel not in self._delivering:
                    if self.ledger.granted(str(event.channel)):
                        self._account()
                    self._delivering.add(event.channel)
            case Acknowledged():
                if self.ledger.granted(event.channel):
                    self._account()
            case Refused():
                if self.ledger.refused(event.channel, event.detail, self._clock.monotonic()):
                    self._account()
        self._session.received(event)

    def _account(self) -> None:
        """Carry the ledger's counts over to the health."""
        self._delivering.clear()
        counts = self.ledger.counts()
        self.health.channels = sum(counts.values())
        self.health.refused = counts[Subscription.REFUSED.value]
        self.health.waiting = counts[Subscription.UNSENT.value] + counts[Subscription.SENT.value]
        self.health.overdue = len(self.ledger.overdue()) if self.health.waiting else 0
        self._session.changed()

    async def _establish(self) -> None:
        """Ask for channels, then take the snapshot without waiting for the answers."""
        channels = await self._persist(self._session.channels)
        self.health.auth_failed = False
        await self.subscribe(channels)
        await self._persist(self._session.snapshot)
        # Only now: a cloud that takes the token for one call and refuses it for the next counts as one that refuses.
        self._failures, self._refusals = 0, min(self._refusals, self._question.refusals)
        self.health.snapshot = True
        self._session.changed()

    async def _persist(self, ask: Callable[[], Awaitable[Answer]]) -> Answer:
        """Ask until there is an answer; meanwhile what stands in the way is the stream's trouble.

        A refused token is nothing to be patient about: it ends the connection.
        """
        failures = 0
        while True:
            try:
                answer = await ask()
            except TokenRefused:
                raise
            except (TransportError, CloudError) as error:
                failures += 1
                self._trouble(str(error))
                await self._clock.sleep(self._patience(error, failures))
            else:
                self._trouble(None)
                return answer

    def _patience(self, error: MistlocateError, failures: int) -> float:
        if isinstance(error, RateLimited | BudgetSpent):
            return self.policy.stretched(error.retry_after, self._rng()) + self.policy.backoff(1, self._rng())
        if isinstance(error, AccessDenied | NotFound) and failures >= self.policy.auth_tries:
            return self.policy.refused_delay  # somebody has to change something first: one try now and then
        return self.policy.backoff(failures, self._rng())

    def _trouble(self, text: str | None) -> None:
        if self.health.trouble != text:
            self.health.trouble = text
            self._session.changed()

    # -- watching ---------------------------------------------------------------------------------

    async def _watch(self) -> None:
        while True:
            await self._rest()
            await self._clock.sleep(self.policy.tick)
            if self._injected is not None:
                raise self._injected
            await self._send_due()
            if self.health.snapshot:
                await self._check_silence()

    async def _rest(self) -> None:
        """A connection that has everything is looked at when its silence becomes doubtful, and now and then.

        To be woken every second would be most of what it costs while nothing comes.
        """
        self._look.clear()
        if self.health.waiting or not self.health.snapshot or self._injected is not None:
            return
        silent_for = self._clock.monotonic() - (self.last_frame or 0.0)
        until_look = min(self._question.ask_after - silent_for, self.policy.longest_tick) - self.policy.tick
        if until_look > 0:
            with suppress(TimeoutError):
                async with self._clock.timeout(until_look):
                    await self._look.wait()

    async def _send_due(self) -> None:
        link, due = self._link, self.ledger.due(self._clock.monotonic())
        if link is None:
            return
        for channel in due:
            now = self._clock.monotonic()
            if link is not self._link:
                return  # the next connection asks by itself
            if not self.ledger.is_due(channel, now):
                continue  # asked for, answered or given up while the line was busy with those before
            # Noted first: the answer may be here before the next line runs.
            self.ledger.sent(channel, now)
            with suppress(ConnectionLost):
                await link.send(frames.subscribe(channel))
        if due:
            self._account()

    async def _check_silence(self) -> None:
        """Silence alone proves nothing (a building sleeps at night): ask REST whether it is real."""
        last, now = self.last_frame or 0.0, self._clock.monotonic()
        silent_for = now - last
        if silent_for < self._question.ask_after:
            return
        if (refusal := self._question.left_alone(now)) is not None:
            self._doubt(silent_for, refusal)
            return
        try:
            contradicted = await self._session.knows_better(silent_for)
        except (TransportError, CloudError) as error:
            if isinstance(error, TokenRefused | AccessDenied):
                self._question.refused(error.message, now, self.policy)
            if isinstance(error, TokenRefused):
                raise
            if self.last_frame == last:
                self._doubt(silent_for, error.message)
            return
        self._question.answered()
        self._refusals = 0
        if self.last_frame != last:
            return
        if contradicted:
            self._trouble("the stream is silent although REST has news")
            raise SilentStreamError("the stream was silent although REST had news")
        self._question.was_real(silent_for, self.policy)
        self.health.silent, self.health.doubtful, self.health.trouble = True, False, None
        self._session.changed()

    def _doubt(self, silent_for: float, why: str) -> None:
        """Nobody can say whether the silence is real."""
        self.health.doubtful = True
        self._question.unanswered(silent_for, self.policy)
        self._trouble(f"the stream is silent and REST cannot be asked: {why}")

    def _heard_again(self) -> None:
        if self.health.doubtful:
            self.health.trouble = None
        self.health.silent = self.health.doubtful = False
        self._question.heard(self.policy)
        self._session.changed()
