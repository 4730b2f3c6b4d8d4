"""Who asked for what is being done."""

import asyncio

from mistlocate.driver.context import Asker
from mistlocate.engines.embedded.asking import ENGINE, asking, present_asker


async def test_each_task_has_its_own_asker() -> None:
    seen: dict[str, Asker] = {}

    async def ask(name: str) -> None:
        with asking(Asker(name)):
            await asyncio.sleep(0)
            seen[name] = (await asyncio.gather(inner()))[0]

    async def inner() -> Asker:
        return present_asker()

    await asyncio.gather(ask("one"), ask("two"))
    assert {name: asker.id for name, asker in seen.items()} == {"one": "one", "two": "two"}
    assert present_asker() == ENGINE
    assert not ENGINE.counted
