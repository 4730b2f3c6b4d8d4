import httpx
import pytest

from mistlocate.simulator import Campus, SimulatedCloud


def caller(cloud: SimulatedCloud) -> httpx.AsyncClient:
    return httpx.AsyncClient(base_url=cloud.url, headers={"Authorization": f"Token {cloud.token}"}, verify=False)


async def test_the_site_its_counters_and_its_settings(
    cloud: SimulatedCloud, rest: httpx.AsyncClient, site: str
) -> None:
    assert (await rest.get(site)).json()["id"] == cloud.site_id
    assert (await rest.get(f"{site}/stats")).json()["num_clients"] > 0
    assert (await rest.get(f"{site}/setting")).json()["wifi"]["enabled"] is True
    assert (await rest.get(f"{site}/setting/derived")).json()["wifi"]["locate_connected"] is True
    assert len((await rest.get(f"{site}/wlans/derived")).json()) == 3


@pytest.mark.parametrize("path", ["", "/maps", "/stats/clients", "/psks", "/guests", "/setting", "/stats/devices"])
async def test_sites_are_seen_refused_or_unknown(cloud: SimulatedCloud, rest: httpx.AsyncClient, path: str) -> None:
    annex = list(cloud.world.sites)[1]
    assert (await rest.get(f"/api/v1/sites/{annex}{path}")).status_code == 200
    refused = await rest.get(f"/api/v1/sites/{cloud.foreign_site_id}{path}")
    assert refused.status_code == 403
    unknown = await rest.get(f"/api/v1/sites/{cloud.org_id}{path}")
    assert (unknown.status_code, unknown.content) == (404, b"")


async def test_maps_come_in_pages(cloud: SimulatedCloud, rest: httpx.AsyncClient, site: str) -> None:
    names = []
    for page in (1, 2, 3):
        answer = await rest.get(f"{site}/maps", params={"limit": 1, "page": page})
        assert answer.headers["X-Page-Page"] == str(page)
        names += [plan["name"] for plan in answer.json()]
    assert names == [plan.name for plan in cloud.world.maps_of(cloud.site_id)]


async def test_a_single_map(cloud: SimulatedCloud, rest: httpx.AsyncClient, site: str) -> None:
    plan = cloud.world.maps_of(cloud.site_id)[0]
    assert (await rest.get(f"{site}/maps/{plan.id}")).json()["name"] == "HQ - Floor 1"
    assert (await rest.get(f"{site}/maps/{cloud.org_id}")).status_code == 404


async def test_paging_by_headers_covers_all_clients_exactly_once(
    cloud: SimulatedCloud, rest: httpx.AsyncClient, site: str
) -> None:
    macs: list[str] = []
    total, page = 1, 1
    while len(macs) < total:
        answer = await rest.get(f"{site}/stats/clients", headers={"X-Page-Limit": "7", "X-Page-Page": str(page)})
        total = int(answer.headers["X-Page-Total"])
        macs += [record["mac"] for record in answer.json()]
        page += 1
    assert macs == [device.mac for device in cloud.world.devices_of(cloud.site_id)]


async def test_by_default_a_hundred_clients(rest: httpx.AsyncClient, site: str) -> None:
    answer = await rest.get(f"{site}/stats/clients")
    assert answer.headers["X-Page-Limit"] == "100"
    assert (await rest.get(f"{site}/stats/clients", params={"wired": "true"})).json() == []


async def test_who_left_is_listed_for_a_day(clock) -> None:
    campus = Campus(people=0, passers=0, floors=1, outdoor=False, annex=False)
    async with SimulatedCloud(campus, clock=clock, autorun=False) as cloud, caller(cloud) as rest:
        mac = cloud.stage.add_device(map_id=next(iter(cloud.world.maps)), x=10, y=20)
        cloud.stage.leave(mac)
        seen = cloud.world.truth(mac).last_seen
        path = f"/api/v1/sites/{cloud.site_id}/stats/clients"
        await cloud.advance(7200)
        [record] = (await rest.get(path)).json()
        assert (record["mac"], record["last_seen"], record["x"], record["y"]) == (mac, seen, 10.0, 20.0)
        assert (await rest.get(path, params={"duration": "1h"})).json() == []
        assert len((await rest.get(path, params={"duration": "3h"})).json()) == 1
        await cloud.advance(86_400)
        assert (await rest.get(path)).json() == []


async def test_the_clients_of_a_map(cloud: SimulatedCloud, rest: httpx.AsyncClient, site: str) -> None:
    found = 0
    for plan in cloud.world.maps_of(cloud.site_id):
        answer = await rest.get(f"{site}/stats/maps/{plan.id}/clients")
        assert all(record["map_id"] == plan.id for record in answer.json())
        assert answer.headers["X-Page-Total"] == str(len(answer.json()))
        found += len(answer.json())
    assert found == sum(device.located for device in cloud.world.devices_of(cloud.site_id))


async def test_slim_rows_of_a_map_name_nobody(cloud: SimulatedCloud, rest: httpx.AsyncClient, site: str) -> None:
    plan = cloud.world.maps_of(cloud.site_id)[0]
    whole = (await rest.get(f"{site}/stats/maps/{plan.id}/clients")).json()
    cloud.faults.slim_rows()
    slim = (await rest.get(f"{site}/stats/maps/{plan.id}/clients")).json()
    kept = ("mac", "map_id", "x", "y", "num_locating_aps", "last_seen")
    assert slim == [{key: record[key] for key in kept} for record in whole] != []
    assert all("ssid" in record for record in (await rest.get(f"{site}/stats/clients")).json())


async def test_a_single_client_has_zones(cloud: SimulatedCloud, rest: httpx.AsyncClient, site: str) -> None:
    record = (await rest.get(f"{site}/stats/clients/00005E005300")).json()
    assert record["mac"] == "00005e005300"
    assert record.keys() >= {"zones", "rssizones", "vbeacons", "wxrule_usage"}
    for wrong in ("ffffffffffff", "00-00-5e-00-53-00", "alice"):
        answer = await rest.get(f"{site}/stats/clients/{wrong}")
        assert (answer.status_code, answer.content) == (404, b"")


async def test_a_client_of_the_other_site_is_not_here(cloud: SimulatedCloud, rest: httpx.AsyncClient) -> None:
    annex = list(cloud.world.sites)[1]
    assert (await rest.get(f"/api/v1/sites/{annex}/stats/clients/00005e005300")).status_code == 404


async def test_unconnected_clients_of_a_map(cloud: SimulatedCloud, rest: httpx.AsyncClient, site: str) -> None:
    plan = cloud.world.maps_of(cloud.site_id)[0]
    answer = await rest.get(f"{site}/stats/maps/{plan.id}/unconnected_clients")
    assert "X-Page-Total" not in answer.headers
    assert all(record["mac"] not in cloud.world.devices for record in answer.json())
    assert answer.json()


async def test_access_points(rest: httpx.AsyncClient, site: str) -> None:
    stats = (await rest.get(f"{site}/stats/devices")).json()
    assert {record["status"] for record in stats} == {"connected", "disconnected"}
    assert [record for record in stats if record["map_id"] is None]
    down = (await rest.get(f"{site}/stats/devices", params={"status": "disconnected"})).json()
    assert {record["status"] for record in down} == {"disconnected"}
    assert (await rest.get(f"{site}/stats/devices", params={"type": "switch"})).json() == []
    named = (await rest.get(f"{site}/devices", params={"name": "AP-NEW"})).json()
    assert [record["mount"] for record in named] == ["faceup"]


async def test_guests_are_a_bare_list(cloud: SimulatedCloud, rest: httpx.AsyncClient, site: str) -> None:
    guests = (await rest.get(f"{site}/guests")).json()
    wanted = {device.mac for device in cloud.world.devices_of(cloud.site_id) if device.guest}
    assert {guest["mac"] for guest in guests} == wanted
    wlan = guests[0]["wlan_id"]
    assert len((await rest.get(f"{site}/guests", params={"wlan_id": wlan})).json()) == len(guests)
    assert (await rest.get(f"{site}/guests", params={"wlan_id": "other"})).json() == []


async def test_bad_queries_are_rejected(rest: httpx.AsyncClient, site: str) -> None:
    for query in ("limit=x", "page=0", "duration=soon"):
        answer = await rest.get(f"{site}/stats/clients?{query}")
        assert answer.status_code == 400
        assert answer.json()["detail"].startswith("invalid field")


@pytest.mark.parametrize("path", ["zones", "rssizones", "mapstacks", "stats/assets", "stats/zones", "stats/rssizones"])
async def test_lists_of_what_there_is_none_of(
    cloud: SimulatedCloud, rest: httpx.AsyncClient, site: str, path: str
) -> None:
    answer = await rest.get(f"{site}/{path}")
    assert answer.json() == []
    assert ("X-Page-Total" in answer.headers) is (path not in ("stats/zones", "stats/rssizones"))
    assert (await rest.get(f"/api/v1/sites/{cloud.foreign_site_id}/{path}")).status_code == 403


async def test_nobody_has_the_sdk(cloud: SimulatedCloud, rest: httpx.AsyncClient, site: str) -> None:
    plan = cloud.world.maps_of(cloud.site_id)[0]
    assert (await rest.get(f"{site}/stats/maps/{plan.id}/sdkclients")).json() == []
    assert (await rest.get(f"{site}/stats/maps/{cloud.org_id}/sdkclients")).status_code == 404
