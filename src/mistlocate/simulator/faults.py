"""What can be made to go wrong, on purpose. Pure bookkeeping: the gate and the stream ask here before they act."""

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

from mistlocate.simulator.ids import lots

LISTINGS = frozenset({"sites", "maps", "clients", "map_clients", "unconnected", "devices", "psks", "guests"})
FORMS = frozenset({"string", "object", "nested"})
CONTENT_TYPES = ("application/json",)


@dataclass(slots=True, eq=False)
class Rule:
    """Something that happens to what matches `pattern`, `times` times (None: until it is removed)."""

    pattern: re.Pattern[str]
    times: int | None = None
    probability: float = 1.0
    hits: int = 0

    @property
    def spent(self) -> bool:
        """Whether it has happened often enough."""
        return self.times is not None and self.hits >= self.times


@dataclass(slots=True, eq=False)
class RestRule(Rule):
    """What happens to a REST call. `status` None lets the call through after the delay."""

    method: str | None = None
    status: int | None = None
    body: Any = None
    html: str | None = None
    headers: Mapping[str, str] = field(default_factory=dict)
    delay: float = 0.0
    drop: bool = False
    malformed: bool = False
    no_paging: bool = False


@dataclass(slots=True, eq=False)
class HandshakeRule(Rule):
    """How an upgrade to the stream is refused."""

    status: int = 401
    retry_after: float | None = None
    body: Any = None


@dataclass(slots=True, eq=False)
class AckRule(Rule):
    """What happens to an acknowledgement: `drop`, `delay` (seconds), `duplicate`, or `refuse` the channel."""

    action: str = "drop"
    seconds: float = 0.0
    detail: str = "permission denied"


class Faults:
    """All faults that are in force. Patterns are regular expressions that are searched for, not matched in full."""

    def __init__(self, seed: int = 1, on_stale: Callable[[float], None] = lambda seconds: None) -> None:
        self._rng = lots(seed)
        self._on_stale = on_stale
        self.rest_rules: list[RestRule] = []
        self.handshake_rules: list[HandshakeRule] = []
        self.ack_rules: list[AckRule] = []
        self.frame_rules: list[Rule] = []
        self.injected: dict[str, list[Any]] = {}
        self.muted = False
        self.data_form = "string"
        self.rows_are_slim = False
        self.skew_seconds = 0.0
        self.stale_seconds = 0.0
        self.content_types: tuple[str, ...] = CONTENT_TYPES

    # -- REST ------------------------------------------------------------------------------------

    def rest(
        self,
        path: str = "",
        *,
        method: str | None = None,
        status: int | None = None,
        body: Any = None,
        html: str | None = None,
        headers: Mapping[str, str] | None = None,
        delay: float = 0.0,
        drop: bool = False,
        malformed: bool = False,
        no_paging: bool = False,
        times: int | None = None,
        probability: float = 1.0,
    ) -> RestRule:
        """A rule for calls whose path (without query) contains the pattern `path`.

        `status`, `body` (JSON), `html` and `headers` make up an answer in place of the real one; without a body, 401,
        403 and 429 say what the cloud says, others nothing. `delay` waits first (simulated seconds); `drop` cuts the
        connection; `malformed` cuts the answer's JSON in half; `no_paging` takes the paging headers off. The first
        rule that fits wins.
        """
        if status is None and (body is not None or html is not None):
            status = 200
        rule = RestRule(
            re.compile(path), times, probability, method=method, status=status, body=body, html=html,
            headers=dict(headers or {}), delay=delay, drop=drop, malformed=malformed, no_paging=no_paging,
        )  # fmt: skip
        self.rest_rules.append(rule)
        return rule

    def forget(self, rule: Rule) -> None:
        """Take a rule back."""
        for rules in (self.rest_rules, self.handshake_rules, self.ack_rules, self.frame_rules):
            if rule in rules:
                rules.remove(rule)  # type: ignore[arg-type]

    def inject(self, listing: str, items: list[Any]) -> None:
        """Put raw items in front of what a list answers, before it is cut into pages; an empty list ends it."""
        if listing not in LISTINGS:
            raise ValueError(f"no such listing: {listing}; there are {', '.join(sorted(LISTINGS))}")
        self.injected[listing] = list(items)

    def stale(self, seconds: float) -> None:
        """REST answers show devices as they were reported so many seconds ago, but not older than now; 0 ends it."""
        self.stale_seconds = seconds
        self._on_stale(seconds)

    def slim_rows(self, on: bool = True) -> None:
        """The lists of a map's clients tell no more than where each is and when it was seen, as some editions do."""
        self.rows_are_slim = on

    def content_type(self, *types: str) -> None:
        """The content types of JSON answers, in turn; without any, `application/json` again."""
        self.content_types = types or CONTENT_TYPES

    # -- stream ----------------------------------------------------------------------------------

    def refuse_handshakes(
        self, status: int = 401, *, retry_after: float | None = None, times: int | None = None, body: Any = None
    ) -> HandshakeRule:
        """Answer upgrades to the stream with an HTTP status."""
        rule = HandshakeRule(re.compile(""), times, status=status, retry_after=retry_after, body=body)
        self.handshake_rules.append(rule)
        return rule

    def refuse_channels(
        self, pattern: str = "", *, detail: str = "permission denied", times: int | None = None
    ) -> AckRule:
        """Answer subscriptions with `subscribe_failed`."""
        return self._ack(AckRule(re.compile(pattern), times, action="refuse", detail=detail))

    def drop_acks(self, pattern: str = "", *, times: int | None = None) -> AckRule:
        """Never acknowledge subscriptions; data flows all the same."""
        return self._ack(AckRule(re.compile(pattern), times, action="drop"))

    def delay_acks(self, seconds: float, pattern: str = "", *, times: int | None = None) -> AckRule:
        """Acknowledge subscriptions so many simulated seconds late."""
        return self._ack(AckRule(re.compile(pattern), times, action="delay", seconds=seconds))

    def duplicate_acks(self, pattern: str = "", *, times: int | None = None) -> AckRule:
        """Acknowledge subscriptions twice."""
        return self._ack(AckRule(re.compile(pattern), times, action="duplicate"))

    def duplicate_frames(self, pattern: str = "", *, times: int | None = None) -> Rule:
        """Send data frames of matching channels twice."""
        rule = Rule(re.compile(pattern), times)
        self.frame_rules.append(rule)
        return rule

    def frame_form(self, form: str = "string") -> None:
        """How `data` is written: a JSON `string` (as the cloud does), an `object`, or a `nested` wrapper."""
        if form not in FORMS:
            raise ValueError(f"no such form: {form}; there are {', '.join(sorted(FORMS))}")
        self.data_form = form

    def mute(self) -> None:
        """The stream falls silent: sockets stay open, pings and subscriptions are answered, no data is sent."""
        self.muted = True

    def unmute(self) -> None:
        """Data flows again; what was missed is not sent later."""
        self.muted = False

    # -- all of them -----------------------------------------------------------------------------

    def skew(self, seconds: float) -> None:
        """The cloud's clock is off by so much: in records and in the `Date` header."""
        self.skew_seconds = seconds

    def clear(self) -> None:
        """Everything works again."""
        for rules in (self.rest_rules, self.handshake_rules, self.ack_rules, self.frame_rules):
            rules.clear()
        self.injected.clear()
        self.muted, self.data_form, self.rows_are_slim = False, "string", False
        self.skew_seconds = 0.0
        self.stale(0.0)
        self.content_types = CONTENT_TYPES

    def describe(self) -> dict[str, Any]:
        """What is in force, as JSON."""
        return {
            "rest": [_told(rule) for rule in self.rest_rules],
            "handshakes": [_told(rule) for rule in self.handshake_rules],
            "acknowledgements": [_told(rule) for rule in self.ack_rules],
            "duplicate_frames": [_told(rule) for rule in self.frame_rules],
            "injected": {listing: len(items) for listing, items in self.injected.items() if items},
            "muted": self.muted,
            "frame_form": self.data_form,
            "slim_rows": self.rows_are_slim,
            "skew_seconds": self.skew_seconds,
            "stale_seconds": self.stale_seconds,
            "content_types": list(self.content_types),
        }

    # -- asked by the gate and the stream --------------------------------------------------------

    def rest_rule(self, method: str, path: str) -> RestRule | None:
        """The rule that applies to a call, which counts as a hit."""
        for rule in self.rest_rules:
            if rule.method in (None, method) and self._hits(rule, path):
                return rule
        return None

    def handshake_rule(self) -> HandshakeRule | None:
        """The rule that applies to an upgrade."""
        return next((rule for rule in self.handshake_rules if self._hits(rule, "")), None)

    def ack_rule(self, channel: str) -> AckRule | None:
        """The rule that applies to a subscription."""
        return next((rule for rule in self.ack_rules if self._hits(rule, channel)), None)

    def doubles(self, channel: str) -> bool:
        """Whether a data frame goes out twice."""
        return bool(self.frame_rules) and any(self._hits(rule, channel) for rule in self.frame_rules)

    def _ack(self, rule: AckRule) -> AckRule:
        self.ack_rules.append(rule)
        return rule

    def _hits(self, rule: Rule, text: str) -> bool:
        if rule.spent or rule.pattern.search(text) is None:
            return False
        if rule.probability < 1.0 and self._rng.random() >= rule.probability:
            return False
        rule.hits += 1
        return True


def _told(rule: Rule) -> dict[str, Any]:
    return {"pattern": rule.pattern.pattern, "times": rule.times, "hits": rule.hits, "spent": rule.spent}
