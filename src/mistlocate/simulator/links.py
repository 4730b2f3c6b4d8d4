"""Signed links to the images of maps, as the cloud hands them out, and the object storage behind them.

Whoever has a link can read the image without a token, until it expires. The link only redirects; the bytes come from
an address that wants no token either, and refuses requests that bring one along.
"""

import base64
import hashlib
import hmac
from typing import Any
from urllib.parse import quote

import orjson

from mistlocate.simulator.answers import Refusal
from mistlocate.simulator.floors import FloorMap
from mistlocate.simulator.ids import Ids

DOWNLOAD = "/api/v1/forward/download"
STORAGE = "/storage/maps"
_EXPIRED = "<html><head><title>403 Forbidden</title></head><body><h1>403 Forbidden</h1></body></html>"


class Links:
    """Makes links and checks them. `lifetime` is in simulated seconds."""

    def __init__(self, ids: Ids, lifetime: float) -> None:
        self._secret = ids.secret("links").encode()
        self.lifetime = lifetime
        self.leaked_tokens = 0

    def link(self, base: str, plan: FloorMap, now: float, *, thumbnail: bool = False) -> str | None:
        """A link below `base` (scheme and host) to the image of a map; None for a map without an image."""
        if plan.type != "image":
            return None
        claims = {
            "map": plan.id, "revision": plan.revision, "thumbnail": thumbnail, "exp": int(now + self.lifetime)
        }  # fmt: skip
        return f"{base}{DOWNLOAD}?jwt={self._sign(claims)}"

    def storage(self, base: str, jwt: str, now: float) -> str:
        """Where a link redirects to; a `Refusal` with status 403 and an HTML page if it is wrong or expired."""
        claims = self._verify(jwt, now)
        name = "thumbnail" if claims["thumbnail"] else "image"
        signature = self._sign({**claims, "exp": int(now + min(60.0, self.lifetime))})
        return f"{base}{STORAGE}/{quote(claims['map'])}/{claims['revision']}/{name}?signature={signature}"

    def stored(self, map_id: str, revision: str, name: str, signature: str, now: float) -> None:
        """Check a call to the object storage; a `Refusal` with status 403 if the address was not handed out."""
        claims = self._verify(signature, now)
        asked = (map_id, revision, name == "thumbnail")
        if asked != (claims["map"], str(claims["revision"]), claims["thumbnail"]):
            raise expired()

    def _sign(self, claims: dict[str, Any]) -> str:
        head = _base64(orjson.dumps({"alg": "HS256", "typ": "JWT"}))
        body = _base64(orjson.dumps(claims))
        return f"{head}.{body}.{self._signature(f'{head}.{body}')}"

    def _signature(self, signed: str) -> str:
        return _base64(hmac.new(self._secret, signed.encode(), hashlib.sha256).digest())

    def _verify(self, jwt: str, now: float) -> dict[str, Any]:
        signed, _, signature = jwt.rpartition(".")
        if not hmac.compare_digest(signature.encode(), self._signature(signed).encode()):
            raise expired()
        body = signed.partition(".")[2]
        claims: dict[str, Any] = orjson.loads(base64.urlsafe_b64decode(body + "=" * (-len(body) % 4)))
        if claims["exp"] <= now:
            raise expired()
        return claims


def expired() -> Refusal:
    """The answer to a link that is wrong or too old: HTTP 403 with a page of HTML."""
    return Refusal(403, _EXPIRED, {"Content-Type": "text/html"})


def _base64(data: bytes) -> str:
    return base64.urlsafe_b64encode(data).rstrip(b"=").decode()
