"""What the cloud's answers other than 200 mean, as errors that tell people what to do."""

import math
from collections.abc import Mapping
from typing import Protocol

from mistlocate import jsontext
from mistlocate.errors import AccessDenied, CloudError, CloudTrouble, NotFound, RateLimited, TokenRefused
from mistlocate.mist.cloud_clock import unix_time

#: What to assume where a 429 carries no `Retry-After` (seconds).
RETRY_AFTER = 60.0


class Response(Protocol):
    """An HTTP answer: header names are in lower case."""

    @property
    def status(self) -> int:
        """The HTTP status."""

    @property
    def headers(self) -> Mapping[str, str]:
        """The headers."""

    @property
    def body(self) -> bytes:
        """The decoded body."""


def error_of(response: Response) -> CloudError:
    """The error that an answer other than 200 stands for. Of its body only `detail` is kept, cut short."""
    status, detail = response.status, _detail(response.body)
    text = f"HTTP {status}" + (f": {detail}" if detail else "")
    match status:
        case 401:
            return TokenRefused(
                f"the cloud refused the API token ({text})",
                status=status,
                hint="the token may be mistyped, deleted (user tokens are, after 90 days unused), "
                "or belong to another cloud instance: compare the host with the portal's address",
            )
        case 403:
            return AccessDenied(
                f"the API token may not do this ({text})",
                status=status,
                hint="give the token at least the role read on this site",
            )
        case 404:
            return NotFound(
                f"the cloud knows no such object ({text})",
                status=status,
                hint="check the site id and the cloud instance",
            )
        case 429:
            return RateLimited(f"the cloud asks for a pause ({text})", retry_after=_retry_after(response.headers))
    if 300 <= status < 400:
        return CloudError(f"the host redirects elsewhere ({text})", status=status, hint="check the configured host")
    if 400 <= status < 500:
        return CloudError(f"the cloud rejected the request ({text})", status=status)
    return CloudTrouble(f"the cloud has trouble ({text})", status=status)


def _detail(body: bytes) -> str:
    try:
        answer = jsontext.loads(body)
    except ValueError:
        return ""
    detail = answer.get("detail") if isinstance(answer, dict) else None
    return detail[:200] if isinstance(detail, str) else ""


def _retry_after(headers: Mapping[str, str]) -> float:
    """`Retry-After` in seconds (the form that the cloud documents), bounded to an hour and never less than one.

    A date is read by the answer's own `Date`: whoever wrote the one wrote the other, by whatever clock.
    """
    given = headers.get("retry-after", "")
    try:
        seconds = float(given)
    except ValueError:
        until, written = unix_time(given), unix_time(headers.get("date"))
        if until is None or written is None:
            return RETRY_AFTER
        seconds = until - written
    return RETRY_AFTER if math.isnan(seconds) else min(max(seconds, 1.0), 3600.0)
