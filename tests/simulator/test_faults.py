import pytest

from mistlocate.simulator.faults import Faults


def test_the_first_rule_that_fits_wins_until_it_is_spent() -> None:
    faults = Faults()
    faults.rest("/maps$", status=502, times=2)
    faults.rest("/maps", status=500)
    statuses = [rule.status for _ in range(3) if (rule := faults.rest_rule("GET", "/api/v1/sites/x/maps"))]
    assert statuses == [502, 502, 500]
    assert faults.rest_rule("GET", "/api/v1/self") is None


def test_a_rule_may_be_for_one_method_and_may_be_taken_back() -> None:
    faults = Faults()
    rule = faults.rest(method="POST", status=500)
    assert faults.rest_rule("GET", "/x") is None
    assert faults.rest_rule("POST", "/x") is rule
    faults.forget(rule)
    assert faults.rest_rule("POST", "/x") is None
    faults.forget(rule)


def test_a_body_alone_is_a_good_answer() -> None:
    assert Faults().rest(body=[]).status == 200
    assert Faults().rest(delay=1.0).status is None


def test_chance_repeats_with_the_seed() -> None:
    def run() -> list[bool]:
        faults = Faults(seed=3)
        faults.rest(status=500, probability=0.5)
        return [faults.rest_rule("GET", "/x") is not None for _ in range(200)]

    assert run() == run()
    assert 60 < sum(run()) < 140


def test_what_does_not_exist_is_refused() -> None:
    with pytest.raises(ValueError, match="listing"):
        Faults().inject("people", [])
    with pytest.raises(ValueError, match="form"):
        Faults().frame_form("xml")


def test_stream_rules_are_asked_by_channel() -> None:
    faults = Faults()
    faults.drop_acks("/maps/", times=1)
    rule = faults.ack_rule("/sites/a/stats/maps/b/clients")
    assert rule is not None
    assert rule.action == "drop"
    assert faults.ack_rule("/sites/a/stats/maps/b/clients") is None
    assert not faults.doubles("/x")
    faults.duplicate_frames("/x")
    assert faults.doubles("/x")
    faults.refuse_handshakes(429, retry_after=5, times=1)
    refused = faults.handshake_rule()
    assert refused is not None
    assert (refused.status, refused.retry_after) == (429, 5)
    assert faults.handshake_rule() is None


def test_all_that_is_in_force_can_be_told_and_cleared() -> None:
    told: list[float] = []
    faults = Faults(on_stale=told.append)
    faults.rest("/maps", status=500)
    faults.inject("clients", [None])
    faults.mute()
    faults.frame_form("object")
    faults.skew(5)
    faults.stale(30)
    faults.content_type("application/vnd.api+json")
    faults.delay_acks(3.0, "x")
    described = faults.describe()
    assert described["rest"] == [{"pattern": "/maps", "times": None, "hits": 0, "spent": False}]
    assert described["injected"] == {"clients": 1}
    assert (described["muted"], described["skew_seconds"], described["stale_seconds"]) == (True, 5, 30)
    faults.clear()
    assert faults.describe() == Faults().describe()
    assert told == [30, 0.0]
