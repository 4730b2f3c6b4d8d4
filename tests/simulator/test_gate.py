import json
from email.utils import parsedate_to_datetime

import httpx
import pytest

from mistlocate.simulator import SimulatedCloud


async def plan_link(rest: httpx.AsyncClient, site: str, key: str = "url") -> str:
    link: str = (await rest.get(f"{site}/maps")).json()[0][key]
    return link


async def test_without_a_token_or_with_a_wrong_one(cloud: SimulatedCloud) -> None:
    async with httpx.AsyncClient(base_url=cloud.url) as nobody:
        missing = await nobody.get("/api/v1/self")
        wrong = await nobody.get("/api/v1/self", headers={"Authorization": "Token nonsense"})
    assert (missing.status_code, wrong.status_code) == (401, 401)
    assert missing.json() == {"detail": "Authentication credentials were not provided."}
    assert wrong.json()["detail"] != missing.json()["detail"]


async def test_a_revoked_and_a_rotated_token_are_refused(cloud: SimulatedCloud, rest: httpx.AsyncClient) -> None:
    new = cloud.rotate()
    assert new == cloud.token
    assert (await rest.get("/api/v1/self")).status_code == 401
    assert (await rest.get("/api/v1/self", headers={"Authorization": f"Token {new}"})).status_code == 200
    cloud.revoke(new)
    assert (await rest.get("/api/v1/self", headers={"Authorization": f"Token {new}"})).status_code == 401


async def test_the_date_is_the_simulated_clock_and_its_skew(cloud: SimulatedCloud, rest: httpx.AsyncClient) -> None:
    date = parsedate_to_datetime((await rest.get("/api/v1/self")).headers["Date"])
    assert date.timestamp() == int(cloud.now())
    cloud.faults.skew(300)
    date = parsedate_to_datetime((await rest.get("/api/v1/nothing")).headers["Date"])
    assert date.timestamp() == int(cloud.now()) + 300


async def test_over_the_budget(cloud: SimulatedCloud, rest: httpx.AsyncClient, clock: object) -> None:
    cloud.tokens.limit = 2
    assert [(await rest.get("/api/v1/self")).status_code for _ in range(3)] == [200, 200, 429]
    refused = await rest.get("/api/v1/self/usage")
    assert int(refused.headers["Retry-After"]) == 3600 - cloud.now() % 3600
    assert "2 API Calls per hour" in refused.json()["detail"]
    await cloud.advance(float(refused.headers["Retry-After"]))
    assert (await rest.get("/api/v1/self")).status_code == 200


async def test_unknown_paths_and_methods_have_empty_answers(rest: httpx.AsyncClient, admin: httpx.AsyncClient) -> None:
    for answer in (await rest.get("/api/v1/nothing"), await admin.delete("/api/v1/self")):
        assert (answer.status_code, answer.content) == (404, b"")


async def test_head_has_headers_and_no_body(rest: httpx.AsyncClient, site: str) -> None:
    answer = await rest.head(f"{site}/maps")
    assert (answer.status_code, answer.content) == (200, b"")
    assert answer.headers["X-Page-Total"] == "3"


# -- the log --------------------------------------------------------------------------------------


async def test_the_log_tells_what_was_asked_and_no_secret(
    cloud: SimulatedCloud, rest: httpx.AsyncClient, site: str
) -> None:
    await rest.get(f"{site}/maps?limit=5")
    await rest.get("/api/v1/nothing", headers={"Authorization": ""})
    link = (await rest.get(f"{site}/maps")).json()[0]["url"]
    async with httpx.AsyncClient(follow_redirects=True) as anybody:
        await anybody.get(link)
    first, second = cloud.requests[0], cloud.requests[1]
    assert (first.method, first.path, first.query, first.token, first.status) == (
        "GET", f"{site}/maps", "limit=5", "org", 200,
    )  # fmt: skip
    assert (second.token, second.status) == (None, 401)
    written = json.dumps([entry.as_json() for entry in cloud.requests])
    assert cloud.token not in written
    assert "jwt" not in written
    assert "signature" not in written
    assert cloud.requests.paths()[0] == f"{site}/maps"


# -- images ---------------------------------------------------------------------------------------


async def test_an_image_needs_no_token_and_comes_by_way_of_a_redirect(
    cloud: SimulatedCloud, rest: httpx.AsyncClient, site: str
) -> None:
    link = await plan_link(rest, site)
    async with httpx.AsyncClient() as anybody:
        redirect = await anybody.get(link)
        assert redirect.status_code == 302
        image = await anybody.get(redirect.headers["Location"])
    assert image.content.startswith(b"\x89PNG")
    assert image.headers["Content-Type"] == "binary/octet-stream"
    assert cloud.leaked_tokens == 0


async def test_a_token_that_reaches_the_object_storage_is_counted(
    cloud: SimulatedCloud, rest: httpx.AsyncClient, site: str
) -> None:
    answer = await rest.get(await plan_link(rest, site), follow_redirects=True)
    assert answer.status_code == 400
    assert cloud.leaked_tokens == 1


async def test_links_expire_and_cannot_be_made_up(cloud: SimulatedCloud, rest: httpx.AsyncClient, site: str) -> None:
    link = await plan_link(rest, site, "thumbnail_url")
    async with httpx.AsyncClient(follow_redirects=True) as anybody:
        assert (await anybody.get(link)).content.startswith(b"\x89PNG")
        address = (await anybody.get(link, follow_redirects=False)).headers["Location"]
        assert (await anybody.get(address.replace("thumbnail", "image"))).status_code == 403
        assert (await anybody.get(f"{cloud.url}/storage/maps/x")).status_code == 404
        await cloud.advance(3700)
        for wrong in (link, address, link + "x", f"{cloud.url}/api/v1/forward/download"):
            answer = await anybody.get(wrong)
            assert answer.status_code == 403
            assert answer.headers["Content-Type"].startswith("text/html")


async def test_a_map_that_is_gone_has_no_image(cloud: SimulatedCloud, rest: httpx.AsyncClient, site: str) -> None:
    link = await plan_link(rest, site)
    cloud.stage.remove_map(cloud.world.maps_of(cloud.site_id)[0].id)
    async with httpx.AsyncClient(follow_redirects=True) as anybody:
        assert (await anybody.get(link)).status_code == 404


# -- faults ---------------------------------------------------------------------------------------


async def test_a_made_up_answer(cloud: SimulatedCloud, rest: httpx.AsyncClient, site: str) -> None:
    cloud.faults.rest("/maps$", status=502, html="<html>no</html>", headers={"X-Trouble": "1"}, times=1)
    cloud.faults.rest("/self$", status=503, body={"detail": "later"}, times=1)
    cloud.faults.rest("/usage$", status=500, times=1)
    html = await rest.get(f"{site}/maps")
    assert (html.status_code, html.text, html.headers["X-Trouble"]) == (502, "<html>no</html>", "1")
    assert (await rest.get("/api/v1/self")).json() == {"detail": "later"}
    assert (await rest.get("/api/v1/self/usage")).content == b""
    assert (await rest.get(f"{site}/maps")).status_code == 200


async def test_a_made_up_refusal_says_what_the_cloud_says(cloud: SimulatedCloud, rest: httpx.AsyncClient) -> None:
    cloud.faults.rest(status=401, times=1)
    cloud.faults.rest(status=429, headers={"Retry-After": "640"}, times=1)
    assert (await rest.get("/api/v1/self")).json() == {"detail": "Invalid token."}
    limited = await rest.get("/api/v1/self")
    assert limited.headers["Retry-After"] == "640"
    assert "5000 API Calls per hour" in limited.json()["detail"]


async def test_a_late_answer(cloud: SimulatedCloud, rest: httpx.AsyncClient, clock: object) -> None:
    cloud.faults.rest("/self$", delay=12.5, times=1)
    assert (await rest.get("/api/v1/self")).status_code == 200
    assert clock.slept == [12.5]  # type: ignore[attr-defined]


async def test_a_cut_connection(cloud: SimulatedCloud, rest: httpx.AsyncClient) -> None:
    cloud.faults.rest("/self$", drop=True, times=1)
    with pytest.raises(httpx.TransportError):
        await rest.get("/api/v1/self")
    assert cloud.requests[-1].status == 0
    assert (await rest.get("/api/v1/self")).status_code == 200


async def test_an_answer_that_breaks_off(cloud: SimulatedCloud, rest: httpx.AsyncClient, site: str) -> None:
    cloud.faults.rest("/maps$", malformed=True, times=1)
    answer = await rest.get(f"{site}/maps")
    assert answer.status_code == 200
    with pytest.raises(json.JSONDecodeError):
        answer.json()


async def test_an_answer_without_paging_headers(cloud: SimulatedCloud, rest: httpx.AsyncClient, site: str) -> None:
    cloud.faults.rest("/stats/clients$", no_paging=True)
    answer = await rest.get(f"{site}/stats/clients")
    assert len(answer.json()) > 3
    assert "X-Page-Total" not in answer.headers


async def test_content_types_in_turn(cloud: SimulatedCloud, rest: httpx.AsyncClient) -> None:
    cloud.faults.content_type("application/json", "application/vnd.api+json")
    kinds = {(await rest.get("/api/v1/self")).headers["Content-Type"] for _ in range(2)}
    assert kinds == {"application/json", "application/vnd.api+json"}


@pytest.mark.parametrize(
    ("listing", "path"),
    [
        ("clients", "/stats/clients"),
        ("maps", "/maps"),
        ("psks", "/psks"),
        ("guests", "/guests"),
        ("devices", "/stats/devices"),
    ],
)
async def test_malformed_items_among_the_good_ones(
    cloud: SimulatedCloud, rest: httpx.AsyncClient, site: str, listing: str, path: str
) -> None:
    good = (await rest.get(f"{site}{path}?limit=1000")).json()
    bad = [None, "text", {"mac": 7}]
    cloud.faults.inject(listing, bad)
    mixed = (await rest.get(f"{site}{path}?limit=1000")).json()
    assert mixed[:3] == bad
    assert len(mixed) == len(good) + 3


async def test_stale_lists_while_the_stream_would_know_better(
    cloud: SimulatedCloud, rest: httpx.AsyncClient, site: str
) -> None:
    one, other = (plan.id for plan in cloud.world.maps_of(cloud.site_id)[:2])
    mac = cloud.stage.add_device(map_id=one, x=10, y=10)
    cloud.faults.stale(60)
    await cloud.advance(5)
    cloud.stage.place(mac, other, 30, 40)
    cloud.stage.leave(mac)

    async def map_id() -> str:
        found: str = (await rest.get(f"{site}/stats/clients/{mac}")).json()["map_id"]
        return found

    assert await map_id() == one
    await cloud.advance(61)
    assert await map_id() == other
