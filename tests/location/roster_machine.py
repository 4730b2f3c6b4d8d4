"""Any sequence of sightings, forgetting and deleted maps, on the roster and on its naive model alike."""

from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, rule

from location.naive_roster import IDENTITY, NaiveRoster
from mistlocate.location.observation import Origin, Position, Sighting
from mistlocate.location.roster import Roster

START = 1_767_261_600.0
FORGET_AFTER = 100.0
MACS = [f"00005e00530{number}" for number in range(4)]
MAPS = ["map1", "map2", "map3"]

ages = st.none() | st.sampled_from([0.0, 1.0, 5.0, 50.0, 99.0, 100.0, 101.0, 500.0, -3.0])
coordinates = st.none() | st.tuples(*[st.sampled_from([0.0, 1.0, 2.0])] * 2)
positions = st.none() | st.builds(
    lambda map_id, at: Position(map_id, *(at or (None, None))), st.sampled_from(MAPS), coordinates
)


class RosterMachine(RuleBasedStateMachine):
    """`published` is what a reader that follows the news knows of each map."""

    def __init__(self) -> None:
        super().__init__()
        self.now = 1000.0
        self.roster = Roster(FORGET_AFTER)
        self.naive = NaiveRoster(FORGET_AFTER)
        self.published: dict[str, dict[str, object]] = {map_id: {} for map_id in MAPS}

    @rule(seconds=st.sampled_from([0.0, 0.5, 1.0, 30.0, 120.0]))
    def time_passes(self, seconds: float) -> None:
        self.now += seconds

    @rule(
        mac=st.sampled_from(MACS),
        origin=st.sampled_from(Origin),
        age=ages,
        position=positions,
        asked=st.sampled_from([0.0, 1.0, 40.0]),
        name=st.sampled_from(["alice", "bob", None]),
        whole=st.booleans(),
        says=st.none() | st.frozensets(st.sampled_from(["username", "os", "ssid"])),
    )
    def sighting(
        self, mac: str, origin: Origin, age: float | None, position: Position | None, asked: float, name: str | None,
        whole: bool, says: frozenset[str] | None,
    ) -> None:  # fmt: skip
        at = START + self.now
        sighting = Sighting(
            mac, origin, self.now, at,
            asked=self.now - asked if origin in (Origin.SNAPSHOT, Origin.FETCH) else None,
            seen_at=None if age is None else min(at - age, at),
            position=position, username=name, raw={"mac": mac, "by": name} if whole else None,
            says=says if origin is Origin.SNAPSHOT else None,
        )  # fmt: skip
        assert self.roster.apply(sighting).value == self.naive.apply(sighting)

    @rule()
    def forget(self) -> None:
        assert set(self.roster.forget(self.now, START + self.now)) == self.naive.forget(self.now)

    @rule(map_id=st.sampled_from(MAPS))
    def drop_map(self, map_id: str) -> None:
        assert self.roster.drop_map(map_id, START + self.now) == self.naive.drop_map(map_id)

    @rule(everything=st.booleans())
    def publish(self, everything: bool) -> None:
        """As the publisher does: the lists of maps that have news, or only of those that somebody has left."""
        for map_id in [map_id for map_id, urgent in self.roster.dirty.items() if everything or urgent]:
            del self.roster.dirty[map_id]
            self.published[map_id] = self.real_on(map_id)

    def real_on(self, map_id: str) -> dict[str, object]:
        return {
            each.mac: (each.position.x, each.position.y)
            for each in self.roster.on_map(map_id)
            if each.position is not None
        }

    @invariant()
    def they_agree(self) -> None:
        assert set(self.roster.clients) == set(self.naive.clients)
        for mac, facts in self.naive.clients.items():
            client = self.roster.clients[mac]
            assert (client.known, client.seen_at, client.position) == (facts["known"], facts["seen_at"], facts["place"])
            assert (client.heard, client.raw) == (facts["heard"], facts["raw"])
            assert {name: getattr(client, name) for name in IDENTITY} == {name: facts[name] for name in IDENTITY}
            if client.position is not None:
                assert (client.located_at, client.located_from) == (facts["placed_at"], facts["placed_by"])
        for map_id in MAPS:
            assert self.real_on(map_id) == self.naive.on_map(map_id)
            assert self.roster.count_on_map(map_id) == len(self.naive.on_map(map_id))

    @invariant()
    def no_news_is_missed(self) -> None:
        for map_id in MAPS:
            now = self.naive.on_map(map_id)
            if now != self.published[map_id]:
                assert map_id in self.roster.dirty
            if set(self.published[map_id]) - set(now):
                assert self.roster.dirty[map_id], "who has left does not wait"
