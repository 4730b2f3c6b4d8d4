import asyncio
import json
from collections.abc import AsyncIterator
from typing import Any

import httpx
import pytest
import respx

from mistlocate.clock import FastClock, SystemClock
from mistlocate.errors import (
    AccessDenied,
    BadArguments,
    BudgetSpent,
    CannotConnect,
    CloudError,
    CloudTrouble,
    ConnectionLost,
    MistlocateError,
    NotFound,
    RateLimited,
    TimedOut,
    TokenRefused,
)
from mistlocate.mist.budget import Budget, Purpose
from mistlocate.mist.rest import MistApi, relative_path
from mistlocate.transport.http import HttpTransport
from support.times import morning

BASE = "https://api.example.test"
TOKEN = "sesame-open-0123456789"
CLIENT = {"mac": "00005e005301", "last_seen": 1767261594}


@pytest.fixture
async def api() -> AsyncIterator[MistApi]:
    http = HttpTransport()
    yield MistApi(http, BASE + "/", TOKEN, clock=FastClock(1000, morning()), budget=Budget(1000), rng=lambda: 0.5)
    await http.aclose()


def page(items: list[Any], number: int, total: int, limit: int = 1000) -> httpx.Response:
    headers = {"X-Page-Total": str(total), "X-Page-Limit": str(limit), "X-Page-Page": str(number)}
    return httpx.Response(200, json=items, headers=headers)


@pytest.mark.respx(base_url=BASE)
class TestCalls:
    async def test_the_token_goes_into_the_header_and_nowhere_else(
        self, respx_mock: respx.MockRouter, api: MistApi
    ) -> None:
        route = respx_mock.get("/api/v1/self").respond(json={"name": "finder", "privileges": []})
        assert (await api.token_info()).kind == "org"
        request = route.calls.last.request
        assert request.headers["Authorization"] == f"Token {TOKEN}"
        assert TOKEN not in str(request.url)

    async def test_both_documented_content_types(self, respx_mock: respx.MockRouter, api: MistApi) -> None:
        body = json.dumps({"id": "s1", "name": "HQ"}).encode()
        respx_mock.get("/api/v1/sites/s1").respond(content=body, headers={"Content-Type": "application/vnd.api+json"})
        assert (await api.site("s1")).name == "HQ"

    async def test_the_clouds_clock_is_read_off_its_answers(self, respx_mock: respx.MockRouter) -> None:
        respx_mock.get("/api/v1/self").respond(json={}, headers={"Date": "Thu, 01 Jan 2026 10:00:00 GMT"})
        http = HttpTransport()
        api = MistApi(http, BASE, TOKEN, clock=SystemClock())
        await api.token_info()
        assert api.cloud_clock.now() == pytest.approx(1_767_261_600.0, abs=600)
        await http.aclose()

    async def test_usage(self, respx_mock: respx.MockRouter, api: MistApi) -> None:
        respx_mock.get("/api/v1/self/usage").respond(json={"requests": 418, "request_limit": 5000})
        assert (await api.usage()).requests == 418

    @pytest.mark.parametrize("answer", [[], "text", 7])
    async def test_an_answer_that_is_no_object_is_the_clouds_trouble(
        self, respx_mock: respx.MockRouter, api: MistApi, answer: object
    ) -> None:
        respx_mock.get(path__regex="/api/v1/self.*").respond(json=answer)
        for ask in (api.token_info, api.usage):
            with pytest.raises(CloudTrouble, match="the cloud's answer cannot be read: not an object") as raised:
                await ask()
            assert "REST host" in (raised.value.hint or "")

    async def test_maps_are_asked_for_without_parameters(self, respx_mock: respx.MockRouter, api: MistApi) -> None:
        route = respx_mock.get("/api/v1/sites/s1/maps").respond(json=[{"id": "m1"}])
        assert [row.record.id for row in (await api.maps("s1", Purpose.COMMAND)).rows] == ["m1"]
        assert route.calls.last.request.url.query == b""

    async def test_one_client_keeps_every_field(self, respx_mock: respx.MockRouter, api: MistApi) -> None:
        record = {**CLIENT, "something_new": [1, {"deep": None}]}
        respx_mock.get("/api/v1/sites/s1/stats/clients/00005e005301").respond(json=record)
        row = await api.client("s1", "00005e005301", Purpose.COMMAND)
        assert row.raw == record
        assert row.record.last_seen == 1767261594

    async def test_passphrases_are_gone_at_once(self, respx_mock: respx.MockRouter, api: MistApi) -> None:
        key = {"id": "k1", "name": "bob@example.com", "passphrase": "correct horse battery"}
        respx_mock.get("/api/v1/orgs/o1/psks").respond(json=[key])
        listing = await api.psks("orgs", "o1")
        assert "correct horse" not in repr(listing)
        assert listing.rows[0].record.name == "bob@example.com"

    async def test_search_answers_are_objects_with_results(self, respx_mock: respx.MockRouter, api: MistApi) -> None:
        respx_mock.get("/api/v1/orgs/o1/sites").respond(json={"results": [{"id": "s1"}], "total": 1})
        assert len((await api.org_sites("o1")).rows) == 1

    @pytest.mark.parametrize("identifier", ["", "a/b", "..", "x" * 65, "s1?x=1", "ä"])
    async def test_no_id_can_leave_its_place_in_the_path(
        self, respx_mock: respx.MockRouter, api: MistApi, identifier: str
    ) -> None:
        with pytest.raises(BadArguments):
            await api.site(identifier)
        assert not respx_mock.calls


@pytest.mark.respx(base_url=BASE)
class TestLists:
    async def test_pages_are_followed_as_the_headers_say(self, respx_mock: respx.MockRouter, api: MistApi) -> None:
        def answer(request: httpx.Request) -> httpx.Response:
            number = int(request.url.params.get("page", 1))
            assert request.url.params["limit"] == "1000"
            return page([{**CLIENT, "mac": f"00005e00{number:04x}"}], number, 2500)

        route = respx_mock.get("/api/v1/sites/s1/stats/clients").mock(side_effect=answer)
        listing = await api.site_clients("s1", Purpose.SNAPSHOT)
        assert [row.record.mac for row in listing.rows] == ["00005e000001", "00005e000002", "00005e000003"]
        assert route.call_count == 3

    @pytest.mark.parametrize(("honoured", "calls"), [(True, 3), (False, 4)])
    async def test_the_first_page_of_a_map_is_asked_for_by_its_bare_path(
        self, respx_mock: respx.MockRouter, api: MistApi, honoured: bool, calls: int
    ) -> None:
        def answer(request: httpx.Request) -> httpx.Response:
            if not request.url.query:
                assert request.headers["X-Page-Limit"] == "1000"
                limit = 1000 if honoured else 100
                return page([{**CLIENT, "mac": "00005e000001"}], 1, 2500, limit)
            number = int(request.url.params.get("page", 1))
            assert "X-Page-Limit" not in request.headers
            return page([{**CLIENT, "mac": f"00005e00{number:04x}"}], number, 2500)

        route = respx_mock.get("/api/v1/sites/s1/stats/maps/m1/clients").mock(side_effect=answer)
        listing = await api.map_clients("s1", "m1", Purpose.SNAPSHOT)
        assert [row.record.mac for row in listing.rows] == ["00005e000001", "00005e000002", "00005e000003"]
        assert route.call_count == calls

    async def test_without_headers_the_answer_is_complete(self, respx_mock: respx.MockRouter, api: MistApi) -> None:
        route = respx_mock.get("/api/v1/sites/s1/stats/clients").respond(json=[CLIENT])
        assert len((await api.site_clients("s1", Purpose.SNAPSHOT)).rows) == 1
        assert route.call_count == 1

    async def test_an_empty_page_ends_the_list_whatever_the_headers_say(
        self, respx_mock: respx.MockRouter, api: MistApi
    ) -> None:
        route = respx_mock.get("/api/v1/sites/s1/stats/clients").mock(side_effect=lambda _: page([], 1, 9999))
        assert (await api.site_clients("s1", Purpose.SNAPSHOT)).rows == []
        assert route.call_count == 1

    async def test_headers_that_never_end_are_not_followed_for_ever(
        self, respx_mock: respx.MockRouter, api: MistApi
    ) -> None:
        route = respx_mock.get("/api/v1/sites/s1/maps").mock(side_effect=lambda _: page([{"id": "m1"}], 1, 10**9, 1))
        await api.list(_map_model(), "/sites/s1/maps", Purpose.COMMAND, pages=7)
        assert route.call_count == 7

    async def test_a_bad_item_costs_no_other_and_is_told(self, respx_mock: respx.MockRouter, api: MistApi) -> None:
        respx_mock.get("/api/v1/sites/s1/stats/clients").respond(json=[None, CLIENT, {"x": 1}, "text"])
        listing = await api.site_clients("s1", Purpose.SNAPSHOT)
        assert len(listing.rows) == 1
        assert len(listing.rejects) == 3

    async def test_what_is_no_list(self, respx_mock: respx.MockRouter, api: MistApi) -> None:
        respx_mock.get("/api/v1/sites/s1/stats/clients").respond(json={"detail": "surprise"})
        with pytest.raises(CloudTrouble, match="no list"):
            await api.site_clients("s1", Purpose.SNAPSHOT)


@pytest.mark.respx(base_url=BASE)
class TestErrors:
    @pytest.mark.parametrize(
        ("answer", "error", "text"),
        [
            (httpx.Response(401, json={"detail": "Invalid token."}), TokenRefused, "another cloud instance"),
            (httpx.Response(403, json={"detail": "no permission"}), AccessDenied, "no permission"),
            (httpx.Response(404), NotFound, "site id"),
            (httpx.Response(404, json={"id": "x"}), NotFound, "site id"),
            (httpx.Response(400, json={"detail": "JSON parse error"}), CloudError, "JSON parse error"),
            (httpx.Response(302, headers={"Location": "https://elsewhere.test"}), CloudError, "redirects"),
            (
                httpx.Response(429, headers={"Retry-After": "640"}, json={"detail": "threshold"}),
                RateLimited,
                "threshold",
            ),
        ],
        ids=["401", "403", "404 empty", "404 with id", "400", "redirect", "429"],
    )
    async def test_each_status_is_an_error_with_a_name_and_is_asked_once(
        self,
        respx_mock: respx.MockRouter,
        api: MistApi,
        answer: httpx.Response,
        error: type[MistlocateError],
        text: str,
    ) -> None:
        route = respx_mock.get("/api/v1/sites/s1").mock(return_value=answer)
        with pytest.raises(error, match=text) as raised:
            await api.site("s1")
        assert type(raised.value) is error
        assert route.call_count == 1
        assert TOKEN not in str(raised.value)

    @pytest.mark.parametrize(
        "answer",
        [
            httpx.Response(502, html="<html>oops</html>"),
            httpx.Response(200, html="<html>login</html>"),
            httpx.Response(503),
        ],
        ids=["502", "HTML with 200", "503"],
    )
    async def test_the_clouds_trouble_is_met_with_patience(
        self, respx_mock: respx.MockRouter, api: MistApi, answer: httpx.Response
    ) -> None:
        good = httpx.Response(200, json={"id": "s1", "name": "HQ"})
        respx_mock.get("/api/v1/sites/s1").mock(side_effect=[answer, answer, good])
        assert (await api.site("s1")).name == "HQ"
        respx_mock.get("/api/v1/sites/s1").mock(side_effect=[answer] * 3)
        with pytest.raises(CloudTrouble):
            await api.site("s1")

    async def test_a_kept_connection_that_broke_is_tried_again(
        self, respx_mock: respx.MockRouter, api: MistApi
    ) -> None:
        good = httpx.Response(200, json={"id": "s1"})
        respx_mock.get("/api/v1/sites/s1").mock(side_effect=[httpx.RemoteProtocolError("gone"), good])
        assert (await api.site("s1")).id == "s1"

    @pytest.mark.parametrize(
        ("raised", "error"),
        [(httpx.ConnectError("refused"), CannotConnect), (httpx.ReadTimeout("slow"), TimedOut)],
    )
    async def test_the_network_is_told_from_the_cloud(
        self, respx_mock: respx.MockRouter, api: MistApi, raised: Exception, error: type[Exception]
    ) -> None:
        route = respx_mock.get("/api/v1/sites/s1").mock(side_effect=raised)
        with pytest.raises(error, match=r"api\.example\.test"):
            await api.site("s1")
        assert route.call_count == 1

    async def test_no_error_tells_a_path(self, respx_mock: respx.MockRouter, api: MistApi) -> None:
        respx_mock.get("/api/v1/sites/s1/stats/clients/00005e005301").mock(side_effect=httpx.ConnectError("x"))
        with pytest.raises(CannotConnect) as raised:
            await api.client("s1", "00005e005301", Purpose.COMMAND)
        assert "00005e005301" not in str(raised.value)


@pytest.mark.respx(base_url=BASE)
class TestBudgetOfCalls:
    async def test_after_a_429_nothing_is_sent_before_its_time(
        self, respx_mock: respx.MockRouter, api: MistApi
    ) -> None:
        route = respx_mock.get("/api/v1/sites/s1").respond(429, headers={"Retry-After": "640"})
        with pytest.raises(RateLimited) as raised:
            await api.site("s1")
        assert raised.value.retry_after == 640
        with pytest.raises(BudgetSpent) as waiting:
            await api.site("s1")
        assert 0 < waiting.value.retry_after <= 640
        assert route.call_count == 1

    @pytest.mark.parametrize(("header", "seconds"), [("", 60), ("soon", 60), ("-5", 1), ("1e9", 3600)])
    async def test_odd_retry_after(
        self, respx_mock: respx.MockRouter, api: MistApi, header: str, seconds: float
    ) -> None:
        respx_mock.get("/api/v1/sites/s1").respond(429, headers={"Retry-After": header} if header else {})
        with pytest.raises(RateLimited) as raised:
            await api.site("s1")
        assert raised.value.retry_after == seconds

    async def test_every_call_is_counted_every_try_too(self, respx_mock: respx.MockRouter, api: MistApi) -> None:
        respx_mock.get("/api/v1/sites/s1").mock(
            side_effect=[httpx.Response(500), httpx.Response(200, json={"id": "s1"})]
        )
        await api.site("s1")
        assert api.budget.report(api.cloud_clock.now(), 0.0)["used"] == 2

    async def test_nothing_is_sent_beyond_the_budget(self, respx_mock: respx.MockRouter, api: MistApi) -> None:
        route = respx_mock.get("/api/v1/sites/s1").respond(json={"id": "s1"})
        api.budget.limit = 3
        answers = await asyncio.gather(*(api.site("s1") for _ in range(10)), return_exceptions=True)
        assert sum(isinstance(each, BudgetSpent) for each in answers) == 7
        assert route.call_count == 3


class TestAnyPath:
    @pytest.mark.parametrize(
        ("given_path", "asked"),
        [
            ("/sites/s1/maps", "/api/v1/sites/s1/maps"),
            ("sites/s1/maps", "/api/v1/sites/s1/maps"),
            ("/api/v1/self", "/api/v1/self"),
            ("/sites/s1/stats/clients?limit=1&duration=1h", "/api/v1/sites/s1/stats/clients?limit=1&duration=1h"),
        ],
    )
    def test_paths_of_the_api(self, given_path: str, asked: str) -> None:
        assert relative_path(given_path) == asked

    @pytest.mark.parametrize(
        "location",
        [
            "https://evil.test/api/v1/self",
            "//evil.test/api/v1/self",
            "/api/v1/../../secret",
            "/sites/../../x",
            "/sites/%2e%2e/x",
            "/sites//x",
            "/sites/s1#x",
            "/sites/s1\r\nHost: evil.test",
            "\\\\evil.test",
            "/sites/ s1",
            "@evil.test/x//",
            "/sites/./s1",
            "/sites/é",
            "http:evil.test//",
            "",
        ],
    )
    async def test_nothing_leads_elsewhere(self, api: MistApi, location: str) -> None:
        async with respx.mock(assert_all_called=False) as router:
            everything = router.route().respond(json={})
            try:
                await api.get_redacted(location)
            except BadArguments:
                assert everything.call_count == 0
            else:
                assert "%" not in location, "what is hidden in codes is not asked at all"
                (call,) = everything.calls
                assert call.request.url.host == "api.example.test"
                assert call.request.url.path.startswith("/api/v1/")

    @pytest.mark.respx(base_url=BASE)
    async def test_secrets_are_blanked_out(self, respx_mock: respx.MockRouter, api: MistApi) -> None:
        respx_mock.get("/api/v1/orgs/o1/psks").respond(json=[{"name": "bob", "passphrase": "correct horse"}])
        assert await api.get_redacted("/orgs/o1/psks") == [{"name": "bob", "passphrase": "***"}]


class TestBrokenConnections:
    async def test_a_connection_that_keeps_breaking_is_given_up(self, api: MistApi) -> None:
        async with respx.mock(base_url=BASE) as router:
            route = router.get("/api/v1/sites/s1").mock(side_effect=httpx.RemoteProtocolError("gone"))
            with pytest.raises(ConnectionLost):
                await api.site("s1")
            assert route.call_count == 3


def _map_model() -> Any:
    from mistlocate.mist.models import Map

    return Map
