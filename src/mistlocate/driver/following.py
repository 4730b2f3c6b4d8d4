"""What one run of a module follows: statuses of other modules, dropped with the run, however it ends."""

from collections.abc import Callable, Coroutine, Sequence
from typing import Any

from mistlocate.driver.context import Listener, ModuleHandle, Unsubscribe


class Following:
    """The subscriptions of one run. A driver may give them up one by one; `end` drops those that are left."""

    def __init__(self) -> None:
        self._held: set[Unsubscribe] = set()
        self._ended = False

    def through(self, module: ModuleHandle) -> ModuleHandle:
        """The same module; what is followed through it ends with the run."""
        return _Followed(module, self)

    def hold(self, subscribe: Callable[[], Unsubscribe]) -> Unsubscribe:
        """Subscribe, unless the run has ended; return what gives the subscription up."""
        if self._ended:
            return _nothing
        unsubscribe = subscribe()
        self._held.add(unsubscribe)

        def give_up() -> None:
            self._held.discard(unsubscribe)
            unsubscribe()

        return give_up

    def end(self) -> None:
        """Drop every subscription; there will be no more."""
        self._ended = True
        while self._held:
            self._held.pop()()


class _Followed:
    """A module's handle (`driver.context.ModuleHandle`) whose subscriptions are held by a run."""

    call: Callable[..., Coroutine[Any, Any, Any]]
    status: Callable[[str], Coroutine[Any, Any, Any]]
    statuses: Callable[[Sequence[str]], Coroutine[Any, Any, list[Any]]]

    def __init__(self, module: ModuleHandle, following: Following) -> None:
        self.call = module.call  # as they are: every location call passes here
        self.status = module.status
        self.statuses = module.statuses
        self._subscribe = module.subscribe
        self._following = following

    def subscribe(self, key: str, listener: Listener) -> Unsubscribe:
        """Follow a status until the run ends."""
        return self._following.hold(lambda: self._subscribe(key, listener))


def _nothing() -> None:
    """Nothing is followed, nothing has to be given up."""
