"""An independent client of the real cloud, pointed at the simulated one, over TLS and under names of its liking."""

import asyncio
import json
import socket
from collections.abc import AsyncIterator
from pathlib import Path
from queue import Queue
from typing import Any

import mistapi
import pytest
import trustme
from mistapi.api.v1.orgs import psks as org_psks
from mistapi.api.v1.orgs import sites as org_sites
from mistapi.api.v1.self import self as about_self
from mistapi.api.v1.self import usage
from mistapi.api.v1.sites import maps, stats
from mistapi.api.v1.sites import psks as site_psks
from mistapi.websockets.sites import ClientsStatsEvents

from mistlocate.simulator import Campus, SimulatedCloud

HOSTS = ("api.campus.example.com", "api-ws.campus.example.com")


@pytest.fixture
async def tls_cloud(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[tuple[SimulatedCloud, Path]]:
    """The cloud with a certificate for names that this process alone believes to be this machine."""
    authority, trusted = trustme.CA(), tmp_path / "ca.pem"
    certificate = authority.issue_cert(*HOSTS)
    chain, key = tmp_path / "chain.pem", tmp_path / "key.pem"
    authority.cert_pem.write_to_path(trusted)
    certificate.private_key_pem.write_to_path(key)
    for number, blob in enumerate(certificate.cert_chain_pems):
        blob.write_to_path(chain, append=number > 0)
    resolve = socket.getaddrinfo

    def here(host: Any, *more: Any, **options: Any) -> Any:
        return resolve("127.0.0.1" if host in HOSTS else host, *more, **options)

    monkeypatch.setattr(socket, "getaddrinfo", here)
    for name in ("HTTPS_PROXY", "https_proxy", "ALL_PROXY", "all_proxy"):
        monkeypatch.delenv(name, raising=False)
    campus = Campus(seed=7, people=40, floors=2)
    async with SimulatedCloud(campus, autorun=False, ssl_certfile=str(chain), ssl_keyfile=str(key)) as cloud:
        yield cloud, trusted


def open_session(cloud: SimulatedCloud, trusted: Path) -> mistapi.APISession:
    session = mistapi.APISession(show_cli_notif=False)
    session._cloud_uri = f"{HOSTS[0]}:{cloud.port}"
    session._session.verify = str(trusted)
    session._session.trust_env = False
    session.set_api_token(cloud.token, validate=False)
    return session


async def test_it_reads_everything_by_its_own_paging(tls_cloud: tuple[SimulatedCloud, Path]) -> None:
    cloud, trusted = tls_cloud
    assert cloud.url.startswith("https://")

    def read() -> dict[str, Any]:
        session = open_session(cloud, trusted)
        try:
            clients = stats.listSiteWirelessClientsStats(session, cloud.site_id, limit=20)
            assert clients.next is not None
            return {
                "self": about_self.getSelf(session).data,
                "usage": usage.getSelfApiUsage(session).data,
                "sites": mistapi.get_all(session, org_sites.listOrgSites(session, cloud.org_id, limit=1)),
                "maps": mistapi.get_all(session, maps.listSiteMaps(session, cloud.site_id, limit=2)),
                "clients": mistapi.get_all(session, clients),
                "org_psks": mistapi.get_all(session, org_psks.listOrgPsks(session, cloud.org_id, limit=3)),
                "site_psks": mistapi.get_all(session, site_psks.listSitePsks(session, cloud.site_id, limit=2)),
                "missing": maps.getSiteMap(session, cloud.site_id, cloud.org_id).status_code,
            }
        finally:
            session._session.close()

    got = await asyncio.to_thread(read)
    assert got["self"]["privileges"][0]["org_id"] == cloud.org_id
    assert got["usage"]["request_limit"] == 5000
    assert [site["id"] for site in got["sites"]] == list(cloud.world.sites)
    assert [plan["id"] for plan in got["maps"]] == [plan.id for plan in cloud.world.maps_of(cloud.site_id)]
    assert got["maps"][0]["url"].startswith(f"https://{HOSTS[0]}:{cloud.port}/api/v1/forward/download?jwt=")
    assert [one["mac"] for one in got["clients"]] == [one.mac for one in cloud.world.devices_of(cloud.site_id)]
    keys = {psk["id"] for psk in (*got["org_psks"], *got["site_psks"])}
    assert keys == set(cloud.world.psks)
    assert got["missing"] == 404


async def test_it_receives_the_stream(tls_cloud: tuple[SimulatedCloud, Path]) -> None:
    cloud, trusted = tls_cloud
    messages: Queue[dict[str, Any]] = Queue()
    session = open_session(cloud, trusted)
    listener = ClientsStatsEvents(session, [cloud.site_id], ping_interval=2)
    listener.on_message(messages.put)
    listener.connect()
    try:
        acknowledged = await asyncio.to_thread(messages.get, timeout=20)
        assert acknowledged == {"event": "channel_subscribed", "channel": f"/sites/{cloud.site_id}/stats/clients"}
        cloud.stage.emit_stats("00005e005300")
        frame = await asyncio.to_thread(messages.get, timeout=20)
        assert frame["event"] == "data"
        assert json.loads(frame["data"])["username"] == "alice@example.com"
    finally:
        await asyncio.to_thread(listener.disconnect, wait=True, timeout=10)
        session._session.close()
