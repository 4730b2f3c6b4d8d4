"""What a run follows, given up one by one, and all at once at its end."""

from collections.abc import Sequence
from typing import Any

from mistlocate.driver.context import Listener, Unsubscribe
from mistlocate.driver.following import Following


class Module:
    """A handle that notes what is followed."""

    def __init__(self) -> None:
        self.followed: list[str] = []

    async def call(self, command: str, *args: Any, **kwargs: Any) -> Any:
        return [command, args, kwargs]

    async def status(self, key: str) -> Any:
        return key.upper()

    async def statuses(self, keys: Sequence[str]) -> list[Any]:
        return [key.upper() for key in keys]

    def subscribe(self, key: str, listener: Listener) -> Unsubscribe:
        self.followed.append(key)
        return lambda: self.followed.remove(key)


async def test_calls_and_statuses_are_the_modules() -> None:
    handle = Following().through(Module())
    assert await handle.call("echo", 1, more=2) == ["echo", (1,), {"more": 2}]
    assert await handle.status("key") == "KEY"
    assert await handle.statuses(["one", "two"]) == ["ONE", "TWO"]


async def test_what_is_left_at_the_end_is_dropped_and_nothing_follows() -> None:
    module, following = Module(), Following()
    handle = following.through(module)
    give_up = handle.subscribe("one", print)
    handle.subscribe("two", print)
    handle.subscribe("three", print)
    give_up()
    assert module.followed == ["two", "three"]
    following.end()
    assert module.followed == []
    handle.subscribe("four", print)()
    following.end()
    assert module.followed == []
