"""Breaks that only a comparison with the truth of the cloud finds, each by the short version of a row."""

from mutants.mutant import Mutant


def _row(name: str) -> str:
    return f"tests/reliability/test_rows.py::test_short_version_holds[{name}]"


_TRUTH = "tests/reliability/test_truth.py"

MUTANTS = [
    Mutant(
        "the time of an arrival is that of the arrival", "location/roster.py",
        'client.located_at, client.located_from = s.heard_at, "arrival"',
        'client.located_at, client.located_from = s.heard_at - 3600.0, "arrival"', (_TRUTH,),
    ),
    Mutant(
        "a bare position does not pass for a time of the cloud's", "location/roster.py",
        'client.located_at, client.located_from = s.heard_at, "arrival"',
        'client.located_at, client.located_from = s.heard_at, "source"', (_row("half-open"),),
    ),
    Mutant(
        "a line that spoils what it carries is given up, for nobody knows whose record that was", "transport/websocket.py",
        "if not frame.isascii() and not _is_text(frame):", "if False:", ("tests/transport/test_websocket.py",),
    ),
    Mutant(
        "answers tell the time that is published", "drivers/mist_locations/records.py",
        'record["mac"], record["last_seen"] = client["mac"], int(seen)',
        'record["mac"], record["last_seen"] = client["mac"], int(seen) - 1', (_TRUTH,),
    ),
    Mutant(
        "who is too old to be answered is on no level", "drivers/mist_locations/levels.py",
        "if oldest <= known.earliest and known.latest <= newest:", "if known.latest <= newest:", (_row("suspended"),),
    ),
    Mutant(
        "… and with no owner", "drivers/mist_locations/driver.py",
        "if plan is None or seen is None or now - seen > max_age:",
        "if plan is None or seen is None:", (_TRUTH,),
    ),
    Mutant(
        "a guest is on a level once", "drivers/mist_locations/levels.py",
        "        return records + anonymous\n", "        return records + anonymous + anonymous\n", (_row("half-open"),),
    ),
    Mutant(
        "nobody is brought back by an old list", "location/roster.py",
        "s.origin is SNAPSHOT and s.heard - heard > self.forget_after:", "s.origin is None:", (_row("resync"),),
    ),
    Mutant(
        "only the floor of the channel that is not acknowledged is marked", "drivers/mist_locations/driver.py",
        'return self._all_stale() or map_id in self._freshness.get("stale_maps", ())', "return self._all_stale()",
        (_row("acknowledgement"),),
    ),
    Mutant(
        "a command of whom anybody may ask does not raise what it should not", "drivers/mist_locations/driver.py",
        'stale_maps=frozenset(self._freshness.get("stale_maps", ())),', 'stale_maps=frozenset(self._freshness["none"]),',
        (_row("fuzz-http"),),
    ),
    Mutant(
        "an answer has a status that the document names for its path", "engines/embedded/api/errors.py",
        "    NoSuchModule: 404,\n", "    NoSuchModule: 410,\n", (_row("fuzz-http"),),
    ),
    Mutant(
        "clients that take their time leave room for others", "engines/embedded/connections.py",
        "CONNECTIONS_AT_MOST = 900", "CONNECTIONS_AT_MOST = 8", (_row("slow-clients"),),
    ),
    Mutant(
        "levels are pushed, also while it is searched for who opted out", "drivers/mist_locations/live.py",
        "            if zone not in self._taken:\n                self._status.set(zone, devices)",
        "            if False:\n                self._status.set(zone, devices)", (_row("people-opt-out-everywhere"),),
    ),
    Mutant(
        "a record of who asked for whom has no place", "driver/named.py",
        "self.result = FOUND if anything else NOTHING", "self.result = str(anything)", (_row("people-audit-complete"),),
    ),
]  # fmt: skip
