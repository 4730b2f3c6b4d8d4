import pytest

from mistlocate.simulator import Campus, World
from mistlocate.simulator.answers import Refusal
from mistlocate.simulator.tenant import Raw, Tenant
from mistlocate.simulator.tokens import Token

WIDE = Token("a", "wide")


@pytest.fixture
def tenant() -> Tenant:
    world = World(Campus(seed=7, people=12, floors=2))
    return Tenant(world, lambda: world.now)


def status(call: object, *arguments: object) -> int:
    with pytest.raises(Refusal) as refused:
        call(*arguments)  # type: ignore[operator]
    return refused.value.status


def test_sites_are_seen_refused_or_unknown(tenant: Tenant) -> None:
    main, annex = tenant.world.sites
    narrow = Token("b", "narrow", site_ids=frozenset({annex}))
    assert tenant.site(WIDE, main).id == main
    assert tenant.site(narrow, annex).id == annex
    assert status(tenant.site, narrow, main) == 403
    assert status(tenant.site, WIDE, tenant.world.foreign_site_id) == 403
    assert status(tenant.site, WIDE, "nowhere") == 404


def test_the_organisation_needs_a_token_for_all_of_it(tenant: Tenant) -> None:
    narrow = Token("b", "narrow", site_ids=frozenset(tenant.world.sites))
    tenant.org(WIDE, tenant.world.org_id)
    assert status(tenant.org, narrow, tenant.world.org_id) == 403
    assert status(tenant.org, WIDE, "nowhere") == 404


def test_a_map_belongs_to_its_site(tenant: Tenant) -> None:
    main, annex = tenant.world.sites
    plan = tenant.world.maps_of(annex)[0]
    assert tenant.map(WIDE, annex, plan.id) is plan
    assert status(tenant.map, WIDE, main, plan.id) == 404


def test_channels_are_refused_with_a_reason(tenant: Tenant) -> None:
    objection = tenant.objection(WIDE)
    main, foreign = tenant.world.site.id, tenant.world.foreign_site_id
    plan = tenant.world.maps_of(main)[0]
    assert objection(f"/sites/{main}/stats/clients") is None
    assert objection(plan.client_channel) is None
    assert objection("/test") is None
    assert objection(f"/sites/{foreign}/stats/clients") == "permission denied"
    assert objection(f"/sites/{main}/stats/maps/{main}/clients") == "not found"
    assert objection(f"/api/v1/sites/{main}/stats/clients") == "invalid channel"
    assert objection("") == "invalid channel"


def test_stale_answers_lag_behind(tenant: Tenant) -> None:
    device = next(device for device in tenant.world.devices.values() if device.present and device.located)
    old = tenant.report(device)
    tenant.faults.stale(30.0)
    tenant.world.step(20.0)
    tenant.world.observe(device)
    assert device.report != old
    assert tenant.report(device) == old
    tenant.world.step(31.0)
    assert tenant.report(device) != old
    tenant.faults.stale(0)
    assert tenant.report(device) is device.report


def test_raw_items_come_first(tenant: Tenant) -> None:
    tenant.faults.inject("maps", [None, 3])
    mixed = tenant.listing("maps", ["a"])
    assert [item.item if isinstance(item, Raw) else item for item in mixed] == [None, 3, "a"]
    tenant.faults.inject("maps", [])
    assert tenant.listing("maps", ["a"]) == ["a"]


def test_skew_shows_in_the_time_that_the_cloud_tells(tenant: Tenant) -> None:
    tenant.faults.skew(-120.0)
    assert tenant.now() == tenant.world.now - 120.0
