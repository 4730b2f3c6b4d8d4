"""Answers that a caller may keep and ask about again: 304 while the body is the same."""

import hashlib

from fastapi import Request
from fastapi.responses import Response


def conditional(
    request: Request, body: bytes, media_type: str, version: str, *, cache: str, headers: dict[str, str] | None = None
) -> Response:
    """A body with its version as `ETag`, or 304 without it for a caller who has this version.

    `cache` is the `Cache-Control`.
    """
    tag = f'"{version}"'
    shared = {"ETag": tag, "Cache-Control": cache, **(headers or {})}
    if _has(request.headers.get("if-none-match", ""), tag):
        return Response(status_code=304, headers=shared)
    return Response(body, media_type=media_type, headers=shared)


def version_of(body: bytes) -> str:
    """A version for a body that has none of its own."""
    return hashlib.sha256(body).hexdigest()[:32]


def _has(if_none_match: str, tag: str) -> bool:
    """Whether the tag is among those of the header; weak ones count, too (RFC 9110, 13.1.2)."""
    given = [each.strip().removeprefix("W/") for each in if_none_match.split(",")]
    return tag in given or given == ["*"]
