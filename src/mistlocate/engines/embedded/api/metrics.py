"""`/metrics` in Prometheus' text format: the only file that imports its client.

Nothing is counted here. What a module knows of itself comes from its `diagnostics` and its statuses, asked for as
anybody would; what the engine counts is in its tally, its board and its store. Labels are ids of modules and names
that stand in programs: never a user, a MAC, a key, a map or a zone, so that their number has a bound that the settings
give, and nobody is in them.
"""

import asyncio
import platform
from collections.abc import Iterable, Iterator, Mapping
from contextlib import suppress
from itertools import accumulate
from typing import Any, NamedTuple

from fastapi import APIRouter
from fastapi.responses import Response
from prometheus_client import CollectorRegistry, generate_latest
from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily, HistogramMetricFamily
from prometheus_client.metrics_core import Metric
from prometheus_client.process_collector import ProcessCollector

from mistlocate import __version__
from mistlocate.driver.command import commands_of
from mistlocate.driver.supervisor import ModuleState
from mistlocate.engines.embedded.api.common import METRICS, EngineDep, MetricsCallerDep
from mistlocate.engines.embedded.api.errors import ANYWHERE
from mistlocate.engines.embedded.engine import Engine
from mistlocate.engines.embedded.host import ModuleHost
from mistlocate.engines.embedded.tally import BUCKETS
from mistlocate.errors import MistlocateError
from mistlocate.mist.health import StreamState

router = APIRouter()

#: The text format that every version of Prometheus reads.
MEDIA_TYPE = "text/plain; version=0.0.4; charset=utf-8"

#: How long a module may take to tell how it is (seconds); who does not in time is left out and said to be silent.
ANSWERS_WITHIN = 3.0

#: Why the control socket closed on a client, by close code.
_REASONS = {1008: "not_known", 1011: "defect", 1013: "too_slow"}

_RESPONSES: dict[int | str, dict[str, Any]] = {
    200: {"description": "The metrics.", "content": {"text/plain": {"schema": {"type": "string"}}}}
}


class Figure(NamedTuple):
    """A metric of a module: its name, what it says, and where in the module's diagnostics it stands.

    Where an object stands there, each of its numbers is a sample, with the member's name as the label `by`.
    """

    name: str
    text: str
    path: tuple[str, ...]
    by: str | None = None
    counter: bool = False
    leave_out: frozenset[str] = frozenset()


#: Members of `records` that say something else than what became of a record.
_NO_OUTCOMES = frozenset({"received", "forgotten"})

FIGURES = (
    Figure("stream_frames", "Frames that came over the stream.", ("stream", "frames"), counter=True),
    Figure("stream_connections", "Connections of the stream.", ("stream", "connections"), counter=True),
    Figure("stream_last_frame_age_seconds", "Seconds since the last frame.", ("stream", "last_frame_seconds_ago")),
    Figure("stream_channels", "Channels by the state of their subscription.", ("stream", "subscriptions"), by="state"),
    Figure("records_received", "Records of clients, from the stream and from lists.", ("records", "received"),
           counter=True),
    Figure("records", "Records by what became of them; what was rejected or ignored is here as well.", ("records",),
           by="outcome", counter=True, leave_out=_NO_OUTCOMES),
    Figure("clients_forgotten", "Clients that were not heard of for too long.", ("records", "forgotten"), counter=True),
    Figure("clients", "Clients by what is known of them.", ("clients",), by="of"),
    Figure("maps", "Maps by what is known of them.", ("maps",), by="of"),
    Figure("owners", "Devices whose owner is known.", ("owners", "known")),
    Figure("rest_calls_this_hour", "REST calls of the token in this hour, by what they were for.",
           ("rest_budget", "used_for"), by="purpose"),
    Figure("rest_calls_allowed", "REST calls that the token may use in an hour.", ("rest_budget", "limit")),
    Figure("rest_paused_seconds", "Seconds for which the cloud has asked for no more calls.",
           ("rest_budget", "paused_for")),
    Figure("audit_records_waiting", "Records of who asked for whom that are not written yet.", ("audit", "waiting")),
    Figure("searches_refused", "Searches for people that were refused: too many, or because no record could be made.",
           ("audit", "refused"), by="reason", counter=True),
    Figure("clock_offset_seconds", "Seconds that the cloud's clock is ahead of this machine's.", ("clock_offset",)),
)  # fmt: skip


@router.get(METRICS, tags=["engine"], responses={**ANYWHERE, **_RESPONSES}, response_class=Response)
async def metrics(engine: EngineDep, caller: MetricsCallerDep) -> Response:
    """How the engine and its modules do, for Prometheus; any key will do, also one of the level metrics."""
    told = await asyncio.gather(*(_told(host) for host in engine.hosts.values()))
    reports = dict(zip(engine.hosts, told, strict=True))
    families = [*_of_engine(engine), *_of_modules(engine, reports), *_figures(reports)]
    return Response(generate_latest(_Registry(families)), media_type=MEDIA_TYPE)


class _Registry(CollectorRegistry):
    """What is known now, and beside it what the system knows of this process."""

    def __init__(self, families: list[Metric]) -> None:
        super().__init__(auto_describe=False)
        self._families = families
        ProcessCollector(registry=self)

    def collect(self) -> Iterator[Metric]:
        yield from self._families
        yield from super().collect()


async def _told(host: ModuleHost) -> Mapping[str, Any] | None:
    """The diagnostics of a module that runs and has some; None if it does not tell."""
    if host.state is not ModuleState.RUNNING or "diagnostics" not in commands_of(host.driver):
        return None
    with suppress(MistlocateError, TimeoutError):
        async with asyncio.timeout(ANSWERS_WITHIN):
            report = await host.life.execute("diagnostics", [])
        return report if isinstance(report, Mapping) else None
    return None


# -- the engine -----------------------------------------------------------------------------------


def _of_engine(engine: Engine) -> Iterator[Metric]:
    build = GaugeMetricFamily("mistlocate_build", "This program.", labels=("version", "python"))
    build.name = "mistlocate_build_info"
    build.samples.clear()
    build.add_metric((__version__, platform.python_version()), 1)
    yield build
    yield _commands(engine)
    yield GaugeMetricFamily("mistlocate_viewers", "Clients of the control socket.", engine.tally.viewers)
    dropped = CounterMetricFamily(
        "mistlocate_viewers_dropped", "Clients of the control socket that had to go.", labels=("reason",)
    )
    for code, reason in _REASONS.items():
        dropped.add_metric((reason,), engine.tally.viewers_dropped[code])
    yield dropped
    errors = CounterMetricFamily(
        "mistlocate_store_errors", "Reads and writes of the store that failed.", labels=("of",)
    )
    for kind in ("read", "write"):
        errors.add_metric((kind,), engine.store.failures[kind])
    yield errors
    size = engine.store.size()
    if size is not None:
        yield GaugeMetricFamily("mistlocate_store_bytes", "The store's file and its write-ahead log.", size)


def _commands(engine: Engine) -> Metric:
    family = HistogramMetricFamily(
        "mistlocate_command_seconds",
        "How long commands took, those that modules ask of each other included.",
        labels=("driver", "command", "result"),
    )
    bounds = [*(repr(each) for each in BUCKETS), "+Inf"]
    for key, latency in engine.tally.commands.items():
        family.add_metric(key, list(zip(bounds, accumulate(latency.counts), strict=True)), latency.seconds)
    return family


# -- modules --------------------------------------------------------------------------------------


def _of_modules(engine: Engine, reports: Mapping[str, Mapping[str, Any] | None]) -> Iterator[Metric]:
    hosts = engine.hosts.values()

    def gauge(name: str, text: str, values: Iterable[tuple[ModuleHost, float]]) -> Metric:
        family = GaugeMetricFamily(f"mistlocate_{name}", text, labels=("module",))
        for host, value in values:
            family.add_metric((host.spec.id,), value)
        return family

    def counter(name: str, text: str, values: Iterable[tuple[ModuleHost, float]]) -> Metric:
        family = CounterMetricFamily(f"mistlocate_{name}", text, labels=("module",))
        for host, value in values:
            family.add_metric((host.spec.id,), value)
        return family

    yield gauge(
        "module_running", "Whether a module runs.", ((each, each.state is ModuleState.RUNNING) for each in hosts)
    )
    yield gauge(
        "module_connected", "Whether a module reaches its cloud.", ((each, _connected(engine, each)) for each in hosts)
    )
    yield gauge(
        "module_silent",
        "Whether a module that runs does not tell how it does.",
        ((each, reports.get(each.spec.id) is None) for each in hosts if "diagnostics" in commands_of(each.driver)),
    )
    yield counter("module_restarts", "Starts after a crash.", ((each, each.restarts) for each in hosts))
    yield gauge(
        "module_problem", "Whether something is wrong with a module: it crashed, or its settings were not taken.",
        ((each, each.problem is not None) for each in hosts),
    )  # fmt: skip
    yield gauge(
        "statuses", "Statuses that have a value.", ((each, len(engine.board.all(each.spec.id))) for each in hosts)
    )
    yield counter(
        "statuses_published", "Values of statuses that were published.",
        ((each, engine.board.published[each.spec.id]) for each in hosts),
    )  # fmt: skip
    yield _problems(engine)
    yield _states(engine)


def _connected(engine: Engine, host: ModuleHost) -> bool:
    present = engine.board.get(host.spec.id, "connected")
    return present is not None and present.value is True


def _problems(engine: Engine) -> Metric:
    """What stands in the status `problems`: how many of each kind, 1 where it is no list."""
    family = GaugeMetricFamily("mistlocate_problems", "What needs attention, by kind.", labels=("module", "kind"))
    for module_id in engine.hosts:
        present = engine.board.get(module_id, "problems")
        found = present.value if present is not None else None
        for kind, what in found.items() if isinstance(found, Mapping) else ():
            family.add_metric((module_id, str(kind)), _size(what))
    return family


def _size(what: object) -> float:
    if isinstance(what, list | dict):
        return len(what)
    return float(what) if isinstance(what, int | float) else 1.0


def _states(engine: Engine) -> Metric:
    """One sample for each state, 1 for the present one, so that any of them can be alerted on."""
    family = GaugeMetricFamily("mistlocate_stream_state", "The state of the stream.", labels=("module", "state"))
    for module_id in engine.hosts:
        present = engine.board.get(module_id, "stream_state")
        for state in StreamState if present is not None else ():
            family.add_metric((module_id, state.value), present is not None and present.value == state.value)
    return family


# -- diagnostics ----------------------------------------------------------------------------------


def _figures(reports: Mapping[str, Mapping[str, Any] | None]) -> Iterator[Metric]:
    for figure in FIGURES:
        kind = CounterMetricFamily if figure.counter else GaugeMetricFamily
        labels = ("module",) if figure.by is None else ("module", figure.by)
        family = kind(f"mistlocate_{figure.name}", figure.text, labels=labels)
        for module_id, report in reports.items():
            for label, value in _samples(figure, report or {}):
                family.add_metric((module_id, *label), value)
        yield family


def _samples(figure: Figure, report: Mapping[str, Any]) -> Iterator[tuple[tuple[str, ...], float]]:
    """The numbers of a figure in a report; none where there is something else."""
    found: Any = report
    for step in figure.path:
        found = found.get(step) if isinstance(found, Mapping) else None
    if figure.by is None:
        if _is_number(found):
            yield (), found
        return
    for name, value in found.items() if isinstance(found, Mapping) else ():
        if _is_number(value) and name not in figure.leave_out:
            yield (str(name),), value


def _is_number(value: object) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool)
