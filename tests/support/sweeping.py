"""Looking for somebody everywhere: every command, every status, every route of the API, everything that is pushed."""

import asyncio
import json
import re
from collections.abc import AsyncIterator, Iterable
from contextlib import asynccontextmanager
from typing import Any

import httpx
from websockets.asyncio.client import ClientConnection, connect

from support.api import BASE
from support.site import SYSTEM, Site

MODULES = ("MistWebsocket_1", "MistLocations_1")

#: Commands that change what is known, and those that are about records of who asked.
NOT_SWEPT = frozenset(
    {"mac_address_mappings", "remove_mac_address_mappings", "ip_username_mappings", "opt_out", "opt_in", "erase_user"}
    | {"audit", "format_mac", "format_username", "site_list"}
)

#: Where somebody who has not opted out, and whose devices are on a map, shows: a search that does not find them in each
#: of these proves nothing where it finds nobody.
SHOWN_IN = {
    "MistWebsocket_1": ("clients", "client", "get_request", "locate", "macs_assigned_to", "ownership_of", "find_people", "evidence", "export_user"),
    "MistLocations_1": ("locate_user", "device_locations", "macs_assigned_to", "check_ownership_of", "search", "explain", "export_user"),
}  # fmt: skip


class Traces:
    """What would give somebody away: a name (its bare form), MACs, and with `places` where they are."""

    def __init__(self, name: str, macs: Iterable[str]) -> None:
        self.name = re.compile(rf"(?<![a-z0-9]){re.escape(name.lower())}(?![a-z0-9])")
        self.macs = frozenset(macs)

    def in_text(self, text: str) -> bool:
        """Whether a text gives them away."""
        text = text.lower()
        digits = re.sub(r"[:.\-]", "", text)
        return self.name.search(text) is not None or any(mac in digits for mac in self.macs)


def arguments(name: str, parameters: Iterable[str], it: Site, who: Iterable[str], macs: Iterable[str]) -> list[Any]:
    """Arguments with which a command may be asked about somebody: several sets, by name."""
    parameters = list(parameters)
    guests = {"guests": True} if "guests" in parameters else {}
    key = next((each for each in ("username", "email", "who", "text") if each in parameters), None)
    if name == "get_request":
        site = f"/sites/{it.cloud.site_id}"
        return [{"location": f"{site}/stats/clients"}, *({"location": f"{site}/stats/clients/{mac}"} for mac in macs)]
    if key is not None:
        return [{key: each, **guests} for each in (*who, *(macs if key in ("who", "text") else ()))]
    key = next((each for each in ("mac_address", "mac") if each in parameters), None)
    if key is not None:
        return [{key: mac, **guests} for mac in macs]
    if "zone_id" in parameters:
        return [{"zone_id": zone} for zone in it.engine.zones]
    if "map_id" in parameters:
        return [{}, *({"map_id": map_id} for map_id in it.maps)]
    return [{}]


async def sweep(
    it: Site, http: httpx.AsyncClient, traces: Traces, who: Iterable[str], macs: Iterable[str]
) -> list[str]:
    """Where somebody still shows: commands and routes. What a caller asked is not taken for an answer."""
    who, macs = list(who), list(macs)
    calls = []
    for slug in MODULES:
        functions = (await http.get(f"/systems/{SYSTEM}/functions/{slug}")).json()
        for name, function in functions.items():
            if name not in NOT_SWEPT:
                calls += [(slug, name, given) for given in arguments(name, function["params"], it, who, macs)]
    paths = ["/systems", "/modules", "/zones", "/self", f"/systems/{SYSTEM}", f"/systems/{SYSTEM}/types"]
    paths += [f"/systems/{SYSTEM}/{slug}" for slug in MODULES]
    paths += [f"/modules/{it.host(slug).spec.id}/{what}" for slug in MODULES for what in ("settings", "state", "error")]
    gate = asyncio.Semaphore(16)

    async def called(slug: str, name: str, given: Any) -> str | None:
        async with gate:
            answer = await http.post(f"/systems/{SYSTEM}/{slug}/{name}", json=given)
        return f"{slug}.{name}{given}" if traces.in_text(_told(name, answer)) else None

    async def looked(path: str) -> str | None:
        async with gate:
            return path if traces.in_text((await http.get(path)).text) else None

    found = await asyncio.gather(*(called(*each) for each in calls), *map(looked, paths))
    return [each for each in found if each is not None]


def not_found(it: Site, found: Iterable[str]) -> set[str]:
    """The places where a sweep should have found somebody who is there, and did not."""
    everywhere = {f"{slug}.{name}" for slug, names in SHOWN_IN.items() for name in names}
    everywhere |= {f"/systems/{SYSTEM}/{slug}" for slug in MODULES}
    everywhere |= {f"/modules/{it.host(slug).spec.id}/state" for slug in MODULES}
    return everywhere - {each.partition("{")[0] for each in found}


def _told(name: str, answer: httpx.Response) -> str:
    """What an answer tells beyond what was asked: `explain` repeats whom, `export_user` is about whoever is named."""
    found = answer.json()
    if answer.status_code == 200 and name in ("explain", "evidence"):
        found = {key: value for key, value in found.items() if key not in ("who", "because")}
        found["devices"] = [each for each in found["devices"] if each["present"] or each["owner"]]
    elif answer.status_code == 200 and name == "export_user":
        devices = [each.get("record") for each in found["devices"]]
        found = {"places": devices, "moves": [each.get("moves") for each in found["devices"]]}
    return json.dumps(found)


class Pushed:
    """All that the control socket pushes of every status."""

    def __init__(self, connection: ClientConnection) -> None:
        self.messages: list[tuple[float, str]] = []
        self._connection = connection

    async def bind(self, statuses: Iterable[tuple[str, str]]) -> None:
        """Follow statuses of modules."""
        for number, (slug, key) in enumerate(statuses, 1):
            place = {"sys": SYSTEM, "mod": slug.removesuffix("_1"), "index": 1, "name": key}
            await self._connection.send(json.dumps({"id": number, "cmd": "bind", **place}))

    async def read(self) -> None:
        """Take in what comes."""
        async for message in self._connection:
            self.messages.append((asyncio.get_running_loop().time(), str(message)))

    def statuses_with(self, traces: Traces) -> set[str]:
        """The statuses in which somebody was pushed."""
        found = (json.loads(text) for _, text in self.messages if traces.in_text(text))
        return {str(each["meta"]["name"]) for each in found if "meta" in each}

    def last(self, traces: Traces, since: float) -> float | None:
        """When somebody was pushed last, after a moment of the loop's time; None: never."""
        return max((at for at, text in self.messages if at > since and traces.in_text(text)), default=None)


@asynccontextmanager
async def pushed(it: Site, http: httpx.AsyncClient) -> AsyncIterator[Pushed]:
    """Follow every status that there may be."""
    url = str(http.base_url).replace("http", "ws", 1).removesuffix(f"{BASE}/") + f"{BASE}/systems/control"
    statuses = [("MistWebsocket_1", map_id) for map_id in it.maps]
    statuses += [("MistLocations_1", zone) for zone in it.engine.zones]
    statuses += [(slug, key) for slug in MODULES for key in it.host(slug).driver.statuses]
    async with connect(url, proxy=None, max_size=None) as connection:
        follower = Pushed(connection)
        reading = asyncio.create_task(follower.read())
        await follower.bind(statuses)
        try:
            yield follower
        finally:
            reading.cancel()
