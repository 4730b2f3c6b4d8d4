"""Who may call the cloud, what they may do, and how often."""

from dataclasses import dataclass
from math import ceil
from typing import Any

from mistlocate.simulator.answers import Refusal, usual_body
from mistlocate.simulator.ids import Ids

HOUR = 3600
CALLS_PER_HOUR = 5000
ROLES = frozenset({"admin", "write", "read", "helpdesk", "installer"})
_WRITERS = frozenset({"admin", "write"})


@dataclass(slots=True, eq=False)
class Token:
    """An API token. `kind` is `org` or `user`; `site_ids` None means the whole organisation."""

    key: str
    name: str
    kind: str = "org"
    role: str = "read"
    site_ids: frozenset[str] | None = None
    email: str | None = None
    hour: int = -1
    used: int = 0

    @property
    def may_write(self) -> bool:
        """Whether it may change things, and see passphrases."""
        return self.role in _WRITERS

    def sees(self, site_id: str) -> bool:
        """Whether a site of the organisation is within its scope."""
        return self.site_ids is None or site_id in self.site_ids


class Tokens:
    """All tokens. Every one has a budget of its own that starts anew on the hour of the simulated clock."""

    def __init__(self, ids: Ids) -> None:
        self._ids = ids
        self._made = 0
        self._tokens: dict[str, Token] = {}
        self.limit = CALLS_PER_HOUR

    def add(
        self,
        role: str = "read",
        site_ids: list[str] | None = None,
        kind: str = "org",
        name: str = "people-finder",
        email: str = "admin@example.com",
    ) -> str:
        """A new token; its key. `site_ids` narrows it to these sites."""
        if role not in ROLES or kind not in ("org", "user"):
            raise ValueError("role must be one of admin, write, read, helpdesk, installer; kind org or user")
        self._made += 1
        key = self._ids.secret("token", self._made, length=64)
        scope = None if site_ids is None else frozenset(site_ids)
        self._tokens[key] = Token(key, name, kind, role, scope, email if kind == "user" else None)
        return key

    def revoke(self, token: str) -> None:
        """The token is refused from now on, on the next call and the next handshake. `KeyError` if it is unknown."""
        del self._tokens[token]

    def replace(self, token: str) -> str:
        """A new key with the same rights; the old one is refused from now on."""
        old = self._tokens.pop(token)
        sites = None if old.site_ids is None else sorted(old.site_ids)
        return self.add(old.role, sites, old.kind, old.name, old.email or "")

    def of_org(self) -> list[Token]:
        """The tokens that belong to the organisation, not to a person."""
        return [token for token in self._tokens.values() if token.kind == "org"]

    def authenticate(self, authorization: str | None) -> Token:
        """The token behind an `Authorization` header; a `Refusal` with status 401 if there is none."""
        scheme, _, key = (authorization or "").strip().partition(" ")
        if scheme.lower() != "token" or not key.strip():
            raise Refusal(401, {"detail": "Authentication credentials were not provided."})
        token = self._tokens.get(key.strip())
        if token is None:
            raise Refusal(401, usual_body(401))
        return token

    def charge(self, token: Token, now: float) -> None:
        """Count one call at a Unix time; a `Refusal` with status 429 once the hour's budget is used up."""
        self._turn(token, now)
        if token.used >= self.limit:
            wait = max(1, ceil(HOUR - now % HOUR))
            raise Refusal(429, usual_body(429, self.limit), {"Retry-After": str(wait)})
        token.used += 1

    def usage(self, token: Token, now: float) -> dict[str, Any]:
        """What the token has used of this hour."""
        self._turn(token, now)
        return {"requests": token.used, "request_limit": self.limit, "seconds": round(HOUR - now % HOUR, 1)}

    def _turn(self, token: Token, now: float) -> None:
        hour = int(now // HOUR)
        if token.hour != hour:
            token.hour, token.used = hour, 0
