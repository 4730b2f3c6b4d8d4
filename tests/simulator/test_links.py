from urllib.parse import parse_qs, urlsplit

import pytest

from mistlocate.simulator import Campus, World
from mistlocate.simulator.answers import Refusal
from mistlocate.simulator.floors import FloorMap
from mistlocate.simulator.ids import Ids
from mistlocate.simulator.links import Links

BASE, NOW = "http://127.0.0.1:1", 1_800_000_000.0
WORLD = World(Campus(people=0))
PLAN, YARD = WORLD.maps_of(WORLD.site.id)[0], WORLD.maps_of(WORLD.site.id)[-1]


@pytest.fixture
def links() -> Links:
    return Links(Ids(1), 300.0)


def jwt(links: Links, plan: FloorMap = PLAN, **more: bool) -> str:
    link = links.link(BASE, plan, NOW, **more)
    assert link is not None
    assert link.startswith(f"{BASE}/api/v1/forward/download?jwt=")
    return parse_qs(urlsplit(link).query)["jwt"][0]


def parts(address: str) -> tuple[str, str, str, str]:
    split = urlsplit(address)
    map_id, revision, name = split.path.split("/")[-3:]
    return map_id, revision, name, parse_qs(split.query)["signature"][0]


def test_a_link_leads_to_the_object_storage(links: Links) -> None:
    for small, name in ((False, "image"), (True, "thumbnail")):
        address = parts(links.storage(BASE, jwt(links, thumbnail=small), NOW))
        assert address[:3] == (PLAN.id, "0", name)
        links.stored(*address, NOW)


def test_a_link_expires(links: Links) -> None:
    token = jwt(links)
    links.storage(BASE, token, NOW + 299)
    with pytest.raises(Refusal) as refused:
        links.storage(BASE, token, NOW + 300)
    assert refused.value.status == 403
    assert refused.value.body.startswith("<html>")


@pytest.mark.parametrize("wrong", ["", "a.b.c", "x", "é.ü.ß"])
def test_a_link_of_ones_own_making_is_refused(links: Links, wrong: str) -> None:
    with pytest.raises(Refusal) as refused:
        links.storage(BASE, wrong, NOW)
    assert refused.value.status == 403


def test_an_address_is_good_for_one_image_only(links: Links) -> None:
    map_id, revision, _, signature = parts(links.storage(BASE, jwt(links), NOW))
    with pytest.raises(Refusal):
        links.stored(map_id, revision, "thumbnail", signature, NOW)
    with pytest.raises(Refusal):
        links.stored(map_id, "1", "image", signature, NOW)


def test_a_map_without_an_image_has_no_link(links: Links) -> None:
    assert links.link(BASE, YARD, NOW) is None
