import httpx
import pytest

from mistlocate.simulator import SimulatedCloud

PSK = {"name": "zoe@example.com", "ssid": "Example-Personal", "passphrase": "correct horse"}


@pytest.fixture
def org(cloud: SimulatedCloud) -> str:
    return f"/api/v1/orgs/{cloud.org_id}"


async def test_self_and_usage(cloud: SimulatedCloud, rest: httpx.AsyncClient, admin: httpx.AsyncClient) -> None:
    assert (await rest.get("/api/v1/self")).json()["name"] == "people-finder"
    assert (await admin.get("/api/v1/self")).json()["email"] == "admin@example.com"
    usage = (await rest.get("/api/v1/self/usage")).json()
    assert (usage["requests"], usage["request_limit"]) == (2, 5000)
    assert usage["seconds"] == 3600 - cloud.now() % 3600


async def test_the_organisation_and_its_sites(cloud: SimulatedCloud, rest: httpx.AsyncClient, org: str) -> None:
    assert (await rest.get(org)).json()["id"] == cloud.org_id
    sites = await rest.get(f"{org}/sites")
    assert [site["name"] for site in sites.json()] == ["Example Campus", "Example Annex"]
    assert sites.headers["X-Page-Total"] == "2"
    assert cloud.foreign_site_id not in sites.text


async def test_sites_can_be_searched(rest: httpx.AsyncClient, org: str) -> None:
    found = (await rest.get(f"{org}/sites/search", params={"name": "annex"})).json()
    assert found["total"] == 1
    assert found["results"][0]["name"] == "Example Annex"


async def test_a_narrow_token_sees_its_sites_and_no_keys(cloud: SimulatedCloud, org: str) -> None:
    token = cloud.tokens.add(site_ids=[cloud.site_id])
    async with httpx.AsyncClient(base_url=cloud.url, headers={"Authorization": f"token {token}"}) as narrow:
        assert [site["id"] for site in (await narrow.get(f"{org}/sites")).json()] == [cloud.site_id]
        assert (await narrow.get(f"{org}/psks")).status_code == 403
        assert (await narrow.get("/api/v1/orgs/unknown/sites")).status_code == 404


async def test_clients_are_found_by_any_of_their_names(
    cloud: SimulatedCloud, rest: httpx.AsyncClient, org: str
) -> None:
    for text in ("alice", "EXAMPLE\\alice", "00005e005300"):
        found = (await rest.get(f"{org}/clients/search", params={"text": text})).json()
        assert found["results"]
    by_key = (await rest.get(f"{org}/clients/search", params={"text": "bob@example.com"})).json()
    assert {row["last_psk_name"] for row in by_key["results"]} == {"bob@example.com"}
    by_name = (await rest.get(f"{org}/clients/search", params={"username": "alice@"})).json()
    assert [row["last_username"] for row in by_name["results"]] == ["alice@example.com"]
    by_mac = (await rest.get(f"{org}/clients/search", params={"mac": "00005e005300"})).json()
    assert by_mac["total"] == 1


async def test_a_search_has_pages_by_a_relative_next(rest: httpx.AsyncClient, org: str) -> None:
    path, macs = f"{org}/clients/search?limit=4", []
    while path:
        answer = (await rest.get(path)).json()
        macs += [row["mac"] for row in answer["results"]]
        path = answer.get("next", "")
        assert not path or path.startswith("/api/v1/")
    assert len(macs) == len(set(macs)) == answer["total"]


async def test_the_site_has_the_same_search(cloud: SimulatedCloud, rest: httpx.AsyncClient, site: str) -> None:
    found = (await rest.get(f"{site}/clients/search", params={"limit": "1000"})).json()
    assert found["total"] == len(cloud.world.devices_of(cloud.site_id))


async def test_keys_have_pages_and_filters(rest: httpx.AsyncClient, org: str, site: str) -> None:
    first = await rest.get(f"{org}/psks", params={"limit": 1})
    assert len(first.json()) == 1
    assert int(first.headers["X-Page-Total"]) > 1
    named = (await rest.get(f"{org}/psks", params={"name": "bob@example.com"})).json()
    assert [psk["name"] for psk in named] == ["bob@example.com"]
    local = (await rest.get(f"{site}/psks")).json()
    assert {psk["name"] for psk in local} >= {"displays"}
    assert all("site_id" not in psk for psk in (await rest.get(f"{org}/psks")).json())


async def test_passphrases_are_for_writers_only(
    cloud: SimulatedCloud, rest: httpx.AsyncClient, admin: httpx.AsyncClient, org: str
) -> None:
    secret = {psk.passphrase for psk in cloud.world.psks.values() if psk.site_id is None}
    assert {psk["passphrase"] for psk in (await admin.get(f"{org}/psks")).json()} == secret
    assert {psk["passphrase"] for psk in (await rest.get(f"{org}/psks")).json()}.isdisjoint(secret)


async def test_a_key_lives_from_post_to_delete(admin: httpx.AsyncClient, org: str) -> None:
    made = (await admin.post(f"{org}/psks", json=PSK)).json()
    assert made.items() >= PSK.items()
    path = f"{org}/psks/{made['id']}"
    changed = await admin.put(path, json={"email": "zoe@example.org"})
    assert (changed.json()["email"], changed.json()["name"]) == ("zoe@example.org", "zoe@example.com")
    assert (await admin.get(path)).json() == changed.json()
    again = await admin.post(f"{org}/psks?upsert=true", json={**PSK, "role": "guest"})
    assert (again.json()["id"], again.json()["role"]) == (made["id"], "guest")
    assert (await admin.delete(path)).json() == {}
    assert (await admin.get(path)).status_code == 404


async def test_a_changed_key_shows_on_the_devices_that_use_it(
    cloud: SimulatedCloud, admin: httpx.AsyncClient, org: str
) -> None:
    device = next(device for device in cloud.world.devices.values() if device.psk and device.psk.site_id is None)
    assert device.psk is not None
    await admin.put(f"{org}/psks/{device.psk.id}", json={"name": "somebody@example.com"})
    found = (await admin.get(f"{org}/clients/search", params={"mac": device.mac})).json()
    assert found["results"][0]["last_psk_name"] == "somebody@example.com"


@pytest.mark.parametrize("body", [b"{", b"[]", b'{"name": "x"}', b'{"name": "x", "ssid": "y", "passphrase": "short"}'])
async def test_bad_bodies_are_rejected(admin: httpx.AsyncClient, org: str, body: bytes) -> None:
    answer = await admin.post(f"{org}/psks", content=body)
    assert answer.status_code == 400
    assert answer.json()["detail"]


async def test_readers_may_not_write(rest: httpx.AsyncClient, org: str) -> None:
    answer = await rest.post(f"{org}/psks", json=PSK)
    assert answer.status_code == 403
    assert "permission" in answer.json()["detail"]


async def test_counters_groups_and_tokens(cloud: SimulatedCloud, rest: httpx.AsyncClient, org: str) -> None:
    counters = (await rest.get(f"{org}/stats/sites")).json()
    assert [site["name"] for site in counters] == ["Example Campus", "Example Annex"]
    assert counters[0]["num_clients"] > 0
    assert (await rest.get(f"{org}/sitegroups")).json() == []
    (token,) = (await rest.get(f"{org}/apitokens")).json()
    assert (token["name"], token["privileges"][0]["role"]) == ("people-finder", "read")
    assert cloud.token not in (await rest.get(f"{org}/apitokens")).text
