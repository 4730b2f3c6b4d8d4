import json
from email.utils import parsedate_to_datetime

import httpx
import pytest
from websockets.asyncio.client import connect
from websockets.exceptions import InvalidStatus
from websockets.http11 import Response

from mistlocate.simulator import SimulatedCloud


async def refused(cloud: SimulatedCloud, url: str | None = None, **headers: str) -> Response:
    with pytest.raises(InvalidStatus) as caught:
        async with connect(url or cloud.stream_url, additional_headers=headers):
            raise AssertionError("the socket must not open")
    return caught.value.response


async def test_the_token_is_checked_before_the_socket_opens(cloud: SimulatedCloud) -> None:
    missing = await refused(cloud)
    wrong = await refused(cloud, Authorization="Token nonsense")
    assert (missing.status_code, wrong.status_code) == (401, 401)
    assert json.loads(wrong.body)["detail"] == "Invalid token."
    assert [entry.status for entry in cloud.requests] == [401, 401]


async def test_a_good_token_opens_it_and_the_date_is_the_simulated_clock(cloud: SimulatedCloud) -> None:
    headers = {"Authorization": f"token {cloud.token}"}
    async with connect(cloud.stream_url, additional_headers=headers) as socket:
        assert socket.response is not None
        assert parsedate_to_datetime(socket.response.headers["Date"]).timestamp() == int(cloud.now())
        assert "Sec-WebSocket-Extensions" not in socket.response.headers
        assert [session.token for session in cloud.sessions] == ["org"]
    assert cloud.requests[-1].status == 101


async def test_handshakes_can_be_refused_for_a_while(cloud: SimulatedCloud) -> None:
    cloud.faults.refuse_handshakes(429, retry_after=30, times=1)
    cloud.faults.refuse_handshakes(403, body={"detail": "no"}, times=1)
    good = f"Token {cloud.token}"
    first = await refused(cloud, Authorization=good)
    assert (first.status_code, first.headers["Retry-After"]) == (429, "30")
    second = await refused(cloud, Authorization=good)
    assert (second.status_code, json.loads(second.body)) == (403, {"detail": "no"})
    assert "Retry-After" not in second.headers
    async with connect(cloud.stream_url, additional_headers={"Authorization": good}) as socket:
        await (await socket.ping())


async def test_there_is_one_path_only(cloud: SimulatedCloud) -> None:
    other = cloud.stream_url.replace("/stream", "/other")
    assert (await refused(cloud, other, Authorization=f"Token {cloud.token}")).status_code == 404


async def test_a_plain_request_is_not_an_upgrade(cloud: SimulatedCloud, rest: httpx.AsyncClient) -> None:
    assert (await rest.get("/api-ws/v1/stream")).status_code == 404


async def test_nothing_is_logged_about_a_refusal(cloud: SimulatedCloud, caplog: pytest.LogCaptureFixture) -> None:
    await refused(cloud)
    assert [record for record in caplog.records if record.levelname == "ERROR"] == []
