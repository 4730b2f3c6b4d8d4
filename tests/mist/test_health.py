import pytest

from mistlocate.mist.health import Health, StreamState

LIVE = {"connected": True, "snapshot": True, "channels": 5}


@pytest.mark.parametrize(
    ("facts", "state", "reason"),
    [
        ({}, StreamState.CONNECTING, "connecting"),
        ({"last_failure": "no route"}, StreamState.CONNECTING, "no route"),
        ({"connected": True}, StreamState.SUBSCRIBING, "snapshot"),
        ({"connected": True, "snapshot": True, "waiting": 2}, StreamState.SUBSCRIBING, "2 acknowledgements"),
        (LIVE, StreamState.LIVE, "complete"),
        ({**LIVE, "silent": True}, StreamState.QUIET, "REST agrees"),
        ({**LIVE, "overdue": 1, "waiting": 1}, StreamState.DEGRADED, "1 of 5 channels not acknowledged"),
        ({**LIVE, "refused": 2}, StreamState.DEGRADED, "2 of 5 channels refused"),
        ({**LIVE, "unlisted": 1}, StreamState.DEGRADED, "the clients of 1 map could not be listed"),
        ({**LIVE, "trouble": "HTTP 500"}, StreamState.DEGRADED, "HTTP 500"),
        ({**LIVE, "auth_failed": True}, StreamState.AUTH_FAILED, "refuses the API token"),
        ({"auth_failed": True, "last_failure": "HTTP 401"}, StreamState.AUTH_FAILED, "HTTP 401"),
    ],
)
def test_states(facts: dict[str, object], state: StreamState, reason: str) -> None:
    found, because = Health(**facts).state()  # type: ignore[arg-type]
    assert found is state
    assert reason in because


@pytest.mark.parametrize("facts", [{}, {"connected": True}, {**LIVE, "trouble": "x"}, {**LIVE, "auth_failed": True}])
def test_what_makes_answers_stale(facts: dict[str, object]) -> None:
    assert Health(**facts).stale  # type: ignore[arg-type]


@pytest.mark.parametrize("facts", [LIVE, {**LIVE, "silent": True}, {**LIVE, "refused": 1}, {**LIVE, "waiting": 1}])
def test_what_does_not(facts: dict[str, object]) -> None:
    assert not Health(**facts).stale  # type: ignore[arg-type]


def test_a_connection_that_ends_takes_its_facts_along() -> None:
    health = Health(**LIVE, silent=True, doubtful=True, trouble="x")  # type: ignore[arg-type]
    health.closed("the stream broke off")
    assert health.state() == (StreamState.CONNECTING, "the stream broke off")
    health.opened()
    assert health.state()[0] is StreamState.SUBSCRIBING
