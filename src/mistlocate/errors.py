"""Every error that mistlocate raises on purpose, as one tree.

An error carries data (a status, a path, a time), not only text, and where there is something that a person can do
about it, `hint` says what. No error ever carries a token, a signed URL, a user name or a MAC.
"""

from collections.abc import Sequence
from dataclasses import dataclass


class MistlocateError(Exception):
    """The root. `str(error)` is one sentence for a person; `hint` is the next thing to try, or None."""

    def __init__(self, message: str, *, hint: str | None = None) -> None:
        super().__init__(message)
        self.message = message
        self.hint = hint

    def __str__(self) -> str:
        return f"{self.message} ({self.hint})" if self.hint else self.message


# -- settings -------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Problem:
    """One thing that is wrong with a settings document: where, what, and what was expected instead."""

    path: str
    message: str
    hint: str | None = None

    def __str__(self) -> str:
        text = f"{self.path}: {self.message}" if self.path else self.message
        return f"{text} ({self.hint})" if self.hint else text


class SettingsError(MistlocateError):
    """Settings that cannot be used; `problems` lists all of them, not just the first. `where` names the document."""

    def __init__(self, problems: Sequence[Problem], *, where: str = "settings") -> None:
        self.problems = tuple(problems)
        self.where = where
        super().__init__(f"{where}: " + "; ".join(str(problem) for problem in problems))


# -- the network ----------------------------------------------------------------------------------


class TransportError(MistlocateError):
    """The network, not the cloud's answer: worth trying again."""


class CannotConnect(TransportError):
    """No connection came about: name, route, port, proxy or TLS."""


class ConnectionLost(TransportError):
    """An open connection ended. `code` is the WebSocket close code (1006: without a goodbye)."""

    def __init__(self, message: str, *, code: int | None = None) -> None:
        super().__init__(message)
        self.code = code


class TimedOut(TransportError):
    """Nothing came back in time."""


class HandshakeRefused(TransportError):
    """The stream's server answered the upgrade with an HTTP status of its own."""

    def __init__(self, status: int, *, retry_after: float | None = None) -> None:
        no_stream = status < 400 or status in (404, 405, 407)
        hint = "check the stream's host (cloud, or stream_host) and the proxy" if no_stream else None
        super().__init__(f"the stream's server refused the connection with HTTP {status}", hint=hint)
        self.status = status
        self.retry_after = retry_after


# -- the Mist cloud -------------------------------------------------------------------------------


class CloudError(MistlocateError):
    """The Mist cloud answered, and the answer is not what was asked for. `status` is the HTTP status, if any."""

    def __init__(self, message: str, *, status: int | None = None, hint: str | None = None) -> None:
        super().__init__(message, hint=hint)
        self.status = status


class TokenRefused(CloudError):
    """HTTP 401: the token is unknown, expired, revoked, or belongs to another cloud instance."""


class AccessDenied(CloudError):
    """HTTP 403: the token is good, its role or scope is not."""


class NotFound(CloudError):
    """HTTP 404: no such object, or not for this token."""


class RateLimited(CloudError):
    """HTTP 429. `retry_after` is in seconds."""

    def __init__(self, message: str, *, retry_after: float) -> None:
        super().__init__(message, status=429)
        self.retry_after = retry_after


class BudgetSpent(CloudError):
    """Our own bound on REST calls is used up; nothing was sent. `retry_after` is in seconds."""

    def __init__(self, message: str, *, retry_after: float) -> None:
        super().__init__(message)
        self.retry_after = retry_after


class CloudTrouble(CloudError):
    """HTTP 5xx, or an answer that is no JSON: the cloud's fault, and probably passing."""


# -- drivers and engines --------------------------------------------------------------------------


class CommandError(MistlocateError):
    """A command could not be run, or failed."""


class UnknownCommand(CommandError):
    """The module has no command of this name."""


class BadArguments(CommandError):
    """The arguments do not fit the command; `problems` lists every one that does not."""

    def __init__(self, message: str, problems: Sequence[Problem] = ()) -> None:
        super().__init__(message)
        self.problems = tuple(problems)


class LevelTooLow(CommandError):
    """The caller may not run this command or read this status."""


class TooManySearches(CommandError):
    """The caller asked for people too often; nothing was looked up. `retry_after` is in seconds."""

    def __init__(self, message: str, *, retry_after: float, hint: str | None = None) -> None:
        super().__init__(message, hint=hint)
        self.retry_after = retry_after


class NoSuchModule(CommandError):
    """No module, system or zone of this name."""


class ModuleUnavailable(CommandError):
    """The module exists and does not run."""


class CommandFailed(CommandError):
    """The command ran and raised; what it raised is the cause."""


class StoreError(MistlocateError):
    """The engine's store cannot be read or written."""


class EngineError(MistlocateError):
    """What an engine answered to a client of its API. `status` is the HTTP status."""

    def __init__(self, message: str, *, status: int | None = None, hint: str | None = None) -> None:
        super().__init__(message, hint=hint)
        self.status = status


class EngineUnreachable(EngineError):
    """No engine answers at this address."""
