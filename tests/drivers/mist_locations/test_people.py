"""What MistLocations passes on, and keeps of it itself."""

from types import SimpleNamespace
from typing import Any

from mistlocate.drivers.mist_locations.people import MARGIN, People
from support.virtual import VirtualClock, virtual

MAC = "00005e005301"
BOBS = {"devices": 1, "macs": ["00005e005302"], "saved": True}


class Mist:
    """MistWebsocket, which answers what it is to answer."""

    def __init__(self) -> None:
        self.calls: list[tuple[Any, ...]] = []

    async def call(self, *call: Any) -> Any:
        self.calls.append(call)
        return {
            "opt_out": {"devices": 1, "macs": [MAC], "saved": True} if call[1] == "alice" else BOBS,
            "opt_in": {"found": True, "macs": [MAC], "saved": True},
            "erase_user": {"devices": 1, "macs": [MAC], "records": 2},
        }[call[0]]


class Records:
    """Audit records; it is noted whom they were looked through for."""

    def __init__(self) -> None:
        self.looked_for: list[list[bool]] = []

    async def rename(self, concerned: Any, about: str) -> int:
        self.looked_for.append([concerned("alice"), concerned(MAC)])
        return 1


async def _nothing() -> None: ...


def people(mist: Mist, records: Records | None = None) -> People:
    context: Any = SimpleNamespace(storage=SimpleNamespace(wipe=_nothing), clock=VirtualClock())
    named: Any = records
    handle: Any = mist
    return People(handle, named, context, lambda: 360.0)


@virtual
async def test_a_device_that_was_opted_out_is_kept_out_until_what_was_read_before_is_too_old() -> None:
    it, clock = people(Mist()), VirtualClock()
    assert not it.withholds
    assert await it.opt_out("alice") == {"devices": 1, "saved": True}
    assert it.withholds
    assert it.is_withheld(MAC)
    await clock.sleep(360.0 + MARGIN - 1)
    assert it.withholds
    await clock.sleep(2)
    assert not it.withholds
    await it.opt_out("alice")
    await it.opt_out("bob")
    await it.opt_in("alice")
    assert not it.is_withheld(MAC)
    assert it.is_withheld("00005e005302"), "it was alice who changed her mind"


@virtual
async def test_records_are_looked_through_for_the_name_and_for_the_devices() -> None:
    mist, records = Mist(), Records()
    it = people(mist, records)
    assert await it.erase("alice@example.com", "erased", relearn=True) == {"devices": 1, "records": 4}
    assert mist.calls == [("erase_user", "alice@example.com", True)]
    assert records.looked_for == [[True, False], [True, True]]
