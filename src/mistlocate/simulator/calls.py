"""One call of the REST API, and the table of all of them. Nothing here waits or knows of sockets."""

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from mistlocate.simulator.answers import Answer, Page, Window, not_found
from mistlocate.simulator.tenant import Raw, Tenant
from mistlocate.simulator.tokens import Token

PREFIX = "/api/v1"
_PLACES = {"mac": "[0-9a-fA-F]{12}"}


@dataclass(frozen=True, slots=True)
class Call:
    """A call that has passed the gate. `base` is scheme and host as the caller wrote them, for links."""

    tenant: Tenant
    token: Token
    method: str
    path: str
    params: Mapping[str, str]
    query: Mapping[str, str]
    headers: Mapping[str, str]
    body: bytes
    base: str

    def page(self, listing: str, items: list[Any], render: Callable[[Any], Any]) -> Answer:
        """One page of a list, with the raw items that a fault adds to it."""
        wanted = Page.asked(self.query, self.headers)
        return wanted.cut(self.tenant.listing(listing, items), _rendering(render))

    def whole(self, listing: str, items: list[Any], render: Callable[[Any], Any]) -> Answer:
        """A list that has no pages."""
        return Answer([_rendering(render)(item) for item in self.tenant.listing(listing, items)])

    def window(self) -> Window:
        """The stretch of time that is asked for."""
        return Window.asked(self.query, self.tenant.now())

    def flag(self, name: str) -> bool:
        """A boolean of the query; absent is false."""
        return self.query.get(name, "").lower() in {"true", "1"}


Handler = Callable[[Call], Answer]


def _rendering(render: Callable[[Any], Any]) -> Callable[[Any], Any]:
    def one(item: Any) -> Any:
        return item.item if isinstance(item, Raw) else render(item)

    return one


class Table:
    """Which function answers which method and path; paths are below `/api/v1` and hold names in braces."""

    def __init__(self) -> None:
        self._rows: list[tuple[str, re.Pattern[str], Handler]] = []
        self.paths: list[str] = []

    def row(self, method: str, path: str) -> Callable[[Handler], Handler]:
        """Mark the function that answers this."""
        pattern = re.sub(r"\{(\w+)\}", lambda name: f"(?P<{name[1]}>{_PLACES.get(name[1], '[^/]+')})", path)

        def mark(handler: Handler) -> Handler:
            self._rows.append((method, re.compile(PREFIX + pattern), handler))
            self.paths.append(f"{method} {PREFIX}{path}")
            return handler

        return mark

    def find(self, method: str, path: str) -> tuple[Handler, dict[str, str]]:
        """The function for a call and what its path names; a `Refusal` with 404 if there is none."""
        for known, pattern, handler in self._rows:
            if known == method and (found := pattern.fullmatch(path)):
                return handler, found.groupdict()
        raise not_found()


TABLE = Table()
