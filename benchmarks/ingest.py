"""From a frame of the stream to a status that is due: ours beside a bare receiver and beside the community's SDK."""

from typing import Any

from benchmarks.program import Program
from benchmarks.records import Site
from benchmarks.rows import Benchmark, Figure, Findings, Measured, Row

CLIENTS, MAPS = 10_000, 20

#: Records of one measurement, whole ones and positions alike; the SDK is slow and gets fewer.
RECORDS, FEWER = 60_000, 20_000

FLOOR = Row(
    "ingest",
    "a whole record of the stream, as fast as they are taken: validated, on the roster, its owner learned, status due",
    "bare `websockets` and two `orjson.loads`",
    (
        Figure("ratio", "processor time per record, ours ÷ floor", "×", 2, at_most=2.5),
        Figure("rate", "records a second on one core", "", 0, at_least=25_000),
        Figure("ours", "ours, processor time per record", "µs"),
        Figure("floor", "floor, processor time per record", "µs"),
        Figure("wall", "ours, records a second of wall time", "", 0),
        Figure("slim", "the same with positions of map channels, ours ÷ floor", "×", 2),
    ),
)
PEER = Row(
    "ingest-sdk",
    "the same",
    "`mistapi`, the community's SDK, with a dict as index",
    (
        Figure("ratio", "records per processor second, ours ÷ SDK", "×", 1, at_least=8.0),
        Figure("sdk", "SDK, processor time per record", "µs"),
    ),
)


async def measure(cloud: Program, port: int, kind: str, count: int, *, whole: bool) -> tuple[dict[str, float], Any]:
    """A receiver in a process of its own: what so many records cost, and what is wrong with its final state."""
    async with Program("benchmarks.receivers", kind=kind, clients=CLIENTS, maps=MAPS, port=port) as receiver:
        await receiver.ask("ready")
        await receiver.ask("mark")
        await cloud.ask("send", count=CLIENTS, whole=whole)
        await receiver.ask("taken", count=CLIENTS)  # a warm-up: everybody is known
        await receiver.ask("mark")
        sent = await cloud.ask("send", count=count, whole=whole)
        cost = await receiver.ask("taken", count=count)
        right = await receiver.ask("state") == await cloud.ask("last")
        fault = (
            "" if right and cost["count"] == sent["sent"] else f"{kind}: {cost['count']} of {count}, wrong at the end"
        )
        if kind == "ours" and await receiver.ask("owners") != _owners():
            fault = "not every owner was learned"
        return cost, fault


def _owners() -> int:
    site = Site(CLIENTS, MAPS)
    return sum(site.user(client) is not None for client in range(CLIENTS))


async def run(runs: int) -> Findings:
    """Floor and ours in turn, so that both meet the same machine; the SDK once for every two of them."""
    floor, peer = Measured(), Measured()
    async with Program("benchmarks.cloud", clients=CLIENTS, maps=MAPS) as cloud:
        port = (await cloud.ask("where"))["port"]

        async def cost(found: Measured, kind: str, count: int, whole: bool = True) -> dict[str, float]:
            figures, fault = await measure(cloud, port, kind, count, whole=whole)
            found.check(not fault, fault)
            return {"cpu": figures["cpu"] / count * 1e6, "wall": count / figures["wall"]}

        for _ in range(runs):
            bare, ours = await cost(floor, "floor", RECORDS), await cost(floor, "ours", RECORDS)
            bare_slim = await cost(floor, "floor", RECORDS, False)
            slim = await cost(floor, "ours", RECORDS, False)
            sdk = await cost(peer, "community", FEWER)
            floor.add(
                ratio=ours["cpu"] / bare["cpu"],
                rate=1e6 / ours["cpu"],
                ours=ours["cpu"],
                floor=bare["cpu"],
                wall=ours["wall"],
                slim=slim["cpu"] / bare_slim["cpu"],
            )
            peer.add(ratio=sdk["cpu"] / ours["cpu"], sdk=sdk["cpu"])
    return {FLOOR.id: floor, PEER.id: peer}


BENCHMARK = Benchmark("ingest", (FLOOR, PEER), run)
