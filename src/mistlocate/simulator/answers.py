"""Answers of the REST API: JSON, refusals, pages, and times in queries."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, TypeVar
from urllib.parse import quote, urlencode

import orjson

T = TypeVar("T")
DEFAULT_LIMIT = 100
MAX_LIMIT = 1000
DAY = 86_400.0
_UNITS = {"s": 1.0, "m": 60.0, "h": 3600.0, "d": DAY, "w": 7 * DAY}


class Refusal(Exception):
    """An answer that is not the one that was asked for. `body` None is an empty body."""

    def __init__(self, status: int, body: Any = None, headers: Mapping[str, str] | None = None) -> None:
        super().__init__(f"HTTP {status}")
        self.status = status
        self.body = body
        self.headers = dict(headers or {})


def usual_body(status: int, limit: int = 5000) -> dict[str, str] | None:
    """What the cloud says with a status, where that is known; None is an empty body."""
    known = {
        401: "Invalid token.",
        403: "You do not have permission to perform this action.",
        429: f"This token is over the {limit} API Calls per hour threshold.",
    }
    return {"detail": known[status]} if status in known else None


def forbidden() -> Refusal:
    """HTTP 403: the role or the scope of the token is too small."""
    return Refusal(403, usual_body(403))


def not_found() -> Refusal:
    """HTTP 404, with nothing in it."""
    return Refusal(404)


def rejected(detail: str) -> Refusal:
    """HTTP 400 with a reason."""
    return Refusal(400, {"detail": detail})


@dataclass(frozen=True, slots=True)
class Answer:
    """A good answer: what becomes the JSON body, and further headers."""

    data: Any
    headers: Mapping[str, str] | None = None


def read_json(body: bytes) -> Any:
    """The JSON body of a request, or a `Refusal` with status 400."""
    try:
        return orjson.loads(body)
    except orjson.JSONDecodeError as error:
        raise rejected(f"JSON parse error - {error}") from error


@dataclass(frozen=True, slots=True)
class Page:
    """Which part of a list is asked for; pages count from 1."""

    limit: int
    page: int

    @classmethod
    def asked(cls, query: Mapping[str, str], headers: Mapping[str, str]) -> "Page":
        """By the query, else by the request headers `X-Page-Limit` and `X-Page-Page`, else the first 100."""
        limit = _number("limit", query.get("limit") or headers.get("x-page-limit"), DEFAULT_LIMIT, 0)
        page = _number("page", query.get("page") or headers.get("x-page-page"), 1, 1)
        return cls(min(limit or DEFAULT_LIMIT, MAX_LIMIT), page)

    def cut(self, items: Sequence[T], render: Callable[[T], Any]) -> Answer:
        """This page of the list, each item as `render` writes it, with the three paging headers."""
        start = (self.page - 1) * self.limit
        return Answer([render(item) for item in items[start : start + self.limit]], self.headers(len(items)))

    def headers(self, total: int) -> dict[str, str]:
        """The three paging headers."""
        return {"X-Page-Total": str(total), "X-Page-Limit": str(self.limit), "X-Page-Page": str(self.page)}


def _number(name: str, text: str | None, default: int, least: int) -> int:
    if text is None:
        return default
    if not text.isdecimal() or int(text) < least:
        raise rejected(f"invalid field: {name}")
    return int(text)


@dataclass(frozen=True, slots=True)
class Window:
    """A stretch of Unix time that a query asks for, both ends included."""

    start: float
    end: float

    @classmethod
    def asked(cls, query: Mapping[str, str], now: float) -> "Window":
        """By `start`, `end` and `duration`; by default the day that ends now."""
        end = _moment("end", query.get("end"), now, now)
        length = _length("duration", query.get("duration") or "1d")
        return cls(_moment("start", query.get("start"), now, end - length), end)

    def covers(self, time: float) -> bool:
        """Whether a time lies within; what is newer than the end of an open window counts as within."""
        return self.start <= time <= self.end + 1.0


def _moment(name: str, text: str | None, now: float, default: float) -> float:
    """Unix seconds from `1767000000`, `-1d` or `now`."""
    if not text:
        return default
    if text == "now":
        return now
    if text.startswith("-"):
        return now - _length(name, text[1:])
    try:
        return float(text)
    except ValueError as error:
        raise rejected(f"invalid field: {name}") from error


def _length(name: str, text: str) -> float:
    """Seconds from `10m`, `1d`, `2w` or a bare number."""
    number, unit = (text[:-1], _UNITS[text[-1]]) if text[-1:] in _UNITS else (text, 1.0)
    if not number.isdecimal():
        raise rejected(f"invalid field: {name}")
    return int(number) * unit


def search(
    path: str, query: Mapping[str, str], window: Window, results: Sequence[dict[str, Any]], ident: str
) -> dict[str, Any]:
    """One page of a search: sorted by time (`sort`), cut at `limit`, with a relative path to what follows.

    The cursor names the last row that was given, by time and by the field `ident`, so that rows that come and go
    between two pages neither repeat nor hide others.
    """
    limit = Page.asked({"limit": query.get("limit", "")}, {}).limit
    field = query.get("sort") or "timestamp"
    down = field.startswith("-")
    name = field.removeprefix("-")
    rows = sorted(results, key=lambda row: (row.get(name) or 0, row[ident]), reverse=down)
    total = len(rows)
    after = query.get("search_after")
    if after:
        cursor = tuple(read_json(after.encode()))
        rows = [row for row in rows if _beyond((row.get(name) or 0, row[ident]), cursor, down=down)]
    answer: dict[str, Any] = {
        "start": int(window.start), "end": int(window.end), "limit": limit, "total": total, "results": rows[:limit]
    }  # fmt: skip
    if len(rows) > limit:
        last = rows[limit - 1]
        kept = {key: value for key, value in query.items() if key != "search_after"}
        cursor_text = orjson.dumps([last.get(name) or 0, last[ident]]).decode()
        answer["next"] = f"{quote(path)}?{urlencode({**kept, 'search_after': cursor_text})}"
    return answer


def _beyond(row: tuple[Any, Any], cursor: tuple[Any, ...], *, down: bool) -> bool:
    try:
        return bool(row < cursor if down else row > cursor)
    except TypeError as error:
        raise rejected("invalid field: search_after") from error
