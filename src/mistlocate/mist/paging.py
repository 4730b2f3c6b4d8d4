"""Pages of a list: what an answer holds, and whether there is more of it. Pure."""

from collections.abc import Mapping
from typing import Any

#: The size of a page whose size was not asked for, or not heard.
DEFAULT_PAGE = 100


def items_of(answer: Any) -> Any:
    """The items of a list, which may come wrapped; whatever else it is otherwise."""
    return answer.get("results") if isinstance(answer, dict) else answer


def has_more(headers: Mapping[str, str], page: int) -> bool:
    """Another page exists when page * limit < total; without these headers the answer is complete."""
    try:
        return page * int(headers["x-page-limit"]) < int(headers["x-page-total"])
    except (KeyError, ValueError):
        return False


def may_be_cut(headers: Mapping[str, str], answer: Any) -> bool:
    """Whether the answer to a bare path may be a first page: it is as long as one, and no header says how many there
    are."""
    items = items_of(answer)
    told = "x-page-limit" in headers and "x-page-total" in headers
    return not told and isinstance(items, list) and len(items) == DEFAULT_PAGE
