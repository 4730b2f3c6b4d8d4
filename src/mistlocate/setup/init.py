"""Makes a settings file from what a person can copy from the Mist portal: an address and a token."""

import os
import re
from pathlib import Path
from tempfile import TemporaryFile
from typing import Any, NamedTuple
from urllib.parse import urlsplit, urlunsplit

from mistlocate import yamltext
from mistlocate.clock import Clock, SystemClock
from mistlocate.drivers.mist_websocket.settings import is_token
from mistlocate.errors import AccessDenied, BadArguments, MistlocateError, NotFound
from mistlocate.mist.budget import Purpose
from mistlocate.mist.clouds import endpoints_of_cloud, endpoints_of_uri, looks_like_url, read_cloud, read_portal
from mistlocate.mist.models import Site
from mistlocate.mist.rest import MistApi
from mistlocate.setup.draft import Draft, draft
from mistlocate.transport.http import HttpTransport
from mistlocate.transport.options import TransportOptions

TOKEN_FILE = "mist_api_token"  # noqa: S105 - the name of a file

SYSTEM = "sys-location"

_HOST_AND_PORT = re.compile(r"localhost|\[[0-9A-Fa-f:.]+\]|[\w-]+(\.[\w-]+)+|[^\s/]+:\d+", re.ASCII)

_HEAD = """\
# Settings of mistlocate. Start with:  mistlocate serve {name}
# Check with:                         mistlocate check {name}
# Every key is explained in settings.example.yaml; an editor can check this file against `mistlocate schema`.

"""


class SeveralSites(MistlocateError):
    """The address names no site and the token sees several: `sites` has them."""

    def __init__(self, sites: list[Site]) -> None:
        listed = ", ".join(f"{site.name} ({site.id})" for site in sites)
        super().__init__(f"the token sees several sites: {listed}", hint="name one with --site")
        self.sites = sites


class Made(NamedTuple):
    """A settings document, the token that goes into a file beside it, and the name of the site."""

    settings: dict[str, Any]
    token: str
    site: Site


async def make_settings(
    portal: str,
    token: str,
    *,
    site: str | None = None,
    ca_file: str | None = None,
    token_file: str = TOKEN_FILE,
    clock: Clock | None = None,
) -> Made:
    """Settings for a site, with zones and mappings drafted from the names of its maps.

    `portal` is the address of a page of the Mist portal, or a host that serves the API; `token_file` is what the
    settings say of the token. Raises `BadArguments`, `SeveralSites`, `TransportError` and `CloudError`.
    """
    token = token.strip()
    if not is_token(token):
        raise BadArguments("not a token: expected one word, as the portal showed it once")
    where, site_id = _read(portal)
    in_mist = "cloud" in where
    endpoints = endpoints_of_cloud(read_cloud(where["cloud"])) if in_mist else endpoints_of_uri(where["rest_host"])
    # A proxy of the environment is for the world outside, not for this machine.
    options = TransportOptions(proxy="" if _is_here(endpoints.rest) else None, ca_file=ca_file)
    http = HttpTransport(options)
    try:
        api = MistApi(http, endpoints.rest, token, clock=clock or SystemClock())
        chosen = await _choose(api, site or site_id)
        listing = await api.maps(chosen.id, Purpose.COMMAND)
    finally:
        await http.aclose()
    # What people called their maps must not reach for files and variables of this machine.
    drafted = Draft(*yamltext.literal([*draft([row.record for row in listing.rows], chosen.name or "Building")]))
    websocket: dict[str, Any] = {"api_token_file": token_file, "site_id": chosen.id, **where}
    if options.proxy is not None:
        websocket["proxy"] = options.proxy
    if ca_file:
        websocket["ca_file"] = ca_file
    settings = {
        "listen": "127.0.0.1:8680",
        "store": "mistlocate.db",
        "zones": drafted.zones,
        "systems": [
            {
                "id": SYSTEM,
                "name": yamltext.literal(f"Location services of {chosen.name or chosen.id}"),
                "zones": [zone["id"] for zone in drafted.zones if "parent" not in zone],
                "modules": [
                    # Written down, so that what is kept by them survives another name of the system.
                    {"driver": "MistWebsocket", "id": f"mod-{SYSTEM}-MistWebsocket-1", "settings": websocket},
                    {
                        "driver": "MistLocations",
                        "id": f"mod-{SYSTEM}-MistLocations-1",
                        "settings": {"floorplan_mappings": drafted.mappings, "publish_levels": True},
                    },
                ],
            }
        ],
    }
    return Made(settings, token, chosen)


def token_file(path: Path) -> str:
    """The name of the file for the token beside a settings file, so that several can lie in one folder."""
    return TOKEN_FILE if path.name == "settings.yaml" else f"{path.stem}.{TOKEN_FILE}"


def can_be_written(path: Path) -> None:
    """Raises `BadArguments` if a settings file, or that of its token, cannot be made. Nothing is left of the trial."""
    try:
        for each in (path, path.parent / token_file(path)):
            if each.exists() or each.is_symlink():
                raise BadArguments(f"{each} exists already: remove it first, or write elsewhere with --output")
        with TemporaryFile(dir=next(each for each in path.absolute().parents if each.exists())):
            pass
    except (OSError, ValueError) as error:
        raise _not_written(path, error) from None


def write(made: Made, path: Path) -> Path:
    """Write the settings and, beside them, the token, both readable by their owner only; return the token's path.

    Raises `BadArguments` if one of the files exists or cannot be written; then there is neither.
    """
    can_be_written(path)
    token_path = path.parent / str(made.settings["systems"][0]["modules"][0]["settings"]["api_token_file"])
    texts = {token_path: made.token + "\n", path: _HEAD.format(name=path.name) + yamltext.dumps(made.settings)}
    written: list[Path] = []
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        for each, text in texts.items():
            _write_private(each, text, written)
    except OSError as error:
        for each in written:
            each.unlink(missing_ok=True)
        raise _not_written(path, error) from None
    return token_path


def _not_written(path: Path, error: OSError | ValueError) -> BadArguments:
    reason = error.strerror if isinstance(error, OSError) else str(error)
    return BadArguments(f"{path} cannot be written: {reason}; write elsewhere with --output")


def _read(portal: str) -> tuple[dict[str, str], str | None]:
    """The settings that say where the cloud is, and the site if the address names one. Raises `BadArguments`."""
    portal = portal.strip()
    try:
        found = read_portal(portal)
    except ValueError as error:
        if looks_like_url(portal) or _HOST_AND_PORT.fullmatch(portal):
            return _read_own(portal)
        raise BadArguments(str(error)) from None
    return {"cloud": f"manage.{found.cloud}"}, found.site_id


def _read_own(address: str) -> tuple[dict[str, str], str | None]:
    """The same for a host that is none of Mist's: a simulator, or a gateway before the cloud."""
    try:
        here = "://" not in address and _is_here(f"http://{address}")
        parts = urlsplit(address if "://" in address else f"{'http' if here else 'https'}://{address}")
        rest_host = f"{parts.scheme}://{parts.netloc}"
        endpoints_of_uri(rest_host)
        # The page of a portal names its site in the same way, whatever host it is on.
        return {"rest_host": rest_host}, read_portal(urlunsplit(parts._replace(netloc="manage.mist.com"))).site_id
    except ValueError as error:
        raise BadArguments(f"{address!r} cannot be used: {error}") from None


def _is_here(url: str) -> bool:
    return urlsplit(url).hostname in ("localhost", "127.0.0.1", "::1")


async def _choose(api: MistApi, site_id: str | None) -> Site:
    """The site that is meant. Raises `SeveralSites`, and `BadArguments` if there is none."""
    if site_id is not None:
        return await api.site(site_id)
    info = await api.token_info()
    sites: dict[str, Site] = {}
    for privilege in info.privileges or ():
        if privilege.site_id is not None:
            sites.setdefault(privilege.site_id, await api.site(privilege.site_id))
        elif privilege.org_id is not None:
            try:
                listing = await api.org_sites(privilege.org_id)
            except (AccessDenied, NotFound):
                continue
            sites.update((row.record.id, row.record) for row in listing.rows)
    if not sites:
        raise BadArguments("the token sees no site: give it access to one, or name one with --site")
    if len(sites) > 1:
        raise SeveralSites(list(sites.values()))
    return next(iter(sites.values()))


def _write_private(path: Path, text: str, written: list[Path]) -> None:
    descriptor = os.open(path, os.O_CREAT | os.O_EXCL | os.O_WRONLY, 0o600)
    written.append(path)
    with os.fdopen(descriptor, "w", encoding="utf-8") as file:
        file.write(text)
