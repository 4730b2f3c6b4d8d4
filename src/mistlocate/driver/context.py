"""The engine contract: everything that a driver may ask of whoever loaded it.

Each engine implements these protocols once; one conformance suite runs against all of them. A driver never knows
which engine it runs in.
"""

from collections.abc import Callable, Mapping, Sequence
from contextlib import AbstractAsyncContextManager
from typing import TYPE_CHECKING, Any, NamedTuple, Protocol, TypeVar

from mistlocate.clock import Clock

if TYPE_CHECKING:  # a driver must be describable before anything slow is imported
    from structlog.typing import FilteringBoundLogger

Value = TypeVar("Value")

#: Called with every new value of a status, and with None when it is cleared.
Listener = Callable[[Any], None]
Unsubscribe = Callable[[], None]


class StatusStore(Protocol):
    """A module's statuses: JSON-able values by key. A value is not to be changed after it was set."""

    def set(self, key: str, value: Any) -> None:
        """Publish a value; an unchanged one is not published again. None clears the status."""

    def get(self, key: str) -> Any:
        """The present value, or None."""

    def keys(self) -> list[str]:
        """The statuses that have a value."""


class Storage(Protocol):
    """A module's private hashes of text fields. They survive a restart."""

    async def read(self, name: str) -> dict[str, str]:
        """All fields of a hash. Raises `StoreError`."""

    async def write(self, name: str, changes: Mapping[str, str | None]) -> None:
        """Set fields, or delete those given as None: all of them or none. Raises `StoreError`."""

    async def wipe(self) -> None:
        """Leave nothing readable of what was deleted, as far as that is in the engine's hands. Raises `StoreError`."""


class Asker(NamedTuple):
    """Who asked for the command that is being run: the name of a key, or the id of a user.

    `counted`: it is somebody who can be told to come again later, and not the engine itself. `passed_on`: another
    module runs the command for whoever asked it, and has seen to the record.
    """

    id: str
    counted: bool = True
    passed_on: bool = False


class AuditRecord(NamedTuple):
    """That somebody asked for somebody: when (unix time), who asked, which command, for whom, and how it ended.

    Never where anybody is.
    """

    at: float
    asker: str
    command: str
    about: str
    result: str


class AuditStore(Protocol):
    """A module's audit records. They survive a restart. Every method raises `StoreError`."""

    async def append(self, records: Sequence[AuditRecord]) -> None:
        """Keep records: all of them or none."""

    async def read(self, since: float, limit: int) -> list[AuditRecord]:
        """The records since a unix time, the newest first, at most `limit`."""

    async def rename(self, concerned: Callable[[str], bool], about: str) -> int:
        """Say `about` in the records whose `about` is `concerned`; return how many these were."""

    async def forget(self, before: float) -> None:
        """Drop the records before a unix time."""


class ModuleHandle(Protocol):
    """Another module of the same system, by its name there (`MistWebsocket_1`). It need not exist yet."""

    async def call(self, command: str, *args: Any, **kwargs: Any) -> Any:
        """Run a command and return its JSON-able answer.

        Raises `NoSuchModule`, `ModuleUnavailable`, `UnknownCommand`, `BadArguments`, `CommandFailed`.
        """

    async def status(self, key: str) -> Any:
        """The present value of a status, or None. Not to be changed; the same object while it is the same value."""

    async def statuses(self, keys: Sequence[str]) -> list[Any]:
        """The same of several statuses, as they are at one moment (while a store is away: as each was known last)."""

    def subscribe(self, key: str, listener: Listener) -> Unsubscribe:
        """Call `listener` with the present value, if there is one, and with every later one."""


class Link(Protocol):
    """An open stream of texts. Both methods raise `ConnectionLost`."""

    async def send(self, text: str) -> None:
        """Send one text."""

    async def receive(self) -> str | bytes:
        """The next text."""


class HttpResponse(Protocol):
    """An answer; header names are in lower case."""

    @property
    def status(self) -> int:
        """The HTTP status."""

    @property
    def headers(self) -> Mapping[str, str]:
        """The headers."""

    @property
    def body(self) -> bytes:
        """The decoded body."""


class Http(Protocol):
    """Sends requests. Raises `TransportError`."""

    async def get(
        self, url: str, headers: Mapping[str, str], *, at_most: int | None = None, public: bool = False
    ) -> HttpResponse:
        """The answer, whatever its status. One of more than `at_most` bytes is a `TransportError`, too, and with
        `public` so is a host of this machine or of a private network."""

    async def aclose(self) -> None:
        """Close all connections."""


class ConnectOptions(Protocol):
    """How connections are made; see `transport.options.TransportOptions`."""

    @property
    def proxy(self) -> str | None:
        """A proxy's URL, an empty text for none, None for the environment's."""

    @property
    def verify(self) -> bool:
        """Whether certificates are checked."""

    @property
    def ca_file(self) -> str | None:
        """A PEM file of authorities to trust instead of the system's."""

    @property
    def ca_certificates(self) -> str | None:
        """The same as PEM text."""

    @property
    def connect_timeout(self) -> float:
        """Seconds."""

    @property
    def read_timeout(self) -> float:
        """Seconds."""


class Links(Protocol):
    """The ways out. An engine may lead them elsewhere than asked (another transport, a test harness)."""

    @property
    def uri(self) -> str | None:
        """The URI that the engine has for the module, if any; settings outrank it."""

    def open_stream(
        self, url: str, headers: Mapping[str, str], options: ConnectOptions
    ) -> AbstractAsyncContextManager[Link]:
        """Open a stream. Raises `CannotConnect`, `TimedOut`, `HandshakeRefused`."""

    def http(self, options: ConnectOptions) -> Http:
        """A client for REST; to be closed by whoever asked for it."""


class Context(Protocol):
    """One module's view of its engine."""

    @property
    def module_id(self) -> str:
        """The module's id, unique in the engine."""

    @property
    def status(self) -> StatusStore:
        """The module's own statuses."""

    @property
    def storage(self) -> Storage:
        """The module's private storage."""

    @property
    def audit(self) -> AuditStore:
        """The module's audit records; see `driver.named`, which writes them."""

    @property
    def asker(self) -> Asker:
        """Who asked for the command that is being run."""

    @property
    def links(self) -> Links:
        """The ways out."""

    @property
    def clock(self) -> Clock:
        """Time."""

    @property
    def log(self) -> "FilteringBoundLogger":
        """The module's logger (events with keyword values). No token, signed URL, user name or MAC at INFO or above."""

    def module(self, name: str) -> ModuleHandle:
        """Another module of the same system."""

    def shared(self, key: str, make: Callable[[], Value]) -> Value:
        """Something that all modules of this process share under a key, made by the first that asks."""

    def set_connected(self, connected: bool) -> None:
        """Tell whether the module's device or cloud can be reached; repeats are ignored."""

    async def save_setting(self, name: str, value: Any) -> None:
        """Keep a setting over restarts; the driver's `on_update` follows. Not to be awaited by a hook.

        Raises `SettingsError` for what cannot be a setting, and `StoreError` while it is not known to be kept.
        """

    def end(self) -> None:
        """Drop what is followed of other modules, for good. For whoever runs the module, when a run has ended."""
