"""How the stream is doing, as one word and one sentence. Pure."""

from dataclasses import dataclass
from enum import StrEnum


class StreamState(StrEnum):
    """The states that operators see."""

    CONNECTING = "connecting"
    """There is no connection."""
    SUBSCRIBING = "subscribing"
    """Connected; acknowledgements or the snapshot are still out."""
    LIVE = "live"
    """Every channel is acknowledged and the snapshot is in."""
    QUIET = "quiet"
    """Live, but nothing has come for a while, and REST agrees that nothing happened."""
    DEGRADED = "degraded"
    """Connected, but something is missing or wrong: the reason says what."""
    AUTH_FAILED = "auth_failed"
    """The cloud refuses the token; nothing is tried until it changes, but for a probe now and then."""


@dataclass(slots=True)
class Health:
    """The facts that decide the state. Counts are of channels: `waiting` for their first answer, `overdue`, `refused`.

    `unlisted` is how many maps the snapshot could not list. `trouble` is what the map list, the snapshot or the
    silence check met last; `doubtful` says that it is about silence; `last_failure` is why the last connection ended
    or did not come about.
    """

    connected: bool = False
    auth_failed: bool = False
    snapshot: bool = False
    silent: bool = False
    doubtful: bool = False
    channels: int = 0
    waiting: int = 0
    overdue: int = 0
    refused: int = 0
    unlisted: int = 0
    trouble: str | None = None
    last_failure: str | None = None

    def opened(self) -> None:
        """A connection was made."""
        self.connected = True

    def closed(self, failure: str) -> None:
        """The connection ended, or did not come about."""
        self.connected = self.snapshot = self.silent = self.doubtful = False
        self.trouble = None
        self.last_failure = failure

    def state(self) -> tuple[StreamState, str]:
        """The state and the reason for it, without secrets and people."""
        if self.auth_failed:
            return StreamState.AUTH_FAILED, self.last_failure or "the cloud refuses the API token"
        if not self.connected:
            return StreamState.CONNECTING, self.last_failure or "connecting"
        if self.trouble is not None:
            return StreamState.DEGRADED, self.trouble
        if self.overdue:
            return StreamState.DEGRADED, f"{self.overdue} of {self.channels} channels not acknowledged"
        if self.refused:
            return StreamState.DEGRADED, f"{self.refused} of {self.channels} channels refused by the cloud"
        if self.unlisted:
            return StreamState.DEGRADED, f"the clients of {_maps(self.unlisted)} could not be listed"
        if not self.snapshot:
            return StreamState.SUBSCRIBING, "waiting for the snapshot"
        if self.waiting:
            return StreamState.SUBSCRIBING, f"waiting for {self.waiting} acknowledgements"
        if self.silent:
            return StreamState.QUIET, "nothing has happened for a while, and REST agrees"
        return StreamState.LIVE, "all channels acknowledged, snapshot complete"

    @property
    def stale(self) -> bool:
        """Whether the whole site may have changed without our hearing of it."""
        return self.auth_failed or not self.connected or not self.snapshot or self.trouble is not None


def _maps(count: int) -> str:
    return "1 map" if count == 1 else f"{count} maps"
