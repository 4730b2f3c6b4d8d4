"""The stream: sessions, their channels, and what is pushed to them.

A frame is encoded once, whoever gets it. Each session has a queue and one task that empties it, so that a slow reader
holds up nobody else; when its queue is full, it is told so and cut off.
"""

import asyncio
import re
from collections import deque
from collections.abc import Awaitable, Callable, Coroutine, Iterable, Iterator
from contextlib import suppress
from dataclasses import dataclass, field
from itertools import count
from typing import Any

import orjson
from starlette.types import Receive, Send

from mistlocate.simulator.faults import Faults

MAX_CHANNELS = 2000
GOODBYE_SECONDS = 0.5
_BATCH = 100
_PATIENCE = 60
_SITE = re.compile(r"/sites/([0-9a-f-]{36})/(?:stats/(?:clients|devices)|devices)")
_MAP = re.compile(
    r"/sites/([0-9a-f-]{36})/stats/maps/([0-9a-f-]{36})/"
    r"(?:clients|unconnected_clients|sdkclients|assets|discovered_assets)"
)
TEST_CHANNEL = "/test"

Pause = Callable[[float], Awaitable[bool]]


def parse_channel(channel: str) -> tuple[str | None, str | None] | None:
    """The site and the map that a channel is about; None if there is no such channel."""
    if channel == TEST_CHANNEL:
        return None, None
    if found := _MAP.fullmatch(channel):
        return found[1], found[2]
    if found := _SITE.fullmatch(channel):
        return found[1], None
    return None


@dataclass(slots=True, eq=False)
class Session:
    """One open socket. `token` is the name of its token's kind, never the token."""

    number: int
    token: str
    sees: Callable[[str], str | None]
    queue_limit: int
    abort: Callable[[], None]
    channels: set[str] = field(default_factory=set)
    sent: int = 0
    closing: tuple[int, str] | None = None
    queue: deque[str] = field(default_factory=deque)
    wake: asyncio.Event = field(default_factory=asyncio.Event)
    ending: asyncio.Event = field(default_factory=asyncio.Event)

    def offer(self, text: str) -> bool:
        """Queue a frame; False, and the end of the session, if it has not read for too long."""
        if self.closing is not None:
            return True
        if len(self.queue) >= self.queue_limit:
            self.close(1013, "too slow")
            return False
        self.queue.append(text)
        self.wake.set()
        return True

    def close(self, code: int, reason: str) -> None:
        """Say goodbye in place of everything that is still queued."""
        if self.closing is None:
            self.closing = (code, reason)
            self.queue.clear()
            self.ending.set()

    def describe(self) -> dict[str, Any]:
        """The session as JSON."""
        return {
            "number": self.number, "token": self.token, "channels": sorted(self.channels),
            "sent": self.sent, "queued": len(self.queue),
        }  # fmt: skip


class Hub:
    """All sessions and who listens to which channel."""

    def __init__(self, faults: Faults, pause: Pause, queue_limit: int) -> None:
        self._faults, self._pause = faults, pause
        self._queue_limit = queue_limit
        self._numbers = count(1)
        self._acks = 0
        self._listeners: dict[str, dict[Session, None]] = {}
        self.sessions: list[Session] = []
        self.slow_readers = 0
        self.empty = asyncio.Event()
        self.empty.set()

    # -- pushing ---------------------------------------------------------------------------------

    def wanted(self, channel: str) -> bool:
        """Whether a record for this channel would reach anybody now."""
        return not self._faults.muted and channel in self._listeners

    def publish(self, channel: str, record: Any) -> None:
        """Send a record to all who listen to the channel."""
        listeners = self._listeners.get(channel)
        if not listeners or self._faults.muted:
            return
        text = encode(channel, record, self._faults.data_form)
        for _ in range(2 if self._faults.doubles(channel) else 1):
            self._deliver(text, listeners)

    def send_raw(self, text: str, channel: str | None = None) -> int:
        """Send any text, to all or to who listens to a channel; how many sessions got it."""
        to = list(self.sessions if channel is None else self._listeners.get(channel, ()))
        self._deliver(text, to)
        return len(to)

    def close_all(self, code: int = 1001, reason: str = "") -> int:
        """Close every session with this code; how many there were."""
        for session in self.sessions:
            session.close(code, reason)
        return len(self.sessions)

    def abort_all(self) -> int:
        """Cut every connection without a close frame; how many there were."""
        open_now = list(self.sessions)
        for session in open_now:
            session.abort()
        return len(open_now)

    async def drain(self) -> None:
        """Give the sessions a chance to send what is queued; a slow one is not waited for."""
        for _ in range(_PATIENCE):
            if not any(session.queue for session in self.sessions):
                return
            await asyncio.sleep(0)

    def _deliver(self, text: str, to: Iterable[Session]) -> None:
        for session in to:
            if not session.offer(text):
                self.slow_readers += 1

    # -- one session -----------------------------------------------------------------------------

    async def serve(
        self, receive: Receive, send: Send, *, token: str, sees: Callable[[str], str | None], abort: Callable[[], None]
    ) -> None:
        """Run one accepted socket until it is gone. `sees(channel)` tells why a channel is refused, or None."""
        session = Session(next(self._numbers), token, sees, self._queue_limit, abort)
        self.sessions.append(session)
        self.empty.clear()
        try:
            async with asyncio.TaskGroup() as group:
                writer = group.create_task(self._write(session, send))
                tasks = [writer, group.create_task(self._say_goodbye(session, send, writer))]
                await self._read(session, receive, lambda coroutine: tasks.append(group.create_task(coroutine)))
                for task in tasks:
                    task.cancel()
        finally:
            self.sessions.remove(session)
            if not self.sessions:
                self.empty.set()
            for channel in list(session.channels):
                self._unsubscribe(session, channel)

    async def _read(
        self, session: Session, receive: Receive, start: Callable[[Coroutine[Any, Any, None]], None]
    ) -> None:
        while (message := await receive())["type"] == "websocket.receive":
            for text in self._replies(session, message.get("text") or message.get("bytes") or ""):
                if isinstance(text, tuple):
                    start(self._later(session, *text))
                else:
                    session.offer(text)
        session.closing = session.closing or (1005, "")

    async def _later(self, session: Session, text: str, seconds: float) -> None:
        if await self._pause(seconds):
            session.offer(text)

    async def _write(self, session: Session, send: Send) -> None:
        queue = session.queue
        with suppress(OSError):  # the peer is gone, which the reader hears as well
            while True:
                await session.wake.wait()
                session.wake.clear()
                while queue:
                    await send({"type": "websocket.send", "text": queue.popleft()})
                    session.sent += 1
                    if session.sent % _BATCH == 0:
                        await asyncio.sleep(0)

    async def _say_goodbye(self, session: Session, send: Send, writer: "asyncio.Task[None]") -> None:
        """Once the session is to end: stop writing, send the close frame, and cut off who does not take it."""
        await session.ending.wait()
        writer.cancel()
        code, reason = session.closing or (1000, "")
        try:
            async with asyncio.timeout(GOODBYE_SECONDS):
                await send({"type": "websocket.close", "code": code, "reason": reason})
        except OSError:  # a timeout too: it does not read, or it is gone
            session.abort()

    # -- subscriptions ---------------------------------------------------------------------------

    def _replies(self, session: Session, text: str | bytes) -> Iterator[str | tuple[str, float]]:
        """What is answered to a message: texts, or a text and how late it goes out. Nonsense is not answered."""
        try:
            message = orjson.loads(text)
        except orjson.JSONDecodeError:
            return
        if not isinstance(message, dict):
            return
        if isinstance(channel := message.get("subscribe"), str):
            yield from self._subscribe(session, channel)
        if isinstance(channel := message.get("unsubscribe"), str):
            self._unsubscribe(session, channel)
            yield self._ack("channel_unsubscribed", channel)

    def _subscribe(self, session: Session, channel: str) -> Iterator[str | tuple[str, float]]:
        rule = self._faults.ack_rule(channel)
        problem = session.sees(channel)
        if problem is None and len(session.channels) >= MAX_CHANNELS and channel not in session.channels:
            problem = "too many channels"
        if rule is not None and rule.action == "refuse":
            problem = rule.detail
        if problem is not None:
            yield self._ack("subscribe_failed", channel, problem)
            return
        session.channels.add(channel)
        self._listeners.setdefault(channel, {})[session] = None
        ack = self._ack("channel_subscribed", channel)
        action = rule.action if rule else "send"
        if action == "delay" and rule is not None:
            yield ack, rule.seconds
        elif action != "drop":
            yield ack
        if action == "duplicate":
            yield ack

    def _unsubscribe(self, session: Session, channel: str) -> None:
        session.channels.discard(channel)
        listeners = self._listeners.get(channel, {})
        listeners.pop(session, None)
        if not listeners:
            self._listeners.pop(channel, None)

    def _ack(self, event: str, channel: str, detail: str | None = None) -> str:
        """An acknowledgement; the order of its keys changes from one to the next."""
        self._acks += 1
        pairs = [("event", event), ("channel", channel)]
        if detail is not None:
            pairs.append(("detail", detail))
        if self._acks % 2 == 0:
            pairs.reverse()
        return orjson.dumps(dict(pairs)).decode()


def encode(channel: str, record: Any, form: str = "string") -> str:
    """A data frame. As the cloud sends it, `data` is a string that holds JSON once more."""
    data: Any = record
    if form == "nested":
        data = {"event": "data", "data": record}
    if form != "object":
        data = orjson.dumps(data).decode()
    return orjson.dumps({"event": "data", "channel": channel, "data": data}).decode()
