import stat
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from mistlocate.engines.embedded.config import load_file
from mistlocate.errors import BadArguments, CannotConnect, CloudError, CloudTrouble, TokenRefused
from mistlocate.setup.init import TOKEN_FILE, SeveralSites, can_be_written, make_settings, token_file, write
from mistlocate.simulator import Campus, SimulatedCloud


@pytest.fixture
async def cloud() -> AsyncIterator[SimulatedCloud]:
    async with SimulatedCloud(Campus(people=3, floors=2), autorun=False) as made:
        yield made


async def test_a_file_that_works_as_it_is(cloud: SimulatedCloud, tmp_path: Path) -> None:
    made = await make_settings(cloud.url, cloud.token, site=cloud.site_id)
    path = tmp_path / "settings.yaml"
    write(made, path)
    loaded = load_file(path)
    maps = {each.id for each in cloud.world.maps_of(cloud.site_id)}
    assert [spec.slug for spec in loaded.modules] == ["MistWebsocket_1", "MistLocations_1"]
    assert [module["id"] for module in made.settings["systems"][0]["modules"]] == [each.id for each in loaded.modules]
    assert set(loaded.modules[1].settings["floorplan_mappings"]) == maps
    assert loaded.modules[1].settings["publish_levels"] is True
    assert loaded.modules[0].settings["rest_host"] == cloud.url


async def test_the_token_lies_beside_it_for_its_owner_only(cloud: SimulatedCloud, tmp_path: Path) -> None:
    write(await make_settings(cloud.url, cloud.token, site=cloud.site_id), tmp_path / "settings.yaml")
    assert cloud.token not in (tmp_path / "settings.yaml").read_text()
    assert (tmp_path / TOKEN_FILE).read_text().strip() == cloud.token
    for name in ("settings.yaml", TOKEN_FILE):
        assert stat.S_IMODE((tmp_path / name).stat().st_mode) == 0o600


@pytest.mark.parametrize("existing", ["settings.yaml", TOKEN_FILE])
async def test_nothing_is_overwritten(cloud: SimulatedCloud, tmp_path: Path, existing: str) -> None:
    (tmp_path / existing).write_text("mine")
    made = await make_settings(cloud.url, cloud.token, site=cloud.site_id)
    with pytest.raises(BadArguments, match="exists already"):
        write(made, tmp_path / "settings.yaml")
    assert (tmp_path / existing).read_text() == "mine"
    assert len(list(tmp_path.iterdir())) == 1


async def test_several_sites_are_listed(cloud: SimulatedCloud) -> None:
    with pytest.raises(SeveralSites) as raised:
        await make_settings(cloud.url, cloud.token)
    assert cloud.site_id in {site.id for site in raised.value.sites}
    assert "--site" in (raised.value.hint or "")


async def test_a_token_that_sees_one_site_needs_no_more(cloud: SimulatedCloud) -> None:
    token = cloud.tokens.add("read", site_ids=[cloud.site_id])
    assert (await make_settings(cloud.url, token)).site.id == cloud.site_id


async def test_what_goes_wrong(cloud: SimulatedCloud) -> None:
    with pytest.raises(TokenRefused, match="another cloud instance"):
        await make_settings(cloud.url, "guess", site=cloud.site_id)
    with pytest.raises(CloudError):
        await make_settings(cloud.url, cloud.token, site=cloud.foreign_site_id)
    with pytest.raises(BadArguments, match="one word"):
        await make_settings(cloud.url, "two words")
    with pytest.raises(BadArguments, match="EMEA 01"):
        await make_settings("Mars", cloud.token)
    with pytest.raises(CannotConnect):
        await make_settings("http://127.0.0.1:1", cloud.token, site=cloud.site_id)
    with pytest.raises(BadArguments, match="Port out of range"):
        await make_settings("http://127.0.0.1:99999", cloud.token)
    with pytest.raises(CannotConnect, match="ca_file cannot be used"):
        await make_settings(cloud.url, cloud.token, ca_file="/not/there.pem")


async def test_a_bare_host_and_a_page_of_a_portal_that_is_not_mists(cloud: SimulatedCloud) -> None:
    host = cloud.url.removeprefix("http://")
    page = f"{cloud.url}/admin/?org_id={cloud.org_id}#!dashboard/insights/site/{cloud.site_id}"
    assert (await make_settings(page, cloud.token)).site.id == cloud.site_id
    made = await make_settings(host, cloud.token, site=cloud.site_id)
    assert made.settings["systems"][0]["modules"][0]["settings"]["rest_host"] == cloud.url


async def test_a_proxy_is_not_for_this_machine(cloud: SimulatedCloud, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HTTP_PROXY", "http://127.0.0.1:1")
    made = await make_settings(cloud.url, cloud.token, site=cloud.site_id)
    assert made.settings["systems"][0]["modules"][0]["settings"]["proxy"] == ""


async def test_a_second_file_has_a_token_of_its_own(cloud: SimulatedCloud, tmp_path: Path) -> None:
    for name in ("settings.yaml", "other.yaml"):
        path = tmp_path / name
        write(await make_settings(cloud.url, cloud.token, site=cloud.site_id, token_file=token_file(path)), path)
        assert Path(load_file(path).modules[0].settings["api_token_file"]).read_text().strip() == cloud.token
    assert len(list(tmp_path.iterdir())) == 4


@pytest.mark.parametrize("path", ["/proc/x/s.yaml", "/dev/null/s.yaml"])
def test_a_place_where_nothing_can_be_written(path: str) -> None:
    with pytest.raises(BadArguments, match="cannot be written"):
        can_be_written(Path(path))


async def test_names_of_maps_reach_for_nothing(cloud: SimulatedCloud, tmp_path: Path) -> None:
    names = ["HQ - ${NOWHERE_SET}", "HQ - ${HOME}", "HQ - $${x"]
    maps = [{"id": f"map-{n}", "name": name, "type": "image"} for n, name in enumerate(names)]
    maps.append({"id": "map-3", "name": "x", "type": "image", "group_name": "${file:mist_api_token}"})
    cloud.faults.rest("/maps$", body=maps)
    path = tmp_path / "settings.yaml"
    write(await make_settings(cloud.url, cloud.token, site=cloud.site_id), path)
    loaded = load_file(path)
    mappings = loaded.modules[1].settings["floorplan_mappings"]
    assert [mappings[f"map-{n}"]["level_name"] for n in range(3)] == names
    assert mappings["map-3"]["level_name"] == "${file:mist_api_token} - x"
    zones = [name.removeprefix("HQ - ") for name in names]
    assert [zone.name for zone in loaded.config.zones] == ["HQ", *zones, "${file:mist_api_token}", "x"]


async def test_a_token_of_which_the_cloud_says_nothing_readable(cloud: SimulatedCloud) -> None:
    cloud.faults.rest("/self$", body=[])
    with pytest.raises(CloudTrouble, match="cannot be read"):
        await make_settings(cloud.url, cloud.token)
