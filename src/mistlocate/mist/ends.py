"""The two ends that a stream joins: the link to the cloud, and the session that does something with it."""

from collections.abc import Iterable
from typing import Protocol

from mistlocate.mist.frames import Event


class Link(Protocol):
    """An open connection. Both methods raise `ConnectionLost`."""

    async def send(self, text: str) -> None:
        """Send one text."""

    async def receive(self) -> str | bytes:
        """The next frame."""


class Session(Protocol):
    """What the owner of a stream does with a connection."""

    async def channels(self) -> Iterable[str]:
        """Find out which channels to subscribe (lists the maps). Raises as `MistApi` does."""

    async def snapshot(self) -> None:
        """Take in the present state over REST. Raises as `MistApi` does."""

    def received(self, event: Event) -> None:
        """Take in one event of the stream. Never raises."""

    async def knows_better(self, silent_for: float) -> bool:
        """After so many seconds of silence: whether REST has seen what the stream should have told."""

    def changed(self) -> None:
        """`Stream.health` may have changed."""
