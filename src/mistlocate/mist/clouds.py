"""Cloud instances, and the way from what a person pastes to the two hosts of an API.

The vendor lists the instances at https://www.juniper.net/documentation/us/en/software/mist/automation-integration/
("API Endpoints and Global Regions"): the portal's host begins with `manage.`, REST with `api.`, the stream with
`api-ws.`. A token is valid on exactly one instance, so none is ever guessed by trying.
"""

import re
from typing import NamedTuple
from urllib.parse import SplitResult, urlsplit

STREAM_PATH = "/api-ws/v1/stream"

_ID = re.compile(r"[A-Za-z0-9_-]{1,64}")
_UUID = re.compile(r"[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}", re.IGNORECASE)
_ORG = re.compile(r"(?:org_id=|orgs?/)(" + _UUID.pattern + ")", re.IGNORECASE)
_SITE = re.compile(r"(?:site_id=|sites?/)(" + _UUID.pattern + ")", re.IGNORECASE)
_LABEL = r"[A-Za-z0-9_]([A-Za-z0-9_-]{0,61}[A-Za-z0-9_])?"
_HOST = re.compile(rf"{_LABEL}(\.{_LABEL})*\.?|\[[0-9A-Fa-f:.]+\]")
_PREFIXES = ("manage.", "api-ws.", "api.")

#: Instance name → what follows `manage.`, `api.` and `api-ws.` in its host names.
CLOUDS: dict[str, str] = {
    "Global 01": "mist.com",
    "Global 02": "gc1.mist.com",
    "Global 03": "ac2.mist.com",
    "Global 04": "gc2.mist.com",
    "Global 05": "gc4.mist.com",
    "EMEA 01": "eu.mist.com",
    "EMEA 02": "gc3.mist.com",
    "EMEA 03": "ac6.mist.com",
    "EMEA 04": "gc6.mist.com",
    "APAC 01": "ac5.mist.com",
    "APAC 02": "gc5.mist.com",
    "APAC 03": "gc7.mist.com",
    "Federal": "us.mist-federal.com",
}


class Endpoints(NamedTuple):
    """Where a cloud answers: `rest` is a base URL without a path, `stream` the whole URL of the stream."""

    rest: str
    stream: str


class Portal(NamedTuple):
    """What the address of a portal page says. `cloud` is the host suffix as in `CLOUDS`."""

    cloud: str
    org_id: str | None
    site_id: str | None


def is_id(text: str) -> bool:
    """Whether a text may enter a URL path or a channel name as an id."""
    return _ID.fullmatch(text) is not None


def looks_like_url(text: str) -> bool:
    """Whether a text is an address rather than an id or a name."""
    return "://" in text or text.lower().startswith(_PREFIXES)


def read_cloud(text: str) -> str:
    """The host suffix of a cloud instance, from its name ("EMEA 01"), one of its hosts, or any portal address.

    Raises `ValueError` with the instances that exist.
    """
    wanted = text.strip()
    for name, suffix in CLOUDS.items():
        short = suffix.removesuffix(".mist.com")
        if wanted.lower() in (name.lower(), suffix, name.lower().replace(" ", ""), short):
            return suffix
    host = (_split(wanted).hostname or "").lower()
    for prefix in _PREFIXES:
        if host.startswith(prefix):
            return host.removeprefix(prefix)
    known = ", ".join(f"{name} (manage.{suffix})" for name, suffix in CLOUDS.items())
    raise ValueError(f"no cloud instance: paste the portal's address, or name one of {known}")


def read_portal(text: str) -> Portal:
    """Cloud, organisation and site from the address of a portal page, as copied from a browser.

    Raises `ValueError` if it is no portal address, or names several sites.
    """
    cloud = read_cloud(text)
    org = _ORG.search(text)
    org_id = org.group(1).lower() if org else None
    labelled = _SITE.search(text)
    if labelled:
        return Portal(cloud, org_id, labelled.group(1).lower())
    others = {found.lower() for found in _UUID.findall(text)} - {org_id}
    if len(others) > 1:
        raise ValueError("the address names several ids; give the id of the site alone: " + ", ".join(sorted(others)))
    return Portal(cloud, org_id, others.pop() if others else None)


def endpoints_of_cloud(suffix: str) -> Endpoints:
    """REST and stream of a cloud instance."""
    return Endpoints(f"https://api.{suffix}", f"wss://api-ws.{suffix}{STREAM_PATH}")


def endpoints_of_uri(uri: str) -> Endpoints:
    """REST and stream from the URI of either, or from a bare `host[:port]`.

    A host `api-ws.X` streams and `api.X` answers REST; any other host does both. Raises `ValueError`.
    """
    parts = _split(uri)
    if parts.scheme not in ("http", "https", "ws", "wss") or not parts.hostname:
        raise ValueError(f"not an address of a server: {uri!r}; expected for example wss://api-ws.mist.com")
    secure = parts.scheme in ("https", "wss")
    host = parts.hostname if ":" not in parts.hostname else f"[{parts.hostname}]"
    if not _HOST.fullmatch(host):
        raise ValueError(f"not a host name: {parts.hostname!r}")
    port = "" if parts.port is None else f":{parts.port}"
    rest_host = stream_host = host
    if host.startswith("api-ws."):
        rest_host = "api." + host.removeprefix("api-ws.")
    elif host.startswith("api."):
        stream_host = "api-ws." + host.removeprefix("api.")
    path = parts.path if parts.path not in ("", "/") and parts.scheme in ("ws", "wss") else STREAM_PATH
    rest = f"{'https' if secure else 'http'}://{rest_host}{port}"
    return Endpoints(rest, f"{'wss' if secure else 'ws'}://{stream_host}{port}{path}")


def choose_endpoints(
    *, rest_host: str | None = None, stream_host: str | None = None, cloud: str | None = None, uri: str
) -> Endpoints:
    """The hosts to use: explicit ones, else those of `cloud` (a host suffix), else those of `uri`.

    One explicit host implies the other. Raises `ValueError` if the settings name two clouds.
    """
    explicit = [endpoints_of_uri(host) for host in (rest_host, stream_host) if host]
    known = [each for each in explicit if _is_known(each)] + ([endpoints_of_cloud(cloud)] if cloud and explicit else [])
    for other in known[1:]:
        if other.rest != known[0].rest:
            raise ValueError(f"the settings name two clouds: {known[0].rest} and {other.rest}; keep one of them")
    if rest_host and stream_host:
        return Endpoints(explicit[0].rest, explicit[1].stream)
    if explicit:
        return explicit[0]
    return endpoints_of_cloud(cloud) if cloud else endpoints_of_uri(uri)


def _is_known(endpoints: Endpoints) -> bool:
    return endpoints.rest.removeprefix("https://api.") in CLOUDS.values()


def _split(text: str) -> SplitResult:
    """Split an address; a missing scheme is taken to be https. Raises `ValueError` for what is no address."""
    text = text.strip()
    parts = urlsplit(text if "://" in text else f"https://{text}")
    _ = parts.port  # raises for a port that is no number
    return parts
