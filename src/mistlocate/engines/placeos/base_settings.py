"""Settings that every driver of PlaceOS understands beside its own, and what they mean to ours. Pure.

`proxy`, `https_verify`, `https_insecure`, `https_ca_certificates` and the timeouts become settings of the driver by
their names there, unless the driver's own are set; `headers` go on the handshake of the stream; `persistent_log_level`
is the log's. (`src/placeos-driver/settings.cr`, `transport/http.cr` and `websocket.cr` of PlaceOS' driver library.)
"""

from collections.abc import Collection, Mapping
from typing import Any, NamedTuple
from urllib.parse import quote

from mistlocate.errors import Problem, SettingsError

#: JSON Schema of what is understood here, for the settings form.
SCHEMA: dict[str, Any] = {
    "proxy": {
        "type": "object",
        "title": "Proxy",
        "properties": {
            "host": {"type": "string"},
            "port": {"type": "integer"},
            "auth": {
                "type": "object",
                "properties": {"username": {"type": "string"}, "password": {"type": "string"}},
            },
        },
    },
    "headers": {"type": "object", "title": "Headers of the stream's handshake"},
    "https_verify": {"type": ["string", "integer"], "title": "none, or peer to check certificates"},
    "https_insecure": {"type": "boolean", "title": "Do not check certificates"},
    "https_ca_certificates": {"type": "string", "title": "Authorities to trust, as PEM text"},
    "http_connect_timeout": {"type": "number", "title": "Seconds"},
    "http_comms_timeout": {"type": "number", "title": "Seconds"},
    "persistent_log_level": {"type": ["string", "integer"], "title": "Level from which the log is written"},
}

#: Values of `https_verify` that ask for no check (OpenSSL's number for it is 0).
_NO_CHECK = frozenset({"none", "0", "false"})

#: Timeout → the driver's name of it, and the longest that it takes (seconds).
_TIMEOUTS = {"http_connect_timeout": ("connect_timeout", 120), "http_comms_timeout": ("read_timeout", 300)}


class Split(NamedTuple):
    """Settings of a module: the driver's, and the headers that are the engine's."""

    driver: dict[str, Any]
    headers: dict[str, str]


def split(settings: Mapping[str, Any], known: Collection[str]) -> Split:
    """Take the settings that are PlaceOS' apart from those of a driver, which knows these names.

    What the driver has no setting for (a logic driver connects to nothing) means nothing and is left out; one that is
    null is one that is not given, as for every driver of PlaceOS. Raises `SettingsError`.
    """
    driver = {name: value for name, value in settings.items() if name not in SCHEMA and value is not None}
    if isinstance(settings.get("proxy"), str):
        driver["proxy"] = settings["proxy"]
    try:
        translated, headers = _translated(settings), _headers(settings.get("headers"))
    except RecursionError:
        deep = Problem("proxy, headers or https_…", "are nested too deeply", "keep them as flat as their form is")
        raise SettingsError([deep]) from None
    for name, value in translated.items():
        if name in known:
            driver.setdefault(name, value)
    return Split(driver, headers)


def _translated(settings: Mapping[str, Any]) -> dict[str, Any]:
    found: dict[str, Any] = {}
    if isinstance(settings.get("proxy"), Mapping):
        found["proxy"] = _proxy_url(settings["proxy"])
    verify = settings.get("https_verify")
    if verify is not None:
        found["verify_tls"] = str(verify).strip().lower() not in _NO_CHECK
    if settings.get("https_insecure") is True:
        found["verify_tls"] = False
    if isinstance(settings.get("https_ca_certificates"), str) and settings["https_ca_certificates"].strip():
        found["ca_certificates"] = settings["https_ca_certificates"]
    for name, (own, longest) in _TIMEOUTS.items():
        seconds = settings.get(name)
        if isinstance(seconds, int | float) and not isinstance(seconds, bool):
            found[own] = min(max(seconds, 1), longest)
    return found


def _proxy_url(proxy: Mapping[str, Any]) -> str:
    """The URL of a proxy object; without a host the proxy of the environment is not used either."""
    host = str(proxy.get("host") or "").strip()
    if not host:
        return ""
    auth = proxy.get("auth")
    user = ""
    if isinstance(auth, Mapping) and auth.get("username"):
        user = f"{quote(str(auth['username']), safe='')}:{quote(str(auth.get('password') or ''), safe='')}@"
    scheme, separator, rest = host.rstrip("/").partition("://")
    name = rest if separator else scheme
    if name.count(":") > 1 and not name.startswith("["):
        name = f"[{name}]"
    return f"{scheme if separator else 'http'}://{user}{name}:{proxy.get('port') or 8080}"


def _headers(value: object) -> dict[str, str]:
    """Name → value; of a list the values in one line, and without space around them, as HTTP has it. (A block of YAML
    ends with a line break.)"""
    if not isinstance(value, Mapping):
        return {}
    return {
        str(name).strip(): ", ".join(str(each).strip() for each in (text if isinstance(text, list) else [text]))
        for name, text in value.items()
        if text is not None
    }
