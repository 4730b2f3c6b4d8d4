import pytest

from mistlocate.simulator import Campus, World
from mistlocate.simulator.objects import Registry
from mistlocate.simulator.tokens import Token
from mistlocate.simulator.wire import Wire

WORLD = World(Campus(seed=7, people=12, floors=3))


@pytest.fixture
def registry() -> Registry:
    return Registry(WORLD, Wire(WORLD))


def test_maps_say_what_they_know(registry: Registry) -> None:
    first, second, _, yard = (registry.map(plan, None, None) for plan in WORLD.maps_of(WORLD.site.id))
    assert first["ppm"] == first["width"] / first["width_m"]
    assert "ppm" not in second
    assert second["width"] / second["width_m"] == second["height"] / second["height_m"]
    assert (second["group_name"], second["group_idx"]) == ("HQ", 2)
    assert yard["type"] == "google"
    assert isinstance(yard["latlng_tl"]["lat"], str)
    assert yard["width"] == 1350


def test_only_a_map_with_an_image_has_links_and_walls(registry: Registry) -> None:
    plan = WORLD.maps_of(WORLD.site.id)[0]
    shown = registry.map(plan, "http://x/image", "http://x/small")
    assert (shown["url"], shown["thumbnail_url"]) == ("http://x/image", "http://x/small")
    assert len(shown["wall_path"]["nodes"]) == 4
    assert "url" not in registry.map(plan, None, None)


def test_a_yard_without_sizes_has_none_of_them() -> None:
    world = World(Campus(people=0, outdoor_sizes=False))
    yard = Registry(world, Wire(world)).map(world.maps_of(world.site.id)[-1], None, None)
    assert yard.keys().isdisjoint({"width", "height", "width_m", "height_m", "ppm"})
    assert yard.keys() >= {"latlng_tl", "latlng_br"}


def test_the_annex_lacks_what_is_optional(registry: Registry) -> None:
    main, annex = (registry.site(site) for site in WORLD.sites.values())
    assert main.keys() >= {"address", "latlng", "notes"}
    assert annex.keys().isdisjoint({"address", "latlng", "notes"})


def test_site_statistics_count(registry: Registry) -> None:
    stats = registry.site_stats(WORLD.site)
    assert stats["num_clients"] == sum(device.present for device in WORLD.devices_of(WORLD.site.id))
    assert stats["num_ap"] > stats["num_ap_connected"] > 0


def test_only_derived_settings_say_that_clients_are_located(registry: Registry) -> None:
    assert "locate_connected" not in registry.setting(WORLD.site, derived=False)["wifi"]
    assert registry.setting(WORLD.site, derived=True)["wifi"]["locate_connected"] is True


def test_passphrases_show_only_to_who_may_see_them(registry: Registry) -> None:
    psk = next(iter(WORLD.psks.values()))
    assert registry.psk(psk, reveal=True)["passphrase"] == psk.passphrase
    assert psk.passphrase not in str(registry.psk(psk, reveal=False))


def test_networks_cover_the_ones_that_clients_are_on(registry: Registry) -> None:
    wlans = {wlan["id"]: wlan["ssid"] for wlan in registry.wlans(WORLD.site)}
    for device in WORLD.devices.values():
        record = registry.wire.client(device)
        assert wlans[record["wlan_id"]] == record["ssid"]


def test_search_results_have_names_and_no_position(registry: Registry) -> None:
    device = next(device for device in WORLD.devices.values() if device.psk)
    assert device.psk is not None
    found = registry.search_result(device)
    assert found["last_psk_name"] == device.psk.name
    assert found["psk_id"] == [device.psk.id]
    assert found.keys().isdisjoint({"x", "y", "map_id", "username"})


def test_self_of_an_organisation_token_has_a_name_and_no_address(registry: Registry) -> None:
    about = registry.self_of(Token("k", "finder"))
    assert about["name"] == "finder"
    assert "email" not in about
    assert about["privileges"][0] == {
        "scope": "org", "org_id": WORLD.org_id, "name": "Example Organisation", "role": "read",
    }  # fmt: skip


def test_self_of_a_user_token_has_an_address_and_names(registry: Registry) -> None:
    about = registry.self_of(Token("k", "x", "user", "write", None, "admin@example.com"))
    assert about["email"] == "admin@example.com"
    assert "name" not in about
    assert about["privileges"][0]["role"] == "write"


def test_self_of_a_narrow_token_lists_its_sites(registry: Registry) -> None:
    about = registry.self_of(Token("k", "x", site_ids=frozenset({WORLD.site.id})))
    assert [(row["scope"], row["site_id"]) for row in about["privileges"]] == [("site", WORLD.site.id)]


def test_configured_access_points_have_no_status(registry: Registry) -> None:
    config = registry.ap_config(WORLD.aps_of(WORLD.site.id)[0])
    assert config.keys() >= {"mac", "map_id", "x", "y", "height"}
    assert "status" not in config
