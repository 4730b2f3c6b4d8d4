"""What a driver process gives its modules, and one module's view of it (`driver.context.Context`)."""

from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, TypeVar

import structlog

from mistlocate.clock import Clock
from mistlocate.driver.context import Asker, ModuleHandle
from mistlocate.driver.following import Following
from mistlocate.engines.placeos.audit import HashAudit
from mistlocate.engines.placeos.directory import Directory
from mistlocate.engines.placeos.links import ModelLinks
from mistlocate.engines.placeos.messages import Model
from mistlocate.engines.placeos.redis_client import RedisClient
from mistlocate.engines.placeos.remote import RemoteModule, Request, caller
from mistlocate.engines.placeos.status import ModuleStatus, StatusWriter
from mistlocate.engines.placeos.storage import PrivateStorage
from mistlocate.engines.placeos.subscriptions import Subscriptions

if TYPE_CHECKING:
    from structlog.typing import FilteringBoundLogger

Value = TypeVar("Value")


@dataclass(frozen=True, slots=True)
class Services:
    """What the modules of a process share. `save_setting` has core keep one; `request` calls another module."""

    redis: RedisClient
    writer: StatusWriter
    directory: Directory
    subscriptions: Subscriptions
    clock: Clock
    request: Callable[[str], Request]
    save_setting: Callable[[str, str, Any], Awaitable[None]]
    interface: Callable[[str | None], bytes]
    shared: dict[str, Any] = field(default_factory=dict)


class PlaceosContext:
    """One module's view, for one run of it."""

    def __init__(
        self,
        services: Services,
        module_id: str,
        model: Model,
        status: ModuleStatus,
        headers: Callable[[], Mapping[str, str]],
        on_connection: Callable[[bool], None],
    ) -> None:
        self.module_id = module_id
        self.status = status
        self.storage = PrivateStorage(services.redis, module_id)
        self.links = ModelLinks(model, headers)
        self.clock: Clock = services.clock
        self.log: FilteringBoundLogger = structlog.get_logger().bind(module=module_id)
        self.audit = HashAudit(self.storage, self.log)
        self._services = services
        self._system_id = model.system_id
        self._on_connection = on_connection
        self._following = Following()

    @property
    def asker(self) -> Asker:
        """The user of the call. Core's own calls, and those of other modules for themselves, name none or a task."""
        user = caller.get()
        return Asker(user or "core", counted=user is not None and user.startswith("user-"))

    def module(self, name: str) -> ModuleHandle:
        """Another module of the same system."""
        services = self._services
        return self._following.through(
            RemoteModule(
                self._system_id, name, services.directory, services.subscriptions, services.request(self.module_id)
            )
        )

    def shared(self, key: str, make: Callable[[], Value]) -> Value:
        """Something that all modules of this process share."""
        if key not in self._services.shared:
            self._services.shared[key] = make()
        shared: Value = self._services.shared[key]
        return shared

    def set_connected(self, connected: bool) -> None:
        """Tell whether the module's device or cloud can be reached."""
        if self.status.get("connected") is not connected:
            self.status.set("connected", connected)
            self._on_connection(connected)

    async def save_setting(self, name: str, value: Any) -> None:
        """Keep a setting over restarts. Raises `StoreError` if core does not say that it does."""
        await self._services.save_setting(self.module_id, name, value)

    def end(self) -> None:
        """The run is over."""
        self._following.end()
