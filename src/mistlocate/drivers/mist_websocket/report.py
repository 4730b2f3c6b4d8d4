"""What MistWebsocket tells about itself: the statuses of the stream, the problems, and diagnostics."""

from typing import Any

from mistlocate import __version__
from mistlocate.clock import Clock
from mistlocate.drivers.mist_websocket.connection import Connection
from mistlocate.drivers.mist_websocket.owner_store import OwnerStore
from mistlocate.drivers.mist_websocket.tracker import Tracker
from mistlocate.location.roster import Outcome
from mistlocate.mist.frames import Subscription, parse_channel
from mistlocate.mist.models import Map

DRIVER = {"name": "mistlocate", "version": __version__}


def is_unplaceable(known: Map) -> bool:
    """A google map places people only by its sizes and both corners."""
    sized = known.width is not None and known.height is not None
    return known.type == "google" and not (sized and known.latlng_tl and known.latlng_br)


def stale_maps(connection: Connection) -> list[str]:
    """The maps that may have changed unheard: channel refused, or asked for in vain; clients not listed, or not yet."""
    ledger = connection.stream.ledger
    channels = ledger.in_state(Subscription.REFUSED) + ledger.overdue()
    maps = [channel.map_id for channel in map(parse_channel, channels) if channel is not None]
    sync = connection.sync
    due = sync.due_maps if connection.stream.health.snapshot else ()  # before the snapshot is in everything is stale
    return sorted({*sync.failed_maps, *due, *(map_id for map_id in maps if map_id is not None)})


def problems(tracker: Tracker, store: OwnerStore, connection: Connection | None) -> dict[str, Any]:
    """What an operator should look at; empty where there is nothing."""
    found: dict[str, Any] = {
        "unplaceable_maps": [each.id for each in tracker.maps.values() if is_unplaceable(each)],
        "store": store.trouble,
    }
    if connection is not None:
        ledger = connection.stream.ledger
        found["tls_not_verified"] = not connection.verifies_tls
        found["refused_channels"] = [
            {"channel": channel, "detail": entry.detail}
            for channel, entry in ledger
            if entry.state is Subscription.REFUSED
        ]
        found["unanswered_channels"] = ledger.overdue()
        found["channels_over_the_limit"] = ledger.left_out
        found["maps_not_listed"] = dict(connection.sync.failed_maps)
        found["pre_shared_keys"] = dict(connection.enrichment.psk_problems)
    return {key: value for key, value in found.items() if value}


def diagnostics(tracker: Tracker, store: OwnerStore, connection: Connection | None, clock: Clock) -> dict[str, Any]:
    """Everything that helps to find a fault from afar. No personal data: counts, times, shapes."""
    now, cloud_now = clock.monotonic(), tracker.cloud_clock.now()
    report: dict[str, Any] = {
        "driver": DRIVER,
        "clients": _clients(tracker),
        "maps": {"known": len(tracker.maps), "with_clients": sum(1 for _ in tracker.roster.maps())},
        "records": {
            **{outcome.value: count for outcome, count in tracker.roster.counts.items()},
            **tracker.counts,
            "forgotten": tracker.roster.forgotten,
        },
        "accounts": _accounts(tracker),
        "rejected_samples": [
            {"seconds_ago": round(cloud_now - sample.at), "reason": sample.reason, "shape": sample.shape}
            for sample in tracker.samples
        ],
        "owners": {"known": len(tracker.owners), "unreadable_in_store": store.unreadable},
        "clock_offset": round(tracker.cloud_clock.offset(), 1),
        "problems": problems(tracker, store, connection),
    }
    if connection is not None:
        report["stream"] = _stream(connection, now)
        report["rest_budget"] = connection.api.budget.report(cloud_now, now)
        report["hosts"] = {"rest": connection.rest_host, "stream": connection.stream_host}
    return report


def _accounts(tracker: Tracker) -> dict[str, dict[str, int]]:
    """Nothing is dropped silently: the events of the stream, and the records of stream and lists, by what became of
    them. In `stream`, `events` is the sum of the others; in `records`, the two sources are.
    """
    heard, outcomes = tracker.heard, tracker.roster.counts
    stream = {kind: heard[kind] for kind in ("events", "records", "acknowledged", "refused", "ignored", "rejected")}
    from_lists = tracker.counts["received"] - heard["records"]
    records = {outcome.value: outcomes[outcome] for outcome in Outcome}
    return {"stream": stream, "records": {"from_stream": heard["records"], "from_lists": from_lists, **records}}


def _clients(tracker: Tracker) -> dict[str, int]:
    clients = tracker.roster.clients.values()
    return {
        "known": len(clients),
        "on_a_map": sum(client.position is not None for client in clients),
        "located": sum(client.position is not None and client.position.x is not None for client in clients),
        "with_owner": sum(tracker.owners.owner_of(client.mac) is not None for client in clients),
        "guests": sum(client.is_guest for client in clients),
        "waiting_for_their_record": len(tracker.wanted),
    }


def _stream(connection: Connection, now: float) -> dict[str, Any]:
    stream = connection.stream
    state, reason = stream.health.state()
    last = stream.last_frame
    return {
        "state": state.value,
        "reason": reason,
        "last_frame_seconds_ago": None if last is None else round(now - last, 1),
        "frames": stream.frames,
        "connections": stream.connections,
        "subscriptions": stream.ledger.counts(),
        "channels": {channel: entry.state.value for channel, entry in stream.ledger},
        "last_failure": stream.health.last_failure,
    }
