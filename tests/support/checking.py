"""A check of settings against the simulated cloud, and what it said."""

from collections.abc import Sequence
from typing import Any

from mistlocate.drivers.mist_locations.settings import MistLocationsSettings
from mistlocate.drivers.mist_websocket.settings import MistWebsocketSettings
from mistlocate.setup.check import check
from mistlocate.setup.report import Report, Verdict
from mistlocate.setup.zone_ids import Zone
from mistlocate.simulator import SimulatedCloud


def mapped(cloud: SimulatedCloud, **changes: Any) -> MistLocationsSettings:
    maps = cloud.world.maps_of(cloud.site_id)
    mappings = {each.id: {"building": "b", "level": f"l{number}"} for number, each in enumerate(maps)}
    return MistLocationsSettings(floorplan_mappings={**mappings, **changes})  # type: ignore[arg-type]


async def checked(
    cloud: SimulatedCloud, locations: MistLocationsSettings | None = None, zones: Sequence[Zone] = (), **settings: Any
) -> Report:
    raw = {"api_token": cloud.token, "site_id": cloud.site_id, "rest_host": cloud.url, "proxy": "", **settings}
    return await check(MistWebsocketSettings(**raw), locations or mapped(cloud), zones=zones)


def said(report: Report, verdict: Verdict) -> str:
    return "\n".join(f"{each.what}: {each.result} ({each.hint})" for each in report.findings if each.verdict is verdict)
