"""What an administrator does for the people being located, passed on to MistWebsocket, which keeps and enforces it.

One thing is kept here: which devices were just opted out. Statuses reach this module in their own time (over Redis,
which may be away), and what was read before must not be answered after. It is kept until whatever was read before is
too old to be answered anyway.
"""

from collections.abc import Callable
from typing import Any

from mistlocate.driver.context import Context, ModuleHandle
from mistlocate.driver.named import Named
from mistlocate.location.identity import Identity, split_name
from mistlocate.location.objections import Subject, names_in
from mistlocate.macs import whole_mac

#: Seconds beyond the age limit for which a device that was opted out is kept out of answers here, too.
MARGIN = 60.0


class People:
    """Opting out and in, exporting, erasing. `max_age` gives how old an answer may be (seconds)."""

    def __init__(self, mist: ModuleHandle, named: Named, context: Context, max_age: Callable[[], float]) -> None:
        self._mist = mist
        self._storage = context.storage
        self._named = named
        self._clock = context.clock
        self._max_age = max_age
        self._withheld: dict[str, float] = {}

    async def opt_out(self, who: str) -> dict[str, Any]:
        """As MistWebsocket's."""
        answer = dict(await self._mist.call("opt_out", who))
        until = self._clock.monotonic() + self._max_age() + MARGIN
        self._withheld.update(dict.fromkeys(answer.pop("macs"), until))
        return answer

    async def opt_in(self, who: str) -> dict[str, Any]:
        """As MistWebsocket's."""
        answer = dict(await self._mist.call("opt_in", who))
        for mac in answer.pop("macs"):
            self._withheld.pop(mac, None)
        return answer

    async def export(self, who: str) -> dict[str, Any]:
        """What MistWebsocket keeps about somebody, and who asked either module for them (`asked_for`)."""
        found = dict(await self._mist.call("export_user", who))
        asked = await self._named.about(names_in(_subject(who), [device["mac"] for device in found["devices"]]))
        both = [*asked, *found.get("asked_for", ())]
        return {**found, "asked_for": sorted(both, key=lambda each: -float(each["at"]))}

    async def erase(self, who: str, label: str, *, relearn: bool) -> dict[str, Any]:
        """As MistWebsocket's; the records of this module do not name them any more either."""
        records = await self._named.rename(names_in(_subject(who), ()), label)
        answer = dict(await self._mist.call("erase_user", who, relearn))
        records += await self._named.rename(names_in(_subject(who), answer.pop("macs")), label)
        await self._storage.wipe()
        return {**answer, "records": answer["records"] + records}

    def is_withheld(self, mac: str) -> bool:
        """Whether a device was opted out a moment ago."""
        return mac in self._withheld

    @property
    def withholds(self) -> bool:
        """Whether there are any such devices."""
        if self._withheld:
            now = self._clock.monotonic()
            self._withheld = {mac: until for mac, until in self._withheld.items() if until > now}
        return bool(self._withheld)


def label(who: str) -> str:
    """What records of objections say instead of a name."""
    return "device" if whole_mac(who) else "person"


def names_given(*names: str | None) -> list[str]:
    """The different names among those that were given."""
    return list(dict.fromkeys(name for name in names if name))


async def nobody() -> list[Any]:
    """The answer about no name."""
    return []


def _subject(who: str) -> Subject:
    mac = whole_mac(who)
    return Subject(mac, None) if mac is not None else Subject(None, Identity(split_name(who).name))
