"""The check before setup, against the simulated cloud with things wrong in it."""

from typing import Any

import pytest

from mistlocate.drivers.mist_locations.settings import MistLocationsSettings
from mistlocate.errors import SettingsError
from mistlocate.setup.report import Verdict
from mistlocate.simulator import Campus, SimulatedCloud
from support.checking import checked, mapped, said


async def test_all_is_well(cloud: SimulatedCloud) -> None:
    report = await checked(cloud)
    assert report.problems == []
    fine = said(report, Verdict.OK)
    for expected in (
        "token: accepted: organisation token with role read", "site: ", "stream: connected and subscribed", "maps: 3: ",
        "present clients have a position", "present clients have an owner", "mappings: every map is mapped",
    ):  # fmt: skip
        assert expected in fine
    assert report.draft.mappings == {}


async def test_a_refused_token_ends_it(cloud: SimulatedCloud) -> None:
    report = await checked(cloud, api_token="guess")
    assert len(report.findings) == 1
    assert "compare the host with the portal's address" in said(report, Verdict.PROBLEM)
    assert cloud.url in said(report, Verdict.PROBLEM)


async def test_a_token_of_a_person_with_too_many_rights(cloud: SimulatedCloud) -> None:
    notes = said(await checked(cloud, api_token=cloud.admin_token), Verdict.NOTE)
    assert "deleted when unused for 90 days" in notes
    assert "role read is enough" in notes


@pytest.mark.parametrize("site", ["foreign", "ea57dcee-516a-5fde-abca-aa9b6f371622"])
async def test_a_site_that_is_not_there_or_not_for_us(cloud: SimulatedCloud, site: str) -> None:
    report = await checked(cloud, site_id=cloud.foreign_site_id if site == "foreign" else site)
    assert "site: " in said(report, Verdict.PROBLEM)


async def test_nobody_answers(cloud: SimulatedCloud) -> None:
    assert "cannot connect" in said(await checked(cloud, rest_host="http://127.0.0.1:1"), Verdict.PROBLEM)


async def test_a_stream_that_does_not_come_about(cloud: SimulatedCloud) -> None:
    assert "firewall" in said(await checked(cloud, stream_host="ws://127.0.0.1:1"), Verdict.PROBLEM)
    cloud.faults.refuse_channels("stats/clients", detail="not for you")
    assert "the subscription is refused: not for you" in said(await checked(cloud), Verdict.PROBLEM)


async def test_a_subscription_that_is_not_acknowledged(cloud: SimulatedCloud, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("mistlocate.setup.check.ACKNOWLEDGED_WITHIN", 0.2)
    cloud.faults.drop_acks()
    assert "not acknowledged" in said(await checked(cloud), Verdict.PROBLEM)


async def test_no_maps(cloud: SimulatedCloud) -> None:
    cloud.faults.rest("/maps$", body=[])
    assert "maps: the site has none" in said(await checked(cloud), Verdict.PROBLEM)


async def test_maps_without_mapping_and_a_draft_for_them(cloud: SimulatedCloud) -> None:
    report = await checked(cloud, MistLocationsSettings())
    assert "3 maps have no mapping (HQ - Floor 1, HQ - Floor 2, Yard)" in said(report, Verdict.PROBLEM)
    assert "present clients on them cannot be found" in said(report, Verdict.PROBLEM)
    assert len(report.draft.mappings) == 3


async def test_mappings_without_map(cloud: SimulatedCloud) -> None:
    report = await checked(cloud, mapped(cloud, gone={"level": "l9"}))
    assert "no map of the site has the id gone" in said(report, Verdict.NOTE)
    assert report.problems == []


async def test_one_map_without_mapping(cloud: SimulatedCloud) -> None:
    *others, yard = cloud.world.maps_of(cloud.site_id)
    locations = MistLocationsSettings(floorplan_mappings={each.id: {"level": each.id} for each in others})  # type: ignore[misc]
    problems = said(await checked(cloud, locations), Verdict.PROBLEM)
    assert f"1 map has no mapping ({yard.name})" in problems
    assert "on it cannot be found" in problems


async def test_capitals_in_the_id_of_a_map(cloud: SimulatedCloud) -> None:
    mappings = {each.id.upper(): {"level": each.id} for each in cloud.world.maps_of(cloud.site_id)}
    report = await checked(cloud, MistLocationsSettings(floorplan_mappings=mappings))  # type: ignore[arg-type]
    (problem,) = report.problems
    assert "lower case" in (problem.hint or "")
    assert report.draft.mappings == {}
    assert "every map is mapped" not in said(report, Verdict.OK)


async def test_a_mapping_without_level(cloud: SimulatedCloud) -> None:
    first = cloud.world.maps_of(cloud.site_id)[0]
    report = await checked(cloud, mapped(cloud, **{first.id: {"building": "b"}}))
    assert "without a level: HQ - Floor 1" in said(report, Verdict.NOTE)


async def test_a_map_that_is_not_there_shares_no_level(cloud: SimulatedCloud) -> None:
    report = await checked(cloud, mapped(cloud, gone={"level": "l0"}))
    assert "several maps" not in said(report, Verdict.NOTE)


@pytest.mark.parametrize("proxy", [None, "http://user:secret@127.0.0.1:1"])
async def test_a_proxy_that_cannot_be_reached_is_named(
    cloud: SimulatedCloud, proxy: str | None, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("HTTP_PROXY", "http://user:secret@127.0.0.1:1")
    problems = said(await checked(cloud, proxy=proxy), Verdict.PROBLEM)
    assert "through the proxy 127.0.0.1:1" in problems
    assert "secret" not in problems


async def test_files_that_cannot_be_read(cloud: SimulatedCloud) -> None:
    with pytest.raises(SettingsError) as raised:
        await checked(cloud, api_token=None, api_token_file="/not/there")
    assert raised.value.problems[0].path == "api_token_file"
    problems = said(await checked(cloud, ca_file="/not/there.pem"), Verdict.PROBLEM)
    assert "ca_file cannot be used: No such file" in problems


async def test_maps_that_cannot_be_placed() -> None:
    campus = Campus(people=3, floors=1, outdoor_sizes=False)
    async with SimulatedCloud(campus, autorun=False) as cloud:
        assert "cannot be placed: Yard" in said(await checked(cloud), Verdict.PROBLEM)


async def test_maps_that_cannot_be_read(cloud: SimulatedCloud) -> None:
    cloud.faults.inject("maps", [{"name": "no id"}])
    assert "1 map cannot be read and is left out" in said(await checked(cloud), Verdict.NOTE)


async def test_nobody_is_there() -> None:
    async with SimulatedCloud(Campus(people=0, floors=1, passers=0), autorun=False) as cloud:
        report = await checked(cloud)
        assert "nobody is on the Wi-Fi" in said(report, Verdict.NOTE)


async def test_nobody_has_a_position_or_a_name() -> None:
    async with SimulatedCloud(Campus(people=0, floors=1, passers=0), autorun=False) as cloud:
        cloud.stage.add_device(located=False)
        problems = said(await checked(cloud), Verdict.PROBLEM)
        assert "0 of 1 present clients have a position (0 %)" in problems
        assert "nobody can be found by name" in problems


async def test_where_names_are_never_kept_nobody_is_found_by_name_and_levels_are_counted(cloud: SimulatedCloud) -> None:
    report = await checked(cloud, occupancy_only=True)
    assert report.problems == []
    assert "owners" not in said(report, Verdict.OK)
    notes = said(report, Verdict.NOTE)
    assert "owners: occupancy_only: no owner is kept, so nobody can be found by name" in notes
    assert "in several domains" not in notes
    fine = said(report, Verdict.OK)
    assert "present clients have a position" in fine
    assert "mappings: every map is mapped" in fine
    assert report.verdict == "Levels can be counted; nobody can be found by name."
    unmapped = await checked(cloud, MistLocationsSettings(), occupancy_only=True)
    assert unmapped.verdict == "1 problem would keep levels from being counted."
    assert (await checked(cloud)).verdict == "People can be found."


async def test_where_names_are_never_kept_no_keys_are_read(cloud: SimulatedCloud) -> None:
    cloud.faults.rest("/psks", status=403)
    assert "pre-shared keys" not in said(await checked(cloud, occupancy_only=True), Verdict.NOTE)


async def test_names_in_several_domains() -> None:
    async with SimulatedCloud(Campus(people=0, floors=1, passers=0), autorun=False) as cloud:
        for name in ("alice@example.com", "EXAMPLE\\alice"):
            cloud.stage.add_device(username=name)
        notes = said(await checked(cloud), Verdict.NOTE)
        assert "1 name appears in several domains (example, example.com)" in notes
        assert "domain_aliases" in notes
        assert "alice" not in notes


async def test_keys_that_may_not_be_read(cloud: SimulatedCloud) -> None:
    cloud.faults.rest("/psks", status=403)
    notes = said(await checked(cloud), Verdict.NOTE)
    assert "pre-shared keys of orgs cannot be read" in notes
    assert "pre-shared keys of sites cannot be read" in notes


async def test_a_budget_that_others_use_too(cloud: SimulatedCloud) -> None:
    cloud.faults.rest("/self/usage", body={"requests": 4900, "request_limit": 5000})
    assert "4900 of 5000 REST calls of this hour are used" in said(await checked(cloud), Verdict.NOTE)


async def test_trouble_on_the_way_is_a_finding(cloud: SimulatedCloud) -> None:
    cloud.faults.rest("/stats/clients", status=403)
    assert "cloud: the API token may not do this" in said(await checked(cloud), Verdict.PROBLEM)


async def test_certificates_that_are_not_checked_are_said(cloud: SimulatedCloud) -> None:
    assert "tls: certificates are not checked" in said(await checked(cloud, verify_tls=False), Verdict.NOTE)
    assert "tls:" not in said(await checked(cloud), Verdict.NOTE)


@pytest.mark.parametrize("fault", [{"status": 403}, {"body": []}])
async def test_a_count_of_calls_that_cannot_be_had_ends_nothing(cloud: SimulatedCloud, fault: dict[str, Any]) -> None:
    cloud.faults.rest("/self/usage", **fault)
    report = await checked(cloud)
    assert report.problems == []
    assert "budget: the calls of this hour cannot be told: " in said(report, Verdict.NOTE)
    assert "mappings: every map is mapped" in said(report, Verdict.OK)


async def test_a_token_of_which_the_cloud_says_nothing_readable(cloud: SimulatedCloud) -> None:
    cloud.faults.rest("/self$", body=[])
    (problem,) = (await checked(cloud)).problems
    assert problem.what == "token"
    assert "the cloud's answer cannot be read: not an object but list" in problem.result
    assert "REST host" in (problem.hint or "")
