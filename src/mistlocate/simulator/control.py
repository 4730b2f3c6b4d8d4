"""The controls over HTTP, for programs in other processes: JSON in and out, below `/simulator`.

`POST /simulator/<what>/<action>` calls the method of the same name with the members of the JSON body as arguments.
"""

from __future__ import annotations

import ipaddress
from collections.abc import Callable
from dataclasses import asdict
from inspect import isawaitable, signature
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

import orjson
from starlette.requests import Request
from starlette.responses import PlainTextResponse, Response
from starlette.types import Receive, Scope, Send

from mistlocate.simulator.faults import Rule

if TYPE_CHECKING:
    from mistlocate.simulator.server import SimulatedCloud

_FAULTS = frozenset(
    {
        "rest", "inject", "stale", "content_type", "refuse_handshakes", "refuse_channels", "drop_acks", "delay_acks",
        "duplicate_acks", "duplicate_frames", "frame_form", "slim_rows", "mute", "unmute", "skew", "clear",
    }
)  # fmt: skip
_STREAM = frozenset({"close_all", "abort_all", "send_raw"})
_DEVICES = frozenset(
    {
        "remove", "place", "release", "leave", "come_back", "locate", "set_username", "set_psk", "emit_stats",
        "emit_position",
    }
)  # fmt: skip
_PSKS = {"rename": "rename_psk", "remove": "remove_psk"}
_MAPS = {"rename": "rename_map", "resize": "resize_map", "replace_image": "replace_image", "remove": "remove_map"}
_MANUAL = """\
A simulated Juniper Mist cloud. Nothing here is real: no person, no device, no building.

  REST     {url}/api/v1
  stream   {stream_url}
  site     {site_id}
  org      {org_id}
  token    {token}   (read only)

  Authorization: Token <token>

Controls (JSON; without a token, from this machine only, and not from pages of other hosts):

  GET    /simulator                          time, counts and faults in force
  GET    /simulator/truth[?mac=&owner=]      who is really where, and what was last reported
  GET    /simulator/requests                 the last REST calls; DELETE forgets them
  GET    /simulator/sessions                 the open sockets of the stream
  POST   /simulator/advance                  {{"seconds": 10}}
  GET    /simulator/faults                   DELETE clears them all
  POST   /simulator/faults/<fault>           {faults}
  POST   /simulator/stream/<action>          {stream}
  POST   /simulator/tokens                   {{"role": "read", "site_ids": null}}
  POST   /simulator/tokens/rotate, /revoke   {{"token": "..."}}
  POST   /simulator/devices                  a new device
  POST   /simulator/devices/<mac>/<action>   {devices}
  POST   /simulator/psks                     a new key
  POST   /simulator/psks/<id>/<action>       rename, remove
  POST   /simulator/maps                     a new map
  POST   /simulator/maps/<id>/<action>       rename, resize, replace_image, remove
"""


class _Wrong(Exception):
    """A control that cannot be carried out: a status and why."""

    def __init__(self, status: int, detail: str) -> None:
        super().__init__(detail)
        self.status, self.detail = status, detail


class Control:
    """Answers `/` and `/simulator/...`; an ASGI application."""

    def __init__(self, cloud: SimulatedCloud) -> None:
        self._cloud = cloud

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer one request."""
        request = Request(scope, receive)
        response: Response
        if request.url.path == "/":
            response = PlainTextResponse(self._manual())
        elif not _local(request):
            response = _json(403, {"detail": "the controls answer to this machine only"})
        elif not _own_page(request):
            response = _json(403, {"detail": "the controls do not answer to pages of other hosts in a browser"})
        else:
            try:
                response = _json(200, await self._answer(request))
            except _Wrong as wrong:
                response = _json(wrong.status, {"detail": wrong.detail})
        await response(scope, receive, send)

    def _manual(self) -> str:
        cloud = self._cloud
        return _MANUAL.format(
            url=cloud.url, stream_url=cloud.stream_url, site_id=cloud.site_id, org_id=cloud.org_id, token=cloud.token,
            faults=", ".join(sorted(_FAULTS)), stream=", ".join(sorted(_STREAM)), devices=", ".join(sorted(_DEVICES)),
        )  # fmt: skip

    async def _answer(self, request: Request) -> Any:
        parts = request.url.path.strip("/").split("/")[1:]
        if request.method == "GET":
            return self._read(parts, request)
        if request.method == "DELETE":
            return self._forget(parts)
        if request.method != "POST":
            raise _Wrong(405, "GET, POST or DELETE")
        method, fixed = self._find(parts)
        return await _call(method, fixed, await _body(request))

    # -- reading ---------------------------------------------------------------------------------

    def _read(self, parts: list[str], request: Request) -> Any:
        cloud = self._cloud
        if not parts:
            return {
                "now": cloud.now(),
                "elapsed": cloud.world.elapsed,
                "url": cloud.url,
                "stream_url": cloud.stream_url,
                "org_id": cloud.org_id,
                "site_id": cloud.site_id,
                "site_ids": list(cloud.world.sites),
                "foreign_site_id": cloud.foreign_site_id,
                "token": cloud.token,
                "admin_token": cloud.admin_token,
                "devices": len(cloud.world.devices),
                "maps": {plan.id: plan.name for plan in cloud.world.maps.values()},
                "sessions": len(cloud.sessions),
                "slow_readers": cloud.slow_readers,
                "leaked_tokens": cloud.leaked_tokens,
                "faults": cloud.faults.describe(),
            }
        if parts == ["truth"]:
            mac, owner = request.query_params.get("mac"), request.query_params.get("owner")
            found = [asdict(truth) for truth in cloud.world.truths()]
            return [one for one in found if mac in (None, one["mac"]) and owner in (None, one["owner"])]
        if parts == ["requests"]:
            return [entry.as_json() for entry in cloud.requests]
        if parts == ["sessions"]:
            return [session.describe() for session in cloud.sessions]
        if parts == ["faults"]:
            return cloud.faults.describe()
        raise _Wrong(404, "no such control")

    def _forget(self, parts: list[str]) -> Any:
        if parts == ["requests"]:
            self._cloud.requests.clear()
        elif parts == ["faults"]:
            self._cloud.faults.clear()
        else:
            raise _Wrong(404, "no such control")
        return {}

    # -- doing -----------------------------------------------------------------------------------

    def _find(self, parts: list[str]) -> tuple[Callable[..., Any], list[str]]:
        """The method behind a path, and the arguments that the path itself gives."""
        cloud, stage = self._cloud, self._cloud.stage
        simple: dict[tuple[str, ...], Callable[..., Any]] = {
            ("advance",): cloud.advance,
            ("tokens",): cloud.tokens.add,
            ("tokens", "rotate"): cloud.rotate,
            ("tokens", "revoke"): cloud.revoke,
            ("devices",): stage.add_device,
            ("psks",): stage.add_psk,
            ("maps",): stage.add_map,
        }
        match parts:
            case ["faults", name] if name in _FAULTS:
                return getattr(cloud.faults, name), []
            case ["stream", name] if name in _STREAM:
                return getattr(cloud, name), []
            case ["devices", mac, name] if name in _DEVICES:
                return getattr(stage, name), [mac]
            case ["psks", ident, name] if name in _PSKS:
                return getattr(stage, _PSKS[name]), [ident]
            case ["maps", ident, name] if name in _MAPS:
                return getattr(stage, _MAPS[name]), [ident]
        if tuple(parts) in simple:
            return simple[tuple(parts)], []
        raise _Wrong(404, "no such control")


async def _call(method: Callable[..., Any], fixed: list[str], body: dict[str, Any]) -> Any:
    """Call it, and turn what is wrong with the arguments into a status."""
    more = body.pop("args", [])
    try:
        signature(method).bind(*fixed, *more, **body)
    except TypeError as error:
        raise _Wrong(400, str(error)) from error
    try:
        result = method(*fixed, *more, **body)
        if isawaitable(result):
            result = await result
    except KeyError as error:
        raise _Wrong(404, f"unknown: {error.args[0]}") from error
    except (ValueError, TypeError) as error:
        raise _Wrong(400, str(error)) from error
    return {} if result is None or isinstance(result, Rule) else {"result": result}


async def _body(request: Request) -> dict[str, Any]:
    raw = await request.body()
    try:
        body = orjson.loads(raw) if raw else {}
    except orjson.JSONDecodeError as error:
        raise _Wrong(400, f"JSON parse error - {error}") from error
    if not isinstance(body, dict):
        raise _Wrong(400, "a JSON object is expected")
    return body


def _local(request: Request) -> bool:
    host = request.client.host if request.client else ""
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False


def _own_page(request: Request) -> bool:
    """Whether no page of another host asks. A browser names the page's host as `Origin`, and the name that it looked
    up as `Host`: that of a page whose name leads here by now is not one of this machine."""
    try:
        asked = urlsplit(f"//{request.headers.get('host', '')}")
        name = asked.hostname or ""
        here = name == "localhost" or ipaddress.ip_address(name).is_loopback
    except ValueError:
        return False
    origins = request.headers.getlist("origin")
    return here and all(each == f"{request.url.scheme}://{asked.netloc}" for each in origins)


def _json(status: int, data: Any) -> Response:
    return Response(orjson.dumps(data), status, media_type="application/json")
