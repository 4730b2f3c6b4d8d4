import httpx
import pytest

from mistlocate.simulator import Campus, SimulatedCloud


@pytest.fixture
async def hands(cloud: SimulatedCloud):
    async with httpx.AsyncClient(base_url=cloud.url) as client:
        yield client


async def test_the_front_page_tells_what_this_is(cloud, hands) -> None:
    page = await hands.get("/")
    assert page.headers["Content-Type"].startswith("text/plain")
    for word in (cloud.site_id, cloud.token, cloud.stream_url, "/simulator/truth"):
        assert word in page.text


async def test_state_and_truth(cloud, hands) -> None:
    state = (await hands.get("/simulator")).json()
    assert state["site_id"] == cloud.site_id
    assert state["devices"] == len(cloud.world.devices)
    truths = (await hands.get("/simulator/truth")).json()
    assert {one["mac"] for one in truths} == set(cloud.world.devices)
    alice = (await hands.get("/simulator/truth", params={"owner": "alice@example.com"})).json()
    assert {one["owner"] for one in alice} == {"alice@example.com"}
    assert len((await hands.get("/simulator/truth", params={"mac": "00005e005300"})).json()) == 1


@pytest.mark.parametrize(
    "headers",
    [
        {"Origin": "https://evil.example"},
        {"Origin": "null"},
        {"Origin": "http://127.0.0.1:1"},
        {"Host": "evil.example"},
        {"Host": "127.0.0.1.evil.example:80"},
        {"Host": "[::1"},
    ],
)
async def test_pages_of_other_hosts_are_refused(cloud, hands, headers: dict[str, str]) -> None:
    for method, path in (("POST", "/simulator/faults/mute"), ("GET", "/simulator"), ("DELETE", "/simulator/faults")):
        answer = await hands.request(method, path, headers=headers)
        assert answer.status_code == 403, (method, path)
        assert "detail" in answer.json()
    assert not cloud.faults.muted


async def test_its_own_pages_and_programs_of_this_machine_are_not(cloud, hands) -> None:
    assert (await hands.get("/simulator", headers={"Origin": cloud.url})).status_code == 200
    local = {"Host": f"localhost:{cloud.port}", "Origin": f"http://localhost:{cloud.port}"}
    assert (await hands.post("/simulator/faults/mute", headers=local)).status_code == 200
    assert cloud.faults.muted


async def test_time_can_be_moved(cloud, hands) -> None:
    await hands.post("/simulator/advance", json={"seconds": 30})
    assert cloud.world.elapsed == 30.0


async def test_faults_are_set_told_and_cleared(cloud, hands, rest) -> None:
    assert (await hands.post("/simulator/faults/rest", json={"path": "/self$", "status": 500})).json() == {}
    assert (await rest.get("/api/v1/self")).status_code == 500
    await hands.post("/simulator/faults/mute")
    assert (await hands.get("/simulator/faults")).json()["muted"] is True
    await hands.request("DELETE", "/simulator/faults")
    assert (await rest.get("/api/v1/self")).status_code == 200
    assert not cloud.faults.muted
    types = {"args": ["application/vnd.api+json"]}
    await hands.post("/simulator/faults/content_type", json=types)
    assert cloud.faults.content_types == ("application/vnd.api+json",)


async def test_devices_maps_and_keys(cloud, hands) -> None:
    plan = (await hands.post("/simulator/maps", json={"name": "Roof"})).json()["result"]
    key = (await hands.post("/simulator/psks", json={"name": "zoe@example.com"})).json()["result"]
    mac = (await hands.post("/simulator/devices", json={"kind": "psk", "psk_id": key})).json()["result"]
    await hands.post(f"/simulator/devices/{mac}/place", json={"map_id": plan, "x": 12, "y": 34})
    truth = cloud.world.truth(mac)
    assert (truth.map_id, truth.x, truth.y, truth.psk_id) == (plan, 12.0, 34.0, key)
    await hands.post(f"/simulator/maps/{plan}/rename", json={"name": "Attic"})
    assert cloud.world.maps[plan].name == "Attic"
    await hands.post(f"/simulator/psks/{key}/remove")
    assert key not in cloud.world.psks
    await hands.post(f"/simulator/maps/{plan}/remove")
    assert plan not in cloud.world.maps


async def test_the_log_and_the_sockets(cloud, hands, rest, stream) -> None:
    await rest.get("/api/v1/self")
    await stream.subscribe("/test")
    assert [entry["path"] for entry in (await hands.get("/simulator/requests")).json()][-1] == "/api/v1/self"
    sessions = (await hands.get("/simulator/sessions")).json()
    assert [(session["token"], session["channels"]) for session in sessions] == [("org", ["/test"])]
    assert (await hands.post("/simulator/stream/send_raw", json={"text": "hello"})).json() == {"result": 1}
    assert await stream.socket.recv() == "hello"
    await hands.request("DELETE", "/simulator/requests")
    assert len(cloud.requests) == 0


async def test_tokens(cloud, hands, rest) -> None:
    made = (await hands.post("/simulator/tokens", json={"role": "write"})).json()["result"]
    assert cloud.tokens.authenticate(f"Token {made}").may_write
    assert (await hands.post("/simulator/tokens/rotate")).json()["result"] == cloud.token
    assert (await rest.get("/api/v1/self")).status_code == 401
    await hands.post("/simulator/tokens/revoke", json={"token": made})
    assert (await hands.post("/simulator/tokens/revoke", json={"token": made})).status_code == 404


@pytest.mark.parametrize(
    ("method", "path", "body", "status"),
    [
        ("GET", "/simulator/nothing", None, 404),
        ("POST", "/simulator/nothing", None, 404),
        ("DELETE", "/simulator/truth", None, 404),
        ("PUT", "/simulator/faults", None, 405),
        ("POST", "/simulator/faults/describe", None, 404),
        ("POST", "/simulator/devices/000000000000/leave", None, 404),
        ("POST", "/simulator/devices/00005e005300/place", {"map_id": "nowhere", "x": 1, "y": 1}, 404),
        ("POST", "/simulator/devices/00005e005300/place", {"up": 1}, 400),
        ("POST", "/simulator/faults/inject", {"listing": "people", "items": []}, 400),
        ("POST", "/simulator/advance", {"seconds": "soon"}, 400),
        ("POST", "/simulator/advance", [], 400),
    ],
)
async def test_what_cannot_be_done_is_said(hands, method: str, path: str, body: object, status: int) -> None:
    answer = await hands.request(method, path, json=body)
    assert answer.status_code == status
    assert answer.json()["detail"]


async def test_a_body_that_is_no_json(hands) -> None:
    assert (await hands.post("/simulator/advance", content=b"{")).status_code == 400


async def test_other_machines_are_not_answered(cloud) -> None:
    transport = httpx.ASGITransport(cloud._control, client=("192.0.2.7", 1234))
    async with httpx.AsyncClient(transport=transport, base_url="http://simulator") as client:
        answer = await client.get("/simulator/truth")
    assert answer.status_code == 403
    assert "this machine only" in answer.json()["detail"]


async def test_the_controls_can_be_left_out() -> None:
    async with (
        SimulatedCloud(Campus(people=0), control=False, autorun=False) as cloud,
        httpx.AsyncClient(base_url=cloud.url) as client,
    ):
        assert (await client.get("/simulator")).status_code == 401
        assert (await client.get("/")).status_code == 401
