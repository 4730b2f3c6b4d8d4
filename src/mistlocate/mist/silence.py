"""When a silent stream is doubted: after how much silence REST is asked, and what it means if that is refused. Pure."""

from dataclasses import dataclass

from mistlocate.errors import MistlocateError
from mistlocate.mist.policy import Policy


class SilentStreamError(MistlocateError):
    """The connection stands, nothing comes, and REST knows that something should have."""


@dataclass(slots=True)
class SilenceQuestion:
    """The question whether a silence is real, for as long as a token is in use (all times in seconds, monotonic).

    It is asked of REST after `ask_after` seconds of silence. A connection that works does not prove that the question
    is allowed, so its refusals are counted here, over all connections, until it is answered.
    """

    ask_after: float
    refusals: int = 0
    _refusal: str = ""
    _left_alone_until: float = 0.0

    def heard(self, policy: Policy) -> None:
        """The stream spoke, or is a new one."""
        self.ask_after = policy.silence

    def answered(self) -> None:
        """The token may ask."""
        self.refusals = 0

    def was_real(self, silent_for: float, policy: Policy) -> None:
        """Nothing had happened: each further question waits twice as long."""
        self.ask_after = min(silent_for * 2, silent_for + policy.silence_longest)

    def unanswered(self, silent_for: float, policy: Policy) -> None:
        """It could not be asked."""
        self.ask_after = silent_for + policy.silence

    def refused(self, reason: str, now: float, policy: Policy) -> None:
        """The token may not ask: after a few tries it is left alone for a while."""
        self.refusals += 1
        self._refusal = reason
        if self.refusals >= policy.auth_tries:
            self._left_alone_until = now + policy.refused_delay

    def left_alone(self, now: float) -> str | None:
        """Why it is not to be asked now, if that is so."""
        return self._refusal if now < self._left_alone_until else None
