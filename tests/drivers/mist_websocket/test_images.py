"""The images of maps, fetched from the simulated cloud over its signed links."""

import asyncio
import hashlib
import io
import logging
from pathlib import Path

import pytest
from PIL import Image
from structlog.testing import capture_logs

from mistlocate.driver.base import Asset
from mistlocate.drivers.mist_websocket import images
from mistlocate.errors import BudgetSpent, CannotConnect, CloudTrouble, ModuleUnavailable, NotFound, TransportError
from mistlocate.mist.budget import Purpose
from mistlocate.simulator import Campus
from support.servers import raw_server
from support.site import SYSTEM, Site, site
from support.waiting import until

EMPTY = Campus(seed=1, people=0, floors=2, passers=0)
DOWNLOAD = "/api/v1/forward/download"
STORAGE = "/storage/"


async def image(it: Site, name: str = "", *, floor: int = 0) -> Asset:
    return await it.engine.find(SYSTEM, "MistWebsocket_1").asset(f"map/{it.maps[floor]}{name}")


def fetched(it: Site, path: str = DOWNLOAD) -> int:
    return sum(call.path.startswith(path) for call in it.cloud.requests)


def serve(it: Site, body: bytes) -> None:
    """Answer the next request to a link with these bytes."""
    it.cloud.faults.rest(DOWNLOAD, html=body.decode("latin-1"), times=1)


class TestImages:
    async def test_in_full_and_small_each_fetched_once(self, tmp_path: Path) -> None:
        async with site(tmp_path, EMPTY) as it:
            await it.live()
            full, small = await image(it), await image(it, "/thumbnail")
            plan = it.cloud.world.maps[it.maps[0]]
            assert Image.open(io.BytesIO(full.body)).size == (plan.width, plan.height)
            assert Image.open(io.BytesIO(small.body)).width == 240
            assert full.media_type == small.media_type == "image/png"
            assert full.version == hashlib.sha256(full.body).hexdigest()[:32] != small.version
            assert await image(it) is full
            assert await image(it, "/thumbnail") is small
            assert (fetched(it), fetched(it, STORAGE)) == (2, 2)
            assert it.cloud.leaked_tokens == 0
            assert {call.token for call in it.cloud.requests if call.path in (DOWNLOAD, STORAGE)} <= {None}

    async def test_who_asks_at_the_same_time_waits_for_the_same_answer(self, tmp_path: Path) -> None:
        async with site(tmp_path, EMPTY) as it:
            await it.live()
            rule = it.cloud.faults.rest(DOWNLOAD, delay=5.0)
            first, *others = [asyncio.create_task(image(it)) for _ in range(5)]
            await until(lambda: rule.hits)
            first.cancel()
            found = await asyncio.gather(*others)
            assert all(each is found[0] for each in found)
            assert rule.hits == 2, "once for who went away, once for all who stayed"

    async def test_a_replaced_image_is_fetched_anew(self, tmp_path: Path) -> None:
        async with site(tmp_path, EMPTY) as it:
            await it.live()
            before = await image(it)
            await it.clock.sleep(1)
            it.cloud.stage.replace_image(it.maps[0])
            assert await image(it) is before
            await it.mist("maps")
            after = await image(it)
            assert after.version != before.version

    async def test_links_that_have_expired_are_replaced_with_one_more_list_of_maps(self, tmp_path: Path) -> None:
        async with site(tmp_path, EMPTY, link_lifetime=60.0, websocket={"maps_interval": 1440}) as it:
            await it.live()
            await it.cloud.advance(300)
            listed = len(it.requests(f"/sites/{it.cloud.site_id}/maps"))
            await asyncio.gather(image(it), image(it, floor=1), image(it, "/thumbnail"))
            assert len(it.requests(f"/sites/{it.cloud.site_id}/maps")) == listed + 1
            assert fetched(it, STORAGE) == 3

    @pytest.mark.parametrize(("status", "error"), [(403, NotFound), (404, NotFound), (500, CloudTrouble)])
    async def test_one_that_cannot_be_had_is_not_asked_for_again_and_again(
        self, tmp_path: Path, status: int, error: type[Exception]
    ) -> None:
        async with site(tmp_path, EMPTY) as it:
            await it.live()
            rule = it.cloud.faults.rest(DOWNLOAD, status=status)
            with pytest.raises(error, match=f"HTTP {status}"):
                await image(it)
            tries = rule.hits
            assert tries == (1 if status == 500 else 2)
            with pytest.raises(error, match=f"HTTP {status}"):
                await image(it)
            assert rule.hits == tries
            it.cloud.faults.clear()
            await it.clock.sleep(images.NOT_AGAIN_FOR + 1)
            assert (await image(it)).media_type == "image/png"

    async def test_what_there_is_none_of(self, tmp_path: Path) -> None:
        async with site(tmp_path, EMPTY) as it:
            await it.live()
            host = it.host("MistWebsocket_1")
            with pytest.raises(NotFound, match="no image"):
                await image(it, floor=2)
            assert [each["has_image"] for each in it.status("maps")] == [True, True, False]
            for name in ("", "map", "map/", "map/nothing", f"map/{it.maps[0]}/large", f"map/{it.maps[0]}/thumbnail/"):
                with pytest.raises(NotFound):
                    await host.asset(name)
            assert fetched(it) == 0

    async def test_before_the_maps_are_known(self, tmp_path: Path) -> None:
        async with site(tmp_path, EMPTY, websocket={"api_token": "guess"}) as it:
            await it.state("auth_failed")
            with pytest.raises(ModuleUnavailable, match="not known yet"):
                await image(it)

    async def test_a_refused_token_is_not_used_for_images(self, tmp_path: Path) -> None:
        async with site(tmp_path, EMPTY, link_lifetime=60.0) as it:
            await it.live()
            kept = await image(it)
            it.cloud.revoke(it.cloud.token)
            await it.broken()
            await it.state("auth_failed")
            await it.cloud.advance(300)
            listed = len(it.requests("/maps"))
            assert await image(it) is kept
            with pytest.raises(Exception, match="refuses the API token"):
                await image(it, floor=1)
            assert len(it.requests("/maps")) == listed


class TestBounds:
    async def test_little_used_images_make_room(self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        async with site(tmp_path, EMPTY) as it:
            await it.live()
            one, two = await image(it), await image(it, floor=1)
            monkeypatch.setattr(images, "KEPT_AT_MOST", len(one.body) + len(two.body) + 100)
            assert await image(it) is one, "the other is the one that was not asked for lately"
            await image(it, "/thumbnail")
            assert await image(it) is one
            before = fetched(it)
            await image(it, floor=1)
            assert fetched(it) == before + 1

    async def test_what_is_too_large_is_refused(self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr(images, "IMAGE_AT_MOST", 1000)
        async with site(tmp_path, EMPTY) as it:
            await it.live()
            with pytest.raises(TransportError, match="larger than 1000 bytes"):
                await image(it)

    async def test_the_budget_holds_for_images_too(self, tmp_path: Path) -> None:
        async with site(tmp_path, EMPTY) as it:
            await it.live()
            budget = it.host("MistWebsocket_1").life.module._driver._site.connection.api.budget  # type: ignore[union-attr]
            used = budget.report(it.cloud.now(), it.clock.monotonic())["used"]
            await image(it)
            assert budget.report(it.cloud.now(), it.clock.monotonic())["used"] > used
            while budget.spend(Purpose.BACKGROUND, it.cloud.now(), it.clock.monotonic()) == 0:
                pass
            with pytest.raises(BudgetSpent):
                await image(it, floor=1)


class TestWhatComes:
    @pytest.mark.parametrize(
        "body",
        [b"<svg xmlns='http://www.w3.org/2000/svg'/>", b"<html>no</html>", b"", b"RIFF....WAVE", b"%PDF-1.7", b"{}"],
    )
    async def test_only_images_that_do_nothing_pass(self, tmp_path: Path, body: bytes) -> None:
        async with site(tmp_path, EMPTY) as it:
            await it.live()
            serve(it, body)
            with pytest.raises(CloudTrouble, match="none that can be shown"):
                await image(it)

    @pytest.mark.parametrize(
        "target",
        ["ftp://127.0.0.1/x", "file:///etc/passwd", "http://user:pass@127.0.0.1/x", "http://["],
    )
    async def test_where_redirects_may_not_lead(self, tmp_path: Path, target: str) -> None:
        async with site(tmp_path, EMPTY) as it:
            await it.live()
            it.cloud.faults.rest(DOWNLOAD, status=302, headers={"Location": target}, times=1)
            with pytest.raises(CloudTrouble, match="address that is not asked"):
                await image(it)

    def test_nor_from_safe_to_unsafe(self) -> None:
        for before in ("https://a.example/x", "HTTPS://a.example"):
            with pytest.raises(CloudTrouble):
                images.address_after(before, "http://b.example/y")
            assert images.address_after(before, "https://b.example/y") == "https://b.example/y"
            assert images.address_after(before, "/y").endswith("://a.example/y")
        assert images.address_after("http://a.example", "https://b.example/y") == "https://b.example/y"

    @pytest.mark.parametrize(
        "host",
        ["127.0.0.1", "localhost", "2130706433", "[::1]", "[::ffff:127.0.0.1]", "10.255.255.1", "169.254.169.254"],
    )
    async def test_no_link_leads_to_this_machine_or_its_network(self, tmp_path: Path, host: str) -> None:
        asked = []

        async def private(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
            asked.append(await reader.readuntil(b"\r\n\r\n"))

        async with raw_server(private) as port, site(tmp_path, EMPTY) as it:
            await it.live()
            target = f"http://{host}:{port}/latest/meta-data"
            it.cloud.faults.rest(DOWNLOAD, status=302, headers={"Location": target}, times=1)
            with pytest.raises(CannotConnect, match="in a private network"):
                await image(it)
            tracker = it.tracker()
            tracker.maps[it.maps[1]] = tracker.maps[it.maps[1]].model_copy(update={"url": target})
            with pytest.raises(CannotConnect, match="in a private network"):
                await image(it, floor=1)
            assert asked == []

    async def test_a_picture_that_would_take_a_browsers_memory_is_refused(self, tmp_path: Path) -> None:
        async with site(tmp_path, EMPTY) as it:
            await it.live()
            # 32,639 by 32,639 pixels, in bytes that the simulator can serve
            serve(it, b"GIF89a\x7f\x7f\x7f\x7f" + b"\0" * 20)
            with pytest.raises(CloudTrouble, match="none that can be shown"):
                await image(it)

    async def test_one_redirect_and_no_more(self, tmp_path: Path) -> None:
        async with site(tmp_path, EMPTY) as it:
            await it.live()
            rule = it.cloud.faults.rest(DOWNLOAD, status=302, headers={"Location": f"{it.cloud.url}{DOWNLOAD}"})
            with pytest.raises(CloudTrouble, match="HTTP 302"):
                await image(it)
            assert rule.hits == 2

    async def test_no_link_is_told_to_anybody(self, tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
        caplog.set_level(logging.DEBUG)
        with capture_logs() as entries:
            async with site(tmp_path, EMPTY) as it:
                await it.live()
                links = {each.url for each in it.tracker().maps.values() if each.url}
                secrets = {link.partition("jwt=")[2] for link in links}
                assert len(secrets) == 2
                await image(it)
                told = []
                for target in (f"http://127.0.0.1:1{STORAGE}x?signature=sesame", "ftp://x/?signature=sesame"):
                    it.cloud.faults.rest(DOWNLOAD, status=302, headers={"Location": target}, times=1)
                    with pytest.raises((CannotConnect, CloudTrouble)) as raised:
                        await image(it, floor=1)
                    told.append(str(raised.value))
                    await it.clock.sleep(images.NOT_AGAIN_FOR + 1)
                told += [str(it.engine.board.all(host.spec.id)) for host in it.engine.hosts.values()]
                told += [str(it.engine.board.get(it.host("MistWebsocket_1").spec.id, "maps").value)]  # type: ignore[union-attr]
        text = "\n".join([*told, caplog.text, str(entries)])
        assert "sesame" not in text
        assert not any(secret in text for secret in secrets)
