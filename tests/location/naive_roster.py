"""The roster as one would write it without a thought for speed: plain dictionaries, everything looked up by looking at
everything. `test_roster_model.py` holds the real one against it."""

from typing import Any

from mistlocate.location.observation import Origin, Sighting

Facts = dict[str, Any]

IDENTITY = ("username", "psk_id", "ip", "guest_email", "manufacturer", "os", "ssid")


def fresh() -> Facts:
    return {
        "known": False, "heard": float("-inf"), "seen_at": None, "place": None, "placed_at": 0.0, "placed_by": None,
        "placed_heard": float("-inf"), "raw": None, **dict.fromkeys(IDENTITY),
    }  # fmt: skip


class NaiveRoster:
    """`apply` says in one word what became of a sighting, as `Outcome` names it."""

    def __init__(self, forget_after: float) -> None:
        self.forget_after = forget_after
        self.clients: dict[str, Facts] = {}

    def on_map(self, map_id: str) -> dict[str, tuple[float | None, float | None]]:
        """Who is on a map, and where."""
        return {
            mac: (facts["place"].x, facts["place"].y)
            for mac, facts in self.clients.items()
            if facts["place"] is not None and facts["place"].map_id == map_id
        }

    def apply(self, s: Sighting) -> str:
        row_is_dated = s.origin is Origin.SNAPSHOT and s.seen_at is not None
        heard = s.heard - max(0.0, s.heard_at - s.seen_at) if row_is_dated else s.heard  # type: ignore[operator]
        if s.mac not in self.clients:
            if s.origin is Origin.SNAPSHOT and s.heard - heard > self.forget_after:
                return "not_admitted"
            self.clients[s.mac] = fresh()
        elif s.origin is Origin.SNAPSHOT and s.seen_at is None:
            heard = self.clients[s.mac]["heard"]
        facts = self.clients[s.mac]
        was_known = facts["known"]
        older = was_known and s.origin is not Origin.POSITION and self.is_older(facts, s)
        facts["heard"] = max(facts["heard"], heard)
        if s.origin is Origin.POSITION:
            if s.position is None or not self.may_place(facts, s, first=False):
                return "superseded"
            if not was_known:
                facts["raw"] = s.raw
            self.place(facts, s, heard)
            return "applied" if was_known else "unknown"
        recent = s.heard - heard <= self.forget_after
        placed = s.position is not None and recent and self.may_place(facts, s, first=not was_known and s.says is None)
        if not older:
            self.take(facts, s)
        if placed:
            self.place(facts, s, heard)
        if not facts["known"]:
            return "unknown"
        if not older:
            return "applied"
        return "placed" if placed else "superseded"

    @staticmethod
    def take(facts: Facts, s: Sighting) -> None:
        if s.says is None:
            facts.update(known=True, raw=s.raw, **{name: getattr(s, name) for name in IDENTITY})
            facts["seen_at"] = facts["seen_at"] if s.seen_at is None else s.seen_at
            return
        facts.update({name: getattr(s, name) for name in s.says})
        if s.raw is None and s.says:
            facts["raw"] = None
        elif s.raw is not None and (facts["raw"] is not None or not facts["known"]):
            facts["raw"] = {**(facts["raw"] or {}), **s.raw}

    @staticmethod
    def is_older(facts: Facts, s: Sighting) -> bool:
        if s.seen_at is None or facts["seen_at"] is None:
            return s.asked is not None and facts["heard"] >= s.asked
        wins_ties = s.origin is Origin.STREAM or (s.raw is not None and facts["raw"] is None)
        return s.seen_at < facts["seen_at"] or (s.seen_at == facts["seen_at"] and not wins_ties)

    @staticmethod
    def may_place(facts: Facts, s: Sighting, *, first: bool) -> bool:
        from_rest = s.asked is not None
        if from_rest and s.seen_at is None:
            return s.origin is Origin.FETCH and facts["place"] is None
        if facts["place"] is None:
            return True
        if from_rest and facts["placed_by"] == "arrival" and facts["placed_heard"] >= s.asked:
            return False
        at = s.heard_at if s.seen_at is None else s.seen_at
        if not from_rest and s.seen_at is not None and facts["placed_by"] == "arrival":
            at += 3.0
        return bool(at > facts["placed_at"] or (at == facts["placed_at"] and (first or not from_rest)))

    @staticmethod
    def place(facts: Facts, s: Sighting, heard: float) -> None:
        before = facts["place"]
        if s.position is None:
            return
        seen = s.heard_at if s.seen_at is None else s.seen_at
        knew_where = before is not None and before.x is not None and before.map_id == s.position.map_id
        if s.position.x is None and knew_where and seen <= facts["placed_at"] + 120.0:
            return
        at, by = (s.heard_at, "arrival") if s.seen_at is None else (s.seen_at, "source")
        facts.update(place=s.position, placed_at=at, placed_by=by, placed_heard=heard)

    def forget(self, now: float) -> set[str]:
        limit = now - self.forget_after
        gone = {mac for mac, facts in self.clients.items() if facts["heard"] < limit}
        self.clients = {mac: facts for mac, facts in self.clients.items() if mac not in gone}
        for facts in self.clients.values():
            if facts["place"] is not None and facts["placed_heard"] < limit:
                self.unplace(facts)
        return gone

    def drop_map(self, map_id: str) -> int:
        there = [facts for facts in self.clients.values() if facts["place"] and facts["place"].map_id == map_id]
        for facts in there:
            self.unplace(facts)
        return len(there)

    @staticmethod
    def unplace(facts: Facts) -> None:
        facts.update(place=None, placed_at=0.0, placed_heard=float("-inf"))
